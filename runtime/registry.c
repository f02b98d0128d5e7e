/*
 * registry.c - the services that a server hosts, found by method: one sorted
 * array for all of them, complete before the first request comes.
 */
#include "registry.h"

#include <stdlib.h>

#include "error.h"

static int by_id(const void *a, const void *b)
{
	const mqci_entry *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

int mqci_registry_fail_tables(const char *name, unsigned version)
{
	return mqci_fail(MQC_FAILED_PRECONDITION, 0,
			 "the generated code of %s has tables of version %u, this library "
			 "reads %d; generate and build it again",
			 name, version, MQC_TABLE_VERSION);
}

int mqci_registry_check(const mqci_registry *registry, const mqc_service *service)
{
	const mqci_entry *other;

	if (service->table_version != MQC_TABLE_VERSION)
		return mqci_registry_fail_tables(service->name, service->table_version);
	for (size_t i = 0; i < registry->count; i++)
		if (registry->entries[i].service == service)
			return mqci_fail(MQC_ALREADY_EXISTS, 0,
					 "this endpoint hosts the service %s already",
					 service->name);
	for (uint32_t i = 0; i < service->n_methods; i++) {
		other = mqci_registry_find(registry, service->methods[i].id);
		if (other != NULL)
			return mqci_fail(MQC_ALREADY_EXISTS, 0,
					 "%s and %s have the same method id: one endpoint cannot "
					 "host both",
					 service->methods[i].name, other->method->name);
	}
	return MQC_OK;
}

int mqci_registry_add(mqci_registry *registry, const mqc_service *service, mqc_dispatch dispatch,
		      const void *handlers, void *self)
{
	mqci_entry *entries;
	int r;

	r = mqci_registry_check(registry, service);
	if (r < 0 || service->n_methods == 0)
		return r;
	entries = reallocarray(registry->entries, registry->count + service->n_methods,
			       sizeof *entries);
	if (entries == NULL)
		return mqci_no_memory(service->name);
	for (uint32_t i = 0; i < service->n_methods; i++)
		entries[registry->count + i] = (mqci_entry){
			.id = service->methods[i].id,
			.method = &service->methods[i],
			.service = service,
			.index = i,
			.dispatch = dispatch,
			.handlers = handlers,
			.self = self,
		};
	registry->entries = entries;
	registry->count += service->n_methods;
	qsort(entries, registry->count, sizeof *entries, by_id);
	return MQC_OK;
}

int mqci_registry_authorize(mqci_registry *registry, const mqc_service *service,
			    mqc_authorize authorize, void *data)
{
	bool found = false;

	for (size_t i = 0; i < registry->count; i++) {
		mqci_entry *entry = &registry->entries[i];

		if (entry->service != service)
			continue;
		found = true;
		entry->authorize = authorize;
		entry->authorize_data = data;
	}
	if (!found)
		return mqci_fail(MQC_NOT_FOUND, 0,
				 "the endpoint does not host %s: add the service first",
				 service->name);
	return MQC_OK;
}

const mqci_entry *mqci_registry_find(const mqci_registry *registry, uint64_t id)
{
	const mqci_entry *entries = registry->entries;
	size_t first = 0, end = registry->count, middle;

	/* On the way of every call: bsearch() takes four times as long. */
	while (first < end) {
		middle = first + (end - first) / 2;
		if (entries[middle].id == id)
			return &entries[middle];
		if (entries[middle].id < id)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

void mqci_registry_done(mqci_registry *registry)
{
	free(registry->entries);
	registry->entries = NULL;
	registry->count = 0;
}
