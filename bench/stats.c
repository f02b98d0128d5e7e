/* stats.c - see stats.h. */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

static int compare_times(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int compare_values(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void stats_sort(uint64_t *times, size_t count)
{
	qsort(times, count, sizeof *times, compare_times);
}

double stats_percentile_us(const uint64_t *sorted, size_t count, double percent)
{
	size_t index = (size_t)((double)count * percent / 100.0);

	return (double)sorted[index < count ? index : count - 1] / 1000.0;
}

double stats_median(const double *values, size_t count)
{
	double sorted[STATS_MAX_VALUES];

	memcpy(sorted, values, count * sizeof *values);
	qsort(sorted, count, sizeof *sorted, compare_values);
	return count % 2 == 1 ? sorted[count / 2]
			      : (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0;
}

double stats_least(const double *values, size_t count)
{
	double least = values[0];

	for (size_t i = 1; i < count; i++)
		if (values[i] < least)
			least = values[i];
	return least;
}

double stats_most(const double *values, size_t count)
{
	double most = values[0];

	for (size_t i = 1; i < count; i++)
		if (values[i] > most)
			most = values[i];
	return most;
}
