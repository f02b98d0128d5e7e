/*
 * client.h - a client, between opening it and calling with it.
 */
#ifndef MQCI_CLIENT_H
#define MQCI_CLIENT_H

#include <mqcall/mqcall.h>

#include <stdatomic.h>

#include "arena.h"
#include "cancel.h"
#include "fork.h"
#include "frame.h"
#include "queue.h"
#include "waiters.h"

struct mqc_client {
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	mqci_queue requests;
	mqci_queue lanes[MQCI_LANES]; /* from 1 on; those in `lanes_open`, a bit each */
	_Atomic uint32_t lanes_open;
	mqci_waiters waiters;
	mqci_arena arena;
	uint64_t session;
	_Atomic size_t request_max; /* the largest payload that the server's queue takes */
	_Atomic size_t lane_max;    /* ... that the queues of lanes take */
	mqci_departed self;         /* the owner of the reply queue */
	int timeout_ms;
	bool wait_for_server;
	bool no_wait;
	bool lend_priority;
	unsigned window;
	size_t payload_max;
	pthread_mutex_t connecting; /* held by the thread that opens a new session */
	mqci_forked forked;
	bool disowned; /* we are a forked child: it is the parent's */
};

/*
 * Open a new session when the server has stopped and one is back; one thread
 * does it, others come back with MQC_UNAVAILABLE meanwhile, to try again.
 * MQC_NOT_FOUND: nobody serves the endpoint (and is not to be waited for).
 */
int mqci_client_reconnect(mqc_client *client, int64_t deadline, mqc_cancel *cancel);

/* Refuse a queue that others than its owner can read: it is not one of ours. */
int mqci_client_check_requests(const mqci_queue *requests, uid_t *ret_uid);

/* A wait of the client's that a cancellation ends. */
typedef struct mqci_client_wait {
	mqci_waiter waiter;
	mqci_waiters *waiters;
	mqc_cancel *cancel;
	mqci_cancel_link link;
} mqci_client_wait;

void mqci_client_wait_begin(mqci_client_wait *wait, mqc_client *client, mqc_cancel *cancel);
void mqci_client_wait_end(mqci_client_wait *wait);

/* The status of a reply; if it is none of success, it is recorded as the error of `what`. */
int mqci_client_status(const mqc_client *client, const char *what, const mqci_frame *reply);

#endif
