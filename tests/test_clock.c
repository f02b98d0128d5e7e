/*
 * test_clock.c - a step of the wall clock changes nothing.
 *
 * The linker gives the library this file's functions in place of those that
 * read the wall clock, or wait for a time of it (--wrap). They show one that
 * jumps by days, back and forth, and note that they were called, which must
 * never be. Clients and servers are all in this process.
 */
#include <errno.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "support.h"

/* --------------------------------------------------------- the wall clock -- */

#define DAY INT64_C(86400)

/* Times before this, in seconds, are of CLOCK_MONOTONIC: so long is no machine up. */
#define ANY_UPTIME INT64_C(1000000000)

static _Atomic int64_t offset;
static _Atomic(const char *) first_sin;
static atomic_int sins;

static void note(const char *function)
{
	const char *none = NULL;

	(void)atomic_compare_exchange_strong(&first_sin, &none, function);
	atomic_fetch_add(&sins, 1);
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
			   struct timespec *ret_left);
int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				  const struct timespec *time);
int __real_timerfd_create(int clock, int flags);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
			   struct timespec *ret_left);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				  const struct timespec *time);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_gettimeofday(struct timeval *ret_time, void *zone);
time_t __wrap_time(time_t *ret_time);
int __wrap_mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
			const struct timespec *time);
ssize_t __wrap_mq_timedreceive(mqd_t queue, char *message, size_t size, unsigned *ret_priority,
			       const struct timespec *time);
int __wrap_sem_timedwait(sem_t *semaphore, const struct timespec *time);
int __wrap_pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time);

static bool is_of_the_wall(clockid_t clock)
{
	return clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_RAW &&
	       clock != CLOCK_MONOTONIC_COARSE && clock != CLOCK_BOOTTIME;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int r = __real_clock_gettime(clock, ret_time);

	if (is_of_the_wall(clock)) {
		note("clock_gettime");
		ret_time->tv_sec += (time_t)atomic_load(&offset);
	}
	return r;
}

static struct timespec wall(void)
{
	struct timespec now;

	(void)__real_clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += (time_t)atomic_load(&offset);
	return now;
}

int __wrap_gettimeofday(struct timeval *ret_time, void *zone)
{
	struct timespec now = wall();

	(void)zone;
	note("gettimeofday");
	*ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t __wrap_time(time_t *ret_time)
{
	note("time");
	if (ret_time != NULL)
		*ret_time = wall().tv_sec;
	return wall().tv_sec;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
			   struct timespec *ret_left)
{
	/* Relative ones are not moved by steps, whatever the clock. */
	if (is_of_the_wall(clock) && (flags & TIMER_ABSTIME) != 0) {
		note("clock_nanosleep");
		return 0;
	}
	return __real_clock_nanosleep(clock, flags, time, ret_left);
}

int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	clockid_t clock = CLOCK_REALTIME;

	if (attributes != NULL)
		(void)pthread_condattr_getclock(attributes, &clock);
	if (is_of_the_wall(clock))
		note("pthread_cond_init");
	return __real_pthread_cond_init(condition, attributes);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				  const struct timespec *time)
{
	if (time->tv_sec >= ANY_UPTIME)
		note("pthread_cond_timedwait");
	return __real_pthread_cond_timedwait(condition, mutex, time);
}

int __wrap_timerfd_create(int clock, int flags)
{
	if (is_of_the_wall(clock))
		note("timerfd_create");
	return __real_timerfd_create(clock, flags);
}

/* What waits for a time of the wall clock, and can be told no other: it is over at once. */

static int over(const char *function)
{
	note(function);
	errno = ETIMEDOUT;
	return -1;
}

int __wrap_mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
			const struct timespec *time)
{
	(void)queue, (void)message, (void)size, (void)priority, (void)time;
	return over("mq_timedsend");
}

ssize_t __wrap_mq_timedreceive(mqd_t queue, char *message, size_t size, unsigned *ret_priority,
			       const struct timespec *time)
{
	(void)queue, (void)message, (void)size, (void)ret_priority, (void)time;
	return over("mq_timedreceive");
}

int __wrap_sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
	(void)semaphore, (void)time;
	return over("sem_timedwait");
}

int __wrap_pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
	(void)mutex, (void)time;
	(void)over("pthread_mutex_timedlock");
	return ETIMEDOUT;
}

/* A thread that steps it, until told that it is enough. */
static atomic_bool stepping;
static pthread_t stepper;

static void *step(void *unused)
{
	static const int64_t days[] = {0, 3, -2, 400, -400, 20000, -10000};

	for (size_t i = 0; atomic_load(&stepping); i++) {
		atomic_store(&offset, days[i % (sizeof days / sizeof days[0])] * DAY);
		support_sleep_ms(7);
	}
	return unused;
}

static void begin(void)
{
	atomic_store(&stepping, true);
	ck_assert_int_eq(pthread_create(&stepper, NULL, step, NULL), 0);
}

static void end(void)
{
	atomic_store(&stepping, false);
	ck_assert_int_eq(pthread_join(stepper, NULL), 0);
	ck_assert_msg(atomic_load(&sins) == 0, "the wall clock was asked %d times, first by %s()",
		      atomic_load(&sins), atomic_load(&first_sin));
}

/* ------------------------------------------------------------------ tests -- */

/*
 * The time a limit may be overrun by on a machine that has much to do, whose kernel
 * takes long to close an inotify instance, too. The clock steps by days.
 */
#define LATE_MS 30000

static void check_took(int64_t since, int64_t at_least)
{
	int64_t took = support_now_ms() - since;

	/* Both are rounded. */
	ck_assert_int_ge(took, at_least - 2);
	ck_assert_int_lt(took, at_least + LATE_MS);
}

/* The other way round: what stands above is in effect. */
START_TEST(the_functions_are_replaced)
{
	struct timespec then = {.tv_sec = ANY_UPTIME}, now;
	struct timeval day;
	pthread_cond_t condition;
	char byte;

	atomic_store(&offset, 1000 * DAY);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ck_assert_int_eq(atomic_load(&sins), 0);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ck_assert_int_eq(atomic_load(&sins), 1);
	(void)gettimeofday(&day, NULL);
	(void)time(NULL);
	(void)clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &then, NULL);
	(void)mq_timedsend((mqd_t)-1, "", 0, 0, &then);
	(void)mq_timedreceive((mqd_t)-1, &byte, 1, NULL, &then);
	ck_assert_int_eq(pthread_cond_init(&condition, NULL), 0);
	(void)pthread_cond_destroy(&condition);
	ck_assert_int_eq(atomic_load(&sins), 7);
	ck_assert_int_eq(now.tv_sec - day.tv_sec < DAY, 1);
}
END_TEST

START_TEST(waiting_for_answers)
{
	mqc_client *client;
	struct host host;
	int64_t since, value;

	host_start(&host, support_endpoint(), NULL);
	begin();
	client = support_client(support_last_endpoint(), 4);
	since = support_now_ms();
	support_fails(things_call(client, THINGS_WAIT, 300, 3000, NULL), MQC_DEADLINE_EXCEEDED);
	check_took(since, 300);
	since = support_now_ms();
	support_ok(things_call(client, THINGS_WAIT, 60000, 300, NULL));
	check_took(since, 300);
	support_ok(things_call(client, THINGS_REMAINING, 60000, 0, &value));
	ck_assert_int_gt(value, 60000 - LATE_MS);
	ck_assert_int_le(value, 60000);
	mqc_client_close(client);
	host_stop(&host);
	end();
}
END_TEST

struct calling {
	pthread_t thread;
	mqc_client *client;
	int timeout_ms;
};

static void *call_in_vain(void *data)
{
	const struct calling *calling = data;
	int64_t since = support_now_ms();

	support_fails(things_call(calling->client, THINGS_WAIT, calling->timeout_ms, 3000, NULL),
		      MQC_DEADLINE_EXCEEDED);
	check_took(since, calling->timeout_ms);
	return NULL;
}

/* Threads of one client: one receives, some sleep, and some wait for their turn. */
START_TEST(waiting_for_one_another)
{
	const mqc_client_options options = {.window = 3};
	struct calling calling[6];
	mqc_client *client;
	struct host host;

	host_start(&host, support_endpoint(), NULL);
	begin();
	support_ok(mqc_client_open(support_last_endpoint(), &options, &client));
	for (int i = 0; i < 6; i++) {
		calling[i] = (struct calling){.client = client, .timeout_ms = 100 + 100 * i};
		ck_assert_int_eq(
			pthread_create(&calling[i].thread, NULL, call_in_vain, &calling[i]), 0);
	}
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(calling[i].thread, NULL), 0);
	mqc_client_close(client);
	host_stop(&host);
	end();
}
END_TEST

static bool has_begun(void *host)
{
	return atomic_load(&((struct host *)host)->self.begun) > 0;
}

/* With the only worker busy: requests that pile up until there is no room, or too many wait. */
static void wait_for_room(int max_waiting, int expected)
{
	const mqc_server_options options = {
		.queue_messages = 2, .queue_size = 1024, .max_waiting = max_waiting};
	const mqc_client_options wide = {.window = 16, .timeout_ms = 60000};
	mqc_client *client;
	mqc_pending *held;
	struct host host;
	int64_t since;

	host_start(&host, support_endpoint(), &options);
	begin();
	support_ok(mqc_client_open(support_last_endpoint(), &wide, &client));
	support_ok(things_start(client, THINGS_UNTIL, NULL, 0, NULL, NULL, &held));
	ck_assert(support_wait_for(has_begun, &host));
	for (int i = 0; i < 2; i++) {
		since = support_now_ms();
		support_fails(things_call(client, THINGS_COUNT, 100, 1, NULL),
			      MQC_DEADLINE_EXCEEDED);
		check_took(since, 100);
	}
	since = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 300, 1, NULL), expected);
	ck_assert(!mqc_error_last()->maybe_executed);
	check_took(since, expected == MQC_DEADLINE_EXCEEDED ? 300 : 0);
	/* It comes within the time. */
	mqc_pending_drop(held);
	since = support_now_ms();
	if (expected == MQC_DEADLINE_EXCEEDED)
		support_ok(things_call(client, THINGS_COUNT, 0, 1, NULL));
	ck_assert_int_lt(support_now_ms() - since, LATE_MS);
	mqc_client_close(client);
	host_stop(&host);
	/* What had no time left when it was its turn has not been executed. */
	ck_assert_int_eq(atomic_load(&host.self.count), expected == MQC_DEADLINE_EXCEEDED ? 1 : 0);
	end();
}

START_TEST(waiting_for_room)
{
	wait_for_room(0, MQC_DEADLINE_EXCEEDED);
}
END_TEST

START_TEST(waiting_in_a_backlog)
{
	wait_for_room(2, MQC_RESOURCE_EXHAUSTED);
}
END_TEST

static void *start_late(void *data)
{
	support_sleep_ms(300);
	host_start(data, support_last_endpoint(), NULL);
	return NULL;
}

START_TEST(waiting_for_a_server)
{
	mqc_client_options options = {
		.wait_for_server = true, .open_timeout_ms = 300, .timeout_ms = 300};
	mqc_client *client = NULL;
	struct host host;
	pthread_t thread;
	int64_t since;

	begin();
	since = support_now_ms();
	support_fails(mqc_client_open(support_endpoint(), &options, &client), MQC_NOT_FOUND);
	check_took(since, 300);
	options.open_timeout_ms = 60000;
	ck_assert_int_eq(pthread_create(&thread, NULL, start_late, &host), 0);
	support_ok(mqc_client_open(support_last_endpoint(), &options, &client));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	support_ok(things_call(client, THINGS_COUNT, 60000, 1, NULL));
	host_stop(&host);
	since = support_now_ms();
	support_fails(things_call(client, THINGS_COUNT, 300, 1, NULL), MQC_UNAVAILABLE);
	check_took(since, 300);
	mqc_client_close(client);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = support_case(suite, "clock");

	tcase_add_test(tests, the_functions_are_replaced);
	tcase_add_test(tests, waiting_for_answers);
	tcase_add_test(tests, waiting_for_one_another);
	tcase_add_test(tests, waiting_for_room);
	tcase_add_test(tests, waiting_in_a_backlog);
	tcase_add_test(tests, waiting_for_a_server);
	return support_run(suite);
}
