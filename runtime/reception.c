/*
 * reception.c - the thread of mqc_server_run(): everything that happens to a server but requests.
 */
#include "reception.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "worker.h"

/* What an event of the epoll instance is of; LANE and up: of that lane. */
enum {
	STOP,
	CLIENTS,
	TICKER,
	LANE
};

/* While requests wait in a backlog, we look so often, in ns, for workers that do not know. */
#define LOOK INT64_C(1000000)

static int watch(const mqci_reception *reception, int operation, int descriptor, uint32_t events,
		 uint32_t of)
{
	struct epoll_event event = {.events = events, .data.u32 = of};

	if (epoll_ctl(reception->epoll, operation, descriptor, &event) < 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
				 "cannot watch a server's descriptors: %s", strerror(errno));
	return MQC_OK;
}

/* Be told once when messages are queued in a lane while its workers are busy. */
static int watch_lane(mqci_reception *reception, int operation, unsigned lane)
{
	reception->look_at[lane] = MQCI_NEVER;
	return watch(reception, operation, reception->lanes[lane].drain.descriptor,
		     EPOLLIN | EPOLLONESHOT, LANE + lane);
}

/* Watch the lanes whose requests have to be ordered or refused, since now perhaps. */
static int watch_lanes(mqci_reception *reception)
{
	int r = MQC_OK;

	for (unsigned lane = 0; r == MQC_OK && lane < reception->lanes_count; lane++) {
		if (reception->watched[lane] || !mqci_lane_wants_draining(&reception->lanes[lane]))
			continue;
		r = watch_lane(reception, EPOLL_CTL_ADD, lane);
		reception->watched[lane] = r == MQC_OK;
	}
	return r;
}

int mqci_reception_open(mqci_reception *reception, mqci_stop *stop, mqci_sessions *sessions,
			mqci_ticker *ticker, mqci_lane *lanes, unsigned lanes_count)
{
	int r;

	*reception = (mqci_reception){
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.stop = stop,
		.sessions = sessions,
		.ticker = ticker,
		.lanes = lanes,
		.lanes_count = lanes_count,
	};
	if (reception->epoll < 0)
		return mqci_no_descriptor("an epoll instance");
	r = watch(reception, EPOLL_CTL_ADD, stop->fd, EPOLLIN, STOP);
	if (r == MQC_OK)
		r = watch(reception, EPOLL_CTL_ADD, sessions->deaths, EPOLLIN, CLIENTS);
	if (r == MQC_OK)
		r = watch(reception, EPOLL_CTL_ADD, sessions->rooms, EPOLLIN, CLIENTS);
	if (r == MQC_OK)
		r = watch(reception, EPOLL_CTL_ADD, ticker->fd, EPOLLIN, TICKER);
	for (unsigned lane = 0; lane < lanes_count; lane++)
		reception->look_at[lane] = MQCI_NEVER;
	if (r == MQC_OK)
		r = watch_lanes(reception);
	if (r < 0)
		mqci_reception_close(reception);
	return r;
}

/* See after a lane in which messages were queued, or requests wait. */
static int tend_lane(mqci_reception *reception, unsigned index, int64_t now)
{
	mqci_lane *lane = &reception->lanes[index];

	if (mqci_lane_wants_draining(lane))
		mqci_lane_drain(lane);
	if (mqci_backlog_count(&lane->backlog) == 0 && reception->watched[index])
		return watch_lane(reception, EPOLL_CTL_MOD, index);
	if (mqci_backlog_count(&lane->backlog) == 0) {
		reception->look_at[index] = MQCI_NEVER;
		return MQC_OK;
	}
	mqci_lane_nudge(lane);
	reception->look_at[index] = now + LOOK;
	return MQC_OK;
}

static int tend_lanes(mqci_reception *reception)
{
	int64_t now = mqci_clock_now();
	int r = MQC_OK;

	for (unsigned lane = 0; r == MQC_OK && lane < reception->lanes_count; lane++)
		if (reception->look_at[lane] <= now)
			r = tend_lane(reception, lane, now);
	return r;
}

/* Whether workers sleep while one polls for them. */
static bool tick_parking(mqci_lane *lane, int64_t now)
{
	size_t waiting = 0;

	if (atomic_load(&lane->parking.parked) > 0)
		(void)mqci_queue_waiting(&lane->drain, &waiting);
	return mqci_parking_tick(&lane->parking, waiting > 0, now);
}

/* Look at all workers of a lane: whether any of them wants that again. */
static bool tick_lane(mqci_reception *reception, unsigned index, int64_t now)
{
	mqci_lane *lane = &reception->lanes[index];
	bool wanted = tick_parking(lane, now);

	for (unsigned i = 0; i < lane->workers_count; i++)
		wanted = mqci_servant_tick(&lane->workers[i].servant) || wanted;
	/* What was shared, or put there by a worker, may not have found one that knows. */
	if (mqci_backlog_count(&lane->backlog) > 0 && reception->look_at[index] > now)
		reception->look_at[index] = now + LOOK;
	return wanted;
}

static bool tick_lanes(mqci_reception *reception, int64_t now)
{
	bool wanted = false;

	for (unsigned lane = 0; lane < reception->lanes_count; lane++)
		wanted = tick_lane(reception, lane, now) || wanted;
	return wanted;
}

static void tick(mqci_reception *reception)
{
	const int64_t now = mqci_clock_now();

	if (reception->ticker->next > now)
		return;
	/* At the end we look once more: who wanted it just before saw that it ticked still. */
	if (!mqci_ticker_go_on(reception->ticker, tick_lanes(reception, now), now) &&
	    tick_lanes(reception, now))
		mqci_ticker_want(reception->ticker);
}

static int64_t next_look(const mqci_reception *reception)
{
	int64_t next = reception->ticker->next;

	for (unsigned lane = 0; lane < reception->lanes_count; lane++)
		if (reception->look_at[lane] < next)
			next = reception->look_at[lane];
	return next;
}

/* Take notice of an event, which is not the stop. */
static void notice(mqci_reception *reception, uint32_t of)
{
	if (of == CLIENTS)
		mqci_sessions_tend(reception->sessions);
	else if (of == TICKER)
		mqci_ticker_begin(reception->ticker, mqci_clock_now());
	else
		reception->look_at[of - LANE] = mqci_clock_now() + MQCI_LANE_PILE;
}

int mqci_reception_run(mqci_reception *reception)
{
	struct epoll_event event;
	int count, r = MQC_OK;

	while (r == MQC_OK) {
		count = epoll_wait(reception->epoll, &event, 1,
				   mqci_deadline_remaining_ms(next_look(reception)));
		if (count < 0 && errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot wait for a stop: %s",
					 strerror(errno));
		if (count == 1 && event.data.u32 == STOP)
			return mqci_stop_wait(reception->stop);
		if (count == 1)
			notice(reception, event.data.u32);
		tick(reception);
		r = watch_lanes(reception);
		if (r == MQC_OK)
			r = tend_lanes(reception);
	}
	return r;
}

void mqci_reception_close(mqci_reception *reception)
{
	if (reception->epoll >= 0)
		(void)close(reception->epoll);
	reception->epoll = -1;
}
