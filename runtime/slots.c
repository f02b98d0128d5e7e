/*
 * slots.c - the places of a client's calls that are under way.
 *
 * A call's number names its slot: the low bits are the slot's index, the others
 * a serial number that is never used twice, so that a late reply to a call given
 * up cannot be taken for one to the slot's next call.
 */
#include "slots.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

/* A reply to a call given up is waited for so long, in ns: then it must have been lost. */
#define STALE (2000 * INT64_C(1000000))

_Static_assert(2 * MQCI_WINDOW_MAX <= MQCI_SLOTS_MAX, "a call's number has room for the index");

int mqci_slots_init(mqci_slots *slots, unsigned window)
{
	*slots = (mqci_slots){.window = window, .count = mqci_slots_for(window)};
	slots->all = calloc(slots->count, sizeof *slots->all);
	slots->free = calloc(slots->count, sizeof *slots->free);
	if (slots->all == NULL || slots->free == NULL) {
		mqci_slots_done(slots);
		return mqci_no_memory("a client's calls");
	}
	mqci_slots_reset(slots);
	return MQC_OK;
}

void mqci_slots_done(mqci_slots *slots)
{
	free(slots->all);
	free(slots->free);
	slots->all = NULL;
	slots->free = NULL;
}

void mqci_slots_reset(mqci_slots *slots)
{
	memset(slots->all, 0, slots->count * sizeof *slots->all);
	slots->active = 0;
	slots->free_count = slots->count;
	/* The lowest on top. */
	for (unsigned i = 0; i < slots->count; i++)
		slots->free[i] = (uint16_t)(slots->count - 1 - i);
}

mqci_slot *mqci_slots_take(mqci_slots *slots, struct mqci_waiter *waiter)
{
	mqci_slot *slot;
	unsigned index;

	if (slots->active == slots->window || slots->free_count == 0)
		return NULL;
	slots->active++;
	index = slots->free[--slots->free_count];
	slot = &slots->all[index];
	*slot = (mqci_slot){.call = ++slots->serial << MQCI_SLOT_BITS | index, .waiter = waiter};
	return slot;
}

bool mqci_slots_retire(mqci_slots *slots, int64_t now)
{
	for (unsigned i = 0; i < slots->count; i++) {
		mqci_slot *slot = &slots->all[i];

		if (slot->call == 0 || slot->waiter != NULL || slot->retired ||
		    now - slot->given_up < STALE)
			continue;
		slot->retired = true;
		slots->active--;
	}
	return slots->active == 0 && slots->free_count == 0;
}
