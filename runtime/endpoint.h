/*
 * endpoint.h - an endpoint as its servers have it: the queue, and the record beside it.
 */
#ifndef MQCI_ENDPOINT_H
#define MQCI_ENDPOINT_H

#include <mqcall/mqcall.h>

#include "presence.h"
#include "queue.h"
#include "record.h"

/* How the queues of an endpoint are made. */
typedef struct mqci_shape {
	size_t messages;
	size_t size;
	mode_t mode;
} mqci_shape;

typedef struct mqci_endpoint {
	char name[MQCI_ENDPOINT_MAX + 1];
	/* To receive from, blocking: the ordinary lane, and others where they are in use. */
	mqci_queue lanes[MQCI_LANES];
	mqci_shape shape;
	mqci_record record;
	mqci_presence presence;
	/* We left as the last one, and may not have told of all that others had in hand. */
	bool doubtful;
} mqci_endpoint;

/* A large message has no place in a lane, whose queue costs bytes of the user's quota. */
#define MQCI_LANE_SIZE 1024

void mqci_endpoint_init(mqci_endpoint *endpoint);

/*
 * Create the endpoint, or join its servers, as mqc_server_open() tells.
 */
int mqci_endpoint_open(const char *name, const mqc_server_options *options,
		       mqci_endpoint *ret_endpoint);

/* Create the queue of a lane, or join the servers that have it; if it is not open already. */
int mqci_endpoint_open_lane(mqci_endpoint *endpoint, unsigned lane);

/* Tell of every call that a dead server had in hand, once, and forget the dead. */
int mqci_endpoint_sweep(mqci_endpoint *endpoint, mqci_lost lost, void *data);

/*
 * Leave: tell of what the dead had in hand, as mqci_endpoint_sweep() does. True when no other
 * server is left: the queues' names are then gone, nobody executes what is still in them, and it is
 * the caller's to answer before mqci_endpoint_close().
 */
bool mqci_endpoint_leave(mqci_endpoint *endpoint, mqci_lost lost, void *data);

/* In a forked child: let go of what is the parent's. */
void mqci_endpoint_disown(mqci_endpoint *endpoint);

void mqci_endpoint_close(mqci_endpoint *endpoint);

#endif
