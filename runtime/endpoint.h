/*
 * endpoint.h - an endpoint as its servers have it: the queue, and the record beside it.
 */
#ifndef MQCI_ENDPOINT_H
#define MQCI_ENDPOINT_H

#include <mqcall/mqcall.h>

#include "presence.h"
#include "queue.h"
#include "record.h"

typedef struct mqci_endpoint {
	char name[MQCI_ENDPOINT_MAX + 1];
	mqci_queue requests; /* to receive from, blocking */
	mqci_record record;
	mqci_presence presence;
} mqci_endpoint;

#define MQCI_ENDPOINT_CLOSED                                                                       \
	((mqci_endpoint){                                                                          \
		.requests = MQCI_QUEUE_CLOSED,                                                     \
		.record = MQCI_RECORD_CLOSED,                                                      \
		.presence = MQCI_PRESENCE_CLOSED,                                                  \
	})

/*
 * Create the endpoint, or join its servers, as mqc_server_open() tells.
 */
int mqci_endpoint_open(const char *name, const mqc_server_options *options,
		       mqci_endpoint *ret_endpoint);

/* Tell of every call that a dead server had in hand, once, and forget the dead. */
int mqci_endpoint_sweep(mqci_endpoint *endpoint, mqci_lost lost, void *data);

/*
 * Leave: tell of what the dead had in hand, as mqci_endpoint_sweep() does, and
 * be present no more. True when no other server is left: the queue's name is
 * then gone, nobody executes what is still in it, and it is the caller's to
 * answer before mqci_endpoint_close().
 */
bool mqci_endpoint_leave(mqci_endpoint *endpoint, mqci_lost lost, void *data);

/* In a forked child: let go of what is the parent's. */
void mqci_endpoint_disown(mqci_endpoint *endpoint);

void mqci_endpoint_close(mqci_endpoint *endpoint);

#endif
