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
	return support_run(suite);
}
