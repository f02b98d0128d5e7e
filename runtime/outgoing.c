/*
 * outgoing.c - a call of a client's, whichever way it is sent and waited for.
 */
#include "outgoing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "error.h"
#include "message.h"
#include "metadata.h"
#include "presence.h"
#include "quick.h"
#include "region.h"
#include "registry.h"
#include "send.h"

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

static bool is_idempotent(const mqc_method *method)
{
	return (method->flags & (MQC_METHOD_IDEMPOTENT | MQC_METHOD_NO_SIDE_EFFECTS)) != 0;
}

int mqci_client_fail_disowned(const mqc_client *client, const char *what)
{
	return mqci_fail(MQC_FAILED_PRECONDITION, 0,
			 "%s: the client of endpoint %s was opened before fork() and belongs to "
			 "the parent process; open another one in the child",
			 what, client->endpoint);
}

#define PRIORITY_MAX 31

const mqc_call_options mqci_outgoing_defaults;

static int check_options(const mqc_call_options *options)
{
	bool zero = true;

	if (options == &mqci_outgoing_defaults)
		return MQC_OK;
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

/* How long the call may take, in ms; less than MQC_TIMEOUT_INFINITE is no time. */
static int timeout_of(const mqc_client *client, const mqci_wanted_call *wanted)
{
	if (wanted->options->timeout_ms != 0)
		return wanted->options->timeout_ms;
	if (wanted->method->timeout_ms != 0)
		return (int)wanted->method->timeout_ms;
	return client->timeout_ms;
}

static int check_wanted(const mqc_client *client, const mqci_wanted_call *wanted, int timeout_ms)
{
	if (client->disowned)
		return mqci_client_fail_disowned(client, wanted->method->name);
	if (check_options(wanted->options) < 0)
		return MQC_INVALID_ARGUMENT;
	if (timeout_ms < MQC_TIMEOUT_INFINITE)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a time limit of %d ms is not possible; 0 means the default, %d "
				 "means none",
				 timeout_ms, MQC_TIMEOUT_INFINITE);
	if (wanted->method->table_version != MQC_TABLE_VERSION)
		return mqci_registry_fail_tables(wanted->method->name,
						 wanted->method->table_version);
	return MQC_OK;
}

/* Before protobuf-c looks at a request. */
static int check_complete(const mqci_wanted_call *wanted)
{
	if (!protobuf_c_message_check(wanted->request))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "the request of %s lacks a required field, or has an element that "
				 "is NULL",
				 wanted->method->name);
	return MQC_OK;
}

/* The end of a call that begins now; or that of the call which its caller serves, if that is
 * sooner. */
static int64_t deadline_of(int64_t now, int *timeout_ms)
{
	const int64_t inherited = mqci_call_inherited();
	int64_t deadline = *timeout_ms < 0 ? MQCI_NEVER : now + *timeout_ms * INT64_C(1000000);

	if (inherited < deadline) {
		deadline = inherited;
		*timeout_ms = mqci_deadline_remaining_ms(deadline);
	}
	return deadline;
}

static unsigned priority_of(const mqci_wanted_call *wanted)
{
	if (wanted->options->priority == 0)
		return wanted->method->priority;
	return wanted->options->priority > 0 ? (unsigned)wanted->options->priority : 0;
}

int mqci_outgoing_prepare(mqc_client *client, const mqci_wanted_call *wanted, uint8_t *to,
			  size_t room, mqci_outgoing *ret_outgoing)
{
	const mqc_call_options *options = wanted->options;
	const ProtobufCMessage *request = wanted->request;
	int timeout_ms = timeout_of(client, wanted);
	mqci_lent *lent = NULL;
	uint8_t *packed = NULL;
	size_t extras = 0, size;
	int64_t now, deadline;
	int r;

	r = check_wanted(client, wanted, timeout_ms);
	if (r == MQC_OK && options->n_metadata > 0)
		r = mqci_metadata_measure(options->metadata, options->n_metadata, &extras);
	if (r < 0)
		return r;
	if (!(wanted->method->flags & MQC_METHOD_ONEWAY) && mqci_arena_lends(&client->arena))
		lent = mqci_loan_of_request(client, request);
	if (lent != NULL)
		request = mqci_lent_message(lent);
	if (lent == NULL && extras == 0 &&
	    mqci_quick_pack(wanted->method->request, wanted->method->request_fields, request, to,
			    room, &size)) {
		packed = to;
	} else {
		r = check_complete(wanted);
		if (r < 0) {
			if (lent != NULL)
				mqci_loan_free(client, lent);
			return r;
		}
		size = mqci_lent_space(lent) + extras + protobuf_c_message_get_packed_size(request);
	}
	now = mqci_clock_now();
	deadline = deadline_of(now, &timeout_ms);
	/* Every member is named: then the compiler does not clear it all first. */
	*ret_outgoing = (mqci_outgoing){
		.client = client,
		.method = wanted->method,
		.request = request,
		.options = options,
		.packed = packed,
		.lent = lent,
		.extras = extras,
		.size = size,
		.timeout_ms = timeout_ms,
		.begun = now,
		.deadline = deadline,
		.room_deadline = client->no_wait || options->no_wait ? 0 : deadline,
		.priority = priority_of(wanted),
		.cancel = options->cancel,
		.ret_metadata = options->ret_metadata,
	};
	return MQC_OK;
}

void mqci_outgoing_pack(const void *data, uint8_t *to)
{
	const mqci_outgoing *outgoing = data;

	if (outgoing->packed != NULL) {
		memcpy(to, outgoing->packed, outgoing->size);
		return;
	}
	if (outgoing->lent != NULL) {
		mqci_references_encode(&outgoing->lent->references, to);
		to += mqci_lent_space(outgoing->lent);
	}
	if (outgoing->extras > 0)
		mqci_metadata_pack(outgoing->options->metadata, outgoing->options->n_metadata, to);
	(void)protobuf_c_message_pack(outgoing->request, to + outgoing->extras);
}

static int fail_unpack(const mqc_method *method, bool no_memory)
{
	if (no_memory)
		(void)mqci_no_memory("a reply");
	else
		(void)mqci_fail(MQC_INTERNAL, 0, "the reply of %s is not a message of type %s",
				method->name, method->reply->name);
	return mqci_maybe_executed();
}

int mqci_outgoing_unpack(const mqci_outgoing *outgoing, const uint8_t *bytes, size_t size,
			 mqci_answer *answer)
{
	const mqc_method *method = outgoing->method;
	mqci_unpacked r;

	r = mqci_message_unpack(method->reply, method->reply_fields, answer->allocator, bytes, size,
				&answer->reply);
	if (r == MQCI_UNPACKED)
		return MQC_OK;
	return fail_unpack(method, r == MQCI_NO_MEMORY);
}

int mqci_outgoing_fail_window(const mqci_outgoing *outgoing)
{
	return mqci_fail(
		MQC_RESOURCE_EXHAUSTED, EAGAIN,
		"%s on endpoint %s: as many calls of the client are under way as it can have, and "
		"this one was not to wait; open it with a larger window",
		outgoing->method->name, outgoing->client->endpoint);
}

/* Its server may be slow; or it was killed, and no other has come to serve what it left. */
static int fail_unanswered(const mqci_outgoing *outgoing)
{
	const mqc_client *client = outgoing->client;
	bool served = mqci_presence_any(client->endpoint, client->waiters.server_uid);

	return mqci_fail(MQC_DEADLINE_EXCEEDED, 0, "%s on endpoint %s: no answer within %d ms%s",
			 outgoing->method->name, client->endpoint, outgoing->timeout_ms,
			 served ? "" : ", and nobody serves it now: start the server again");
}

int mqci_outgoing_explain(const mqci_outgoing *outgoing, int status)
{
	bool maybe_executed = mqc_error_last()->maybe_executed;
	int r = status;

	if (status == MQC_DEADLINE_EXCEEDED && maybe_executed)
		r = fail_unanswered(outgoing);
	else if (status == MQC_DEADLINE_EXCEEDED && outgoing->room_deadline == 0)
		r = mqci_outgoing_fail_window(outgoing);
	else if (status == MQC_DEADLINE_EXCEEDED)
		r = mqci_fail(
			status, 0,
			"%s on endpoint %s: not sent within %d ms, as the client's other calls "
			"have no answer yet; open it with a larger window",
			outgoing->method->name, outgoing->client->endpoint, outgoing->timeout_ms);
	else if (status == MQC_CANCELLED)
		r = mqci_fail(status, 0, "%s on endpoint %s: %s", outgoing->method->name,
			      outgoing->client->endpoint,
			      mqci_pendings_closing(&outgoing->client->pendings)
				      ? "its client was closed"
				      : "cancelled by the caller");
	else if (status == MQC_UNAVAILABLE)
		r = mqci_fail(status, 0, "%s on endpoint %s: %s", outgoing->method->name,
			      outgoing->client->endpoint, mqc_error_last()->text);
	return maybe_executed ? mqci_maybe_executed() : r;
}

int mqci_outgoing_fail_room(const mqci_outgoing *outgoing)
{
	if (outgoing->room_deadline == 0)
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EAGAIN,
			"%s: the queue of endpoint %s is full, and the call was not to wait",
			outgoing->method->name, outgoing->client->endpoint);
	return mqci_fail(MQC_DEADLINE_EXCEEDED, 0,
			 "%s: the queue of endpoint %s had no room for the request within %d ms; "
			 "the server is overloaded or stuck",
			 outgoing->method->name, outgoing->client->endpoint, outgoing->timeout_ms);
}

bool mqci_outgoing_may_repeat(const mqci_outgoing *outgoing, int status, bool maybe_executed)
{
	return status == MQC_UNAVAILABLE && (!maybe_executed || is_idempotent(outgoing->method));
}

static int fail_too_large(const mqci_outgoing *outgoing)
{
	const mqc_client *client = outgoing->client;
	const char *name = outgoing->method->name;

	if (outgoing->method->flags & MQC_METHOD_ONEWAY)
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
			"the request of %s has %zu bytes, and the queue of endpoint %s takes %zu, "
			"which is all that carries one-way calls: send less, or %s",
			name, outgoing->size, client->endpoint, mqci_outgoing_queue_max(outgoing),
			mqci_outgoing_queue_max(outgoing) < client->request_max
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
		name, outgoing->size, client->endpoint, mqci_outgoing_queue_max(outgoing));
}

int mqci_outgoing_check_large(const mqci_outgoing *outgoing, mqci_answer *answer)
{
	mqc_client *client = outgoing->client;

	if (!(outgoing->method->flags & MQC_METHOD_ONEWAY) &&
	    outgoing->size <= mqci_region_max(&client->arena))
		return MQC_OK;
	if (mqci_send_is_cut_off(client, mqci_waiters_epoch(&client->waiters))) {
		answer->again = true;
		return mqci_outgoing_explain(
			outgoing, mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped"));
	}
	return fail_too_large(outgoing);
}

/* A reply that has nothing in front of it. */
static int open_bare(const mqci_outgoing *outgoing, const mqci_frame *reply, mqci_answer *answer)
{
	int r = mqci_client_status(outgoing->client, outgoing->method->name, reply);

	if (r < 0)
		return r;
	return mqci_outgoing_unpack(outgoing, reply->payload, reply->size, answer);
}

/* Take what comes in front of a reply off it; then the reply is as any other. */
static int open_enclosing(const mqci_outgoing *outgoing, const mqci_frame *reply,
			  mqci_answer *answer)
{
	mqci_extra detail = {0};
	mqci_frame rest = *reply;
	int r;

	r = mqci_metadata_take(outgoing->method->name, &rest, outgoing->ret_metadata, &detail);
	if (r < 0)
		return r;
	r = open_bare(outgoing, &rest, answer);
	if (rest.code != MQC_OK && detail.key != NULL)
		mqci_error_attach(detail.key, detail.key_size, detail.value, detail.value_size);
	return r;
}

static int open_plain(const mqci_outgoing *outgoing, const mqci_frame *reply, mqci_answer *answer)
{
	return reply->flags & MQCI_FRAME_EXTRAS ? open_enclosing(outgoing, reply, answer)
						: open_bare(outgoing, reply, answer);
}

/* The same for a reply that refers to memory. */
static int open_referring(const mqci_outgoing *outgoing, const mqci_waiter *waiter,
			  mqci_answer *answer)
{
	mqci_frame rest = waiter->reply;
	mqci_references references;
	size_t size;
	int r;

	size = mqci_references_decode(rest.payload, rest.size, &references);
	if (size == 0) {
		(void)mqci_fail(MQC_INTERNAL, 0,
				"the reply of %s comes with references that make no sense",
				outgoing->method->name);
		return mqci_maybe_executed();
	}
	rest.payload += size;
	rest.size -= size;
	r = open_plain(outgoing, &rest, answer);
	if (r < 0)
		return r;
	r = mqci_loan_of_reply(outgoing->client, waiter, outgoing->lent, &references,
			       answer->allocator, answer->reply);
	if (r == MQC_OK)
		return r;
	protobuf_c_message_free_unpacked(answer->reply, answer->allocator);
	return mqci_maybe_executed();
}

static int open_reply(const mqci_outgoing *outgoing, const mqci_waiter *waiter, mqci_answer *answer)
{
	if (waiter->reply.flags & MQCI_FRAME_REFERS)
		return open_referring(outgoing, waiter, answer);
	return open_plain(outgoing, &waiter->reply, answer);
}

bool mqci_outgoing_was_refused(const mqci_outgoing *outgoing, const mqci_frame *reply)
{
	if ((int64_t)reply->code != MQC_UNAVAILABLE)
		return false;
	return (reply->flags & MQCI_FRAME_NOT_EXECUTED) != 0 ||
	       ((reply->flags & MQCI_FRAME_LOST) != 0 && is_idempotent(outgoing->method));
}

int mqci_outgoing_take_reply(const mqci_outgoing *outgoing, mqci_waiter *waiter,
			     mqci_answer *answer)
{
	const bool is_fetched = (waiter->reply.flags & MQCI_FRAME_ARENA) != 0;
	mqc_client *client = outgoing->client;
	void *copy = NULL;
	int r;

	if (is_fetched &&
	    mqci_region_fetch(&client->arena, waiter, outgoing->method->reply, &copy) < 0)
		return mqci_maybe_executed();
	r = open_reply(outgoing, waiter, answer);
	if (r < 0)
		answer->again = mqci_outgoing_was_refused(outgoing, &waiter->reply);
	if (is_fetched)
		free(copy);
	return r;
}
