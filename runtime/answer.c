/*
 * answer.c - what a server answers to requests.
 *
 * Small replies are packed on the stack; for larger ones a call keeps the
 * memory, as its worker will use it for the next.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "error.h"

/* Replies of so many bytes, with their header, are packed on the stack. */
#define SMALL_REPLY 2048

static mqci_frame reply_frame(const mqci_origin *origin, uint16_t flags, int status, size_t size)
{
	return (mqci_frame){
		.type = MQCI_REPLY,
		.flags = flags,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = origin->session->id,
		.key = origin->session->key,
		.call = origin->call,
		.code = (uint64_t)(int64_t)status,
		.size = size,
	};
}

/* Send what is behind the header in `message`, `size` bytes. */
static void send_reply(const mqci_origin *origin, uint16_t flags, int status, uint8_t *message,
		       size_t size)
{
	const mqci_frame frame = reply_frame(origin, flags, status, size);

	if (!origin->oneway)
		(void)mqci_session_send(origin->session, message,
					mqci_frame_encode(&frame, message));
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

/* A reply that does not fit into the queue: to the client's shared memory. */
static int answer_through_arena(mqc_call *call, const ProtobufCMessage *reply, size_t size)
{
	const mqci_origin *origin = &call->origin;
	uint8_t header[MQCI_FRAME_HEADER], *message;
	mqci_frame frame = reply_frame(origin, MQCI_FRAME_ARENA, MQC_OK, size);
	int r;

	frame.arena = origin->arena + origin->session->region;
	message = mqci_call_reserve(call, size);
	if (message == NULL)
		return fail_no_memory(call);
	(void)protobuf_c_message_pack(reply, message);
	r = mqci_arena_write(&origin->session->arena, frame.arena, message, size);
	if (r < 0)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the reply of %s, of %zu bytes, cannot be written to the "
				     "client's shared memory: %s",
				     call->method->name, size, mqc_error_last()->text);
	(void)mqci_session_send(origin->session, header, mqci_frame_encode(&frame, header));
	return MQC_OK;
}

static int answer_message(mqc_call *call, const ProtobufCMessage *reply)
{
	const mqci_session *session = call->origin.session;
	size_t size = protobuf_c_message_get_packed_size(reply), space = mqci_frame_space(size);
	size_t room = mqci_frame_payload_max(session->replies.size);
	uint8_t small[SMALL_REPLY], *message = small;

	if (call->origin.oneway)
		return MQC_OK;
	if (size > room && call->origin.arena != 0 && size <= session->region)
		return answer_through_arena(call, reply, size);
	if (size > room)
		return mqc_call_fail(
			call, MQC_RESOURCE_EXHAUSTED,
			"the reply of %s has %zu bytes, and the client takes %zu: open "
			"it with a larger %s",
			call->method->name, size,
			session->region > room ? (size_t)session->region : room,
			session->region > 0 ? "payload_max" : "reply_size");
	if (space > sizeof small)
		message = mqci_call_reserve(call, space);
	if (message == NULL)
		return fail_no_memory(call);
	(void)protobuf_c_message_pack(reply, message + MQCI_FRAME_HEADER);
	send_reply(&call->origin, 0, MQC_OK, message, size);
	return MQC_OK;
}

int mqci_answer_call(mqc_call *call, int status, const ProtobufCMessage *reply)
{
	int r = MQC_OK;

	if (status == MQC_OK)
		r = status = answer_message(call, reply);
	if (status < 0)
		mqci_answer_status(&call->origin, call->dispatched ? 0 : MQCI_FRAME_NOT_EXECUTED,
				   status, call->text);
	return r;
}

void mqci_answer_lost(uint64_t id, uint64_t call, bool begun, void *sessions)
{
	mqci_origin origin = {.call = call};

	if (mqci_sessions_open(sessions, id, 0, &origin.session) < 0)
		return;
	mqci_answer_status(&origin, begun ? 0 : MQCI_FRAME_NOT_EXECUTED, MQC_UNAVAILABLE,
			   "the server died while it had the call in hand");
	mqci_session_release(origin.session);
}

void mqci_answer_stranger(const mqci_frame *frame, int status, const char *text)
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
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;

	mqci_name_replies(frame->session, name);
	if (mqci_queue_open(name, MQCI_SEND, &replies) < 0)
		return;
	(void)mqci_queue_send(&replies, message, mqci_frame_encode(&refusal, message), 0);
	mqci_queue_close(&replies);
}
