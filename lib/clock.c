/*
 * clock.c - deadlines. The wall clock is never asked: a step of it moves nothing here.
 */
#include "clock.h"

#include <limits.h>
#include <string.h>

#include "error.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* A deadline within so many ns asks for a clock that is right. */
#define NEAR (20 * NS_PER_MS)

int64_t mqci_clock_now(void)
{
	struct timespec now;

	/* Fails only for clocks that do not exist. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t mqci_deadline_after_ms(int timeout_ms)
{
	if (timeout_ms < 0)
		return MQCI_NEVER;
	return mqci_clock_now() + timeout_ms * NS_PER_MS;
}

bool mqci_deadline_is_over(int64_t deadline)
{
	struct timespec tick;

	/* What the clock was at the last tick of the kernel's timer, 10 ms ago at most. */
	if (deadline > NEAR && clock_gettime(CLOCK_MONOTONIC_COARSE, &tick) == 0 &&
	    deadline - NEAR > (int64_t)tick.tv_sec * NS_PER_S + tick.tv_nsec)
		return false;
	return deadline <= mqci_clock_now();
}

int mqci_deadline_remaining_ms(int64_t deadline)
{
	int64_t now, left;

	if (deadline == MQCI_NEVER)
		return -1;
	now = mqci_clock_now();
	if (deadline <= now)
		return 0;
	/* A deadline from the wire may lie anywhere: no sum here may overflow. */
	left = (deadline - now - 1) / NS_PER_MS + 1;
	return left > INT_MAX ? INT_MAX : (int)left;
}

struct timespec mqci_clock_timespec(int64_t time)
{
	struct timespec spec = {
		.tv_sec = (time_t)(time / NS_PER_S),
		.tv_nsec = (long)(time % NS_PER_S),
	};

	return spec;
}

int64_t mqci_clock_longer_pause(int64_t pause, int64_t first, int64_t longest)
{
	if (pause == 0)
		return first;
	return pause < longest / 2 ? 2 * pause : longest;
}

int mqci_clock_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int r;

	r = pthread_condattr_init(&attributes);
	if (r == 0) {
		(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		r = pthread_cond_init(condition, &attributes);
		(void)pthread_condattr_destroy(&attributes);
	}
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a condition variable: %s",
				 strerror(r));
	return MQC_OK;
}
