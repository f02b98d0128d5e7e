/*
 * client.c - opening and closing a client, and the synchronous call.
 *
 * A call is packed behind its header on the stack, sent without blocking (if
 * the server's queue is full, we wait for room by poll(), as mq_timedsend()
 * would measure the time on the wall clock), and then waited for, see waiters.h.
 */
#include <mqcall/mqcall.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "frame.h"
#include "message.h"
#include "queue.h"
#include "waiters.h"

#define DEFAULT_REPLY_MESSAGES 4
#define DEFAULT_REPLY_SIZE (4096 + 4 * MQCI_FRAME_HEADER)
#define SMALLEST_REPLY_SIZE (4 * MQCI_FRAME_HEADER)

/* Requests up to this size are packed on the stack. */
#define SMALL_REQUEST 2048

struct mqc_client {
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	mqci_queue requests;
	mqci_waiters waiters;
	uint64_t session;
	uint64_t key;
	size_t request_max; /* the largest payload that the server takes */
	int timeout_ms;
};

static int check_options(const mqc_client_options *options)
{
	if (options->timeout_ms < MQC_TIMEOUT_INFINITE ||
	    options->open_timeout_ms < MQC_TIMEOUT_INFINITE)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a time limit of %d ms is not possible; 0 means the default, %d "
				 "means none",
				 options->timeout_ms < MQC_TIMEOUT_INFINITE
					 ? options->timeout_ms
					 : options->open_timeout_ms,
				 MQC_TIMEOUT_INFINITE);
	if (options->reply_messages != 0 && options->reply_messages < 2)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a reply queue of %d messages is not possible: it needs 2 at "
				 "least; 0 means the default",
				 options->reply_messages);
	if (options->reply_size != 0 && options->reply_size < SMALLEST_REPLY_SIZE)
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"a reply queue for messages of %d bytes is not possible: they need "
			"%d at least; 0 means the default",
			options->reply_size, SMALLEST_REPLY_SIZE);
	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		if (options->reserved[i] != 0)
			return mqci_fail(MQC_INVALID_ARGUMENT, 0,
					 "reserved client options must be zero: initialize them "
					 "with { 0 }");
	return MQC_OK;
}

/* Open the endpoint's queue, if it is one that nobody but a server can read. */
static int open_requests(const char *endpoint, mqci_queue *ret_requests, uid_t *ret_uid)
{
	char name[MQCI_NAME_SIZE];
	mode_t mode;
	gid_t gid;
	int r;

	mqci_name_endpoint(endpoint, name);
	r = mqci_queue_open(name, MQCI_SEND, ret_requests);
	if (r == MQC_NOT_FOUND)
		return mqci_fail(MQC_NOT_FOUND, ENOENT,
				 "there is no endpoint %s: no server has made its queue, %s; start "
				 "the server first",
				 endpoint, name);
	if (r == MQC_PERMISSION_DENIED)
		return mqci_fail(
			MQC_PERMISSION_DENIED, EACCES,
			"not permitted to call endpoint %s: its queue, %s, is another "
			"user's, and private or its group's; run as that user, or have the "
			"server opened with another access mode",
			endpoint, name);
	if (r < 0)
		return r;
	r = mqci_queue_owner(ret_requests, ret_uid, &gid, &mode);
	if (r == MQC_OK && (mode & 0155) != 0)
		r = mqci_fail(MQC_PERMISSION_DENIED, 0,
			      "queue %s was not made by mqcall: others than uid %ld can read it "
			      "(mode %03o), and could take what is sent to the endpoint",
			      name, (long)*ret_uid, (unsigned)mode);
	if (r < 0)
		mqci_queue_close(ret_requests);
	return r;
}

/* Create this client's reply queue, under the first number that is free. */
static int create_replies(const mqc_client_options *options, mode_t mode, uint64_t *ret_session,
			  mqci_queue *ret_replies)
{
	static atomic_uint next_number;
	size_t messages, size;
	char name[MQCI_NAME_SIZE];
	uint64_t process;
	int r;

	r = mqci_process_self(&process);
	if (r < 0)
		return r;
	mqci_queue_limits(&messages, &size);
	if (messages > DEFAULT_REPLY_MESSAGES)
		messages = DEFAULT_REPLY_MESSAGES;
	if (size > DEFAULT_REPLY_SIZE)
		size = DEFAULT_REPLY_SIZE;
	if (options->reply_messages > 0)
		messages = (size_t)options->reply_messages;
	if (options->reply_size > 0)
		size = (size_t)options->reply_size;

	for (unsigned tries = 0; tries < MQCI_PARTIES_MAX; tries++) {
		*ret_session = mqci_party_make(process, atomic_fetch_add(&next_number, 1));
		mqci_name_replies(*ret_session, name);
		r = mqci_queue_create(name, messages, size, mode, ret_replies);
		if (r != MQC_ALREADY_EXISTS)
			return r;
	}
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
			 "this process has %d clients open, which is as many as it can have",
			 MQCI_PARTIES_MAX);
}

static int make_nonce(uint64_t *ret_nonce)
{
	while (getrandom(ret_nonce, sizeof *ret_nonce, 0) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot get random bytes: %s",
					 strerror(errno));
	return MQC_OK;
}

/* Send, waiting for room until the deadline: 1 sent, 0 no room in time, or a status. */
static int send_within(const mqc_client *client, const uint8_t *message, size_t size,
		       unsigned priority, int64_t deadline)
{
	int r;

	while ((r = mqci_queue_send(&client->requests, message, size, priority)) == 0) {
		r = mqci_queue_wait_room(&client->requests, deadline);
		if (r <= 0)
			break;
	}
	return r;
}

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

/* The status of a reply, as the error if it is one. */
static int take_status(const mqc_client *client, const char *what, const mqci_frame *reply)
{
	int r;

	if (reply->code == MQC_OK)
		return MQC_OK;
	r = fail_replied(client, what, reply);
	return reply->flags & MQCI_FRAME_NOT_EXECUTED ? r : mqci_maybe_executed();
}

static int read_welcome(mqc_client *client, const mqci_frame *frame)
{
	mqci_welcome welcome;
	int r;

	if (frame->type != MQCI_WELCOME) {
		r = take_status(client, "opening a client", frame);
		if (r < 0)
			return r;
	}
	if (mqci_frame_payload(frame, &welcome, sizeof welcome, sizeof welcome) == 0)
		return mqci_fail(MQC_INTERNAL, 0,
				 "the server of endpoint %s gave a welcome that makes no sense",
				 client->endpoint);
	client->key = welcome.key;
	client->request_max = mqci_frame_payload_max(welcome.request_size);
	if (client->request_max > mqci_frame_payload_max(client->requests.size))
		client->request_max = mqci_frame_payload_max(client->requests.size);
	return MQC_OK;
}

/* What to say when nobody answered the hello in time. */
static int fail_handshake(const mqc_client *client, int status, int timeout_ms)
{
	if (status != MQC_DEADLINE_EXCEEDED)
		return status;
	return mqci_fail(MQC_UNAVAILABLE, 0,
			 "nobody serves endpoint %s: its queue is there, but no server answered "
			 "within %d ms",
			 client->endpoint, timeout_ms);
}

static int shake_hands(mqc_client *client, uint64_t nonce, int timeout_ms)
{
	const mqci_hello hello = {
		.nonce = nonce,
		.reply_size = (uint32_t)client->waiters.replies.size,
	};
	mqci_frame frame = {
		.type = MQCI_HELLO,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = client->session,
		.deadline = mqci_deadline_after_ms(timeout_ms),
		.payload = (const uint8_t *)&hello,
		.size = sizeof hello,
	};
	uint8_t message[MQCI_FRAME_HEADER + sizeof hello];
	mqci_waiter waiter;
	int r;

	r = mqci_waiters_begin(&client->waiters, &waiter, frame.deadline);
	if (r < 0)
		return r;
	frame.call = waiter.call;
	r = send_within(client, message, mqci_frame_encode(&frame, message), 0, frame.deadline);
	if (r <= 0) {
		mqci_waiters_undo(&client->waiters, &waiter);
		return fail_handshake(client, r < 0 ? r : MQC_DEADLINE_EXCEEDED, timeout_ms);
	}
	r = mqci_waiters_await(&client->waiters, &waiter);
	if (r < 0)
		return fail_handshake(client, r, timeout_ms);
	r = read_welcome(client, &waiter.reply);
	mqci_waiters_finish(&client->waiters, &waiter);
	if (r == MQC_OK)
		mqci_waiters_welcome(&client->waiters, client->key);
	return r;
}

/* With the endpoint's queue open: make the reply queue, and agree with a server. */
static int join(mqc_client *client, const mqc_client_options *options, uid_t server_uid)
{
	/* Our replies are for our eyes only; another user's server must be able to send them. */
	mode_t mode = server_uid == geteuid() || server_uid == 0 ? 0600 : 0622;
	int timeout_ms =
		options->open_timeout_ms != 0 ? options->open_timeout_ms : MQC_DEFAULT_TIMEOUT_MS;
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;
	uint64_t nonce;
	int r;

	r = make_nonce(&nonce);
	if (r == MQC_OK)
		r = create_replies(options, mode, &client->session, &replies);
	if (r < 0)
		return r;
	memcpy(name, replies.name, sizeof name);
	r = mqci_waiters_init(&client->waiters, client->endpoint, server_uid, &replies,
			      client->session, nonce);
	if (r == MQC_OK) {
		r = shake_hands(client, nonce, timeout_ms);
		if (r < 0)
			mqci_waiters_done(&client->waiters);
	}
	if (r < 0)
		(void)mqci_queue_unlink(name);
	return r;
}

int mqc_client_open(const char *endpoint, const mqc_client_options *options,
		    mqc_client **ret_client)
{
	static const mqc_client_options defaults;
	mqc_client *client;
	uid_t uid;
	int r;

	if (options == NULL)
		options = &defaults;
	r = mqci_name_check(endpoint);
	if (r == MQC_OK)
		r = check_options(options);
	if (r < 0)
		return r;
	client = calloc(1, sizeof *client);
	if (client == NULL)
		return mqci_no_memory("a client");
	(void)snprintf(client->endpoint, sizeof client->endpoint, "%s", endpoint);
	client->timeout_ms =
		options->timeout_ms != 0 ? options->timeout_ms : MQC_DEFAULT_TIMEOUT_MS;
	r = open_requests(endpoint, &client->requests, &uid);
	if (r == MQC_OK) {
		r = join(client, options, uid);
		if (r < 0)
			mqci_queue_close(&client->requests);
	}
	if (r < 0) {
		free(client);
		return r;
	}
	*ret_client = client;
	return MQC_OK;
}

mqc_client *mqc_client_close(mqc_client *client)
{
	uint8_t message[MQCI_FRAME_HEADER];

	if (client == NULL)
		return NULL;
	const mqci_frame goodbye = {
		.type = MQCI_GOODBYE,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = client->session,
		.key = client->key,
	};
	/* With no room for it, the server finds out by itself. */
	(void)mqci_queue_send(&client->requests, message, mqci_frame_encode(&goodbye, message), 0);
	(void)mqci_queue_unlink(client->waiters.replies.name);
	mqci_waiters_done(&client->waiters);
	mqci_queue_close(&client->requests);
	free(client);
	return NULL;
}

/* One call on its way through the functions below. */
struct outgoing {
	mqc_client *client;
	const mqc_method *method;
	const ProtobufCMessage *request;
	size_t size; /* of the packed request */
	int timeout_ms;
	int64_t deadline;
};

static int prepare(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		   const ProtobufCMessage *request, struct outgoing *ret_call)
{
	int timeout_ms = client->timeout_ms;

	if (method->timeout_ms != 0)
		timeout_ms = (int)method->timeout_ms;
	if (options != NULL && options->timeout_ms != 0)
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
		.size = protobuf_c_message_get_packed_size(request),
		.timeout_ms = timeout_ms,
		.deadline = mqci_deadline_after_ms(timeout_ms),
	};
	if (ret_call->size > client->request_max)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
				 "the request of %s has %zu bytes, and the queue of endpoint %s "
				 "takes %zu: send less, or give the server a larger queue_size",
				 method->name, ret_call->size, client->endpoint,
				 client->request_max);
	return MQC_OK;
}

/* Pack and send the request as call number `call`. */
static int send_request(const struct outgoing *outgoing, uint64_t call, uint16_t flags)
{
	const mqc_client *client = outgoing->client;
	const mqci_frame frame = {
		.type = MQCI_REQUEST,
		.flags = flags,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = client->session,
		.key = client->key,
		.call = call,
		.code = outgoing->method->id,
		.deadline = outgoing->deadline,
		.size = outgoing->size,
	};
	uint8_t small[SMALL_REQUEST], *message = small;
	size_t space = mqci_frame_space(outgoing->size);
	int r;

	if (space > sizeof small) {
		message = malloc(space);
		if (message == NULL)
			return mqci_no_memory("a request");
	}
	(void)protobuf_c_message_pack(outgoing->request, message + MQCI_FRAME_HEADER);
	(void)mqci_frame_encode(&frame, message);
	r = send_within(client, message, space, outgoing->method->priority, outgoing->deadline);
	if (message != small)
		free(message);
	if (r == 0)
		return mqci_fail(MQC_DEADLINE_EXCEEDED, 0,
				 "%s: the queue of endpoint %s had no room for the request within "
				 "%d ms; the server is overloaded or stuck",
				 outgoing->method->name, client->endpoint, outgoing->timeout_ms);
	return r < 0 ? r : MQC_OK;
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
	else if (status == MQC_DEADLINE_EXCEEDED)
		r = mqci_fail(
			status, 0,
			"%s on endpoint %s: not sent within %d ms, as the client's other calls "
			"have no answer yet; open it with more reply_messages",
			outgoing->method->name, outgoing->client->endpoint, outgoing->timeout_ms);
	else if (status == MQC_UNAVAILABLE)
		r = mqci_fail(status, 0, "%s on endpoint %s: %s", outgoing->method->name,
			      outgoing->client->endpoint, mqc_error_last()->text);
	return maybe_executed ? mqci_maybe_executed() : r;
}

static int call_oneway(const struct outgoing *outgoing, ProtobufCAllocator *allocator,
		       ProtobufCMessage **ret_reply)
{
	ProtobufCMessage *reply;
	int r;

	r = read_reply(outgoing->method, NULL, 0, allocator, &reply);
	if (r < 0)
		return r;
	r = send_request(outgoing, 0, MQCI_FRAME_ONEWAY);
	if (r < 0) {
		protobuf_c_message_free_unpacked(reply, allocator);
		return r;
	}
	*ret_reply = reply;
	return MQC_OK;
}

int mqc_client_call(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		    const ProtobufCMessage *request, ProtobufCAllocator *allocator,
		    ProtobufCMessage **ret_reply)
{
	struct outgoing outgoing;
	mqci_waiter waiter;
	int r;

	r = prepare(client, method, options, request, &outgoing);
	if (r < 0)
		return r;
	if (method->flags & MQC_METHOD_ONEWAY)
		return call_oneway(&outgoing, allocator, ret_reply);
	r = mqci_waiters_begin(&client->waiters, &waiter, outgoing.deadline);
	if (r < 0)
		return explain(&outgoing, r);
	r = send_request(&outgoing, waiter.call, 0);
	if (r < 0) {
		mqci_waiters_undo(&client->waiters, &waiter);
		return r;
	}
	r = mqci_waiters_await(&client->waiters, &waiter);
	if (r < 0)
		return explain(&outgoing, r);
	r = take_status(client, method->name, &waiter.reply);
	if (r == MQC_OK)
		r = read_reply(method, waiter.reply.payload, waiter.reply.size, allocator,
			       ret_reply);
	mqci_waiters_finish(&client->waiters, &waiter);
	return r;
}
