/*
 * worker.h - a thread that serves: receives requests and runs handlers.
 */
#ifndef MQCI_WORKER_H
#define MQCI_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "error.h"
#include "interrupt.h"
#include "servant.h"

typedef struct mqci_worker {
	mqci_servant servant;
	mqci_spin *spin; /* the servant's */
	unsigned comers; /* to the parking of the lane, as it has seen them */
	pthread_t thread;
	mqci_interruptible interruptible;
	atomic_bool ended;
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
