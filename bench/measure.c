/*
 * measure.c - see measure.h.
 *
 * Every measurement has processes of its own, so that no contender inherits
 * threads, caches or descriptors of another. They are programs started anew,
 * each the leader of a process group, so that what they start can be told to
 * end; they lead their orphans to this process, which waits for all. When this
 * process dies, the kernel tells them.
 */
#include "measure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

enum {
	READY_MS = 20000,
	SPARE_MS = 20000, /* for connecting and warming up, beside the time of the task */
	LOOK_MS = 100,
	ENDING_MS = 5000, /* until who was told to end is killed */
	MOST_HOGS = 256,
	P999_CALLS = 2000, /* that it takes for a p99.9 that means something */
	P99_CALLS = 200
};

/* The processes of one measurement. */
typedef struct bench_still {
	const bench_entry *entry;
	bench_place place;
	char name[24];
	int board_fd;
	bench_board *board;
	int ready; /* the pipe on which the server says so */
	pid_t server;
	pid_t clients[BENCH_MOST_CLIENTS];
	uint32_t n_clients;
	pid_t hogs[MOST_HOGS];
	int n_hogs;
} bench_group;

static char program_folder[300];
static char file_folder[64];
static unsigned serial;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
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

static int complain(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	return -1;
}

int bench_measure_begin(const char *folder)
{
	/* Without SA_RESTART: waiting for a child ends. */
	struct sigaction action = {.sa_handler = on_signal};
	const char *base = getenv("TMPDIR");

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	snprintf(program_folder, sizeof program_folder, "%s", folder);
	/* A socket's path has 108 characters at most. */
	if (base == NULL || strlen(base) > 20)
		base = "/tmp";
	snprintf(file_folder, sizeof file_folder, "%s/mqcall-bench.XXXXXX", base);
	if (mkdtemp(file_folder) == NULL) {
		complain(file_folder);
		file_folder[0] = '\0';
		return -1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

static void remove_files(void)
{
	char path[400];
	struct dirent *entry;
	DIR *folder = opendir(file_folder);

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", file_folder, entry->d_name);
		if (remove(path) < 0)
			complain(path);
	}
	closedir(folder);
}

void bench_measure_end(void)
{
	if (file_folder[0] == '\0')
		return;
	remove_files();
	if (rmdir(file_folder) < 0)
		complain(file_folder);
	file_folder[0] = '\0';
}

/* ------------------------------------------------------------------- CPUs -- */

int bench_cpus(void)
{
	cpu_set_t allowed;

	return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
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

static int pin_to(int n)
{
	cpu_set_t one;
	int cpu = nth_cpu(n);

	if (cpu < 0) {
		fprintf(stderr, "bench: there are not enough processors for this placement\n");
		return -1;
	}
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof one, &one) < 0 ? complain("sched_setaffinity") : 0;
}

static int pin(bench_place place, bool is_client)
{
	if (place == BENCH_FREE || place == BENCH_HOGS)
		return 0;
	return pin_to(place == BENCH_DIFF && is_client ? 1 : 0);
}

/* -------------------------------------------------------------- processes -- */

/* In a child: as if it had been started on its own. */
static void begin_child(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
}

/* Descriptors where board.h says; everything else is closed by exec. */
static void hand_over(int board_fd, int ready_fd)
{
	/* Away from where they are to be put. */
	int board = fcntl(board_fd, F_DUPFD_CLOEXEC, 10);
	int ready = ready_fd < 0 ? -1 : fcntl(ready_fd, F_DUPFD_CLOEXEC, 10);

	/* What a contender prints is not of the results. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	dup2(board, BENCH_BOARD_FD);
	if (ready >= 0)
		dup2(ready, BENCH_READY_FD);
}

static void run_program(const bench_group *group, const char *what, const char *index)
{
	char path[400];

	snprintf(path, sizeof path, "%s/contender_%s", program_folder, group->entry->program);
	execl(path, path, what, group->entry->name, group->name, index, (char *)NULL);
	complain(path);
	_exit(127);
}

static int start_server(bench_group *group, bench_place place)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return complain("pipe");
	group->server = fork();
	if (group->server == 0) {
		begin_child(parent);
		if (pin(place, false) < 0)
			_exit(1);
		hand_over(group->board_fd, ends[1]);
		run_program(group, "serve", NULL);
	}
	close(ends[1]);
	group->ready = ends[0];
	return group->server < 0 ? complain("fork") : 0;
}

static int start_client(bench_group *group, bench_place place)
{
	pid_t parent = getpid(), pid;
	char index[12];

	snprintf(index, sizeof index, "%u", (unsigned)group->n_clients);
	pid = fork();
	if (pid == 0) {
		begin_child(parent);
		if (pin(place, true) < 0)
			_exit(1);
		hand_over(group->board_fd, -1);
		run_program(group, "call", index);
	}
	if (pid < 0)
		return complain("fork");
	group->clients[group->n_clients++] = pid;
	return 0;
}

static void burn(pid_t parent, int cpu)
{
	volatile unsigned long turns = 0;

	begin_child(parent);
	if (pin_to(cpu) < 0)
		_exit(1);
	for (;;)
		turns++;
}

static int start_hogs(bench_group *group)
{
	pid_t parent = getpid();
	int cpus = bench_cpus();

	for (int cpu = 0; cpu < cpus && cpu < MOST_HOGS; cpu++) {
		pid_t pid = fork();

		if (pid == 0)
			burn(parent, cpu);
		if (pid < 0)
			return complain("fork");
		group->hogs[group->n_hogs++] = pid;
	}
	return 0;
}

static int wait_ready(const bench_group *group)
{
	struct pollfd ready = {.fd = group->ready, .events = POLLIN};
	char byte;

	if (poll(&ready, 1, READY_MS) == 1 && read(group->ready, &byte, 1) == 1)
		return 0;
	if (!interrupted)
		fprintf(stderr, "bench: the server of %s did not get ready\n", group->entry->name);
	return -1;
}

/* Wait for one until `deadline`. Has it ended; and well? */
static bool await_end(pid_t pid, uint64_t deadline, bool *ret_well)
{
	struct timespec pause = {.tv_nsec = 200000};
	int status;

	*ret_well = false;
	for (;;) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid) {
			*ret_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
			return true;
		}
		if (ended < 0 && errno != EINTR)
			return true;
		if (now() >= deadline || interrupted)
			return false;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 5000000)
			pause.tv_nsec *= 2;
	}
}

/* Is anything left of a process group? Orphans come to us, and are waited for. */
static bool lives(pid_t leader)
{
	while (waitpid(-leader, NULL, WNOHANG) > 0)
		continue;
	return kill(-leader, 0) == 0;
}

/* Tell a process and all that it started to end, wait, and kill what does not. */
static void end_all(pid_t leader, int how)
{
	const struct timespec pause = {.tv_nsec = 500000};
	uint64_t deadline = now() + (uint64_t)ENDING_MS * 1000000;

	if (leader <= 0)
		return;
	kill(leader, how);
	while (lives(leader) && now() < deadline) {
		/* Who has lost its leader goes too. */
		if (kill(leader, 0) < 0)
			kill(-leader, how);
		nanosleep(&pause, NULL);
	}
	if (!lives(leader))
		return;
	kill(-leader, SIGKILL);
	while (waitpid(-leader, NULL, 0) > 0 || errno == EINTR)
		continue;
}

/* ----------------------------------------------------------------- groups -- */

static void sweep(const bench_group *group)
{
	pid_t pid;

	if (group->entry->has_sweep) {
		pid = fork();
		if (pid == 0)
			run_program(group, "sweep", NULL);
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
}

static void dissolve(bench_group *group)
{
	for (int i = 0; i < group->n_hogs; i++)
		end_all(group->hogs[i], SIGKILL);
	/* All are told before any is waited for: they may be many. */
	for (uint32_t i = 0; i < group->n_clients; i++)
		kill(group->clients[i], SIGTERM);
	for (uint32_t i = 0; i < group->n_clients; i++)
		end_all(group->clients[i], SIGTERM);
	end_all(group->server, SIGTERM);
	if (group->ready >= 0)
		close(group->ready);
	sweep(group);
	if (group->board != NULL)
		munmap(group->board, sizeof *group->board);
	if (group->board_fd >= 0)
		close(group->board_fd);
	free(group);
}

static int make_board(bench_group *group)
{
	void *memory;

	group->board_fd = memfd_create("bench", MFD_CLOEXEC);
	if (group->board_fd < 0 || ftruncate(group->board_fd, sizeof *group->board) < 0)
		return complain("memfd_create");
	memory = mmap(NULL, sizeof *group->board, PROT_READ | PROT_WRITE, MAP_SHARED,
		      group->board_fd, 0);
	if (memory == MAP_FAILED)
		return complain("mmap");
	group->board = memory;
	return 0;
}

static bench_group *make_group(const bench_entry *entry, const bench_task *task)
{
	bench_group *group = calloc(1, sizeof *group);

	if (group == NULL) {
		complain("memory");
		return NULL;
	}
	group->entry = entry;
	group->board_fd = group->ready = -1;
	snprintf(group->name, sizeof group->name, "b-%d-%u", (int)getpid(), ++serial % 100000);
	if (make_board(group) < 0) {
		dissolve(group);
		return NULL;
	}
	group->board->task = *task;
	snprintf(group->board->task.directory, sizeof group->board->task.directory, "%s",
		 file_folder);
	return group;
}

static int start_group(bench_group *group, bench_place place)
{
	group->place = place;
	if (start_server(group, place) < 0 || wait_ready(group) < 0)
		return -1;
	if (place == BENCH_HOGS && start_hogs(group) < 0)
		return -1;
	for (uint32_t i = 0; i < group->board->task.clients; i++)
		if (start_client(group, place) < 0)
			return -1;
	return 0;
}

/* Has one of these clients come to a bad end, that is not waited for yet? */
static bool has_failed(const bench_group *group, uint32_t first)
{
	siginfo_t end;

	for (uint32_t i = first; i < group->n_clients; i++) {
		end.si_pid = 0;
		if (waitid(P_PID, (id_t)group->clients[i], &end, WEXITED | WNOHANG | WNOWAIT) ==
			    0 &&
		    end.si_pid != 0 && (end.si_code != CLD_EXITED || end.si_status != 0))
			return true;
	}
	return false;
}

/* Wait for a client, as long as the others, that it may wait for, do not fail. */
static bool await_client(const bench_group *group, uint32_t client, uint64_t deadline)
{
	bool well;

	while (!await_end(group->clients[client], now() + (uint64_t)LOOK_MS * 1000000, &well)) {
		if (interrupted || has_failed(group, client))
			return false;
		if (now() >= deadline) {
			fprintf(stderr, "bench: a client of %s (%s) does not come to an end\n",
				group->entry->name, bench_places[group->place].name);
			return false;
		}
	}
	return well;
}

/* One that has failed leaves the others waiting for it: they are told to end. */
static int await_clients(const bench_group *group)
{
	const bench_task *task = &group->board->task;
	uint64_t deadline = now() + task->warm_up_ns + task->most_ns + (uint64_t)SPARE_MS * 1000000;
	bool well = true;

	for (uint32_t i = 0; well && i < group->n_clients; i++)
		well = await_client(group, i, deadline);
	if (!well && !interrupted)
		fprintf(stderr, "bench: a client of %s (%s) failed\n", group->entry->name,
			bench_places[group->place].name);
	return well && !interrupted ? 0 : -1;
}

/* ---------------------------------------------------------------- figures -- */

/* The samples of all clients, one after the other; sorted. */
static size_t gather(bench_board *board)
{
	uint64_t each = BENCH_SAMPLES / board->task.clients;
	size_t n = 0;

	for (uint32_t i = 0; i < board->task.clients; i++) {
		memmove(board->samples + n, board->samples + i * each,
			board->outcomes[i].n_samples * sizeof board->samples[0]);
		n += board->outcomes[i].n_samples;
	}
	stats_sort(board->samples, n);
	return n;
}

static void work_out(bench_board *board, bench_figures *ret_figures)
{
	size_t n = gather(board);
	double calls = 0, rate = 0, cpu = (double)board->outcomes[0].server_cpu_ns;

	for (uint32_t i = 0; i < board->task.clients; i++) {
		const bench_outcome *outcome = &board->outcomes[i];

		calls += (double)outcome->calls;
		rate += (double)outcome->calls * 1e9 / (double)outcome->elapsed_ns;
		cpu += (double)outcome->cpu_ns;
	}
	*ret_figures = (bench_figures){{
		[BENCH_P50] = n > 0 ? stats_percentile_us(board->samples, n, 50) : NAN,
		[BENCH_P99] = n >= P99_CALLS ? stats_percentile_us(board->samples, n, 99) : NAN,
		[BENCH_P999] = n >= P999_CALLS ? stats_percentile_us(board->samples, n, 99.9) : NAN,
		[BENCH_RATE] = rate,
		[BENCH_CPU] = cpu / 1000.0 / calls,
		[BENCH_CLIENT_KB] = (double)board->outcomes[0].peak_kb,
		[BENCH_SERVER_KB] = (double)board->outcomes[0].server_peak_kb,
		[BENCH_CALLS] = calls,
	}};
}

int bench_measure(const bench_entry *entry, const bench_task *task, bench_place place,
		  bench_figures *ret_figures)
{
	bench_group *group;
	int r = -1;

	if (interrupted)
		return -1;
	group = make_group(entry, task);
	if (group == NULL)
		return -1;
	if (start_group(group, place) == 0 && await_clients(group) == 0) {
		work_out(group->board, ret_figures);
		r = 0;
	}
	dissolve(group);
	remove_files();
	return r;
}

/* ------------------------------------------------------------------ still -- */

bench_still *bench_measure_still(const bench_entry *entry)
{
	const bench_task task = {
		.kind = BENCH_IDLE,
		.clients = 1,
		.window = 1,
		.warm_up_ns = 1000000000,
		.most_ns = 1000000000,
	};
	const struct timespec pause = {.tv_nsec = 5000000};
	uint64_t deadline = now() + (uint64_t)READY_MS * 1000000;
	bench_group *group = interrupted ? NULL : make_group(entry, &task);

	if (group == NULL)
		return NULL;
	if (start_group(group, BENCH_FREE) == 0)
		while (atomic_load(&group->board->arrived) == 0 && now() < deadline && !interrupted)
			nanosleep(&pause, NULL);
	if (atomic_load(&group->board->arrived) > 0)
		return group;
	dissolve(group);
	return NULL;
}

pid_t bench_still_client(const bench_still *still)
{
	return still->clients[0];
}

size_t bench_still_servers(const bench_still *still, pid_t ret_pids[BENCH_MOST_HELPERS + 1])
{
	size_t n = 0;

	ret_pids[n++] = still->server;
	for (uint32_t i = 0; i < atomic_load(&still->board->n_helpers); i++)
		ret_pids[n++] = atomic_load(&still->board->helpers[i]);
	return n;
}

void bench_measure_wake(bench_still *still)
{
	if (still != NULL)
		dissolve(still);
}
