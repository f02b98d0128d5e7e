/*
 * test_server_loop.c - servers in the program's own loop, or told by mq_notify(): real clients.
 */
#include <mqcall/mqcall.h>

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "forge.h"
#include "support.h"
#include "things.h"

#define LANE 3
#define CLIENTS 4
#define CALLS 500

/* ------------------------------------------------------------ the server -- */

static const char *endpoint;
static mqc_server *server;
static things self;

/* The values of the calls of THINGS_COUNT and THINGS_NOTE, in the order they ran. */
static int64_t order[4096];
static unsigned ran;

/* Methods of which the server does something of its own; else what things.h says. */
static int (*extra)(mqc_call *call, int64_t value);

static int dispatch(const void *handlers, void *data, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Shapes__Number *number = (const void *)request;

	if (method == THINGS_COUNT && ran < sizeof order / sizeof order[0])
		order[ran++] = number->value;
	if (method == THINGS_CODE && extra != NULL)
		return extra(call, number->value);
	return things_dispatch(handlers, data, method, call, request, reply);
}

/* The service, with a method in a lane of its own. */
static mqc_method methods[THINGS_METHODS];
static mqc_service service;

static void open_server(mqc_server_options options)
{
	memcpy(methods, things_methods, sizeof methods);
	methods[THINGS_PID].lane = LANE;
	service = things_service;
	service.methods = methods;
	endpoint = support_endpoint();
	if (options.queue_messages == 0) {
		options.queue_messages = 8;
		options.queue_size = 1024;
	}
	support_ok(mqc_server_open(endpoint, &options, &server));
	self.server = server;
	support_ok(mqc_server_add(server, &service, dispatch, NULL, &self));
}

static void open_default(void)
{
	open_server((mqc_server_options){0});
}

/* ----------------------------------------------------------- the clients -- */

static pid_t clients[16];
static unsigned running;

static void start(int (*body)(int which))
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(body((int)running));
	clients[running++] = pid;
}

/* Whether all have ended, and well. */
static bool all_ended(void)
{
	int status;

	while (running > 0) {
		pid_t pid = waitpid(clients[running - 1], &status, WNOHANG);

		if (pid == 0)
			return false;
		ck_assert_int_eq(pid, clients[running - 1]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "client %u ended with %#x", running - 1, (unsigned)status);
		running--;
	}
	return true;
}

/* What clients do that find something wrong. */
#define MUST(condition)                                                                            \
	do                                                                                         \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition,                 \
				mqc_error_last()->text);                                           \
			return 1;                                                                  \
		}                                                                                  \
	while (0)

static int call_often(int which)
{
	mqc_client *client = support_client(endpoint, 0);
	int64_t value;
	char *text;

	for (int i = 0; i < CALLS; i++) {
		MUST(things_add(client, which, i, &value) == MQC_OK && value == which + i);
		if (i % 50 != 0)
			continue;
		MUST(things_echo(client, "over there", &text) == MQC_OK);
		MUST(strcmp(text, "over there") == 0);
		free(text);
	}
	mqc_client_close(client);
	return 0;
}

/* ----------------------------------------------------------- the loops -- */

/* Process until the clients have ended: how many requests were served. */
static long serve_by_poll(void)
{
	struct pollfd ready = {.fd = mqc_server_get_fd(server),
			       .events = mqc_server_get_events(server)};
	long served = 0;
	int timeout, r;

	support_ok(ready.fd < 0 ? ready.fd : MQC_OK);
	while (!all_ended()) {
		timeout = mqc_server_get_timeout(server);
		ck_assert_int_ge(poll(&ready, 1, timeout < 0 ? 20 : timeout), 0);
		r = mqc_server_process(server);
		ck_assert_msg(r >= 0, "%s", mqc_error_last()->text);
		served += r;
	}
	return served;
}

static int epoll_of(int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), 0);
	return epoll;
}

/* The same, but only when the descriptor says so, in so many instances of epoll. */
static long serve_by_epoll(int depth)
{
	int epolls[2], descriptor = mqc_server_get_fd(server), r;
	struct epoll_event event;
	long served = 0;

	for (int i = 0; i < depth; i++)
		descriptor = epolls[i] = epoll_of(descriptor);
	while (!all_ended()) {
		if (epoll_wait(descriptor, &event, 1, 20) == 0)
			continue;
		r = mqc_server_process(server);
		ck_assert_msg(r >= 0, "%s", mqc_error_last()->text);
		served += r;
	}
	for (int i = 0; i < depth; i++)
		(void)close(epolls[i]);
	return served;
}

static bool is_ready(int ms)
{
	struct pollfd ready = {.fd = mqc_server_get_fd(server), .events = POLLIN};
	int r = poll(&ready, 1, ms);

	ck_assert_int_ge(r, 0);
	return r == 1;
}

static void end(void)
{
	server = mqc_server_close(server);
	ck_assert(!support_queue_exists(support_queue_name(endpoint)));
}

static unsigned threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	ck_assert_ptr_nonnull(tasks);
	while (readdir(tasks) != NULL)
		count++;
	(void)closedir(tasks);
	return count - 2;
}

START_TEST(served_in_any_loop)
{
	long served;

	open_default();
	for (int i = 0; i < CLIENTS; i++)
		start(call_often);
	served = _i == 0 ? serve_by_poll() : serve_by_epoll(_i);
	ck_assert_int_eq(served, CLIENTS * (CALLS + CALLS / 50));
	end();
}
END_TEST

START_TEST(idle_is_idle)
{
	const unsigned before = threads();
	const int descriptor = (open_default(), mqc_server_get_fd(server));

	ck_assert_int_eq(mqc_server_get_events(server), POLLIN);
	ck_assert(!is_ready(300));
	start(call_often);
	(void)serve_by_poll();
	ck_assert_int_eq(mqc_server_process(server), 0);
	ck_assert_int_eq(mqc_server_get_timeout(server), -1);
	ck_assert(!is_ready(300));
	ck_assert_int_eq(mqc_server_get_fd(server), descriptor);
	ck_assert_uint_eq(threads(), before);
	end();
}
END_TEST

/* ----------------------------------------------------- order and limits -- */

/* A request of THINGS_COUNT from a forger, in a message of this priority. */
static void send_count(struct forger *forger, unsigned priority, int64_t value)
{
	uint8_t message[256];
	size_t size = 0;

	forger_add(forger, THINGS_COUNT, value, message, &size);
	ck_assert_int_eq(mqci_queue_send(&forger->requests, message, size, priority), 1);
}

static int process(void)
{
	int r = mqc_server_process(server);

	ck_assert_msg(r >= 0, "%s", mqc_error_last()->text);
	return r;
}

/* Serve as long as there is something: how many requests. */
static int process_all(void)
{
	int sum = 0;

	while (is_ready(0))
		sum += process();
	return sum;
}

/* A forger is in this process: somebody has to serve its hello meanwhile. */
static void join(struct forger *forger, unsigned number, size_t messages)
{
	const mqci_hello hello = {.reply_size = 1024};
	mqci_welcome welcome;
	mqci_frame frame;

	forger_open(forger, endpoint, number, messages);
	forger_send(forger, (mqci_frame){
				    .type = MQCI_HELLO,
				    .key = 5,
				    .call = 1,
				    .payload = (const uint8_t *)&hello,
				    .size = sizeof hello,
			    });
	(void)process_all();
	ck_assert(forger_receive(forger, 0, &frame));
	ck_assert_int_eq(frame.type, MQCI_WELCOME);
	ck_assert_uint_eq(mqci_frame_payload(&frame, &welcome, sizeof welcome, sizeof welcome),
			  sizeof welcome);
	forger->key = welcome.key;
}

START_TEST(the_most_urgent_first)
{
	struct forger forger;

	open_default();
	join(&forger, 900, 8);
	send_count(&forger, 0, 1);
	send_count(&forger, 5, 2);
	send_count(&forger, 9, 3);
	send_count(&forger, 5, 4);
	ck_assert_int_eq(process_all(), 4);
	ck_assert_uint_eq(ran, 4);
	ck_assert_int_eq(order[0], 3);
	ck_assert_int_eq(order[1], 2);
	ck_assert_int_eq(order[2], 4);
	ck_assert_int_eq(order[3], 1);
	forger_close(&forger);
	end();
}
END_TEST

static int dawdle(mqc_call *call, int64_t value)
{
	(void)call;
	support_sleep_ms((int)value);
	return MQC_OK;
}

static void send_code(struct forger *forger, int64_t value)
{
	uint8_t message[256];
	size_t size = 0;

	forger_add(forger, THINGS_CODE, value, message, &size);
	forger_send_bytes(forger, message, size);
}

/* What is urgent keeps coming, and takes the server's whole time: the others rise. */
START_TEST(what_waits_rises)
{
	unsigned at = 0;
	struct forger forger;
	mqci_frame frame;

	extra = dawdle;
	open_server((mqc_server_options){.aging_ms = 2, .queue_messages = 8, .queue_size = 1024});
	join(&forger, 900, 8);
	send_count(&forger, 0, 1000);
	for (int i = 0; i < 400 && at == 0; i++) {
		send_count(&forger, 9, i);
		send_count(&forger, 9, i);
		support_sleep_ms(6);
		/* One message at a time, so that one is left always. */
		(void)process();
		while (forger_receive(&forger, 0, &frame))
			continue;
		for (unsigned k = 0; k < ran && at == 0; k++)
			at = order[k] == 1000 ? k + 1 : 0;
	}
	ck_assert_uint_gt(at, 0);
	(void)process_all();
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(those_too_many_are_refused)
{
	int refused = 0, executed = 0;
	struct forger forger;
	mqci_frame frame;

	extra = dawdle;
	open_server(
		(mqc_server_options){.max_waiting = 2, .queue_messages = 8, .queue_size = 1024});
	join(&forger, 900, 8);
	/* What was served before does not tell how long these wait. */
	ck_assert_int_eq(process(), 0);
	send_code(&forger, 30);
	for (int i = 0; i < 5; i++)
		send_count(&forger, 0, i);
	ck_assert_int_eq(process_all(), 3);
	ck_assert_uint_eq(ran, 2);
	while (forger_receive(&forger, 0, &frame)) {
		executed += frame.code == 0;
		refused += (int)(int64_t)frame.code == MQC_RESOURCE_EXHAUSTED;
	}
	ck_assert_int_eq(executed, 3);
	ck_assert_int_eq(refused, 3);
	forger_close(&forger);
	end();
}
END_TEST

/* With more than one go can serve, some are left in the backlog, and the descriptor says so. */
START_TEST(what_waits_keeps_it_ready)
{
	struct forger forger;

	extra = dawdle;
	open_server(
		(mqc_server_options){.max_waiting = 8, .queue_messages = 8, .queue_size = 1024});
	join(&forger, 900, 8);
	for (int i = 0; i < 6; i++)
		send_code(&forger, 10);
	for (int left = 6; left > 0; left--) {
		ck_assert(is_ready(0));
		ck_assert(left == 6 || left == 5 || mqc_server_get_timeout(server) == 0);
		ck_assert_int_eq(process(), 1);
	}
	ck_assert(!is_ready(0));
	ck_assert_int_eq(mqc_server_get_timeout(server), -1);
	forger_close(&forger);
	end();
}
END_TEST

static int call_in_lane(int which)
{
	mqc_client *client = support_client(endpoint, 0);
	Shapes__Number request;
	ProtobufCMessage *reply;

	(void)which;
	shapes__number__init(&request);
	for (int i = 0; i < CALLS; i++) {
		MUST(mqc_client_call(client, &methods[THINGS_PID], NULL, &request.base, NULL,
				     &reply) == MQC_OK);
		MUST(((Shapes__Number *)(void *)reply)->value == getppid());
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	mqc_client_close(client);
	return 0;
}

START_TEST(all_lanes_are_served)
{
	open_default();
	for (int i = 0; i < 2; i++) {
		start(call_in_lane);
		start(call_often);
	}
	ck_assert_int_eq(serve_by_poll(), 2 * (2 * CALLS + CALLS / 50));
	end();
}
END_TEST

START_TEST(a_lane_goes_first_and_starves_nobody)
{
	unsigned ordinary_done = 0;
	struct forger forger;
	mqci_queue lane;
	char name[MQCI_NAME_SIZE];
	uint8_t message[256];
	size_t size;

	open_default();
	join(&forger, 900, 8);
	mqci_name_lane(endpoint, LANE, name);
	support_ok(mqci_queue_open(name, MQCI_SEND, &lane));
	for (int i = 0; i < 3; i++)
		send_count(&forger, 0, i);
	/* What comes in a lane is served there, whatever it is. */
	extra = dawdle;
	for (int i = 0; i < 30 && ordinary_done < 3; i++) {
		for (int k = 0; k < 4; k++) {
			size = 0;
			forger_add(&forger, THINGS_CODE, 3, message, &size);
			(void)mqci_queue_send(&lane, message, size, 0);
		}
		ck_assert_int_ge(process(), 1);
		/* The first turns are the lane's. */
		ck_assert(i >= 8 || ran == 0);
		ck_assert_uint_le(ran, ordinary_done + 1);
		ordinary_done = ran;
	}
	ck_assert_uint_eq(ordinary_done, 3);
	mqci_queue_close(&lane);
	(void)process_all();
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(too_late_is_not_run)
{
	struct forger forger;
	uint8_t payload[16];
	mqci_frame frame;

	open_default();
	join(&forger, 900, 8);
	forger_send(&forger, (mqci_frame){
				     .type = MQCI_REQUEST,
				     .call = 7,
				     .code = methods[THINGS_COUNT].id,
				     .deadline = 1,
				     .payload = payload,
				     .size = forger_number(3, payload),
			     });
	ck_assert_int_eq(process_all(), 1);
	ck_assert_uint_eq(ran, 0);
	ck_assert(forger_receive(&forger, 0, &frame));
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_DEADLINE_EXCEEDED);
	forger_close(&forger);
	end();
}
END_TEST

/* ----------------------------------------------------------- replies -- */

START_TEST(replies_without_room_are_kept)
{
	struct forger forger;
	int replies = 0;
	mqci_frame frame;

	open_default();
	join(&forger, 900, 2);
	for (int i = 0; i < 6; i++)
		send_count(&forger, 0, i);
	ck_assert_int_eq(process_all(), 6);
	/* A client that does not read is no reason to wake. */
	ck_assert(!is_ready(50));
	while (replies < 6) {
		while (forger_receive(&forger, 0, &frame))
			replies++;
		if (replies < 6) {
			ck_assert(is_ready(60000));
			ck_assert_int_eq(process(), 0);
		}
	}
	ck_assert(!is_ready(0));
	forger_close(&forger);
	end();
}
END_TEST

static int call_and_die(int which)
{
	mqc_client *client = support_client(endpoint, 0);
	int64_t sum;

	(void)which;
	MUST(things_add(client, 1, 2, &sum) == MQC_OK);
	(void)kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(a_killed_client_is_cleared_away)
{
	unsigned before;
	int status = 0;

	if (!support_has_pidfds())
		support_skip("there are no descriptors for processes");
	open_default();
	(void)mqc_server_get_fd(server);
	before = support_descriptors();
	start(call_and_die);
	while (waitpid(clients[0], &status, WNOHANG) == 0) {
		(void)is_ready(20);
		(void)process();
	}
	running = 0;
	ck_assert(WIFSIGNALED(status));
	for (int i = 0; i < 100 && support_descriptors() != before; i++) {
		(void)is_ready(100);
		(void)process();
	}
	ck_assert_uint_eq(support_descriptors(), before);
	ck_assert(!is_ready(0));
	end();
}
END_TEST

static int call_many_at_once(int which)
{
	const mqc_client_options options = {.window = 200, .timeout_ms = 60000};
	static mqc_pending *pendings[2000];
	Shapes__Number request;
	ProtobufCMessage *reply;
	mqc_client *client;

	shapes__number__init(&request);
	MUST(mqc_client_open(endpoint, &options, &client) == MQC_OK);
	for (int i = 0; i < 2000; i++) {
		request.value = which;
		MUST(mqc_client_start(client, &things_methods[THINGS_COUNT], NULL, &request.base,
				      NULL, NULL, &pendings[i]) == MQC_OK);
	}
	for (int i = 0; i < 2000; i++) {
		MUST(mqc_pending_finish(pendings[i], NULL, &reply) == MQC_OK);
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	mqc_client_close(client);
	return 0;
}

START_TEST(gathered_requests_are_served)
{
	open_server((mqc_server_options){.queue_messages = 8, .queue_size = 4096});
	for (int i = 0; i < 2; i++)
		start(call_many_at_once);
	ck_assert_int_eq(serve_by_poll(), 4000);
	end();
}
END_TEST

static int call_deferred(int which)
{
	mqc_client *client = support_client(endpoint, 0);
	int64_t value;

	for (int i = 0; i < 30; i++) {
		MUST(things_call(client, THINGS_DEFER, 0, i % 3, &value) == MQC_OK);
		MUST(value == i % 3);
	}
	(void)which;
	mqc_client_close(client);
	return 0;
}

START_TEST(deferred_calls_are_finished_by_anyone)
{
	open_default();
	for (int i = 0; i < CLIENTS; i++)
		start(call_deferred);
	ck_assert_int_eq(serve_by_poll(), CLIENTS * 30);
	end();
}
END_TEST

/* --------------------------------------------------- stop, close, fork -- */

START_TEST(a_stop_is_told_once)
{
	struct forger forger;

	open_server((mqc_server_options){.stop_on_signals = true});
	ck_assert(!is_ready(0));
	if (_i == 0)
		mqc_server_stop(server);
	else
		ck_assert_int_eq(raise(_i == 1 ? SIGINT : SIGTERM), 0);
	ck_assert(is_ready(0));
	support_fails(mqc_server_process(server), MQC_CANCELLED);
	support_error_has("told to stop");
	ck_assert(!is_ready(0));
	/* It may go on. */
	join(&forger, 900, 8);
	send_count(&forger, 0, 1);
	ck_assert_int_eq(process_all(), 1);
	forger_close(&forger);
	end();
}
END_TEST

static int stop_or_close(mqc_call *call, int64_t value)
{
	(void)call;
	if (value == 0)
		mqc_server_stop(server);
	else
		mqc_server_close(server);
	return MQC_OK;
}

/* Of a message, and of the queue, nothing more is begun, and it is answered. */
START_TEST(a_handler_stops_or_closes_it)
{
	uint8_t message[1024];
	struct forger forger;
	int executed = 0, refused = 0;
	mqci_frame frame;
	size_t size = 0;

	extra = stop_or_close;
	open_default();
	join(&forger, 900, 8);
	forger_add(&forger, THINGS_CODE, _i, message, &size);
	forger_add(&forger, THINGS_COUNT, 1, message, &size);
	forger_send_bytes(&forger, message, size);
	send_count(&forger, 0, 2);
	ck_assert(is_ready(0));
	if (_i == 0) {
		ck_assert_int_eq(mqc_server_process(server), 1);
		ck_assert(is_ready(0));
		support_fails(mqc_server_process(server), MQC_CANCELLED);
		mqc_server_close(server);
	} else {
		support_fails(mqc_server_process(server), MQC_CANCELLED);
		support_error_has("closed by a handler");
	}
	ck_assert_uint_eq(ran, 0);
	ck_assert(!support_queue_exists(support_queue_name(endpoint)));
	while (forger_receive(&forger, 0, &frame)) {
		if (frame.type != MQCI_REPLY)
			continue;
		executed += frame.code == 0;
		refused += (int)(int64_t)frame.code == MQC_UNAVAILABLE &&
			   (frame.flags & MQCI_FRAME_NOT_EXECUTED) != 0;
	}
	ck_assert_int_eq(executed, 1);
	ck_assert_int_eq(refused, 2);
	forger_close(&forger);
}
END_TEST

START_TEST(one_way_of_driving_excludes_the_other)
{
	const mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};
	struct host host;

	open_default();
	(void)mqc_server_get_fd(server);
	support_fails(mqc_server_run(server), MQC_FAILED_PRECONDITION);
	support_error_has("loop");
	support_fails(mqc_server_add(server, &service, dispatch, NULL, &self),
		      MQC_FAILED_PRECONDITION);
	end();

	host_start(&host, support_endpoint(), &options);
	/* It runs when it answers. */
	mqc_client *client = support_client(support_last_endpoint(), 0);
	support_fails(mqc_server_get_fd(host.server), MQC_FAILED_PRECONDITION);
	support_error_has("mqc_server_run()");
	support_fails(mqc_server_process(host.server), MQC_FAILED_PRECONDITION);
	support_fails(mqc_server_notify(host.server, NULL), MQC_FAILED_PRECONDITION);
	ck_assert_int_eq(mqc_server_get_timeout(host.server), -1);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

static int use_the_parents(int which)
{
	(void)which;
	MUST(mqc_server_get_fd(server) == MQC_FAILED_PRECONDITION);
	MUST(mqc_server_process(server) == MQC_FAILED_PRECONDITION);
	MUST(strstr(mqc_error_last()->text, "fork()") != NULL);
	MUST(mqc_server_notify(server, NULL) == MQC_FAILED_PRECONDITION);
	MUST(mqc_server_get_timeout(server) == -1);
	mqc_server_close(server);
	return 0;
}

START_TEST(a_forked_childs_is_the_parents)
{
	open_default();
	(void)mqc_server_get_fd(server);
	start(use_the_parents);
	(void)serve_by_poll();
	start(call_often);
	ck_assert_int_eq(serve_by_poll(), CALLS + CALLS / 50);
	end();
}
END_TEST

/* --------------------------------------------------------- one thread -- */

struct desk {
	mqc_client *client;
	int under_way, ended, ticks, lines;
};

static void note_end(mqc_pending *pending, void *data)
{
	struct desk *desk = data;
	ProtobufCMessage *reply;

	support_ok(mqc_pending_finish(pending, NULL, &reply));
	protobuf_c_message_free_unpacked(reply, NULL);
	desk->under_way--;
	desk->ended++;
}

static void start_calls(struct desk *desk)
{
	mqc_pending *pending;
	Shapes__Number request;

	shapes__number__init(&request);
	for (; desk->under_way < 20; desk->under_way++)
		support_ok(mqc_client_start(desk->client, &things_methods[THINGS_COUNT], NULL,
					    &request.base, note_end, desk, &pending));
}

static int least(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Serves, calls, keeps a timer and reads a pipe. */
START_TEST(one_thread_does_it_all)
{
	const struct itimerspec every_ms = {.it_value = {.tv_nsec = 1000000},
					    .it_interval = {.tv_nsec = 1000000}};
	const mqc_client_options options = {.own_loop = true, .timeout_ms = 60000};
	const unsigned before = threads();
	int pipes[2], timer, descriptors[4];
	struct peer peer;
	struct desk desk = {0};
	uint64_t expired;
	char line[8];
	long served = 0;

	peer = peer_start(support_endpoint(), "signals");
	support_ok(mqc_client_open(support_last_endpoint(), &options, &desk.client));
	open_default();
	ck_assert_int_eq(pipe(pipes), 0);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	ck_assert_int_eq(timerfd_settime(timer, 0, &every_ms, NULL), 0);
	for (int i = 0; i < CLIENTS; i++)
		start(call_often);
	descriptors[0] = mqc_server_get_fd(server);
	descriptors[1] = mqc_client_get_fd(desk.client);
	descriptors[2] = timer;
	descriptors[3] = pipes[0];
	while (!all_ended() || desk.ended < 2000 || desk.ticks < 50 || desk.lines < 50) {
		struct pollfd ready[4];
		int r;

		for (int i = 0; i < 4; i++)
			ready[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
		start_calls(&desk);
		r = poll(
			ready, 4,
			least(mqc_server_get_timeout(server), mqc_client_get_timeout(desk.client)));
		ck_assert(r >= 0);
		served += process();
		ck_assert_int_ge(mqc_client_process(desk.client), 0);
		if (ready[2].revents != 0 && read(timer, &expired, sizeof expired) > 0) {
			desk.ticks++;
			ck_assert_int_eq(write(pipes[1], "line\n", 5), 5);
		}
		if (ready[3].revents != 0)
			desk.lines += read(pipes[0], line, 5) == 5;
	}
	ck_assert_int_eq(served, CLIENTS * (CALLS + CALLS / 50));
	ck_assert_uint_eq(threads(), before);
	while (desk.under_way > 0) {
		support_sleep_ms(1);
		(void)mqc_client_get_timeout(desk.client);
		ck_assert_int_ge(mqc_client_process(desk.client), 0);
	}
	mqc_client_close(desk.client);
	peer_stop(&peer);
	(void)close(timer);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	end();
}
END_TEST

/* -------------------------------------------------------- without a loop -- */

#define NOTES 5000

/* One-way messages at random gaps, and calls in between. */
static int call_at_random(int which)
{
	mqc_client *client = support_client(endpoint, 0);
	unsigned state = (unsigned)which + 1;

	for (int i = 0; i < NOTES; i++) {
		MUST(things_call(client, i % 8 == 0 ? THINGS_COUNT : THINGS_NOTE, 60000, 1, NULL) ==
		     MQC_OK);
		state = state * 1103515245 + 12345;
		if ((state >> 16) % 4 == 0)
			(void)usleep((state >> 20) % 200);
	}
	mqc_client_close(client);
	return 0;
}

/* Another process that wants to be told of the server's messages: how often it was not, and was. */
static struct rival {
	atomic_long refused, registered;
} * rival;
static pid_t rival_pid;

static void register_in_between(void)
{
	const struct sigevent event = {.sigev_notify = SIGEV_NONE};
	mqd_t queue = mq_open(support_queue_name(endpoint), O_WRONLY);
	const pid_t parent = getppid();

	while (queue >= 0 && getppid() == parent) {
		if (mq_notify(queue, &event) < 0) {
			atomic_fetch_add(&rival->refused, 1);
			continue;
		}
		atomic_fetch_add(&rival->registered, 1);
		(void)usleep(500);
		(void)mq_notify(queue, NULL);
		(void)usleep(500);
	}
	_exit(1);
}

static void start_rival(void)
{
	rival = mmap(NULL, sizeof *rival, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ck_assert_ptr_ne(rival, MAP_FAILED);
	rival_pid = fork();
	ck_assert_int_ge(rival_pid, 0);
	if (rival_pid == 0)
		register_in_between();
}

static void end_rival(void)
{
	ck_assert_int_eq(kill(rival_pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(rival_pid, NULL, 0), rival_pid);
	printf("a rival was told of messages %ld times, and was refused %ld times\n",
	       atomic_load(&rival->registered), atomic_load(&rival->refused));
	(void)munmap(rival, sizeof *rival);
}

/* Process once told, and only then, until all is served: the last ones await no reply. */
static void serve_by_signal(void)
{
	const struct timespec moment = {.tv_nsec = 50000000};
	long told = 0, others = 0, quiet = 0;
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	while (!all_ended() || atomic_load(&self.count) < CLIENTS * NOTES) {
		if (sigtimedwait(&set, NULL, &moment) < 0) {
			/* Clients that are heard of no more wait for something that was missed. */
			ck_assert_msg(++quiet < 400, "missed: %lld of %d messages have come",
				      (long long)atomic_load(&self.count), CLIENTS * NOTES);
			continue;
		}
		quiet = 0;
		told++;
		r = mqc_server_process(server);
		ck_assert(r >= 0 || r == MQC_ALREADY_EXISTS);
		others += r < 0;
	}
	printf("told %ld times of %d messages, which were all served; %ld times another was told\n",
	       told, CLIENTS * NOTES, others);
}

static const struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

static void block_signal(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

START_TEST(told_by_a_signal_none_is_missed)
{
	block_signal();
	open_default();
	support_ok(mqc_server_notify(server, &by_signal));
	if (_i == 1)
		start_rival();
	for (int i = 0; i < CLIENTS; i++)
		start(call_at_random);
	serve_by_signal();
	ck_assert_int_eq(atomic_load(&self.count), CLIENTS * NOTES);
	if (_i == 1)
		end_rival();
	support_ok(mqc_server_notify(server, NULL));
	end();
}
END_TEST

static bool signal_comes(int ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &time) == SIGUSR1;
}

/* A stop; replies without room; what one go has left: no message tells of them. */
START_TEST(told_of_what_is_no_message)
{
	struct forger forger;
	int replies = 0;
	mqci_frame frame;

	block_signal();
	open_server((mqc_server_options){.stop_on_signals = true});
	join(&forger, 900, 2);
	support_ok(mqc_server_notify(server, &by_signal));
	ck_assert(!signal_comes(50));
	mqc_server_stop(server);
	ck_assert(signal_comes(60000));
	support_fails(mqc_server_process(server), MQC_CANCELLED);
	ck_assert(!signal_comes(50));
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert(signal_comes(60000));
	support_fails(mqc_server_process(server), MQC_CANCELLED);
	ck_assert_int_eq(process(), 0);
	for (int i = 0; i < 6; i++)
		send_count(&forger, 0, i);
	while (replies < 6) {
		ck_assert(signal_comes(60000));
		(void)process();
		while (forger_receive(&forger, 0, &frame))
			replies++;
	}
	ck_assert_uint_eq(ran, 6);
	extra = dawdle;
	(void)process();
	while (signal_comes(50))
		(void)process();
	for (int i = 0; i < 4; i++)
		send_code(&forger, 5);
	for (int left = 4; left > 0;) {
		ck_assert(signal_comes(60000));
		left -= process();
		while (forger_receive(&forger, 0, &frame))
			continue;
	}
	support_ok(mqc_server_notify(server, NULL));
	send_count(&forger, 0, 1);
	/* One may have been on the way. */
	(void)signal_comes(0);
	ck_assert(!signal_comes(50));
	forger_close(&forger);
	end();
}
END_TEST

/* A program that goes on after a stop is told of what had come before it, and of what comes. */
START_TEST(told_after_a_stop)
{
	struct forger forger;

	block_signal();
	extra = stop_or_close;
	open_default();
	join(&forger, 900, 8);
	support_ok(mqc_server_notify(server, &by_signal));
	send_code(&forger, 0);
	send_count(&forger, 0, 1);
	ck_assert(signal_comes(60000));
	ck_assert_int_eq(process(), 1);
	ck_assert(signal_comes(60000));
	support_fails(mqc_server_process(server), MQC_CANCELLED);
	while (ran == 0) {
		ck_assert(signal_comes(60000));
		(void)process();
	}
	while (signal_comes(50))
		(void)process();
	send_count(&forger, 0, 2);
	ck_assert(signal_comes(60000));
	ck_assert_int_eq(process(), 1);
	forger_close(&forger);
	end();
}
END_TEST

/* The numbers of timers are a process's own: a child's may be those of its parent's. */
static int stop_the_parents(int which)
{
	const struct itimerspec never = {.it_value.tv_sec = 1000000};
	struct sigevent event = by_signal;
	struct itimerspec left;
	timer_t timers[4];

	(void)which;
	for (int i = 0; i < 4; i++) {
		MUST(timer_create(CLOCK_MONOTONIC, &event, &timers[i]) == 0);
		MUST(timer_settime(timers[i], 0, &never, NULL) == 0);
	}
	mqc_server_stop(server);
	for (int i = 0; i < 4; i++)
		MUST(timer_gettime(timers[i], &left) == 0 && left.it_value.tv_sec > 1000);
	mqc_server_close(server);
	return 0;
}

START_TEST(a_child_has_timers_of_its_own)
{
	block_signal();
	open_default();
	support_ok(mqc_server_notify(server, &by_signal));
	start(stop_the_parents);
	(void)serve_by_poll();
	end();
}
END_TEST

/* Deferred calls are finished on other threads: of a reply without room the program is told. */
START_TEST(told_of_replies_that_others_send)
{
	struct forger forger;
	uint8_t message[512];
	mqci_frame frame;
	int replies = 0;
	size_t size = 0;

	block_signal();
	open_default();
	join(&forger, 900, 2);
	support_ok(mqc_server_notify(server, &by_signal));
	/* Each goes alone, as their handlers do not answer. */
	for (int i = 0; i < 4; i++)
		forger_add(&forger, THINGS_DEFER, 50, message, &size);
	forger_send_bytes(&forger, message, size);
	ck_assert(signal_comes(60000));
	ck_assert_int_eq(process(), 4);
	/* Nothing of it is there yet; then two have no room. */
	ck_assert(signal_comes(60000));
	while (replies < 4) {
		(void)process();
		while (forger_receive(&forger, 0, &frame))
			replies++;
		if (replies == 4 || signal_comes(5000))
			continue;
		/* One that was sent late found room, and nothing is to be told of it. */
		ck_assert(forger_receive(&forger, 0, &frame));
		replies++;
	}
	support_ok(mqc_server_notify(server, NULL));
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(another_process_is_told)
{
	const struct sigevent none = {.sigev_notify = SIGEV_NONE}, odd = {.sigev_notify = 77};
	struct forger forger;
	int gate[2];
	pid_t pid;
	char byte;

	block_signal();
	open_default();
	support_fails(mqc_server_notify(server, &odd), MQC_INVALID_ARGUMENT);
	join(&forger, 900, 8);
	ck_assert_int_eq(pipe(gate), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		mqd_t queue = mq_open(support_queue_name(endpoint), O_WRONLY);

		if (queue < 0 || mq_notify(queue, &none) < 0 || write(gate[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(read(gate[0], &byte, 1), 1);
	support_fails(mqc_server_notify(server, &by_signal), MQC_ALREADY_EXISTS);
	support_error_has("another process");
	/* It serves all the same. */
	send_count(&forger, 0, 1);
	ck_assert_int_eq(process(), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	support_ok(mqc_server_notify(server, &by_signal));
	send_count(&forger, 0, 2);
	ck_assert(signal_comes(60000));
	ck_assert_int_eq(process(), 1);
	(void)close(gate[0]);
	(void)close(gate[1]);
	forger_close(&forger);
	end();
}
END_TEST

static atomic_int in_there, errors;
static atomic_bool over;

/* libc may start one late. */
static void process_on_a_thread(union sigval value)
{
	atomic_fetch_add(&in_there, 1);
	if (!atomic_load(&over) && mqc_server_process(value.sival_ptr) < 0)
		atomic_fetch_add(&errors, 1);
	atomic_fetch_sub(&in_there, 1);
}

START_TEST(told_on_threads_none_is_missed)
{
	open_default();
	for (int i = 0; i < CLIENTS; i++)
		start(call_at_random);
	support_ok(mqc_server_notify(server, &(struct sigevent){
						     .sigev_notify = SIGEV_THREAD,
						     .sigev_notify_function = process_on_a_thread,
						     .sigev_value = {.sival_ptr = server},
					     }));
	while (!all_ended())
		support_sleep_ms(20);
	/* The last ones await no reply. */
	while (atomic_load(&self.count) < CLIENTS * NOTES)
		support_sleep_ms(20);
	ck_assert_int_eq(atomic_load(&self.count), CLIENTS * NOTES);
	support_ok(mqc_server_notify(server, NULL));
	atomic_store(&over, true);
	while (atomic_load(&in_there) > 0)
		support_sleep_ms(20);
	ck_assert_int_eq(atomic_load(&errors), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server_loop");
	TCase *loops = support_case(suite, "loops");
	TCase *requests = support_case(suite, "order, limits, replies");
	TCase *ends = support_case(suite, "stop, close, fork");
	TCase *told = support_case(suite, "without a loop");
	TCase *on_threads = tcase_create("on threads");

	tcase_add_loop_test(loops, served_in_any_loop, 0, 3);
	tcase_add_test(loops, idle_is_idle);
	tcase_add_test(loops, one_thread_does_it_all);
	tcase_add_test(requests, the_most_urgent_first);
	tcase_add_test(requests, what_waits_rises);
	tcase_add_test(requests, those_too_many_are_refused);
	tcase_add_test(requests, what_waits_keeps_it_ready);
	tcase_add_test(requests, all_lanes_are_served);
	tcase_add_test(requests, a_lane_goes_first_and_starves_nobody);
	tcase_add_test(requests, too_late_is_not_run);
	tcase_add_test(requests, replies_without_room_are_kept);
	tcase_add_test(requests, a_killed_client_is_cleared_away);
	tcase_add_test(requests, gathered_requests_are_served);
	tcase_add_test(requests, deferred_calls_are_finished_by_anyone);
	tcase_add_loop_test(ends, a_stop_is_told_once, 0, 3);
	tcase_add_loop_test(ends, a_handler_stops_or_closes_it, 0, 2);
	tcase_add_test(ends, one_way_of_driving_excludes_the_other);
	tcase_add_test(ends, a_forked_childs_is_the_parents);
	tcase_add_loop_test(told, told_by_a_signal_none_is_missed, 0, 2);
	tcase_add_test(told, told_of_what_is_no_message);
	tcase_add_test(told, told_after_a_stop);
	tcase_add_test(told, a_child_has_timers_of_its_own);
	tcase_add_test(told, told_of_replies_that_others_send);
	tcase_add_test(told, another_process_is_told);
	/* libc keeps a descriptor and a thread to hear of messages: not under guard. */
	tcase_set_timeout(on_threads, 120);
	if (SUPPORT_THREADS_OF_LIBC)
		tcase_add_test(on_threads, told_on_threads_none_is_missed);
	suite_add_tcase(suite, on_threads);
	return support_run(suite);
}
