/*
 * slots.h - the places of a client's calls that are under way.
 *
 * A call has a slot from before its request is sent until its reply has come,
 * even if its caller has given it up meanwhile: so a client never has more under
 * way than its window. The slot's index is in the call's number, and says which
 * regions of the client's shared memory are the call's.
 *
 * A reply can be lost for ever, with a server that dies. When a call has been
 * given up long ago its slot is retired: it does not count any more, but its
 * index is not used again in the session, as the server may still write into
 * its region. There are as many indices beyond the window as it is wide.
 */
#ifndef MQCI_SLOTS_H
#define MQCI_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define MQCI_WINDOW_MAX 4096

struct mqci_waiter;

typedef struct mqci_slot {
	uint64_t call;              /* 0: free, and the rest means nothing */
	struct mqci_waiter *waiter; /* NULL: given up */
	int64_t given_up;           /* when */
	bool retired;
	size_t used; /* of a call given up: how much of its regions, at most */
} mqci_slot;

typedef struct mqci_slots {
	mqci_slot *all;
	unsigned count; /* of them */
	uint16_t *free; /* a stack of the indices of those that are free */
	unsigned free_count;
	unsigned window; /* how many may be in use at once */
	unsigned active; /* how many are, without the retired */
	uint64_t serial; /* of the calls */
} mqci_slots;

/* How many slots there are for a window. */
static inline unsigned mqci_slots_for(unsigned window)
{
	return 2 * window;
}

int mqci_slots_init(mqci_slots *slots, unsigned window);
void mqci_slots_done(mqci_slots *slots);

/* All are free again. */
void mqci_slots_reset(mqci_slots *slots);

/* Take a slot for a new call, whose number is then in it; NULL if there is none. */
mqci_slot *mqci_slots_take(mqci_slots *slots, struct mqci_waiter *waiter);

/* The slot of a call that is under way, given up or not; else NULL. */
static inline mqci_slot *mqci_slots_find(const mqci_slots *slots, uint64_t call)
{
	unsigned index = mqci_slot_of_call(call);

	if (call == 0 || index >= slots->count || slots->all[index].call != call)
		return NULL;
	return &slots->all[index];
}

/* The call's reply has come, or will never come. */
static inline void mqci_slots_free(mqci_slots *slots, mqci_slot *slot)
{
	if (!slot->retired)
		slots->active--;
	slots->free[slots->free_count++] = (uint16_t)(slot - slots->all);
	slot->call = 0;
}

/* Retire what was given up too long ago. Whether no call is under way, and none can begin. */
bool mqci_slots_retire(mqci_slots *slots, int64_t now);

#endif
