/*
 * region.h - payloads that queues do not carry: by way of the client's shared memory.
 */
#ifndef MQCI_REGION_H
#define MQCI_REGION_H

#include "arena.h"
#include "waiters.h"

/* The largest payload that a call can have there; 0: none. */
static inline size_t mqci_region_max(const mqci_arena *arena)
{
	return arena->base != 0 ? arena->region : 0;
}

/* Have `pack` write a request, of `size` bytes, into the call's region. */
int mqci_region_pack(const mqci_arena *arena, const mqci_waiter *waiter, size_t size,
		     void (*pack)(const void *data, uint8_t *to), const void *data);

/* What has been got from there, until it is given back. */
typedef struct mqci_fetched {
	void *memory; /* NULL: nothing */
	size_t size;
	bool mapped;
} mqci_fetched;

/*
 * Have the payload of the waiter's reply in memory, wherever it came: then it is
 * where waiter->reply.payload says, until mqci_fetched_done().
 */
int mqci_region_fetch(const mqci_arena *arena, mqci_waiter *waiter, mqci_fetched *ret_fetched);
void mqci_fetched_done(mqci_fetched *fetched);

#endif
