/*
 * region.c - payloads that queues do not carry: by way of the client's shared memory.
 *
 * They are packed and unpacked in place, if the server is of our user. One of
 * another user may change them under our eyes, or cut the file, so there we work
 * on copies.
 */
#include "region.h"

#include <stdlib.h>

#include "error.h"
#include "message.h"

/* What the segment says of a place that is not there is no status of a call. */
static int fail_cut(void)
{
	mqci_saved_error error;

	if (mqc_error_last()->status != MQC_OUT_OF_RANGE)
		return mqc_error_last()->status;
	mqci_error_save(&error);
	return mqci_fail(MQC_INTERNAL, 0, "%s", error.text);
}

/* Pack elsewhere, and copy. */
static int pack_copy(const mqci_arena *arena, uint64_t place, size_t size,
		     void (*pack)(const void *data, uint8_t *to), const void *data)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	int r;

	if (copy == NULL)
		return mqci_no_memory("a payload");
	pack(data, copy);
	r = mqci_arena_put(arena, place, copy, size);
	free(copy);
	return r;
}

int mqci_region_pack(mqci_arena *arena, const mqci_waiter *waiter, size_t size,
		     void (*pack)(const void *data, uint8_t *to), const void *data)
{
	void *memory;
	int r;

	if (waiter->place == 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "there is no shared memory left for a large request: too many "
				 "calls were given up and never answered; open another client");
	r = mqci_arena_request(arena, waiter->place, size, &memory);
	if (r == MQC_OK && memory != NULL)
		pack(data, memory);
	else if (r == MQC_OK)
		r = pack_copy(arena, waiter->place, size, pack, data);
	return r < 0 ? fail_cut() : MQC_OK;
}

static int fetch_copy(const mqci_arena *arena, const mqci_frame *reply, void **ret_copy)
{
	void *copy = malloc(reply->size > 0 ? reply->size : 1);
	int r;

	if (copy == NULL)
		return mqci_no_memory("a payload");
	r = mqci_arena_get(arena, reply->arena, copy, reply->size);
	if (r < 0) {
		free(copy);
		return fail_cut();
	}
	*ret_copy = copy;
	return MQC_OK;
}

int mqci_region_fetch(mqci_arena *arena, mqci_waiter *waiter,
		      const ProtobufCMessageDescriptor *type, void **ret_copy)
{
	const mqci_frame *reply = &waiter->reply;
	const uint64_t begin = reply->arena - waiter->place - arena->region;
	const uint8_t *payload = NULL;
	int r = MQC_OK;

	*ret_copy = NULL;
	if (waiter->place == 0 || begin > arena->region || reply->size > arena->region - begin)
		return mqci_fail(MQC_INTERNAL, 0,
				 "the reply is said to lie where the call has no shared memory");
	if (mqci_message_is_steady(type))
		payload = mqci_arena_reply(arena, waiter->place, begin + reply->size);
	if (payload != NULL) {
		payload += begin;
	} else {
		r = fetch_copy(arena, reply, ret_copy);
		payload = *ret_copy;
	}
	waiter->reply.payload = payload;
	return r;
}
