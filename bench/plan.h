/* plan.h - what is to be measured: what the command line says. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "roster.h"
#include "workload.h"

typedef enum bench_series_kind {
	BENCH_SERIES_CLIENTS,
	BENCH_SERIES_PAYLOAD,
	BENCH_SERIES_OUTSTANDING,
	BENCH_SERIES_SPINNING,
	BENCH_SERIES_SPINNING_HOGS,
	BENCH_SERIES_IDLE,
	BENCH_SERIES
} bench_series_kind;

extern const char *const bench_series_names[BENCH_SERIES];

#define BENCH_MOST_ROUNDS 99

typedef struct bench_plan {
	bool contenders[BENCH_MOST_CONTENDERS]; /* of the roster */
	bool workloads[BENCH_WORKLOADS];
	bool places[BENCH_PLACES];
	bool series[BENCH_SERIES];
	size_t rounds;
	double seconds; /* a measurement */
	size_t window;  /* calls that are out at once, at most; 0: what the contender likes */
	bool is_quick;
	bool verify;      /* hold the figures against the goals */
	const char *json; /* a path, "-" or NULL */
	const char *svg;  /* a folder, or NULL */
} bench_plan;

/*
 * Read the command line. Returns 0 to go on, 1 when all is done (--help), or -1
 * for a wrong one, with a message on stderr. Asks the contenders whether they
 * are there, in `folder`.
 */
int bench_plan_read(int argc, char **argv, const char *folder, bench_plan *ret_plan);

#endif
