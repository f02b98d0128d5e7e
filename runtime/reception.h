/*
 * reception.h - the thread of mqc_server_run(): everything that can happen to a server but
 * requests.
 *
 * Workers block in mq_receive() and know nothing else. This thread sleeps in
 * epoll until the server is to stop, a client has died, or there is room for a
 * reply that had found none; when all is well it is never woken.
 */
#ifndef MQCI_RECEPTION_H
#define MQCI_RECEPTION_H

#include "session.h"
#include "stop.h"

typedef struct mqci_reception {
	int epoll;
	const mqci_stop *stop;
	mqci_sessions *sessions;
} mqci_reception;

int mqci_reception_init(mqci_reception *reception, const mqci_stop *stop, mqci_sessions *sessions);

/* Until the server is to stop. */
int mqci_reception_run(mqci_reception *reception);

void mqci_reception_done(mqci_reception *reception);

#endif
