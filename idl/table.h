/*
 * table.h - a hash table from names to things.
 *
 * Keys and values are borrowed. It only grows; its memory is the arena's. All
 * zero is an empty one. It has no order, so nothing that is written out may
 * come from walking it: there is no way to.
 */
#ifndef MQCALL_IDL_TABLE_H
#define MQCALL_IDL_TABLE_H

#include <stddef.h>

#include "arena.h"

typedef struct idl_table {
	struct idl_table_slot *slots;
	size_t capacity; /* 0, or a power of two */
	size_t count;
} idl_table;

/* The value of a name; NULL where the table has none. */
void *idl_table_find(const idl_table *table, const char *name);

/*
 * Add a name with a value that is not NULL. Where the name is there already,
 * nothing changes and its value is returned; NULL means that it was added.
 */
void *idl_table_add(idl_table *table, idl_arena *arena, const char *name, void *value);

#endif
