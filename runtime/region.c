/*
 * region.c - payloads that queues do not carry: by way of the client's shared memory.
 *
 * Large ones are packed and unpacked in place, if the server is of our user.
 * One of another user may change them under our eyes, or cut the file, so there
 * we work on copies; for small ones a copy costs less than a mapping.
 */
#include "region.h"

#include <stdlib.h>

#include "error.h"

/* From this size on, a mapping costs less than a copy. */
#define WORTH_MAPPING ((size_t)64 << 10)

static bool is_mapped(const mqci_arena *arena, size_t size)
{
	return arena->in_place && size >= WORTH_MAPPING;
}

/* Memory for a payload: the region itself, or other, from which it is copied. */
static int acquire(const mqci_arena *arena, uint64_t place, size_t size, mqci_fetched *ret_fetched)
{
	mqci_fetched fetched = {.size = size, .mapped = is_mapped(arena, size)};
	int r;

	if (fetched.mapped) {
		r = mqci_arena_map(arena, place, size, &fetched.memory);
		if (r < 0)
			return r;
	} else {
		fetched.memory = malloc(size > 0 ? size : 1);
		if (fetched.memory == NULL)
			return mqci_no_memory("a payload");
	}
	*ret_fetched = fetched;
	return MQC_OK;
}

void mqci_fetched_done(mqci_fetched *fetched)
{
	if (fetched->mapped)
		mqci_arena_unmap(fetched->memory, fetched->size);
	else
		free(fetched->memory);
	*fetched = (mqci_fetched){.memory = NULL};
}

/* What the segment says of a place that is not there is no status of a call. */
static int fail_cut(void)
{
	mqci_saved_error error;

	if (mqc_error_last()->status != MQC_OUT_OF_RANGE)
		return mqc_error_last()->status;
	mqci_error_save(&error);
	return mqci_fail(MQC_INTERNAL, 0, "%s", error.text);
}

int mqci_region_pack(const mqci_arena *arena, const mqci_waiter *waiter, size_t size,
		     void (*pack)(const void *data, uint8_t *to), const void *data)
{
	mqci_fetched fetched;
	int r;

	r = acquire(arena, waiter->place, size, &fetched);
	if (r < 0)
		return r;
	pack(data, fetched.memory);
	if (!fetched.mapped)
		r = mqci_arena_put(arena, waiter->place, fetched.memory, size);
	mqci_fetched_done(&fetched);
	return r < 0 ? fail_cut() : MQC_OK;
}

int mqci_region_fetch(const mqci_arena *arena, mqci_waiter *waiter, mqci_fetched *ret_fetched)
{
	const mqci_frame *reply = &waiter->reply;
	mqci_fetched fetched = {.memory = NULL};
	int r;

	*ret_fetched = fetched;
	if (!(reply->flags & MQCI_FRAME_ARENA))
		return MQC_OK;
	if (waiter->place == 0 || reply->arena != waiter->place + arena->region ||
	    reply->size > arena->region)
		return mqci_fail(MQC_INTERNAL, 0,
				 "the reply is said to lie where the call has no shared memory");
	r = acquire(arena, reply->arena, reply->size, &fetched);
	if (r < 0)
		return r;
	if (!fetched.mapped)
		r = mqci_arena_get(arena, reply->arena, fetched.memory, reply->size);
	if (r < 0) {
		mqci_fetched_done(&fetched);
		return fail_cut();
	}
	waiter->reply.payload = fetched.memory;
	*ret_fetched = fetched;
	return MQC_OK;
}
