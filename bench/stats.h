/* stats.h - what a row of numbers says. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Sort the times, ascending. */
void stats_sort(uint32_t *times, size_t count);

/* Of sorted times, in nanoseconds: the one that `percent` of them do not exceed, in us. */
double stats_percentile_us(const uint32_t *sorted, size_t count, double percent);

/* How many values the next one takes. */
#define STATS_MAX_VALUES 1000

/* The middle one; `values` is left alone. NANs do not count; NAN if there is nothing else. */
double stats_median(const double *values, size_t count);

#endif
