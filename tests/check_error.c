/*
 * check_error.c - tests of <mqcall/status.h> and lib/error.h.
 */
#include "error.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "support.h"

START_TEST(codes_are_those_of_grpc_negated)
{
	static const char *const names[] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};

	for (int i = 0; i < 17; i++)
		ck_assert_str_eq(mqc_status_name(-i), names[i]);
	ck_assert_int_eq(MQC_UNAUTHENTICATED, -16);
	ck_assert_str_eq(mqc_status_name(1), "?");
	ck_assert_str_eq(mqc_status_name(-17), "?");
	ck_assert_str_eq(mqc_status_name(INT_MAX), "?");
	ck_assert_str_eq(mqc_status_name(INT_MIN), "?");
}
END_TEST

START_TEST(before_the_first_failure)
{
	const mqc_error *error = mqc_error_last();

	ck_assert_ptr_nonnull(error);
	ck_assert_int_eq(error->status, MQC_OK);
	ck_assert_int_eq(error->system_errno, 0);
	ck_assert(!error->maybe_executed);
	ck_assert_str_eq(error->text, "");
}
END_TEST

START_TEST(a_failure_is_told)
{
	const mqc_error *error;

	ck_assert_int_eq(mqci_fail(MQC_NOT_FOUND, ENOENT, "no %s, but %d", "this", 7),
			 MQC_NOT_FOUND);
	error = mqc_error_last();
	ck_assert_int_eq(error->status, MQC_NOT_FOUND);
	ck_assert_int_eq(error->system_errno, ENOENT);
	ck_assert_str_eq(error->text, "no this, but 7");
	ck_assert(!error->maybe_executed);

	ck_assert_int_eq(mqci_maybe_executed(), MQC_NOT_FOUND);
	ck_assert(error->maybe_executed);
	ck_assert_str_eq(error->text, "no this, but 7");

	ck_assert_int_eq(mqci_no_memory("a cake"), MQC_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(error->system_errno, ENOMEM);
	ck_assert(!error->maybe_executed);
	support_error_has("a cake");
}
END_TEST

START_TEST(a_text_may_hold_the_one_it_replaces)
{
	(void)mqci_fail(MQC_INTERNAL, 0, "inner");
	(void)mqci_fail(MQC_INTERNAL, 0, "outer: %s", mqc_error_last()->text);
	ck_assert_str_eq(mqc_error_last()->text, "outer: inner");
}
END_TEST

START_TEST(long_texts_are_cut)
{
	char text[MQCI_ERROR_TEXT_SIZE + 2];

	memset(text, 'x', sizeof text - 1);
	for (size_t size = sizeof text - 1; size > MQCI_ERROR_TEXT_SIZE - 3; size--) {
		size_t cut = size < MQCI_ERROR_TEXT_SIZE ? size : MQCI_ERROR_TEXT_SIZE - 1;

		text[size] = '\0';
		(void)mqci_fail(MQC_INTERNAL, 0, "%s", text);
		ck_assert_uint_eq(strlen(mqc_error_last()->text), cut);
	}
}
END_TEST

START_TEST(saved_and_restored)
{
	mqci_saved_error saved;

	(void)mqci_fail(MQC_ABORTED, EBUSY, "first");
	(void)mqci_maybe_executed();
	mqci_error_save(&saved);
	(void)mqci_fail(MQC_INTERNAL, 0, "a much longer second one");
	ck_assert_int_eq(mqci_error_restore(&saved), MQC_ABORTED);
	memset(&saved, 0xff, sizeof saved);
	ck_assert_int_eq(mqc_error_last()->status, MQC_ABORTED);
	ck_assert_int_eq(mqc_error_last()->system_errno, EBUSY);
	ck_assert(mqc_error_last()->maybe_executed);
	ck_assert_str_eq(mqc_error_last()->text, "first");
}
END_TEST

static void *fail_there(void *unused)
{
	(void)mqci_fail(MQC_ABORTED, 0, "there");
	return unused;
}

START_TEST(each_thread_has_its_own)
{
	pthread_t thread;

	(void)mqci_fail(MQC_INTERNAL, 0, "here");
	ck_assert_int_eq(pthread_create(&thread, NULL, fail_there, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(mqc_error_last()->status, MQC_INTERNAL);
	ck_assert_str_eq(mqc_error_last()->text, "here");
}
END_TEST

static const uint8_t detail_bytes[] = {8, 1, 0, 255};

static void attach(const char *type, size_t size)
{
	mqci_error_attach(type, strlen(type), detail_bytes, size);
}

static void assert_detail(const char *type, size_t expected)
{
	size_t size = 99;
	const uint8_t *bytes = mqci_error_detail(&size);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_str_eq(mqc_error_last()->detail_type, type);
	ck_assert_uint_eq(size, expected);
	ck_assert_mem_eq(bytes, detail_bytes, size);
}

static void assert_no_detail(void)
{
	size_t size = 99;

	ck_assert_ptr_null(mqc_error_last()->detail_type);
	ck_assert_ptr_null(mqci_error_detail(&size));
	ck_assert_uint_eq(size, 99);
}

START_TEST(a_detail_is_of_its_error)
{
	assert_no_detail();
	(void)mqci_fail(MQC_ABORTED, 0, "first");
	assert_no_detail();
	attach("a.First", 4);
	assert_detail("a.First", 4);
	ck_assert_int_eq(mqci_maybe_executed(), MQC_ABORTED);
	assert_detail("a.First", 4);
	(void)mqci_fail(MQC_ABORTED, 0, "second");
	assert_no_detail();
	attach("a.Second", 0);
	assert_detail("a.Second", 0);
	attach("a.Third", 1);
	assert_detail("a.Third", 1);
}
END_TEST

START_TEST(details_are_saved_and_restored)
{
	mqci_saved_error first, second, third;

	(void)mqci_fail(MQC_ABORTED, 0, "first");
	attach("a.First", 4);
	mqci_error_save(&first);
	(void)mqci_fail(MQC_INTERNAL, 0, "second");
	mqci_error_save(&second);
	(void)mqci_error_restore(&first);
	assert_detail("a.First", 4);
	(void)mqci_error_restore(&second);
	assert_no_detail();
	(void)mqci_error_restore(&first);
	assert_detail("a.First", 4);

	/* Another one has taken its place. */
	(void)mqci_fail(MQC_ABORTED, 0, "third");
	attach("a.Third", 2);
	mqci_error_save(&third);
	ck_assert_int_eq(mqci_error_restore(&first), MQC_ABORTED);
	ck_assert_str_eq(mqc_error_last()->text, "first");
	assert_no_detail();
	(void)mqci_error_restore(&third);
	assert_detail("a.Third", 2);
}
END_TEST

static void *attach_there(void *unused)
{
	(void)mqci_fail(MQC_ABORTED, 0, "there");
	assert_no_detail();
	for (int i = 0; i < 100; i++)
		attach("a.There", (size_t)i % 5);
	assert_detail("a.There", 4);
	return unused;
}

/* Their details must be gone with them: that is for AddressSanitizer and valgrind to see. */
START_TEST(each_thread_has_its_own_detail)
{
	pthread_t threads[8];

	(void)mqci_fail(MQC_INTERNAL, 0, "here");
	attach("a.Here", 3);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, attach_there, NULL), 0);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	assert_detail("a.Here", 3);
}
END_TEST

static pthread_key_t late;

/* The library's own destructor has run before, or runs after: it must free this one, too. */
static void attach_late(void *round)
{
	(void)attach_there(NULL);
	if (round == &late)
		(void)pthread_setspecific(late, &round);
}

static void *end_late(void *unused)
{
	(void)pthread_setspecific(late, &late);
	return attach_there(unused);
}

START_TEST(a_detail_while_the_thread_ends)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_key_create(&late, attach_late), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, end_late, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	(void)pthread_key_delete(late);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tests = support_case(suite, "errors");

	tcase_add_test(tests, codes_are_those_of_grpc_negated);
	tcase_add_test(tests, before_the_first_failure);
	tcase_add_test(tests, a_failure_is_told);
	tcase_add_test(tests, a_text_may_hold_the_one_it_replaces);
	tcase_add_test(tests, long_texts_are_cut);
	tcase_add_test(tests, saved_and_restored);
	tcase_add_test(tests, each_thread_has_its_own);
	tcase_add_test(tests, a_detail_is_of_its_error);
	tcase_add_test(tests, details_are_saved_and_restored);
	tcase_add_test(tests, each_thread_has_its_own_detail);
	tcase_add_test(tests, a_detail_while_the_thread_ends);
	return support_run(suite);
}
