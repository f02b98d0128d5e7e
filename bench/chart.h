/* chart.h - figures as pictures: SVG. */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H

#include "results.h"

/*
 * Into `folder`: WORKLOAD.svg and WORKLOAD-cpu.svg for each workload, bars by place and
 * contender; and SERIES.svg for each series, a line a contender. Returns 0, or -1 with a message
 * on stderr.
 */
int bench_chart_all(const bench_results *results, const char *folder);

#endif
