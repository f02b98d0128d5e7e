/*
 * backlog.h - requests that a server has taken from the queue and cannot run yet.
 *
 * A queue delivers by priority alone, so that a steady stream of urgent requests
 * keeps others waiting for ever. Here requests wait in the order of the time
 * they came, moved ahead by `step` for each level of priority: what has waited
 * long enough overtakes what is more urgent and has just come.
 *
 * The order of two requests never changes while they wait, as both age alike.
 */
#ifndef MQCI_BACKLOG_H
#define MQCI_BACKLOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "presence.h"

/* A request that waits: a frame, in memory of its own. */
typedef struct mqci_waiting {
	int64_t turn;    /* what it is ordered by */
	uint64_t number; /* and, of those with the same, when it came here */
	int64_t since;   /* when it was taken from the queue */
	unsigned priority;
	mqci_hand *hand; /* says so to its caller, should we die */
	size_t size;
	uint8_t message[];
} mqci_waiting;

typedef struct mqci_backlog {
	pthread_mutex_t lock;
	atomic_uint count; /* to be looked at without the lock */
	unsigned room;
	mqci_waiting **heap; /* the next one first */
	int64_t step;
	uint64_t number; /* of the last one that came */
} mqci_backlog;

/* `room` for requests; `step` in ns. */
int mqci_backlog_init(mqci_backlog *backlog, unsigned room, int64_t step);

/* Nothing waits any more. */
void mqci_backlog_done(mqci_backlog *backlog);

/* A request to wait, copied from the frame's bytes; NULL without memory. */
mqci_waiting *mqci_waiting_new(const mqci_frame *frame, unsigned priority, mqci_hand *hand,
			       int64_t now);

/*
 * Have it wait. What there is no room for is given back: the last one in the
 * order, which may be the new one; else NULL.
 */
mqci_waiting *mqci_backlog_put(mqci_backlog *backlog, mqci_waiting *waiting);

/* The next one, to be freed with free(); NULL if there is none. */
mqci_waiting *mqci_backlog_take(mqci_backlog *backlog);

static inline unsigned mqci_backlog_count(const mqci_backlog *backlog)
{
	return atomic_load(&backlog->count);
}

#endif
