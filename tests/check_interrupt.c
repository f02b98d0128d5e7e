/*
 * check_interrupt.c - tests of runtime/interrupt.h: a thread gets out of mq_receive().
 */
#include "interrupt.h"

#include <stdatomic.h>
#include <time.h>

#include "queue.h"
#include "support.h"

static mqci_queue queue;
static atomic_int left;

static void *receive_until_interrupted(void *interruptible)
{
	char buffer[16];

	mqci_interruptible_begin(interruptible);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 0);
	mqci_interruptible_end(interruptible);
	atomic_fetch_add(&left, 1);
	return NULL;
}

START_TEST(the_one_that_is_meant)
{
	const char *name = support_queue_name(support_endpoint());
	mqci_interruptible interruptibles[3] = {0};
	pthread_t threads[3];
	sigset_t mask, before;

	support_ok(mqci_interrupt_init());
	support_ok(mqci_interrupt_init());
	support_ok(mqci_queue_create(name, 1, 16, 0600, &queue));
	mqci_interrupt_mask(&mask);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mask, &before), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, receive_until_interrupted,
						&interruptibles[i]),
				 0);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	for (int i = 2; i >= 0; i--) {
		/* It may not be there yet: then the interrupt does nothing. */
		while (atomic_load(&left) == 2 - i) {
			ck_assert(mqci_interrupt(&interruptibles[i], threads[i]));
			support_sleep_ms(1);
		}
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		support_sleep_ms(10);
		ck_assert_int_eq(atomic_load(&left), 3 - i);
	}
	mqci_queue_unlink(name);
	mqci_queue_close(&queue);
}
END_TEST

static void mine(int signal)
{
	(void)signal;
}

/* A thread that is interrupted all the time, and in the middle of it does something else. */
static atomic_bool enough;

static void *receive_and_sleep(void *interruptible)
{
	const struct timespec moment = {.tv_nsec = 200000};
	int disturbed = 0;
	char buffer[16];

	for (int i = 0; i < 2000; i++) {
		mqci_interruptible_begin(interruptible);
		(void)mqci_queue_receive(&queue, buffer, sizeof buffer);
		mqci_interruptible_end(interruptible);
		/* What a handler may do. */
		disturbed += nanosleep(&moment, NULL) < 0;
	}
	atomic_store(&enough, true);
	return (void *)(intptr_t)disturbed;
}

START_TEST(nothing_else_is_interrupted)
{
	const char *name = support_queue_name(support_endpoint());
	mqci_interruptible interruptible = {0};
	void *disturbed = NULL;
	mqci_queue sender;
	pthread_t thread;

	support_ok(mqci_interrupt_init());
	support_ok(mqci_queue_create(name, 4, 16, 0600, &queue));
	support_ok(mqci_queue_open(name, MQCI_SEND, &sender));
	ck_assert_int_eq(pthread_create(&thread, NULL, receive_and_sleep, &interruptible), 0);
	while (!atomic_load(&enough)) {
		(void)mqci_queue_send(&sender, "", 1, 0);
		(void)mqci_interrupt(&interruptible, thread);
		/* Signals that are pending count against a limit of the user. */
		(void)nanosleep(&(const struct timespec){.tv_nsec = 20000}, NULL);
	}
	ck_assert_int_eq(pthread_join(thread, &disturbed), 0);
	ck_assert_int_eq((intptr_t)disturbed, 0);
	mqci_queue_unlink(name);
	mqci_queue_close(&sender);
	mqci_queue_close(&queue);
}
END_TEST

START_TEST(the_programs_signals_are_left_alone)
{
	const struct sigaction action = {.sa_handler = mine};
	bool had[128];
	struct sigaction now;

	/* All are taken but one, in the middle; valgrind keeps some for itself. */
	for (int n = SIGRTMIN; n <= SIGRTMAX; n++)
		had[n] = n == SIGRTMIN + 3 || sigaction(n, &action, NULL) == 0;
	support_ok(mqci_interrupt_init());
	for (int n = SIGRTMIN; n <= SIGRTMAX; n++) {
		if (!had[n])
			continue;
		ck_assert_int_eq(sigaction(n, NULL, &now), 0);
		if (n == SIGRTMIN + 3)
			ck_assert(now.sa_handler != mine && now.sa_handler != SIG_DFL);
		else
			ck_assert(now.sa_handler == mine);
	}
}
END_TEST

START_TEST(no_signal_is_left)
{
	const struct sigaction action = {.sa_handler = mine};

	for (int n = SIGRTMIN; n <= SIGRTMAX; n++)
		(void)sigaction(n, &action, NULL);
	support_fails(mqci_interrupt_init(), MQC_RESOURCE_EXHAUSTED);
	support_error_has("real-time signal");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interrupt");
	TCase *tests = support_case(suite, "interrupt");

	tcase_add_test(tests, the_one_that_is_meant);
	tcase_add_test(tests, nothing_else_is_interrupted);
	tcase_add_test(tests, the_programs_signals_are_left_alone);
	tcase_add_test(tests, no_signal_is_left);
	return support_run(suite);
}
