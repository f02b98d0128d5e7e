/*
 * contender_zeromq.c - ZeroMQ, over ipc://.
 *
 * As its guide has it: REQ for a client that makes one call after the other, DEALER for
 * many at once, and ROUTER for the server of either; between DEALER and ROUTER without the
 * empty frame that REQ puts in front. Bytes that are large are handed over without a copy
 * (zmq_msg_init_data). ZeroMQ moves bytes and has no IDL: the numbers of Add travel as they
 * are.
 */
#include "contender.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum {
	OUTSTANDING = 4096,
	LIKED = 1000,
	LARGE = 4096
};

typedef struct add_message {
	uint32_t ticket;
	int32_t a, b, sum;
} add_message;

typedef struct zeromq_connection {
	void *context, *socket;
	zmq_msg_t reply;
} zeromq_connection;

static int complain(const char *who)
{
	fprintf(stderr, "zeromq %s: %s\n", who, zmq_strerror(zmq_errno()));
	return -1;
}

static void address_of(const char *name, char ret_address[BENCH_PATH_SIZE + 8])
{
	char path[BENCH_PATH_SIZE];

	bench_path(name, "socket", path);
	snprintf(ret_address, BENCH_PATH_SIZE + 8, "ipc://%s", path);
}

/*
 * One call: an identity, an empty frame if a REQ socket is at the other end, and the
 * request; the answer goes the same way back.
 */
static int answer(void *socket, bool has_empty)
{
	zmq_msg_t identity, empty, body;
	add_message message;
	int r = 0;

	zmq_msg_init(&identity);
	zmq_msg_init(&empty);
	zmq_msg_init(&body);
	if (zmq_msg_recv(&identity, socket, 0) < 0 ||
	    (has_empty && zmq_msg_recv(&empty, socket, 0) < 0) ||
	    zmq_msg_recv(&body, socket, 0) < 0)
		return complain("server");
	if (zmq_msg_size(&body) == sizeof message + 1) {
		memcpy(&message, zmq_msg_data(&body), sizeof message);
		message.sum = message.a + message.b;
		memcpy(zmq_msg_data(&body), &message, sizeof message);
	} else {
		bench_read(zmq_msg_data(&body), zmq_msg_size(&body));
	}
	/* A message that was received may be sent on: that is ZeroMQ's way to write it back. */
	if (zmq_msg_send(&identity, socket, ZMQ_SNDMORE) < 0 ||
	    (has_empty && zmq_msg_send(&empty, socket, ZMQ_SNDMORE) < 0) ||
	    zmq_msg_send(&body, socket, 0) < 0)
		r = complain("server");
	return r;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	char address[BENCH_PATH_SIZE + 8];
	void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_ROUTER);
	int none = 0;

	address_of(name, address);
	zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
	zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
	if (zmq_bind(socket, address) < 0)
		return complain(address);
	ready(benchmark);
	while (answer(socket, bench_window() == 0) == 0)
		continue;
	return -1;
}

static int connect_socket(const char *name, void **ret_connection)
{
	zeromq_connection *connection = calloc(1, sizeof *connection);
	char address[BENCH_PATH_SIZE + 8];
	int none = 0;

	if (connection == NULL)
		return -1;
	address_of(name, address);
	zmq_msg_init(&connection->reply);
	connection->context = zmq_ctx_new();
	connection->socket =
		zmq_socket(connection->context, bench_window() > 0 ? ZMQ_DEALER : ZMQ_REQ);
	zmq_setsockopt(connection->socket, ZMQ_SNDHWM, &none, sizeof none);
	zmq_setsockopt(connection->socket, ZMQ_RCVHWM, &none, sizeof none);
	zmq_setsockopt(connection->socket, ZMQ_LINGER, &none, sizeof none);
	if (zmq_connect(connection->socket, address) < 0)
		return complain(address);
	*ret_connection = connection;
	return 0;
}

/* A byte more than the struct, which no Echo of the benchmark has: so they are told apart. */
static int send_add(void *socket, const add_message *message)
{
	char bytes[sizeof *message + 1] = "";

	memcpy(bytes, message, sizeof *message);
	return zmq_send(socket, bytes, sizeof bytes, 0) < 0 ? complain("client") : 0;
}

static int receive_add(void *socket, int flags, add_message *ret_message)
{
	char bytes[sizeof *ret_message + 1];

	if (zmq_recv(socket, bytes, sizeof bytes, flags) < 0)
		return -1;
	memcpy(ret_message, bytes, sizeof *ret_message);
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	const zeromq_connection *connection = to;
	add_message message = {.a = a, .b = b};

	if (send_add(connection->socket, &message) < 0 ||
	    receive_add(connection->socket, 0, &message) < 0)
		return complain("client");
	*ret_sum = message.sum;
	return 0;
}

static void keep(void *data, void *hint)
{
	(void)data;
	(void)hint;
}

/* The caller's bytes stay as they are until the reply has come: they need no copy. */
static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	zeromq_connection *connection = to;
	zmq_msg_t request;

	if (size < LARGE) {
		zmq_msg_init_size(&request, size);
		memcpy(zmq_msg_data(&request), data, size);
	} else {
		zmq_msg_init_data(&request, (void *)(uintptr_t)data, size, keep, NULL);
	}
	if (zmq_msg_send(&request, connection->socket, 0) < 0 ||
	    zmq_msg_recv(&connection->reply, connection->socket, 0) < 0)
		return complain("client");
	*ret_reply = zmq_msg_data(&connection->reply);
	*ret_size = zmq_msg_size(&connection->reply);
	return 0;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	const zeromq_connection *connection = to;
	const add_message message = {.ticket = ticket, .a = a, .b = b};

	return send_add(connection->socket, &message);
}

static int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	const zeromq_connection *connection = from;
	add_message message;
	int n = 0;

	while (receive_add(connection->socket, n == 0 ? 0 : ZMQ_DONTWAIT, &message) == 0) {
		ended(benchmark, message.ticket, message.sum);
		n++;
	}
	return n > 0 ? 0 : complain("client");
}

static void disconnect(void *from)
{
	zeromq_connection *connection = from;

	zmq_msg_close(&connection->reply);
	zmq_close(connection->socket);
	zmq_ctx_term(connection->context);
	free(connection);
}

static const bench_contender zeromq = {
	.name = "zeromq",
	.serve = serve,
	.connect = connect_socket,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = LIKED,
	.disconnect = disconnect,
};

const bench_contender *const bench_contenders[] = {&zeromq, NULL};
