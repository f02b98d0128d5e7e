/*
 * outbox.c - requests of asynchronous calls on their way into the server's queues.
 */
#include "outbox.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"

/* What was gathered goes after this time at the latest, in ns. */
#define LONGEST_STAY INT64_C(2000000)

static void note_filled(mqci_outbox *outbox, const mqci_parcel *parcel)
{
	const uint32_t bit = UINT32_C(1) << (parcel - outbox->parcels);

	if (parcel->used > 0)
		atomic_fetch_or(&outbox->filled, bit);
	else
		atomic_fetch_and(&outbox->filled, ~bit);
}

/* Send a parcel: 1 when it is gone, 0 if there is no room, or a status. */
static int dispatch(mqci_outbox *outbox, mqci_parcel *parcel)
{
	int r;

	if (parcel->used == 0)
		return 1;
	r = mqci_queue_send(parcel->queue, parcel->message, parcel->used, parcel->priority);
	if (r != 1)
		return r;
	parcel->used = 0;
	note_filled(outbox, parcel);
	return 1;
}

/* With the lock held. */
static int flush(mqci_outbox *outbox)
{
	int result = 1, r;

	for (unsigned lane = 0; lane < MQCI_LANES; lane++) {
		r = dispatch(outbox, &outbox->parcels[lane]);
		if (r < result)
			result = r;
	}
	return result;
}

int mqci_outbox_flush(mqci_outbox *outbox)
{
	int r;

	if (!mqci_outbox_is_filled(outbox))
		return 1;
	(void)pthread_mutex_lock(&outbox->lock);
	r = flush(outbox);
	(void)pthread_mutex_unlock(&outbox->lock);
	return r;
}

/* On the watchdog's thread: send what has stayed for too long. */
static int64_t check_stay(mqci_watch *watch, int64_t now)
{
	mqci_outbox *outbox = (mqci_outbox *)(void *)((char *)watch - offsetof(mqci_outbox, watch));
	int64_t next = MQCI_NEVER;

	if (!mqci_outbox_is_filled(outbox))
		return next;
	(void)pthread_mutex_lock(&outbox->lock);
	for (unsigned lane = 0; lane < MQCI_LANES; lane++) {
		mqci_parcel *parcel = &outbox->parcels[lane];

		if (parcel->used > 0 && parcel->since + LONGEST_STAY <= now &&
		    dispatch(outbox, parcel) < 1)
			parcel->since = now;
		if (parcel->used > 0 && parcel->since + LONGEST_STAY < next)
			next = parcel->since + LONGEST_STAY;
	}
	(void)pthread_mutex_unlock(&outbox->lock);
	return next;
}

int mqci_outbox_init(mqci_outbox *outbox, bool watched)
{
	int r;

	memset(outbox, 0, sizeof *outbox);
	outbox->watched = watched;
	outbox->watch.check = check_stay;
	r = pthread_mutex_init(&outbox->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	r = watched ? mqci_watchdog_add(&outbox->watch) : MQC_OK;
	if (r < 0)
		(void)pthread_mutex_destroy(&outbox->lock);
	return r;
}

void mqci_outbox_disown(mqci_outbox *outbox)
{
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		free(outbox->parcels[lane].message);
}

void mqci_outbox_done(mqci_outbox *outbox)
{
	if (outbox->watched)
		mqci_watchdog_remove(&outbox->watch);
	(void)pthread_mutex_destroy(&outbox->lock);
	mqci_outbox_disown(outbox);
}

static size_t space_of(const mqci_frame *request)
{
	return mqci_frame_space(request->flags & MQCI_FRAME_ARENA ? 0 : request->size);
}

/* Whether the parcel can take a request more. */
static bool goes_with(const mqci_parcel *parcel, const mqci_posting *posting,
		      const mqci_frame *request)
{
	return parcel->used == 0 ||
	       (parcel->queue == posting->queue && parcel->priority == posting->priority &&
		parcel->key == request->key && parcel->used + space_of(request) <= parcel->room);
}

/* Begin to gather for this queue, which may be another one than the last time. */
static int begin(mqci_parcel *parcel, const mqci_posting *posting, const mqci_frame *request)
{
	const size_t room = posting->queue->size;

	if (parcel->room < room) {
		free(parcel->message);
		parcel->room = 0;
		parcel->message = malloc(room);
		if (parcel->message == NULL)
			return mqci_no_memory("requests to be sent together");
	}
	parcel->room = room;
	parcel->queue = posting->queue;
	parcel->priority = posting->priority;
	parcel->key = request->key;
	return MQC_OK;
}

static bool is_idle(const mqci_queue *queue)
{
	size_t waiting;

	return mqci_queue_waiting(queue, &waiting) < 0 || waiting == 0;
}

/* Put a request into a parcel that can take it. */
static int put(mqci_outbox *outbox, mqci_parcel *parcel, const mqci_posting *posting,
	       const mqci_frame *request)
{
	const bool first = parcel->used == 0;
	int r = first ? begin(parcel, posting, request) : MQC_OK;

	if (r < 0)
		return r;
	parcel->used += mqci_frame_encode(request, parcel->message + parcel->used);
	if (first && !posting->gather && is_idle(parcel->queue) && dispatch(outbox, parcel) == 1)
		return 1;
	if (first) {
		parcel->since = mqci_clock_now();
		note_filled(outbox, parcel);
		if (outbox->watched)
			mqci_watchdog_expect(parcel->since + LONGEST_STAY);
	}
	return 1;
}

int mqci_outbox_post(mqci_outbox *outbox, const mqci_posting *posting, const mqci_frame *request)
{
	mqci_parcel *parcel = &outbox->parcels[posting->lane];
	int r = 1;

	(void)pthread_mutex_lock(&outbox->lock);
	if (!goes_with(parcel, posting, request))
		r = dispatch(outbox, parcel);
	if (r == 1)
		r = put(outbox, parcel, posting, request);
	(void)pthread_mutex_unlock(&outbox->lock);
	return r;
}

uint32_t mqci_outbox_waiting(const mqci_outbox *outbox)
{
	return atomic_load(&outbox->filled);
}

/* Where a request lies in a parcel, and how much it takes there; false if it is not there. */
static bool find(const mqci_parcel *parcel, uint64_t call, size_t *ret_at, size_t *ret_space)
{
	const uint8_t *at = parcel->message;
	size_t left = parcel->used, before;
	mqci_frame frame;

	do {
		before = left;
		if (mqci_frame_decode(&at, &left, &frame) != MQCI_FRAME_OK)
			return false;
	} while (frame.call != call);
	*ret_at = parcel->used - before;
	*ret_space = before - left;
	return true;
}

static bool withdraw(mqci_outbox *outbox, mqci_parcel *parcel, uint64_t call)
{
	size_t at, space;

	if (parcel->used == 0 || !find(parcel, call, &at, &space))
		return false;
	parcel->used -= space;
	memmove(parcel->message + at, parcel->message + at + space, parcel->used - at);
	note_filled(outbox, parcel);
	return true;
}

bool mqci_outbox_withdraw(mqci_outbox *outbox, uint64_t call)
{
	bool found = false;

	if (!mqci_outbox_is_filled(outbox))
		return false;
	(void)pthread_mutex_lock(&outbox->lock);
	for (unsigned lane = 0; lane < MQCI_LANES && !found; lane++)
		found = withdraw(outbox, &outbox->parcels[lane], call);
	(void)pthread_mutex_unlock(&outbox->lock);
	return found;
}
