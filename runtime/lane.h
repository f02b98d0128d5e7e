/*
 * lane.h - one queue of a server, with workers of its own.
 *
 * As long as workers keep up, they take requests straight from the queue, and
 * nothing here is touched. Requests that pile up while all workers are busy are
 * drained into a backlog, where they age, see backlog.h; and from there they are
 * taken until it is empty again.
 */
#ifndef MQCI_LANE_H
#define MQCI_LANE_H

#include "backlog.h"
#include "intake.h"
#include "interrupt.h"
#include "parking.h"

struct mqci_worker;

/* Requests that wait for so long, in ns, are piling up: less is the way of any busy server. */
#define MQCI_LANE_PILE (5 * INT64_C(1000000))

typedef struct mqci_lane {
	const mqci_intake *intake;
	const mqci_queue *requests; /* to receive from, blocking */
	mqci_queue drain;           /* the same queue, never blocking */
	mqci_backlog backlog;
	unsigned limit;           /* requests that may wait; 0: as many as the queue holds */
	bool ages;                /* whether requests are to */
	pthread_mutex_t draining; /* guards: */
	uint8_t *message;         /* room for one */
	mqci_parking parking;
	struct mqci_worker *workers;
	unsigned workers_count;
	atomic_bool urgent; /* a message came with a priority */
} mqci_lane;

/* What a server is to do with requests that pile up. */
typedef struct mqci_lane_policy {
	int64_t step;   /* of aging, for each level of priority, in ns; 0: none */
	unsigned limit; /* of requests that wait; 0: none */
} mqci_lane_policy;

int mqci_lane_open(mqci_lane *lane, const mqci_intake *intake, const mqci_queue *requests,
		   const mqci_lane_policy *policy);

/* Nobody works in it any more: what waits is put back into the queue, or refused. */
void mqci_lane_close(mqci_lane *lane);

/* In a forked child: its memory stays, as a thread that is not there may have been using it. */
void mqci_lane_disown(mqci_lane *lane);

/* A message with a priority has come: whether it is the first one. */
bool mqci_lane_note_urgent(mqci_lane *lane);

/* Whether requests that pile up are to be drained; else the queue alone orders them. */
bool mqci_lane_wants_draining(const mqci_lane *lane);

/*
 * Move what is queued to the backlog, refusing what is too much. On failure,
 * some stays in the queue.
 */
void mqci_lane_drain(mqci_lane *lane);

/*
 * Have a request wait that came in a message of this priority at this time, and
 * take over the hand it is in. False if it cannot wait: there is no room, or no
 * memory.
 */
bool mqci_lane_put(mqci_lane *lane, const mqci_frame *request, unsigned priority, int64_t since,
		   mqci_hand *hand);

/* The next request that waits, NULL if none does; looking first for urgent ones in the queue. */
mqci_waiting *mqci_lane_take(mqci_lane *lane);

/* Done with one that was taken. */
void mqci_lane_give_back(mqci_lane *lane, mqci_waiting *waiting);

/* Get a worker of the lane out of mq_receive(), if it is there; it may be only about to: try again.
 */
void mqci_lane_interrupt(const mqci_lane *lane, struct mqci_worker *worker);

/* Get workers out of mq_receive() if requests wait in the backlog. */
void mqci_lane_nudge(mqci_lane *lane);

#endif
