/*
 * run.c - see run.h.
 *
 * Contenders take turns within a workload and a place, so that what disturbs the
 * machine for a while disturbs them all; rounds go around all of that.
 */
#include "run.h"

#include <math.h>
#include <stdio.h>

#include "progress.h"
#include "stats.h"

enum {
	LEAST_CALLS = 2000
};

bench_task bench_task_of(const bench_plan *plan, const bench_entry *entry, bench_kind kind,
			 uint64_t size, uint32_t clients, bench_place place)
{
	double ns = plan->seconds * 1e9;
	bench_task task = {
		.kind = kind,
		.clients = clients,
		.window = 1,
		.size = size,
		.warm_up_ns = (uint64_t)(ns / 2),
		.duration_ns = (uint64_t)ns,
		.most_ns = (uint64_t)ns,
	};

	/* Who competes with hogs makes few calls in its time. */
	if (place == BENCH_HOGS) {
		task.least_calls = LEAST_CALLS;
		task.most_ns = (uint64_t)(ns * (plan->is_quick ? 2 : 5));
	}
	if (kind == BENCH_PIPELINED)
		task.window = plan->window == 0                        ? entry->liked_outstanding
			      : plan->window < entry->most_outstanding ? (uint32_t)plan->window
								       : entry->most_outstanding;
	return task;
}

bool bench_takes_part(const bench_plan *plan, size_t contender)
{
	return plan->contenders[contender] && bench_roster[contender].is_there;
}

static bool is_to_do(const bench_plan *plan, size_t contender, int workload, int place)
{
	const bench_workload *info = &bench_workloads[workload];

	return bench_takes_part(plan, contender) && plan->workloads[workload] &&
	       plan->places[place] && bench_can(&bench_roster[contender], info->kind, info->size);
}

size_t bench_run_steps(const bench_plan *plan)
{
	size_t steps = 0;

	for (int place = 0; place < BENCH_PLACES; place++)
		for (int workload = 0; workload < BENCH_WORKLOADS; workload++)
			for (size_t i = 0; i < bench_roster_size; i++)
				steps += is_to_do(plan, i, workload, place);
	return steps * plan->rounds;
}

static void fail_round(bench_cell *cell, size_t round)
{
	for (int i = 0; i < BENCH_FIGURES; i++)
		cell->rounds[round].of[i] = NAN;
}

static void measure_cell(bench_run *run, size_t contender, int workload, int place, size_t round)
{
	const bench_workload *info = &bench_workloads[workload];
	const bench_entry *entry = &bench_roster[contender];
	bench_cell *cell = &run->cells[contender][workload][place];
	bench_task task = bench_task_of(run->plan, entry, info->kind, info->size, info->clients,
					(bench_place)place);
	char what[64];

	snprintf(what, sizeof what, "round %zu, %s %s", round + 1, info->name,
		 bench_places[place].name);
	bench_progress_step(what, entry->title);
	cell->is_measured = true;
	if (bench_measure(entry, &task, (bench_place)place, &cell->rounds[round]) < 0) {
		fail_round(cell, round);
		run->failures++;
	}
}

static int run_round(bench_run *run, size_t round)
{
	for (int place = 0; place < BENCH_PLACES; place++)
		for (int workload = 0; workload < BENCH_WORKLOADS; workload++)
			for (size_t i = 0; i < bench_roster_size; i++) {
				if (bench_interrupted())
					return -1;
				if (is_to_do(run->plan, i, workload, place))
					measure_cell(run, i, workload, place, round);
			}
	return 0;
}

int bench_run_all(bench_run *run)
{
	int r = 0;

	for (size_t round = 0; r == 0 && round < run->plan->rounds; round++)
		r = run_round(run, round);
	return bench_interrupted() ? -1 : r;
}

double bench_run_median(const bench_run *run, size_t contender, int workload, int place,
			bench_figure figure)
{
	const bench_cell *cell = &run->cells[contender][workload][place];
	double values[BENCH_MOST_ROUNDS];

	if (!cell->is_measured)
		return NAN;
	for (size_t i = 0; i < run->plan->rounds; i++) {
		values[i] = cell->rounds[i].of[figure];
		/* A round of too few calls for it, and not one that failed: there is no median. */
		if (isnan(values[i]) && !isnan(cell->rounds[i].of[BENCH_P50]))
			return NAN;
	}
	return stats_median(values, run->plan->rounds);
}

double bench_run_ratio(const bench_run *run, size_t contender, size_t other, int workload,
		       int place, bench_figure figure)
{
	return bench_run_cells(run, &run->cells[contender][workload][place],
			       &run->cells[other][workload][place], figure);
}

double bench_run_cells(const bench_run *run, const bench_cell *cell, const bench_cell *to,
		       bench_figure figure)
{
	double values[BENCH_MOST_ROUNDS];

	if (!cell->is_measured || !to->is_measured)
		return NAN;
	for (size_t i = 0; i < run->plan->rounds; i++)
		values[i] = cell->rounds[i].of[figure] / to->rounds[i].of[figure];
	return stats_median(values, run->plan->rounds);
}
