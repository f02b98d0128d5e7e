/* processes.h - what the kernel tells of a process: /proc. What it does not tell is 0. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <sys/types.h>

/* How often its threads were put on a CPU, or taken off it. */
double process_switches(pid_t pid);

/* Resident memory that is its own: private and dirty, or shared and not of a file. */
double process_private_kb(pid_t pid);

/* Resident memory, with what it shares with others. */
double process_resident_kb(pid_t pid);

/* What it has taken of the CPUs. */
double process_cpu_us(pid_t pid);

/* What a program or library takes in memory when it is loaded: its segments' bytes in the file. */
double program_loaded_bytes(const char *path);

#endif
