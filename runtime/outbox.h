/*
 * outbox.h - requests of asynchronous calls on their way into the server's queues.
 *
 * While a queue is busy, or who starts calls is about to wait, requests for it are
 * gathered, and go in one message: when that is full, or when the program waits. Else
 * each goes at once. What has been gathered goes within a moment even if the program does
 * neither, unless it has a loop of its own and no thread of ours. What finds no
 * room waits here: of a client's calls never more than its window. When its session
 * ends it goes nowhere any more, and waits to be withdrawn.
 */
#ifndef MQCI_OUTBOX_H
#define MQCI_OUTBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "frame.h"
#include "queue.h"
#include "watchdog.h"

/* A message that is being gathered: for one queue, of one priority and one session. */
typedef struct mqci_parcel {
	struct mqci_parcel *next;
	uint64_t number; /* not that of any other */
	const mqci_queue *queue;
	size_t room, used;
	unsigned priority;
	uint64_t key;  /* of the session */
	int64_t since; /* when the first request came */
	uint8_t message[];
} mqci_parcel;

/* Behind the lanes: those whose session is over. */
#define MQCI_OUTBOX_OVER MQCI_LANES

typedef struct mqci_outbox {
	pthread_mutex_t lock;
	/* Of a lane the most urgent first, and the oldest of those. */
	mqci_parcel *lanes[MQCI_LANES + 1];
	mqci_parcel *spare;      /* memory for the next one, or NULL */
	uint64_t number;         /* of the last parcel */
	uint64_t number_seen;    /* ... when the watchdog last looked */
	_Atomic uint32_t filled; /* the lanes with something in them, a bit each */
	bool over;               /* there is no session: nothing is taken in */
	mqci_watch watch;
	bool watched;
} mqci_outbox;

/* Without a thread of ours, if not `watched`. */
int mqci_outbox_init(mqci_outbox *outbox, bool watched);
void mqci_outbox_done(mqci_outbox *outbox);

/* In a forked child: free the memory, unless another thread was just at it. */
void mqci_outbox_disown(mqci_outbox *outbox);

/* How a request goes. */
typedef struct mqci_posting {
	unsigned lane;
	const mqci_queue *queue; /* which takes it */
	unsigned priority;
	bool gather; /* the caller is going to call mqci_outbox_flush() before it waits */
} mqci_posting;

/*
 * Take a request in. In what parcel it is, or has gone, is for mqci_outbox_withdraw().
 * MQC_UNAVAILABLE: the session is over; or the queue is another server's now, and takes
 * no message so large.
 */
int mqci_outbox_post(mqci_outbox *outbox, const mqci_posting *posting, const mqci_frame *request,
		     uint64_t *ret_parcel);

/* Send what was gathered. 1 when all is gone, 0 if a queue has no room, or a status. */
int mqci_outbox_flush(mqci_outbox *outbox);

/*
 * The same, but keep what can still take more while the queue's servers have enough
 * to do: when the program is about to wait for them.
 */
int mqci_outbox_push(mqci_outbox *outbox);

/* Whether there is anything to flush. */
static inline bool mqci_outbox_is_filled(const mqci_outbox *outbox)
{
	return (atomic_load_explicit(&outbox->filled, memory_order_relaxed) &
		~(UINT32_C(1) << MQCI_OUTBOX_OVER)) != 0;
}

/*
 * When to flush again, for who is not told of room in the queues: MQCI_NEVER if
 * there is nothing, or the thread of ours does it.
 */
int64_t mqci_outbox_next(const mqci_outbox *outbox, int64_t now);

/* Whether there is a request in this lane that goes before one that comes now. */
bool mqci_outbox_precedes(mqci_outbox *outbox, unsigned lane, unsigned priority);

/* The queues for whose room requests wait, a bit for each lane. */
uint32_t mqci_outbox_waiting(const mqci_outbox *outbox);

/* The session is over: what has not gone does not go. Until there is the next one. */
void mqci_outbox_end_session(mqci_outbox *outbox);
void mqci_outbox_begin_session(mqci_outbox *outbox);

/* Take a request out again, if it has not gone yet; whether it was there. */
bool mqci_outbox_withdraw(mqci_outbox *outbox, uint64_t parcel, uint64_t call);

#endif
