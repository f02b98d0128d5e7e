/*
 * contender_iceoryx.c - iceoryx, by its binding for C: request and response.
 *
 * As its examples have it: chunks of shared memory are loaned, filled and sent. The client
 * writes its bytes into the request, the server copies them into the response, and the client
 * reads them there, in place. Its daemon, iox-roudi, is started with pools of chunks that
 * suit the measurement. It can be there but once on a machine: where one runs already,
 * that one serves.
 *
 *   iceoryx        both sides wait in a wait set
 *   iceoryx-poll   both sides ask again and again: its documentation has that for those
 *                  who want the least latency
 */
#include "contender.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "iceoryx_binding_c/client.h"
#include "iceoryx_binding_c/log.h"
#include "iceoryx_binding_c/runtime.h"
#include "iceoryx_binding_c/server.h"
#include "iceoryx_binding_c/user_trigger.h"
#include "iceoryx_binding_c/wait_set.h"

enum {
	MOST_CLIENTS = 256,
	CLIENTS_AT_ONCE = 32, /* of 64 and more, some were never connected, or never answered */
	OUTSTANDING = 16,
	PAYLOAD_MAX = 32 << 20,
	NOTIFICATIONS = 4
};

typedef struct request {
	uint64_t size; /* of an Echo; 0: an Add */
	uint32_t ticket;
	int32_t a, b, sum;
	char data[];
} request;

typedef struct iceoryx_connection {
	iox_client_storage_t client_storage;
	iox_ws_storage_t set_storage;
	iox_client_t client;
	iox_ws_t set;
	bool polls;
	const void *reply; /* that is still held */
} iceoryx_connection;

static iox_user_trigger_storage_t stop_storage;
static iox_user_trigger_t stop;
static volatile sig_atomic_t stopped;

static int complain(const char *what, int code)
{
	fprintf(stderr, "iceoryx: %s: code %d\n", what, code);
	return -1;
}

/* ----------------------------------------------------------------- server -- */

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
	if (stop != NULL)
		iox_user_trigger_trigger(stop);
}

/*
 * Without monitoring, which on a busy machine takes who is slow for dead, and hands its memory on.
 * Pools for Add, and for what Echo carries: chunks have a header.
 */
static int start_daemon(const char *name)
{
	char file[BENCH_PATH_SIZE];
	char *argv[] = {"iox-roudi", "-l", "off", "-m", "off", "-k", "1", "-c", file, NULL};
	FILE *to;

	bench_path(name, "toml", file);
	to = fopen(file, "we");
	if (to == NULL) {
		perror(file);
		return -1;
	}
	fprintf(to, "[general]\nversion = 1\n\n[[segment]]\n\n"
		    "[[segment.mempool]]\nsize = 256\ncount = 2000\n");
	if (bench_payload() > 0)
		fprintf(to, "\n[[segment.mempool]]\nsize = %zu\ncount = 12\n",
			(bench_payload() + 512 + 63) / 64 * 64);
	if (fclose(to) != 0) {
		perror(file);
		return -1;
	}
	return bench_start_helper(argv);
}

static int answer(iox_server_t server, const request *request)
{
	struct request *reply;
	void *payload;
	int r = (int)iox_server_loan_response(server, request, &payload,
					      (uint32_t)(sizeof *reply + request->size));

	if (r != AllocationResult_SUCCESS)
		return complain("iox_server_loan_response", r);
	reply = payload;
	memcpy(reply, request, sizeof *reply);
	reply->sum = request->a + request->b;
	bench_read(request->data, request->size);
	memcpy(reply->data, request->data, request->size);
	r = (int)iox_server_send(server, payload);
	iox_server_release_request(server, request);
	return r != ServerSendResult_SUCCESS ? complain("iox_server_send", r) : 0;
}

static int answer_all(iox_server_t server)
{
	const void *payload;
	int r = 0;

	while (r == 0 && iox_server_take_request(server, &payload) == ServerRequestResult_SUCCESS)
		r = answer(server, payload);
	return r;
}

static int serve_as(const char *name, bool polls, bench_ready ready, void *benchmark)
{
	static iox_server_storage_t server_storage;
	static iox_ws_storage_t set_storage;
	iox_notification_info_t notifications[NOTIFICATIONS];
	iox_server_options_t options;
	iox_server_t server;
	uint64_t missed;
	iox_ws_t set;
	int r = 0;

	iox_set_loglevel(Iceoryx_LogLevel_Off);
	if (start_daemon(name) < 0)
		return -1;
	iox_runtime_init(name);
	iox_server_options_init(&options);
	options.requestQueueCapacity = 1024;
	server = iox_server_init(&server_storage, "mqcall", "bench", name, &options);
	set = iox_ws_init(&set_storage);
	stop = iox_user_trigger_init(&stop_storage);
	iox_ws_attach_user_trigger_event(set, stop, 0, NULL);
	iox_ws_attach_server_state(set, server, ServerState_HAS_REQUEST, 1, NULL);
	signal(SIGTERM, on_signal);
	ready(benchmark);
	while (!stopped && r == 0) {
		if (!polls)
			iox_ws_wait(set, notifications, NOTIFICATIONS, &missed);
		r = answer_all(server);
	}
	iox_ws_detach_server_state(set, server, ServerState_HAS_REQUEST);
	iox_server_deinit(server);
	iox_runtime_shutdown();
	return r;
}

static int serve_waiting(const char *name, bench_ready ready, void *benchmark)
{
	return serve_as(name, false, ready, benchmark);
}

static int serve_polling(const char *name, bench_ready ready, void *benchmark)
{
	return serve_as(name, true, ready, benchmark);
}

/* ----------------------------------------------------------------- client -- */

static int connect_as(const char *name, bool polls, void **ret_connection)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	iceoryx_connection *connection = calloc(1, sizeof *connection);
	iox_client_options_t options;
	char own[40];

	if (connection == NULL)
		return -1;
	iox_set_loglevel(Iceoryx_LogLevel_Off);
	snprintf(own, sizeof own, "%s-%u", name, (unsigned)bench_client_index());
	iox_runtime_init(own);
	iox_client_options_init(&options);
	options.responseQueueCapacity = OUTSTANDING;
	connection->polls = polls;
	connection->client =
		iox_client_init(&connection->client_storage, "mqcall", "bench", name, &options);
	connection->set = iox_ws_init(&connection->set_storage);
	iox_ws_attach_client_state(connection->set, connection->client, ClientState_HAS_RESPONSE, 0,
				   NULL);
	for (int tries = 0;
	     iox_client_get_connection_state(connection->client) != ConnectionState_CONNECTED;
	     tries++) {
		if (tries > 10000)
			return complain("the client is not connected", 0);
		nanosleep(&pause, NULL);
	}
	*ret_connection = connection;
	return 0;
}

static int connect_waiting(const char *name, void **ret_connection)
{
	return connect_as(name, false, ret_connection);
}

static int connect_polling(const char *name, void **ret_connection)
{
	return connect_as(name, true, ret_connection);
}

static int send_request(iceoryx_connection *connection, const request *request, const void *data)
{
	struct request *out;
	void *payload;
	int r = (int)iox_client_loan_request(connection->client, &payload,
					     (uint32_t)(sizeof *out + request->size));

	if (r != AllocationResult_SUCCESS)
		return complain("iox_client_loan_request", r);
	out = payload;
	memcpy(out, request, sizeof *out);
	if (request->size > 0)
		memcpy(out->data, data, request->size);
	r = (int)iox_client_send(connection->client, payload);
	return r != ClientSendResult_SUCCESS ? complain("iox_client_send", r) : 0;
}

static const request *take_reply(iceoryx_connection *connection)
{
	iox_notification_info_t notifications[NOTIFICATIONS];
	const void *payload;
	uint64_t missed;

	while (iox_client_take_response(connection->client, &payload) != ChunkReceiveResult_SUCCESS)
		if (!connection->polls)
			iox_ws_wait(connection->set, notifications, NOTIFICATIONS, &missed);
	return payload;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	const request request = {.ticket = ticket, .a = a, .b = b};

	return send_request(to, &request, NULL);
}

static int wait_for_one(void *from, bench_ended ended, void *benchmark)
{
	iceoryx_connection *connection = from;
	const request *reply = take_reply(connection);

	ended(benchmark, reply->ticket, reply->sum);
	iox_client_release_response(connection->client, reply);
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	iceoryx_connection *connection = to;
	const request *reply;

	if (start(to, 0, a, b) < 0)
		return -1;
	reply = take_reply(connection);
	*ret_sum = reply->sum;
	iox_client_release_response(connection->client, reply);
	return 0;
}

static void release(iceoryx_connection *connection)
{
	if (connection->reply != NULL)
		iox_client_release_response(connection->client, connection->reply);
	connection->reply = NULL;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	iceoryx_connection *connection = to;
	const request request = {.size = size};
	const struct request *reply;

	release(connection);
	if (send_request(connection, &request, data) < 0)
		return -1;
	reply = take_reply(connection);
	connection->reply = reply;
	*ret_reply = reply->data;
	*ret_size = reply->size;
	return 0;
}

static void disconnect(void *from)
{
	iceoryx_connection *connection = from;

	release(connection);
	iox_ws_detach_client_state(connection->set, connection->client, ClientState_HAS_RESPONSE);
	iox_ws_deinit(connection->set);
	iox_client_deinit(connection->client);
	iox_runtime_shutdown();
	free(connection);
}

/* Is there a daemon? It holds this lock while it lives. */
static bool daemon_lives(void)
{
	int fd = open("/tmp/roudi.lock", O_RDWR | O_CLOEXEC);
	bool lives = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return lives;
}

/* What processes of iceoryx leave that were killed; some of it even if they were not. */
static void sweep(const char *name)
{
	static const char *const of_daemon[] = {"/tmp/roudi.lock", "/tmp/roudi",
						"/tmp/iox-unique-roudi.lock",
						"/dev/shm/iceoryx_mgmt"};
	const struct passwd *user = getpwuid(geteuid());
	char path[80];

	snprintf(path, sizeof path, "/tmp/%.30s.lock", name);
	unlink(path);
	snprintf(path, sizeof path, "/tmp/%.30s", name);
	unlink(path);
	for (unsigned client = 0; client < MOST_CLIENTS; client++) {
		snprintf(path, sizeof path, "/tmp/%.30s-%u.lock", name, client);
		unlink(path);
		snprintf(path, sizeof path, "/tmp/%.30s-%u", name, client);
		unlink(path);
	}
	if (daemon_lives())
		return;
	for (size_t i = 0; i < sizeof of_daemon / sizeof of_daemon[0]; i++)
		unlink(of_daemon[i]);
	/* The segment of chunks is named after the user. */
	if (user != NULL) {
		snprintf(path, sizeof path, "/dev/shm/%.60s", user->pw_name);
		unlink(path);
	}
}

static const bench_contender waiting = {
	.name = "iceoryx",
	.serve = serve_waiting,
	.connect = connect_waiting,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_one,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = OUTSTANDING,
	.most_clients = CLIENTS_AT_ONCE,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX,
};

static const bench_contender polling = {
	.name = "iceoryx-poll",
	.serve = serve_polling,
	.connect = connect_polling,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_one,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = OUTSTANDING,
	.most_clients = CLIENTS_AT_ONCE,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX,
};

const bench_contender *const bench_contenders[] = {&waiting, &polling, NULL};
