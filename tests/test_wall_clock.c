/*
 * test_wall_clock.c - the wall clock is set, and nothing comes of it.
 *
 * Nobody can set the clock of the machine that a test runs on. But what the
 * library asks of the clock passes by here, as the test is linked with it: each
 * look at the wall clock finds it days ahead or behind, and whatever waits on it
 * in the kernel is not to be called at all.
 */
#include <mqcall/mqcall.h>

#include <dlfcn.h>
#include <errno.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "support.h"
#include "things.h"

static atomic_int looks; /* at the wall clock */

/* What it shows: two days ahead, then two days behind. */
static time_t step(void)
{
	const time_t days = (time_t)2 * 24 * 3600;

	return atomic_fetch_add(&looks, 1) % 2 == 0 ? days : -days;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int (*real)(clockid_t, struct timespec *);
	int r;

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, now);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += step();
	return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec at;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &at);
	*now = (struct timeval){.tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *now)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_REALTIME, &at);
	if (now != NULL)
		*now = at.tv_sec;
	return at.tv_sec;
}

/* The kernel measures these on the wall clock. */

static int refuse(const char *name)
{
	ck_abort_msg("%s() waits on the wall clock", name);
	return EINVAL;
}

ssize_t mq_timedreceive(mqd_t queue, char *restrict message, size_t size,
			unsigned *restrict priority, const struct timespec *restrict until)
{
	(void)queue, (void)message, (void)size, (void)priority, (void)until;
	return refuse(__func__);
}

int mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
		 const struct timespec *until)
{
	(void)queue, (void)message, (void)size, (void)priority, (void)until;
	return refuse(__func__);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
	(void)semaphore, (void)until;
	return refuse(__func__);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	(void)mutex, (void)until;
	return refuse(__func__);
}

static struct host host;
static mqc_client *client;

static void begin(void)
{
	const char *endpoint = support_endpoint();

	host_start(&host, endpoint, NULL);
	client = support_client(endpoint, 0);
}

static void end(void)
{
	mqc_client_close(client);
	host_stop(&host);
}

static void *call_for_300_ms(void *unused)
{
	int64_t begun = support_now_ms(), took;

	support_fails(things_call(client, THINGS_WAIT, 300, 600, NULL), MQC_DEADLINE_EXCEEDED);
	took = support_now_ms() - begun;
	ck_assert_int_ge(took, 299);
	ck_assert_int_le(took, 3000);
	return unused;
}

/* A thread that receives, one that waits for it to, one whose request waits in the queue. */
START_TEST(limits_hold)
{
	pthread_t threads[3];

	begin();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_for_300_ms, NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	end();
}
END_TEST

/* What is in time is served, and handlers see what is left of it. */
START_TEST(nothing_expires_before_its_time)
{
	int64_t left;

	begin();
	for (int i = 0; i < 20; i++) {
		(void)time(NULL);
		support_ok(things_call(client, THINGS_REMAINING, 5000, 0, &left));
		ck_assert_int_gt(left, 2000);
		ck_assert_int_le(left, 5000);
	}
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wall clock");
	TCase *tests = support_case(suite, "wall clock");

	tcase_add_test(tests, limits_hold);
	tcase_add_test(tests, nothing_expires_before_its_time);
	return support_run(suite);
}
