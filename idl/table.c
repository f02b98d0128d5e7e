/*
 * table.c - a hash table from names to things: open addressing, linear probing,
 * at most half full.
 */
#include "table.h"

#include <stdint.h>
#include <string.h>

struct idl_table_slot {
	const char *name;
	void *value;
	size_t hash;
};

static size_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds the name, or the free one where it belongs. */
static struct idl_table_slot *slot_of(const idl_table *table, const char *name, size_t hash)
{
	size_t i = hash & (table->capacity - 1);

	while (table->slots[i].name != NULL &&
	       (table->slots[i].hash != hash || strcmp(table->slots[i].name, name) != 0))
		i = (i + 1) & (table->capacity - 1);
	return &table->slots[i];
}

static void grow(idl_table *table, idl_arena *arena)
{
	idl_table larger = {.capacity = table->capacity > 0 ? table->capacity * 2 : 64,
			    .count = table->count};

	larger.slots = idl_arena_array(arena, larger.capacity, sizeof(*larger.slots));
	for (size_t i = 0; i < table->capacity; i++) {
		const struct idl_table_slot *slot = &table->slots[i];

		if (slot->name != NULL)
			*slot_of(&larger, slot->name, slot->hash) = *slot;
	}
	*table = larger;
}

void *idl_table_find(const idl_table *table, const char *name)
{
	return table->capacity > 0 ? slot_of(table, name, hash_of(name))->value : NULL;
}

void *idl_table_add(idl_table *table, idl_arena *arena, const char *name, void *value)
{
	struct idl_table_slot *slot;
	size_t hash = hash_of(name);

	if (table->count >= table->capacity / 2)
		grow(table, arena);
	slot = slot_of(table, name, hash);
	if (slot->name != NULL)
		return slot->value;
	*slot = (struct idl_table_slot){.name = name, .value = value, .hash = hash};
	table->count++;
	return NULL;
}
