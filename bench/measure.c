/*
 * measure.c - see measure.h.
 *
 * Server and client are both children, made anew for each measurement, so that
 * no contender inherits threads, caches or descriptors of another. The times
 * come back in shared memory. When one of the two is gone the other is told to
 * go; when this process dies, the kernel tells them.
 */
#include "measure.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_CALLS 500
#define READY_TIMEOUT_MS 10000

const char *const bench_place_names[BENCH_PLACES] = {"same", "diff", "free"};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

void bench_catch_signals(void)
{
	/* Without SA_RESTART: waiting for a child ends. */
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int bench_interrupted(void)
{
	return interrupted;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The n-th CPU that this process may use, counted from 0, or -1. */
static int nth_cpu(int n)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && n-- == 0)
			return cpu;
	return -1;
}

static int pin(bench_place place, bool is_client)
{
	cpu_set_t one;
	int cpu;

	if (place == BENCH_FREE)
		return 0;
	cpu = nth_cpu(place == BENCH_DIFF && is_client ? 1 : 0);
	if (cpu < 0) {
		fprintf(stderr, "bench: there are not enough processors for this placement\n");
		return -1;
	}
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof one, &one) < 0) {
		perror("bench: sched_setaffinity");
		return -1;
	}
	return 0;
}

static void tell_ready(void *benchmark)
{
	const int *pipe_end = benchmark;

	if (write(*pipe_end, "r", 1) != 1)
		perror("bench: write");
}

/* Numbers of one size when packed, whatever the call: see contender_raw_mq.c. */
static int call_once(const bench_contender *contender, void *connection, size_t call)
{
	int32_t a = (1 << 20) + (int32_t)(call & 0xffff), b = 7, sum = 0;

	if (contender->add(connection, a, b, &sum) < 0)
		return -1;
	if (sum != a + b) {
		fprintf(stderr, "bench: %s says that %d + %d is %d\n", contender->name, a, b, sum);
		return -1;
	}
	return 0;
}

static int run_client(const bench_contender *contender, const char *name, size_t calls,
		      uint64_t *ret_times)
{
	void *connection;
	int r = 0;

	if (contender->connect(name, &connection) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < WARM_UP_CALLS; i++)
		r = call_once(contender, connection, i);
	for (size_t i = 0; r == 0 && i < calls; i++) {
		uint64_t begin = now();

		r = call_once(contender, connection, i);
		ret_times[i] = now() - begin;
	}
	contender->disconnect(connection);
	return r;
}

/* In a child: as if it had been started on its own. */
static void begin_child(pid_t parent)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static pid_t start_server(const bench_contender *contender, bench_place place, const char *name,
			  int *ret_ready)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe(ends) < 0) {
		perror("bench: pipe");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		begin_child(parent);
		close(ends[0]);
		_exit(pin(place, false) < 0 || contender->serve(name, tell_ready, &ends[1]) < 0);
	}
	close(ends[1]);
	*ret_ready = ends[0];
	return pid;
}

static pid_t start_client(const bench_contender *contender, bench_place place, const char *name,
			  size_t calls, uint64_t *ret_times)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		begin_child(parent);
		_exit(pin(place, true) < 0 || run_client(contender, name, calls, ret_times) < 0);
	}
	return pid;
}

static int wait_ready(const bench_contender *contender, int ready)
{
	struct pollfd poll_ready = {.fd = ready, .events = POLLIN};
	char byte;

	if (poll(&poll_ready, 1, READY_TIMEOUT_MS) == 1 && read(ready, &byte, 1) == 1)
		return 0;
	if (!interrupted)
		fprintf(stderr, "bench: the server of %s did not get ready\n", contender->name);
	return -1;
}

/* Wait for a child; at an interruption tell it to go. Did it end well? */
static bool reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
		else if (interrupted)
			kill(pid, SIGTERM);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int measure_named(const bench_contender *contender, bench_place place, const char *name,
			 size_t calls, uint64_t *times)
{
	int ready = -1, r = -1;
	pid_t server, client;

	server = start_server(contender, place, name, &ready);
	if (server < 0)
		return -1;
	if (wait_ready(contender, ready) == 0 && !interrupted) {
		client = start_client(contender, place, name, calls, times);
		if (client > 0 && reap(client))
			r = 0;
		else if (!interrupted)
			fprintf(stderr, "bench: the client of %s failed\n", contender->name);
	}
	kill(server, SIGTERM);
	reap(server);
	close(ready);
	if (contender->sweep != NULL)
		contender->sweep(name);
	return r;
}

int bench_measure(const bench_contender *contender, bench_place place, size_t calls,
		  uint64_t *ret_times)
{
	size_t size = calls * sizeof *ret_times;
	char name[21];
	void *times;
	int r;

	snprintf(name, sizeof name, "bench-%d", (int)getpid());
	times = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED) {
		perror("bench: mmap");
		return -1;
	}
	memset(times, 0, size); /* so that no page is fetched between two calls */
	r = measure_named(contender, place, name, calls, times);
	if (r == 0)
		memcpy(ret_times, times, size);
	munmap(times, size);
	return r;
}
