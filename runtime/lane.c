/*
 * lane.c - one queue of a server, with workers of its own.
 */
#include "lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "worker.h"

/* So many requests wait in a backlog, at most; the rest stays in the queue. */
#define BACKLOG_MAX 512

/* Without aging, one level of priority is ahead of any time that passes: in ns, some 11 days. */
#define NO_AGING INT64_C(1000000000000000)

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
	/* Without a limit, the last message may bring more than one. */
	room = policy->limit > 0 ? policy->limit : BACKLOG_MAX + requests->size / MQCI_FRAME_HEADER;
	r = mqci_backlog_init(&lane->backlog, (unsigned)room, lane->ages ? policy->step : NO_AGING);
	if (r < 0)
		goto fail_drain;
	r = pthread_mutex_init(&lane->draining, NULL);
	if (r == 0)
		return MQC_OK;
	r = mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
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

/* Another server may run it; where there is no room to say so, its client tries again. */
static void put_back(mqci_lane *lane, mqci_waiting *waiting)
{
	mqci_queue queue;
	int r;

	r = mqci_queue_open(lane->requests->name, MQCI_SEND, &queue);
	if (r == MQC_OK) {
		r = mqci_queue_send(&queue, waiting->message, waiting->size, waiting->priority);
		mqci_queue_close(&queue);
	}
	if (r != 1)
		refuse(lane, waiting, MQC_UNAVAILABLE, "the server has stopped");
}

void mqci_lane_close(mqci_lane *lane)
{
	mqci_waiting *waiting;

	while ((waiting = mqci_backlog_take(&lane->backlog)) != NULL) {
		put_back(lane, waiting);
		mqci_lane_give_back(lane, waiting);
	}
	mqci_backlog_done(&lane->backlog);
	mqci_queue_close(&lane->drain);
	free(lane->message);
	(void)pthread_mutex_destroy(&lane->draining);
}

void mqci_lane_disown(mqci_lane *lane)
{
	mqci_queue_close(&lane->drain);
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

bool mqci_lane_put(mqci_lane *lane, const mqci_frame *request, unsigned priority)
{
	const mqci_presence *presence = &lane->intake->endpoint->presence;
	mqci_hand *hand = mqci_presence_hand(presence);
	mqci_waiting *waiting, *refused;

	if (hand == NULL)
		return false;
	waiting = mqci_waiting_new(request, priority, hand, mqci_clock_now());
	if (waiting == NULL) {
		mqci_presence_return(presence, hand);
		return false;
	}
	mqci_hand_take(hand, request->session, request->call, false);
	refused = mqci_backlog_put(&lane->backlog, waiting);
	if (refused != NULL) {
		refuse_overload(lane, refused);
		mqci_lane_give_back(lane, refused);
	}
	return true;
}

/* There is room for another message's requests; with a limit, what is too much is refused. */
static bool has_room(const mqci_lane *lane)
{
	return lane->limit > 0 || mqci_backlog_count(&lane->backlog) < BACKLOG_MAX;
}

static bool drain_message(mqci_lane *lane)
{
	const uint8_t *at = lane->message;
	unsigned priority = 0;
	mqci_frame request;
	size_t left;
	ssize_t size;

	size = mqci_queue_receive_with(&lane->drain, lane->message, lane->drain.size, &priority);
	if (size <= 0)
		return false;
	left = (size_t)size;
	while (mqci_intake_next(lane->intake, &at, &left, &request))
		if (!mqci_lane_put(lane, &request, priority))
			mqci_intake_refuse(lane->intake, &request, MQC_RESOURCE_EXHAUSTED,
					   "the server has no memory left for requests that wait");
	return true;
}

void mqci_lane_drain(mqci_lane *lane)
{
	(void)pthread_mutex_lock(&lane->draining);
	while (has_room(lane) && drain_message(lane))
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

void mqci_lane_nudge(mqci_lane *lane)
{
	unsigned waiting = mqci_backlog_count(&lane->backlog);

	for (unsigned i = 0; i < lane->workers_count && waiting > 0; i++) {
		mqci_worker *worker = &lane->workers[i];

		if (atomic_load(&worker->interruptible.waiting)) {
			mqci_interrupt(&worker->interruptible, worker->thread);
			waiting--;
		}
	}
}
