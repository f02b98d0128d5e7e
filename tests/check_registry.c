/*
 * check_registry.c - tests of runtime/registry.h: methods found by their id.
 */
#include "registry.h"

#include <stdio.h>

#include "support.h"

static int dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)handlers, (void)self, (void)method, (void)call, (void)request, (void)reply;
	return MQC_OK;
}

START_TEST(an_empty_one)
{
	mqci_registry registry = {0};

	ck_assert_ptr_null(mqci_registry_find(&registry, 0));
	ck_assert_ptr_null(mqci_registry_find(&registry, UINT64_MAX));
	mqci_registry_done(&registry);
}
END_TEST

START_TEST(every_method_is_found)
{
	enum {
		SERVICES = 10,
		METHODS = 20
	};
	static mqc_method methods[SERVICES][METHODS];
	static mqc_service services[SERVICES];
	mqci_registry registry = {0};
	uint64_t id = 1;

	for (uint32_t s = 0; s < SERVICES; s++) {
		services[s] = (mqc_service){
			.table_version = MQC_TABLE_VERSION,
			.n_methods = METHODS,
			.name = "a.Service",
			.methods = methods[s],
		};
		for (uint32_t m = 0; m < METHODS; m++) {
			/* All over the range, the ends included. */
			id = id * UINT64_C(6364136223846793005) + 1442695040888963407;
			methods[s][m] = (mqc_method){.name = "a.Service/Method", .id = id};
		}
	}
	methods[0][0].id = 0;
	methods[3][7].id = UINT64_MAX;
	for (uint32_t s = 0; s < SERVICES; s++)
		support_ok(mqci_registry_add(&registry, &services[s], dispatch, &services[s],
					     methods[s]));
	for (uint32_t s = 0; s < SERVICES; s++) {
		for (uint32_t m = 0; m < METHODS; m++) {
			const mqci_entry *entry = mqci_registry_find(&registry, methods[s][m].id);

			ck_assert_ptr_nonnull(entry);
			ck_assert_ptr_eq(entry->method, &methods[s][m]);
			ck_assert_ptr_eq(entry->service, &services[s]);
			ck_assert_uint_eq(entry->index, m);
			ck_assert_ptr_eq(entry->handlers, &services[s]);
			ck_assert_ptr_eq(entry->self, methods[s]);
			ck_assert(entry->dispatch == dispatch);
		}
	}
	ck_assert_ptr_null(mqci_registry_find(&registry, 1));
	mqci_registry_done(&registry);
	ck_assert_ptr_null(mqci_registry_find(&registry, UINT64_MAX));
}
END_TEST

START_TEST(what_is_refused_changes_nothing)
{
	mqc_method methods[] = {{.name = "b.B/One", .id = 5}, {.name = "b.B/Two", .id = 6}};
	mqc_service service = {.table_version = MQC_TABLE_VERSION,
			       .n_methods = 2,
			       .name = "b.B",
			       .methods = methods};
	mqc_service newer = service, same = service;
	mqc_method others[] = {{.name = "c.C/One", .id = 7}, {.name = "c.C/Two", .id = 5}};
	mqci_registry registry = {0};

	newer.table_version = MQC_TABLE_VERSION + 1;
	support_fails(mqci_registry_add(&registry, &newer, dispatch, NULL, NULL),
		      MQC_FAILED_PRECONDITION);
	support_error_has("b.B");
	newer.table_version = 0;
	support_fails(mqci_registry_add(&registry, &newer, dispatch, NULL, NULL),
		      MQC_FAILED_PRECONDITION);
	ck_assert_ptr_null(mqci_registry_find(&registry, 5));

	support_ok(mqci_registry_add(&registry, &service, dispatch, NULL, NULL));
	support_fails(mqci_registry_add(&registry, &service, dispatch, NULL, NULL),
		      MQC_ALREADY_EXISTS);
	same.methods = others;
	support_fails(mqci_registry_add(&registry, &same, dispatch, NULL, NULL),
		      MQC_ALREADY_EXISTS);
	support_error_has("c.C/Two");
	support_error_has("b.B/One");
	ck_assert_ptr_null(mqci_registry_find(&registry, 7));
	ck_assert_ptr_eq(mqci_registry_find(&registry, 5)->method, &methods[0]);
	mqci_registry_done(&registry);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *tests = support_case(suite, "registry");

	tcase_add_test(tests, an_empty_one);
	tcase_add_test(tests, every_method_is_found);
	tcase_add_test(tests, what_is_refused_changes_nothing);
	return support_run(suite);
}
