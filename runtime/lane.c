/*
 * lane.c - one queue of a server, with workers of its own.
 */
#include "lane.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "worker.h"

/* So many requests wait in a backlog, at most; the rest stays in the queue. */
#define BACKLOG_MAX 4096

/* So many threads may put something into a backlog that was not full when they looked. */
#define PUTTERS_MAX 256

/* What nobody waits for is given so long, in ms, to find room in the queue again. */
#define PUT_BACK_MS 1000

/*
 * Without aging, one level of priority is ahead of any time that passes: in ns, some 2 days, of
 * which as many as the kernel has levels are no overflow.
 */
#define NO_AGING INT64_C(200000000000000)

_Static_assert(NO_AGING < INT64_MAX / MQ_PRIO_MAX, "a priority from the wire may be any");

int mqci_lane_open(mqci_lane *lane, const mqci_intake *intake, const mqci_queue *requests,
		   const mqci_lane_policy *policy)
{
	size_t room;
	int r;

	memset(lane, 0, sizeof *lane);
	lane->intake = intake;
	lane->requests = requests;
	lane->drain = MQCI_QUEUE_CLOSED;
	lane->limit = policy->limit;
	lane->ages = policy->step > 0;
	lane->message = malloc(requests->size);
	if (lane->message == NULL)
		return mqci_no_memory("a server's messages");
	r = mqci_queue_open(requests->name, MQCI_DRAIN, &lane->drain);
	if (r < 0)
		goto fail_message;
	/* Without a limit, the last message may bring more than one, and workers may put some. */
	room = policy->limit > 0 ? policy->limit
				 : BACKLOG_MAX + requests->size / MQCI_FRAME_HEADER + PUTTERS_MAX;
	r = mqci_backlog_init(&lane->backlog, (unsigned)room, lane->ages ? policy->step : NO_AGING);
	if (r < 0)
		goto fail_drain;
	r = mqci_parking_init(&lane->parking);
	if (r < 0)
		goto fail_backlog;
	r = pthread_mutex_init(&lane->draining, NULL);
	if (r == 0)
		return MQC_OK;
	r = mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	mqci_parking_done(&lane->parking);
fail_backlog:
	mqci_backlog_done(&lane->backlog);
fail_drain:
	mqci_queue_close(&lane->drain);
fail_message:
	free(lane->message);
	return r;
}

static void refuse(const mqci_lane *lane, const mqci_waiting *waiting, int status, const char *text)
{
	const uint8_t *at = waiting->message;
	size_t left = waiting->size;
	mqci_frame request;

	if (mqci_frame_decode(&at, &left, &request) == MQCI_FRAME_OK)
		mqci_intake_refuse(lane->intake, &request, status, text);
}

void mqci_lane_give_back(mqci_lane *lane, mqci_waiting *waiting)
{
	mqci_hand_drop(waiting->hand);
	mqci_presence_return(&lane->intake->endpoint->presence, waiting->hand);
	free(waiting);
}

static bool is_oneway(const mqci_waiting *waiting)
{
	const uint8_t *at = waiting->message;
	size_t left = waiting->size;
	mqci_frame request;

	return mqci_frame_decode(&at, &left, &request) == MQCI_FRAME_OK &&
	       (request.flags & MQCI_FRAME_ONEWAY) != 0;
}

/*
 * Another server may run it. Where there is no room its client is told, and tries
 * again; for what nobody waits for, and another server may make room, we wait.
 */
static void put_back(mqci_lane *lane, mqci_waiting *waiting, const mqci_queue *queue,
		     int64_t deadline)
{
	const bool patient =
		is_oneway(waiting) && mqci_record_has_others(&lane->intake->endpoint->record);
	int r;

	do
		r = mqci_queue_send(queue, waiting->message, waiting->size, waiting->priority);
	while (r == 0 && patient && mqci_queue_wait_room(queue, deadline, -1) > 0);
	if (r != 1)
		refuse(lane, waiting, MQC_UNAVAILABLE, "the server has stopped");
}

/* Put all that waits back into the queue. */
static void put_all_back(mqci_lane *lane)
{
	const int64_t deadline = mqci_deadline_after_ms(PUT_BACK_MS);
	mqci_queue queue = MQCI_QUEUE_CLOSED;
	mqci_waiting *waiting;

	if (mqci_backlog_count(&lane->backlog) > 0)
		(void)mqci_queue_open(lane->requests->name, MQCI_SEND, &queue);
	while ((waiting = mqci_backlog_take(&lane->backlog)) != NULL) {
		/* Another server may run it at once, and we be killed: not in two hands. */
		mqci_hand_drop(waiting->hand);
		put_back(lane, waiting, &queue, deadline);
		mqci_lane_give_back(lane, waiting);
	}
	mqci_queue_close(&queue);
}

void mqci_lane_close(mqci_lane *lane)
{
	put_all_back(lane);
	mqci_backlog_done(&lane->backlog);
	mqci_queue_close(&lane->drain);
	free(lane->message);
	(void)pthread_mutex_destroy(&lane->draining);
	mqci_parking_done(&lane->parking);
}

void mqci_lane_disown(mqci_lane *lane)
{
	mqci_queue_close(&lane->drain);
}

bool mqci_lane_note_urgent(mqci_lane *lane)
{
	return !atomic_load(&lane->urgent) && !atomic_exchange(&lane->urgent, true);
}

bool mqci_lane_wants_draining(const mqci_lane *lane)
{
	return lane->limit > 0 || (lane->ages && atomic_load(&lane->urgent));
}

static void refuse_overload(const mqci_lane *lane, const mqci_waiting *waiting)
{
	char text[160];

	(void)snprintf(text, sizeof text,
		       "endpoint %s is overloaded: %u requests wait already, which is its limit; "
		       "call again later",
		       lane->intake->endpoint->name, lane->limit);
	refuse(lane, waiting, MQC_RESOURCE_EXHAUSTED, text);
}

/* There is room for `count` messages' requests; with a limit, what is too much is refused. */
static bool has_room(const mqci_lane *lane, unsigned count)
{
	return lane->limit > 0 || mqci_backlog_count(&lane->backlog) + count <= BACKLOG_MAX;
}

/* Have a request wait, and take over its hand; false without memory. */
static bool put(mqci_lane *lane, const mqci_frame *request, unsigned priority, int64_t since,
		mqci_hand *hand)
{
	mqci_waiting *waiting, *refused;

	waiting = mqci_waiting_new(request, priority, hand, since);
	if (waiting == NULL)
		return false;
	mqci_hand_take(hand, request->session, request->call, false);
	refused = mqci_backlog_put(&lane->backlog, waiting);
	if (refused != NULL) {
		refuse_overload(lane, refused);
		mqci_lane_give_back(lane, refused);
	}
	return true;
}

bool mqci_lane_put(mqci_lane *lane, const mqci_frame *request, unsigned priority, int64_t since,
		   mqci_hand *hand)
{
	return has_room(lane, 1) && put(lane, request, priority, since, hand);
}

/* A message's requests wait from now on, the first one with this hand. */
static void put_all(mqci_lane *lane, size_t size, unsigned priority, mqci_hand *hand)
{
	const mqci_presence *presence = &lane->intake->endpoint->presence;
	const int64_t now = mqci_clock_now();
	const uint8_t *at = lane->message;
	mqci_frame request;

	while (mqci_intake_next(lane->intake, &at, &size, &request)) {
		if (hand == NULL)
			hand = mqci_presence_hand(presence);
		if (hand != NULL && put(lane, &request, priority, now, hand))
			hand = NULL;
		else
			mqci_intake_refuse(lane->intake, &request, MQC_RESOURCE_EXHAUSTED,
					   "the server has no memory left for requests that wait");
	}
	if (hand != NULL)
		mqci_presence_return(presence, hand);
}

static bool drain_message(mqci_lane *lane)
{
	const mqci_presence *presence = &lane->intake->endpoint->presence;
	mqci_hand *hand = mqci_presence_hand(presence);
	unsigned priority = 0;
	size_t size = 0;
	int r;

	/* While the server has too many in hand, the rest waits in the queue. */
	if (hand == NULL)
		return false;
	/* An empty message, and there are such, is not the last one. */
	r = mqci_queue_take_with(&lane->drain, lane->message, lane->drain.size, &size, &priority);
	if (r == 1)
		put_all(lane, size, priority, hand);
	else
		mqci_presence_return(presence, hand);
	return r == 1;
}

/*
 * As many messages as are drained at a time: twice what the queue holds, so that
 * those come, too, that are behind more urgent ones which come meanwhile; and no
 * more, as those who send may be faster than we are.
 */
static unsigned burst(const mqci_lane *lane)
{
	size_t twice = 2 * lane->drain.messages;

	return twice < BACKLOG_MAX / 2 ? (unsigned)twice : BACKLOG_MAX / 2;
}

void mqci_lane_drain(mqci_lane *lane)
{
	unsigned left = burst(lane);

	(void)pthread_mutex_lock(&lane->draining);
	/* Room for one at a time would always be the most urgent one's. */
	if (has_room(lane, left))
		while (left-- > 0 && has_room(lane, 1) && drain_message(lane))
			continue;
	(void)pthread_mutex_unlock(&lane->draining);
}

mqci_waiting *mqci_lane_take(mqci_lane *lane)
{
	if (mqci_backlog_count(&lane->backlog) == 0)
		return NULL;
	mqci_lane_drain(lane);
	return mqci_backlog_take(&lane->backlog);
}

void mqci_lane_interrupt(const mqci_lane *lane, struct mqci_worker *worker)
{
	mqci_queue queue;

	if (mqci_interrupt(&worker->interruptible, worker->thread) ||
	    mqci_queue_open(lane->requests->name, MQCI_SEND, &queue) < 0)
		return;
	/* Whoever gets it drops it, as it is no frame, and looks around. */
	(void)mqci_queue_send(&queue, "", 1, 0);
	mqci_queue_close(&queue);
}

void mqci_lane_nudge(mqci_lane *lane)
{
	unsigned waiting = mqci_backlog_count(&lane->backlog);

	if (waiting > 0 && atomic_load(&lane->parking.parked) > 0)
		mqci_parking_wake(&lane->parking);
	for (unsigned i = 0; i < lane->workers_count && waiting > 0; i++) {
		mqci_worker *worker = &lane->workers[i];

		if (atomic_load(&worker->interruptible.waiting)) {
			mqci_lane_interrupt(lane, worker);
			waiting--;
		}
	}
}
