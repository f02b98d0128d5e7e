/*
 * batch.c - the requests of one message, which one thread serves, one after the other.
 *
 * In the order of the message, requests are answered, executed, begun, or none of
 * it yet; four counters say how far each of these has come. Those between
 * `answered` and `executed` have their answers among `replies`, or have none.
 */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "lane.h"

/* So many bytes of answers are put together, at most. */
#define REPLIES_MAX 8192

/* An answer waits for others no longer than this, in ns, unless a handler takes longer. */
#define PATIENCE INT64_C(100000)

int mqci_batch_init(mqci_batch *batch, const mqci_presence *presence, mqci_hand *hand,
		    size_t message_size)
{
	int r;

	memset(batch, 0, sizeof *batch);
	batch->presence = presence;
	batch->hand = hand;
	batch->room = (unsigned)(message_size / MQCI_FRAME_HEADER);
	r = pthread_mutex_init(&batch->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	return MQC_OK;
}

void mqci_batch_done(mqci_batch *batch)
{
	free(batch->requests);
	free(batch->hands);
	free(batch->replies);
	(void)pthread_mutex_destroy(&batch->lock);
}

/* Most servers never see a message with more than one request: memory for that comes with it. */
static bool have_memory(mqci_batch *batch)
{
	if (batch->requests == NULL)
		batch->requests = calloc(batch->room, sizeof *batch->requests);
	if (batch->hands == NULL)
		batch->hands = calloc(batch->room, sizeof(mqci_hand *));
	if (batch->replies == NULL)
		batch->replies = malloc(REPLIES_MAX);
	return batch->requests != NULL && batch->hands != NULL && batch->replies != NULL;
}

bool mqci_batch_add(mqci_batch *batch, const mqci_frame *request)
{
	if (batch->count == batch->room || !have_memory(batch))
		return false;
	batch->requests[batch->count++] = *request;
	return true;
}

void mqci_batch_begin(mqci_batch *batch, unsigned priority, int64_t now)
{
	unsigned hands;

	hands = mqci_presence_hands(batch->presence, batch->hands, batch->count);
	for (unsigned i = 0; i < hands; i++)
		mqci_hand_take(batch->hands[i], batch->requests[i].session, batch->requests[i].call,
			       false);
	for (unsigned i = hands; i < batch->count; i++)
		batch->hands[i] = NULL;
	batch->priority = priority;
	batch->since = now;
	batch->answered = batch->executed = batch->begun = 0;
	batch->session = NULL;
	batch->replies_size = 0;
	atomic_fetch_add(&batch->number, 1);
	atomic_store(&batch->under_way, true);
}

/* The one that a request is in, from when it is begun. */
static mqci_hand *hand_of(const mqci_batch *batch, unsigned i)
{
	return batch->hands[i] != NULL ? batch->hands[i] : batch->hand;
}

/* Send what is put together: then the calls it answers are in nobody's hands. */
static void flush(mqci_batch *batch)
{
	if (batch->replies_size > 0)
		mqci_session_send(batch->session, batch->replies, batch->replies_size);
	batch->replies_size = 0;
	for (; batch->answered < batch->executed; batch->answered++)
		mqci_hand_drop(hand_of(batch, batch->answered));
}

/* The request that was being executed has been. */
static void executed(mqci_batch *batch, int64_t now)
{
	/* The thread's hand is for the next one. */
	const bool at_once = batch->begun > 0 && batch->hands[batch->begun - 1] == NULL;

	batch->executed = batch->begun;
	if (at_once || batch->replies_size == 0 || now - batch->first_reply >= PATIENCE)
		flush(batch);
}

const mqci_frame *mqci_batch_next(mqci_batch *batch, int64_t now)
{
	const mqci_frame *next = NULL;

	(void)pthread_mutex_lock(&batch->lock);
	executed(batch, now);
	if (batch->replies_size == 0)
		batch->first_reply = now;
	if (batch->begun < batch->count) {
		next = &batch->requests[batch->begun];
		if (batch->hands[batch->begun] != NULL)
			mqci_hand_begin(batch->hands[batch->begun]);
		else
			mqci_hand_take(batch->hand, next->session, next->call, true);
		batch->begun++;
	}
	(void)pthread_mutex_unlock(&batch->lock);
	return next;
}

/* Put an answer of so many bytes among the others. */
static void put_reply(mqci_batch *batch, mqci_session *session, const mqci_frame *reply,
		      size_t space)
{
	const size_t room =
		session->replies.size < REPLIES_MAX ? session->replies.size : REPLIES_MAX;

	if (session != batch->session || batch->replies_size + space > room)
		flush(batch);
	batch->session = session;
	batch->replies_size += mqci_frame_encode(reply, batch->replies + batch->replies_size);
}

bool mqci_batch_reply(mqci_batch *batch, mqci_session *session, const mqci_frame *reply)
{
	const size_t space = mqci_frame_space(reply->flags & MQCI_FRAME_ARENA ? 0 : reply->size);

	if (space > REPLIES_MAX)
		return false;
	(void)pthread_mutex_lock(&batch->lock);
	put_reply(batch, session, reply, space);
	(void)pthread_mutex_unlock(&batch->lock);
	return true;
}

void mqci_batch_flush(mqci_batch *batch)
{
	(void)pthread_mutex_lock(&batch->lock);
	flush(batch);
	(void)pthread_mutex_unlock(&batch->lock);
}

/* The last one first, so that what finds no room is next here; they are as old as their order. */
static unsigned put_into_backlog(mqci_batch *batch, mqci_lane *lane)
{
	unsigned moved = 0;

	while (batch->count > batch->begun) {
		const unsigned last = batch->count - 1;

		if (batch->hands[last] == NULL ||
		    !mqci_lane_put(lane, &batch->requests[last], batch->priority,
				   batch->since + last, batch->hands[last]))
			break;
		batch->count--;
		moved++;
	}
	return moved;
}

unsigned mqci_batch_share(mqci_batch *batch, mqci_lane *lane)
{
	unsigned moved = 0;

	(void)pthread_mutex_lock(&batch->lock);
	if (atomic_load(&batch->under_way)) {
		flush(batch);
		moved = put_into_backlog(batch, lane);
	}
	(void)pthread_mutex_unlock(&batch->lock);
	return moved;
}

void mqci_batch_end(mqci_batch *batch)
{
	(void)pthread_mutex_lock(&batch->lock);
	flush(batch);
	atomic_store(&batch->under_way, false);
	mqci_presence_return_all(batch->presence, batch->hands, batch->count);
	batch->count = 0;
	(void)pthread_mutex_unlock(&batch->lock);
}
