/*
 * arena.h - memory that is freed all at once.
 *
 * Whatever the compiler builds (model, names, output) lives until it ends, so
 * it comes from an arena and nobody frees parts of it. Running out of memory
 * ends the program with a message: a compiler has nothing better to do, and
 * every caller is spared a branch that could never be tested.
 */
#ifndef MQCALL_IDL_ARENA_H
#define MQCALL_IDL_ARENA_H

#include <stddef.h>

#include <mqcall/status.h>

typedef struct idl_arena {
	struct idl_arena_chunk *chunks;
	size_t used; /* of the newest chunk */
} idl_arena;

/* Exit status for what the environment denies: memory, a program, a file. */
#define IDL_EXIT_ENVIRONMENT 3

/* An arena that is all zero is an empty one. Takes NULL. */
void idl_arena_done(idl_arena *arena);

/* Zeroed memory, aligned for any type. Never NULL. */
void *idl_arena_alloc(idl_arena *arena, size_t size);
void *idl_arena_array(idl_arena *arena, size_t count, size_t size);

char *idl_arena_strdup(idl_arena *arena, const char *text);
char *idl_arena_strndup(idl_arena *arena, const char *text, size_t length);
char *idl_arena_printf(idl_arena *arena, const char *format, ...) MQC_PRINTF(2, 3);

/* realloc() that ends the program where there is no memory. */
void *idl_realloc(void *memory, size_t size);

#endif
