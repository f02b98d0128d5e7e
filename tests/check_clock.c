/*
 * check_clock.c - tests of lib/clock.h: deadlines, and their ends of the scale.
 */
#include "clock.h"

#include <limits.h>

#include "support.h"

#define MS INT64_C(1000000)

START_TEST(now_is_monotonic_and_in_nanoseconds)
{
	struct timespec reference;
	int64_t before, after;

	before = mqci_clock_now();
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &reference), 0);
	after = mqci_clock_now();
	ck_assert_int_le(before, (int64_t)reference.tv_sec * 1000 * MS + reference.tv_nsec);
	ck_assert_int_ge(after, (int64_t)reference.tv_sec * 1000 * MS + reference.tv_nsec);
}
END_TEST

START_TEST(deadlines_lie_ahead)
{
	int64_t before = mqci_clock_now(), deadline = mqci_deadline_after_ms(1000);

	ck_assert_int_ge(deadline, before + 1000 * MS);
	ck_assert_int_le(deadline, mqci_clock_now() + 1000 * MS);
	ck_assert_int_ge(mqci_deadline_after_ms(0), before);
	ck_assert_int_gt(mqci_deadline_after_ms(INT_MAX), before);
	ck_assert_int_eq(mqci_deadline_after_ms(-1), MQCI_NEVER);
}
END_TEST

START_TEST(what_is_left_is_rounded_up)
{
	int left = mqci_deadline_remaining_ms(mqci_deadline_after_ms(60000));

	ck_assert_int_gt(left, 0);
	ck_assert_int_le(left, 60000);
	/* Less than a millisecond is one: nobody is to spin through the rest of it. */
	ck_assert_int_ge(mqci_deadline_remaining_ms(mqci_clock_now() + 60000 * MS + 1), 1);
}
END_TEST

START_TEST(what_is_over)
{
	ck_assert_int_eq(mqci_deadline_remaining_ms(mqci_clock_now()), 0);
	ck_assert_int_eq(mqci_deadline_remaining_ms(mqci_clock_now() - 1), 0);
	ck_assert_int_eq(mqci_deadline_remaining_ms(0), 0);
	ck_assert_int_eq(mqci_deadline_remaining_ms(-1), 0);
	ck_assert_int_eq(mqci_deadline_remaining_ms(INT64_MIN), 0);
}
END_TEST

/* Cheaply, but never wrong. */
START_TEST(whether_it_is_over)
{
	int64_t deadline = mqci_clock_now() + 30 * MS, before, after;
	bool is_over = false;

	ck_assert(mqci_deadline_is_over(INT64_MIN));
	ck_assert(mqci_deadline_is_over(-1));
	ck_assert(mqci_deadline_is_over(0));
	ck_assert(mqci_deadline_is_over(mqci_clock_now()));
	ck_assert(!mqci_deadline_is_over(mqci_clock_now() + 60000 * MS));
	ck_assert(!mqci_deadline_is_over(MQCI_NEVER));
	while (!is_over) {
		before = mqci_clock_now();
		is_over = mqci_deadline_is_over(deadline);
		after = mqci_clock_now();
		ck_assert(is_over ? after >= deadline : before < deadline);
	}
}
END_TEST

START_TEST(what_never_ends)
{
	ck_assert_int_eq(mqci_deadline_remaining_ms(MQCI_NEVER), -1);
	/* Far, but not never: as long as an int can tell. */
	ck_assert_int_eq(mqci_deadline_remaining_ms(MQCI_NEVER - 1), INT_MAX);
	ck_assert_int_eq(mqci_deadline_remaining_ms(mqci_clock_now() + 2 * MS * INT_MAX), INT_MAX);
}
END_TEST

START_TEST(times_as_timespecs)
{
	struct timespec spec = mqci_clock_timespec(INT64_C(12345) * 1000 * MS + 678);

	ck_assert_int_eq(spec.tv_sec, 12345);
	ck_assert_int_eq(spec.tv_nsec, 678);
	spec = mqci_clock_timespec(MQCI_NEVER);
	ck_assert_int_ge(spec.tv_nsec, 0);
	ck_assert_int_lt(spec.tv_nsec, 1000000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = support_case(suite, "deadlines");

	tcase_add_test(tests, now_is_monotonic_and_in_nanoseconds);
	tcase_add_test(tests, deadlines_lie_ahead);
	tcase_add_test(tests, what_is_left_is_rounded_up);
	tcase_add_test(tests, what_is_over);
	tcase_add_test(tests, whether_it_is_over);
	tcase_add_test(tests, what_never_ends);
	tcase_add_test(tests, times_as_timespecs);
	return support_run(suite);
}
