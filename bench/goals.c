/* goals.c - see goals.h. */
#include "goals.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "table.h"

typedef struct goal_list {
	const bench_run *run;
	const bench_series *series;
	size_t n_series;
	bench_goal *goals;
	size_t n;
} goal_list;

const char *bench_goal_result(const bench_goal *goal)
{
	if (isnan(goal->figure))
		return "not measured";
	return (goal->at_least ? goal->figure >= goal->limit : goal->figure <= goal->limit)
		       ? "met"
		       : "not met";
}

/* With the text of what is asked; the figure is to be known yet. */
__attribute__((format(printf, 2, 3))) static bench_goal *add(goal_list *list, const char *format,
							     ...)
{
	bench_goal *goal = &list->goals[list->n++];
	va_list arguments;

	*goal = (bench_goal){.figure = NAN, .note = "its figures are not in this run"};
	va_start(arguments, format);
	vsnprintf(goal->text, sizeof goal->text, format, arguments);
	va_end(arguments);
	return goal;
}

static void at_most(bench_goal *goal, double limit, const char *unit, double figure)
{
	goal->limit = limit;
	goal->unit = unit;
	goal->figure = figure;
	if (!isnan(figure))
		goal->note[0] = '\0';
}

static void at_least(bench_goal *goal, double limit, const char *unit, double figure)
{
	at_most(goal, limit, unit, figure);
	goal->at_least = true;
}

static size_t index_of(const char *name)
{
	return (size_t)(bench_roster_find(name) - bench_roster);
}

/* The best of the peers: the least of the figure, or the most. NAN: there is none. */
static double best_peer(const bench_run *run, int workload, int place, bench_figure figure,
			bool most, bool blocking_only, const char **ret_who)
{
	double best = NAN;

	for (size_t i = 0; i < bench_roster_size; i++) {
		const bench_entry *entry = &bench_roster[i];
		double value = bench_run_median(run, i, workload, place, figure);

		if (entry->side != BENCH_PEER || (blocking_only && entry->spins) || isnan(value))
			continue;
		if (isnan(best) || (most ? value > best : value < best)) {
			best = value;
			*ret_who = entry->title;
		}
	}
	return best;
}

static const char *name_of(bench_figure figure)
{
	static const char *const names[BENCH_FIGURES] = {
		[BENCH_P50] = "p50",
		[BENCH_P99] = "p99",
		[BENCH_P999] = "p99.9",
		[BENCH_RATE] = "calls/s",
		[BENCH_CPU] = "CPU time a call",
	};

	return names[figure];
}

/* At most `limit` x what the other has of a figure, or at least so much of its rate. */
static bench_goal *against(goal_list *list, const char *who, const char *other,
			   const char *workload, int place, bench_figure figure, double limit)
{
	int w = bench_workload_find(workload);
	bench_goal *goal = add(list, "%s, %s: %s of %s to that of %s", workload,
			       bench_places[place].name, name_of(figure),
			       bench_roster_find(who)->title, bench_roster_find(other)->title);

	(figure == BENCH_RATE ? at_least : at_most)(
		goal, limit, "x",
		bench_run_ratio(list->run, index_of(who), index_of(other), w, place, figure));
	return goal;
}

/* So many times better than the best of the peers. */
static void against_peers(goal_list *list, const char *who, const char *workload, int place,
			  bench_figure figure, double times, bool blocking_only)
{
	int w = bench_workload_find(workload);
	bool most = figure == BENCH_RATE;
	const char *best = "";
	double peer = best_peer(list->run, w, place, figure, most, blocking_only, &best);
	double own = bench_run_median(list->run, index_of(who), w, place, figure);
	bench_goal *goal = add(list, "%s, %s: %s of %s, better than of every peer%s", workload,
			       bench_places[place].name, name_of(figure),
			       bench_roster_find(who)->title, blocking_only ? " that blocks" : "");

	at_least(goal, times, "x", most ? own / peer : peer / own);
	if (!isnan(goal->figure))
		snprintf(goal->note, sizeof goal->note, "the best is %s", best);
}

static void pipelined_rate(goal_list *list, int place)
{
	int w = bench_workload_find("pipelined");
	bench_goal *goal = add(list, "pipelined, %s: calls a second", bench_places[place].name);

	at_least(goal, 1.5e6, "/s",
		 bench_run_median(list->run, index_of("mqcall"), w, place, BENCH_RATE));
}

/* The rate is held to that of queues that block; how far queues are that spin is told. */
static void four_clients(goal_list *list)
{
	int w = bench_workload_find("four");
	bench_goal *goal = against(list, "mqcall", "raw-mq", "four", BENCH_FREE, BENCH_RATE, 0.95);
	double spinning = bench_run_ratio(list->run, index_of("mqcall"), index_of("raw-mq-spin"), w,
					  BENCH_FREE, BENCH_RATE);

	if (!isnan(goal->figure) && !isnan(spinning))
		snprintf(goal->note, sizeof goal->note, "%.2f x %s", spinning,
			 bench_roster_find("raw-mq-spin")->title);
}

static void passed_on(goal_list *list, int place)
{
	const bench_run *run = list->run;
	size_t who = index_of("mqcall");
	bench_goal *goal = add(list, "pass-1m, %s: p50 to that of add", bench_places[place].name);

	at_most(goal, 1.5, "x",
		bench_run_cells(run, &run->cells[who][bench_workload_find("pass-1m")][place],
				&run->cells[who][bench_workload_find("add")][place], BENCH_P50));
}

static double idle_figure(const goal_list *list, bench_idle_column column)
{
	for (size_t i = 0; i < list->n_series; i++)
		for (size_t k = 0;
		     list->series[i].kind == BENCH_SERIES_IDLE && k < list->series[i].n_lines; k++)
			if (strcmp(list->series[i].lines[k].entry->name, "mqcall") == 0)
				return list->series[i].lines[k].y[column];
	return NAN;
}

static void idleness(goal_list *list)
{
	at_most(add(list, "idle: context switches of the server, in 10 s"), 0, "",
		idle_figure(list, BENCH_IDLE_SERVER_SWITCHES));
	at_most(add(list, "idle: context switches of the client, in 10 s"), 0, "",
		idle_figure(list, BENCH_IDLE_CLIENT_SWITCHES));
	at_most(add(list, "idle: CPU time of both, in 10 s"), 0, "us",
		idle_figure(list, BENCH_IDLE_CPU));
}

/* What spinning may cost where it cannot help. */
static void spinning(goal_list *list)
{
	against(list, "mqcall", "mqcall-nospin", "add", BENCH_SAME, BENCH_P50, 1.2);
	against(list, "mqcall", "mqcall-nospin", "add", BENCH_HOGS, BENCH_P50, 1.2);
	against(list, "mqcall", "mqcall-nospin", "add", BENCH_HOGS, BENCH_CPU, 1.2);
}

static void echoes(goal_list *list)
{
	static const char *const workloads[] = {"echo-64k", "echo-1m"};

	for (int place = 0; place < BENCH_HOGS; place++)
		for (int i = 0; i < 2; i++) {
			against_peers(list, "mqcall", workloads[i], place, BENCH_P50, 1, false);
			against_peers(list, "mqcall-lent", workloads[i], place, BENCH_P50, 1,
				      false);
			against(list, "mqcall", place == BENCH_SAME ? "raw-mq" : "raw-mq-spin",
				workloads[i], place, BENCH_P50, 1.2);
		}
}

size_t bench_goals_check(const bench_run *run, const bench_series *series, size_t n_series,
			 bench_goal ret_goals[BENCH_MOST_GOALS])
{
	goal_list list = {.run = run, .series = series, .n_series = n_series, .goals = ret_goals};

	against(&list, "mqcall-nospin", "raw-mq", "add", BENCH_SAME, BENCH_P50, 1.15);
	against(&list, "mqcall", "raw-mq", "add", BENCH_SAME, BENCH_P50, 1.2);
	against(&list, "mqcall", "raw-mq-spin", "add", BENCH_DIFF, BENCH_P50, 1.3);
	against(&list, "mqcall", "raw-mq-spin", "add", BENCH_FREE, BENCH_P50, 1.3);
	against_peers(&list, "mqcall", "add", BENCH_DIFF, BENCH_P50, 10, true);
	against_peers(&list, "mqcall", "add", BENCH_FREE, BENCH_P50, 10, true);
	spinning(&list);
	against_peers(&list, "mqcall", "add", BENCH_HOGS, BENCH_P99, 1, false);
	pipelined_rate(&list, BENCH_DIFF);
	pipelined_rate(&list, BENCH_FREE);
	for (int place = 0; place < BENCH_HOGS; place++)
		against_peers(&list, "mqcall", "pipelined", place, BENCH_RATE, 2, false);
	four_clients(&list);
	echoes(&list);
	for (int place = 0; place < BENCH_HOGS; place++)
		passed_on(&list, place);
	idleness(&list);
	return list.n;
}

static void print_figure(double figure, const char *unit, FILE *to)
{
	bench_table_number(to, 9, figure);
	fprintf(to, " %-2s", isnan(figure) ? "" : unit);
}

bench_verdict bench_goals_print(const bench_goal *goals, size_t n, FILE *to)
{
	bench_verdict verdict = {0};

	fprintf(to, "Goals\n\n  %-12s  %12s   %12s\n", "", "asked", "measured");
	for (size_t i = 0; i < n; i++) {
		const bench_goal *goal = &goals[i];
		const char *result = bench_goal_result(goal);

		fprintf(to, "  %-12s  %s", result, goal->at_least ? ">=" : "<=");
		print_figure(goal->limit, goal->unit, to);
		print_figure(goal->figure, goal->unit, to);
		fprintf(to, "  %s%s%s%s\n", goal->text, goal->note[0] != '\0' ? " (" : "",
			goal->note, goal->note[0] != '\0' ? ")" : "");
		verdict.unknown += isnan(goal->figure) ? 1 : 0;
		verdict.missed += strcmp(result, "not met") == 0;
		verdict.met += strcmp(result, "met") == 0;
	}
	fprintf(to, "\n  %zu of %zu goals are met, %zu are not, %zu were not measured.\n\n",
		verdict.met, n, verdict.missed, verdict.unknown);
	return verdict;
}
