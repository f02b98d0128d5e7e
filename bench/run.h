/* run.h - the calls: contenders x workloads x places x rounds. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "measure.h"
#include "plan.h"

/* A contender in a workload in a place. */
typedef struct bench_cell {
	bool is_measured;
	bench_figures rounds[BENCH_MOST_ROUNDS]; /* NANs, where it failed */
} bench_cell;

typedef struct bench_run {
	const bench_plan *plan;
	size_t failures;
	bench_cell cells[BENCH_MOST_CONTENDERS][BENCH_WORKLOADS][BENCH_PLACES];
} bench_run;

/* What clients are told to do for a time as long as the plan has it. */
bench_task bench_task_of(const bench_plan *plan, const bench_entry *entry, bench_kind kind,
			 uint64_t size, uint32_t clients, bench_place place);

/* Is this contender wanted, and there? */
bool bench_takes_part(const bench_plan *plan, size_t contender);

size_t bench_run_steps(const bench_plan *plan);

/* Returns 0, or -1 when it was interrupted; measurements that fail are counted. */
int bench_run_all(bench_run *run);

/* The median of the rounds, or NAN. */
double bench_run_median(const bench_run *run, size_t contender, int workload, int place,
			bench_figure figure);

/* The same of the ratios, round by round, to another contender; and of any two. */
double bench_run_ratio(const bench_run *run, size_t contender, size_t other, int workload,
		       int place, bench_figure figure);
double bench_run_cells(const bench_run *run, const bench_cell *cell, const bench_cell *to,
		       bench_figure figure);

#endif
