/*
 * check_stop.c - tests of runtime/stop.h: asking threads to end.
 */
#include "stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support.h"

START_TEST(asked_before)
{
	mqci_stop stop;

	support_ok(mqci_stop_init(&stop));
	mqci_stop_request(&stop);
	mqci_stop_request(&stop);
	support_ok(mqci_stop_wait(&stop));
	mqci_stop_done(&stop);
	mqci_stop_done(&stop);
}
END_TEST

static void *request_later(void *stop)
{
	support_sleep_ms(50);
	mqci_stop_request(stop);
	return NULL;
}

START_TEST(asked_while_one_waits)
{
	pthread_t thread;
	mqci_stop stop;

	support_ok(mqci_stop_init(&stop));
	for (int i = 0; i < 3; i++) {
		int64_t begun = support_now_ms();

		ck_assert_int_eq(pthread_create(&thread, NULL, request_later, &stop), 0);
		support_ok(mqci_stop_wait(&stop));
		/* The request before was taken. */
		ck_assert_int_ge(support_now_ms() - begun, 49);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	mqci_stop_done(&stop);
}
END_TEST

static atomic_int former;

static void count(int signal)
{
	(void)signal;
	atomic_fetch_add(&former, 1);
}

START_TEST(hooked_to_signals)
{
	const struct sigaction action = {.sa_handler = count};
	mqci_stop one, other, third;

	ck_assert_int_eq(sigaction(SIGINT, &action, NULL), 0);
	ck_assert_int_eq(sigaction(SIGTERM, &action, NULL), 0);
	support_ok(mqci_stop_init(&one));
	support_ok(mqci_stop_init(&other));
	support_ok(mqci_stop_init(&third));
	support_ok(mqci_stop_hook_signals(&one));
	support_ok(mqci_stop_hook_signals(&other));
	ck_assert_int_eq(raise(SIGINT), 0);
	support_ok(mqci_stop_wait(&one));
	support_ok(mqci_stop_wait(&other));

	mqci_stop_unhook_signals(&one);
	mqci_stop_unhook_signals(&third);
	ck_assert_int_eq(raise(SIGTERM), 0);
	support_ok(mqci_stop_wait(&other));
	ck_assert_int_eq(atomic_load(&former), 0);
	/* A second one is not for us. */
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(atomic_load(&former), 1);
	atomic_store(&former, 0);

	mqci_stop_unhook_signals(&other);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(raise(SIGINT), 0);
	ck_assert_int_eq(atomic_load(&former), 2);
	mqci_stop_done(&one);
	mqci_stop_done(&other);
	mqci_stop_done(&third);
}
END_TEST

/* As a shell does for programs in the background, or nohup. */
START_TEST(ignored_signals_stay_ignored)
{
	mqci_stop stop;

	ck_assert(signal(SIGINT, SIG_IGN) != SIG_ERR);
	support_ok(mqci_stop_init(&stop));
	support_ok(mqci_stop_hook_signals(&stop));
	ck_assert_int_eq(raise(SIGINT), 0);
	ck_assert_int_eq(raise(SIGINT), 0);
	mqci_stop_request(&stop);
	support_ok(mqci_stop_wait(&stop));
	mqci_stop_unhook_signals(&stop);
	ck_assert(signal(SIGINT, SIG_DFL) == SIG_IGN);
	mqci_stop_done(&stop);
}
END_TEST

START_TEST(as_many_as_there_is_room_for)
{
	mqci_stop stops[17];

	for (int i = 0; i < 17; i++)
		support_ok(mqci_stop_init(&stops[i]));
	for (int i = 0; i < 16; i++)
		support_ok(mqci_stop_hook_signals(&stops[i]));
	support_fails(mqci_stop_hook_signals(&stops[16]), MQC_RESOURCE_EXHAUSTED);
	mqci_stop_unhook_signals(&stops[3]);
	support_ok(mqci_stop_hook_signals(&stops[16]));
	ck_assert_int_eq(raise(SIGINT), 0);
	for (int i = 0; i < 17; i++) {
		if (i != 3)
			support_ok(mqci_stop_wait(&stops[i]));
		mqci_stop_unhook_signals(&stops[i]);
		mqci_stop_done(&stops[i]);
	}
}
END_TEST

START_TEST(taken_without_waiting)
{
	mqci_stop stop;

	support_ok(mqci_stop_init(&stop));
	ck_assert(!mqci_stop_take(&stop));
	mqci_stop_request(&stop);
	mqci_stop_request(&stop);
	ck_assert(atomic_load(&stop.asked));
	ck_assert(mqci_stop_take(&stop));
	ck_assert(!atomic_load(&stop.asked));
	ck_assert(!mqci_stop_take(&stop));
	/* Nothing of it is left for those who wait. */
	mqci_stop_request(&stop);
	support_ok(mqci_stop_wait(&stop));
	ck_assert(!mqci_stop_take(&stop));
	mqci_stop_done(&stop);
}
END_TEST

static bool was_told(void *data)
{
	(void)data;
	return atomic_load(&former) > 0;
}

START_TEST(told_by_a_timer)
{
	const struct sigaction action = {.sa_handler = count};
	mqci_notify notify;
	mqci_stop stop;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	mqci_queue queue;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	support_ok(mqci_queue_create("/mqcall-check-stop", 1, 64, 0600, &queue));
	support_ok(mqci_notify_begin(&notify, &queue, &event));
	support_ok(mqci_stop_init(&stop));
	support_ok(mqci_stop_hook_signals(&stop));
	mqci_stop_tell(&stop, &notify);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert(support_wait_for(was_told, NULL));
	ck_assert(mqci_stop_take(&stop));
	mqci_stop_tell(&stop, NULL);
	atomic_store(&former, 0);
	mqci_stop_request(&stop);
	support_sleep_ms(20);
	ck_assert_int_eq(atomic_load(&former), 0);
	mqci_stop_unhook_signals(&stop);
	mqci_stop_done(&stop);
	mqci_notify_end(&notify);
	mqci_queue_close(&queue);
	ck_assert_int_eq(mqci_queue_unlink("/mqcall-check-stop"), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stop");
	TCase *tests = support_case(suite, "stop");

	tcase_add_test(tests, asked_before);
	tcase_add_test(tests, asked_while_one_waits);
	tcase_add_test(tests, taken_without_waiting);
	tcase_add_test(tests, told_by_a_timer);
	tcase_add_test(tests, hooked_to_signals);
	tcase_add_test(tests, ignored_signals_stay_ignored);
	tcase_add_test(tests, as_many_as_there_is_room_for);
	return support_run(suite);
}
