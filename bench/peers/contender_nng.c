/*
 * contender_nng.c - nng, over ipc://: the REQ and REP protocols.
 *
 * As its manual has it: nng_sendmsg() and nng_recvmsg() on the sockets where one call is
 * out at a time, and contexts (nng_ctx) with asynchronous operations (nng_aio) where
 * there are more, on both sides. nng moves bytes and has no IDL: the numbers of Add travel
 * as they are.
 */
#include "contender.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

enum {
	OUTSTANDING = 4096,
	LIKED = 256,
	WORKERS = 64
};

/* A byte more than a multiple of anything, which no Echo of the benchmark is. */
typedef struct add_message {
	int32_t a, b, sum;
	char odd;
} __attribute__((packed)) add_message;

typedef struct nng_connection nng_connection;

typedef struct nng_call {
	nng_connection *connection;
	uint32_t ticket;
	nng_ctx context;
	nng_aio *aio;
	int is_receiving;
	int32_t sum;
} nng_call;

struct nng_connection {
	nng_socket socket;
	nng_msg *reply;
	nng_call calls[OUTSTANDING];
	uint32_t n_calls;
	pthread_mutex_t lock;
	pthread_cond_t some;
	uint32_t ended[OUTSTANDING];
	uint32_t n_ended;
	int failed;
};

typedef struct nng_worker {
	nng_ctx context;
	nng_aio *aio;
	int is_sending;
} nng_worker;

static int complain(const char *who, int r)
{
	fprintf(stderr, "nng %s: %s\n", who, nng_strerror(r));
	return -1;
}

static void address_of(const char *name, char ret_address[BENCH_PATH_SIZE + 8])
{
	char path[BENCH_PATH_SIZE];

	bench_path(name, "socket", path);
	snprintf(ret_address, BENCH_PATH_SIZE + 8, "ipc://%s", path);
}

/* ----------------------------------------------------------------- server -- */

/* A message that was received may be sent back. */
static void answer(nng_msg *message)
{
	add_message add;

	if (nng_msg_len(message) != sizeof add) {
		bench_read(nng_msg_body(message), nng_msg_len(message));
		return;
	}
	memcpy(&add, nng_msg_body(message), sizeof add);
	add.sum = add.a + add.b;
	memcpy(nng_msg_body(message), &add, sizeof add);
}

static int serve_singly(nng_socket socket)
{
	nng_msg *message;
	int r;

	while ((r = nng_recvmsg(socket, &message, 0)) == 0) {
		answer(message);
		if ((r = nng_sendmsg(socket, message, 0)) != 0)
			break;
	}
	return complain("server", r);
}

static void on_worker(void *data)
{
	nng_worker *worker = data;

	if (nng_aio_result(worker->aio) != 0)
		return;
	if (!worker->is_sending) {
		answer(nng_aio_get_msg(worker->aio));
		worker->is_sending = 1;
		nng_ctx_send(worker->context, worker->aio);
	} else {
		worker->is_sending = 0;
		nng_ctx_recv(worker->context, worker->aio);
	}
}

static int serve_many(nng_socket socket)
{
	static nng_worker workers[WORKERS];
	int r;

	for (int i = 0; i < WORKERS; i++) {
		if ((r = nng_aio_alloc(&workers[i].aio, on_worker, &workers[i])) != 0 ||
		    (r = nng_ctx_open(&workers[i].context, socket)) != 0)
			return complain("server", r);
		nng_ctx_recv(workers[i].context, workers[i].aio);
	}
	for (;;)
		pause();
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	char address[BENCH_PATH_SIZE + 8];
	nng_socket socket;
	int r;

	address_of(name, address);
	if ((r = nng_rep0_open(&socket)) != 0 ||
	    (r = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0)) != 0 ||
	    (r = nng_listen(socket, address, NULL, 0)) != 0)
		return complain(address, r);
	ready(benchmark);
	return bench_window() > 0 ? serve_many(socket) : serve_singly(socket);
}

/* ----------------------------------------------------------------- client -- */

static void on_call(void *data)
{
	nng_call *call = data;
	nng_connection *connection = call->connection;
	add_message add;
	nng_msg *reply;
	int r = nng_aio_result(call->aio);

	if (r == 0 && !call->is_receiving) {
		call->is_receiving = 1;
		nng_ctx_recv(call->context, call->aio);
		return;
	}
	pthread_mutex_lock(&connection->lock);
	if (r == 0) {
		reply = nng_aio_get_msg(call->aio);
		memcpy(&add, nng_msg_body(reply), sizeof add);
		nng_msg_free(reply);
		call->sum = add.sum;
		connection->ended[connection->n_ended++] = call->ticket;
	} else {
		connection->failed = r;
	}
	pthread_cond_signal(&connection->some);
	pthread_mutex_unlock(&connection->lock);
}

static int make_calls(nng_connection *connection, uint32_t n)
{
	int r;

	for (uint32_t i = 0; i < n; i++) {
		nng_call *call = &connection->calls[i];

		call->connection = connection;
		call->ticket = i;
		if ((r = nng_aio_alloc(&call->aio, on_call, call)) != 0 ||
		    (r = nng_ctx_open(&call->context, connection->socket)) != 0)
			return complain("client", r);
		connection->n_calls++;
	}
	return 0;
}

static int connect_socket(const char *name, void **ret_connection)
{
	nng_connection *connection = calloc(1, sizeof *connection);
	char address[BENCH_PATH_SIZE + 8];
	int r;

	address_of(name, address);
	pthread_mutex_init(&connection->lock, NULL);
	pthread_cond_init(&connection->some, NULL);
	if ((r = nng_req0_open(&connection->socket)) != 0 ||
	    (r = nng_socket_set_size(connection->socket, NNG_OPT_RECVMAXSZ, 0)) != 0 ||
	    (r = nng_dial(connection->socket, address, NULL, 0)) != 0)
		return complain(address, r);
	if (bench_window() > 0 && make_calls(connection, bench_window()) < 0)
		return -1;
	*ret_connection = connection;
	return 0;
}

static int call_with(nng_connection *connection, const void *data, size_t size)
{
	nng_msg *message;
	int r;

	if (connection->reply != NULL)
		nng_msg_free(connection->reply);
	connection->reply = NULL;
	if ((r = nng_msg_alloc(&message, 0)) != 0 ||
	    (r = nng_msg_append(message, data, size)) != 0 ||
	    (r = nng_sendmsg(connection->socket, message, 0)) != 0 ||
	    (r = nng_recvmsg(connection->socket, &connection->reply, 0)) != 0)
		return complain("client", r);
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	nng_connection *connection = to;
	add_message message = {.a = a, .b = b};

	if (call_with(connection, &message, sizeof message) < 0)
		return -1;
	memcpy(&message, nng_msg_body(connection->reply), sizeof message);
	*ret_sum = message.sum;
	return 0;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	nng_connection *connection = to;

	if (call_with(connection, data, size) < 0)
		return -1;
	*ret_reply = nng_msg_body(connection->reply);
	*ret_size = nng_msg_len(connection->reply);
	return 0;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	nng_connection *connection = to;
	nng_call *call = &connection->calls[ticket];
	const add_message message = {.a = a, .b = b};
	nng_msg *request;
	int r;

	if ((r = nng_msg_alloc(&request, 0)) != 0 ||
	    (r = nng_msg_append(request, &message, sizeof message)) != 0)
		return complain("client", r);
	call->is_receiving = 0;
	nng_aio_set_msg(call->aio, request);
	nng_ctx_send(call->context, call->aio);
	return 0;
}

static int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	nng_connection *connection = from;
	uint32_t tickets[OUTSTANDING], n;
	int failed;

	pthread_mutex_lock(&connection->lock);
	while (connection->n_ended == 0 && !connection->failed)
		pthread_cond_wait(&connection->some, &connection->lock);
	n = connection->n_ended;
	memcpy(tickets, connection->ended, n * sizeof tickets[0]);
	connection->n_ended = 0;
	failed = connection->failed;
	pthread_mutex_unlock(&connection->lock);
	for (uint32_t i = 0; i < n; i++)
		ended(benchmark, tickets[i], connection->calls[tickets[i]].sum);
	return failed ? complain("client", failed) : 0;
}

static void disconnect(void *from)
{
	nng_connection *connection = from;

	for (uint32_t i = 0; i < connection->n_calls; i++) {
		nng_ctx_close(connection->calls[i].context);
		nng_aio_free(connection->calls[i].aio);
	}
	if (connection->reply != NULL)
		nng_msg_free(connection->reply);
	nng_close(connection->socket);
	free(connection);
}

static const bench_contender nng = {
	.name = "nng",
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

const bench_contender *const bench_contenders[] = {&nng, NULL};
