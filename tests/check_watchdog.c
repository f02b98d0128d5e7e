/*
 * check_watchdog.c - tests of lib/watchdog.h: nobody is woken too early, nobody is forgotten.
 */
#include "watchdog.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "support.h"

#define MS INT64_C(1000000)

/* A watch with one deadline; tells when it was woken. */
struct sleeper {
	mqci_watch watch;
	_Atomic int64_t deadline;
	_Atomic int64_t woken;
	atomic_int checks;
};

static int64_t check(mqci_watch *watch, int64_t now)
{
	struct sleeper *sleeper = (void *)watch;
	int64_t deadline = atomic_load(&sleeper->deadline);

	atomic_fetch_add(&sleeper->checks, 1);
	if (deadline > now)
		return deadline;
	atomic_store(&sleeper->woken, now);
	atomic_store(&sleeper->deadline, MQCI_NEVER);
	return MQCI_NEVER;
}

static void init(struct sleeper *sleeper)
{
	sleeper->watch.check = check;
	atomic_init(&sleeper->deadline, MQCI_NEVER);
	atomic_init(&sleeper->woken, 0);
	atomic_init(&sleeper->checks, 0);
	support_ok(mqci_watchdog_add(&sleeper->watch));
}

static int64_t set(struct sleeper *sleeper, int ms)
{
	int64_t deadline = mqci_clock_now() + ms * MS;

	atomic_store(&sleeper->woken, 0);
	atomic_store(&sleeper->deadline, deadline);
	mqci_watchdog_expect(deadline);
	return deadline;
}

static bool is_woken(void *sleeper)
{
	return atomic_load(&((struct sleeper *)sleeper)->woken) != 0;
}

/* Wait until it has been woken, and fail if that was too early. */
static void assert_woken(struct sleeper *sleeper, int64_t deadline)
{
	ck_assert(support_wait_for(is_woken, sleeper));
	ck_assert_int_ge(atomic_load(&sleeper->woken), deadline);
}

START_TEST(wakes_in_time)
{
	struct sleeper sleeper;

	init(&sleeper);
	for (int i = 0; i < 5; i++)
		assert_woken(&sleeper, set(&sleeper, 10 * i));
	mqci_watchdog_remove(&sleeper.watch);
}
END_TEST

START_TEST(an_earlier_deadline_comes_later)
{
	struct sleeper late, early;
	int64_t deadline;

	init(&late);
	init(&early);
	(void)set(&late, 600000);
	support_sleep_ms(20);
	deadline = set(&early, 30);
	assert_woken(&early, deadline);
	ck_assert(!is_woken(&late));
	mqci_watchdog_remove(&early.watch);
	mqci_watchdog_remove(&late.watch);
}
END_TEST

START_TEST(asleep_without_deadlines)
{
	struct sleeper sleeper;

	init(&sleeper);
	support_sleep_ms(300);
	/* Its thread looks once, when it begins. */
	ck_assert_int_le(atomic_load(&sleeper.checks), 1);
	mqci_watchdog_remove(&sleeper.watch);
}
END_TEST

START_TEST(removed_is_never_checked_again)
{
	struct sleeper sleeper, other;
	int checks;

	init(&other);
	for (int i = 0; i < 50; i++) {
		init(&sleeper);
		(void)set(&sleeper, i % 3);
		if (i % 2)
			support_sleep_ms(1);
		mqci_watchdog_remove(&sleeper.watch);
		checks = atomic_load(&sleeper.checks);
		assert_woken(&other, set(&other, 1));
		ck_assert_int_eq(atomic_load(&sleeper.checks), checks);
	}
	mqci_watchdog_remove(&other.watch);
}
END_TEST

static unsigned threads_now(void)
{
	unsigned count = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "Threads: %u", &count) == 1)
			break;
	(void)fclose(status);
	return count;
}

/* The kernel may count a thread that has been joined for a moment longer. */
static bool are_so_many(void *threads)
{
	return threads_now() == *(unsigned *)threads;
}

START_TEST(its_thread_ends_with_the_last_watch)
{
	struct sleeper one, other;
	unsigned before;

	/* With a program's first thread ThreadSanitizer may start one of its own. */
	init(&one);
	before = threads_now() - 1;
	mqci_watchdog_remove(&one.watch);
	ck_assert(support_wait_for(are_so_many, &before));
	for (int i = 0; i < 20; i++) {
		init(&one);
		init(&other);
		ck_assert_uint_eq(threads_now(), before + 1);
		mqci_watchdog_remove(&one.watch);
		ck_assert_uint_eq(threads_now(), before + 1);
		mqci_watchdog_remove(&other.watch);
		ck_assert(support_wait_for(are_so_many, &before));
	}
}
END_TEST

static _Atomic pthread_t signalled;

static void note_thread(int signal)
{
	(void)signal;
	atomic_store(&signalled, pthread_self());
}

START_TEST(signals_are_the_programs)
{
	const struct sigaction action = {.sa_handler = note_thread};
	struct sleeper sleeper;

	init(&sleeper);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	for (int i = 0; i < 20; i++) {
		atomic_store(&signalled, 0);
		ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
		while (atomic_load(&signalled) == 0)
			support_sleep_ms(1);
		ck_assert(pthread_equal(atomic_load(&signalled), pthread_self()));
	}
	mqci_watchdog_remove(&sleeper.watch);
}
END_TEST

/* Many threads set deadlines that pass at once: none may be missed. */
static void *sleep_often(void *seed)
{
	struct sleeper sleeper;

	init(&sleeper);
	for (int i = 0; i < 150; i++)
		assert_woken(&sleeper, set(&sleeper, (i * 7 + *(const int *)seed) % 5));
	mqci_watchdog_remove(&sleeper.watch);
	return NULL;
}

START_TEST(many_at_once)
{
	static const int seeds[] = {0, 1, 2, 3, 4, 5};
	pthread_t threads[6];

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, sleep_often,
						(void *)(uintptr_t)&seeds[i]),
				 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

static int watch_in_child(void *unused)
{
	struct sleeper own;

	(void)unused;
	/* The parent's watches are not ours; one of our own works. */
	init(&own);
	assert_woken(&own, set(&own, 5));
	mqci_watchdog_remove(&own.watch);
	return 0;
}

START_TEST(a_forked_child)
{
	struct sleeper sleeper;

	init(&sleeper);
	(void)set(&sleeper, 1);
	if (SUPPORT_THREADS_AFTER_FORK)
		ck_assert_int_eq(support_in_child(watch_in_child, NULL), 0);
	assert_woken(&sleeper, set(&sleeper, 1));
	mqci_watchdog_remove(&sleeper.watch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watchdog");
	TCase *tests = support_case(suite, "watches");

	tcase_add_test(tests, wakes_in_time);
	tcase_add_test(tests, an_earlier_deadline_comes_later);
	tcase_add_test(tests, asleep_without_deadlines);
	tcase_add_test(tests, removed_is_never_checked_again);
	tcase_add_test(tests, its_thread_ends_with_the_last_watch);
	tcase_add_test(tests, signals_are_the_programs);
	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, a_forked_child);
	return support_run(suite);
}
