/* stats.c - see stats.h. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_times(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int compare_values(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void stats_sort(uint32_t *times, size_t count)
{
	qsort(times, count, sizeof *times, compare_times);
}

double stats_percentile_us(const uint32_t *sorted, size_t count, double percent)
{
	size_t index = (size_t)((double)count * percent / 100.0);

	return (double)sorted[index < count ? index : count - 1] / 1000.0;
}

double stats_median(const double *values, size_t count)
{
	double sorted[STATS_MAX_VALUES];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			sorted[n++] = values[i];
	if (n == 0)
		return NAN;
	qsort(sorted, n, sizeof *sorted, compare_values);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0;
}
