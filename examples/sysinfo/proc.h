/*
 * proc.h - what /proc tells, as values. 0, or a negative errno.
 */
#ifndef SYSINFO_PROC_H
#define SYSINFO_PROC_H

#include <stddef.h>
#include <stdint.h>

/* The averages over one, five and fifteen minutes. */
int proc_load(double ret_load[3]);

/* In bytes. */
int proc_memory(uint64_t *ret_total, uint64_t *ret_available);

int proc_uptime(double *ret_seconds);

struct proc_process {
	char name[64];
	char state; /* R S D T t Z I, as proc(5) has it */
	int32_t parent;
	uint32_t threads;
	uint64_t resident; /* bytes */
	/* The arguments, each ended by a zero byte; cut if there are more. */
	char arguments[4096];
	size_t arguments_size;
};

/* -ENOENT, -ESRCH: no such process. */
int proc_process(int32_t pid, struct proc_process *ret_process);

#endif
