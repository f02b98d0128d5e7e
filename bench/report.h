/* report.h - the figures of a benchmark, for people and for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "contender.h"
#include "machine.h"
#include "measure.h"
#include "stats.h"

#define BENCH_MAX_CONTENDERS 32
#define BENCH_MAX_ROUNDS STATS_MAX_VALUES

/* What one contender came to: a figure for each round. */
typedef struct bench_result {
	const bench_contender *contender;
	double p50[BENCH_MAX_ROUNDS]; /* us */
	double p99[BENCH_MAX_ROUNDS]; /* us */
	/* p50 as a multiple of the first contender's, of the same round: what is slow for a
	 * while is slow for both */
	double ratio[BENCH_MAX_ROUNDS];
} bench_result;

typedef struct bench_report {
	bench_machine machine;
	bench_place place;
	size_t calls; /* in a round */
	size_t n_rounds;
	size_t n_results;
	bench_result results[BENCH_MAX_CONTENDERS];
} bench_report;

void bench_report_print(const bench_report *report, FILE *to);

/* Returns 0, or -1 with a message on stderr. */
int bench_report_write_json(const bench_report *report, const char *path);

#endif
