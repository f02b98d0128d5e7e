/* goals.h - what mqcall wants to achieve, and whether the figures of a run say that it does. */
#ifndef BENCH_GOALS_H
#define BENCH_GOALS_H

#include <stdbool.h>
#include <stdio.h>

#include "run.h"
#include "series.h"

enum {
	BENCH_MOST_GOALS = 64
};

typedef struct bench_goal {
	char text[128];
	const char *unit;
	double figure; /* NAN: this run cannot tell */
	double limit;
	bool at_least;  /* the figure is to be the limit at least, else at most */
	char note[160]; /* against whom, or why it cannot be told */
} bench_goal;

/* Of all goals together. */
typedef struct bench_verdict {
	size_t met, missed, unknown;
} bench_verdict;

/* "met", "not met" or "not measured" */
const char *bench_goal_result(const bench_goal *goal);

/* Returns how many. */
size_t bench_goals_check(const bench_run *run, const bench_series *series, size_t n_series,
			 bench_goal ret_goals[BENCH_MOST_GOALS]);

/* What was asked, what was measured, and what comes of it. */
bench_verdict bench_goals_print(const bench_goal *goals, size_t n, FILE *to);

#endif
