/*
 * pending.h - the asynchronous calls of a client.
 */
#ifndef MQCI_PENDING_H
#define MQCI_PENDING_H

#include <mqcall/mqcall.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct mqci_pendings {
	pthread_mutex_t lock;             /* taken before those of waiters and outbox; guards: */
	mqc_pending *again;               /* to be sent again, soon */
	mqc_pending *ended, **ended_link; /* over, and their function is to be called */
	struct mqci_calling *callings;    /* the threads that are in such functions */
	pthread_cond_t called;            /* one of these has left its function */
	atomic_uint visitors;             /* threads that look after them, or wait for one */
	atomic_bool closing;              /* the client was closed by such a function */
	atomic_uint references;           /* to the client: its own, and one for each call */
} mqci_pendings;

int mqci_pendings_init(mqci_pendings *pendings);
void mqci_pendings_done(mqci_pendings *pendings);

/* The client is being closed: its calls end. */
void mqci_pendings_end(mqc_client *client);

/*
 * Take what has come, and see to what has become of the calls, without waiting:
 * how many have ended, or a status. The functions of those are called.
 */
int mqci_pendings_process(mqc_client *client);

/* When it is to be done at the latest, though nothing comes. */
int64_t mqci_pendings_next(mqc_client *client, int64_t now);

#endif
