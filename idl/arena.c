/*
 * arena.c - memory that is freed all at once.
 *
 * A list of chunks, the newest first; memory is cut off the newest. A piece
 * too large for a chunk gets a chunk of its own.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_SIZE = 64 * 1024
};

struct idl_arena_chunk {
	struct idl_arena_chunk *next;
	size_t size;
	max_align_t memory[];
};

static void die_without_memory(void)
{
	fputs("mqcallc: error: out of memory\n", stderr);
	exit(IDL_EXIT_ENVIRONMENT);
}

void *idl_realloc(void *memory, size_t size)
{
	void *larger = realloc(memory, size > 0 ? size : 1);

	if (larger == NULL)
		die_without_memory();
	return larger;
}

void idl_arena_done(idl_arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->chunks != NULL) {
		struct idl_arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->used = 0;
}

static void add_chunk(idl_arena *arena, size_t size)
{
	struct idl_arena_chunk *chunk;

	if (size < CHUNK_SIZE)
		size = CHUNK_SIZE;
	if (size > SIZE_MAX - sizeof(*chunk))
		die_without_memory();
	chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk == NULL)
		die_without_memory();
	chunk->next = arena->chunks;
	chunk->size = size;
	arena->chunks = chunk;
	arena->used = 0;
}

void *idl_arena_alloc(idl_arena *arena, size_t size)
{
	const size_t unit = _Alignof(max_align_t);
	void *memory;

	if (size > SIZE_MAX - unit)
		die_without_memory();
	size = (size + unit - 1) / unit * unit;
	if (arena->chunks == NULL || arena->chunks->size - arena->used < size)
		add_chunk(arena, size);
	memory = (char *)arena->chunks->memory + arena->used;
	arena->used += size;
	return memory;
}

void *idl_arena_array(idl_arena *arena, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size)
		die_without_memory();
	return idl_arena_alloc(arena, count * size);
}

char *idl_arena_strndup(idl_arena *arena, const char *text, size_t length)
{
	char *copy = idl_arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *idl_arena_strdup(idl_arena *arena, const char *text)
{
	return idl_arena_strndup(arena, text, strlen(text));
}

char *idl_arena_printf(idl_arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		die_without_memory();
	text = idl_arena_alloc(arena, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}
