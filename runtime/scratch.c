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

static uint8_t *align(const void *memory)
{
	return (uint8_t *)(((uintptr_t)memory + ALIGNMENT - 1) & -ALIGNMENT);
}

static __attribute__((noinline)) void *alloc_in_chunk(mqc_scratch *scratch, size_t size)
{
	struct chunk *last = scratch->chunks, *chunk;
	size_t room = last != NULL ? 2 * last->size : 4 * sizeof scratch->first;

	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + ALIGNMENT - 1) & -ALIGNMENT;
	if (room < size)
		room = size;
	chunk = malloc(sizeof *chunk + room);
	if (chunk == NULL)
		return NULL;
	chunk->next = last;
	chunk->size = room;
	scratch->chunks = chunk;
	scratch->at = (uint8_t *)chunk->bytes + size;
	scratch->end = (uint8_t *)chunk->bytes + room;
	return chunk->bytes;
}

/* What is left begins and ends aligned: where `size` bytes fit, they do so rounded up. */
static void *scratch_alloc(void *data, size_t size)
{
	mqc_scratch *scratch = data;
	uint8_t *memory = scratch->at;

	if (size > (size_t)(scratch->end - memory))
		return alloc_in_chunk(scratch, size);
	scratch->at = align(memory + size);
	return memory;
}

static void scratch_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

/* What lies before the first aligned byte is left out: the struct itself need not be aligned. */
static void begin(mqc_scratch *scratch)
{
	uint8_t *const first = scratch->first.bytes;

	scratch->chunks = NULL;
	scratch->at = align(first);
	scratch->end = align(first + sizeof scratch->first - (ALIGNMENT - 1));
}

void mqc_scratch_init(mqc_scratch *scratch)
{
	scratch->allocator = (ProtobufCAllocator){
		.alloc = scratch_alloc, .free = scratch_free, .allocator_data = scratch};
	begin(scratch);
}

static __attribute__((noinline)) void free_chunks(mqc_scratch *scratch)
{
	struct chunk *chunk, *next;

	for (chunk = scratch->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	begin(scratch);
}

void mqc_scratch_done(mqc_scratch *scratch)
{
	if (scratch->chunks != NULL)
		free_chunks(scratch);
	scratch->at = align(scratch->first.bytes);
}

void *mqci_scratch_alloc(mqc_scratch *scratch, size_t size)
{
	return scratch_alloc(scratch, size);
}
