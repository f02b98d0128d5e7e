/*
 * contender_sdbus.c - sd-bus of libsystemd.
 *
 * Objects and methods by a vtable, as sd_bus_add_object_vtable(3) shows, and calls by
 * sd_bus_call_method(3) and sd_bus_call_method_async(3). Who serves is in the loop of
 * sd_bus_process(3) and sd_bus_wait(3) that these pages recommend to programs that have
 * no other loop.
 *
 *   sd-bus          direct: one side listens at a Unix socket and sd_bus_set_server()
 *                   makes each connection a bus of its own, served by a thread
 *   sd-bus-daemon   through dbus-daemon, which is started with a configuration of the
 *                   contender's own: no limits that a benchmark would run into, no
 *                   policy but to let everything pass
 */
#include "contender.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define SERVICE "org.example.Bench"
#define PATH "/bench"
#define INTERFACE "org.example.Bench"

enum {
	OUTSTANDING = 4096,
	LIKED = 256,
	PAYLOAD_MAX = 32 << 20,
	TIMEOUT_US = 60000000
};

typedef struct sdbus_connection sdbus_connection;

typedef struct sdbus_ticket {
	sdbus_connection *connection;
	uint32_t ticket;
} sdbus_ticket;

struct sdbus_connection {
	sd_bus *bus;
	const char *service; /* NULL: whoever is at the other end */
	sd_bus_message *reply;
	sdbus_ticket *tickets;
	/* while wait() is under way */
	bench_ended ended;
	void *benchmark;
	int n_ended;
	int failed;
};

static int complain(const char *what, int r)
{
	fprintf(stderr, "sd-bus: %s: %s\n", what, strerror(-r));
	return -1;
}

/* ----------------------------------------------------------------- server -- */

static int on_add(sd_bus_message *message, void *data, sd_bus_error *error)
{
	int32_t a, b;
	int r = sd_bus_message_read(message, "ii", &a, &b);

	(void)data;
	(void)error;
	return r < 0 ? r : sd_bus_reply_method_return(message, "i", a + b);
}

static int on_echo(sd_bus_message *message, void *data, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const void *bytes;
	size_t size;
	int r;

	(void)data;
	(void)error;
	if ((r = sd_bus_message_read_array(message, 'y', &bytes, &size)) < 0 ||
	    (r = sd_bus_message_new_method_return(message, &reply)) < 0)
		return r;
	bench_read(bytes, size);
	r = sd_bus_message_append_array(reply, 'y', bytes, size);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static const sd_bus_vtable methods[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Add", "ii", "i", on_add, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Echo", "ay", "ay", on_echo, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* Serves one bus until it is over. */
static int serve_bus(sd_bus *bus)
{
	int r;

	do {
		while ((r = sd_bus_process(bus, NULL)) > 0)
			continue;
		if (r >= 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	} while (r >= 0 || r == -EINTR);
	return r;
}

static void *serve_connection(void *data)
{
	int fd = (int)(intptr_t)data;
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	if ((r = sd_bus_new(&bus)) < 0 || (r = sd_id128_randomize(&id)) < 0 ||
	    (r = sd_bus_set_fd(bus, fd, fd)) < 0 || (r = sd_bus_set_server(bus, 1, id)) < 0 ||
	    (r = sd_bus_add_object_vtable(bus, NULL, PATH, INTERFACE, methods, NULL)) < 0 ||
	    (r = sd_bus_start(bus)) < 0)
		complain("server", r);
	else
		(void)serve_bus(bus); /* it ends when the client does */
	sd_bus_unref(bus);
	return NULL;
}

static int serve_direct(const char *name, bench_ready ready, void *benchmark)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[BENCH_PATH_SIZE];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_path(name, "socket", path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, 256) < 0)
		return complain(path, -errno);
	ready(benchmark);
	for (;;) {
		pthread_t thread;
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			return complain(path, -errno);
		if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)client) != 0)
			return complain("thread", -EAGAIN);
		pthread_detach(thread);
	}
}

static const char configuration[] =
	"<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'\n"
	" 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
	"<busconfig>\n"
	"  <type>custom</type>\n"
	"  <listen>unix:path=%s</listen>\n"
	"  <auth>EXTERNAL</auth>\n"
	"  <policy context='default'>\n"
	"    <allow send_destination='*' eavesdrop='false'/>\n"
	"    <allow receive_sender='*'/>\n"
	"    <allow own='*'/>\n"
	"    <allow user='*'/>\n"
	"  </policy>\n"
	"  <limit name='max_incoming_bytes'>1000000000</limit>\n"
	"  <limit name='max_outgoing_bytes'>1000000000</limit>\n"
	"  <limit name='max_message_size'>1000000000</limit>\n"
	"  <limit name='max_replies_per_connection'>50000</limit>\n"
	"  <limit name='max_connections_per_user'>5000</limit>\n"
	"  <limit name='max_completed_connections'>5000</limit>\n"
	"</busconfig>\n";

static int start_daemon(const char *name)
{
	char path[BENCH_PATH_SIZE], file[BENCH_PATH_SIZE], option[BENCH_PATH_SIZE + 20];
	char *argv[] = {"dbus-daemon", option, "--nofork", "--nopidfile", "--nosyslog", NULL};
	FILE *to;

	bench_path(name, "bus", path);
	bench_path(name, "conf", file);
	snprintf(option, sizeof option, "--config-file=%s", file);
	to = fopen(file, "we");
	if (to == NULL)
		return complain(file, -errno);
	fprintf(to, configuration, path);
	if (fclose(to) != 0)
		return complain(file, -errno);
	return bench_start_helper(argv) < 0 ? -1 : bench_await_socket(path);
}

static int open_bus(const char *name, sd_bus **ret_bus)
{
	char path[BENCH_PATH_SIZE], address[BENCH_PATH_SIZE + 20];
	sd_bus *bus = NULL;
	int r;

	bench_path(name, "bus", path);
	snprintf(address, sizeof address, "unix:path=%s", path);
	if ((r = sd_bus_new(&bus)) < 0 || (r = sd_bus_set_address(bus, address)) < 0 ||
	    (r = sd_bus_set_bus_client(bus, 1)) < 0 || (r = sd_bus_start(bus)) < 0)
		return complain("bus", r);
	*ret_bus = bus;
	return 0;
}

static int serve_by_daemon(const char *name, bench_ready ready, void *benchmark)
{
	sd_bus *bus;
	int r;

	if (start_daemon(name) < 0 || open_bus(name, &bus) < 0)
		return -1;
	if ((r = sd_bus_add_object_vtable(bus, NULL, PATH, INTERFACE, methods, NULL)) < 0 ||
	    (r = sd_bus_request_name(bus, SERVICE, 0)) < 0)
		return complain("server", r);
	ready(benchmark);
	return complain("server", serve_bus(bus));
}

/* ----------------------------------------------------------------- client -- */

static sdbus_connection *make_connection(const char *service)
{
	sdbus_connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL)
		return NULL;
	connection->service = service;
	connection->tickets = calloc(bench_window() + 1, sizeof *connection->tickets);
	if (connection->tickets == NULL) {
		free(connection);
		return NULL;
	}
	for (uint32_t i = 0; i < bench_window(); i++)
		connection->tickets[i] = (sdbus_ticket){connection, i};
	return connection;
}

static int connect_direct(const char *name, void **ret_connection)
{
	char path[BENCH_PATH_SIZE], address[BENCH_PATH_SIZE + 20];
	sdbus_connection *connection = make_connection(NULL);
	int r;

	bench_path(name, "socket", path);
	snprintf(address, sizeof address, "unix:path=%s", path);
	if (connection == NULL)
		return complain("client", -ENOMEM);
	if ((r = sd_bus_new(&connection->bus)) < 0 ||
	    (r = sd_bus_set_address(connection->bus, address)) < 0 ||
	    (r = sd_bus_start(connection->bus)) < 0)
		return complain("client", r);
	sd_bus_set_method_call_timeout(connection->bus, TIMEOUT_US);
	*ret_connection = connection;
	return 0;
}

static int connect_by_daemon(const char *name, void **ret_connection)
{
	sdbus_connection *connection = make_connection(SERVICE);

	if (connection == NULL)
		return complain("client", -ENOMEM);
	if (open_bus(name, &connection->bus) < 0)
		return -1;
	sd_bus_set_method_call_timeout(connection->bus, TIMEOUT_US);
	*ret_connection = connection;
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	sdbus_connection *connection = to;
	sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_call_method(connection->bus, connection->service, PATH, INTERFACE, "Add", NULL,
			       &reply, "ii", a, b);
	if (r >= 0)
		r = sd_bus_message_read(reply, "i", ret_sum);
	sd_bus_message_unref(reply);
	return r < 0 ? complain("client", r) : 0;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	sdbus_connection *connection = to;
	sd_bus_message *request = NULL;
	int r;

	connection->reply = sd_bus_message_unref(connection->reply);
	if ((r = sd_bus_message_new_method_call(connection->bus, &request, connection->service,
						PATH, INTERFACE, "Echo")) >= 0 &&
	    (r = sd_bus_message_append_array(request, 'y', data, size)) >= 0 &&
	    (r = sd_bus_call(connection->bus, request, 0, NULL, &connection->reply)) >= 0)
		r = sd_bus_message_read_array(connection->reply, 'y', ret_reply, ret_size);
	sd_bus_message_unref(request);
	return r < 0 ? complain("client", r) : 0;
}

static int on_reply(sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const sdbus_ticket *ticket = data;
	sdbus_connection *connection = ticket->connection;
	int32_t sum;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_read(reply, "i", &sum) < 0) {
		connection->failed = 1;
		return 0;
	}
	connection->n_ended++;
	connection->ended(connection->benchmark, ticket->ticket, sum);
	return 0;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	sdbus_connection *connection = to;
	int r = sd_bus_call_method_async(connection->bus, NULL, connection->service, PATH,
					 INTERFACE, "Add", on_reply, &connection->tickets[ticket],
					 "ii", a, b);

	return r < 0 ? complain("client", r) : 0;
}

static int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	sdbus_connection *connection = from;
	int r = 0;

	connection->ended = ended;
	connection->benchmark = benchmark;
	connection->n_ended = 0;
	while (r >= 0 && !connection->failed) {
		while ((r = sd_bus_process(connection->bus, NULL)) > 0)
			continue;
		if (r < 0 || connection->n_ended > 0)
			break;
		r = sd_bus_wait(connection->bus, UINT64_MAX);
	}
	return r < 0 || connection->failed ? complain("client", r) : 0;
}

static void disconnect(void *from)
{
	sdbus_connection *connection = from;

	sd_bus_message_unref(connection->reply);
	sd_bus_flush_close_unref(connection->bus);
	free(connection->tickets);
	free(connection);
}

static const bench_contender direct = {
	.name = "sd-bus",
	.serve = serve_direct,
	.connect = connect_direct,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = LIKED,
	.disconnect = disconnect,
	.payload_max = PAYLOAD_MAX,
};

static const bench_contender by_daemon = {
	.name = "sd-bus-daemon",
	.serve = serve_by_daemon,
	.connect = connect_by_daemon,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = LIKED,
	.disconnect = disconnect,
	.payload_max = PAYLOAD_MAX,
};

const bench_contender *const bench_contenders[] = {&direct, &by_daemon, NULL};
