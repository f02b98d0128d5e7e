/* series.h - how figures grow with something: a line for each contender. */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <stddef.h>

#include "plan.h"
#include "roster.h"
#include "run.h"

enum {
	BENCH_MOST_X = 12
};

/* What is told of those that do nothing: the x of that series. */
typedef enum bench_idle_column {
	BENCH_IDLE_SERVER_SWITCHES, /* with its daemons; so is all of a server */
	BENCH_IDLE_CLIENT_SWITCHES,
	BENCH_IDLE_SERVER_KB, /* resident memory */
	BENCH_IDLE_CLIENT_KB,
	BENCH_IDLE_SERVER_OWN_KB, /* what is its own of that */
	BENCH_IDLE_CLIENT_OWN_KB,
	BENCH_IDLE_CPU, /* us, of all */
	BENCH_IDLE_COLUMNS
} bench_idle_column;

typedef struct bench_line {
	const bench_entry *entry;
	const char *title;
	double y[BENCH_MOST_X]; /* NAN where there is none */
} bench_line;

typedef struct bench_series {
	bench_series_kind kind;
	const char *name;
	const char *title;
	const char *x_text, *y_text;
	bool is_category; /* the x are no numbers */
	bool log_y;
	size_t n_x;
	double x[BENCH_MOST_X];
	char x_titles[BENCH_MOST_X][16];
	const char *x_texts[BENCH_MOST_X]; /* more of the same, of a category */
	const char *x_names[BENCH_MOST_X]; /* ... for programs */
	size_t n_lines;
	bench_line lines[BENCH_MOST_CONTENDERS];
} bench_series;

enum {
	BENCH_MOST_SERIES = 8
};

size_t bench_series_steps(const bench_plan *plan);

/*
 * Measure all that the plan has. Returns how many; when it was interrupted, fewer.
 * Failures are counted in *failures.
 */
size_t bench_series_all(const bench_plan *plan, bench_series *ret_series, size_t *failures);

#endif
