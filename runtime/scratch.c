/*
 * scratch.c - memory that is given back all at once.
 *
 * A bump allocator: it hands out the 512 bytes inside the mqc_scratch, then
 * chunks from malloc(), each at least as large as all before it. free() of a
 * part does nothing. Stubs use it for replies and servers for calls, so that a
 * small call allocates nothing.
 */
#include "scratch.h"

#include <stdlib.h>

#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size; /* of the bytes */
	max_align_t bytes[];
};

/* Take `size` bytes, rounded up, from `room` bytes of which scratch->used are taken. */
static void *take(mqc_scratch *scratch, uint8_t *bytes, size_t room, size_t size)
{
	size_t begin = scratch->used;

	if (size > room - begin)
		return NULL;
	scratch->used = begin + size;
	return bytes + begin;
}

static void *add_chunk(mqc_scratch *scratch, size_t size)
{
	struct chunk *last = scratch->chunks, *chunk;
	size_t room = last != NULL ? 2 * last->size : 4 * sizeof scratch->first;

	if (room < size)
		room = size;
	chunk = malloc(sizeof *chunk + room);
	if (chunk == NULL)
		return NULL;
	chunk->next = last;
	chunk->size = room;
	scratch->chunks = chunk;
	scratch->used = 0;
	return take(scratch, (uint8_t *)chunk->bytes, room, size);
}

static void *scratch_alloc(void *data, size_t size)
{
	mqc_scratch *scratch = data;
	struct chunk *last = scratch->chunks;
	void *memory;

	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (last != NULL)
		memory = take(scratch, (uint8_t *)last->bytes, last->size, size);
	else
		memory = take(scratch, scratch->first.bytes, sizeof scratch->first, size);
	return memory != NULL ? memory : add_chunk(scratch, size);
}

static void scratch_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

/* Nothing is taken but what lies before the first aligned byte: the struct itself need not be. */
static void begin(mqc_scratch *scratch)
{
	scratch->chunks = NULL;
	scratch->used = -(uintptr_t)scratch->first.bytes % ALIGNMENT;
}

void mqc_scratch_init(mqc_scratch *scratch)
{
	scratch->allocator = (ProtobufCAllocator){
		.alloc = scratch_alloc, .free = scratch_free, .allocator_data = scratch};
	begin(scratch);
}

void mqc_scratch_done(mqc_scratch *scratch)
{
	struct chunk *chunk, *next;

	for (chunk = scratch->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	begin(scratch);
}

void *mqci_scratch_alloc(mqc_scratch *scratch, size_t size)
{
	return scratch_alloc(scratch, size);
}
