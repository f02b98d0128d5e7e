/*
 * reception.h - the thread of mqc_server_run(): everything that happens to a server but requests.
 *
 * Workers block in mq_receive() and know nothing else. This thread sleeps in
 * epoll until the server is to stop, a client has died, there is room for a
 * reply that had found none, requests pile up, or a worker has something to do
 * that must not last, see ticker.h. Once there has been a priority, or if there is a
 * limit, the request queue is in its epoll instance, where the kernel announces a
 * message only if nobody was blocked in mq_receive(): all workers are busy, or one
 * polls for all. Then it looks again after 5 ms.
 */
#ifndef MQCI_RECEPTION_H
#define MQCI_RECEPTION_H

#include "lane.h"
#include "session.h"
#include "stop.h"
#include "ticker.h"

typedef struct mqci_reception {
	int epoll;
	mqci_stop *stop;
	mqci_sessions *sessions;
	mqci_ticker *ticker;
	mqci_lane *lanes;
	unsigned lanes_count;
	bool watched[MQCI_LANES];    /* this lane wakes us */
	int64_t look_at[MQCI_LANES]; /* when to see after a lane; MQCI_NEVER: when it wakes us */
} mqci_reception;

int mqci_reception_open(mqci_reception *reception, mqci_stop *stop, mqci_sessions *sessions,
			mqci_ticker *ticker, mqci_lane *lanes, unsigned lanes_count);

/* Until the server is to stop. */
int mqci_reception_run(mqci_reception *reception);

void mqci_reception_close(mqci_reception *reception);

#endif
