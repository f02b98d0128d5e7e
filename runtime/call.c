/*
 * call.c - one call in the hands of a server: what handlers see of it.
 */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "message.h"
#include "scratch.h"

/* More room than this, in bytes, is not kept from one call to the next. */
#define KEPT_MAX (1024 * 1024)

static _Thread_local int64_t inherited = MQCI_NEVER;

/* Who serves nothing inherits nothing: then nobody need look for this thread's own memory. */
static atomic_bool serves;

int64_t mqci_call_inherited(void)
{
	return atomic_load_explicit(&serves, memory_order_relaxed) ? inherited : MQCI_NEVER;
}

mqc_call *mqci_call_new(struct mqci_deferrals *deferrals)
{
	mqc_call *call = calloc(1, sizeof *call);

	if (call != NULL)
		call->deferrals = deferrals;
	return call;
}

mqc_call *mqci_call_free(mqc_call *call)
{
	if (call == NULL)
		return NULL;
	mqci_call_done(call);
	free(call->message);
	free(call);
	return NULL;
}

void mqci_call_init(mqc_call *call, const mqc_method *method, const mqci_origin *origin,
		    int64_t deadline)
{
	call->method = method;
	call->origin = *origin;
	call->deadline = deadline;
	call->dispatched = false;
	call->metadata = NULL;
	call->enclosed = NULL;
	call->loans.request = NULL;
	call->loans.room = NULL;
	call->loans.used = call->loans.referred = 0;
	call->bulk = 0;
	call->text[0] = '\0';
	mqc_scratch_init(&call->memory);
}

void mqci_call_done(mqc_call *call)
{
	if (call->message_size > KEPT_MAX) {
		free(call->message);
		call->message = NULL;
		call->message_size = 0;
	}
	mqc_scratch_done(&call->memory);
}

uint8_t *mqci_call_reserve(mqc_call *call, size_t size)
{
	uint8_t *message;

	if (size > call->message_size) {
		message = realloc(call->message, size);
		if (message == NULL)
			return NULL;
		call->message = message;
		call->message_size = size;
	}
	return call->message;
}

void *mqc_call_alloc(mqc_call *call, size_t size)
{
	void *memory = mqci_scratch_alloc(&call->memory, size);

	if (memory == NULL) {
		(void)mqci_fail(MQC_RESOURCE_EXHAUSTED, ENOMEM,
				"no memory left for %zu bytes of the reply of %s", size,
				call->method->name);
		return NULL;
	}
	return memset(memory, 0, size);
}

char *mqc_call_strdup(mqc_call *call, const char *text)
{
	size_t size;
	char *copy;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	copy = mqc_call_alloc(call, size);
	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void mqci_call_say(mqc_call *call, const char *format, va_list arguments)
{
	mqci_metadata_drop_detail(call);
	if (vsnprintf(call->text, sizeof call->text, format, arguments) < 0)
		call->text[0] = '\0';
}

int mqc_call_fail(mqc_call *call, int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	mqci_call_say(call, format, arguments);
	va_end(arguments);
	return status;
}

int mqc_call_unhandled(mqc_call *call)
{
	call->dispatched = false;
	return mqc_call_fail(call, MQC_UNIMPLEMENTED, "%s has no handler in this server",
			     call->method->name);
}

int mqc_call_remaining_ms(const mqc_call *call)
{
	return mqci_deadline_remaining_ms(call->deadline);
}

bool mqc_call_cancelled(const mqc_call *call)
{
	const mqci_session *session = call->origin.session;

	if (call->deadline <= mqci_clock_now())
		return true;
	/* Nobody ever waited for a one-way call. */
	return !call->origin.oneway &&
	       (atomic_load(&session->gone) ||
		(session->pid != 0 && !mqci_arena_wants(&session->arena, call->origin.call)));
}

mqc_peer mqc_call_peer(const mqc_call *call)
{
	const mqci_session *session = call->origin.session;

	return (mqc_peer){
		.uid = session->uid,
		.gid = session->gid,
		.pid = session->pid,
	};
}

const mqc_method *mqc_call_method(const mqc_call *call)
{
	return call->method;
}

int mqci_call_check_result(mqc_call *call, int result)
{
	if (result <= MQC_OK && result >= MQC_UNAUTHENTICATED)
		return result;
	return mqc_call_fail(call, MQC_INTERNAL,
			     "the handler of %s returned %d, which is not a status",
			     call->method->name, result);
}

int mqci_call_execute(mqc_call *call, const mqci_entry *entry, const uint8_t *request, size_t size,
		      ProtobufCMessage **ret_reply)
{
	ProtobufCMessage *message, *reply;
	mqci_unpacked unpacked;
	int r;

	unpacked = mqci_message_unpack(call->method->request, call->method->request_fields,
				       &call->memory.allocator, request, size, &message);
	if (unpacked == MQCI_NO_MEMORY)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the server has no memory left for a request of %s",
				     call->method->name);
	if (unpacked != MQCI_UNPACKED)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "the request of %s is not a message of type %s",
				     call->method->name, call->method->request->name);
	if (call->loans.request != NULL) {
		r = mqci_loan_open(call, message);
		if (r < 0)
			return r;
	}
	reply = mqci_message_new(call->method->reply, &call->memory.allocator);
	if (reply == NULL)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the server has no memory left for a reply of %s",
				     call->method->name);

	call->dispatched = true;
	atomic_store_explicit(&serves, true, memory_order_relaxed);
	inherited = call->deadline;
	r = entry->dispatch(entry->handlers, entry->self, entry->index, call, message, reply);
	inherited = MQCI_NEVER;
	if (call->deferred)
		return MQC_OK;
	r = mqci_call_check_result(call, r);
	if (r < 0)
		return r;
	*ret_reply = reply;
	return MQC_OK;
}
