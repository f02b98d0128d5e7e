/*
 * registry.h - the services that a server hosts, found by method.
 */
#ifndef MQCI_REGISTRY_H
#define MQCI_REGISTRY_H

#include <mqcall/mqcall.h>

typedef struct mqci_entry {
	uint64_t id; /* of the method */
	const mqc_method *method;
	const mqc_service *service;
	uint32_t index; /* of the method in its service */
	mqc_dispatch dispatch;
	const void *handlers;
	void *self;
	mqc_authorize authorize; /* NULL: whoever may call the endpoint */
	void *authorize_data;
} mqci_entry;

typedef struct mqci_registry {
	mqci_entry *entries; /* sorted by id */
	size_t count;
} mqci_registry;

/* What `name` is of was generated for another library: its tables are of that version. */
int mqci_registry_fail_tables(const char *name, unsigned version);

/* Whether the service can be added. */
int mqci_registry_check(const mqci_registry *registry, const mqc_service *service);

int mqci_registry_add(mqci_registry *registry, const mqc_service *service, mqc_dispatch dispatch,
		      const void *handlers, void *self);

/* MQC_NOT_FOUND: the service has not been added. */
int mqci_registry_authorize(mqci_registry *registry, const mqc_service *service,
			    mqc_authorize authorize, void *data);

/* NULL if no service has a method of this id. */
const mqci_entry *mqci_registry_find(const mqci_registry *registry, uint64_t id);

void mqci_registry_done(mqci_registry *registry);

#endif
