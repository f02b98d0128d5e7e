/* table.c - see table.h. */
#include "table.h"

#include <math.h>

#include "config.h"

void bench_table_number(FILE *to, int width, double number)
{
	double size = fabs(number);

	if (isnan(number))
		fprintf(to, " %*s", width, "-");
	else if (size >= 99950000)
		fprintf(to, " %*.0fM", width - 1, number / 1e6);
	else
		fprintf(to, " %*.*f", width,
			size >= 100 || floor(size) == size ? 0
			: size >= 10                       ? 1
							   : 2,
			number);
}

typedef struct table_column {
	const char *title;
	bench_figure figure;
	int width;
} table_column;

static const table_column of_time[] = {
	{"p50 us", BENCH_P50, 8},    {"p99 us", BENCH_P99, 8}, {"p99.9 us", BENCH_P999, 9},
	{"calls/s", BENCH_RATE, 10}, {"CPU us", BENCH_CPU, 8},
};
static const table_column of_rate[] = {
	{"calls/s", BENCH_RATE, 10}, {"CPU us", BENCH_CPU, 8},    {"p50 us", BENCH_P50, 8},
	{"p99 us", BENCH_P99, 8},    {"p99.9 us", BENCH_P999, 9},
};
enum {
	COLUMNS = 5
};

static void print_row(const bench_run *run, size_t contender, int workload, int place, FILE *to)
{
	const table_column *columns = bench_workloads[workload].by_rate ? of_rate : of_time;

	fprintf(to, "    %-24s", bench_roster[contender].title);
	for (int i = 0; i < COLUMNS; i++)
		bench_table_number(
			to, columns[i].width,
			bench_run_median(run, contender, workload, place, columns[i].figure));
	bench_table_number(to, 8,
			   bench_run_ratio(run, contender, BENCH_REFERENCE, workload, place,
					   columns[0].figure));
	bench_table_number(to, 8,
			   bench_run_ratio(run, contender, BENCH_SPINNING_REFERENCE, workload,
					   place, columns[0].figure));
	fputc('\n', to);
}

static void print_place(const bench_run *run, int workload, int place, FILE *to)
{
	const table_column *columns = bench_workloads[workload].by_rate ? of_rate : of_time;
	bool any = false;

	for (size_t i = 0; i < bench_roster_size; i++) {
		if (!run->cells[i][workload][place].is_measured)
			continue;
		if (!any) {
			fprintf(to, "  %-26s", bench_places[place].name);
			for (int c = 0; c < COLUMNS; c++)
				fprintf(to, " %*s", columns[c].width, columns[c].title);
			fprintf(to, " %8s %8s\n", "x raw", "x spin");
			any = true;
		}
		print_row(run, i, workload, place, to);
	}
	if (any)
		fputc('\n', to);
}

void bench_table_calls(const bench_run *run, FILE *to)
{
	for (int workload = 0; workload < BENCH_WORKLOADS; workload++) {
		if (!run->plan->workloads[workload])
			continue;
		fprintf(to, "%s\n\n", bench_workloads[workload].text);
		for (int place = 0; place < BENCH_PLACES; place++)
			print_place(run, workload, place, to);
	}
}

void bench_table_series(const bench_series *series, FILE *to)
{
	fprintf(to, "%s\n\n  %-26s", series->title, series->x_text);
	for (size_t x = 0; x < series->n_x; x++)
		fprintf(to, " %8s", series->x_titles[x]);
	fputc('\n', to);
	for (size_t i = 0; i < series->n_lines; i++) {
		fprintf(to, "    %-24s", series->lines[i].title);
		for (size_t x = 0; x < series->n_x; x++)
			bench_table_number(to, 8, series->lines[i].y[x]);
		fputc('\n', to);
	}
	fprintf(to, "  %s\n\n", series->y_text);
}

static void print_places(const bench_plan *plan, FILE *to)
{
	for (int i = 0; i < BENCH_PLACES; i++)
		if (plan->places[i])
			fprintf(to, "  %-8s %s\n", bench_places[i].name, bench_places[i].text);
	fprintf(to, "  x raw, x spin  p50 (calls/s, where that stands first) as a multiple of that "
		    "of the raw queue\n"
		    "                 in the same round: blocking, and spinning\n"
		    "  CPU us         CPU time a call, of all processes on both sides\n\n");
}

static void print_missing(const bench_plan *plan, FILE *to)
{
	for (size_t i = 0; i < bench_roster_size; i++)
		if (plan->contenders[i] && !bench_roster[i].is_there)
			fprintf(to, "Missing: %s: %s\n", bench_roster[i].title,
				bench_roster[i].why);
}

void bench_table_end(const bench_run *run, const bench_machine *machine, FILE *to)
{
	print_places(run->plan, to);
	print_missing(run->plan, to);
	fprintf(to,
		"Medians of %zu interleaved rounds of %g s a measurement.\n"
		"%s%s, %d CPUs, %s, %s, mqcall %s; load %.1f when it began\n",
		run->plan->rounds, run->plan->seconds, machine->cpu,
		machine->is_virtual ? " (virtual)" : "", machine->cores, machine->kernel,
		machine->compiler, PACKAGE_VERSION, machine->load);
	if (run->failures > 0)
		fprintf(to,
			"%zu measurements failed; what failed is on stderr, and counts as '-'.\n",
			run->failures);
}
