/*
 * check_reference.c - tests of lib/reference.h: blocks of references, and bytes that are none.
 */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static const mqci_references some = {
	.n = 2,
	.all = {{.field = 1, .offset = 4096, .size = 300},
		{.field = 536870911, .offset = UINT64_MAX - 1, .size = 1}},
};

START_TEST(there_and_back)
{
	uint8_t bytes[256] = {0};
	mqci_references got;

	mqci_references_encode(&some, bytes);
	ck_assert_uint_eq(mqci_references_decode(bytes, sizeof bytes, &got), 8 + 2 * 24);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_mem_eq(got.all, some.all, 2 * sizeof some.all[0]);
}
END_TEST

START_TEST(every_truncation)
{
	mqci_references got = {.n = 7};
	uint8_t bytes[56];

	mqci_references_encode(&some, bytes);
	for (size_t size = 0; size < sizeof bytes; size++) {
		uint8_t *cut = malloc(size > 0 ? size : 1);

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, bytes, size);
		ck_assert_uint_eq(mqci_references_decode(cut, size, &got), 0);
		free(cut);
	}
	ck_assert_uint_eq(got.n, 7);
}
END_TEST

START_TEST(what_is_none)
{
	static const mqci_references bad[] = {
		{.n = 0},
		{.n = MQCI_REFERENCES_MAX + 1},
		{.n = UINT32_MAX},
		{.n = 1, .zero = 1, .all = {{.field = 1, .size = 1}}},
		{.n = 1, .all = {{.field = 0, .size = 1}}},
		{.n = 1, .all = {{.field = 1, .size = 0}}},
		{.n = 1, .all = {{.field = 1, .zero = 1, .size = 1}}},
		{.n = 1, .all = {{.field = 1, .offset = UINT64_MAX, .size = 1}}},
		{.n = 1, .all = {{.field = 1, .offset = 1, .size = UINT64_MAX}}},
		{.n = 2, .all = {{.field = 1, .size = 1}, {.field = 0, .size = 1}}},
	};
	uint8_t bytes[512] = {0};
	mqci_references got;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memcpy(bytes, &bad[i], sizeof bad[i]);
		ck_assert_uint_eq(mqci_references_decode(bytes, sizeof bytes, &got), 0);
	}
}
END_TEST

START_TEST(garbage)
{
	uint8_t bytes[300];
	mqci_references got;
	unsigned seed = 11;
	size_t size;

	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (uint8_t)(rand_r(&seed) % (i % 2 ? 256 : 3));
		size = mqci_references_decode(bytes, (size_t)i % sizeof bytes, &got);
		ck_assert(size == 0 || (size <= (size_t)i % sizeof bytes && got.n > 0 &&
					got.n <= MQCI_REFERENCES_MAX));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reference");
	TCase *tests = support_case(suite, "references");

	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, every_truncation);
	tcase_add_test(tests, what_is_none);
	tcase_add_test(tests, garbage);
	return support_run(suite);
}
