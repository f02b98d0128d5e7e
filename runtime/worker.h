/*
 * worker.h - a thread that serves: receives requests and runs handlers.
 */
#ifndef MQCI_WORKER_H
#define MQCI_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "call.h"
#include "defer.h"
#include "interrupt.h"
#include "lane.h"
#include "registry.h"
#include "session.h"
#include "stop.h"

/* What the workers of a server share; all of it outlives them. */
typedef struct mqci_service_point {
	mqci_intake intake;
	const mqci_registry *registry;
	mqci_deferrals *deferrals;
	bool inherit_priority;
	size_t payload_max; /* of requests in shared memory */
	const atomic_bool *stopping;
	const mqci_stop *stop;
} mqci_service_point;

typedef struct mqci_worker {
	const mqci_service_point *point;
	mqci_lane *lane;
	mqci_hand *hand; /* where it says what call it has in hand */
	pthread_t thread;
	mqci_interruptible interruptible;
	atomic_bool ended;
	uint8_t *message; /* room for one message of the request queue */
	mqc_call *call;   /* what it serves calls with; NULL if the last one was deferred */
	/* What ended it before it was told to stop; MQC_OK if nothing did. */
	int status;
	int system_errno;
	char text[MQCI_ERROR_TEXT_SIZE];
} mqci_worker;

/* Start the thread. On failure there is nothing to be done with the worker. */
int mqci_worker_start(mqci_worker *worker, const mqci_service_point *point, mqci_lane *lane);

/* Free what belongs to the worker; its thread has been joined. */
void mqci_worker_done(mqci_worker *worker);

#endif
