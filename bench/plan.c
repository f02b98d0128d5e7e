/* plan.c - see plan.h. */
#include "plan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

const char *const bench_series_names[BENCH_SERIES] = {
	"clients", "payload", "outstanding", "spinning", "spinning-hogs", "idle",
};

static const char usage[] =
	"usage: ./dev bench [OPTION...]\n"
	"\n"
	"Measures calls between processes: mqcall, the least that queues and sockets cost,\n"
	"and what else a C programmer could use. All take turns, round by round; what is\n"
	"told are medians of the rounds. Without options everything is measured, which takes\n"
	"about half an hour with all contenders; Ctrl-C ends it and leaves nothing behind.\n"
	"\n"
	"What to measure; each may be repeated\n"
	"  --only=NAME        this contender, beside raw mq, which is always measured; or this\n"
	"                     workload, or this series\n"
	"  --workload=NAME    this workload\n"
	"  --place=PLACE      with the processes there: same, diff, free, hogs\n"
	"  --series=NAME      how something grows: clients, payload, outstanding, spinning,\n"
	"                     spinning-hogs, idle, all or none. With a workload or a place\n"
	"                     there is none unless you ask, and with a series no workload.\n"
	"  --quick            less of everything, and no series: half a minute, if only what\n"
	"                     is mqcall's own is there, else two\n"
	"\n"
	"How\n"
	"  --rounds=N         rounds (3)\n"
	"  --seconds=S        how long to call in each measurement (0.4)\n"
	"  --window=N         in `pipelined`, calls that are out at once (as many as each\n"
	"                     contender gets most done with)\n"
	"\n"
	"What comes of it\n"
	"  --json=FILE        write all figures as JSON (bench/README.md has the members); - is\n"
	"                     standard output, in place of the tables\n"
	"  --svg=FOLDER       draw charts\n"
	"  --verify           say of each of mqcall's goals what is asked, what was measured and\n"
	"                     whether that meets it; exit with 3 if some is not met, else with\n"
	"                     4 if some could not be measured\n"
	"\n"
	"  --list             list contenders, who of them is missing, workloads, places and\n"
	"                     series\n"
	"  --setup            install the packages of contenders that are missing\n"
	"  --help\n";

static int usage_error(const char *text, const char *what)
{
	fprintf(stderr, "bench: %s'%s'; --help lists the options\n", text, what);
	return -1;
}

static int read_count(const char *text, const char *what, size_t most, size_t *ret_count)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || count == 0 || count > most) {
		fprintf(stderr, "bench: '%s' is no possible number of %s (1 to %zu)\n", text, what,
			most);
		return -1;
	}
	*ret_count = count;
	return 0;
}

static int read_seconds(const char *text, double *ret_seconds)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds >= 0.01 && seconds <= 60))
		return usage_error("no possible time of a measurement (0.01 to 60 s): ", text);
	*ret_seconds = seconds;
	return 0;
}

static bool take_contender(const char *text, bench_plan *plan)
{
	const bench_entry *entry = bench_roster_find(text);

	if (entry != NULL)
		plan->contenders[entry - bench_roster] = true;
	return entry != NULL;
}

static bool take_workload(const char *text, bench_plan *plan)
{
	int workload = bench_workload_find(text);

	if (workload >= 0)
		plan->workloads[workload] = true;
	return workload >= 0;
}

static bool take_series(const char *text, bench_plan *plan)
{
	for (int i = 0; i < BENCH_SERIES; i++)
		if (strcmp(text, bench_series_names[i]) == 0) {
			plan->series[i] = true;
			return true;
		}
	return false;
}

/* Of whatever kind: no name is of two. */
static int read_only(const char *text, bench_plan *plan, bool *ret_series_given)
{
	if (take_contender(text, plan) || take_workload(text, plan))
		return 0;
	*ret_series_given = true;
	return take_series(text, plan)
		       ? 0
		       : usage_error("there is no contender, workload or series ", text);
}

static int read_workload(const char *text, bench_plan *plan)
{
	return take_workload(text, plan) ? 0 : usage_error("there is no workload ", text);
}

static int read_place(const char *text, bench_plan *plan)
{
	int place = bench_place_find(text);

	if (place < 0)
		return usage_error("there is no place ", text);
	plan->places[place] = true;
	return 0;
}

static bool any(const bool *set, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (set[i])
			return true;
	return false;
}

static void fill(bool *set, size_t n)
{
	for (size_t i = 0; i < n; i++)
		set[i] = true;
}

static int read_series(const char *text, bench_plan *plan, bool *ret_is_given)
{
	*ret_is_given = true;
	if (strcmp(text, "all") == 0)
		fill(plan->series, BENCH_SERIES);
	else if (strcmp(text, "none") != 0 && !take_series(text, plan))
		return usage_error("there is no series ", text);
	return 0;
}

static void list(void)
{
	printf("Contenders\n");
	for (size_t i = 0; i < bench_roster_size; i++) {
		const bench_entry *entry = &bench_roster[i];

		printf("  %-16s %s%s%s%s\n", entry->name, entry->title,
		       entry->is_there ? "" : " (missing: ", entry->why,
		       entry->is_there ? "" : ")");
	}
	printf("Workloads\n");
	for (int i = 0; i < BENCH_WORKLOADS; i++)
		printf("  %-16s %s\n", bench_workloads[i].name, bench_workloads[i].text);
	printf("Places\n");
	for (int i = 0; i < BENCH_PLACES; i++)
		printf("  %-16s %s\n", bench_places[i].name, bench_places[i].text);
	printf("Series\n");
	for (int i = 0; i < BENCH_SERIES; i++)
		printf("  %s\n", bench_series_names[i]);
}

/* What nothing was said about. */
static void complete(bench_plan *plan, bool series_given)
{
	bool calls = any(plan->workloads, BENCH_WORKLOADS) || any(plan->places, BENCH_PLACES);

	if (!any(plan->contenders, bench_roster_size))
		fill(plan->contenders, bench_roster_size);
	plan->contenders[BENCH_REFERENCE] = true;
	plan->contenders[BENCH_SPINNING_REFERENCE] = true;
	if (!series_given && !calls && !plan->is_quick)
		fill(plan->series, BENCH_SERIES);
	if (!any(plan->workloads, BENCH_WORKLOADS) &&
	    (calls || !series_given || !any(plan->series, BENCH_SERIES)))
		fill(plan->workloads, BENCH_WORKLOADS);
	if (!any(plan->places, BENCH_PLACES)) {
		fill(plan->places, BENCH_PLACES);
		/* Two placements tell most. */
		plan->places[BENCH_DIFF] = plan->places[BENCH_HOGS] = !plan->is_quick;
	}
	/* There is no second CPU to run on. */
	if (bench_cpus() < 2)
		plan->places[BENCH_DIFF] = false;
	if (plan->rounds == 0)
		plan->rounds = 3;
	if (plan->seconds == 0)
		plan->seconds = plan->is_quick ? 0.1 : 0.4;
}

enum {
	ONLY = 1,
	WORKLOAD,
	PLACE,
	SERIES,
	QUICK,
	ROUNDS,
	SECONDS,
	WINDOW,
	JSON,
	SVG,
	VERIFY,
	LIST,
	HELP
};

/* 0 to go on, 1 when all is done, -1 for a wrong option. */
static int read_option(int option, const char *value, bench_plan *plan, bool *series_given)
{
	switch (option) {
	case ONLY:
		return read_only(value, plan, series_given);
	case WORKLOAD:
		return read_workload(value, plan);
	case PLACE:
		return read_place(value, plan);
	case SERIES:
		return read_series(value, plan, series_given);
	case QUICK:
		plan->is_quick = true;
		return 0;
	case ROUNDS:
		return read_count(value, "rounds", BENCH_MOST_ROUNDS, &plan->rounds);
	case WINDOW:
		return read_count(value, "calls", BENCH_MOST_OUTSTANDING, &plan->window);
	case SECONDS:
		return read_seconds(value, &plan->seconds);
	case JSON:
		plan->json = value;
		return 0;
	case SVG:
		plan->svg = value;
		return 0;
	case VERIFY:
		plan->verify = true;
		return 0;
	case LIST:
		list();
		return 1;
	case HELP:
		fputs(usage, stdout);
		return 1;
	default:
		fputs("bench: --help lists the options\n", stderr);
		return -1;
	}
}

int bench_plan_read(int argc, char **argv, const char *folder, bench_plan *ret_plan)
{
	static const struct option options[] = {
		{"only", required_argument, NULL, ONLY},
		{"workload", required_argument, NULL, WORKLOAD},
		{"place", required_argument, NULL, PLACE},
		{"series", required_argument, NULL, SERIES},
		{"quick", no_argument, NULL, QUICK},
		{"rounds", required_argument, NULL, ROUNDS},
		{"seconds", required_argument, NULL, SECONDS},
		{"window", required_argument, NULL, WINDOW},
		{"json", required_argument, NULL, JSON},
		{"svg", required_argument, NULL, SVG},
		{"verify", no_argument, NULL, VERIFY},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	bench_plan plan = {.rounds = 0};
	bool series_given = false;
	int option, r;

	if (bench_roster_ask(folder) < 0)
		return -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = read_option(option, optarg, &plan, &series_given);
		if (r != 0)
			return r;
	}
	if (optind < argc)
		return usage_error("not an option: ", argv[optind]);
	complete(&plan, series_given);
	*ret_plan = plan;
	return 0;
}
