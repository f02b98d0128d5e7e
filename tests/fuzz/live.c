/*
 * live.c - a server and a client of this process, to which any bytes can be sent.
 *
 * Who does not know the session key gets nowhere, and no fuzzer guesses it; so
 * it is put into frames, to try what a client can do that is let in, and means
 * no good.
 */
#include "live.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "frame.h"
#include "tests/shapes_fields.h"

enum {
	NEXT,
	TREE,
	LARGE,
	ONEWAY,
	METHODS
};

#define METHOD(index, method_name, type, method_flags)                                             \
	[index] = {                                                                                \
		.name = "live.Live/" method_name,                                                  \
		.id = (index),                                                                     \
		.request = &shapes__##type##__descriptor,                                          \
		.reply = &shapes__##type##__descriptor,                                            \
		.flags = (method_flags),                                                           \
		.table_version = MQC_TABLE_VERSION,                                                \
		.request_fields = type##_fields,                                                   \
		.reply_fields = type##_fields,                                                     \
	}

#define tree_fields NULL /* messages in messages */

static const mqc_method methods[METHODS] = {
	METHOD(NEXT, "Next", number, 0),
	METHOD(TREE, "Tree", tree, 0),
	METHOD(LARGE, "Large", text, 0),
	METHOD(ONEWAY, "Oneway", tree, MQC_METHOD_ONEWAY),
};

static const mqc_service service = {
	.table_version = MQC_TABLE_VERSION,
	.n_methods = METHODS,
	.name = "live.Live",
	.methods = methods,
};

static mqc_server *server;
static pthread_t server_thread;
static mqc_client *client;
static mqci_queue requests, replies; /* to send to */

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "live: %s: %s\n", what, mqc_error_last()->text);
	abort();
}

static int dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	Shapes__Text *text = (void *)reply;

	(void)handlers, (void)self;
	switch (method) {
	case NEXT:
		((Shapes__Number *)(void *)reply)->value =
			((const Shapes__Number *)(const void *)request)->value + 1;
		return MQC_OK;
	case LARGE:
		text->data.len = 5000;
		text->data.data = mqc_call_alloc(call, text->data.len);
		return text->data.data != NULL ? MQC_OK : MQC_RESOURCE_EXHAUSTED;
	default:
		return mqc_call_cancelled(call) ? MQC_CANCELLED : MQC_OK;
	}
}

static void *serve(void *unused)
{
	must(mqc_server_run(server) == MQC_OK, "running the server");
	return unused;
}

static void end(void)
{
	mqci_queue_close(&requests);
	mqci_queue_close(&replies);
	client = mqc_client_close(client);
	mqc_server_stop(server);
	(void)pthread_join(server_thread, NULL);
	server = mqc_server_close(server);
}

static void begin(void)
{
	/* Small, for requests in shared memory are not to take all the time. */
	const mqc_server_options options = {.threads = 2, .queue_size = 4096, .payload_max = 65536};
	/* Patient: others may keep the machine busy; but less than libFuzzer is. */
	const mqc_client_options small = {.payload_max = 65536, .timeout_ms = 25000};
	char endpoint[32], name[MQCI_NAME_SIZE];

	(void)snprintf(endpoint, sizeof endpoint, "fuzz-%ld", (long)getpid());
	must(mqc_server_open(endpoint, &options, &server) == MQC_OK, "opening the server");
	must(mqc_server_add(server, &service, dispatch, NULL, NULL) == MQC_OK, "adding a service");
	must(pthread_create(&server_thread, NULL, serve, NULL) == 0, "starting a thread");
	must(mqc_client_open(endpoint, &small, &client) == MQC_OK, "opening the client");
	mqci_name_endpoint(endpoint, name);
	must(mqci_queue_open(name, MQCI_SEND, &requests) == MQC_OK, "opening the requests");
	mqci_name_replies(client->session, name);
	must(mqci_queue_open(name, MQCI_SEND, &replies) == MQC_OK, "opening the replies");
	(void)atexit(end);
}

static void send(const mqci_queue *queue, const uint8_t *bytes, size_t size)
{
	/* No room: that will do for this time. */
	(void)mqci_queue_send(queue, bytes, size < queue->size ? size : queue->size, 0);
}

/* Let frames be the client's. */
static void make_ours(uint8_t *bytes, size_t size)
{
	mqci_session_now now = {0};
	const uint8_t *at = bytes;
	size_t left = size;
	mqci_frame frame;

	(void)mqci_waiters_session(&client->waiters, &now);
	while (left >= MQCI_FRAME_HEADER) {
		uint8_t *header = bytes + (at - bytes);

		if (mqci_frame_decode(&at, &left, &frame) != MQCI_FRAME_OK)
			return;
		/* What it says of itself is true: then its own calls have no answer. */
		if (frame.type == MQCI_GOODBYE)
			continue;
		frame.session = client->session;
		frame.key = now.key;
		frame.payload = NULL;
		if (frame.flags & MQCI_FRAME_ARENA || frame.size == 0)
			(void)mqci_frame_encode(&frame, header);
		else
			memcpy(header + 16, (const uint64_t[]){frame.session, frame.key}, 16);
	}
}

static void call(void)
{
	static int64_t value;
	Shapes__Number request;
	ProtobufCMessage *reply;

	shapes__number__init(&request);
	request.value = value;
	must(mqc_client_call(client, &methods[NEXT], NULL, &request.base, NULL, &reply) == MQC_OK,
	     "a genuine call");
	must(((const Shapes__Number *)(const void *)reply)->value == value + 1, "its reply");
	value++;
	protobuf_c_message_free_unpacked(reply, NULL);
}

void live_try(const uint8_t *bytes, size_t size)
{
	uint8_t *ours = malloc(size > 0 ? size : 1);

	must(ours != NULL, "memory");
	if (server == NULL)
		begin();
	memcpy(ours, bytes, size);
	make_ours(ours, size);
	send(&requests, bytes, size);
	send(&replies, bytes, size);
	send(&requests, ours, size);
	send(&replies, ours, size);
	free(ours);
	call();
}
