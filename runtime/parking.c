/*
 * parking.c - where the workers of a lane wait while one of them polls for all.
 */
#include "parking.h"

#include <string.h>

#include "clock.h"
#include "error.h"

/* So many requests, no more apart than this, in ns, are a quick succession. */
#define STREAK 16
#define SUCCESSION INT64_C(200000)

/* When there is more to do than one worker can, all serve for so long, in ns. */
#define TOO_MUCH_PAUSE INT64_C(20000000)

int mqci_parking_init(mqci_parking *parking)
{
	int r;

	memset(parking, 0, sizeof *parking);
	r = pthread_mutex_init(&parking->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	r = mqci_clock_condition(&parking->left);
	if (r < 0)
		(void)pthread_mutex_destroy(&parking->lock);
	return r;
}

void mqci_parking_done(mqci_parking *parking)
{
	(void)pthread_cond_destroy(&parking->left);
	(void)pthread_mutex_destroy(&parking->lock);
}

bool mqci_parking_is_lively(mqci_parking *parking, int64_t now)
{
	const int64_t last = atomic_exchange_explicit(&parking->last, now, memory_order_relaxed);

	if (now - last > SUCCESSION)
		atomic_store_explicit(&parking->streak, 0, memory_order_relaxed);
	else if (atomic_load_explicit(&parking->streak, memory_order_relaxed) < STREAK)
		atomic_fetch_add_explicit(&parking->streak, 1, memory_order_relaxed);
	return atomic_load_explicit(&parking->streak, memory_order_relaxed) >= STREAK;
}

bool mqci_parking_claim(mqci_parking *parking, const void *who, int64_t now)
{
	const void *spinner = atomic_load_explicit(&parking->spinner, memory_order_relaxed);

	if (spinner == who)
		return true;
	if (now < atomic_load_explicit(&parking->not_before, memory_order_relaxed))
		return false;
	spinner = NULL;
	return atomic_compare_exchange_strong(&parking->spinner, &spinner, who);
}

static void wake(mqci_parking *parking)
{
	if (atomic_load(&parking->parked) == 0)
		return;
	(void)pthread_mutex_lock(&parking->lock);
	(void)pthread_cond_broadcast(&parking->left);
	(void)pthread_mutex_unlock(&parking->lock);
}

void mqci_parking_release(mqci_parking *parking, const void *who)
{
	const void *spinner = who;

	if (atomic_load_explicit(&parking->spinner, memory_order_relaxed) == who &&
	    atomic_compare_exchange_strong(&parking->spinner, &spinner, NULL))
		wake(parking);
}

void mqci_parking_park(mqci_parking *parking, mqci_ticker *ticker)
{
	atomic_fetch_add(&parking->comers, 1);
	(void)pthread_mutex_lock(&parking->lock);
	/* Who wakes us changes `spinner` before it looks whether anybody sleeps. */
	atomic_fetch_add(&parking->parked, 1);
	/* After that: a ticker that is about to stop looks once more whether anybody sleeps. */
	if (ticker != NULL)
		mqci_ticker_want(ticker);
	while (atomic_load(&parking->spinner) != NULL)
		(void)pthread_cond_wait(&parking->left, &parking->lock);
	atomic_fetch_sub(&parking->parked, 1);
	(void)pthread_mutex_unlock(&parking->lock);
}

void mqci_parking_wake(mqci_parking *parking)
{
	atomic_store(&parking->spinner, NULL);
	wake(parking);
}

bool mqci_parking_tick(mqci_parking *parking, bool is_piled_up, int64_t now)
{
	const unsigned turns = atomic_load(&parking->turns);
	const bool too_much = is_piled_up && parking->piled_up;

	parking->piled_up = is_piled_up;
	if (atomic_load(&parking->parked) == 0)
		return false;
	if (too_much)
		atomic_store(&parking->not_before, now + TOO_MUCH_PAUSE);
	if (too_much || turns == parking->turns_seen)
		mqci_parking_wake(parking);
	parking->turns_seen = turns;
	return true;
}
