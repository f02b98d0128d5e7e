/*
 * send.h - the way into the server's queues: lanes, and waiting for room.
 */
#ifndef MQCI_SEND_H
#define MQCI_SEND_H

#include "client.h"

/* How to send. */
typedef struct mqci_sending {
	const mqci_queue *queue;
	unsigned priority; /* 0 to 31 */
	int64_t deadline;  /* for waiting for room; 0: not at all */
	unsigned epoch;    /* of the session that the message is of */
	const mqc_cancel *cancel;
	mqci_waiter *waiter; /* who must not keep others from receiving meanwhile; or NULL */
} mqci_sending;

/* A lane if the endpoint has it, else the ordinary one, 0. */
static inline unsigned mqci_send_lane(const mqc_client *client, unsigned lane)
{
	if (lane == 0 || lane >= MQCI_LANES)
		return 0;
	return atomic_load_explicit(&client->lanes_open, memory_order_acquire) >> lane & 1 ? lane
											   : 0;
}

/* Its queue. */
static inline const mqci_queue *mqci_send_queue(const mqc_client *client, unsigned lane)
{
	unsigned open = mqci_send_lane(client, lane);

	return open > 0 ? &client->lanes[open] : &client->requests;
}

/*
 * Wait for room for a while: 1, there may be some, or news; 0, the deadline has
 * passed; or a status, as below.
 */
int mqci_send_await_room(mqc_client *client, const mqci_sending *sending);

/*
 * Send, waiting for room until the deadline: 1 sent, 0 no room in time, or a
 * status. MQC_UNAVAILABLE: the session is over, and room may never come.
 */
int mqci_send(mqc_client *client, const mqci_sending *sending, const uint8_t *message, size_t size);

/* Whether the server's queue has been removed; then the session ends before long. */
bool mqci_send_is_cut_off(mqc_client *client, unsigned epoch);

/* Open the queues of these lanes, a bit each; those that cannot be are not used. */
void mqci_send_open_lanes(mqc_client *client, uint32_t lanes);

#endif
