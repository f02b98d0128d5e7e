/* machine.h - on what the figures were measured. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>

typedef struct bench_machine {
	char cpu[128];    /* the model */
	char kernel[128]; /* name and release */
	int cores;        /* that this process may use */
	bool is_virtual;  /* a guest of a hypervisor */
	char compiler[64];
	double load; /* processes that wanted to run, on average of a minute */
} bench_machine;

/* What is not to be found out is "unknown". */
void bench_machine_describe(bench_machine *ret_machine);

#endif
