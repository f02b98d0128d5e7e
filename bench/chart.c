/*
 * chart.c - see chart.h.
 *
 * Bars lie, a row a contender: the median, and faintly behind it the 99th
 * percentile. Lines have their names at their ends, so that no legend is needed.
 * mqcall is blue, what is raw is grey.
 */
#include "chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"

static const char ink[] = "#222222", faint[] = "#777777", grid[] = "#e3e3e3";

/* ------------------------------------------------------------------ scales -- */

typedef struct chart_scale {
	double least, most;
	bool is_log;
	double from, length; /* in pixels; a negative length goes upward */
} chart_scale;

/* Decades around the values, or from 0 on. */
static chart_scale fit(const double *values, size_t n, bool is_log, double from, double length)
{
	chart_scale scale = {
		.least = INFINITY, .most = 0, .is_log = is_log, .from = from, .length = length};

	for (size_t i = 0; i < n; i++) {
		if (isnan(values[i]) || (is_log && values[i] <= 0))
			continue;
		scale.least = fmin(scale.least, values[i]);
		scale.most = fmax(scale.most, values[i]);
	}
	if (is_log && scale.most > 0) {
		scale.least = pow(10, floor(log10(scale.least)));
		scale.most = fmax(pow(10, ceil(log10(scale.most))), scale.least * 10);
	} else {
		scale.least = 0;
		scale.most = scale.most > 0 ? scale.most * 1.05 : 1;
	}
	return scale;
}

static double place_on(const chart_scale *scale, double value)
{
	double part = scale->is_log
			      ? log10(value / scale->least) / log10(scale->most / scale->least)
			      : value / scale->most;

	return scale->from + scale->length * fmin(fmax(part, 0), 1);
}

/* Where grid lines go: decades, or some round numbers. Returns how many. */
enum {
	MOST_TICKS = 16
};

static size_t ticks_of(const chart_scale *scale, double ret_ticks[MOST_TICKS])
{
	double step = pow(10, floor(log10(scale->most)));
	size_t n = 0;

	if (scale->is_log) {
		for (double at = scale->least; at <= scale->most * 1.001 && n < MOST_TICKS;
		     at *= 10)
			ret_ticks[n++] = at;
		return n;
	}
	if (scale->most / step < 2)
		step /= 5;
	else if (scale->most / step < 5)
		step /= 2;
	for (double at = 0; at <= scale->most && n < MOST_TICKS; at += step)
		ret_ticks[n++] = at;
	return n;
}

/* 1500000 is 1.5 M. */
static void print_number(double number, char ret_text[24])
{
	double size = fabs(number);
	const char *unit = "";

	if (isnan(number)) {
		snprintf(ret_text, 24, "-");
		return;
	}
	if (size >= 1e6) {
		number /= 1e6;
		unit = " M";
	} else if (size >= 1e4) {
		number /= 1e3;
		unit = " k";
	}
	snprintf(ret_text, 24, size >= 1e3 && size < 1e4 ? "%.0f%s" : "%.3g%s", number, unit);
}

/* -------------------------------------------------------------------- bars -- */

enum {
	PANEL_WIDTH = 560,
	LABELS = 160,
	NUMBERS = 110, /* room for the numbers behind a bar */
	ROW = 20,
	BAR = 13,
	PANEL_HEAD = 44,
	PANEL_GAP = 30,
	HEAD = 64
};

typedef struct chart_bar {
	const bench_entry *entry;
	double value;
	double behind; /* what is drawn faintly behind it, or NAN */
} chart_bar;

typedef struct chart_panel {
	const char *title;
	const char *unit;
	bool is_log;
	size_t n;
	chart_bar bars[BENCH_MOST_CONTENDERS];
} chart_panel;

static const char *bar_colour(const bench_entry *entry)
{
	static const char *const colours[] = {
		[BENCH_RAW] = "#8c939c", [BENCH_OURS] = "#1668b8", [BENCH_PEER] = "#d9924e"};

	return colours[entry->side];
}

static void draw_row(FILE *svg, const chart_bar *bar, const chart_scale *scale, double x, double y)
{
	const char *colour = bar_colour(bar->entry);
	double from = scale->from, end = from;
	char value[24], behind[24], text[64];

	svg_text(svg, x + LABELS - 8, y + BAR - 2, 12,
		 bar->entry->side == BENCH_OURS ? "bold" : "normal", SVG_END, ink,
		 bar->entry->title);
	if (!isnan(bar->behind)) {
		end = place_on(scale, bar->behind);
		svg_rectangle(svg, from, y, end - from, BAR, colour, 0.3);
	}
	if (!isnan(bar->value)) {
		svg_rectangle(svg, from, y, place_on(scale, bar->value) - from, BAR, colour, 1);
		end = fmax(end, place_on(scale, bar->value));
	}
	print_number(bar->value, value);
	print_number(bar->behind, behind);
	if (isnan(bar->behind))
		snprintf(text, sizeof text, "%s", isnan(bar->value) ? "failed" : value);
	else
		snprintf(text, sizeof text, "%s, p99 %s", value, behind);
	svg_text(svg, end + 5, y + BAR - 2, 11, "normal", SVG_START, faint, text);
}

static double panel_height(const chart_panel *panel)
{
	return PANEL_HEAD + (double)panel->n * ROW + PANEL_GAP;
}

static void draw_panel(FILE *svg, const chart_panel *panel, double x, double y)
{
	double values[2 * BENCH_MOST_CONTENDERS], ticks[MOST_TICKS];
	double bottom = y + PANEL_HEAD + (double)panel->n * ROW;
	char text[24];
	chart_scale scale;
	size_t n;

	for (size_t i = 0; i < panel->n; i++) {
		values[2 * i] = panel->bars[i].value;
		values[2 * i + 1] = panel->bars[i].behind;
	}
	scale = fit(values, 2 * panel->n, panel->is_log, x + LABELS,
		    PANEL_WIDTH - LABELS - NUMBERS);
	svg_text(svg, x, y + 14, 13, "bold", SVG_START, ink, panel->title);
	n = ticks_of(&scale, ticks);
	for (size_t i = 0; i < n; i++) {
		double at = place_on(&scale, ticks[i]);

		svg_line(svg, at, y + PANEL_HEAD - 6, at, bottom, grid, 1);
		print_number(ticks[i], text);
		svg_text(svg, at, y + PANEL_HEAD - 10, 10, "normal", SVG_MIDDLE, faint, text);
	}
	svg_text(svg, x + LABELS - 8, y + PANEL_HEAD - 10, 10, "normal", SVG_END, faint,
		 panel->unit);
	for (size_t i = 0; i < panel->n; i++)
		draw_row(svg, &panel->bars[i], &scale, x, y + PANEL_HEAD + (double)i * ROW);
}

/* Two beside one another, as many below one another as it takes. */
static int draw_panels(const char *folder, const char *name, const char *title,
		       const char *subtitle, const chart_panel *panels, size_t n)
{
	double columns = n > 1 ? 2 : 1, width = columns * PANEL_WIDTH + 40, height = HEAD;
	double row_height = 0, y = HEAD;
	FILE *svg;

	for (size_t i = 0; i < n; i += 2)
		height += fmax(panel_height(&panels[i]),
			       i + 1 < n ? panel_height(&panels[i + 1]) : 0);
	svg = svg_begin(folder, name, width, height);
	if (svg == NULL)
		return -1;
	svg_text(svg, 20, 28, 18, "bold", SVG_START, ink, title);
	svg_text(svg, 20, 46, 11, "normal", SVG_START, faint, subtitle);
	for (size_t i = 0; i < n; i++) {
		draw_panel(svg, &panels[i], 20 + (i % 2 == 1 ? PANEL_WIDTH : 0), y);
		row_height = fmax(row_height, panel_height(&panels[i]));
		if (i % 2 == 1) {
			y += row_height;
			row_height = 0;
		}
	}
	return svg_end(svg);
}

/* What bars show: the figure, and faintly behind it another one. */
typedef struct chart_bars {
	bench_figure value, behind;
	const char *unit;
	bool has_behind, is_log;
} chart_bars;

static void fill_panel(const bench_run *run, const chart_bars *bars, int workload, int place,
		       chart_panel *ret_panel)
{
	*ret_panel = (chart_panel){
		.title = bench_places[place].text,
		.unit = bars->unit,
		.is_log = bars->is_log,
	};
	for (size_t i = 0; i < bench_roster_size; i++) {
		chart_bar *bar = &ret_panel->bars[ret_panel->n];

		if (!run->cells[i][workload][place].is_measured)
			continue;
		bar->entry = &bench_roster[i];
		bar->value = bench_run_median(run, i, workload, place, bars->value);
		bar->behind = bars->has_behind
				      ? bench_run_median(run, i, workload, place, bars->behind)
				      : NAN;
		ret_panel->n++;
	}
}

static int draw_bars(const bench_run *run, const chart_bars *bars, int workload, const char *name,
		     const char *subtitle, const char *folder)
{
	chart_panel panels[BENCH_PLACES];
	size_t n = 0;

	for (int place = 0; place < BENCH_PLACES; place++) {
		fill_panel(run, bars, workload, place, &panels[n]);
		n += panels[n].n > 0;
	}
	if (n == 0)
		return 0;
	return draw_panels(folder, name, bench_workloads[workload].text, subtitle, panels, n);
}

static int draw_workload(const bench_run *run, int workload, const char *folder)
{
	static const chart_bars by_time = {.value = BENCH_P50,
					   .behind = BENCH_P99,
					   .unit = "us",
					   .has_behind = true,
					   .is_log = true},
				by_rate = {.value = BENCH_RATE, .unit = "calls/s"},
				by_cpu = {.value = BENCH_CPU, .unit = "us", .is_log = true};
	const bench_workload *info = &bench_workloads[workload];
	char name[32];
	int r;

	if (info->by_rate)
		r = draw_bars(run, &by_rate, workload, info->name,
			      "Calls a second: more is better.", folder);
	else
		r = draw_bars(run, &by_time, workload, info->name,
			      "Time of a call: the median, and faintly the 99th percentile. Less "
			      "is better; the scale is logarithmic.",
			      folder);
	snprintf(name, sizeof name, "%s-cpu", info->name);
	if (draw_bars(run, &by_cpu, workload, name,
		      "CPU time a call, of all processes on both sides. Less is better; the scale "
		      "is logarithmic.",
		      folder) < 0)
		r = -1;
	return r;
}

/* ------------------------------------------------------------------- lines -- */

enum {
	CHART_WIDTH = 900,
	CHART_HEIGHT = 560,
	LEFT = 70,
	RIGHT = 190, /* room for the names at the ends of the lines */
	TOP = 70,
	BOTTOM = 56,
	NAME_HEIGHT = 13
};

static const char *line_colour(const bench_line *line, size_t index)
{
	static const char *const peers[] = {"#c8552b", "#2f8f5b", "#9a58b5", "#b58a1b",
					    "#12939a", "#c2417c", "#6b7f2a", "#7a5a43",
					    "#5667c9", "#d08700", "#3d7a7a"};

	switch (line->entry->side) {
	case BENCH_RAW:
		return index == 0 ? "#555b63" : "#9aa1aa";
	case BENCH_OURS:
		return line->entry->spins ? "#1668b8" : "#6aa6de";
	case BENCH_PEER:
		break;
	}
	return peers[index % (sizeof peers / sizeof peers[0])];
}

/* A name beside the last point of a line. */
typedef struct chart_name {
	double y;
	const char *text, *colour;
	bool is_ours;
} chart_name;

static int compare_names(const void *a, const void *b)
{
	const chart_name *left = a, *right = b;

	return (left->y > right->y) - (left->y < right->y);
}

/* So that none covers another: down from the top, and up again from the bottom. */
static void draw_names(FILE *svg, chart_name *names, size_t n)
{
	double floor = CHART_HEIGHT - BOTTOM + 6;

	qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 1; i < n; i++)
		names[i].y = fmax(names[i].y, names[i - 1].y + NAME_HEIGHT);
	for (size_t i = n; i-- > 0;) {
		names[i].y = fmin(names[i].y, floor);
		floor = names[i].y - NAME_HEIGHT;
	}
	for (size_t i = 0; i < n; i++)
		svg_text(svg, CHART_WIDTH - RIGHT + 10, names[i].y + 4, 12,
			 names[i].is_ours ? "bold" : "normal", SVG_START, names[i].colour,
			 names[i].text);
}

static double x_of(const bench_series *series, size_t x)
{
	double room = CHART_WIDTH - LEFT - RIGHT;

	return LEFT + (series->n_x > 1 ? room * (double)x / (double)(series->n_x - 1) : room / 2);
}

/* Returns false if it has no point. */
static bool draw_line(FILE *svg, const bench_line *line, const bench_series *series,
		      const chart_scale *scale, size_t index, chart_name *ret_name)
{
	const char *colour = line_colour(line, index);
	double width = line->entry->side == BENCH_OURS ? 2.6 : 1.5, last_x = NAN, last_y = NAN;

	for (size_t x = 0; x < series->n_x; x++) {
		double y;

		if (isnan(line->y[x]) || (scale->is_log && line->y[x] <= 0))
			continue;
		y = place_on(scale, line->y[x]);
		if (!isnan(last_x))
			svg_line(svg, last_x, last_y, x_of(series, x), y, colour, width);
		svg_dot(svg, x_of(series, x), y, width + 0.8, colour);
		last_x = x_of(series, x);
		last_y = y;
	}
	*ret_name = (chart_name){last_y, line->title, colour, line->entry->side == BENCH_OURS};
	return !isnan(last_x);
}

static void draw_axes(FILE *svg, const bench_series *series, const chart_scale *scale)
{
	double ticks[MOST_TICKS];
	size_t n = ticks_of(scale, ticks);
	char text[24];

	for (size_t i = 0; i < n; i++) {
		double y = place_on(scale, ticks[i]);

		svg_line(svg, LEFT, y, CHART_WIDTH - RIGHT, y, grid, 1);
		print_number(ticks[i], text);
		svg_text(svg, LEFT - 8, y + 4, 11, "normal", SVG_END, faint, text);
	}
	for (size_t x = 0; x < series->n_x; x++)
		svg_text(svg, x_of(series, x), CHART_HEIGHT - BOTTOM + 18, 11, "normal", SVG_MIDDLE,
			 faint, series->x_titles[x]);
	svg_text(svg, LEFT + (CHART_WIDTH - LEFT - RIGHT) / 2.0, CHART_HEIGHT - 14, 12, "normal",
		 SVG_MIDDLE, ink, series->x_text);
}

static int draw_lines(const bench_series *series, const char *folder)
{
	double values[BENCH_MOST_CONTENDERS * BENCH_MOST_X];
	chart_name names[BENCH_MOST_CONTENDERS];
	size_t n = 0, n_names = 0;
	chart_scale scale;
	FILE *svg = svg_begin(folder, series->name, CHART_WIDTH, CHART_HEIGHT);

	if (svg == NULL)
		return -1;
	for (size_t i = 0; i < series->n_lines; i++)
		for (size_t x = 0; x < series->n_x; x++)
			values[n++] = series->lines[i].y[x];
	scale = fit(values, n, series->log_y, CHART_HEIGHT - BOTTOM,
		    -(CHART_HEIGHT - TOP - BOTTOM));
	svg_text(svg, 20, 28, 18, "bold", SVG_START, ink, series->title);
	svg_text(svg, 20, 46, 11, "normal", SVG_START, faint, series->y_text);
	draw_axes(svg, series, &scale);
	for (size_t i = 0; i < series->n_lines; i++)
		n_names += draw_line(svg, &series->lines[i], series, &scale, i, &names[n_names]);
	draw_names(svg, names, n_names);
	return svg_end(svg);
}

/* Columns that are not of one kind: bars, a panel each. */
static int draw_categories(const bench_series *series, double library_bytes, const char *folder)
{
	chart_panel panels[BENCH_MOST_X];
	char library[80] = "";

	for (size_t x = 0; x < series->n_x; x++) {
		panels[x] = (chart_panel){.title = series->x_texts[x], .unit = ""};
		for (size_t i = 0; i < series->n_lines; i++)
			panels[x].bars[panels[x].n++] =
				(chart_bar){series->lines[i].entry, series->lines[i].y[x], NAN};
	}
	if (library_bytes > 0)
		snprintf(library, sizeof library, "libmqcall.so takes %.0f KiB when it is loaded.",
			 library_bytes / 1024);
	return draw_panels(folder, series->name, series->title, library, panels, series->n_x);
}

int bench_chart_all(const bench_results *results, const char *folder)
{
	int r = 0;

	for (int workload = 0; workload < BENCH_WORKLOADS; workload++)
		if (draw_workload(results->run, workload, folder) < 0)
			r = -1;
	for (size_t i = 0; i < results->n_series; i++)
		if ((results->series[i].is_category
			     ? draw_categories(&results->series[i], results->library_bytes, folder)
			     : draw_lines(&results->series[i], folder)) < 0)
			r = -1;
	return r;
}
