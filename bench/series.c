/* series.c - see series.h. */
#include "series.h"

#include <elf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"
#include "processes.h"
#include "progress.h"
#include "stats.h"

enum {
	IDLE_SECONDS = 10,
	IDLE_SETTLE_MS = 1500
};

/* A series is measured like this. */
typedef struct series_recipe {
	const char *title, *x_text, *y_text;
	bench_kind task;
	bench_figure figure;
	bench_place place;
	size_t n_x;
	double x[BENCH_MOST_X];
	bool log_y;
	bool spinners_only; /* raw queues and mqcall, with and without */
} series_recipe;

/* What it costs is looked at in more than one place. */
#define COST_OF_SPINNING                                                                           \
	.x_text = "us between calls",                                                              \
	.y_text = "us of CPU time a call, on both sides, wherever the kernel puts them",           \
	.task = BENCH_ADD, .figure = BENCH_CPU, .n_x = 6, .x = {0, 20, 100, 500, 2000, 10000},     \
	.spinners_only = true

static const series_recipe recipes[] = {
	[BENCH_SERIES_CLIENTS] =
		{
			.title = "Add, calls a second against the number of clients",
			.x_text = "clients",
			.y_text = "calls a second, all clients together; each is a process, "
				  "wherever the kernel puts it",
			.task = BENCH_ADD,
			.figure = BENCH_RATE,
			.place = BENCH_FREE,
			.n_x = 8,
			.x = {1, 2, 4, 8, 16, 32, 64, 200},
		},
	[BENCH_SERIES_PAYLOAD] =
		{
			.title = "Echo, latency against payload",
			.x_text = "bytes",
			.y_text = "us, p50, wherever the kernel puts the processes",
			.task = BENCH_ECHO,
			.figure = BENCH_P50,
			.place = BENCH_FREE,
			.n_x = 10,
			.x = {0, 64, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20,
			      4 << 20, 16 << 20},
			.log_y = true,
		},
	[BENCH_SERIES_OUTSTANDING] =
		{
			.title = "Memory against calls that are out at once",
			.x_text = "calls",
			.y_text = "KiB, the most that client and server had together, beyond that "
				  "with one call",
			.task = BENCH_PIPELINED,
			.figure = BENCH_CLIENT_KB,
			.place = BENCH_FREE,
			.n_x = 7,
			.x = {1, 4, 16, 64, 256, 1024, 4096},
		},
	[BENCH_SERIES_SPINNING] =
		{
			.title = "What spinning costs: CPU time a call, against how often calls "
				 "are made",
			COST_OF_SPINNING,
			.place = BENCH_FREE,
		},
	[BENCH_SERIES_SPINNING_HOGS] =
		{
			.title = "... and beside a process on each CPU that never sleeps",
			COST_OF_SPINNING,
			.place = BENCH_HOGS,
		},
};

static bool takes_part(const bench_plan *plan, bench_series_kind kind, size_t contender)
{
	const bench_entry *entry = &bench_roster[contender];

	if (!bench_takes_part(plan, contender) || !entry->has_add)
		return false;
	if (kind == BENCH_SERIES_IDLE)
		return true;
	if (recipes[kind].spinners_only)
		return entry->side == BENCH_OURS ||
		       (entry->side == BENCH_RAW && strcmp(entry->program, "raw_mq") == 0);
	return bench_can(entry, recipes[kind].task, 0);
}

static bool is_possible(const bench_entry *entry, bench_series_kind kind, double x)
{
	if (kind == BENCH_SERIES_PAYLOAD)
		return bench_can(entry, BENCH_ECHO, (uint64_t)x);
	if (kind == BENCH_SERIES_CLIENTS && entry->most_clients > 0 && x > entry->most_clients)
		return false;
	/* Of processes that never sleep there cannot be more than CPUs. */
	if (kind == BENCH_SERIES_CLIENTS && entry->side == BENCH_PEER && entry->spins)
		return x < bench_cpus();
	return kind != BENCH_SERIES_OUTSTANDING || x <= entry->most_outstanding;
}

size_t bench_series_steps(const bench_plan *plan)
{
	size_t steps = 0;

	for (int kind = 0; kind < BENCH_SERIES; kind++)
		for (size_t i = 0; plan->series[kind] && i < bench_roster_size; i++)
			if (!takes_part(plan, (bench_series_kind)kind, i))
				continue;
			else if (kind == BENCH_SERIES_IDLE)
				steps++;
			else
				for (size_t x = 0; x < recipes[kind].n_x; x++)
					steps += is_possible(&bench_roster[i],
							     (bench_series_kind)kind,
							     recipes[kind].x[x]) *
						 plan->rounds;
	return steps;
}

/* 65536 is 64k. */
static void title_x(double x, char ret_title[16])
{
	if (x >= 1 << 20 && fmod(x, 1 << 20) == 0)
		snprintf(ret_title, 16, "%.6gM", x / (1 << 20));
	else if (x >= 1 << 10 && fmod(x, 1 << 10) == 0)
		snprintf(ret_title, 16, "%.6gk", x / (1 << 10));
	else
		snprintf(ret_title, 16, "%.6g", x);
}

static void begin_series(const bench_plan *plan, bench_series_kind kind, bench_series *ret_series)
{
	bench_series *series = ret_series;

	*series = (bench_series){.kind = kind, .name = bench_series_names[kind]};
	for (size_t i = 0; i < bench_roster_size; i++)
		if (takes_part(plan, kind, i)) {
			bench_line *line = &series->lines[series->n_lines++];

			line->entry = &bench_roster[i];
			line->title = bench_roster[i].title;
			for (size_t x = 0; x < BENCH_MOST_X; x++)
				line->y[x] = NAN;
		}
}

static void take_recipe(const series_recipe *recipe, bench_series *series)
{
	series->title = recipe->title;
	series->x_text = recipe->x_text;
	series->y_text = recipe->y_text;
	series->log_y = recipe->log_y;
	series->n_x = recipe->n_x;
	for (size_t x = 0; x < recipe->n_x; x++) {
		series->x[x] = recipe->x[x];
		title_x(recipe->x[x], series->x_titles[x]);
	}
}

static bench_task task_of(const bench_plan *plan, bench_series_kind kind, const bench_entry *entry,
			  double x)
{
	bench_task task = bench_task_of(
		plan, entry, recipes[kind].task, kind == BENCH_SERIES_PAYLOAD ? (uint64_t)x : 0,
		kind == BENCH_SERIES_CLIENTS ? (uint32_t)x : 1, recipes[kind].place);

	if (kind == BENCH_SERIES_SPINNING || kind == BENCH_SERIES_SPINNING_HOGS)
		task.pace_ns = (uint64_t)(x * 1000);
	if (kind == BENCH_SERIES_OUTSTANDING)
		task.window = (uint32_t)x;
	return task;
}

static double figure_of(bench_series_kind kind, const bench_figures *figures)
{
	if (kind == BENCH_SERIES_OUTSTANDING)
		return figures->of[BENCH_CLIENT_KB] + figures->of[BENCH_SERVER_KB];
	return figures->of[recipes[kind].figure];
}

/* Of one place on the x axis: all contenders, round by round. Returns -1 when interrupted. */
static int measure_x(const bench_plan *plan, bench_series *series, size_t x, size_t *failures)
{
	double values[BENCH_MOST_CONTENDERS][BENCH_MOST_ROUNDS];
	bench_figures figures;
	char what[64];

	for (size_t round = 0; round < plan->rounds; round++)
		for (size_t i = 0; i < series->n_lines; i++) {
			const bench_entry *entry = series->lines[i].entry;
			bench_task task = task_of(plan, series->kind, entry, series->x[x]);

			values[i][round] = NAN;
			if (!is_possible(entry, series->kind, series->x[x]))
				continue;
			snprintf(what, sizeof what, "%s %s, round %zu", series->name,
				 series->x_titles[x], round + 1);
			bench_progress_step(what, entry->title);
			if (bench_measure(entry, &task, recipes[series->kind].place, &figures) == 0)
				values[i][round] = figure_of(series->kind, &figures);
			else if (bench_interrupted())
				return -1;
			else
				++*failures;
		}
	for (size_t i = 0; i < series->n_lines; i++)
		series->lines[i].y[x] = stats_median(values[i], plan->rounds);
	return 0;
}

/* Memory is told as what comes on top of one call. */
static void subtract_first(bench_series *series)
{
	for (size_t i = 0; i < series->n_lines; i++)
		for (size_t x = series->n_x; x-- > 0;)
			series->lines[i].y[x] -= series->lines[i].y[0];
}

static int measure_growth(const bench_plan *plan, bench_series_kind kind, bench_series *ret_series,
			  size_t *failures)
{
	begin_series(plan, kind, ret_series);
	take_recipe(&recipes[kind], ret_series);
	for (size_t x = 0; x < ret_series->n_x; x++)
		if (measure_x(plan, ret_series, x, failures) < 0)
			return -1;
	if (kind == BENCH_SERIES_OUTSTANDING)
		subtract_first(ret_series);
	return 0;
}

/* ------------------------------------------------------------------- idle -- */

static void look(const bench_still *still, double ret_now[BENCH_IDLE_COLUMNS])
{
	pid_t servers[BENCH_MOST_HELPERS + 1], client = bench_still_client(still);
	size_t n = bench_still_servers(still, servers);

	memset(ret_now, 0, BENCH_IDLE_COLUMNS * sizeof *ret_now);
	for (size_t i = 0; i < n; i++) {
		ret_now[BENCH_IDLE_SERVER_SWITCHES] += process_switches(servers[i]);
		ret_now[BENCH_IDLE_SERVER_KB] += process_resident_kb(servers[i]);
		ret_now[BENCH_IDLE_SERVER_OWN_KB] += process_private_kb(servers[i]);
		ret_now[BENCH_IDLE_CPU] += process_cpu_us(servers[i]);
	}
	ret_now[BENCH_IDLE_CLIENT_SWITCHES] = process_switches(client);
	ret_now[BENCH_IDLE_CLIENT_KB] = process_resident_kb(client);
	ret_now[BENCH_IDLE_CLIENT_OWN_KB] = process_private_kb(client);
	ret_now[BENCH_IDLE_CPU] += process_cpu_us(client);
}

/* Is it of a moment, and not of the time between two? */
static bool is_of_a_moment(int column)
{
	return column != BENCH_IDLE_SERVER_SWITCHES && column != BENCH_IDLE_CLIENT_SWITCHES &&
	       column != BENCH_IDLE_CPU;
}

static void begin_idle(const bench_plan *plan, bench_series *ret_series)
{
	static const char *const titles[BENCH_IDLE_COLUMNS] = {
		[BENCH_IDLE_SERVER_SWITCHES] = "switches",
		[BENCH_IDLE_CLIENT_SWITCHES] = "client's",
		[BENCH_IDLE_SERVER_KB] = "KiB",
		[BENCH_IDLE_CLIENT_KB] = "client's",
		[BENCH_IDLE_SERVER_OWN_KB] = "own KiB",
		[BENCH_IDLE_CLIENT_OWN_KB] = "client's",
		[BENCH_IDLE_CPU] = "CPU us",
	};
	static const char *const names[BENCH_IDLE_COLUMNS] = {
		[BENCH_IDLE_SERVER_SWITCHES] = "server_switches",
		[BENCH_IDLE_CLIENT_SWITCHES] = "client_switches",
		[BENCH_IDLE_SERVER_KB] = "server_resident_kib",
		[BENCH_IDLE_CLIENT_KB] = "client_resident_kib",
		[BENCH_IDLE_SERVER_OWN_KB] = "server_own_kib",
		[BENCH_IDLE_CLIENT_OWN_KB] = "client_own_kib",
		[BENCH_IDLE_CPU] = "cpu_us",
	};
	static const char *const texts[BENCH_IDLE_COLUMNS] = {
		[BENCH_IDLE_SERVER_SWITCHES] =
			"Context switches of the server and its daemons, in 10 s",
		[BENCH_IDLE_CLIENT_SWITCHES] = "Context switches of the client, in 10 s",
		[BENCH_IDLE_SERVER_KB] = "Resident memory of the server and its daemons, KiB",
		[BENCH_IDLE_CLIENT_KB] = "Resident memory of the client, KiB",
		[BENCH_IDLE_SERVER_OWN_KB] = "... of which is their own, KiB",
		[BENCH_IDLE_CLIENT_OWN_KB] = "... of which is its own, KiB",
		[BENCH_IDLE_CPU] = "CPU time of all of them in 10 s, us",
	};

	begin_series(plan, BENCH_SERIES_IDLE, ret_series);
	ret_series->title = "Idle for ten seconds: a server, and a client that has made ten calls";
	ret_series->x_text = "";
	ret_series->y_text =
		"Context switches in 10 s, resident memory, and what is its own of that (dirty "
		"pages), of the\n  server with its daemons and of the client; CPU time of all of "
		"them in 10 s.";
	ret_series->is_category = true;
	ret_series->n_x = BENCH_IDLE_COLUMNS;
	for (int i = 0; i < BENCH_IDLE_COLUMNS; i++) {
		ret_series->x_texts[i] = texts[i];
		ret_series->x_names[i] = names[i];
		snprintf(ret_series->x_titles[i], sizeof ret_series->x_titles[i], "%s", titles[i]);
	}
}

static void wait_ms(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* All at the same time: they do nothing, so none disturbs another. */
static int measure_idle(const bench_plan *plan, bench_series *series, size_t *failures)
{
	bench_still *still[BENCH_MOST_CONTENDERS] = {NULL};
	double before[BENCH_MOST_CONTENDERS][BENCH_IDLE_COLUMNS], after[BENCH_IDLE_COLUMNS];

	begin_idle(plan, series);
	for (size_t i = 0; i < series->n_lines && !bench_interrupted(); i++) {
		bench_progress_step("idle", series->lines[i].title);
		still[i] = bench_measure_still(series->lines[i].entry);
		*failures += still[i] == NULL;
	}
	wait_ms(IDLE_SETTLE_MS);
	for (size_t i = 0; i < series->n_lines; i++)
		if (still[i] != NULL)
			look(still[i], before[i]);
	if (!bench_interrupted())
		wait_ms(IDLE_SECONDS * 1000L);
	for (size_t i = 0; i < series->n_lines; i++) {
		if (still[i] == NULL)
			continue;
		look(still[i], after);
		for (int column = 0; column < BENCH_IDLE_COLUMNS; column++)
			series->lines[i].y[column] =
				after[column] - (is_of_a_moment(column) ? 0 : before[i][column]);
		bench_measure_wake(still[i]);
	}
	return bench_interrupted() ? -1 : 0;
}

size_t bench_series_all(const bench_plan *plan, bench_series *ret_series, size_t *failures)
{
	size_t n = 0;
	int r = 0;

	for (int kind = 0; r == 0 && kind < BENCH_SERIES; kind++) {
		if (!plan->series[kind])
			continue;
		if (kind == BENCH_SERIES_IDLE)
			r = measure_idle(plan, &ret_series[n], failures);
		else
			r = measure_growth(plan, (bench_series_kind)kind, &ret_series[n], failures);
		n += r == 0;
	}
	return n;
}
