/*
 * servant.h - one who serves: takes messages apart, runs handlers, answers.
 *
 * What a thread needs for that; a worker has one, see worker.h.
 */
#ifndef MQCI_SERVANT_H
#define MQCI_SERVANT_H

#include "batch.h"
#include "call.h"
#include "defer.h"
#include "lane.h"
#include "registry.h"
#include "session.h"
#include "spin.h"
#include "stop.h"
#include "ticker.h"

/* What those who serve have in common; all of it outlives them. */
typedef struct mqci_service_point {
	mqci_intake intake;
	const mqci_registry *registry;
	mqci_deferrals *deferrals;
	mqci_ticker *ticker; /* to be looked at while a batch is under way */
	bool inherit_priority;
	int spin_us;        /* as in mqc_server_options */
	size_t payload_max; /* of requests in shared memory */
	const atomic_bool *stopping;
	const bool *disowned; /* we are a forked child: what was in hand is the parent's */
	mqci_stop *stop;
} mqci_service_point;

typedef struct mqci_servant {
	const mqci_service_point *point;
	mqci_lane *lane;
	mqci_hand *hand;         /* where it says what call it has in hand */
	uint8_t *message;        /* room for one message of the request queue */
	mqc_call *call;          /* what it serves calls with; NULL if the last one was deferred */
	mqci_spin spin;          /* where its last caller was */
	const mqci_entry *entry; /* the method of its last call; NULL: it had none */
	mqci_recent recent;
	unsigned served; /* requests, with what else became of them; it wraps */
	mqci_batch batch;
	unsigned batch_seen; /* the number of the batch that was under way at the last tick */
} mqci_servant;

int mqci_servant_init(mqci_servant *servant, const mqci_service_point *point, mqci_lane *lane);
void mqci_servant_done(mqci_servant *servant);

/* Serve what was received into servant->message: `size` bytes, with this priority. */
void mqci_servant_take(mqci_servant *servant, size_t size, unsigned priority);

/* Serve one that has waited in the backlog of its lane, and free it. */
void mqci_servant_take_waiting(mqci_servant *servant, mqci_waiting *waiting);

/*
 * The reception's look at it: a batch that is under way for longer than a tick is
 * shared with others. Whether one is under way.
 */
bool mqci_servant_tick(mqci_servant *servant);

/* The server stops: what its batch has is not to wait for a handler. From another thread. */
void mqci_servant_hurry(mqci_servant *servant);

#endif
