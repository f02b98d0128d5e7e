/*
 * send.c - the way into the server's queues: lanes, and waiting for room.
 *
 * Nobody blocks in mq_send(): a blocked sender would take a freed place ahead
 * of everybody who polls, and could not be woken. While there is no room, we
 * look now and then whether the queue is still there.
 */
#include "send.h"

#include <sched.h>
#include <string.h>

#include "clock.h"
#include "error.h"

/* Who waits for room looks so often, in ns, whether the queue is still there. */
#define ROOM_SLICE INT64_C(50000000)

/* Before that, a call gives way so often, if the client's last one has not. */
#define YIELDS 16

bool mqci_send_is_cut_off(mqc_client *client, unsigned epoch)
{
	if (!mqci_queue_is_removed(&client->requests))
		return false;
	mqci_waiters_queue_removed(&client->waiters, epoch);
	return true;
}

int mqci_send_await_room(mqc_client *client, const mqci_sending *sending)
{
	int64_t slice = mqci_clock_now() + ROOM_SLICE;
	int r;

	if (sending->waiter != NULL)
		mqci_waiters_yield(&client->waiters, sending->waiter);
	atomic_store_explicit(&client->waiters.was_full, true, memory_order_relaxed);
	r = mqci_queue_wait_room(sending->queue,
				 sending->deadline < slice ? sending->deadline : slice,
				 mqci_cancel_descriptor(sending->cancel));
	if (r < 0)
		return r;
	if (mqci_cancel_is_requested(sending->cancel))
		return mqci_fail(MQC_CANCELLED, 0, "cancelled");
	if (r > 0 || sending->deadline <= slice)
		return r;
	if (mqci_send_is_cut_off(client, sending->epoch) ||
	    mqci_waiters_epoch(&client->waiters) != sending->epoch)
		return mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
	return 1;
}

/*
 * Whether it is this call's turn to give way, which is then had: never that of two calls in
 * succession, as who does so finds places for which others are just being woken, who could wait for
 * ever where calls take long. (Started calls count, though they do not come here.) Nor is it that
 * of who does not wait, or of a request without a number, which nobody waits for.
 */
static bool take_turn(mqc_client *client, const mqci_sending *sending)
{
	unsigned number, last;

	if (sending->waiter == NULL || sending->deadline == 0)
		return false;
	number = (unsigned)(sending->waiter->call >> MQCI_SLOT_BITS);
	last = atomic_load_explicit(&client->gave_way, memory_order_relaxed);
	/* Another thread's call may have come before one with a lower number. */
	if (number == 0 || number - last + 1 <= 2)
		return false;
	/* It would be put off until its next period, each time. */
	if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_DEADLINE)
		return false;
	atomic_store_explicit(&client->gave_way, number, memory_order_relaxed);
	return true;
}

/*
 * The server of a full queue has enough to do: it runs, or lacks a CPU. To let it have ours, and
 * look again, takes far less than to sleep until there is room, and to be woken.
 */
static int send_giving_way(mqc_client *client, const mqci_sending *sending, const uint8_t *message,
			   size_t size)
{
	int r = 0;

	mqci_waiters_yield(&client->waiters, sending->waiter);
	for (int i = 0; r == 0 && i < YIELDS && mqci_clock_now() < sending->deadline &&
			!mqci_cancel_is_requested(sending->cancel);
	     i++) {
		(void)sched_yield();
		r = mqci_queue_send(sending->queue, message, size, sending->priority);
	}
	return r;
}

int mqci_send(mqc_client *client, const mqci_sending *sending, const uint8_t *message, size_t size)
{
	int r = mqci_queue_send(sending->queue, message, size, sending->priority);

	if (r == 0 && take_turn(client, sending))
		r = send_giving_way(client, sending, message, size);
	while (r == 0 && (r = mqci_send_await_room(client, sending)) > 0)
		r = mqci_queue_send(sending->queue, message, size, sending->priority);
	return r;
}

static int open_lane(mqc_client *client, unsigned lane, mqci_queue *ret_queue)
{
	char name[MQCI_NAME_SIZE];
	mqci_queue queue;
	uid_t uid;
	int r;

	mqci_name_lane(client->endpoint, lane, name);
	r = mqci_queue_open(name, MQCI_SEND, &queue);
	if (r < 0)
		return r;
	r = mqci_client_check_requests(&queue, &uid);
	if (r == MQC_OK && uid != client->waiters.server_uid)
		r = mqci_fail(MQC_PERMISSION_DENIED, 0, "queue %s is not the server's", name);
	if (r < 0)
		mqci_queue_close(&queue);
	else
		*ret_queue = queue;
	return r;
}

void mqci_send_open_lanes(mqc_client *client, uint32_t lanes)
{
	size_t most = client->request_max;
	uint32_t open = 0;

	for (unsigned lane = 1; lane < MQCI_LANES; lane++) {
		mqci_queue *own = &client->lanes[lane], queue;

		if (!(lanes >> lane & 1) || open_lane(client, lane, &queue) < 0)
			continue;
		if (most > mqci_frame_payload_max(queue.size))
			most = mqci_frame_payload_max(queue.size);
		/* Other threads may be sending to the one before: the descriptor stays. */
		if (!mqci_queue_is_open(own))
			*own = queue;
		else if (mqci_queue_replace(own, &queue) < 0)
			continue;
		open |= UINT32_C(1) << lane;
	}
	atomic_store(&client->lane_max, most);
	atomic_store_explicit(&client->lanes_open, open, memory_order_release);
}
