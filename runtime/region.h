/*
 * region.h - payloads that queues do not carry: by way of the client's shared memory.
 */
#ifndef MQCI_REGION_H
#define MQCI_REGION_H

#include <mqcall/mqcall.h>

#include "arena.h"
#include "waiters.h"

/* The largest payload that a call can have there; 0: none. */
static inline size_t mqci_region_max(const mqci_arena *arena)
{
	return arena->base != 0 ? arena->region : 0;
}

/* Have `pack` write a request, of `size` bytes, into the call's region. */
int mqci_region_pack(mqci_arena *arena, const mqci_waiter *waiter, size_t size,
		     void (*pack)(const void *data, uint8_t *to), const void *data);

/*
 * Have the payload of the waiter's reply, a message of `type` that came through shared
 * memory, where waiter->reply.payload says then. *ret_copy is what must be freed when
 * it is not needed any more, or NULL.
 */
int mqci_region_fetch(mqci_arena *arena, mqci_waiter *waiter,
		      const ProtobufCMessageDescriptor *type, void **ret_copy);

#endif
