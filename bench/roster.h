/* roster.h - who takes part, in the order in which they are shown; and who is there. */
#ifndef BENCH_ROSTER_H
#define BENCH_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_MOST_CONTENDERS 32

typedef enum bench_side {
	BENCH_RAW,  /* the least possible */
	BENCH_OURS, /* mqcall */
	BENCH_PEER  /* what people would pick instead */
} bench_side;

typedef struct bench_entry {
	const char *name;  /* for --only and for programs that read the results */
	const char *title; /* for people */
	const char *program;
	const char *packages; /* of Debian, that it takes; "": none */
	bench_side side;
	bool spins; /* waits for the other side without sleeping */

	/* What the program says of itself; `why` has a text if it is not there. */
	bool is_there;
	char why[240];
	bool has_add, has_echo, has_pass, has_sweep;
	uint32_t most_outstanding; /* 0: has no calls at once */
	uint32_t liked_outstanding;
	uint32_t most_clients; /* 0: no limit */
	size_t payload_max;    /* 0: no limit */
} bench_entry;

/* Those of the roster, and how many. The first two are what the others are compared to. */
extern bench_entry bench_roster[];
extern const size_t bench_roster_size;
enum {
	BENCH_REFERENCE = 0,
	BENCH_SPINNING_REFERENCE = 1
};

/* NULL if there is none. */
bench_entry *bench_roster_find(const char *name);

/* Ask the programs, which lie in `folder`. Returns 0, or -1 with a message on stderr. */
int bench_roster_ask(const char *folder);

#endif
