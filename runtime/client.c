/*
 * client.c - the synchronous call.
 *
 * A call is packed behind its header on the stack, or, if it is too large, into
 * the client's shared memory, see region.h; sent, see send.h; and waited for, see
 * waiters.h. What surely was not executed is tried again.
 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "error.h"
#include "message.h"
#include "metadata.h"
#include "region.h"
#include "send.h"

/* Requests up to this size are packed on the stack. */
#define SMALL_REQUEST 2048

/* The pauses between tries of a call, in ns: each is twice the one before. */
#define FIRST_PAUSE INT64_C(1000000)
#define LONGEST_PAUSE (64 * FIRST_PAUSE)

/* Tell the status of a reply, which is not OK, and its text as the error. */
static int fail_replied(const mqc_client *client, const char *what, const mqci_frame *reply)
{
	int64_t status = (int64_t)reply->code;

	if (status > MQC_OK || status < MQC_UNAUTHENTICATED)
		return mqci_fail(MQC_INTERNAL, 0,
				 "%s on endpoint %s: the reply has no valid status", what,
				 client->endpoint);
	if (reply->size > 0)
		return mqci_fail((int)status, 0, "%.*s", (int)reply->size,
				 (const char *)reply->payload);
	if (status == MQC_UNIMPLEMENTED)
		return mqci_fail((int)status, 0, "endpoint %s has no %s", client->endpoint, what);
	return mqci_fail((int)status, 0, "%s on endpoint %s failed: %s (the server gave no reason)",
			 what, client->endpoint, mqc_status_name((int)status));
}

int mqci_client_status(const mqc_client *client, const char *what, const mqci_frame *reply)
{
	int r;

	if (reply->code == MQC_OK)
		return MQC_OK;
	r = fail_replied(client, what, reply);
	return reply->flags & MQCI_FRAME_NOT_EXECUTED ? r : mqci_maybe_executed();
}

/* One call on its way through the functions below. */
struct outgoing {
	mqc_client *client;
	const mqc_method *method;
	const ProtobufCMessage *request;
	const mqc_call_options *options;
	size_t extras; /* of the block of metadata that goes with it; 0: none */
	size_t size;   /* of that and the packed request */
	int timeout_ms;
	int64_t deadline;
	int64_t room_deadline; /* for waiting for room: 0 if that is not wanted */
	unsigned priority;
	mqc_cancel *cancel;
};

/* What came of a try. */
struct answer {
	ProtobufCAllocator *allocator;
	ProtobufCMessage *reply;
	bool again; /* it failed, and can do no harm if it is tried again */
};

static bool is_idempotent(const mqc_method *method)
{
	return (method->flags & (MQC_METHOD_IDEMPOTENT | MQC_METHOD_NO_SIDE_EFFECTS)) != 0;
}

#define PRIORITY_MAX 31

static int check_options(const mqc_call_options *options)
{
	bool zero = true;

	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		zero = zero && options->reserved[i] == 0;
	if (!zero)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "reserved call options must be zero: initialize them with { 0 }");
	if (options->priority < MQC_PRIORITY_LOWEST || options->priority > PRIORITY_MAX)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a priority of %d is not possible: 1 to %d are, and %d for the "
				 "lowest; 0 means the method's",
				 options->priority, PRIORITY_MAX, MQC_PRIORITY_LOWEST);
	return MQC_OK;
}

static int prepare(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		   const ProtobufCMessage *request, struct outgoing *ret_call)
{
	int timeout_ms = client->timeout_ms, r = MQC_OK;
	size_t extras = 0;

	if (client->disowned)
		return mqci_fail(
			MQC_FAILED_PRECONDITION, 0,
			"%s: the client of endpoint %s was opened before fork() and belongs "
			"to the parent process; open another one in the child",
			method->name, client->endpoint);
	if (check_options(options) < 0)
		return MQC_INVALID_ARGUMENT;
	if (options->n_metadata > 0)
		r = mqci_metadata_measure(options->metadata, options->n_metadata, &extras);
	if (r < 0)
		return r;
	if (method->timeout_ms != 0)
		timeout_ms = (int)method->timeout_ms;
	if (options->timeout_ms != 0)
		timeout_ms = options->timeout_ms;
	if (timeout_ms < MQC_TIMEOUT_INFINITE)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a time limit of %d ms is not possible; 0 means the default, %d "
				 "means none",
				 timeout_ms, MQC_TIMEOUT_INFINITE);
	if (!mqci_message_is_complete(request))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "the request of %s lacks a required field, or has an element that "
				 "is NULL",
				 method->name);
	*ret_call = (struct outgoing){
		.client = client,
		.method = method,
		.request = request,
		.options = options,
		.extras = extras,
		.size = extras + protobuf_c_message_get_packed_size(request),
		.timeout_ms = timeout_ms,
		.deadline = mqci_deadline_after_ms(timeout_ms),
	};
	if (mqci_call_inherited() < ret_call->deadline) {
		ret_call->deadline = mqci_call_inherited();
		ret_call->timeout_ms = mqci_deadline_remaining_ms(ret_call->deadline);
	}
	ret_call->room_deadline = ret_call->deadline;
	ret_call->priority = method->priority;
	if (client->no_wait || options->no_wait)
		ret_call->room_deadline = 0;
	if (options->priority != 0)
		ret_call->priority = options->priority > 0 ? (unsigned)options->priority : 0;
	ret_call->cancel = options->cancel;
	return MQC_OK;
}

/* Pack the request, and what goes with it in front. */
static void pack_request(const void *data, uint8_t *to)
{
	const struct outgoing *outgoing = data;

	if (outgoing->extras > 0)
		mqci_metadata_pack(outgoing->options->metadata, outgoing->options->n_metadata, to);
	(void)protobuf_c_message_pack(outgoing->request, to + outgoing->extras);
}

/* What a request says, without what differs between ways to send it. */
static mqci_frame request_frame(const struct outgoing *outgoing, uint64_t key)
{
	const mqc_client *client = outgoing->client;

	return (mqci_frame){
		.type = MQCI_REQUEST,
		.flags = outgoing->extras > 0 ? MQCI_FRAME_EXTRAS : 0,
		.cpu = MQCI_CPU_UNKNOWN,
		.thread = client->lend_priority ? (uint32_t)gettid() : 0,
		.session = client->session,
		.key = key,
		.code = outgoing->method->id,
		.deadline = outgoing->deadline,
		.size = outgoing->size,
	};
}

/* The largest payload that the queue takes which is the method's. */
static size_t queue_max(const struct outgoing *outgoing)
{
	const mqc_client *client = outgoing->client;

	return mqci_send_queue(client, outgoing->method->lane) == &client->requests
		       ? client->request_max
		       : client->lane_max;
}

/* Put a message into the queue that is the method's. */
static int send_message(const struct outgoing *outgoing, const mqci_waiter *waiter,
			const uint8_t *message, size_t size)
{
	const mqci_sending sending = {
		.queue = waiter->queue,
		.priority = outgoing->priority,
		.deadline = outgoing->room_deadline,
		.epoch = waiter->epoch,
		.cancel = outgoing->cancel,
	};
	int r;

	r = mqci_send(outgoing->client, &sending, message, size);
	if (r == 0 && outgoing->room_deadline == 0)
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EAGAIN,
			"%s: the queue of endpoint %s is full, and the call was not to wait",
			outgoing->method->name, outgoing->client->endpoint);
	if (r == 0)
		return mqci_fail(MQC_DEADLINE_EXCEEDED, 0,
				 "%s: the queue of endpoint %s had no room for the request within "
				 "%d ms; the server is overloaded or stuck",
				 outgoing->method->name, outgoing->client->endpoint,
				 outgoing->timeout_ms);
	return r < 0 ? r : MQC_OK;
}

/* Send a request that the queue carries. */
static int send_inline(const struct outgoing *outgoing, const mqci_waiter *waiter,
		       const mqci_frame *frame)
{
	uint8_t small[SMALL_REQUEST], *message = small;
	size_t space = mqci_frame_space(outgoing->size);
	int r;

	if (space > sizeof small) {
		message = malloc(space);
		if (message == NULL)
			return mqci_no_memory("a request");
	}
	pack_request(outgoing, message + MQCI_FRAME_HEADER);
	r = send_message(outgoing, waiter, message, mqci_frame_encode(frame, message));
	if (message != small)
		free(message);
	return r;
}

/*
 * Send the request of a call that has begun. With the key of the session that it
 * began in: if another thread has opened a new one meanwhile, the new server must
 * not take it, for it will be sent again.
 */
static int send_request(const struct outgoing *outgoing, mqci_waiter *waiter)
{
	mqc_client *client = outgoing->client;
	mqci_frame frame = request_frame(outgoing, waiter->key);
	uint8_t header[MQCI_FRAME_HEADER];
	int r;

	frame.call = waiter->call;
	frame.arena = waiter->place;
	if (outgoing->size <= queue_max(outgoing))
		return send_inline(outgoing, waiter, &frame);
	frame.flags |= MQCI_FRAME_ARENA;
	mqci_waiters_use(&client->waiters, waiter, outgoing->size);
	r = mqci_region_pack(&client->arena, waiter, outgoing->size, pack_request, outgoing);
	if (r < 0)
		return r;
	return send_message(outgoing, waiter, header, mqci_frame_encode(&frame, header));
}

static int read_reply(const mqc_method *method, const uint8_t *bytes, size_t size,
		      ProtobufCAllocator *allocator, ProtobufCMessage **ret_reply)
{
	bool no_memory;

	if (mqci_message_unpack(method->reply, allocator, bytes, size, ret_reply, &no_memory))
		return MQC_OK;
	if (no_memory)
		(void)mqci_no_memory("a reply");
	else
		(void)mqci_fail(MQC_INTERNAL, 0, "the reply of %s is not a message of type %s",
				method->name, method->reply->name);
	return mqci_maybe_executed();
}

/* Say more than that the time is over, or the server gone: of what call. */
static int explain(const struct outgoing *outgoing, int status)
{
	bool maybe_executed = mqc_error_last()->maybe_executed;
	int r = status;

	if (status == MQC_DEADLINE_EXCEEDED && maybe_executed)
		r = mqci_fail(status, 0, "%s on endpoint %s: no answer within %d ms",
			      outgoing->method->name, outgoing->client->endpoint,
			      outgoing->timeout_ms);
	else if (status == MQC_DEADLINE_EXCEEDED && outgoing->room_deadline == 0)
		r = mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EAGAIN,
			"%s on endpoint %s: as many calls of the client are under way as it can "
			"have, and this one was not to wait; open it with a larger window",
			outgoing->method->name, outgoing->client->endpoint);
	else if (status == MQC_DEADLINE_EXCEEDED)
		r = mqci_fail(
			status, 0,
			"%s on endpoint %s: not sent within %d ms, as the client's other calls "
			"have no answer yet; open it with a larger window",
			outgoing->method->name, outgoing->client->endpoint, outgoing->timeout_ms);
	else if (status == MQC_CANCELLED)
		r = mqci_fail(status, 0, "%s on endpoint %s: cancelled by the caller",
			      outgoing->method->name, outgoing->client->endpoint);
	else if (status == MQC_UNAVAILABLE)
		r = mqci_fail(status, 0, "%s on endpoint %s: %s", outgoing->method->name,
			      outgoing->client->endpoint, mqc_error_last()->text);
	return maybe_executed ? mqci_maybe_executed() : r;
}

static int fail_too_large(const struct outgoing *outgoing)
{
	const mqc_client *client = outgoing->client;
	const char *name = outgoing->method->name;

	if (outgoing->method->flags & MQC_METHOD_ONEWAY)
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
			"the request of %s has %zu bytes, and the queue of endpoint %s takes %zu, "
			"which is all that carries one-way calls: send less, or %s",
			name, outgoing->size, client->endpoint, queue_max(outgoing),
			queue_max(outgoing) < client->request_max
				? "have the method in no lane"
				: "give the server a larger queue_size");
	if (mqci_region_max(&client->arena) > 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
				 "the request of %s has %zu bytes, and the client's payload_max is "
				 "%zu: send less, or open the client with a larger payload_max",
				 name, outgoing->size, mqci_region_max(&client->arena));
	return mqci_fail(
		MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
		"the request of %s has %zu bytes, and the queue of endpoint %s takes %zu; "
		"shared memory for larger ones cannot be had, as there are no access "
		"control lists in /dev/shm, or RLIMIT_FSIZE is too small for it: send less, "
		"or give the server a larger queue_size",
		name, outgoing->size, client->endpoint, queue_max(outgoing));
}

/* Whether a request of this size can be carried; a new server may take another one. */
static int check_size(const struct outgoing *outgoing, struct answer *answer)
{
	mqc_client *client = outgoing->client;

	if (outgoing->size <= queue_max(outgoing))
		return MQC_OK;
	if (!(outgoing->method->flags & MQC_METHOD_ONEWAY) &&
	    outgoing->size <= mqci_region_max(&client->arena))
		return MQC_OK;
	if (mqci_send_is_cut_off(client, mqci_waiters_epoch(&client->waiters))) {
		answer->again = true;
		return explain(outgoing, mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped"));
	}
	return fail_too_large(outgoing);
}

/* Send a request that has no reply; what comes instead is an empty one. */
static int try_oneway(const struct outgoing *outgoing, struct answer *answer)
{
	mqc_client *client = outgoing->client;
	ProtobufCMessage *reply;
	mqci_session_now now;
	mqci_waiter nobody;
	mqci_frame frame;
	bool lives;
	int r;

	lives = mqci_waiters_session(&client->waiters, &now);
	/* Nobody receives for us, so nobody hears a goodbye. */
	if (lives && mqci_queue_is_removed(&client->requests)) {
		mqci_waiters_end(&client->waiters, now.epoch);
		lives = false;
	}
	if (!lives) {
		answer->again = true;
		return explain(outgoing, mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped"));
	}
	r = read_reply(outgoing->method, (const uint8_t *)"", 0, answer->allocator, &reply);
	if (r < 0)
		return r;
	frame = request_frame(outgoing, now.key);
	frame.flags |= MQCI_FRAME_ONEWAY;
	mqci_departed_tell(client->self, &frame);
	mqci_waiter_init(&nobody);
	nobody.epoch = now.epoch;
	nobody.queue = mqci_send_queue(client, outgoing->method->lane);
	r = send_inline(outgoing, &nobody, &frame);
	if (r == MQC_OK) {
		answer->reply = reply;
		return MQC_OK;
	}
	protobuf_c_message_free_unpacked(reply, answer->allocator);
	answer->again = r == MQC_UNAVAILABLE;
	return answer->again || r == MQC_CANCELLED ? explain(outgoing, r) : r;
}

/* Take what comes in front of a reply off it; then the reply is as any other. */
static int open_reply(const struct outgoing *outgoing, const mqci_frame *reply,
		      ProtobufCAllocator *allocator, ProtobufCMessage **ret_reply)
{
	const mqc_method *method = outgoing->method;
	mqci_extra detail = {0};
	int r = MQC_OK;
	mqci_frame rest;

	if (reply->flags & MQCI_FRAME_EXTRAS) {
		rest = *reply;
		reply = &rest;
		r = mqci_metadata_take(method->name, &rest, outgoing->options->ret_metadata,
				       &detail);
	}
	if (r < 0)
		return r;
	r = mqci_client_status(outgoing->client, method->name, reply);
	if (r < 0 && detail.key != NULL)
		mqci_error_attach(detail.key, detail.key_size, detail.value, detail.value_size);
	if (r < 0)
		return r;
	return read_reply(method, reply->payload, reply->size, allocator, ret_reply);
}

/* Whether a call that was answered by MQC_UNAVAILABLE may be made again: not if its handler said
 * so. */
static bool may_repeat(const struct outgoing *outgoing, const mqci_frame *reply)
{
	return (reply->flags & MQCI_FRAME_NOT_EXECUTED) != 0 ||
	       ((reply->flags & MQCI_FRAME_LOST) != 0 && is_idempotent(outgoing->method));
}

/* Make of a reply that has come what the caller gets. */
static int take_reply(const struct outgoing *outgoing, mqci_waiter *waiter, struct answer *answer)
{
	mqc_client *client = outgoing->client;
	mqci_fetched fetched;
	int r;

	r = mqci_region_fetch(&client->arena, waiter, &fetched);
	if (r < 0)
		return mqci_maybe_executed();
	r = open_reply(outgoing, &waiter->reply, answer->allocator, &answer->reply);
	answer->again = r == MQC_UNAVAILABLE && may_repeat(outgoing, &waiter->reply);
	mqci_fetched_done(&fetched);
	return r;
}

/* Send the request and wait for the reply, once. */
static int do_call(const struct outgoing *outgoing, mqci_waiter *waiter, struct answer *answer)
{
	mqc_client *client = outgoing->client;
	int r;

	r = mqci_waiters_begin(&client->waiters, waiter, outgoing->room_deadline);
	if (r < 0) {
		answer->again = r == MQC_UNAVAILABLE;
		return explain(outgoing, r);
	}
	waiter->deadline = outgoing->deadline;
	waiter->queue = mqci_send_queue(client, outgoing->method->lane);
	r = send_request(outgoing, waiter);
	if (r < 0) {
		mqci_waiters_undo(&client->waiters, waiter);
		answer->again = r == MQC_UNAVAILABLE;
		return answer->again || r == MQC_CANCELLED ? explain(outgoing, r) : r;
	}
	r = mqci_waiters_await(&client->waiters, waiter);
	if (r < 0) {
		answer->again = r == MQC_UNAVAILABLE && (!mqc_error_last()->maybe_executed ||
							 is_idempotent(outgoing->method));
		return explain(outgoing, r);
	}
	r = take_reply(outgoing, waiter, answer);
	mqci_waiters_finish(&client->waiters, waiter);
	return r;
}

static int try_call(const struct outgoing *outgoing, struct answer *answer)
{
	mqci_client_wait wait;
	int r;

	mqci_client_wait_begin(&wait, outgoing->client, outgoing->cancel);
	r = do_call(outgoing, &wait.waiter, answer);
	mqci_client_wait_end(&wait);
	return r;
}

/* Get ready to try once more: with a new session if the old one is over, else after a pause. */
static int recover(const struct outgoing *outgoing, int64_t pause)
{
	mqc_client *client = outgoing->client;
	mqci_session_now now;
	int r = MQC_UNAVAILABLE;

	if (!mqci_waiters_session(&client->waiters, &now))
		r = mqci_client_reconnect(client, outgoing->deadline, outgoing->cancel);
	if (r != MQC_UNAVAILABLE)
		return r;
	pause += mqci_clock_now();
	if (pause >= outgoing->deadline)
		return MQC_UNAVAILABLE;
	mqci_cancel_sleep(outgoing->cancel, pause);
	return MQC_OK;
}

/* What came with the answer to a former try does not belong to the next one. */
static void drop_metadata(const struct outgoing *outgoing)
{
	mqc_pairs **pairs = outgoing->options->ret_metadata;

	if (pairs == NULL)
		return;
	free(*pairs);
	*pairs = NULL;
}

/* Try once, and say whether another time would do no harm. */
static int try_once(const struct outgoing *outgoing, struct answer *answer)
{
	int r;

	answer->again = false;
	drop_metadata(outgoing);
	if (mqci_cancel_is_requested(outgoing->cancel))
		return explain(outgoing, mqci_fail(MQC_CANCELLED, 0, "cancelled"));
	r = check_size(outgoing, answer);
	if (r < 0)
		return r;
	return outgoing->method->flags & MQC_METHOD_ONEWAY ? try_oneway(outgoing, answer)
							   : try_call(outgoing, answer);
}

int mqc_client_call(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		    const ProtobufCMessage *request, ProtobufCAllocator *allocator,
		    ProtobufCMessage **ret_reply)
{
	static const mqc_call_options defaults;
	struct answer answer = {.allocator = allocator};
	int64_t pause = FIRST_PAUSE;
	struct outgoing outgoing = {0};
	mqci_saved_error error;
	bool executed = false;
	int r;

	if (options == NULL)
		options = &defaults;
	if (options->ret_metadata != NULL)
		*options->ret_metadata = NULL;
	r = prepare(client, method, options, request, &outgoing);
	if (r < 0)
		return r;
	for (;; pause = pause < LONGEST_PAUSE ? 2 * pause : pause) {
		r = try_once(&outgoing, &answer);
		if (r == MQC_OK)
			break;
		mqci_error_save(&error);
		executed = executed || error.error.maybe_executed;
		error.error.maybe_executed = executed;
		if (!answer.again)
			return mqci_error_restore(&error);
		r = recover(&outgoing, pause);
		/* Somebody else has the endpoint now: that is worth more than why we looked. */
		if (r == MQC_PERMISSION_DENIED)
			return executed ? mqci_maybe_executed() : r;
		/* If it is cancelled meanwhile, that is what the next try tells. */
		if (r < 0 && !mqci_cancel_is_requested(outgoing.cancel))
			return mqci_error_restore(&error);
	}
	*ret_reply = answer.reply;
	return MQC_OK;
}
