/*
 * parking.h - where the workers of a lane wait while one of them polls for all.
 *
 * The kernel hands a message straight to a thread that is blocked in
 * mq_receive(), and one that polls never sees it. So while a worker polls, the
 * others that have nothing to do sleep here, until it stops polling, or is found
 * to be held up by a handler.
 */
#ifndef MQCI_PARKING_H
#define MQCI_PARKING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ticker.h"

typedef struct mqci_parking {
	_Atomic(const void *) spinner; /* who polls, or serves what it has found so; NULL: nobody */
	atomic_uint parked;            /* how many sleep here */
	atomic_uint comers;            /* how many have come to */
	atomic_uint turns;             /* of the one that polls */
	_Atomic int64_t last;          /* when a worker last could have polled */
	atomic_uint streak;            /* how often in quick succession */
	_Atomic int64_t not_before;    /* there is more to do than one can */
	unsigned turns_seen;           /* at the last tick */
	bool piled_up;                 /* messages waited then */
	pthread_mutex_t lock;
	pthread_cond_t left;
} mqci_parking;

int mqci_parking_init(mqci_parking *parking);
void mqci_parking_done(mqci_parking *parking);

/* Whether requests come in such quick succession that it pays to send the others to sleep here. */
bool mqci_parking_is_lively(mqci_parking *parking, int64_t now);

/* Be the one that polls; false: another is, or one is not enough. */
bool mqci_parking_claim(mqci_parking *parking, const void *who, int64_t now);

/* Whether somebody else polls. */
static inline bool mqci_parking_is_taken(const mqci_parking *parking, const void *who)
{
	const void *spinner = atomic_load_explicit(&parking->spinner, memory_order_relaxed);

	return spinner != NULL && spinner != who;
}

/* A message has been received. */
static inline void mqci_parking_turn(mqci_parking *parking)
{
	const unsigned turns = atomic_load_explicit(&parking->turns, memory_order_relaxed);

	/* That two at a time count as one does no harm. */
	atomic_store_explicit(&parking->turns, turns + 1, memory_order_relaxed);
}

/* It polls no more. */
void mqci_parking_release(mqci_parking *parking, const void *who);

/* Sleep while somebody polls; the ticker, unless it is NULL, sees that he does. */
void mqci_parking_park(mqci_parking *parking, mqci_ticker *ticker);

/* Wake all who sleep here, and have nobody be the one that polls. */
void mqci_parking_wake(mqci_parking *parking);

/*
 * The reception's look at it: those who sleep are woken if nothing has been found
 * since the last one; and for a while nobody polls, if twice messages wait that
 * the one that polls has not got round to. Whether somebody sleeps.
 */
bool mqci_parking_tick(mqci_parking *parking, bool is_piled_up, int64_t now);

#endif
