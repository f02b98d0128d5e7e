/*
 * answer.c - what a server answers to requests.
 *
 * Small replies are packed on the stack; for larger ones a call keeps the
 * memory, as its worker will use it for the next.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "call.h"
#include "error.h"
#include "quick.h"

/* Replies of so many bytes, with their header, are packed on the stack. */
#define SMALL_REPLY 2048

static mqci_frame reply_frame(const mqci_origin *origin, uint16_t flags, int status, size_t size)
{
	return (mqci_frame){
		.type = MQCI_REPLY,
		.flags = flags,
		.cpu = origin->cpu,
		.session = origin->session->id,
		.key = origin->session->key,
		.call = origin->call,
		.code = (uint64_t)(int64_t)status,
		.size = size,
	};
}

/* Send a reply: with those of its batch, if there is one. `to` has room for the frame. */
static inline void send_frame(const mqci_origin *origin, const mqci_frame *reply, uint8_t *to)
{
	mqci_arena_hand_back(&origin->session->arena);
	if (origin->batch == NULL || !mqci_batch_reply(origin->batch, origin->session, reply))
		(void)mqci_session_send(origin->session, to, mqci_frame_encode(reply, to));
}

/* Send what is behind the header in `message`, `size` bytes. */
static void send_reply(const mqci_origin *origin, uint16_t flags, int status, uint8_t *message,
		       size_t size)
{
	mqci_frame frame = reply_frame(origin, flags, status, size);

	frame.payload = message + MQCI_FRAME_HEADER;
	if (!origin->oneway)
		send_frame(origin, &frame, message);
}

void mqci_answer_status(const mqci_origin *origin, uint16_t flags, int status, const char *text)
{
	uint8_t message[MQCI_FRAME_HEADER + MQCI_ERROR_TEXT_SIZE];
	size_t size = strlen(text), room = mqci_frame_payload_max(origin->session->replies.size);

	if (size > MQCI_ERROR_TEXT_SIZE)
		size = MQCI_ERROR_TEXT_SIZE;
	if (size > room)
		size = room;
	memcpy(message + MQCI_FRAME_HEADER, text, size);
	send_reply(origin, flags, status, message, size);
}

void mqci_answer_refusal(const mqci_origin *origin, int status, const char *text)
{
	mqci_answer_status(origin, MQCI_FRAME_NOT_EXECUTED, status, text);
}

static int fail_no_memory(mqc_call *call)
{
	return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
			     "the server has no memory left for the reply of %s",
			     call->method->name);
}

/*
 * Send the header of a payload that lies in the call's region of the client's shared
 * memory, from `begin` on.
 */
static void send_place(const mqci_origin *origin, uint16_t flags, int status, size_t begin,
		       size_t size)
{
	mqci_frame frame = reply_frame(origin, flags | MQCI_FRAME_ARENA, status, size);
	uint8_t header[MQCI_FRAME_HEADER];

	frame.arena = origin->arena + origin->session->region + begin;
	send_frame(origin, &frame, header);
}

/* Send a payload that does not fit into the queue, through the client's shared memory. */
static int send_through_arena(const mqci_origin *origin, uint16_t flags, int status, size_t begin,
			      const uint8_t *payload, size_t size)
{
	const uint64_t region = origin->arena + origin->session->region;
	mqci_arena_view *arena = &origin->session->arena;
	int r;

	r = mqci_arena_write(arena, region + begin, payload, size);
	/* If there is no memory left, what there was of it is in there. */
	if (r == MQC_OK)
		send_place(origin, flags, status, begin, size);
	else
		mqci_arena_unroom(arena, origin->call, region, begin, begin + size);
	return r;
}

/* A reply, and how it is to be packed. */
struct packing {
	const ProtobufCMessage *reply; /* without what is lent */
	mqci_lent *lent;               /* to be freed; NULL: nothing */
	size_t extras;                 /* the bytes of what goes with it; 0: nothing */
	size_t size;                   /* of all */
};

static uint16_t flags_of(const struct packing *packing)
{
	return (packing->extras > 0 ? MQCI_FRAME_EXTRAS : 0) |
	       (packing->lent != NULL ? MQCI_FRAME_REFERS : 0);
}

static struct packing packing_of(mqc_call *call, const ProtobufCMessage *reply)
{
	struct packing packing = {.reply = reply, .lent = mqci_loan_answer(call, reply)};

	if (packing.lent != NULL)
		packing.reply = mqci_lent_message(packing.lent);
	if (call->enclosed != NULL)
		packing.extras = mqci_metadata_of_reply(call);
	packing.size = mqci_lent_space(packing.lent) + packing.extras +
		       protobuf_c_message_get_packed_size(packing.reply);
	return packing;
}

static void pack_reply(const mqc_call *call, const struct packing *packing, uint8_t *to)
{
	if (packing->lent != NULL)
		mqci_references_encode(&packing->lent->references, to);
	to += mqci_lent_space(packing->lent);
	if (packing->extras > 0)
		mqci_metadata_write(call, to);
	(void)protobuf_c_message_pack(packing->reply, to + packing->extras);
}

/* Where in the region for the reply a payload can lie: behind what the handler has there. */
static size_t place_in_region(const mqc_call *call)
{
	return (call->loans.used + 7) & ~(size_t)7;
}

static int answer_through_arena(mqc_call *call, const struct packing *packing)
{
	const size_t begin = place_in_region(call), size = packing->size;
	mqci_session *session = call->origin.session;
	uint8_t *message;
	int r;

	call->bulk += size;
	message = mqci_arena_room(&session->arena, call->origin.call,
				  call->origin.arena + session->region, begin + size);
	if (message != NULL) {
		pack_reply(call, packing, message + begin);
		send_place(&call->origin, flags_of(packing), MQC_OK, begin, size);
		return MQC_OK;
	}
	message = mqci_call_reserve(call, size);
	if (message == NULL)
		return fail_no_memory(call);
	pack_reply(call, packing, message);
	r = send_through_arena(&call->origin, flags_of(packing), MQC_OK, begin, message, size);
	if (r < 0)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the reply of %s, of %zu bytes, cannot be written to the "
				     "client's shared memory: %s",
				     call->method->name, size, mqc_error_last()->text);
	return MQC_OK;
}

/* Send a small reply, with which nothing goes; false: it is none. */
static bool answer_quickly(const mqc_call *call, const ProtobufCMessage *reply)
{
	uint8_t message[SMALL_REPLY];
	size_t size, room = mqci_frame_payload_max(call->origin.session->replies.size);

	if (room > sizeof message - MQCI_FRAME_HEADER)
		room = sizeof message - MQCI_FRAME_HEADER;
	if (call->enclosed != NULL || call->loans.room != NULL || call->loans.request != NULL ||
	    !mqci_quick_pack(call->method->reply, call->method->reply_fields, reply,
			     message + MQCI_FRAME_HEADER, room, &size))
		return false;
	send_reply(&call->origin, 0, MQC_OK, message, size);
	return true;
}

static int fail_too_large(mqc_call *call, size_t size, size_t room)
{
	const mqci_session *session = call->origin.session;

	return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
			     "the reply of %s has %zu bytes, and the client takes %zu: open "
			     "it with a larger %s",
			     call->method->name, size,
			     session->region > room ? (size_t)session->region : room,
			     session->region > 0 ? "payload_max" : "reply_size");
}

/* Send a reply as it may be: large, with metadata, or with parts in shared memory. */
static int answer_packed(mqc_call *call, const struct packing *packing)
{
	const mqci_session *session = call->origin.session;
	const size_t size = packing->size, space = mqci_frame_space(size);
	size_t room = mqci_frame_payload_max(session->replies.size);
	uint8_t small[SMALL_REPLY], *message = small;

	if (size > room && call->origin.arena != 0 && place_in_region(call) <= session->region &&
	    size <= session->region - place_in_region(call))
		return answer_through_arena(call, packing);
	if (size > room)
		return fail_too_large(call, size, room);
	if (space > sizeof small)
		message = mqci_call_reserve(call, space);
	if (message == NULL)
		return fail_no_memory(call);
	pack_reply(call, packing, message + MQCI_FRAME_HEADER);
	mqci_loan_give_back(call);
	send_reply(&call->origin, flags_of(packing), MQC_OK, message, size);
	return MQC_OK;
}

static __attribute__((__noinline__)) int answer_fully(mqc_call *call, const ProtobufCMessage *reply)
{
	struct packing packing;
	int r;

	if (!protobuf_c_message_check(reply))
		return mqc_call_fail(call, MQC_INTERNAL,
				     "the server left out a required part of the reply of %s",
				     call->method->name);
	packing = packing_of(call, reply);
	r = answer_packed(call, &packing);
	free(packing.lent);
	return r;
}

/* Send an error and what the handler wants to go with it, as far as there is room; or nothing. */
static bool send_enclosed(mqc_call *call, uint16_t flags, int status)
{
	const mqci_origin *origin = &call->origin;
	size_t queue_room = mqci_frame_payload_max(origin->session->replies.size);
	size_t room = queue_room, text = strlen(call->text), extras;
	uint8_t *message, *payload;

	if (origin->arena != 0 && origin->session->region > room)
		room = origin->session->region;
	extras = mqci_metadata_of_error(call, text < room ? room - text : 0);
	if (extras == 0)
		return false;
	message = mqci_call_reserve(call, mqci_frame_space(extras + text));
	if (message == NULL)
		return false;
	payload = message + MQCI_FRAME_HEADER;
	mqci_metadata_write(call, payload);
	memcpy(payload + extras, call->text, text);
	flags |= MQCI_FRAME_EXTRAS;
	if (extras + text > queue_room)
		return send_through_arena(origin, flags, status, 0, payload, extras + text) ==
		       MQC_OK;
	send_reply(origin, flags, status, message, extras + text);
	return true;
}

static __attribute__((__noinline__)) void answer_error(mqc_call *call, int status)
{
	uint16_t flags = call->dispatched ? 0 : MQCI_FRAME_NOT_EXECUTED;

	if (call->origin.oneway)
		return;
	call->loans.referred = 0;
	mqci_loan_give_back(call);
	if (call->enclosed == NULL || !send_enclosed(call, flags, status))
		mqci_answer_status(&call->origin, flags, status, call->text);
}

int mqci_answer_call(mqc_call *call, int status, const ProtobufCMessage *reply)
{
	int r = MQC_OK;

	if (status == MQC_OK) {
		if (call->origin.oneway || answer_quickly(call, reply))
			return MQC_OK;
		r = status = answer_fully(call, reply);
	}
	if (status < 0)
		answer_error(call, status);
	return r;
}

void mqci_answer_lost(uint64_t id, uint64_t call, bool begun, void *data)
{
	mqci_origin origin = {.call = call, .cpu = MQCI_CPU_UNKNOWN};
	mqci_sessions *sessions = data;
	int r;

	r = mqci_sessions_reach(sessions, id, &origin.session);
	/* Without descriptors, or memory, it may live: by a goodbye its call would not have run. */
	if (r == MQC_RESOURCE_EXHAUSTED)
		atomic_store(&sessions->untold, true);
	if (r < 0)
		return;
	mqci_answer_status(&origin, begun ? MQCI_FRAME_LOST : MQCI_FRAME_NOT_EXECUTED,
			   MQC_UNAVAILABLE, "the server died while it had the call in hand");
	mqci_session_release(origin.session);
}

void mqci_answer_stranger(mqci_sessions *sessions, const mqci_frame *frame, int status,
			  const char *text)
{
	uint8_t message[MQCI_FRAME_HEADER + MQCI_ERROR_TEXT_SIZE];
	const mqci_frame refusal = {
		.type = MQCI_REPLY,
		.flags = MQCI_FRAME_NOT_EXECUTED,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = frame->session,
		.key = frame->key,
		.call = frame->call,
		.code = (uint64_t)(int64_t)status,
		.payload = (const uint8_t *)text,
		.size = strnlen(text, MQCI_ERROR_TEXT_SIZE - 8),
	};
	mqci_session *session;
	int r;

	r = mqci_sessions_peek(sessions, frame->session, frame->key, &session);
	if (r == MQC_RESOURCE_EXHAUSTED) {
		mqci_sessions_use_spare(sessions);
		r = mqci_sessions_peek(sessions, frame->session, frame->key, &session);
	}
	if (r == MQC_OK) {
		(void)mqci_queue_send(&session->replies, message,
				      mqci_frame_encode(&refusal, message), 0);
		mqci_session_release(session);
	}
	mqci_sessions_have_spare(sessions);
}
