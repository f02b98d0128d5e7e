/*
 * check_bench.c - tests of bench/stats.h and bench/json.h: what is said of figures.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "stats.h"
#include "support.h"

/* ------------------------------------------------------------- statistics -- */

START_TEST(times_are_sorted)
{
	uint32_t times[] = {4000000000u, 7, 0, 7, 12};

	stats_sort(times, 5);
	ck_assert_uint_eq(times[0], 0);
	ck_assert_uint_eq(times[1], 7);
	ck_assert_uint_eq(times[2], 7);
	ck_assert_uint_eq(times[3], 12);
	ck_assert_uint_eq(times[4], 4000000000u);
}
END_TEST

/* 1000 to 100000 ns, which are 1 to 100 us. */
START_TEST(percentiles_are_of_the_times_in_microseconds)
{
	uint32_t times[100];

	for (uint32_t i = 0; i < 100; i++)
		times[i] = (i + 1) * 1000;
	ck_assert_double_eq(stats_percentile_us(times, 100, 0), 1);
	ck_assert_double_eq(stats_percentile_us(times, 100, 50), 51);
	ck_assert_double_eq(stats_percentile_us(times, 100, 99), 100);
	ck_assert_double_eq(stats_percentile_us(times, 100, 100), 100);
	ck_assert_double_eq(stats_percentile_us(times, 1, 99.9), 1);
}
END_TEST

START_TEST(the_median_is_in_the_middle)
{
	const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, one[] = {8};

	ck_assert_double_eq(stats_median(odd, 3), 5);
	ck_assert_double_eq(stats_median(even, 4), 2.5);
	ck_assert_double_eq(stats_median(one, 1), 8);
	ck_assert_double_eq(odd[0], 9); /* left as it was */
}
END_TEST

START_TEST(rounds_that_failed_do_not_count)
{
	const double some[] = {NAN, 3, NAN, 1, 2}, none[] = {NAN, NAN};

	ck_assert_double_eq(stats_median(some, 5), 2);
	ck_assert(isnan(stats_median(none, 2)));
	ck_assert(isnan(stats_median(none, 0)));
}
END_TEST

/* ------------------------------------------------------------------- JSON -- */

static char *text;
static size_t text_size;

static FILE *begin(json_writer *json)
{
	FILE *file = open_memstream(&text, &text_size);

	ck_assert_ptr_nonnull(file);
	json_begin(json, file);
	return file;
}

static void expect(json_writer *json, FILE *file, const char *expected)
{
	json_end(json);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(values_are_parted_by_commas)
{
	json_writer json;
	FILE *file = begin(&json);

	json_number(&json, "a", 1.5);
	json_bool(&json, "b", true);
	json_open(&json, "c", '[');
	json_number(&json, NULL, 1e6);
	json_number(&json, NULL, -2);
	json_close(&json, ']');
	json_string(&json, "d", "");
	expect(&json, file,
	       "{\n  \"a\": 1.5,\n  \"b\": true,\n  \"c\": [\n    1000000,\n    -2\n  ],\n"
	       "  \"d\": \"\"\n}\n");
}
END_TEST

START_TEST(nothing_may_be_in_brackets)
{
	json_writer json;
	FILE *file = begin(&json);

	json_open(&json, "a", '[');
	json_close(&json, ']');
	json_open(&json, "b", '{');
	json_close(&json, '}');
	expect(&json, file, "{\n  \"a\": [],\n  \"b\": {}\n}\n");
}
END_TEST

START_TEST(strings_are_escaped)
{
	json_writer json;
	FILE *file = begin(&json);

	json_string(&json, "a\"b", "back\\slash, \"quotes\", \n\t\001 and \303\244");
	expect(&json, file,
	       "{\n  \"a\\\"b\": \"back\\\\slash, \\\"quotes\\\", \\u000a\\u0009\\u0001 and "
	       "\303\244\"\n}\n");
}
END_TEST

START_TEST(what_is_no_number_is_null)
{
	json_writer json;
	FILE *file = begin(&json);

	json_number(&json, "a", NAN);
	json_number(&json, "b", INFINITY);
	expect(&json, file, "{\n  \"a\": null,\n  \"b\": null\n}\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench");
	TCase *stats = support_case(suite, "stats"), *json = support_case(suite, "json");

	tcase_add_test(stats, times_are_sorted);
	tcase_add_test(stats, percentiles_are_of_the_times_in_microseconds);
	tcase_add_test(stats, the_median_is_in_the_middle);
	tcase_add_test(stats, rounds_that_failed_do_not_count);
	tcase_add_test(json, values_are_parted_by_commas);
	tcase_add_test(json, nothing_may_be_in_brackets);
	tcase_add_test(json, strings_are_escaped);
	tcase_add_test(json, what_is_no_number_is_null);
	return support_run(suite);
}
