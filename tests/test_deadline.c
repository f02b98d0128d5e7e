/*
 * test_deadline.c - time limits, with servers that do not answer and queues that have no room.
 */
#include <mqcall/mqcall.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "clock.h"
#include "forge.h"
#include "support.h"
#include "things.h"

static const char *endpoint;
static struct peer server;

START_TEST(nobody_answers)
{
	mqc_client *client;
	int64_t begun, count;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	client = support_client(endpoint, 0);
	peer_freeze(&server);
	for (int ms = 1; ms <= 100; ms *= 10) {
		begun = support_now_ms();
		support_fails(things_call(client, THINGS_COUNT, ms, 1, NULL),
			      MQC_DEADLINE_EXCEEDED);
		ck_assert_int_ge(support_now_ms() - begun, ms - 1);
		ck_assert(mqc_error_last()->maybe_executed);
		support_error_has(endpoint);
	}
	peer_thaw(&server);
	/* They had expired when it came to them: none was executed. */
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &count));
	ck_assert_int_eq(count, 1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(no_room_in_the_queue)
{
	mqc_client *client;
	int64_t begun, count;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=3");
	client = support_client(endpoint, 8);
	peer_freeze(&server);
	for (int i = 0; i < 3; i++)
		support_ok(things_call(client, THINGS_NOTE, 0, 1, NULL));
	begun = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 80, 100, NULL), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(support_now_ms() - begun, 79);
	ck_assert(!mqc_error_last()->maybe_executed);
	support_error_has("no room");
	support_fails(things_call(client, THINGS_NOTE, 80, 100, NULL), MQC_DEADLINE_EXCEEDED);
	ck_assert(!mqc_error_last()->maybe_executed);
	peer_thaw(&server);
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 3);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

static void *count_once(void *client)
{
	support_ok(things_call(client, THINGS_COUNT, 0, 1, NULL));
	return NULL;
}

START_TEST(room_comes_in_time)
{
	pthread_t threads[4];
	mqc_client *client;
	int64_t count;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=1");
	client = support_client(endpoint, 8);
	peer_freeze(&server);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_once, client), 0);
	support_sleep_ms(100);
	peer_thaw(&server);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 4);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(all_calls_are_under_way)
{
	pthread_t threads[2];
	mqc_client *client;
	int64_t begun;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	client = support_client(endpoint, 3);
	peer_freeze(&server);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_once, client), 0);
	support_await_queued(endpoint, 2);
	begun = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 80, 1, NULL), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(support_now_ms() - begun, 79);
	ck_assert(!mqc_error_last()->maybe_executed);
	support_error_has("window");
	peer_thaw(&server);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(expired_requests_are_answered_unexecuted)
{
	static const int64_t past[] = {INT64_MIN, -1, 0, 1};
	uint8_t payload[16];
	struct forger forger;
	mqci_frame frame;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	forger_join(&forger, endpoint, 900, 4);
	for (unsigned i = 0; i < 6; i++) {
		forger_send(&forger, (mqci_frame){
					     .type = MQCI_REQUEST,
					     .call = (i + 1) << 16,
					     .code = things_methods[THINGS_COUNT].id,
					     .deadline = i < 4 ? past[i] : mqci_clock_now() - 1,
					     .payload = payload,
					     .size = forger_number(1, payload),
				     });
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_uint_eq(frame.call, (i + 1) << 16);
		ck_assert_int_eq((int)(int64_t)frame.code, MQC_DEADLINE_EXCEEDED);
		ck_assert_int_ne(frame.flags & MQCI_FRAME_NOT_EXECUTED, 0);
	}
	(void)forger_count(&forger, 0);
	ck_assert(forger_receive(&forger, 60000, &frame));
	ck_assert_uint_eq(frame.code, 0);
	/* An empty message is a Number of 0. */
	ck_assert_uint_eq(frame.size, 0);
	forger_close(&forger);
	peer_stop(&server);
}
END_TEST

START_TEST(handlers_see_what_is_left)
{
	mqc_client *client;
	int64_t left;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	client = support_client(endpoint, 0);
	support_ok(things_call(client, THINGS_REMAINING, 30000, 0, &left));
	ck_assert_int_gt(left, 0);
	ck_assert_int_le(left, 30000);
	support_ok(things_call(client, THINGS_REMAINING, MQC_TIMEOUT_INFINITE, 0, &left));
	ck_assert_int_eq(left, -1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* Signals rain on the thread that calls: it must neither fail nor come back early or late. */
static void ignore(int signal)
{
	(void)signal;
}

START_TEST(signals_change_nothing)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	const struct sigaction action = {.sa_handler = ignore};
	mqc_client *client;
	int64_t begun, value;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	client = support_client(endpoint, 0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; i < 500; i++) {
		support_ok(things_add(client, i, 1, &value));
		ck_assert_int_eq(value, i + 1);
	}
	support_ok(things_call(client, THINGS_WAIT, 0, 50, &value));
	peer_freeze(&server);
	begun = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 100, 1, NULL), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(support_now_ms() - begun, 99);
	peer_thaw(&server);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deadline");
	TCase *tests = support_case(suite, "deadline");

	tcase_add_test(tests, nobody_answers);
	tcase_add_test(tests, no_room_in_the_queue);
	tcase_add_test(tests, room_comes_in_time);
	tcase_add_test(tests, all_calls_are_under_way);
	tcase_add_test(tests, expired_requests_are_answered_unexecuted);
	tcase_add_test(tests, handlers_see_what_is_left);
	tcase_add_test(tests, signals_change_nothing);
	return support_run(suite);
}
