/*
 * watchdog.c - one thread a process that wakes waiters when their time is up.
 *
 * Three locks, in this order: life_lock for adding and removing, with the start and
 * end of the thread; watches_lock, held through a round of checks, so that a watch is
 * never removed under one; sleep_lock for the thread's going to sleep.
 *
 * No deadline is missed: before a round, `wakes_at` says "never", so that
 * whoever comes from then on asks to be seen, which makes the thread go round
 * again; only a round that nobody interrupted sets `wakes_at` and sleeps.
 */
#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "fork.h"

static pthread_mutex_t watches_lock = PTHREAD_MUTEX_INITIALIZER;
static mqci_watch *watches;

/* Adding and removing, with the start and end of the thread. */
static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;
static pthread_t thread;

static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_over; /* on CLOCK_MONOTONIC, while the thread lives */
static bool asked;
static bool ending;
static _Atomic int64_t wakes_at;

static int64_t check_all(void)
{
	int64_t now = mqci_clock_now(), earliest = MQCI_NEVER;

	(void)pthread_mutex_lock(&watches_lock);
	for (mqci_watch *watch = watches; watch != NULL; watch = watch->next) {
		int64_t deadline = watch->check(watch, now);

		if (deadline < earliest)
			earliest = deadline;
	}
	(void)pthread_mutex_unlock(&watches_lock);
	return earliest;
}

/* Sleep until `deadline` or until asked. False when the thread is to end. */
static bool sleep_until(int64_t deadline)
{
	struct timespec when = mqci_clock_timespec(deadline);
	bool goes_on;
	int r = 0;

	(void)pthread_mutex_lock(&sleep_lock);
	if (!asked)
		atomic_store(&wakes_at, deadline);
	while (!asked && !ending && r == 0) {
		if (deadline == MQCI_NEVER)
			r = pthread_cond_wait(&sleep_over, &sleep_lock);
		else
			r = pthread_cond_timedwait(&sleep_over, &sleep_lock, &when);
	}
	asked = false;
	goes_on = !ending;
	(void)pthread_mutex_unlock(&sleep_lock);
	return goes_on;
}

static void *watch_over(void *unused)
{
	int64_t earliest;

	(void)unused;
	do {
		atomic_store(&wakes_at, MQCI_NEVER);
		earliest = check_all();
	} while (sleep_until(earliest));
	return NULL;
}

void mqci_watchdog_expect(int64_t deadline)
{
	if (deadline >= atomic_load(&wakes_at))
		return;
	(void)pthread_mutex_lock(&sleep_lock);
	asked = true;
	(void)pthread_cond_signal(&sleep_over);
	(void)pthread_mutex_unlock(&sleep_lock);
}

static void before_fork(mqci_forked *forked)
{
	(void)forked;
	(void)pthread_mutex_lock(&life_lock);
	(void)pthread_mutex_lock(&watches_lock);
	(void)pthread_mutex_lock(&sleep_lock);
}

static void after_fork(mqci_forked *forked)
{
	(void)forked;
	(void)pthread_mutex_unlock(&sleep_lock);
	(void)pthread_mutex_unlock(&watches_lock);
	(void)pthread_mutex_unlock(&life_lock);
}

/* The thread did not come along, nor those that its watches were for. */
static void in_child(mqci_forked *forked)
{
	users = 0;
	watches = NULL;
	after_fork(forked);
}

static mqci_forked at_fork = {.before = before_fork, .after = after_fork, .child = in_child};

/* Start the thread, with every signal blocked: they are the program's. */
static int start_thread(void)
{
	sigset_t all, before;
	int r;

	r = mqci_clock_condition(&sleep_over);
	if (r < 0)
		return r;
	asked = ending = false;
	atomic_store(&wakes_at, MQCI_NEVER);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, watch_over, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		(void)pthread_cond_destroy(&sleep_over);
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r,
				 "cannot start the thread that watches deadlines: %s; raise "
				 "ulimit -u or ulimit -v, or open the client with own_loop",
				 strerror(r));
	}
	return MQC_OK;
}

static void end_thread(void)
{
	(void)pthread_mutex_lock(&sleep_lock);
	ending = true;
	(void)pthread_cond_signal(&sleep_over);
	(void)pthread_mutex_unlock(&sleep_lock);
	(void)pthread_join(thread, NULL);
	(void)pthread_cond_destroy(&sleep_over);
}

int mqci_watchdog_add(mqci_watch *watch)
{
	int r;

	/* Before any lock of ours is held: fork() takes them in the other order. */
	r = mqci_fork_register(&at_fork);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&life_lock);
	if (users == 0)
		r = start_thread();
	if (r == MQC_OK) {
		users++;
		(void)pthread_mutex_lock(&watches_lock);
		watch->next = watches;
		watches = watch;
		(void)pthread_mutex_unlock(&watches_lock);
	}
	(void)pthread_mutex_unlock(&life_lock);
	return r;
}

void mqci_watchdog_remove(mqci_watch *watch)
{
	mqci_watch **link;

	(void)pthread_mutex_lock(&life_lock);
	(void)pthread_mutex_lock(&watches_lock);
	for (link = &watches; *link != watch; link = &(*link)->next)
		continue;
	*link = watch->next;
	(void)pthread_mutex_unlock(&watches_lock);
	if (--users == 0)
		end_thread();
	(void)pthread_mutex_unlock(&life_lock);
}
