/*
 * contender_tirpc.c - libtirpc, with the stubs that rpcgen makes of bench_rpc.x.
 *
 * As rpc_clnt_create(3) and rpc_svc_create(3) have it for processes of one machine:
 * a Unix stream socket, created by svcunix_create(), and a server that is in
 * svc_run(), with the dispatch function that rpcgen has written. Its functions
 * answer from static memory, which is rpcgen's way. Calls at once by one thread it
 * does not have.
 */
#include "contender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <rpc/rpc.h>
#include <rpc/clnt_soc.h>
#include <rpc/svc_soc.h>

#include "bench_rpc.h"

enum {
	BUFFER = 64 << 10
};

/* Written by rpcgen -m, without a prototype. */
void bench_program_1(struct svc_req *request, SVCXPRT *transport);

typedef struct tirpc_connection {
	CLIENT *client;
	payload reply;
} tirpc_connection;

int *add_1_svc(add_request *request, struct svc_req *call)
{
	static int sum;

	(void)call;
	sum = request->a + request->b;
	return &sum;
}

payload *echo_1_svc(payload *request, struct svc_req *call)
{
	static payload reply;

	(void)call;
	bench_read(request->payload_val, request->payload_len);
	/* The dispatch function frees the request after it has sent the reply. */
	reply = *request;
	return &reply;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	char path[BENCH_PATH_SIZE];
	SVCXPRT *transport;

	bench_path(name, "socket", path);
	transport = svcunix_create(RPC_ANYSOCK, BUFFER, BUFFER, path);
	if (transport == NULL ||
	    !svc_register(transport, BENCH_PROGRAM, BENCH_VERSION, bench_program_1, 0)) {
		fprintf(stderr, "tirpc: the server cannot be registered\n");
		return -1;
	}
	ready(benchmark);
	svc_run();
	return -1;
}

static int connect_client(const char *name, void **ret_connection)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	tirpc_connection *connection = calloc(1, sizeof *connection);
	struct timeval patience = {.tv_sec = 30};
	char path[BENCH_PATH_SIZE];
	int socket = RPC_ANYSOCK;

	bench_path(name, "socket", path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	connection->client =
		clntunix_create(&address, BENCH_PROGRAM, BENCH_VERSION, &socket, BUFFER, BUFFER);
	if (connection->client == NULL) {
		clnt_pcreateerror("tirpc");
		return -1;
	}
	clnt_control(connection->client, CLSET_TIMEOUT, (char *)&patience);
	*ret_connection = connection;
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	tirpc_connection *connection = to;
	add_request request = {a, b};
	int *sum = add_1(&request, connection->client);

	if (sum == NULL) {
		clnt_perror(connection->client, "tirpc");
		return -1;
	}
	*ret_sum = *sum;
	return 0;
}

static void free_reply(tirpc_connection *connection)
{
	xdr_free((xdrproc_t)xdr_payload, (char *)&connection->reply);
	memset(&connection->reply, 0, sizeof connection->reply);
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	tirpc_connection *connection = to;
	payload request = {.payload_len = (u_int)size, .payload_val = (char *)data};
	payload *reply;

	free_reply(connection);
	reply = echo_1(&request, connection->client);
	if (reply == NULL) {
		clnt_perror(connection->client, "tirpc");
		return -1;
	}
	connection->reply = *reply;
	*ret_reply = reply->payload_val;
	*ret_size = reply->payload_len;
	return 0;
}

static void disconnect(void *from)
{
	tirpc_connection *connection = from;

	free_reply(connection);
	clnt_destroy(connection->client);
	free(connection);
}

static const bench_contender tirpc = {
	.name = "tirpc",
	.serve = serve,
	.connect = connect_client,
	.add = add,
	.echo = echo,
	.disconnect = disconnect,
	.payload_max = 256 << 20,
};

const bench_contender *const bench_contenders[] = {&tirpc, NULL};
