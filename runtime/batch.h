/*
 * batch.h - the requests of one message, which one thread serves, one after the other.
 *
 * Their answers are put together: one message for as many as fit, sent when it is
 * full, when the next answer goes to another client, when the first of them has
 * waited for a while, and at the end. Each request is in a hand of its own until
 * its answer has been sent; when all hands are out, in that of the thread, and is
 * answered before the next.
 *
 * A handler that takes its time must hold nobody up, so another thread may send
 * the answers that are there and take the requests that have not begun, while it
 * runs. Hence the lock.
 */
#ifndef MQCI_BATCH_H
#define MQCI_BATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "frame.h"
#include "presence.h"
#include "session.h"

struct mqci_lane;

typedef struct mqci_batch {
	const mqci_presence *presence;
	unsigned room; /* for requests */
	atomic_bool under_way;
	atomic_uint number;   /* how many there have been */
	pthread_mutex_t lock; /* guards the rest, while one is under way */
	mqci_frame *requests; /* in the message they came in */
	mqci_hand **hands;    /* of each; NULL: none could be had, and it is in this one: */
	mqci_hand *hand;      /* the thread's */
	unsigned priority;
	int64_t since;                   /* when the message was received */
	unsigned count, begun, executed; /* so many there are; ... */
	unsigned answered;               /* ... and their answers are on the way */
	mqci_session *session;           /* whose answers are put together */
	uint8_t *replies;                /* and these, of so many bytes */
	size_t replies_size;
	int64_t first_reply; /* when the first of them was begun */
} mqci_batch;

/* For messages of so many bytes. The hand, borrowed, is empty while a batch is under way. */
int mqci_batch_init(mqci_batch *batch, const mqci_presence *presence, mqci_hand *hand,
		    size_t message_size);
void mqci_batch_done(mqci_batch *batch);

/*
 * Put requests into a batch that is not under way; what their payloads lie in
 * stays until it ends. False without memory, or room.
 */
bool mqci_batch_add(mqci_batch *batch, const mqci_frame *request);

/* They came with this priority, and are served from now on. */
void mqci_batch_begin(mqci_batch *batch, unsigned priority, int64_t now);

/* The next request, which is being executed then; NULL: there is none. */
const mqci_frame *mqci_batch_next(mqci_batch *batch, int64_t now);

/*
 * Answer the request that is being executed. The session stays until the batch
 * has been flushed, or ends. False: the answer is too large to be put together
 * with others.
 */
bool mqci_batch_reply(mqci_batch *batch, mqci_session *session, const mqci_frame *reply);

/* Send the answers that are there. */
void mqci_batch_flush(mqci_batch *batch);

/*
 * From any thread, while a batch may be under way: send the answers that are
 * there, and have the requests that have not begun wait in the backlog of the
 * lane, as far as it has room. How many do.
 */
unsigned mqci_batch_share(mqci_batch *batch, struct mqci_lane *lane);

/* All of it has been executed, or waits in the backlog. */
void mqci_batch_end(mqci_batch *batch);

#endif
