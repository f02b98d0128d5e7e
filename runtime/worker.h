/*
 * worker.h - a thread that serves: receives requests, runs handlers, sends replies.
 */
#ifndef MQCI_WORKER_H
#define MQCI_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "call.h"
#include "defer.h"
#include "endpoint.h"
#include "registry.h"
#include "session.h"
#include "stop.h"

/* What the workers of a server share; all of it outlives them. */
typedef struct mqci_service_point {
	const mqci_endpoint *endpoint;
	const mqci_registry *registry;
	mqci_sessions *sessions;
	mqci_deferrals *deferrals;
	const atomic_bool *stopping;
	const mqci_stop *stop;
} mqci_service_point;

typedef struct mqci_worker {
	mqci_service_point point;
	mqci_hand *hand; /* where it says what call it has in hand */
	pthread_t thread;
	atomic_bool waiting; /* in mq_receive(), or just before or after it */
	atomic_bool ended;
	uint8_t *request; /* room for one message of the request queue */
	mqc_call *call;   /* what it serves calls with; NULL if the last one was deferred */
	/* What ended it before it was told to stop; MQC_OK if nothing did. */
	int status;
	int system_errno;
	char text[MQCI_ERROR_TEXT_SIZE];
} mqci_worker;

/* Start the thread. On failure there is nothing to be done with the worker. */
int mqci_worker_start(mqci_worker *worker, const mqci_service_point *point, mqci_hand *hand);

/* Free what belongs to the worker; its thread has been joined. */
void mqci_worker_done(mqci_worker *worker);

/* Tell a client, of the mqci_sessions at `sessions`, that a server died with its call in hand. */
void mqci_worker_tell_lost(uint64_t session, uint64_t call, bool begun, void *sessions);

/* Answer every request that is still queued: nobody serves here any more. */
void mqci_worker_refuse_rest(const mqci_endpoint *endpoint, mqci_sessions *sessions);

#endif
