/*
 * bench.c - the benchmark: reads the command line, measures, tells.
 *
 * What is measured is in run.c (calls) and series.c (how things grow), one
 * measurement in measure.c, and what the processes of one do in host.c. What can
 * take part is in roster.c, and how in contender.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chart.h"
#include "goals.h"
#include "machine.h"
#include "measure.h"
#include "plan.h"
#include "processes.h"
#include "progress.h"
#include "results.h"
#include "run.h"
#include "series.h"
#include "table.h"

enum {
	GOALS_MISSED = 3,
	GOALS_UNKNOWN = 4
};

/* Where this program lies: there, the contenders' lie, too. */
static int find_folder(char ret_folder[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", ret_folder, PATH_MAX - 1);
	char *slash;

	if (size < 0) {
		perror("bench: /proc/self/exe");
		return -1;
	}
	ret_folder[size] = '\0';
	slash = strrchr(ret_folder, '/');
	*slash = '\0';
	return 0;
}

static void find_library(const char *folder, bench_results *results)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/../.libs/libmqcall.so", folder);
	results->library_bytes = program_loaded_bytes(path);
}

static int measure_all(bench_results *results)
{
	bench_run *run = results->run;
	const bench_plan *plan = run->plan;
	int r;

	bench_progress_begin(bench_run_steps(plan) + bench_series_steps(plan));
	r = bench_run_all(run);
	if (r == 0)
		results->n_series = bench_series_all(plan, results->series, &run->failures);
	bench_progress_clear();
	return bench_interrupted() ? -1 : r;
}

static void print_all(const bench_results *results)
{
	bench_table_calls(results->run, stdout);
	for (size_t i = 0; i < results->n_series; i++)
		bench_table_series(&results->series[i], stdout);
	if (results->library_bytes > 0)
		printf("libmqcall.so takes %.0f KiB when it is loaded.\n\n",
		       results->library_bytes / 1024);
	bench_table_end(results->run, &results->machine, stdout);
}

/* Tells everything, everywhere; returns the exit status. */
static int tell(bench_results *results)
{
	const bench_plan *plan = results->run->plan;
	bool json_only = plan->json != NULL && strcmp(plan->json, "-") == 0;
	int status = results->run->failures > 0 ? 1 : 0;
	bench_verdict verdict;

	if (plan->verify)
		results->n_goals = bench_goals_check(results->run, results->series,
						     results->n_series, results->goals);
	if (!json_only)
		print_all(results);
	if (plan->verify) {
		if (!json_only)
			fputc('\n', stdout);
		verdict = bench_goals_print(results->goals, results->n_goals,
					    json_only ? stderr : stdout);
		if (verdict.missed > 0)
			status = GOALS_MISSED;
		else if (verdict.unknown > 0 && status == 0)
			status = GOALS_UNKNOWN;
	}
	if (plan->json != NULL && bench_results_write(results, plan->json) < 0)
		status = 1;
	if (plan->svg != NULL && bench_chart_all(results, plan->svg) < 0)
		status = 1;
	if (fflush(stdout) != 0) {
		perror("bench: stdout");
		status = 1;
	}
	return status;
}

static int make_folder(const char *path)
{
	if (path == NULL || mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	perror(path);
	return -1;
}

int main(int argc, char **argv)
{
	static bench_series series[BENCH_MOST_SERIES];
	static bench_results results = {.series = series};
	static bench_plan plan;
	char folder[PATH_MAX];
	int r = find_folder(folder);

	if (r == 0)
		r = bench_plan_read(argc, argv, folder, &plan);
	if (r != 0)
		return r < 0 ? 2 : 0;
	results.run = calloc(1, sizeof *results.run);
	if (results.run == NULL || make_folder(plan.svg) < 0 || bench_measure_begin(folder) < 0)
		return 1;
	results.run->plan = &plan;
	bench_machine_describe(&results.machine);
	find_library(folder, &results);
	r = measure_all(&results);
	bench_measure_end();
	if (r < 0) {
		fprintf(stderr, "bench: interrupted\n");
		return 128 + bench_interrupted();
	}
	r = tell(&results);
	free(results.run);
	return r;
}
