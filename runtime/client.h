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
#include "outbox.h"
#include "pending.h"
#include "queue.h"
#include "waiters.h"

/* A new session that is being opened by and by, with nobody waiting for it. */
typedef struct mqci_rejoin {
	pthread_mutex_t lock;
	bool greeting;      /* a hello has been said */
	mqci_waiter waiter; /* ... which is this one */
	int64_t at;         /* when to try next */
	int64_t closed;     /* when a queue was first met that is its owner's alone; 0: none was */
	int64_t pause;
} mqci_rejoin;

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
	ProtobufCAllocator loans; /* see mqc_client_loans() */
	bool own_loop;
	atomic_uint gave_way;   /* the number of the last call that did, for room */
	atomic_bool connecting; /* somebody opens a new session */
	mqci_rejoin rejoin;
	mqci_outbox outbox;
	mqci_pendings pendings;
	_Atomic int loop; /* an epoll instance, for the program's loop; -1 until it has asked */
	uint32_t room_watched; /* the lanes of whose room it is told, a bit each; pendings.lock */
	mqci_forked forked;
	bool closed;
	bool disowned; /* we are a forked child: it is the parent's */
};

/*
 * Open a new session when the server has stopped and one is back; one thread
 * does it, others come back with MQC_UNAVAILABLE meanwhile, to try again.
 * MQC_NOT_FOUND: nobody serves the endpoint (and is not to be waited for).
 */
int mqci_client_reconnect(mqc_client *client, int64_t deadline, mqc_cancel *cancel);

/*
 * The same, by and by: one step, which does not wait. MQC_OK: there is a session;
 * MQC_UNAVAILABLE: not yet, come again when a reply is there, or at the time that
 * the second one tells.
 */
int mqci_client_rejoin(mqc_client *client, int64_t now);
int64_t mqci_client_rejoins_at(mqc_client *client);

/* Close it, as mqci_pendings_shut() has said. */
void mqci_client_shut_down(mqc_client *client);

/*
 * The client itself, with NULL, or the call whose memory this is, has the client no more. The last
 * of them frees it.
 */
void mqci_client_release(mqc_client *client, mqc_pending *memory);

/* Refuse a queue that others than its owner can read: it is not one of ours. */
int mqci_client_check_requests(const mqci_queue *requests, uid_t *ret_uid);

/* Let go of what the program's loop was given. */
void mqci_client_leave_loop(mqc_client *client);

/* The error of whatever is tried with a client in a forked child. */
int mqci_client_fail_disowned(const mqc_client *client, const char *what);

/* A wait of the client's that a cancellation ends. */
typedef struct mqci_client_wait {
	mqci_waiter waiter;
	mqci_waiters *waiters;
	mqc_cancel *cancel;
	mqci_cancel_link link;
} mqci_client_wait;

/* From now on it hears of its cancellation. */
void mqci_client_wait_hear(mqci_client_wait *wait, mqc_client *client);

static inline void mqci_client_wait_begin(mqci_client_wait *wait, mqc_client *client,
					  mqc_cancel *cancel)
{
	mqci_waiter_init(&wait->waiter);
	wait->cancel = cancel;
	if (cancel != NULL)
		mqci_client_wait_hear(wait, client);
}

static inline void mqci_client_wait_end(mqci_client_wait *wait)
{
	if (wait->cancel != NULL)
		mqci_cancel_detach(wait->cancel, &wait->link);
}

/* The status of a reply; if it is none of success, it is recorded as the error of `what`. */
int mqci_client_status(const mqc_client *client, const char *what, const mqci_frame *reply);

#endif
