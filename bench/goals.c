/* goals.c - see goals.h. */
#include "goals.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "table.h"

typedef struct goal_list {
	const bench_run *run;
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

static void set(bench_goal *goal, double figure, double limit, bool at_least, const char *note)
{
	goal->figure = figure;
	goal->limit = limit;
	goal->at_least = at_least;
	if (!isnan(figure))
		snprintf(goal->note, sizeof goal->note, "%s", note);
}

/* At most `limit` x what the reference takes, or at least so much of its rate. */
static void against_raw(goal_list *list, const char *who, const char *reference,
			const char *workload, int place, double limit)
{
	int w = bench_workload_find(workload);
	bool by_rate = bench_workloads[w].by_rate;
	bench_goal *goal = add(list, "%s, %s: %s %s %g x %s", bench_workloads[w].text,
			       bench_places[place].name, bench_roster_find(who)->title,
			       by_rate ? ">=" : "<=", limit, bench_roster_find(reference)->title);

	set(goal,
	    bench_run_ratio(list->run, index_of(who), index_of(reference), w, place,
			    by_rate ? BENCH_RATE : BENCH_P50),
	    limit, by_rate, "");
}

/* So many times better than the best of the peers. */
static void against_peers(goal_list *list, const char *workload, int place, bench_figure figure,
			  double times, bool blocking_only)
{
	int w = bench_workload_find(workload);
	bool most = figure == BENCH_RATE;
	const char *who = "";
	double peer = best_peer(list->run, w, place, figure, most, blocking_only, &who);
	double own = bench_run_median(list->run, index_of("mqcall"), w, place, figure);
	bench_goal *goal =
		add(list, "%s, %s%s: >= %g x better than every peer%s", bench_workloads[w].text,
		    bench_places[place].name, figure == BENCH_P99 ? ", p99" : "", times,
		    blocking_only ? " that blocks" : "");
	char note[160];

	snprintf(note, sizeof note, "the best is %s", who);
	set(goal, most ? own / peer : peer / own, times, true, note);
}

static void pipelined_rate(goal_list *list, int place)
{
	int w = bench_workload_find("pipelined");
	bench_goal *goal = add(list, "%s, %s: >= 1500000 calls/s", bench_workloads[w].text,
			       bench_places[place].name);

	set(goal, bench_run_median(list->run, index_of("mqcall"), w, place, BENCH_RATE), 1.5e6,
	    true, "");
}

size_t bench_goals_check(const bench_run *run, bench_goal ret_goals[BENCH_MOST_GOALS])
{
	goal_list list = {.run = run, .goals = ret_goals};

	against_raw(&list, "mqcall-nospin", "raw-mq", "add", BENCH_SAME, 1.15);
	against_raw(&list, "mqcall", "raw-mq", "add", BENCH_SAME, 1.2);
	against_raw(&list, "mqcall", "raw-mq-spin", "add", BENCH_DIFF, 1.3);
	against_raw(&list, "mqcall", "raw-mq-spin", "add", BENCH_FREE, 1.3);
	against_peers(&list, "add", BENCH_DIFF, BENCH_P50, 10, true);
	against_peers(&list, "add", BENCH_FREE, BENCH_P50, 10, true);
	pipelined_rate(&list, BENCH_FREE);
	against_peers(&list, "pipelined", BENCH_SAME, BENCH_RATE, 2, false);
	against_peers(&list, "pipelined", BENCH_FREE, BENCH_RATE, 2, false);
	against_raw(&list, "mqcall", "raw-mq", "four", BENCH_FREE, 0.95);
	for (int place = 0; place < BENCH_HOGS; place++) {
		against_peers(&list, "echo-64k", place, BENCH_P50, 1, false);
		against_peers(&list, "echo-1m", place, BENCH_P50, 1, false);
		against_raw(&list, "mqcall", place == BENCH_SAME ? "raw-mq" : "raw-mq-spin",
			    "echo-64k", place, 1.2);
		against_raw(&list, "mqcall", place == BENCH_SAME ? "raw-mq" : "raw-mq-spin",
			    "echo-1m", place, 1.2);
	}
	against_peers(&list, "add", BENCH_HOGS, BENCH_P99, 1, false);
	return list.n;
}

size_t bench_goals_print(const bench_goal *goals, size_t n, FILE *to)
{
	size_t missed = 0;

	fprintf(to, "Goals\n\n");
	for (size_t i = 0; i < n; i++) {
		const bench_goal *goal = &goals[i];
		const char *result = bench_goal_result(goal);

		fprintf(to, "  %-12s", result);
		bench_table_number(to, 8, goal->figure);
		fprintf(to, "  %s%s%s%s\n", goal->text, goal->note[0] != '\0' ? " (" : "",
			goal->note, goal->note[0] != '\0' ? ")" : "");
		missed += strcmp(result, "not met") == 0;
	}
	fputc('\n', to);
	return missed;
}
