/*
 * client.h - a client, between opening it and calling with it.
 */
#ifndef MQCI_CLIENT_H
#define MQCI_CLIENT_H

#include <mqcall/mqcall.h>

#include "arena.h"
#include "fork.h"
#include "frame.h"
#include "queue.h"
#include "waiters.h"

struct mqc_client {
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	mqci_queue requests;
	mqci_waiters waiters;
	mqci_arena arena;
	uint64_t session;
	_Atomic size_t request_max; /* the largest payload that the server takes */
	int timeout_ms;
	bool wait_for_server;
	bool no_wait;
	unsigned window;
	pthread_mutex_t connecting; /* held by the thread that opens a new session */
	mqci_forked forked;
	bool disowned; /* we are a forked child: it is the parent's */
};

/*
 * Send, waiting for room until the deadline: 1 sent, 0 no room in time, or a
 * status. MQC_UNAVAILABLE: the server has stopped, and room will never come.
 */
int mqci_client_send(mqc_client *client, const uint8_t *message, size_t size, unsigned priority,
		     int64_t deadline);

/*
 * Open a new session when the server has stopped and one is back; one thread
 * does it, others come back with MQC_UNAVAILABLE meanwhile, to try again.
 * MQC_NOT_FOUND: nobody serves the endpoint (and is not to be waited for).
 */
int mqci_client_reconnect(mqc_client *client, int64_t deadline);

/* The status of a reply; if it is none of success, it is recorded as the error of `what`. */
int mqci_client_status(const mqc_client *client, const char *what, const mqci_frame *reply);

#endif
