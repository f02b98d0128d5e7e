/* results.h - all figures, for programs. bench/README.md says what the members are. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "goals.h"
#include "machine.h"
#include "run.h"
#include "series.h"

typedef struct bench_results {
	bench_machine machine;
	bench_run *run;
	bench_series *series;
	size_t n_series;
	double library_bytes; /* of libmqcall.so, as it is loaded; 0: not known */
	bench_goal goals[BENCH_MOST_GOALS];
	size_t n_goals;
} bench_results;

/* Returns 0, or -1 with a message on stderr. `path` may be "-". */
int bench_results_write(const bench_results *results, const char *path);

#endif
