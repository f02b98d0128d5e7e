/*
 * contender_thrift.c - Thrift for C (c_glib), with the stubs that its compiler makes.
 *
 * On a Unix socket, with the framed transport and the binary protocol. Its own server, the
 * simple one, serves one connection after the other; so here a thread for each connection
 * runs the processor that the compiler has made, which is what the threaded servers of its
 * other languages do. Calls at once by one thread c_glib does not have.
 */
#include "contender.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib-object.h>
#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/transport/thrift_framed_transport.h>
#include <thrift/c_glib/transport/thrift_server_socket.h>
#include <thrift/c_glib/transport/thrift_server_transport.h>
#include <thrift/c_glib/transport/thrift_socket.h>

#include "bench_bench.h"

/* A frame's limit is 16384000 bytes by default. */
enum {
	PAYLOAD_MAX = 16000000
};

typedef struct thrift_connection {
	ThriftSocket *socket;
	ThriftTransport *transport;
	ThriftProtocol *protocol;
	BenchBenchIf *client;
	GByteArray *reply;
} thrift_connection;

/* --------------------------------------------------- the handler, a GObject -- */

typedef struct BenchService {
	BenchBenchHandler parent;
} BenchService;

typedef struct BenchServiceClass {
	BenchBenchHandlerClass parent;
} BenchServiceClass;

G_DEFINE_TYPE(BenchService, bench_service, BENCH_TYPE_BENCH_HANDLER)

static gboolean on_add(BenchBenchIf *self, gint32 *ret_sum, const gint32 a, const gint32 b,
		       GError **error)
{
	(void)self;
	(void)error;
	*ret_sum = a + b;
	return TRUE;
}

static gboolean on_echo(BenchBenchIf *self, GByteArray **ret_data, const GByteArray *data,
			GError **error)
{
	(void)self;
	(void)error;
	bench_read(data->data, data->len);
	/* What is returned is released when it has been written. */
	*ret_data = g_byte_array_ref((GByteArray *)(gpointer)data);
	return TRUE;
}

static void bench_service_class_init(BenchServiceClass *class)
{
	BenchBenchHandlerClass *methods = BENCH_BENCH_HANDLER_CLASS(class);

	methods->add = on_add;
	methods->echo = on_echo;
}

static void bench_service_init(BenchService *self)
{
	(void)self;
}

/* ----------------------------------------------------------------- server -- */

static int complain(const char *what, GError *error)
{
	fprintf(stderr, "thrift: %s: %s\n", what, error != NULL ? error->message : "failed");
	g_clear_error(&error);
	return -1;
}

static ThriftProcessor *processor;

static void *serve_connection(void *data)
{
	ThriftTransport *socket = data;
	ThriftTransport *framed =
		g_object_new(THRIFT_TYPE_FRAMED_TRANSPORT, "transport", socket, NULL);
	ThriftProtocol *protocol =
		g_object_new(THRIFT_TYPE_BINARY_PROTOCOL, "transport", framed, NULL);
	GError *error = NULL;

	while (thrift_processor_process(processor, protocol, protocol, &error) &&
	       thrift_transport_peek(framed, NULL))
		continue;
	g_clear_error(&error);
	thrift_transport_close(framed, NULL);
	g_object_unref(protocol);
	g_object_unref(framed);
	g_object_unref(socket);
	return NULL;
}

/* What the compiler has made registers its types when they are first used, and not safely so. */
static void register_types(void)
{
	(void)bench_bench_add_args_get_type();
	(void)bench_bench_add_result_get_type();
	(void)bench_bench_echo_args_get_type();
	(void)bench_bench_echo_result_get_type();
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	char path[BENCH_PATH_SIZE];
	ThriftServerTransport *server;
	GError *error = NULL;

	bench_path(name, "socket", path);
	signal(SIGPIPE, SIG_IGN);
	register_types();
	processor = g_object_new(BENCH_TYPE_BENCH_PROCESSOR, "handler",
				 g_object_new(bench_service_get_type(), NULL), NULL);
	server = g_object_new(THRIFT_TYPE_SERVER_SOCKET, "path", path, "backlog", 256, NULL);
	if (!thrift_server_transport_listen(server, &error))
		return complain(path, error);
	ready(benchmark);
	for (;;) {
		ThriftTransport *client = thrift_server_transport_accept(server, &error);
		pthread_t thread;

		if (client == NULL || pthread_create(&thread, NULL, serve_connection, client) != 0)
			return complain("accept", error);
		pthread_detach(thread);
	}
}

/* ----------------------------------------------------------------- client -- */

static int connect_client(const char *name, void **ret_connection)
{
	thrift_connection *connection = calloc(1, sizeof *connection);
	char path[BENCH_PATH_SIZE];
	GError *error = NULL;

	bench_path(name, "socket", path);
	connection->socket = g_object_new(THRIFT_TYPE_SOCKET, "path", path, NULL);
	connection->transport =
		g_object_new(THRIFT_TYPE_FRAMED_TRANSPORT, "transport", connection->socket, NULL);
	connection->protocol =
		g_object_new(THRIFT_TYPE_BINARY_PROTOCOL, "transport", connection->transport, NULL);
	if (!thrift_transport_open(connection->transport, &error))
		return complain(path, error);
	connection->client =
		g_object_new(BENCH_TYPE_BENCH_CLIENT, "input_protocol", connection->protocol,
			     "output_protocol", connection->protocol, NULL);
	*ret_connection = connection;
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	const thrift_connection *connection = to;
	GError *error = NULL;

	if (!bench_bench_if_add(connection->client, ret_sum, a, b, &error))
		return complain("client", error);
	return 0;
}

static void release(thrift_connection *connection)
{
	if (connection->reply != NULL)
		g_byte_array_unref(connection->reply);
	connection->reply = NULL;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	thrift_connection *connection = to;
	/* The stub only reads it: no copy is made for it. */
	GByteArray request = {.data = (guint8 *)(uintptr_t)data, .len = (guint)size};
	GError *error = NULL;

	release(connection);
	if (!bench_bench_if_echo(connection->client, &connection->reply, &request, &error))
		return complain("client", error);
	*ret_reply = connection->reply->data;
	*ret_size = connection->reply->len;
	return 0;
}

static void disconnect(void *from)
{
	thrift_connection *connection = from;

	release(connection);
	thrift_transport_close(connection->transport, NULL);
	g_object_unref(connection->client);
	g_object_unref(connection->protocol);
	g_object_unref(connection->transport);
	g_object_unref(connection->socket);
	free(connection);
}

static const bench_contender thrift = {
	.name = "thrift",
	.serve = serve,
	.connect = connect_client,
	.add = add,
	.echo = echo,
	.disconnect = disconnect,
	.payload_max = PAYLOAD_MAX,
};

const bench_contender *const bench_contenders[] = {&thrift, NULL};
