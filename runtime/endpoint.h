/*
 * endpoint.h - an endpoint as its servers have it: the queue, and the record beside it.
 */
#ifndef MQCI_ENDPOINT_H
#define MQCI_ENDPOINT_H

#include <mqcall/mqcall.h>

#include "queue.h"
#include "record.h"

typedef struct mqci_endpoint {
	char name[MQCI_ENDPOINT_MAX + 1];
	mqci_queue requests; /* to receive from, blocking */
	mqci_record record;
} mqci_endpoint;

/* Create the endpoint, or join its servers, as mqc_server_open() tells. */
int mqci_endpoint_open(const char *name, const mqc_server_options *options,
		       mqci_endpoint *ret_endpoint);

/*
 * Leave. True when no other server is left: the queue's name is then gone, and
 * what is still in it is the caller's to answer before mqci_endpoint_close().
 */
bool mqci_endpoint_leave(mqci_endpoint *endpoint);

void mqci_endpoint_close(mqci_endpoint *endpoint);

#endif
