/*
 * outbox.c - requests of asynchronous calls on their way into the server's queues.
 */
#include "outbox.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"

/* What was gathered goes after this time at the latest, in ns; what has no room is tried again. */
#define LONGEST_STAY INT64_C(2000000)

/* While so many messages wait in a queue, its server does not wait for another one. */
#define ENOUGH 2

/* Take a parcel off its lane, and keep its memory for the next one. */
static void remove_parcel(mqci_outbox *outbox, unsigned lane, mqci_parcel **link)
{
	mqci_parcel *parcel = *link;

	*link = parcel->next;
	if (outbox->lanes[lane] == NULL)
		atomic_fetch_and(&outbox->filled, ~(UINT32_C(1) << lane));
	free(outbox->spare);
	outbox->spare = parcel;
}

/* Send a lane's parcels: 1 when all are gone, 0 if there is no room, or a status. */
static int flush_lane(mqci_outbox *outbox, unsigned lane)
{
	mqci_parcel **first = &outbox->lanes[lane];
	int r = 1;

	while (r == 1 && *first != NULL) {
		r = mqci_queue_send((*first)->queue, (*first)->message, (*first)->used,
				    (*first)->priority);
		if (r == 1)
			remove_parcel(outbox, lane, first);
	}
	return r;
}

/* The same for all of them. */
static int flush_all(mqci_outbox *outbox, int (*flush)(mqci_outbox *outbox, unsigned lane))
{
	int result = 1, r;

	if (!mqci_outbox_is_filled(outbox))
		return result;
	(void)pthread_mutex_lock(&outbox->lock);
	for (unsigned lane = 0; lane < MQCI_LANES; lane++) {
		r = flush(outbox, lane);
		result = r < result ? r : result;
	}
	(void)pthread_mutex_unlock(&outbox->lock);
	return result;
}

int mqci_outbox_flush(mqci_outbox *outbox)
{
	return flush_all(outbox, flush_lane);
}

/* Whether at most so many messages wait in a queue. */
static bool is_quiet(const mqci_queue *queue, size_t messages)
{
	size_t waiting;

	return mqci_queue_waiting(queue, &waiting) < 0 || waiting <= messages;
}

/* The same, but leave a single parcel that can take more, if its server has enough to do. */
static int push_lane(mqci_outbox *outbox, unsigned lane)
{
	const mqci_parcel *first = outbox->lanes[lane];

	if (first != NULL && first->next == NULL && !is_quiet(first->queue, ENOUGH - 1))
		return 1;
	return flush_lane(outbox, lane);
}

int mqci_outbox_push(mqci_outbox *outbox)
{
	return flush_all(outbox, push_lane);
}

int64_t mqci_outbox_next(const mqci_outbox *outbox, int64_t now)
{
	return outbox->watched || !mqci_outbox_is_filled(outbox) ? MQCI_NEVER : now + LONGEST_STAY;
}

/* On the watchdog's thread: send what has stayed for too long. */
static int64_t check_stay(mqci_watch *watch, int64_t now)
{
	mqci_outbox *outbox = (mqci_outbox *)(void *)((char *)watch - offsetof(mqci_outbox, watch));
	int64_t next = MQCI_NEVER, since;

	/* Who is at it just now does not want to be held up, and to wake us each time. */
	if (pthread_mutex_trylock(&outbox->lock) != 0)
		return now + LONGEST_STAY / 4;
	/* While there is something time and again, nobody has to wake this thread for it. */
	if (outbox->number != outbox->number_seen)
		next = now + LONGEST_STAY;
	outbox->number_seen = outbox->number;
	for (unsigned lane = 0; lane < MQCI_LANES; lane++) {
		if (outbox->lanes[lane] == NULL)
			continue;
		since = outbox->lanes[lane]->since;
		if (since + LONGEST_STAY <= now) {
			(void)flush_lane(outbox, lane);
			since = now;
		}
		if (outbox->lanes[lane] != NULL && since + LONGEST_STAY < next)
			next = since + LONGEST_STAY;
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

static void free_all(mqci_outbox *outbox)
{
	for (unsigned lane = 0; lane <= MQCI_OUTBOX_OVER; lane++)
		while (outbox->lanes[lane] != NULL)
			remove_parcel(outbox, lane, &outbox->lanes[lane]);
	free(outbox->spare);
	outbox->spare = NULL;
}

void mqci_outbox_disown(mqci_outbox *outbox)
{
	/* What another thread did at fork() is never finished. */
	if (pthread_mutex_trylock(&outbox->lock) != 0)
		return;
	free_all(outbox);
	(void)pthread_mutex_unlock(&outbox->lock);
}

void mqci_outbox_done(mqci_outbox *outbox)
{
	if (outbox->watched)
		mqci_watchdog_remove(&outbox->watch);
	(void)pthread_mutex_destroy(&outbox->lock);
	free_all(outbox);
}

static size_t space_of(const mqci_frame *request)
{
	return mqci_frame_space(request->flags & MQCI_FRAME_ARENA ? 0 : request->size);
}

/* Whether the parcel can take a request more. */
static bool can_take(const mqci_parcel *parcel, const mqci_posting *posting,
		     const mqci_frame *request)
{
	return parcel->queue == posting->queue && parcel->key == request->key &&
	       parcel->used + space_of(request) <= parcel->room;
}

/* The request came too late for its session. */
static mqci_parcel *fail_over(void)
{
	(void)mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
	return NULL;
}

/* Have a new parcel at `link`, which was the end of those that are as urgent; NULL: an error. */
static mqci_parcel *insert_parcel(mqci_outbox *outbox, mqci_parcel **link,
				  const mqci_posting *posting, const mqci_frame *request)
{
	const size_t room = posting->queue->size;
	mqci_parcel *parcel = outbox->spare;

	/* It was measured for the queue of a server that has stopped meanwhile. */
	if (space_of(request) > room)
		return fail_over();
	if (parcel == NULL || parcel->room < room)
		parcel = malloc(sizeof *parcel + room);
	else
		outbox->spare = NULL;
	if (parcel == NULL) {
		(void)mqci_no_memory("requests to be sent together");
		return NULL;
	}
	*parcel = (mqci_parcel){
		.next = *link,
		.number = ++outbox->number,
		.queue = posting->queue,
		.room = room,
		.priority = posting->priority,
		.key = request->key,
	};
	*link = parcel;
	atomic_fetch_or(&outbox->filled, UINT32_C(1) << posting->lane);
	return parcel;
}

/* The parcel that a request goes with; NULL: an error. */
static mqci_parcel *find_parcel(mqci_outbox *outbox, const mqci_posting *posting,
				const mqci_frame *request)
{
	mqci_parcel **link = &outbox->lanes[posting->lane], *last = NULL;

	for (; *link != NULL && (*link)->priority >= posting->priority; link = &(*link)->next)
		last = *link;
	if (last != NULL && last->priority == posting->priority && can_take(last, posting, request))
		return last;
	return insert_parcel(outbox, link, posting, request);
}

/* A parcel has been begun: if nothing is to be gained by gathering, it goes. */
static void begin_parcel(mqci_outbox *outbox, const mqci_posting *posting, mqci_parcel *parcel)
{
	if (!posting->gather && outbox->lanes[posting->lane] == parcel && parcel->next == NULL &&
	    is_quiet(posting->queue, 0) && flush_lane(outbox, posting->lane) == 1)
		return;
	parcel->since = mqci_clock_now();
	if (outbox->watched)
		mqci_watchdog_expect(parcel->since + LONGEST_STAY);
}

int mqci_outbox_post(mqci_outbox *outbox, const mqci_posting *posting, const mqci_frame *request,
		     uint64_t *ret_parcel)
{
	mqci_parcel *parcel;
	bool first;

	(void)pthread_mutex_lock(&outbox->lock);
	parcel = outbox->over ? fail_over() : find_parcel(outbox, posting, request);
	if (parcel == NULL) {
		(void)pthread_mutex_unlock(&outbox->lock);
		return mqc_error_last()->status;
	}
	first = parcel->used == 0;
	parcel->used += mqci_frame_encode(request, parcel->message + parcel->used);
	*ret_parcel = parcel->number;
	if (first)
		begin_parcel(outbox, posting, parcel);
	else if (parcel->used + MQCI_FRAME_HEADER > parcel->room)
		(void)flush_lane(outbox, posting->lane);
	(void)pthread_mutex_unlock(&outbox->lock);
	return MQC_OK;
}

bool mqci_outbox_precedes(mqci_outbox *outbox, unsigned lane, unsigned priority)
{
	bool precedes;

	(void)pthread_mutex_lock(&outbox->lock);
	precedes = outbox->lanes[lane] != NULL && outbox->lanes[lane]->priority >= priority;
	(void)pthread_mutex_unlock(&outbox->lock);
	return precedes;
}

uint32_t mqci_outbox_waiting(const mqci_outbox *outbox)
{
	return atomic_load(&outbox->filled) & ~(UINT32_C(1) << MQCI_OUTBOX_OVER);
}

/* Put the parcels of a lane to those whose session is over. */
static void set_aside(mqci_outbox *outbox, unsigned lane)
{
	mqci_parcel **end = &outbox->lanes[MQCI_OUTBOX_OVER];

	if (outbox->lanes[lane] == NULL)
		return;
	while (*end != NULL)
		end = &(*end)->next;
	*end = outbox->lanes[lane];
	outbox->lanes[lane] = NULL;
	/* Who withdraws something finds at least one of the bits set. */
	atomic_fetch_or(&outbox->filled, UINT32_C(1) << MQCI_OUTBOX_OVER);
	atomic_fetch_and(&outbox->filled, ~(UINT32_C(1) << lane));
}

void mqci_outbox_end_session(mqci_outbox *outbox)
{
	(void)pthread_mutex_lock(&outbox->lock);
	outbox->over = true;
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		set_aside(outbox, lane);
	(void)pthread_mutex_unlock(&outbox->lock);
}

void mqci_outbox_begin_session(mqci_outbox *outbox)
{
	(void)pthread_mutex_lock(&outbox->lock);
	outbox->over = false;
	(void)pthread_mutex_unlock(&outbox->lock);
}

/* Take a request out of a parcel; whether it was there. */
static bool cut_out(mqci_parcel *parcel, uint64_t call)
{
	const uint8_t *at = parcel->message;
	size_t left = parcel->used, before, from;
	mqci_frame frame;

	do {
		before = left;
		if (mqci_frame_decode(&at, &left, &frame) != MQCI_FRAME_OK)
			return false;
	} while (frame.call != call);
	from = parcel->used - before;
	memmove(parcel->message + from, parcel->message + parcel->used - left, left);
	parcel->used = from + left;
	return true;
}

static bool withdraw(mqci_outbox *outbox, unsigned lane, uint64_t number, uint64_t call)
{
	mqci_parcel **link = &outbox->lanes[lane];

	while (*link != NULL && (*link)->number != number)
		link = &(*link)->next;
	if (*link == NULL || !cut_out(*link, call))
		return false;
	if ((*link)->used == 0)
		remove_parcel(outbox, lane, link);
	return true;
}

bool mqci_outbox_withdraw(mqci_outbox *outbox, uint64_t parcel, uint64_t call)
{
	bool found = false;

	if (atomic_load_explicit(&outbox->filled, memory_order_relaxed) == 0)
		return false;
	(void)pthread_mutex_lock(&outbox->lock);
	for (unsigned lane = 0; lane <= MQCI_OUTBOX_OVER && !found; lane++)
		found = withdraw(outbox, lane, parcel, call);
	(void)pthread_mutex_unlock(&outbox->lock);
	return found;
}
