/*
 * test_stop.c - servers that stop: cleanly, whoever asks for it, with calls queued or under way.
 */
#include <mqcall/mqcall.h>

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "support.h"
#include "things.h"

static bool queue_is_gone(void *endpoint)
{
	return !support_queue_exists(support_queue_name(endpoint));
}

START_TEST(signals_end_it)
{
	static const int signals[] = {SIGINT, SIGTERM};

	for (int i = 0; i < 2; i++) {
		const char *endpoint = support_endpoint();
		struct peer server = peer_start(endpoint, "signals threads=3");
		mqc_client *client = support_client(endpoint, 0);
		int64_t sum;

		support_ok(things_add(client, 1, 2, &sum));
		ck_assert_int_eq(kill(server.pid, signals[i]), 0);
		ck_assert_int_eq(peer_wait(&server), 0);
		ck_assert(!support_queue_exists(support_queue_name(endpoint)));
		support_fails(things_add(client, 1, 2, &sum), MQC_UNAVAILABLE);
		mqc_client_close(client);
	}
}
END_TEST

START_TEST(without_stop_on_signals_they_kill_it)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "");

	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	ck_assert_int_eq(peer_wait(&server), 128 + SIGTERM);
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
}
END_TEST

START_TEST(a_handler_ends_it)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "threads=2");
	mqc_client *client = support_client(endpoint, 0);
	int64_t value;

	/* Its own call is answered all the same. */
	support_ok(things_call(client, THINGS_STOP, 0, 3, &value));
	ck_assert_int_eq(value, 3);
	ck_assert_int_eq(peer_wait(&server), 0);
	mqc_client_close(client);
}
END_TEST

/* A server stops while `forger`'s requests are queued behind one that takes its time. */
START_TEST(queued_requests_are_answered)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	int refused = 0, executed = 0;
	struct forger forger;
	bool goodbye = false;
	mqci_frame frame;

	forger_join(&forger, endpoint, 900, 10);
	peer_freeze(&server);
	for (int i = 0; i < 4; i++)
		(void)forger_count(&forger, 1);
	/* An empty message in between must not hide those behind it. */
	forger_send_bytes(&forger, "", 0);
	for (int i = 0; i < 3; i++)
		(void)forger_count(&forger, 1);
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	peer_thaw(&server);
	ck_assert_int_eq(peer_wait(&server), 0);
	while (forger_receive(&forger, 0, &frame)) {
		if (frame.type == MQCI_GOODBYE) {
			ck_assert_uint_eq(frame.key, forger.key);
			goodbye = true;
			continue;
		}
		/* Goodbye comes last. */
		ck_assert(!goodbye);
		ck_assert_int_eq(frame.type, MQCI_REPLY);
		if (frame.code == 0) {
			executed++;
			continue;
		}
		ck_assert_int_eq((int)(int64_t)frame.code, MQC_UNAVAILABLE);
		ck_assert_int_ne(frame.flags & MQCI_FRAME_NOT_EXECUTED, 0);
		refused++;
	}
	ck_assert_int_eq(executed + refused, 7);
	ck_assert(goodbye);
	forger_close(&forger);
}
END_TEST

START_TEST(a_queued_hello_is_answered)
{
	const mqci_hello hello = {.reply_size = 1024};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct forger forger;
	mqci_frame frame;

	forger_open(&forger, endpoint, 900, 4);
	peer_freeze(&server);
	forger_send_bytes(&forger, "", 0);
	forger_send(&forger, (mqci_frame){
				     .type = MQCI_HELLO,
				     .key = 5,
				     .call = 1,
				     .payload = (const uint8_t *)&hello,
				     .size = sizeof hello,
			     });
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	peer_thaw(&server);
	ck_assert_int_eq(peer_wait(&server), 0);
	/* Welcomed, if it was in time, and sent away then; or turned away. */
	ck_assert(forger_receive(&forger, 0, &frame));
	ck_assert_uint_eq(frame.key, 5);
	if (frame.type == MQCI_REPLY)
		ck_assert_int_eq((int)(int64_t)frame.code, MQC_UNAVAILABLE);
	else
		ck_assert_int_eq(frame.type, MQCI_WELCOME);
	forger_close(&forger);
}
END_TEST

/* ------------------------------------------------- calls under way -- */

struct caller {
	pthread_t thread;
	mqc_client *client;
	int64_t ms;
	int result;
};

static void *call_wait(void *data)
{
	struct caller *caller = data;

	caller->result = things_call(caller->client, THINGS_WAIT, 0, caller->ms, NULL);
	return NULL;
}

START_TEST(calls_under_way_end_well)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *client = support_client(endpoint, 8);
	struct caller callers[6];

	for (int i = 0; i < 6; i++) {
		callers[i] = (struct caller){.client = client, .ms = 300};
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_wait, &callers[i]),
				 0);
	}
	support_sleep_ms(100);
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	ck_assert_int_eq(peer_wait(&server), 0);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
		if (callers[i].result != MQC_OK)
			ck_assert_int_eq(callers[i].result, MQC_UNAVAILABLE);
	}
	mqc_client_close(client);
}
END_TEST

/* Clients that never give up calling must not keep a server from stopping. */
static atomic_bool enough;

static void *call_for_ever(void *client)
{
	while (!atomic_load(&enough))
		(void)things_call(client, THINGS_COUNT, 100, 1, NULL);
	return NULL;
}

START_TEST(under_fire)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *clients[2];
	pthread_t threads[6];

	atomic_store(&enough, false);
	for (int i = 0; i < 2; i++)
		clients[i] = support_client(endpoint, 4);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_for_ever, clients[i % 2]),
				 0);
	support_sleep_ms(50);
	peer_stop(&server);
	atomic_store(&enough, true);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++)
		mqc_client_close(clients[i]);
}
END_TEST

/* -------------------------------------------------- several processes -- */

START_TEST(one_of_two_leaves)
{
	const char *endpoint = support_endpoint();
	struct peer one = peer_start(endpoint, "signals"), other;
	mqc_client *client = support_client(endpoint, 0);
	int64_t pid, sum;

	support_ok(things_call(client, THINGS_PID, 0, 0, &pid));
	ck_assert_int_eq(pid, one.pid);
	other = peer_start(endpoint, "signals");
	peer_stop(&one);
	ck_assert(support_queue_exists(support_queue_name(endpoint)));
	/* It has never met this client, but knows its key. */
	for (int i = 0; i < 50; i++) {
		support_ok(things_call(client, THINGS_PID, 0, 0, &pid));
		ck_assert_int_eq(pid, other.pid);
	}
	peer_stop(&other);
	ck_assert(queue_is_gone((void *)(uintptr_t)endpoint));
	support_fails(things_add(client, 1, 2, &sum), MQC_UNAVAILABLE);
	mqc_client_close(client);
}
END_TEST

START_TEST(the_last_has_never_met_the_client)
{
	const char *endpoint = support_endpoint();
	struct peer one = peer_start(endpoint, "signals"), other;
	mqc_client *client = support_client(endpoint, 0);
	int64_t begun, sum;

	other = peer_start(endpoint, "signals");
	peer_stop(&one);
	peer_stop(&other);
	/* Nobody said goodbye to it; it must find out, long before its time is over. */
	begun = support_now_ms();
	support_fails(things_add(client, 1, 2, &sum), MQC_UNAVAILABLE);
	ck_assert_int_lt(support_now_ms() - begun, 50000);
	mqc_client_close(client);
}
END_TEST

START_TEST(servers_come_and_go)
{
	const char *endpoint = support_endpoint();
	struct peer servers[2];
	mqc_client *client;
	int64_t sum;

	servers[0] = peer_start(endpoint, "signals");
	client = support_client(endpoint, 0);
	for (int i = 0; i < 12; i++) {
		servers[(i + 1) % 2] = peer_start(endpoint, "signals threads=2");
		for (int n = 0; n < 10; n++)
			support_ok(things_add(client, n, i, &sum));
		peer_stop(&servers[i % 2]);
		for (int n = 0; n < 10; n++) {
			support_ok(things_add(client, n, i, &sum));
			ck_assert_int_eq(sum, n + i);
		}
	}
	mqc_client_close(client);
	peer_stop(&servers[0]);
}
END_TEST

START_TEST(all_leave_at_once)
{
	for (int round = 0; round < 5; round++) {
		const char *endpoint = support_endpoint();
		struct peer servers[4];

		for (int i = 0; i < 4; i++)
			servers[i] = peer_start(endpoint, "signals");
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(kill(servers[i].pid, SIGTERM), 0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(peer_wait(&servers[i]), 0);
		ck_assert(queue_is_gone((void *)(uintptr_t)endpoint));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stop");
	TCase *tests;

	tests = support_case(suite, "asking");
	tcase_add_test(tests, signals_end_it);
	tcase_add_test(tests, without_stop_on_signals_they_kill_it);
	tcase_add_test(tests, a_handler_ends_it);

	tests = support_case(suite, "calls");
	tcase_add_test(tests, queued_requests_are_answered);
	tcase_add_test(tests, a_queued_hello_is_answered);
	tcase_add_test(tests, calls_under_way_end_well);
	tcase_add_test(tests, under_fire);

	tests = support_case(suite, "several");
	tcase_add_test(tests, one_of_two_leaves);
	tcase_add_test(tests, the_last_has_never_met_the_client);
	tcase_add_test(tests, servers_come_and_go);
	tcase_add_test(tests, all_leave_at_once);
	return support_run(suite);
}
