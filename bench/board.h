/*
 * board.h - memory that the benchmark and its processes share for a measurement.
 *
 * The benchmark makes it (a memfd), writes the task and starts the processes
 * with it as descriptor BENCH_BOARD_FD; they write what came of it.
 */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BENCH_BOARD_FD = 3, /* of the processes: this memory */
	BENCH_READY_FD = 4, /* of a server: a pipe, in which it says that it is ready */
	BENCH_MOST_CLIENTS = 256,
	BENCH_MOST_HELPERS = 4,
	BENCH_MOST_OUTSTANDING = 4096,
	BENCH_SAMPLES = 1 << 21 /* of all clients together */
};

typedef enum bench_kind {
	BENCH_ADD,
	BENCH_ECHO,
	BENCH_PASS,      /* bytes that are lent, and not looked at */
	BENCH_PIPELINED, /* Add, many at once */
	BENCH_IDLE       /* ten calls of Add, and then nothing */
} bench_kind;

/* What each client is to do. */
typedef struct bench_task {
	bench_kind kind;
	uint32_t clients;
	uint32_t window;      /* calls that are out at once, PIPELINED */
	uint64_t size;        /* bytes, ECHO and PASS */
	uint64_t pace_ns;     /* from the begin of a call to that of the next; 0: at once */
	uint64_t warm_up_ns;  /* for so long at most */
	uint64_t duration_ns; /* for so long, and until as many calls have been made: */
	uint64_t least_calls;
	uint64_t most_ns;    /* but no longer than that */
	uint64_t most_calls; /* and no more than that; 0: as many as there is room for */
	char directory[64];  /* for files */
} bench_task;

/* What came of it, a client each. */
typedef struct bench_outcome {
	uint64_t calls;
	uint64_t n_samples; /* of the samples that are this client's */
	uint64_t elapsed_ns;
	uint64_t cpu_ns;         /* of this client */
	uint64_t server_cpu_ns;  /* of the server and its helpers; written by client 0 */
	uint64_t peak_kb;        /* most memory that this client had */
	uint64_t server_peak_kb; /* ... the server and its helpers; written by client 0 */
} bench_outcome;

typedef struct bench_board {
	bench_task task;
	_Atomic int32_t server;
	_Atomic uint32_t n_helpers;
	_Atomic int32_t helpers[BENCH_MOST_HELPERS];
	_Atomic uint32_t arrived; /* clients that are ready to begin */
	bench_outcome outcomes[BENCH_MOST_CLIENTS];
	uint32_t samples[BENCH_SAMPLES]; /* ns, BENCH_SAMPLES / clients each */
} bench_board;

#endif
