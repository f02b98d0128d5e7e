/*
 * test_restart.c - servers that are killed: what they leave is served, what they had is told of.
 */
#include <mqcall/mqcall.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"
#include "support.h"
#include "things.h"

START_TEST(queued_requests_are_served_by_the_next)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");
	struct forger forger;
	mqci_frame frame;

	forger_join(&forger, endpoint, 900, 10);
	peer_freeze(&server);
	for (int i = 0; i < 5; i++)
		(void)forger_count(&forger, 1);
	peer_kill(&server);
	server = peer_start(endpoint, "signals");
	/* The key of the dead server's session is good with this one. */
	for (unsigned i = 1; i <= 5; i++) {
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_int_eq(frame.type, MQCI_REPLY);
		ck_assert_uint_eq(frame.call, i << 16);
		ck_assert_uint_eq(frame.code, 0);
	}
	forger_close(&forger);
	peer_stop(&server);
}
END_TEST

struct expected {
	mqc_client *client;
	int64_t count;
};

static bool has_counted(void *data)
{
	struct expected *expected = data;
	int64_t count = 0;

	support_ok(things_call(expected->client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_le(count, expected->count);
	return count == expected->count;
}

static void check_counted(const char *endpoint, int64_t count)
{
	struct expected expected = {.client = support_client(endpoint, 0), .count = count};

	ck_assert(support_wait_for(has_counted, &expected));
	mqc_client_close(expected.client);
}

/* One-way calls are executed when their client has long been closed. */
START_TEST(one_way_calls_outlive_their_client)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=4");

	for (int i = 0; i < 200; i++) {
		mqc_client *client = support_client(endpoint, 0);

		support_ok(things_call(client, THINGS_NOTE, 0, 1, NULL));
		mqc_client_close(client);
	}
	check_counted(endpoint, 200);
	peer_stop(&server);
}
END_TEST

/* ... and by a server that never met it. */
START_TEST(one_way_calls_outlive_both)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");
	mqc_client *client = support_client(endpoint, 0);

	peer_freeze(&server);
	for (int i = 0; i < 3; i++)
		support_ok(things_call(client, THINGS_NOTE, 0, 1, NULL));
	mqc_client_close(client);
	peer_kill(&server);
	server = peer_start(endpoint, "signals");
	check_counted(endpoint, 3);
	peer_stop(&server);
}
END_TEST

/* A call that waits through its server's death and the next one's start. */
static void *call_count(void *client)
{
	int64_t count = 0;

	support_ok(things_call(client, THINGS_COUNT, 0, 7, &count));
	ck_assert_int_eq(count, 7);
	return NULL;
}

START_TEST(a_call_outlives_its_server)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");
	mqc_client *client = support_client(endpoint, 0);
	pthread_t thread;
	int64_t sum;

	peer_freeze(&server);
	ck_assert_int_eq(pthread_create(&thread, NULL, call_count, client), 0);
	support_sleep_ms(100);
	peer_kill(&server);
	support_sleep_ms(100);
	server = peer_start(endpoint, "signals");
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* It waits for the next one, as the one above; its error says that there was none. */
START_TEST(nobody_comes_instead)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");
	mqc_client *client = support_client(endpoint, 0);
	mqc_call_options options = {.timeout_ms = 200};
	ProtobufCMessage *reply;
	Shapes__Number request;

	shapes__number__init(&request);
	peer_freeze(&server);
	support_fails(mqc_client_call(client, &things_methods[THINGS_COUNT], &options,
				      &request.base, NULL, &reply),
		      MQC_DEADLINE_EXCEEDED);
	ck_assert_ptr_null(strstr(mqc_error_last()->text, "nobody serves"));
	peer_kill(&server);
	support_fails(mqc_client_call(client, &things_methods[THINGS_COUNT], &options,
				      &request.base, NULL, &reply),
		      MQC_DEADLINE_EXCEEDED);
	support_error_has("nobody serves it now");
	mqc_client_close(client);
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
}
END_TEST

/* A call whose server is killed over it: when that is told. */
static void *wait_for_long(void *client)
{
	static int64_t told;

	support_fails(things_call(client, THINGS_WAIT, 0, 60000, NULL), MQC_UNAVAILABLE);
	told = support_now_ms();
	ck_assert(mqc_error_last()->maybe_executed);
	return &told;
}

/* How long that takes. */
static int64_t kill_over_a_call(void)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "tells");
	mqc_client *client = support_client(endpoint, 0);
	int64_t killed;
	pthread_t thread;
	void *told;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_long, client), 0);
	peer_await_begun(&server, 1);
	killed = support_now_ms();
	peer_kill(&server);
	ck_assert_int_eq(pthread_join(thread, &told), 0);
	mqc_client_close(client);
	/* Removes what is left. */
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
	return *(int64_t *)told - killed;
}

/* Within 100 ms; a machine with other things to do may take longer now and then. */
START_TEST(a_death_is_told_soon)
{
	int64_t took, best = INT64_MAX;

	for (int i = 0; i < 40 && best > 100; i++) {
		took = kill_over_a_call();
		ck_assert_int_lt(took, 30000);
		best = took < best ? took : best;
	}
	printf("told after %d ms\n", (int)best);
	ck_assert_int_le(best, 100);
}
END_TEST

/* The service of things.h, but that Wait has the process become another program. */
static int exec_over_wait(const void *handlers, void *self, uint32_t method, mqc_call *call,
			  const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	if (method == THINGS_WAIT)
		(void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	return things_dispatch(handlers, self, method, call, request, reply);
}

static pid_t start_server_that_execs(const char *endpoint)
{
	/* As those of peers. */
	const mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};
	pid_t pid = fork();
	mqc_server *server;
	static things self;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (mqc_server_open(endpoint, &options, &server) < 0 ||
	    mqc_server_add(server, &things_service, exec_over_wait, NULL, &self) < 0)
		_exit(1);
	(void)mqc_server_run(server);
	_exit(1);
}

/* Its process lives, but it does not: as if it had been killed. */
START_TEST(another_program)
{
	const char *endpoint = support_endpoint();
	const mqc_client_options options = {.open_timeout_ms = 60000, .wait_for_server = true};
	pid_t pid = start_server_that_execs(endpoint);
	const int64_t begun = support_now_ms();
	struct peer server;
	mqc_client *client;
	int64_t value;

	support_ok(mqc_client_open(endpoint, &options, &client));
	support_fails(things_call(client, THINGS_WAIT, 60000, 0, NULL), MQC_UNAVAILABLE);
	ck_assert(mqc_error_last()->maybe_executed);
	ck_assert_int_lt(support_now_ms() - begun, 30000);
	ck_assert_int_eq(kill(pid, 0), 0);
	server = peer_start(endpoint, "signals");
	support_ok(things_call(client, THINGS_COUNT, 60000, 1, &value));
	mqc_client_close(client);
	/* The last one, which leaves nothing. */
	peer_stop(&server);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* Waits at the server, and may do so twice. */
static void *wait_idempotently(void *client)
{
	mqc_method method = things_methods[THINGS_WAIT];
	Shapes__Number request = SHAPES__NUMBER__INIT;
	ProtobufCMessage *reply = NULL;

	method.flags |= MQC_METHOD_IDEMPOTENT;
	request.value = 300;
	support_ok(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply));
	protobuf_c_message_free_unpacked(reply, NULL);
	return NULL;
}

/* Whether the next server tells of the death, or the client finds out by itself. */
START_TEST(idempotent_calls_are_made_again)
{
	const mqc_client_options options = {.wait_for_server = true};
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;
	struct peer server;
	pthread_t thread;

	server = peer_start(endpoint, "");
	support_ok(mqc_client_open(endpoint, &options, &client));
	for (int ms = 0; ms <= 200; ms += 200) {
		ck_assert_int_eq(pthread_create(&thread, NULL, wait_idempotently, client), 0);
		support_sleep_ms(20);
		peer_kill(&server);
		support_sleep_ms(ms);
		server = peer_start(endpoint, ms == 0 ? "" : "signals");
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(killed_again_and_again)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "threads=2");
	mqc_client *client = support_client(endpoint, 0);
	int64_t sum;

	/* More often than the client has room for calls: none of them may be lost for good. */
	for (int i = 0; i < 8; i++) {
		support_fails(things_call(client, THINGS_KILL, 0, 0, NULL), MQC_UNAVAILABLE);
		ck_assert(mqc_error_last()->maybe_executed);
		ck_assert_int_eq(peer_wait(&server), 128 + SIGKILL);
		server = peer_start(endpoint, "signals threads=2");
		support_ok(things_add(client, 1, i, &sum));
		ck_assert_int_eq(sum, 1 + i);
	}
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(killed_with_calls_given_up)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");
	mqc_client *client = support_client(endpoint, 2);
	int64_t sum;

	for (int i = 0; i < 4; i++) {
		support_fails(things_call(client, THINGS_WAIT, 30, 60000, NULL),
			      MQC_DEADLINE_EXCEEDED);
		peer_kill(&server);
		server = peer_start(endpoint, "signals");
		support_ok(things_add(client, 1, i, &sum));
	}
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(the_survivor_goes_on_alone)
{
	const char *endpoint = support_endpoint();
	struct peer dying = peer_start(endpoint, ""), survivor;
	mqc_client *client = support_client(endpoint, 2);
	int64_t sum;

	/* The one slot that this client has is that of a call that dies with its server. */
	support_fails(things_call(client, THINGS_WAIT, 30, 60000, NULL), MQC_DEADLINE_EXCEEDED);
	survivor = peer_start(endpoint, "signals");
	peer_kill(&dying);
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	peer_stop(&survivor);
}
END_TEST

START_TEST(a_stopped_server_comes_back)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = support_client(endpoint, 0);
	int64_t count;

	for (int i = 0; i < 5; i++) {
		peer_stop(&server);
		support_fails(things_call(client, THINGS_COUNT, 0, 1, &count), MQC_UNAVAILABLE);
		server = peer_start(endpoint, "signals");
		support_ok(things_call(client, THINGS_COUNT, 0, 1, &count));
		ck_assert_int_eq(count, 1);
		support_ok(things_call(client, THINGS_NOTE, 0, 1, NULL));
		support_ok(things_call(client, THINGS_COUNT, 0, 1, &count));
		ck_assert_int_eq(count, 3);
	}
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* The last server to stop knows nothing of clients that never called it, and another is there soon.
 */
START_TEST(a_server_that_did_not_know_us)
{
	const char *endpoint = support_endpoint();
	struct peer first = peer_start(endpoint, "signals"), last;
	mqc_client *client = support_client(endpoint, 0);
	int64_t begun;

	last = peer_start(endpoint, "signals");
	peer_stop(&first);
	peer_stop(&last);
	first = peer_start(endpoint, "signals");
	begun = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 0, 1, NULL), MQC_UNAVAILABLE);
	ck_assert_int_lt(support_now_ms() - begun, 30000);
	support_ok(things_call(client, THINGS_COUNT, 0, 1, NULL));
	mqc_client_close(client);
	peer_stop(&first);
}
END_TEST

/*
 * Threads call while servers stop and start: what a call added, and only that,
 * is in some server's count. The counts are asked for before each stop.
 */
#define CALLERS 6

static atomic_bool enough;
static atomic_int added, doubtful;

static void *add_on(void *client)
{
	while (!atomic_load(&enough)) {
		if (things_call(client, THINGS_COUNT, 0, 1, NULL) == MQC_OK)
			atomic_fetch_add(&added, 1);
		else if (mqc_error_last()->maybe_executed)
			atomic_fetch_add(&doubtful, 1);
	}
	return NULL;
}

START_TEST(threads_through_restarts)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *clients[2] = {support_client(endpoint, 0), support_client(endpoint, 0)};
	pthread_t threads[CALLERS];
	int64_t sum;

	atomic_store(&enough, false);
	for (int i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_on, clients[i % 2]), 0);
	for (int round = 0; round < 6; round++) {
		support_sleep_ms(30);
		peer_stop(&server);
		support_sleep_ms(round % 2 ? 0 : 20);
		server = peer_start(endpoint, "signals threads=2");
	}
	support_sleep_ms(30);
	atomic_store(&enough, true);
	for (int i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++) {
		/* One that has not called the last but one is told by its next call that it is
		 * gone. */
		if (things_add(clients[i], 1, 2, &sum) < 0) {
			ck_assert_int_eq(mqc_error_last()->status, MQC_UNAVAILABLE);
			support_ok(things_add(clients[i], 1, 2, &sum));
		}
		mqc_client_close(clients[i]);
	}
	ck_assert_int_gt(atomic_load(&added), 0);
	peer_stop(&server);
}
END_TEST

/* The same with servers in this process, so that all they have executed is known. */
START_TEST(nothing_is_executed_twice)
{
	const char *endpoint = support_endpoint();
	mqc_client *clients[2];
	pthread_t threads[CALLERS];
	int64_t executed = 0;
	struct host host;

	host_start(&host, endpoint, NULL);
	for (int i = 0; i < 2; i++)
		clients[i] = support_client(endpoint, 4);
	atomic_store(&enough, false);
	for (int i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_on, clients[i % 2]), 0);
	for (int round = 0; round < 40; round++) {
		support_sleep_ms(5);
		host_stop(&host);
		executed += atomic_load(&host.self.count);
		host_start(&host, endpoint, NULL);
	}
	atomic_store(&enough, true);
	for (int i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++)
		mqc_client_close(clients[i]);
	host_stop(&host);
	executed += atomic_load(&host.self.count);
	ck_assert_int_ge(executed, atomic_load(&added));
	ck_assert_int_le(executed, atomic_load(&added) + atomic_load(&doubtful));
}
END_TEST

/* ------------------------------------------------- replies that were kept -- */

enum {
	KEPT = 2, /* replies that find no room */
	ROOM = 2  /* and those that do */
};

/*
 * A server goes, or is killed, with replies that it kept for a client that left no
 * room. When the last one goes, the client is told of these calls, which have been
 * executed: a mere goodbye would say that they have not.
 */
static void go_with_kept_replies(bool killed)
{
	const char *endpoint = support_endpoint();
	struct peer first = peer_start(endpoint, "signals"), last;
	uint64_t calls[ROOM + KEPT];
	struct forger forger;
	mqci_frame frame;
	int told = 0;

	forger_join(&forger, endpoint, 900, ROOM);
	for (int i = 0; i < ROOM + KEPT; i++)
		calls[i] = forger_count(&forger, 1);
	check_counted(endpoint, ROOM + KEPT);
	last = peer_start(endpoint, "signals");
	if (killed)
		peer_kill(&first);
	else
		peer_stop(&first);
	for (int i = 0; i < ROOM; i++) {
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_uint_eq(frame.call, calls[i]);
		ck_assert_uint_eq(frame.code, MQC_OK);
	}
	peer_stop(&last);
	while (told < KEPT) {
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_int_eq(frame.type, MQCI_REPLY);
		ck_assert_int_eq((int)(int64_t)frame.code, MQC_UNAVAILABLE);
		ck_assert_uint_eq(frame.flags & MQCI_FRAME_NOT_EXECUTED, 0);
		told++;
	}
	forger_close(&forger);
}

START_TEST(kept_replies_of_a_server_that_stopped)
{
	go_with_kept_replies(false);
}
END_TEST

START_TEST(kept_replies_of_a_server_that_was_killed)
{
	go_with_kept_replies(true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restart");
	TCase *tests;

	tests = support_case(suite, "killed");
	tcase_add_test(tests, queued_requests_are_served_by_the_next);
	tcase_add_test(tests, one_way_calls_outlive_their_client);
	tcase_add_test(tests, one_way_calls_outlive_both);
	tcase_add_test(tests, a_call_outlives_its_server);
	tcase_add_test(tests, nobody_comes_instead);
	tcase_add_test(tests, a_death_is_told_soon);
	tcase_add_test(tests, another_program);
	tcase_add_test(tests, idempotent_calls_are_made_again);
	tcase_add_test(tests, killed_again_and_again);
	tcase_add_test(tests, killed_with_calls_given_up);
	tcase_add_test(tests, the_survivor_goes_on_alone);

	tests = support_case(suite, "stopped");
	tcase_add_test(tests, a_stopped_server_comes_back);
	tcase_add_test(tests, a_server_that_did_not_know_us);
	tcase_add_test(tests, threads_through_restarts);
	tcase_add_test(tests, nothing_is_executed_twice);
	tcase_add_test(tests, kept_replies_of_a_server_that_stopped);
	tcase_add_test(tests, kept_replies_of_a_server_that_was_killed);
	return support_run(suite);
}
