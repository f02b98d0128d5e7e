/*
 * check_bench.c - tests of bench/stats.h, json.h and goals.h: what is said of figures.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "goals.h"
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

/* ------------------------------------------------------------------ goals -- */

static bench_plan plan = {.rounds = 3};
static bench_run run = {.plan = &plan};
static bench_goal goals[BENCH_MOST_GOALS];

static void measured(const char *who, const char *workload, bench_place place, bench_figure figure,
		     double value)
{
	bench_cell *cell = &run.cells[bench_roster_find(who) - bench_roster]
				     [bench_workload_find(workload)][place];

	cell->is_measured = true;
	for (size_t round = 0; round < plan.rounds; round++)
		cell->rounds[round].of[figure] = value * (double)(round + 1);
}

/* The goal whose text begins so, of those that a run has. */
static const bench_goal *goal_of(const char *start, const bench_series *series)
{
	size_t n = bench_goals_check(&run, series, series != NULL ? 1 : 0, goals);

	ck_assert_uint_le(n, BENCH_MOST_GOALS);
	for (size_t i = 0; i < n; i++)
		if (strncmp(goals[i].text, start, strlen(start)) == 0)
			return &goals[i];
	ck_abort_msg("there is no goal: %s", start);
}

static void expect_goal(const char *start, const char *result, double figure)
{
	const bench_goal *goal = goal_of(start, NULL);

	ck_assert_str_eq(bench_goal_result(goal), result);
	ck_assert_double_eq_tol(goal->figure, figure, 1e-9);
}

START_TEST(what_is_not_in_a_run_is_not_measured)
{
	size_t n = bench_goals_check(&run, NULL, 0, goals);

	ck_assert_uint_gt(n, 20);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(bench_goal_result(&goals[i]), "not measured");
		ck_assert_ptr_nonnull(goals[i].unit);
		ck_assert_str_ne(goals[i].note, "");
	}
}
END_TEST

START_TEST(goals_are_held_against_figures)
{
	const char *null_call = "add, same: p50 of mqcall, spinning off to that of raw mq";

	measured("raw-mq", "add", BENCH_SAME, BENCH_P50, 2);
	measured("mqcall-nospin", "add", BENCH_SAME, BENCH_P50, 2.3);
	expect_goal(null_call, "met", 1.15);
	measured("mqcall-nospin", "add", BENCH_SAME, BENCH_P50, 2.31);
	expect_goal(null_call, "not met", 1.155);
	measured("mqcall", "add", BENCH_SAME, BENCH_P50, 2);
	measured("mqcall", "pass-1m", BENCH_SAME, BENCH_P50, 3);
	expect_goal("pass-1m, same: ", "met", 1.5);
	measured("mqcall", "pipelined", BENCH_FREE, BENCH_RATE, 749999);
	expect_goal("pipelined, free: calls a second", "not met", 1499998);
	measured("mqcall", "pipelined", BENCH_FREE, BENCH_RATE, 750000);
	expect_goal("pipelined, free: calls a second", "met", 1500000);
}
END_TEST

/* Where only those are to be beaten that block, one that never sleeps does not count. */
START_TEST(the_best_peer_is_what_counts)
{
	measured("mqcall", "add", BENCH_FREE, BENCH_P50, 1);
	measured("tirpc", "add", BENCH_FREE, BENCH_P50, 12);
	measured("zeromq", "add", BENCH_FREE, BENCH_P50, 30);
	measured("iceoryx-poll", "add", BENCH_FREE, BENCH_P50, 0.5);
	expect_goal("add, free: p50 of mqcall, better than of every peer that blocks", "met", 12);
	measured("mqcall", "add", BENCH_HOGS, BENCH_P99, 10);
	measured("tirpc", "add", BENCH_HOGS, BENCH_P99, 12);
	measured("iceoryx-poll", "add", BENCH_HOGS, BENCH_P99, 5);
	expect_goal("add, hogs: p99 of mqcall, better than of every peer", "not met", 0.5);
	ck_assert_ptr_nonnull(
		strstr(goal_of("add, hogs: p99 of mqcall, better", NULL)->note, "iceoryx"));
}
END_TEST

START_TEST(who_is_idle_does_nothing)
{
	bench_series series = {.kind = BENCH_SERIES_IDLE, .n_lines = 2};
	const char *of_client = "idle: context switches of the client";

	series.lines[0].entry = bench_roster_find("raw-mq");
	series.lines[0].y[BENCH_IDLE_CLIENT_SWITCHES] = 7;
	series.lines[1].entry = bench_roster_find("mqcall");
	ck_assert_str_eq(bench_goal_result(goal_of(of_client, &series)), "met");
	series.lines[1].y[BENCH_IDLE_CLIENT_SWITCHES] = 1;
	ck_assert_str_eq(bench_goal_result(goal_of(of_client, &series)), "not met");
	series.lines[1].y[BENCH_IDLE_CLIENT_SWITCHES] = NAN;
	ck_assert_str_eq(bench_goal_result(goal_of(of_client, &series)), "not measured");
	series.kind = BENCH_SERIES_CLIENTS;
	ck_assert_str_eq(bench_goal_result(goal_of(of_client, &series)), "not measured");
}
END_TEST

START_TEST(goals_are_told)
{
	const bench_goal some[] = {
		{.text = "first", .unit = "x", .figure = 1.1, .limit = 1.2},
		{.text = "second", .unit = "/s", .figure = 5, .limit = 9, .at_least = true},
		{.text = "third", .unit = "", .figure = NAN, .limit = 0, .note = "too late"},
	};
	FILE *file = open_memstream(&text, &text_size);
	bench_verdict verdict;

	ck_assert_ptr_nonnull(file);
	verdict = bench_goals_print(some, 3, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_uint_eq(verdict.met, 1);
	ck_assert_uint_eq(verdict.missed, 1);
	ck_assert_uint_eq(verdict.unknown, 1);
	ck_assert_ptr_nonnull(
		strstr(text, "  met           <=      1.20 x       1.10 x   first\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "  not met       >=         9 /s         5 /s  second\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "  not measured  <=         0            -     third (too late)\n"));
	ck_assert_ptr_nonnull(strstr(text, "1 of 3 goals are met, 1 are not, 1 were not measured"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench");
	TCase *stats = support_case(suite, "stats"), *json = support_case(suite, "json");
	TCase *of_goals = support_case(suite, "goals");

	tcase_add_test(stats, times_are_sorted);
	tcase_add_test(stats, percentiles_are_of_the_times_in_microseconds);
	tcase_add_test(stats, the_median_is_in_the_middle);
	tcase_add_test(stats, rounds_that_failed_do_not_count);
	tcase_add_test(json, values_are_parted_by_commas);
	tcase_add_test(json, nothing_may_be_in_brackets);
	tcase_add_test(json, strings_are_escaped);
	tcase_add_test(json, what_is_no_number_is_null);
	tcase_add_test(of_goals, what_is_not_in_a_run_is_not_measured);
	tcase_add_test(of_goals, goals_are_held_against_figures);
	tcase_add_test(of_goals, the_best_peer_is_what_counts);
	tcase_add_test(of_goals, who_is_idle_does_nothing);
	tcase_add_test(of_goals, goals_are_told);
	return support_run(suite);
}
