/*
 * contender_mqcall.c - mqcall itself, through the stubs that mqcallc makes of bench.proto.
 *
 *   mqcall           as it is by default
 *   mqcall-nospin    with spinning off
 *   mqcall-lent      bytes lie in memory that both sides have, see "loans": what is copied is what
 *                    the programs copy themselves
 *
 * But for calls at once, of which it has more than the default by option, and a reply queue that
 * has room for the replies of many in a message: as large as a stock system permits. These calls
 * it makes as a program with a loop does.
 */
#include "contender.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.mqc.h"

/* So that 16 MiB can be measured: a message is a little more than its bytes. */
#define PAYLOAD_MAX ((size_t)32 << 20)

enum {
	OUTSTANDING = 4096,
	LIKED = 1024,
	REPLY_SIZE = 8192,
	REPLY_MESSAGES = 10
};

/* In the order of bench.proto: of a reply that stays where it is, stubs know nothing. */
enum {
	ECHO = 1,
	PASS = 2
};

typedef struct bench_connection bench_connection;

typedef struct bench_ticket {
	bench_connection *connection;
	uint32_t ticket;
} bench_ticket;

struct bench_connection {
	mqc_client *client;
	uint8_t *reply;
	Bench__EchoReply *passed; /* of a call whose bytes were lent */
	void *loan;               /* where the bytes of the request are put */
	size_t loan_size;
	bench_ticket *tickets;
	/* while it waits for some of many calls */
	bench_ended ended;
	void *benchmark;
	unsigned n_ended;
	bool failed;
};

static int handle_add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	(void)self;
	(void)call;
	*ret_sum = a + b;
	return MQC_OK;
}

/* Written back from where it was read: the runtime packs the reply before the request goes. */
static int handle_echo(void *self, mqc_call *call, const uint8_t *data, size_t data_len,
		       const uint8_t **ret_data, size_t *ret_data_len)
{
	(void)self;
	(void)call;
	bench_read(data, data_len);
	*ret_data = data;
	*ret_data_len = data_len;
	return MQC_OK;
}

/* A copy, but into memory of the caller's, who reads it there. */
static int handle_echo_lent(void *self, mqc_call *call, const uint8_t *data, size_t data_len,
			    const uint8_t **ret_data, size_t *ret_data_len)
{
	void *reply = mqc_call_loan(call, data_len);

	(void)self;
	if (reply == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	bench_read(data, data_len);
	*ret_data = memcpy(reply, data, data_len);
	*ret_data_len = data_len;
	return MQC_OK;
}

/* Where it lies the caller has it: no copy. */
static int handle_pass(void *self, mqc_call *call, const uint8_t *data, size_t data_len,
		       const uint8_t **ret_data, size_t *ret_data_len)
{
	(void)self;
	(void)call;
	*ret_data = data;
	*ret_data_len = data_len;
	return MQC_OK;
}

static int complain(const char *who)
{
	fprintf(stderr, "mqcall %s: %s\n", who, mqc_error_last()->text);
	return -1;
}

static int serve_with(const bench_handlers *handlers, const char *name, bench_ready ready,
		      void *benchmark)
{
	const mqc_server_options options = {.stop_on_signals = true, .payload_max = PAYLOAD_MAX};
	mqc_server *server = NULL;
	int r = 0;

	if (mqc_server_open(name, &options, &server) < 0 ||
	    bench_serve(server, handlers, NULL) < 0) {
		r = complain("server");
	} else {
		ready(benchmark);
		if (mqc_server_run(server) < 0)
			r = complain("server");
	}
	mqc_server_close(server);
	return r;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	static const bench_handlers handlers = {
		.add = handle_add, .echo = handle_echo, .pass = handle_pass};

	return serve_with(&handlers, name, ready, benchmark);
}

static int serve_lent(const char *name, bench_ready ready, void *benchmark)
{
	static const bench_handlers handlers = {
		.add = handle_add, .echo = handle_echo_lent, .pass = handle_pass};

	return serve_with(&handlers, name, ready, benchmark);
}

static int make_tickets(bench_connection *connection, uint32_t window)
{
	connection->tickets = calloc(window, sizeof *connection->tickets);
	if (connection->tickets == NULL)
		return -1;
	for (uint32_t i = 0; i < window; i++)
		connection->tickets[i] = (bench_ticket){.connection = connection, .ticket = i};
	return 0;
}

static void release_passed(bench_connection *connection)
{
	if (connection->passed != NULL)
		bench__echo_reply__free_unpacked(connection->passed,
						 mqc_client_loans(connection->client));
	connection->passed = NULL;
}

static void disconnect(void *from)
{
	bench_connection *connection = from;

	release_passed(connection);
	mqc_loan_return(connection->client, connection->loan);
	mqc_client_close(connection->client);
	free(connection->reply);
	free(connection->tickets);
	free(connection);
}

static int connect_as(const char *name, int spin_us, void **ret_connection)
{
	mqc_client_options options = {.payload_max = PAYLOAD_MAX, .spin_us = spin_us};
	bench_connection *connection = calloc(1, sizeof *connection);

	if (bench_window() > 0) {
		options.window = (int)bench_window();
		options.reply_size = REPLY_SIZE;
		options.reply_messages = REPLY_MESSAGES;
		options.own_loop = true;
	}
	if (connection == NULL)
		return complain("client");
	if (make_tickets(connection, bench_window() + 1) < 0 ||
	    mqc_client_open(name, &options, &connection->client) < 0) {
		(void)complain("client");
		disconnect(connection);
		return -1;
	}
	*ret_connection = connection;
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	const bench_connection *connection = to;

	return bench_add(connection->client, a, b, ret_sum) < 0 ? complain("client") : 0;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	bench_connection *connection = to;

	free(connection->reply);
	connection->reply = NULL;
	if (bench_echo(connection->client, data, size, &connection->reply, ret_size) < 0)
		return complain("client");
	*ret_reply = connection->reply;
	return 0;
}

static int lend(void *to, size_t size, void **ret_memory)
{
	bench_connection *connection = to;

	release_passed(connection);
	return mqc_loan(connection->client, size, ret_memory) < 0 ? complain("client") : 0;
}

/* Where the reply lies it stays until the next call. */
static int call_lent(bench_connection *connection, unsigned method, void *memory, size_t size,
		     const void **ret_reply, size_t *ret_size)
{
	Bench__EchoRequest request;
	ProtobufCMessage *reply;

	bench__echo_request__init(&request);
	request.data = (ProtobufCBinaryData){.data = memory, .len = size};
	if (mqc_client_call(connection->client, &bench_service.methods[method], NULL, &request.base,
			    mqc_client_loans(connection->client), &reply) < 0)
		return complain("client");
	connection->passed = (Bench__EchoReply *)(void *)reply;
	*ret_reply = connection->passed->data.data;
	*ret_size = connection->passed->data.len;
	return 0;
}

static int pass(void *to, void *memory, size_t size, const void **ret_reply, size_t *ret_size)
{
	bench_connection *connection = to;
	int r = call_lent(connection, PASS, memory, size, ret_reply, ret_size);

	mqc_loan_return(connection->client, memory);
	return r;
}

static int echo_lent(void *to, const void *data, size_t size, const void **ret_reply,
		     size_t *ret_size)
{
	bench_connection *connection = to;

	release_passed(connection);
	if (connection->loan_size != size) {
		mqc_loan_return(connection->client, connection->loan);
		connection->loan = NULL;
		if (mqc_loan(connection->client, size, &connection->loan) < 0)
			return complain("client");
		connection->loan_size = size;
	}
	memcpy(connection->loan, data, size);
	return call_lent(connection, ECHO, connection->loan, size, ret_reply, ret_size);
}

static int connect_client(const char *name, void **ret_connection)
{
	return connect_as(name, 0, ret_connection);
}

/* A server spins only for clients that do. */
static int connect_sleeping(const char *name, void **ret_connection)
{
	return connect_as(name, MQC_SPIN_OFF, ret_connection);
}

/* While the client is in mqc_client_process(). */
static void on_ended(mqc_pending *pending, void *data)
{
	const bench_ticket *ticket = data;
	bench_connection *connection = ticket->connection;
	int32_t sum = 0;

	if (bench_add_finish(pending, &sum) < 0)
		connection->failed = complain("client") < 0;
	else
		connection->ended(connection->benchmark, ticket->ticket, sum);
	connection->n_ended++;
}

static int start(void *to, uint32_t number, int32_t a, int32_t b)
{
	bench_connection *connection = to;
	mqc_pending *pending;

	if (bench_add_start(connection->client, a, b, on_ended, &connection->tickets[number],
			    &pending) < 0)
		return complain("client");
	return 0;
}

static int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	bench_connection *connection = from;
	struct pollfd readable = {.fd = mqc_client_get_fd(connection->client), .events = POLLIN};

	connection->ended = ended;
	connection->benchmark = benchmark;
	connection->n_ended = 0;
	for (;;) {
		if (mqc_client_process(connection->client) < 0)
			return complain("client");
		if (connection->n_ended > 0)
			return connection->failed ? -1 : 0;
		(void)poll(&readable, 1, mqc_client_get_timeout(connection->client));
	}
}

/* A server removes what the dead have left. */
static void sweep(const char *name)
{
	mqc_server *server;

	if (mqc_server_open(name, NULL, &server) == MQC_OK)
		mqc_server_close(server);
}

static const bench_contender by_default = {
	.name = "mqcall",
	.serve = serve,
	.connect = connect_client,
	.add = add,
	.echo = echo,
	.lend = lend,
	.pass = pass,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = LIKED,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX - 4096,
};

static const bench_contender sleeping = {
	.name = "mqcall-nospin",
	.serve = serve,
	.connect = connect_sleeping,
	.add = add,
	.echo = echo,
	.lend = lend,
	.pass = pass,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = LIKED,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX - 4096,
};

static const bench_contender lending = {
	.name = "mqcall-lent",
	.serve = serve_lent,
	.connect = connect_client,
	.echo = echo_lent,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX - 4096,
};

const bench_contender *const bench_contenders[] = {&by_default, &sleeping, &lending, NULL};
