/*
 * outbox.h - requests of asynchronous calls on their way into the server's queues.
 *
 * While a queue is busy, requests for it are gathered, and go in one message: when
 * that is full, or when the program is about to wait. While it is idle each goes
 * at once. What has been gathered goes within a moment even if the program does
 * neither, unless it has a loop of its own and no thread of ours.
 */
#ifndef MQCI_OUTBOX_H
#define MQCI_OUTBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "frame.h"
#include "queue.h"
#include "watchdog.h"

/* A message that is being gathered: of one lane, and one priority. */
typedef struct mqci_parcel {
	const mqci_queue *queue;
	uint8_t *message; /* NULL until there was one */
	size_t room, used;
	unsigned priority;
	uint64_t key;  /* of the session that its requests are of */
	int64_t since; /* when the first one came */
} mqci_parcel;

typedef struct mqci_outbox {
	pthread_mutex_t lock;
	mqci_parcel parcels[MQCI_LANES];
	_Atomic uint32_t filled; /* those with something in them, a bit each */
	mqci_watch watch;
	bool watched;
} mqci_outbox;

/* Without a thread of ours, if not `watched`. */
int mqci_outbox_init(mqci_outbox *outbox, bool watched);
void mqci_outbox_done(mqci_outbox *outbox);

/* In a forked child: its memory is freed, as far as it can be. */
void mqci_outbox_disown(mqci_outbox *outbox);

/* How a request goes. */
typedef struct mqci_posting {
	unsigned lane;
	const mqci_queue *queue;
	unsigned priority;
	bool gather; /* the caller is going to call mqci_outbox_flush() before it waits */
} mqci_posting;

/*
 * Take a request in, which the queue carries: 1; 0, there is no room for it before
 * the queue has some; or a status.
 */
int mqci_outbox_post(mqci_outbox *outbox, const mqci_posting *posting, const mqci_frame *request);

/* Send what was gathered. 1 when all is gone, 0 if a queue has no room, or a status. */
int mqci_outbox_flush(mqci_outbox *outbox);

/* Whether there is anything to flush. */
static inline bool mqci_outbox_is_filled(const mqci_outbox *outbox)
{
	return atomic_load_explicit(&outbox->filled, memory_order_relaxed) != 0;
}

/* The queues for whose room requests wait, a bit for each lane. */
uint32_t mqci_outbox_waiting(const mqci_outbox *outbox);

/* Take a request out again, if it has not gone yet; whether it was there. */
bool mqci_outbox_withdraw(mqci_outbox *outbox, uint64_t call);

#endif
