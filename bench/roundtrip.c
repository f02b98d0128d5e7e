/*
 * roundtrip.c - how long a call takes, as a multiple of the least possible.
 *
 * The contenders take turns, round by round, so that what disturbs the machine
 * for a while disturbs them all; the figures are medians of the rounds.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "measure.h"
#include "report.h"

static const char usage[] =
	"usage: roundtrip [OPTION...]\n"
	"\n"
	"Measures the round trip of a small call between two processes.\n"
	"\n"
	"  --place=PLACE   where they run: same (one CPU, the default), diff (two), free\n"
	"  --rounds=N      rounds (11)\n"
	"  --calls=N       calls in a round (20000)\n"
	"  --quick         5 rounds of 4000 calls\n"
	"  --only=NAME     compare this contender alone to the first; may be repeated\n"
	"  --json=FILE     write the figures of every round as JSON; - is standard output,\n"
	"                  in place of the table\n"
	"  --list          list the contenders\n"
	"  --help\n";

typedef struct bench_settings {
	bench_place place;
	size_t rounds;
	size_t calls;
	const char *json;
	const char *only[BENCH_MAX_CONTENDERS];
	size_t n_only;
} bench_settings;

static int usage_error(const char *text, const char *what)
{
	fprintf(stderr, "roundtrip: %s%s; --help lists the options\n", text, what);
	return -1;
}

static int parse_count(const char *text, size_t most, size_t *ret_count)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || count == 0 || count > most)
		return usage_error("not a number that is possible here: ", text);
	*ret_count = count;
	return 0;
}

static int parse_place(const char *text, bench_place *ret_place)
{
	for (int i = 0; i < BENCH_PLACES; i++)
		if (strcmp(text, bench_place_names[i]) == 0) {
			*ret_place = (bench_place)i;
			return 0;
		}
	return usage_error("there is no placement ", text);
}

static int parse_only(const char *text, bench_settings *settings)
{
	for (size_t i = 0; bench_contenders[i] != NULL; i++)
		if (strcmp(text, bench_contenders[i]->name) == 0) {
			if (settings->n_only < BENCH_MAX_CONTENDERS)
				settings->only[settings->n_only++] = text;
			return 0;
		}
	return usage_error("there is no contender ", text);
}

static void list_contenders(void)
{
	for (size_t i = 0; bench_contenders[i] != NULL; i++)
		printf("%-16s %s\n", bench_contenders[i]->name, bench_contenders[i]->title);
}

/* 0 to go on, 1 when all is done, -1 for a wrong option. */
static int parse_option(int option, const char *value, bench_settings *settings)
{
	switch (option) {
	case 'p':
		return parse_place(value, &settings->place);
	case 'r':
		return parse_count(value, BENCH_MAX_ROUNDS, &settings->rounds);
	case 'c':
		return parse_count(value, 100000000, &settings->calls);
	case 'q':
		settings->rounds = 5;
		settings->calls = 4000;
		return 0;
	case 'o':
		return parse_only(value, settings);
	case 'j':
		settings->json = value;
		return 0;
	case 'l':
		list_contenders();
		return 1;
	case 'h':
		fputs(usage, stdout);
		return 1;
	default:
		fputs(usage, stderr);
		return -1;
	}
}

static int parse_options(int argc, char **argv, bench_settings *settings)
{
	static const struct option options[] = {
		{"place", required_argument, NULL, 'p'},
		{"rounds", required_argument, NULL, 'r'},
		{"calls", required_argument, NULL, 'c'},
		{"quick", no_argument, NULL, 'q'},
		{"only", required_argument, NULL, 'o'},
		{"json", required_argument, NULL, 'j'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = parse_option(option, optarg, settings);
		if (r != 0)
			return r;
	}
	return optind < argc ? usage_error("not an option: ", argv[optind]) : 0;
}

static bool is_wanted(const bench_settings *settings, size_t contender)
{
	if (contender == 0 || settings->n_only == 0)
		return true;
	for (size_t i = 0; i < settings->n_only; i++)
		if (strcmp(settings->only[i], bench_contenders[contender]->name) == 0)
			return true;
	return false;
}

static void select_contenders(const bench_settings *settings, bench_report *report)
{
	for (size_t i = 0; bench_contenders[i] != NULL; i++)
		if (is_wanted(settings, i))
			report->results[report->n_results++].contender = bench_contenders[i];
}

static void show_progress(const bench_report *report, size_t round, const bench_result *result)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[Kround %zu of %zu: %s", round + 1, report->n_rounds,
			result->contender->title);
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static int run_round(bench_report *report, size_t round, uint64_t *times)
{
	for (size_t i = 0; i < report->n_results; i++) {
		bench_result *result = &report->results[i];

		show_progress(report, round, result);
		if (bench_measure(result->contender, report->place, report->calls, times) < 0)
			return -1;
		stats_sort(times, report->calls);
		result->p50[round] = stats_percentile_us(times, report->calls, 50);
		result->p99[round] = stats_percentile_us(times, report->calls, 99);
		result->ratio[round] = result->p50[round] / report->results[0].p50[round];
	}
	return 0;
}

static int run_rounds(bench_report *report)
{
	uint64_t *times = calloc(report->calls, sizeof *times);
	int r = 0;

	if (times == NULL) {
		perror("roundtrip");
		return -1;
	}
	for (size_t round = 0; r == 0 && round < report->n_rounds; round++)
		r = run_round(report, round, times);
	end_progress();
	free(times);
	return r;
}

int main(int argc, char **argv)
{
	bench_settings settings = {.place = BENCH_SAME, .rounds = 11, .calls = 20000};
	static bench_report report;
	int r = parse_options(argc, argv, &settings);

	if (r != 0)
		return r < 0 ? 2 : 0;
	report.place = settings.place;
	report.n_rounds = settings.rounds;
	report.calls = settings.calls;
	bench_machine_describe(&report.machine);
	select_contenders(&settings, &report);
	bench_catch_signals();
	if (run_rounds(&report) < 0)
		return bench_interrupted() ? 128 + bench_interrupted() : 1;
	if (settings.json == NULL || strcmp(settings.json, "-") != 0)
		bench_report_print(&report, stdout);
	if (settings.json != NULL && bench_report_write_json(&report, settings.json) < 0)
		return 1;
	return 0;
}
