/* workload.c - see workload.h. */
#include "workload.h"

#include <string.h>

const bench_place_info bench_places[BENCH_PLACES] = {
	{"same", "both sides on one CPU"},
	{"diff", "each side on a CPU of its own"},
	{"free", "wherever the kernel puts them"},
	{"hogs", "wherever the kernel puts them, beside a CPU hog on each CPU"},
};

const bench_workload bench_workloads[BENCH_WORKLOADS] = {
	{"add", "Add, the null call", BENCH_ADD, 0, 1, false},
	{"echo-64", "Echo of 64 bytes", BENCH_ECHO, 64, 1, false},
	{"echo-1k", "Echo of 1 KiB", BENCH_ECHO, 1 << 10, 1, false},
	{"echo-64k", "Echo of 64 KiB", BENCH_ECHO, 64 << 10, 1, false},
	{"echo-1m", "Echo of 1 MiB", BENCH_ECHO, 1 << 20, 1, false},
	{"pass-1m", "1 MiB that is lent, passed on and not looked at", BENCH_PASS, 1 << 20, 1,
	 false},
	{"four", "Add, four clients at once", BENCH_ADD, 0, 4, true},
	{"pipelined", "Add, many calls at once by one thread", BENCH_PIPELINED, 0, 1, true},
};

int bench_workload_find(const char *name)
{
	for (int i = 0; i < BENCH_WORKLOADS; i++)
		if (strcmp(bench_workloads[i].name, name) == 0)
			return i;
	return -1;
}

int bench_place_find(const char *name)
{
	for (int i = 0; i < BENCH_PLACES; i++)
		if (strcmp(bench_places[i].name, name) == 0)
			return i;
	return -1;
}

bool bench_can(const bench_entry *entry, bench_kind kind, uint64_t size)
{
	if (!entry->is_there)
		return false;
	switch (kind) {
	case BENCH_ECHO:
		return entry->has_echo && (entry->payload_max == 0 || size <= entry->payload_max);
	case BENCH_PASS:
		return entry->has_pass;
	case BENCH_PIPELINED:
		return entry->most_outstanding > 0;
	case BENCH_ADD:
	case BENCH_IDLE:
		break;
	}
	return entry->has_add;
}
