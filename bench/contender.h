/*
 * contender.h - what can take part in a benchmark: one file each.
 *
 * A contender is a way to make the call `int32 Add(int32 a, int32 b)` from one
 * process to another. The benchmark forks a server and a client process for
 * every measurement, pins them, and times the calls; a contender only knows
 * how to serve, connect and call.
 *
 * In every function:
 *   `name`    is unlike that of any other measurement running on this machine,
 *             20 characters at most of a-z, 0-9 and '-'. Whatever a contender
 *             creates with a name in the system, it names by it.
 *   result    0, or -1 with a message on stderr that says what failed.
 *
 * To add one: write contender_NAME.c, list it in contenders.c and local.am.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdint.h>

/* Tells the benchmark that the server can be connected to. */
typedef void (*bench_ready)(void *benchmark);

typedef struct bench_contender {
	const char *name;  /* for --only and for programs that read the results */
	const char *title; /* for people */

	/*
	 * In the server process: set up, call ready(benchmark) once, serve.
	 * SIGTERM ends it, by a clean return or by death. What it answers to
	 * Add is the sum.
	 */
	int (*serve)(const char *name, bench_ready ready, void *benchmark);

	/*
	 * In the client process, when the server is ready. *ret_connection is
	 * handed to the two below.
	 */
	int (*connect)(const char *name, void **ret_connection);

	/* One call. What this takes is what is measured. */
	int (*add)(void *connection, int32_t a, int32_t b, int32_t *ret_sum);

	void (*disconnect)(void *connection);

	/*
	 * In the benchmark's own process, when server and client are gone,
	 * however they went: remove what may be left under `name`. May be NULL.
	 */
	void (*sweep)(const char *name);
} bench_contender;

/* All of them, ended by NULL. The first is what the others are compared to. */
extern const bench_contender *const bench_contenders[];

#endif
