/*
 * client_loop.c - a client in the program's own loop.
 *
 * One descriptor, an epoll instance, stands for all that can happen: a message in
 * the reply queue; an alarm, as something was seen by another thread; and, while
 * requests wait for it, room in the server's queues. As a poller, too, only hears
 * of messages for which nobody is blocked in mq_receive(), a thread of the program
 * that waits in a synchronous call sees to the others as well, and raises the alarm.
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

static int watch(int epoll, int operation, int descriptor, uint32_t events)
{
	struct epoll_event event = {.events = events};

	if (epoll_ctl(epoll, operation, descriptor, &event) < 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
				 "cannot watch a descriptor for a loop: %s", strerror(errno));
	return MQC_OK;
}

static int enter_loop(mqc_client *client)
{
	int alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), epoll, r;

	if (alarm < 0)
		return mqci_no_descriptor("an eventfd");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	r = epoll < 0 ? mqci_no_descriptor("an epoll instance")
		      : watch(epoll, EPOLL_CTL_ADD, client->waiters.drain.descriptor, EPOLLIN);
	if (r == MQC_OK)
		r = watch(epoll, EPOLL_CTL_ADD, alarm, EPOLLIN);
	if (r < 0) {
		(void)close(alarm);
		if (epoll >= 0)
			(void)close(epoll);
		return r;
	}
	client->loop = epoll;
	mqci_waiters_set_alarm(&client->waiters, alarm);
	return MQC_OK;
}

void mqci_client_leave_loop(mqc_client *client)
{
	if (client->loop < 0)
		return;
	(void)close(client->loop);
	(void)close(client->waiters.alarm);
	client->loop = client->waiters.alarm = -1;
}

int mqc_client_get_fd(mqc_client *client)
{
	int r = MQC_OK;

	if (client->disowned)
		return mqci_client_fail_disowned(client, "mqc_client_get_fd");
	(void)pthread_mutex_lock(&client->pendings.lock);
	if (client->loop < 0)
		r = enter_loop(client);
	(void)pthread_mutex_unlock(&client->pendings.lock);
	return r < 0 ? r : client->loop;
}

short mqc_client_get_events(const mqc_client *client)
{
	(void)client;
	return POLLIN;
}

/* Be told once when the queue has room, or not at all: whether that is so. */
static bool watch_lane(const mqc_client *client, unsigned lane, bool wanted)
{
	const mqci_queue *queue = lane == 0 ? &client->requests : &client->lanes[lane];
	const uint32_t events = wanted ? EPOLLOUT | EPOLLONESHOT : 0;

	if (watch(client->loop, EPOLL_CTL_MOD, queue->descriptor, events) == MQC_OK)
		return true;
	/* After a restart of the server another queue is behind the descriptor. */
	return wanted && watch(client->loop, EPOLL_CTL_ADD, queue->descriptor, events) == MQC_OK;
}

/*
 * Be told of room in the queues for which requests wait, and in no others: whether
 * the loop will be. One thread at a time, or one undoes what another has found.
 */
static bool watch_room(mqc_client *client)
{
	uint32_t waiting, either, told = 0;

	(void)pthread_mutex_lock(&client->pendings.lock);
	waiting = mqci_outbox_waiting(&client->outbox);
	either = client->loop >= 0 ? waiting | client->room_watched : 0;
	for (unsigned lane = 0; either >> lane != 0; lane++)
		if (either >> lane & 1 && watch_lane(client, lane, waiting >> lane & 1))
			told |= waiting & UINT32_C(1) << lane;
	client->room_watched = told;
	(void)pthread_mutex_unlock(&client->pendings.lock);
	return told == waiting;
}

/* When the loop is to come, though nothing is ready. */
static int64_t next_turn(mqc_client *client, bool told_of_room)
{
	const int64_t now = mqci_clock_now();
	int64_t next, other;

	if (mqci_waiters_are_stirred(&client->waiters))
		return now;
	next = mqci_pendings_next(client, now);
	other = client->own_loop ? mqci_waiters_next(&client->waiters, now) : MQCI_NEVER;
	next = other < next ? other : next;
	other = told_of_room ? MQCI_NEVER : mqci_outbox_next(&client->outbox, now);
	return other < next ? other : next;
}

int mqc_client_get_timeout(mqc_client *client)
{
	int64_t next;

	if (client->disowned)
		return -1;
	(void)mqci_outbox_flush(&client->outbox);
	/* Before looking: what others start from now on is seen, or wakes us. */
	if (client->own_loop)
		mqci_pendings_sleep(&client->pendings, MQCI_NEVER);
	next = next_turn(client, watch_room(client));
	if (client->own_loop)
		mqci_pendings_sleep(&client->pendings, next);
	return mqci_deadline_remaining_ms(next);
}

int mqc_client_notify(mqc_client *client, const struct sigevent *event)
{
	int r;

	if (client->disowned)
		return mqci_client_fail_disowned(client, "mqc_client_notify");
	r = mqci_waiters_notify(&client->waiters, event);
	/* What is to be made again has told nobody, or by the timer of a request that is gone. */
	if (r == MQC_OK && event != NULL)
		mqci_pendings_pass_on(client);
	return r;
}
