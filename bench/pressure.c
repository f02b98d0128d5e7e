/*
 * pressure.c - what an urgent call waits for, while others keep the endpoint busy.
 *
 * A server process with one ordinary thread, and one in a lane. A caller makes
 * a call now and then: a plain one, one of priority 31, and one of a lane; first
 * alone, and then while bulk callers never let the queue run empty.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.mqc.h"
#include "config.h"
#include "machine.h"
#include "stats.h"

enum {
	BULK_PROCESSES = 4,
	BULK_THREADS = 4,
	BULK_WORK_US = 50,
	CALLS = 1000,
	QUICK_CALLS = 300,
	KINDS = 3
};

/* One process of ours, or -1. */
static pid_t server = -1, bulk[BULK_PROCESSES] = {-1, -1, -1, -1};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int fail(const char *who)
{
	fprintf(stderr, "pressure: %s: %s\n", who, mqc_error_last()->text);
	return -1;
}

/* ----------------------------------------------------------------- server -- */

/* Work, and do not sleep: it is the thread that is to be busy. */
static int work(void *self, mqc_call *call, int32_t microseconds, int32_t *ret_microseconds)
{
	int64_t until = now_ns() + microseconds * INT64_C(1000);

	(void)self;
	(void)call;
	while (now_ns() < until)
		continue;
	*ret_microseconds = microseconds;
	return MQC_OK;
}

static int serve(const char *endpoint, int ready)
{
	static const pressure_handlers handlers = {.plain = work, .urgent = work, .lane = work};
	const mqc_server_options options = {.stop_on_signals = true};
	mqc_server *opened = NULL;
	int r = 0;

	if (mqc_server_open(endpoint, &options, &opened) < 0 ||
	    pressure_serve(opened, &handlers, NULL) < 0 || write(ready, "r", 1) != 1 ||
	    mqc_server_run(opened) < 0)
		r = fail("server");
	mqc_server_close(opened);
	return r;
}

/* ---------------------------------------------------------------- callers -- */

static void *call_on(void *client)
{
	int32_t worked;

	while (pressure_plain(client, BULK_WORK_US, &worked) == MQC_OK)
		continue;
	(void)fail("bulk caller");
	return NULL;
}

static int call_in_bulk(const char *endpoint)
{
	const mqc_client_options options = {.timeout_ms = 60000};
	pthread_t threads[BULK_THREADS];
	mqc_client *client;

	if (mqc_client_open(endpoint, &options, &client) < 0)
		return fail("bulk caller");
	for (int i = 1; i < BULK_THREADS; i++)
		if (pthread_create(&threads[i], NULL, call_on, client) != 0)
			return -1;
	(void)call_on(client);
	/* They end when we are killed. */
	return -1;
}

/* Make `calls` calls of a kind, with a pause before each, and sort what they took. */
static int measure(mqc_client *client, int kind, size_t calls, uint32_t *ret_times)
{
	int (*const methods[KINDS])(mqc_client *, int32_t, int32_t *) = {
		pressure_plain,
		pressure_urgent,
		pressure_lane,
	};
	int32_t worked;

	for (size_t i = 0; i < calls; i++) {
		/* Of changing length, so as not to keep step with anything. */
		const struct timespec pause = {.tv_nsec = 1000000 + (long)(i * 7919 % 1000) * 1000};
		int64_t begun;

		(void)nanosleep(&pause, NULL);
		begun = now_ns();
		if (methods[kind](client, 0, &worked) < 0)
			return fail("caller");
		ret_times[i] = (uint32_t)(now_ns() - begun);
	}
	stats_sort(ret_times, calls);
	return 0;
}

/* -------------------------------------------------------------- processes -- */

static pid_t start(int (*body)(const char *endpoint, int ready), const char *endpoint, int ready)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		perror("pressure: fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		_exit(getppid() != parent || body(endpoint, ready) < 0);
	}
	return pid;
}

static int bulk_body(const char *endpoint, int unused)
{
	(void)unused;
	return call_in_bulk(endpoint);
}

static int start_server(const char *endpoint)
{
	int ends[2], r = -1;
	char byte;

	if (pipe(ends) < 0) {
		perror("pressure: pipe");
		return -1;
	}
	server = start(serve, endpoint, ends[1]);
	close(ends[1]);
	if (server > 0 && read(ends[0], &byte, 1) == 1)
		r = 0;
	close(ends[0]);
	return r;
}

static int start_bulk(const char *endpoint)
{
	const struct timespec moment = {.tv_nsec = 200000000};

	for (int i = 0; i < BULK_PROCESSES; i++) {
		bulk[i] = start(bulk_body, endpoint, -1);
		if (bulk[i] < 0)
			return -1;
	}
	(void)nanosleep(&moment, NULL);
	return 0;
}

static void end(pid_t pid, int number)
{
	if (pid <= 0)
		return;
	kill(pid, number);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* Bulk callers are killed in the middle of a call: the server removes what they leave. */
static void end_all(void)
{
	for (int i = 0; i < BULK_PROCESSES; i++)
		end(bulk[i], SIGKILL);
	end(server, SIGTERM);
}

/* ----------------------------------------------------------------- report -- */

typedef struct figures {
	double p50, p99; /* us */
} figures;

static int measure_kinds(mqc_client *client, size_t calls, uint32_t *times,
			 figures ret_figures[KINDS])
{
	for (int kind = 0; kind < KINDS; kind++) {
		if (measure(client, kind, calls, times) < 0)
			return -1;
		ret_figures[kind] = (figures){
			.p50 = stats_percentile_us(times, calls, 50),
			.p99 = stats_percentile_us(times, calls, 99),
		};
	}
	return 0;
}

static int measure_all(const char *endpoint, size_t calls, figures alone[KINDS],
		       figures pressed[KINDS])
{
	uint32_t *times = calloc(calls, sizeof *times);
	mqc_client *client = NULL;
	int r = -1;

	if (times == NULL)
		perror("pressure");
	else if (start_server(endpoint) == 0 && mqc_client_open(endpoint, NULL, &client) < 0)
		(void)fail("caller");
	else if (client != NULL && measure_kinds(client, calls, times, alone) == 0 &&
		 start_bulk(endpoint) == 0)
		r = measure_kinds(client, calls, times, pressed);
	mqc_client_close(client);
	end_all();
	free(times);
	return r;
}

static void print(size_t calls, const figures alone[KINDS], const figures pressed[KINDS])
{
	static const char *const titles[KINDS] = {
		"plain",
		"of priority 31",
		"of priority 31, in a lane",
	};
	bench_machine machine;

	bench_machine_describe(&machine);
	printf("A call now and then, alone and while the endpoint is saturated\n\n"
	       "  %-28s %18s    %18s\n"
	       "  %-28s %8s  %8s    %8s  %8s    %8s\n",
	       "", "alone", "saturated", "", "p50 us", "p99 us", "p50 us", "p99 us", "p99 ratio");
	for (int kind = 0; kind < KINDS; kind++)
		printf("  %-28s %8.0f  %8.0f    %8.0f  %8.0f    %8.1f\n", titles[kind],
		       alone[kind].p50, alone[kind].p99, pressed[kind].p50, pressed[kind].p99,
		       pressed[kind].p99 / alone[kind].p99);
	printf("\n%zu calls of each. Saturated: %d processes with %d threads each make plain "
	       "calls,\none after the other, of %d us each; the server has one ordinary thread "
	       "for them.\n%s%s, %d CPUs, %s, %s, mqcall %s\n",
	       calls, BULK_PROCESSES, BULK_THREADS, BULK_WORK_US, machine.cpu,
	       machine.is_virtual ? " (virtual)" : "", machine.cores, machine.kernel,
	       machine.compiler, PACKAGE_VERSION);
}

int main(int argc, char **argv)
{
	figures alone[KINDS], pressed[KINDS];
	size_t calls = CALLS;
	char endpoint[32];

	if (argc == 2 && strcmp(argv[1], "--quick") == 0) {
		calls = QUICK_CALLS;
	} else if (argc > 1) {
		fprintf(stderr, "usage: pressure [--quick]\n");
		return 2;
	}
	(void)snprintf(endpoint, sizeof endpoint, "pressure-%d", (int)getpid());
	if (measure_all(endpoint, calls, alone, pressed) < 0)
		return 1;
	print(calls, alone, pressed);
	return 0;
}
