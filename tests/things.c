/*
 * things.c - a service made by hand, as mqcallc would make it, for the tests of the library.
 */
#include "things.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "carry.h"
#include "shapes_fields.h"

#define METHOD(index, method_name, request_type, reply_type, method_flags)                         \
	[index] = {                                                                                \
		.name = "things.Things/" method_name,                                              \
		.id = UINT64_C(0x7468696e67730000) + (index),                                      \
		.request = &shapes__##request_type##__descriptor,                                  \
		.reply = &shapes__##reply_type##__descriptor,                                      \
		.flags = (method_flags),                                                           \
		.table_version = MQC_TABLE_VERSION,                                                \
		.request_fields = request_type##_fields,                                           \
		.reply_fields = reply_type##_fields,                                               \
	}

static const mqc_field pair_fields[] = {
	{.kind = MQC_FIELD_INT32, .tag = 0x08, .offset = offsetof(Shapes__Pair, a)},
	{.kind = MQC_FIELD_INT32, .tag = 0x10, .offset = offsetof(Shapes__Pair, b)},
	{.kind = MQC_FIELD_END},
};

const mqc_method things_methods[THINGS_METHODS] = {
	METHOD(THINGS_ADD, "Add", pair, number, 0),
	METHOD(THINGS_WAIT, "Wait", number, number, 0),
	METHOD(THINGS_ECHO, "Echo", text, text, 0),
	METHOD(THINGS_GROW, "Grow", number, text, 0),
	METHOD(THINGS_FAIL, "Fail", number, number, 0),
	METHOD(THINGS_CODE, "Code", number, number, 0),
	METHOD(THINGS_NOTE, "Note", number, number, MQC_METHOD_ONEWAY),
	METHOD(THINGS_COUNT, "Count", number, number, 0),
	METHOD(THINGS_PID, "Pid", number, number, 0),
	METHOD(THINGS_REMAINING, "Remaining", number, number, 0),
	METHOD(THINGS_STOP, "Stop", number, number, 0),
	METHOD(THINGS_KILL, "Kill", number, number, 0),
	METHOD(THINGS_DEFER, "Defer", number, number, 0),
	METHOD(THINGS_UNTIL, "Until", number, number, 0),
	METHOD(THINGS_PEER, "Peer", number, number, 0),
	METHOD(THINGS_CARRY, "Carry", number, number, 0),
	METHOD(THINGS_NICE, "Nice", number, number, 0),
	METHOD(THINGS_LEND, "Lend", number, text, 0),
	METHOD(THINGS_KEEP, "Keep", text, number, 0),
	METHOD(THINGS_ABSENT, "Absent", number, number, 0),
};

const mqc_service things_service = {
	.table_version = MQC_TABLE_VERSION,
	.n_methods = THINGS_HOSTED,
	.name = "things.Things",
	.methods = things_methods,
};

static int add(const Shapes__Pair *pair, Shapes__Number *sum)
{
	sum->value = (int64_t)pair->a + pair->b;
	return MQC_OK;
}

static int wait_ms(int64_t ms)
{
	struct timespec left = {.tv_sec = (time_t)(ms / 1000),
				.tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) < 0)
		continue;
	return MQC_OK;
}

static int echo(const Shapes__Text *text, Shapes__Text *reply)
{
	reply->text = text->text;
	reply->data = text->data;
	return MQC_OK;
}

static int grow(mqc_call *call, int64_t size, Shapes__Text *reply)
{
	reply->text = mqc_call_alloc(call, (size_t)size + 1);
	if (reply->text == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	memset(reply->text, 'x', (size_t)size);
	return MQC_OK;
}

static int lend(mqc_call *call, int64_t size, Shapes__Text *reply)
{
	const size_t wanted = (size_t)(size < 0 ? -size : size);
	uint8_t *memory = mqc_call_loan(call, wanted);

	if (memory == NULL)
		return mqc_error_last()->status;
	memset(memory, 'l', wanted);
	reply->data.data = memory;
	reply->data.len = wanted;
	if (size > 0)
		return MQC_OK;
	reply->data.len = wanted + 1;
	reply->data.data = mqc_call_alloc(call, wanted + 1);
	return reply->data.data != NULL ? MQC_OK : MQC_RESOURCE_EXHAUSTED;
}

static int keep(const Shapes__Text *request, Shapes__Number *reply)
{
	(void)wait_ms(atoi(request->text));
	reply->value = 0;
	for (size_t i = 0; i < request->data.len; i++)
		reply->value += request->data.data[i];
	return MQC_OK;
}

struct deferred {
	mqc_call *call;
	int64_t value;
};

static void *finish(void *data)
{
	struct deferred *deferred = data;
	Shapes__Number reply;

	(void)wait_ms(deferred->value);
	shapes__number__init(&reply);
	reply.value = deferred->value;
	(void)mqc_call_finish(deferred->call, MQC_OK, &reply.base);
	free(deferred);
	return NULL;
}

static int defer(mqc_call *call, int64_t value)
{
	struct deferred *deferred = malloc(sizeof *deferred);
	pthread_attr_t detached;
	pthread_t thread;

	if (deferred == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	*deferred = (struct deferred){.call = call, .value = value};
	if (mqc_call_defer(call) < 0) {
		free(deferred);
		return MQC_RESOURCE_EXHAUSTED;
	}
	if (value == 0) {
		(void)finish(deferred);
		return MQC_OK;
	}
	if (pthread_attr_init(&detached) != 0 ||
	    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) != 0 ||
	    pthread_create(&thread, &detached, finish, deferred) != 0)
		abort();
	(void)pthread_attr_destroy(&detached);
	return MQC_OK;
}

static int until_cancelled(things *self, mqc_call *call, int64_t value)
{
	for (int i = 0; i < 6000 && !mqc_call_cancelled(call); i++)
		(void)wait_ms(10);
	if (mqc_call_cancelled(call))
		atomic_fetch_add(&self->count, value);
	return MQC_OK;
}

static int64_t number_of_peer(const mqc_call *call, int64_t which)
{
	const mqc_peer peer = mqc_call_peer(call);

	return which == 0 ? (int64_t)peer.uid : which == 1 ? (int64_t)peer.gid : peer.pid;
}

static void note_begun(things *self)
{
	atomic_fetch_add(&self->begun, 1);
	if (self->tells > 0 && write(self->tells, "b", 1) != 1)
		abort();
}

/* The methods Number -> Number: the reply has the request's value unless they change it. */
static int run_number(things *self, uint32_t method, mqc_call *call, int64_t value,
		      Shapes__Number *reply)
{
	reply->value = value;
	switch (method) {
	case THINGS_WAIT:
		note_begun(self);
		return wait_ms(value);
	case THINGS_FAIL:
		return mqc_call_fail(call, (int)value, "failed with %d, as asked for", (int)value);
	case THINGS_CODE:
		return (int)value;
	case THINGS_NOTE:
	case THINGS_COUNT:
		reply->value = atomic_fetch_add(&self->count, value) + value;
		return MQC_OK;
	case THINGS_PID:
		reply->value = getpid();
		return MQC_OK;
	case THINGS_REMAINING:
		reply->value = mqc_call_remaining_ms(call);
		return MQC_OK;
	case THINGS_STOP:
		mqc_server_stop(self->server);
		return MQC_OK;
	case THINGS_DEFER:
		return defer(call, value);
	case THINGS_UNTIL:
		note_begun(self);
		return until_cancelled(self, call, value);
	case THINGS_PEER:
		reply->value = number_of_peer(call, value);
		return MQC_OK;
	case THINGS_CARRY:
		return carry(call, value, reply);
	case THINGS_NICE:
		reply->value = getpriority(PRIO_PROCESS, 0);
		return MQC_OK;
	case THINGS_KILL:
		(void)kill(getpid(), SIGKILL);
		return MQC_OK;
	default:
		return MQC_UNIMPLEMENTED;
	}
}

int things_dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Shapes__Number *number = (const void *)request;

	(void)handlers;
	switch (method) {
	case THINGS_ADD:
		return add((const void *)request, (void *)reply);
	case THINGS_ECHO:
		return echo((const void *)request, (void *)reply);
	case THINGS_GROW:
		return grow(call, number->value, (void *)reply);
	case THINGS_LEND:
		return lend(call, number->value, (void *)reply);
	case THINGS_KEEP:
		return keep((const void *)request, (void *)reply);
	default:
		return run_number(self, method, call, number->value, (void *)reply);
	}
}

int things_serve(mqc_server *server, things *self)
{
	self->server = server;
	atomic_init(&self->count, 0);
	atomic_init(&self->begun, 0);
	self->tells = 0;
	return mqc_server_add(server, &things_service, things_dispatch, NULL, self);
}

int things_call(mqc_client *client, int method, int timeout_ms, int64_t value, int64_t *ret_value)
{
	const mqc_call_options options = {.timeout_ms = timeout_ms};
	Shapes__Number request;
	ProtobufCMessage *reply;
	mqc_scratch scratch;
	int r;

	shapes__number__init(&request);
	request.value = value;
	mqc_scratch_init(&scratch);
	r = mqc_client_call(client, &things_methods[method], &options, &request.base,
			    &scratch.allocator, &reply);
	if (r == MQC_OK && ret_value != NULL)
		*ret_value = ((const Shapes__Number *)(const void *)reply)->value;
	mqc_scratch_done(&scratch);
	return r;
}

int things_start(mqc_client *client, int method, const mqc_call_options *options, int64_t value,
		 mqc_ended ended, void *data, mqc_pending **ret_pending)
{
	Shapes__Number request;

	shapes__number__init(&request);
	request.value = value;
	return mqc_client_start(client, &things_methods[method], options, &request.base, ended,
				data, ret_pending);
}

int things_finish(mqc_pending *pending, int64_t *ret_value)
{
	ProtobufCMessage *reply;
	mqc_scratch scratch;
	int r;

	mqc_scratch_init(&scratch);
	r = mqc_pending_finish(pending, &scratch.allocator, &reply);
	if (r == MQC_OK && ret_value != NULL)
		*ret_value = ((const Shapes__Number *)(const void *)reply)->value;
	mqc_scratch_done(&scratch);
	return r;
}

int things_add(mqc_client *client, int32_t a, int32_t b, int64_t *ret_sum)
{
	Shapes__Pair request;
	ProtobufCMessage *reply;
	mqc_scratch scratch;
	int r;

	shapes__pair__init(&request);
	request.a = a;
	request.b = b;
	mqc_scratch_init(&scratch);
	r = mqc_client_call(client, &things_methods[THINGS_ADD], NULL, &request.base,
			    &scratch.allocator, &reply);
	if (r == MQC_OK)
		*ret_sum = ((const Shapes__Number *)(const void *)reply)->value;
	mqc_scratch_done(&scratch);
	return r;
}

int things_echo(mqc_client *client, const char *text, char **ret_text)
{
	Shapes__Text request;
	ProtobufCMessage *reply;
	char *copy;
	int r;

	copy = strdup(text);
	if (copy == NULL)
		abort();
	shapes__text__init(&request);
	request.text = copy;
	r = mqc_client_call(client, &things_methods[THINGS_ECHO], NULL, &request.base, NULL,
			    &reply);
	free(copy);
	if (r < 0)
		return r;
	r = mqc_take_string(&((Shapes__Text *)(void *)reply)->text, NULL, ret_text);
	protobuf_c_message_free_unpacked(reply, NULL);
	return r;
}

int things_grow(mqc_client *client, int64_t size, size_t *ret_size)
{
	Shapes__Number request;
	ProtobufCMessage *reply;
	int r;

	shapes__number__init(&request);
	request.value = size;
	r = mqc_client_call(client, &things_methods[THINGS_GROW], NULL, &request.base, NULL,
			    &reply);
	if (r < 0)
		return r;
	*ret_size = strlen(((const Shapes__Text *)(const void *)reply)->text);
	protobuf_c_message_free_unpacked(reply, NULL);
	return MQC_OK;
}
