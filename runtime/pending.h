/*
 * pending.h - the asynchronous calls of a client.
 */
#ifndef MQCI_PENDING_H
#define MQCI_PENDING_H

#include <mqcall/mqcall.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct mqci_pendings {
	pthread_mutex_t lock;            /* taken before those of waiters and outbox; guards: */
	mqc_pending *again, *again_last; /* to be sent again, soon; in the order of their numbers */
	uint64_t number;                 /* of the one that was started last */
	mqc_pending *ended, **ended_link; /* over, and their function is to be called */
	mqc_pending *spare;               /* memory of finished calls, for others */
	unsigned spares;                  /* how many */
	struct mqci_calling *callings;    /* the threads that are in such functions */
	pthread_cond_t called; /* one of these has left its function; or the client is closed */
	const void *asleep_by; /* the thread whose loop sleeps, or NULL; known by an address */
	int64_t asleep_until;
	atomic_uint references; /* to the client: its own, and each call's; a child has no lock */
	/* Without the lock. */
	atomic_uint visitors; /* the threads that are about them, and the bits below */
} mqci_pendings;

int mqci_pendings_init(mqci_pendings *pendings);
void mqci_pendings_done(mqci_pendings *pendings);

/* In a forked child: this thread is in no function of the client's any more. */
void mqci_pendings_forked(const mqc_client *client);

/* In a forked child: free what no call has. */
void mqci_pendings_disown(mqci_pendings *pendings);

/* In `visitors`: the last to leave closes the client. */
#define MQCI_CLOSING (1U << 30)
/* ... and it is being closed, or is: who comes waits until it is. */
#define MQCI_NO_VISITORS (1U << 31)

static inline bool mqci_pendings_closing(const mqci_pendings *pendings)
{
	return atomic_load(&pendings->visitors) & MQCI_CLOSING;
}

/* Whether somebody is about them beside the caller. */
static inline bool mqci_pendings_crowded(const mqci_pendings *pendings)
{
	return (atomic_load(&pendings->visitors) & ~MQCI_CLOSING) > 1;
}

/*
 * The client is to be closed: whether that is for the caller to do. If not, because
 * threads are about its calls, the last of them does it, soon.
 */
bool mqci_pendings_shut(mqci_pendings *pendings);

/* The client is being closed: its calls end. */
void mqci_pendings_end(mqc_client *client);

/* It is closed: those who have come meanwhile for what became of their calls are let in. */
void mqci_pendings_open_up(mqc_client *client);

/*
 * Take what has come, and see to what has become of the calls, without waiting:
 * how many have ended, or a status. The functions of those are called.
 */
int mqci_pendings_process(mqc_client *client);

/* When it is to be done at the latest, though nothing comes. */
int64_t mqci_pendings_next(mqc_client *client, int64_t now);

/* The program's loop, on this thread, sleeps until then: who needs it sooner wakes it. */
void mqci_pendings_sleep(mqci_pendings *pendings, int64_t until);

/* Somebody else is to see to what there is to be done. */
void mqci_pendings_pass_on(mqc_client *client);

#endif
