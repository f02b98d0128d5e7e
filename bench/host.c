/*
 * host.c - main() of every contender's program: a server or a client of it.
 *
 *	PROGRAM describe           what it can do, a line for each contender
 *	PROGRAM serve WHO NAME     with the board and the pipe of board.h
 *	PROGRAM call WHO NAME N    the client N, with the board
 *	PROGRAM sweep WHO NAME
 *
 * The times are taken here, around the contender's functions. What its server
 * takes of the CPUs is read from the clocks that the kernel keeps for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "contender.h"

enum {
	WARM_UP_CALLS = 500,
	WARM_UP_LEAST = 5,
	IDLE_CALLS = 10,
	/* Of many calls at once one of so many is timed: for the fastest, two looks at the clock
	   would be a fifth of what a call costs. */
	TIMED = 7,
	WHOLE_CHECKS = 3
};

#define NOT_TIMED 1

static bench_board *board;
static uint32_t client_index;

/* A client's work. */
typedef struct bench_job {
	const bench_contender *contender;
	const bench_task *task;
	void *connection;
	char *data; /* what Echo carries */
	uint64_t calls;
	uint32_t *samples;
	uint64_t n_samples, most_samples;
	/* of calls that are out, by ticket */
	uint64_t *begun; /* 0: it is not; or NOT_TIMED */
	int32_t *sums;
	uint32_t *free_tickets;
	uint32_t n_free;
	bool failed;
} bench_job;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---------------------------------------------------- what contenders use -- */

void bench_read(const void *data, size_t size)
{
	const char *bytes = data;
	uint64_t sum = 0, word;

	for (size_t i = 0; i + sizeof word <= size; i += 64) {
		memcpy(&word, bytes + i, sizeof word);
		sum += word;
	}
	__asm__ volatile("" : : "r"(sum) : "memory");
}

uint32_t bench_client_index(void)
{
	return client_index;
}

uint32_t bench_clients(void)
{
	return board->task.clients;
}

uint32_t bench_window(void)
{
	return board->task.kind == BENCH_PIPELINED ? board->task.window : 0;
}

size_t bench_payload(void)
{
	return board->task.size;
}

void bench_path(const char *name, const char *suffix, char *ret_path)
{
	snprintf(ret_path, BENCH_PATH_SIZE, "%s/%s.%s", board->task.directory, name, suffix);
}

/* Daemons tell much on their terminals; whether they are there, their clients see. */
static void run_quietly(char **argv)
{
	int complaints = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
	execvp(argv[0], argv);
	dprintf(complaints, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int bench_start_helper(char **argv)
{
	uint32_t n = atomic_load(&board->n_helpers);
	pid_t parent = getpid(), pid;

	if (n == BENCH_MOST_HELPERS) {
		fprintf(stderr, "%s: there are too many helpers\n", argv[0]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		run_quietly(argv);
	}
	if (pid < 0) {
		perror(argv[0]);
		return -1;
	}
	atomic_store(&board->helpers[n], pid);
	atomic_store(&board->n_helpers, n + 1);
	return 0;
}

int bench_await_socket(const char *path)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r = -1;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (int tries = 0; r < 0 && tries < 2000; tries++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			break;
		r = connect(fd, (const struct sockaddr *)&address, sizeof address);
		close(fd);
		if (r < 0)
			nanosleep(&pause, NULL);
	}
	if (r < 0)
		fprintf(stderr, "%s: nobody listens there\n", path);
	return r;
}

/* ------------------------------------------------------------- accounting -- */

static uint64_t cpu_of(pid_t pid)
{
	struct timespec time;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) < 0)
		return 0;
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t cpu_of_servers(void)
{
	uint64_t sum = cpu_of(atomic_load(&board->server));

	for (uint32_t i = 0; i < atomic_load(&board->n_helpers); i++)
		sum += cpu_of(atomic_load(&board->helpers[i]));
	return sum;
}

static uint64_t peak_kb_of(pid_t pid)
{
	char path[40], line[256];
	unsigned long long kb = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (kb == 0 && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtoull(line + 6, NULL, 10);
	fclose(file);
	return kb;
}

static uint64_t peak_kb_of_servers(void)
{
	uint64_t sum = peak_kb_of(atomic_load(&board->server));

	for (uint32_t i = 0; i < atomic_load(&board->n_helpers); i++)
		sum += peak_kb_of(atomic_load(&board->helpers[i]));
	return sum;
}

/* ---------------------------------------------------------- one at a time -- */

/* Numbers of one size when packed, whatever the call. */
static int32_t first_number(uint64_t call)
{
	return (1 << 20) + (int32_t)(call & 0xffff);
}

static int call_add(bench_job *job)
{
	int32_t a = first_number(job->calls), b = 7, sum = 0;

	if (job->contender->add(job->connection, a, b, &sum) < 0)
		return -1;
	if (sum != a + b) {
		fprintf(stderr, "%s: says that %d + %d is %d\n", job->contender->name, a, b, sum);
		return -1;
	}
	return 0;
}

/* Something new at both ends, so that an old reply is not taken for this one's. */
static void stamp(bench_job *job)
{
	size_t size = job->task->size;
	uint64_t serial = job->calls * UINT64_C(0x9e3779b97f4a7c15);

	if (size >= sizeof serial) {
		memcpy(job->data, &serial, sizeof serial);
		memcpy(job->data + size - sizeof serial, &serial, sizeof serial);
	}
}

static int call_echo(bench_job *job)
{
	size_t size = job->task->size, got = 0, edge = size < 8 ? size : 8;
	const void *reply = NULL;

	stamp(job);
	if (job->contender->echo(job->connection, job->data, size, &reply, &got) < 0)
		return -1;
	if (got == size)
		bench_read(reply, size);
	if (got != size ||
	    (size > 0 &&
	     (memcmp(reply, job->data, edge) != 0 ||
	      memcmp((const char *)reply + size - edge, job->data + size - edge, edge) != 0)) ||
	    (size > 0 && job->calls < WHOLE_CHECKS && memcmp(reply, job->data, size) != 0)) {
		fprintf(stderr, "%s: echoes something else\n", job->contender->name);
		return -1;
	}
	return 0;
}

/* What is passed is looked at only in the first calls. */
static int call_pass(bench_job *job)
{
	const bench_contender *contender = job->contender;
	bool is_checked = job->calls < WHOLE_CHECKS;
	size_t size = job->task->size, got = 0;
	const void *reply = NULL;
	void *memory = NULL;

	if (contender->lend(job->connection, size, &memory) < 0)
		return -1;
	if (is_checked) {
		stamp(job);
		memcpy(memory, job->data, size);
	}
	if (contender->pass(job->connection, memory, size, &reply, &got) < 0)
		return -1;
	if (got != size || (is_checked && memcmp(reply, job->data, size) != 0)) {
		fprintf(stderr, "%s: passes something else\n", contender->name);
		return -1;
	}
	return 0;
}

static int call_once(bench_job *job)
{
	int r;

	switch (job->task->kind) {
	case BENCH_ECHO:
		r = call_echo(job);
		break;
	case BENCH_PASS:
		r = call_pass(job);
		break;
	default:
		r = call_add(job);
	}
	job->calls++;
	return r;
}

static void keep_sample(bench_job *job, uint64_t ns)
{
	if (job->n_samples < job->most_samples)
		job->samples[job->n_samples++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* Is there more to do, now that it is `time`? */
static bool goes_on(const bench_job *job, uint64_t begin, uint64_t time)
{
	const bench_task *task = job->task;

	if (task->most_calls > 0 && job->calls >= task->most_calls)
		return false;
	if (time - begin >= task->most_ns)
		return false;
	return time - begin < task->duration_ns || job->calls < task->least_calls;
}

static void sleep_until(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
				.tv_nsec = (long)(ns % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		continue;
}

static int call_singly(bench_job *job, uint64_t begin)
{
	uint64_t before, after, next = begin;

	do {
		if (job->task->pace_ns > 0) {
			sleep_until(next);
			next += job->task->pace_ns;
		}
		before = now();
		if (call_once(job) < 0)
			return -1;
		after = now();
		keep_sample(job, after - before);
	} while (goes_on(job, begin, after));
	return 0;
}

/* ------------------------------------------------------------ many at once -- */

static void on_ended(void *benchmark, uint32_t ticket, int32_t sum)
{
	bench_job *job = benchmark;

	if (ticket >= job->task->window || job->begun[ticket] == 0) {
		fprintf(stderr, "%s: a call has ended that was not out\n", job->contender->name);
		job->failed = true;
		return;
	}
	if (sum != job->sums[ticket]) {
		fprintf(stderr, "%s: says that %d is %d\n", job->contender->name, job->sums[ticket],
			sum);
		job->failed = true;
	}
	if (job->begun[ticket] != NOT_TIMED)
		keep_sample(job, now() - job->begun[ticket]);
	job->begun[ticket] = 0;
	job->free_tickets[job->n_free++] = ticket;
	job->calls++;
}

static int start_one(bench_job *job, uint64_t serial)
{
	uint32_t ticket = job->free_tickets[--job->n_free];
	int32_t a = first_number(serial), b = 7;

	job->begun[ticket] = serial % TIMED == 0 ? now() : NOT_TIMED;
	job->sums[ticket] = a + b;
	return job->contender->start(job->connection, ticket, a, b);
}

static int call_many(bench_job *job, uint64_t begin)
{
	uint64_t serial = 0;
	bool more = true;

	while (more || job->n_free < job->task->window) {
		while (more && job->n_free > 0)
			if (start_one(job, serial++) < 0)
				return -1;
		if (job->contender->wait(job->connection, on_ended, job) < 0 || job->failed)
			return -1;
		more = more && goes_on(job, begin, now());
	}
	return 0;
}

static int prepare_tickets(bench_job *job)
{
	uint32_t window = job->task->window;

	job->begun = calloc(window, sizeof *job->begun);
	job->sums = calloc(window, sizeof *job->sums);
	job->free_tickets = calloc(window, sizeof *job->free_tickets);
	if (job->begun == NULL || job->sums == NULL || job->free_tickets == NULL)
		return -1;
	while (job->n_free < window) {
		job->free_tickets[job->n_free] = window - 1 - job->n_free;
		job->n_free++;
	}
	return 0;
}

/* ----------------------------------------------------------------- client -- */

static int call_repeatedly(bench_job *job, uint64_t begin)
{
	return job->task->kind == BENCH_PIPELINED ? call_many(job, begin) : call_singly(job, begin);
}

/* As what is measured afterwards, for a moment. */
static int warm_up(bench_job *job)
{
	const bench_task *real = job->task;
	bench_task task = *real;
	uint64_t calls = task.kind == BENCH_IDLE ? IDLE_CALLS : WARM_UP_CALLS;
	int r;

	task.pace_ns = 0;
	task.most_calls =
		real->most_calls > 0 && real->most_calls < calls ? real->most_calls : calls;
	task.duration_ns = task.warm_up_ns;
	task.least_calls = WARM_UP_LEAST;
	job->task = &task;
	r = call_repeatedly(job, now());
	job->task = real;
	job->calls = 0;
	job->n_samples = 0;
	return r;
}

/* All clients begin together. Hundreds of them must not keep the CPUs from who comes last. */
static void wait_for_others(void)
{
	uint32_t arrived = atomic_fetch_add(&board->arrived, 1) + 1;

	if (arrived == board->task.clients)
		syscall(SYS_futex, &board->arrived, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	while ((arrived = atomic_load(&board->arrived)) < board->task.clients)
		syscall(SYS_futex, &board->arrived, FUTEX_WAIT, arrived, NULL, NULL, 0);
}

static int measure(bench_job *job)
{
	bench_outcome *outcome = &board->outcomes[client_index];
	uint64_t begin, cpu, server_cpu;
	int r;

	server_cpu = cpu_of_servers();
	cpu = cpu_of(getpid());
	begin = now();
	r = call_repeatedly(job, begin);
	outcome->elapsed_ns = now() - begin;
	outcome->cpu_ns = cpu_of(getpid()) - cpu;
	outcome->server_cpu_ns = cpu_of_servers() - server_cpu;
	outcome->calls = job->calls;
	outcome->n_samples = job->n_samples;
	outcome->peak_kb = peak_kb_of(getpid());
	outcome->server_peak_kb = peak_kb_of_servers();
	return r;
}

static int run_job(bench_job *job)
{
	int r = job->task->kind == BENCH_PIPELINED ? prepare_tickets(job) : 0;

	if (r < 0) {
		perror("bench");
		return -1;
	}
	r = warm_up(job);
	wait_for_others();
	if (r < 0)
		return -1;
	if (job->task->kind != BENCH_IDLE)
		return measure(job);
	for (;;)
		pause();
}

static int run_client(const bench_contender *contender, const char *name)
{
	uint64_t most = BENCH_SAMPLES / board->task.clients;
	bench_job job = {
		.contender = contender,
		.task = &board->task,
		.samples = board->samples + client_index * most,
		.most_samples = most,
	};
	int r;

	job.data = malloc(board->task.size + 1);
	if (job.data == NULL) {
		perror("bench");
		return -1;
	}
	for (size_t i = 0; i < board->task.size; i++)
		job.data[i] = (char)(i * 31);
	r = contender->connect(name, &job.connection);
	if (r == 0) {
		r = run_job(&job);
		contender->disconnect(job.connection);
	}
	free(job.data);
	free(job.begun);
	free(job.sums);
	free(job.free_tickets);
	return r;
}

/* ------------------------------------------------------------------- main -- */

static void tell_ready(void *benchmark)
{
	(void)benchmark;
	if (write(BENCH_READY_FD, "r", 1) != 1)
		perror("bench: write");
}

static void *map_bytes(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			    BENCH_BOARD_FD, 0);

	if (memory != MAP_FAILED)
		return memory;
	perror("bench: no board, which the benchmark gives to this program");
	return NULL;
}

/* Samples are memory that would be counted as the contender's: only who takes some maps them. */
static int map_board(bool is_client)
{
	board = map_bytes(offsetof(bench_board, samples));
	if (board != NULL && is_client && board->task.kind != BENCH_IDLE)
		board = map_bytes(sizeof *board);
	if (board == NULL)
		return -1;
	/* What a contender starts has no business with these. */
	fcntl(BENCH_BOARD_FD, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int run_server(const bench_contender *contender, const char *name)
{
	fcntl(BENCH_READY_FD, F_SETFD, FD_CLOEXEC);
	atomic_store(&board->server, getpid());
	return contender->serve(name, tell_ready, NULL);
}

static void describe(void)
{
	for (size_t i = 0; bench_contenders[i] != NULL; i++) {
		const bench_contender *contender = bench_contenders[i];

		printf("%s %d %d %d %u %u %u %zu %d\n", contender->name, contender->add != NULL,
		       contender->echo != NULL, contender->pass != NULL,
		       contender->start != NULL ? contender->most_outstanding : 0,
		       contender->liked_outstanding, contender->most_clients,
		       contender->payload_max, contender->sweep != NULL);
	}
}

static const bench_contender *find(const char *name)
{
	for (size_t i = 0; bench_contenders[i] != NULL; i++)
		if (strcmp(bench_contenders[i]->name, name) == 0)
			return bench_contenders[i];
	fprintf(stderr, "bench: there is no contender '%s' in this program\n", name);
	return NULL;
}

static int run(const bench_contender *contender, char **argv)
{
	if (strcmp(argv[1], "sweep") == 0) {
		if (contender->sweep != NULL)
			contender->sweep(argv[3]);
		return 0;
	}
	if (map_board(strcmp(argv[1], "call") == 0) < 0)
		return -1;
	if (strcmp(argv[1], "serve") == 0)
		return run_server(contender, argv[3]);
	client_index = (uint32_t)strtoul(argv[4], NULL, 10);
	return run_client(contender, argv[3]);
}

int main(int argc, char **argv)
{
	const bench_contender *contender;

	if (argc == 2 && strcmp(argv[1], "describe") == 0) {
		describe();
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (!(argc == 4 && (strcmp(argv[1], "serve") == 0 || strcmp(argv[1], "sweep") == 0)) &&
	    !(argc == 5 && strcmp(argv[1], "call") == 0)) {
		fprintf(stderr, "%s is a part of mqcall's benchmark: run ./dev bench\n", argv[0]);
		return 2;
	}
	contender = find(argv[2]);
	return contender == NULL || run(contender, argv) < 0 ? 1 : 0;
}
