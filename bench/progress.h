/* progress.h - how far the benchmark is, on stderr, and how long it will take. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stddef.h>

/* From now on `total` steps are to be done. */
void bench_progress_begin(size_t total);

/* The next step is this. */
void bench_progress_step(const char *what, const char *who);

/* Take the line away, so that something can be printed. */
void bench_progress_clear(void);

#endif
