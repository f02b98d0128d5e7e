/*
 * contender_mqcall.c - mqcall itself, through the stubs that mqcallc makes of bench.proto.
 *
 *   mqcall           as it is by default
 *   mqcall-nospin    with spinning off, on both sides
 */
#include "contender.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.mqc.h"

/* So that 16 MiB can be measured: a message is a little more than its bytes. */
#define PAYLOAD_MAX ((size_t)32 << 20)

typedef struct bench_connection {
	mqc_client *client;
	uint8_t *reply;
} bench_connection;

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

static int complain(const char *who)
{
	fprintf(stderr, "mqcall %s: %s\n", who, mqc_error_last()->text);
	return -1;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	static const bench_handlers handlers = {.add = handle_add, .echo = handle_echo};
	const mqc_server_options options = {.stop_on_signals = true, .payload_max = PAYLOAD_MAX};
	mqc_server *server = NULL;
	int r = 0;

	if (mqc_server_open(name, &options, &server) < 0 ||
	    bench_serve(server, &handlers, NULL) < 0) {
		r = complain("server");
	} else {
		ready(benchmark);
		if (mqc_server_run(server) < 0)
			r = complain("server");
	}
	mqc_server_close(server);
	return r;
}

static int connect_client(const char *name, void **ret_connection)
{
	const mqc_client_options options = {.payload_max = PAYLOAD_MAX};
	bench_connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL || mqc_client_open(name, &options, &connection->client) < 0) {
		free(connection);
		return complain("client");
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

static void disconnect(void *from)
{
	bench_connection *connection = from;

	mqc_client_close(connection->client);
	free(connection->reply);
	free(connection);
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
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX - 4096,
};

const bench_contender *const bench_contenders[] = {&by_default, NULL};
