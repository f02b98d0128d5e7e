/* workload.h - what is measured, and where the processes run meanwhile. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"
#include "roster.h"

typedef enum bench_place {
	BENCH_SAME, /* on one CPU: the cost of the software, the fairest */
	BENCH_DIFF, /* server and clients on two: the cost of waking one another comes on top */
	BENCH_FREE, /* where the kernel likes: what users get */
	BENCH_HOGS, /* the same, with a process on each CPU that never sleeps */
	BENCH_PLACES
} bench_place;

typedef struct bench_place_info {
	const char *name;
	const char *text;
} bench_place_info;

extern const bench_place_info bench_places[BENCH_PLACES];

typedef struct bench_workload {
	const char *name;
	const char *text;
	bench_kind kind;
	uint64_t size;
	uint32_t clients;
	bool by_rate; /* calls a second are what counts, and not the time that one takes */
} bench_workload;

enum {
	BENCH_WORKLOADS = 8
};
extern const bench_workload bench_workloads[BENCH_WORKLOADS];

/* Of that name, or -1. */
int bench_workload_find(const char *name);
int bench_place_find(const char *name);

/* Is this something that the contender can do? */
bool bench_can(const bench_entry *entry, bench_kind kind, uint64_t size);

#endif
