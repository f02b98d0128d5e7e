/*
 * measure.h - one measurement: a server and its clients, made anew, pinned and watched.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"
#include "roster.h"
#include "workload.h"

/* What a measurement says. A percentile of too few calls is NAN. */
typedef enum bench_figure {
	BENCH_P50, /* us */
	BENCH_P99,
	BENCH_P999,
	BENCH_RATE,      /* calls a second, of all clients together */
	BENCH_CPU,       /* us a call, of all processes on both sides */
	BENCH_CLIENT_KB, /* the most memory that the first client had */
	BENCH_SERVER_KB, /* ... the server and its helpers */
	BENCH_CALLS,
	BENCH_FIGURES
} bench_figure;

typedef struct bench_figures {
	double of[BENCH_FIGURES];
} bench_figures;

/*
 * Get ready: the contenders' programs lie in `folder`. SIGINT, SIGTERM and SIGHUP
 * are caught from then on. Once, before all others. Returns 0, or -1 with a
 * message on stderr.
 */
int bench_measure_begin(const char *folder);

/* Remove what was made. */
void bench_measure_end(void);

/*
 * Measure. Returns 0, or -1 with a message on stderr. Nothing is left behind: no
 * process, no queue, no file. Of task, `directory` is filled in here.
 */
int bench_measure(const bench_entry *entry, const bench_task *task, bench_place place,
		  bench_figures *ret_figures);

/*
 * A server and a client that make some calls and then nothing, to be looked at,
 * until bench_measure_wake() ends them. There may be several.
 */
typedef struct bench_still bench_still;

bench_still *bench_measure_still(const bench_entry *entry);
pid_t bench_still_client(const bench_still *still);
/* The server and its helpers; returns how many. */
size_t bench_still_servers(const bench_still *still, pid_t ret_pids[BENCH_MOST_HELPERS + 1]);
void bench_measure_wake(bench_still *still);

/* The signal that asked to stop, or 0; measurements fail from then on. */
int bench_interrupted(void);

/* How many CPUs this process may use. */
int bench_cpus(void);

#endif
