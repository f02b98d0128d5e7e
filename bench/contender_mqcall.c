/* contender_mqcall.c - mqcall itself, through the stubs that mqcallc makes of bench.proto. */
#include "contender.h"

#include <stdio.h>

#include "bench.mqc.h"

static int handle_add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	(void)self;
	(void)call;
	*ret_sum = a + b;
	return MQC_OK;
}

static int complain(const char *who)
{
	fprintf(stderr, "mqcall %s: %s\n", who, mqc_error_last()->text);
	return -1;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	static const bench_handlers handlers = {.add = handle_add};
	const mqc_server_options options = {.stop_on_signals = true};
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
	mqc_client *client;

	if (mqc_client_open(name, NULL, &client) < 0)
		return complain("client");
	*ret_connection = client;
	return 0;
}

static int add(void *connection, int32_t a, int32_t b, int32_t *ret_sum)
{
	return bench_add(connection, a, b, ret_sum) < 0 ? complain("client") : 0;
}

static void disconnect(void *connection)
{
	mqc_client_close(connection);
}

extern const bench_contender bench_mqcall;
const bench_contender bench_mqcall = {
	.name = "mqcall",
	.title = "mqcall",
	.serve = serve,
	.connect = connect_client,
	.add = add,
	.disconnect = disconnect,
};
