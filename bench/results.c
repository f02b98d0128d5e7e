/* results.c - see results.h. */
#include "results.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "json.h"

enum {
	FORMAT = 2
};

static const char *const figure_names[BENCH_FIGURES] = {
	[BENCH_P50] = "p50_us",
	[BENCH_P99] = "p99_us",
	[BENCH_P999] = "p999_us",
	[BENCH_RATE] = "calls_per_second",
	[BENCH_CPU] = "cpu_us_per_call",
	[BENCH_CLIENT_KB] = "client_peak_kib",
	[BENCH_SERVER_KB] = "server_peak_kib",
	[BENCH_CALLS] = "calls",
};

static const char *const side_names[] = {"raw", "mqcall", "peer"};

static void write_machine(json_writer *json, const bench_machine *machine)
{
	json_open(json, "machine", '{');
	json_string(json, "cpu", machine->cpu);
	json_string(json, "kernel", machine->kernel);
	json_string(json, "compiler", machine->compiler);
	json_number(json, "cpus", machine->cores);
	json_bool(json, "virtual", machine->is_virtual);
	json_number(json, "load", machine->load);
	json_close(json, '}');
}

static void write_contenders(json_writer *json, const bench_plan *plan)
{
	json_open(json, "contenders", '[');
	for (size_t i = 0; i < bench_roster_size; i++) {
		const bench_entry *entry = &bench_roster[i];

		if (!plan->contenders[i])
			continue;
		json_open(json, NULL, '{');
		json_string(json, "name", entry->name);
		json_string(json, "title", entry->title);
		json_string(json, "side", side_names[entry->side]);
		json_bool(json, "spins", entry->spins);
		json_bool(json, "measured", entry->is_there);
		if (!entry->is_there)
			json_string(json, "missing", entry->why);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_cell(json_writer *json, const bench_run *run, size_t contender, int workload,
		       int place)
{
	bench_figure first = bench_workloads[workload].by_rate ? BENCH_RATE : BENCH_P50;

	json_open(json, NULL, '{');
	json_string(json, "contender", bench_roster[contender].name);
	json_string(json, "workload", bench_workloads[workload].name);
	json_string(json, "place", bench_places[place].name);
	for (int i = 0; i < BENCH_FIGURES; i++)
		json_number(json, figure_names[i],
			    bench_run_median(run, contender, workload, place, (bench_figure)i));
	json_number(json, "x_raw",
		    bench_run_ratio(run, contender, BENCH_REFERENCE, workload, place, first));
	json_number(
		json, "x_raw_spinning",
		bench_run_ratio(run, contender, BENCH_SPINNING_REFERENCE, workload, place, first));
	json_open(json, "rounds", '[');
	for (size_t round = 0; round < run->plan->rounds; round++) {
		json_open(json, NULL, '{');
		for (int i = 0; i < BENCH_FIGURES; i++)
			json_number(json, figure_names[i],
				    run->cells[contender][workload][place].rounds[round].of[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void write_calls(json_writer *json, const bench_run *run)
{
	json_open(json, "calls", '[');
	for (int workload = 0; workload < BENCH_WORKLOADS; workload++)
		for (int place = 0; place < BENCH_PLACES; place++)
			for (size_t i = 0; i < bench_roster_size; i++)
				if (run->cells[i][workload][place].is_measured)
					write_cell(json, run, i, workload, place);
	json_close(json, ']');
}

static void write_series(json_writer *json, const bench_series *series)
{
	json_open(json, series->name, '{');
	json_string(json, "title", series->title);
	json_string(json, "x", series->x_text);
	json_string(json, "y", series->y_text);
	json_open(json, "at", '[');
	for (size_t x = 0; x < series->n_x; x++)
		if (series->is_category)
			json_string(json, NULL, series->x_names[x]);
		else
			json_number(json, NULL, series->x[x]);
	json_close(json, ']');
	json_open(json, "lines", '[');
	for (size_t i = 0; i < series->n_lines; i++) {
		json_open(json, NULL, '{');
		json_string(json, "contender", series->lines[i].entry->name);
		json_open(json, "values", '[');
		for (size_t x = 0; x < series->n_x; x++)
			json_number(json, NULL, series->lines[i].y[x]);
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void write_goals(json_writer *json, const bench_results *results)
{
	json_open(json, "goals", '[');
	for (size_t i = 0; i < results->n_goals; i++) {
		const bench_goal *goal = &results->goals[i];

		json_open(json, NULL, '{');
		json_string(json, "goal", goal->text);
		json_number(json, "figure", goal->figure);
		json_number(json, "limit", goal->limit);
		json_bool(json, "at_least", goal->at_least);
		json_string(json, "unit", goal->unit);
		json_string(json, "result", bench_goal_result(goal));
		json_string(json, "note", goal->note);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_all(const bench_results *results, FILE *file)
{
	const bench_plan *plan = results->run->plan;
	json_writer json;

	json_begin(&json, file);
	json_string(&json, "benchmark", "mqcall");
	json_number(&json, "format", FORMAT);
	json_string(&json, "mqcall", PACKAGE_VERSION);
	write_machine(&json, &results->machine);
	json_number(&json, "rounds", (double)plan->rounds);
	json_number(&json, "seconds", plan->seconds);
	json_number(&json, "failures", (double)results->run->failures);
	if (results->library_bytes > 0)
		json_number(&json, "library_bytes", results->library_bytes);
	write_contenders(&json, plan);
	write_calls(&json, results->run);
	json_open(&json, "series", '{');
	for (size_t i = 0; i < results->n_series; i++)
		write_series(&json, &results->series[i]);
	json_close(&json, '}');
	if (plan->verify)
		write_goals(&json, results);
	json_end(&json);
}

int bench_results_write(const bench_results *results, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int failed;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	write_all(results, file);
	failed = ferror(file);
	if ((file == stdout ? fflush(file) : fclose(file)) != 0 || failed) {
		perror(path);
		return -1;
	}
	return 0;
}
