/*
 * measure.h - one measurement: a server and a client process, pinned, and the
 * time of every call between them.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "contender.h"

/* Where the two processes run. */
typedef enum bench_place {
	BENCH_SAME, /* on one CPU: the cost of the software, the fairest */
	BENCH_DIFF, /* on two: the cost of waking one another comes on top */
	BENCH_FREE  /* where the kernel likes: what users get */
} bench_place;

#define BENCH_PLACES 3

extern const char *const bench_place_names[BENCH_PLACES];

/*
 * Have `contender` make `calls` calls, after some that are not counted, and
 * write what each took, in nanoseconds, to ret_times. Returns 0, or -1 with a
 * message on stderr. Nothing is left behind: no process, no queue.
 */
int bench_measure(const bench_contender *contender, bench_place place, size_t calls,
		  uint64_t *ret_times);

/* True once SIGINT or SIGTERM asked to stop; measurements fail from then on. */
void bench_catch_signals(void);
int bench_interrupted(void);

#endif
