/*
 * hot_path.c - a client and a server of `Add`, whose instructions tests/test_instructions counts,
 * and tests/test_system_calls what they ask of the kernel.
 *
 *	hot_path serve ENDPOINT    until it gets a SIGTERM
 *	hot_path call ENDPOINT [N] makes the calls, or N, none of which is counted by callgrind
 *	hot_path key               what the counts depend on: compiler, machine, options
 *
 * Between marks, which callgrind sees, one side makes or serves CALLS calls: the thread that
 * calls, and the thread that serves, each in the middle of its work, so that all they do
 * for a call is counted that often. Elsewhere the marks do nothing.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnu/libc-version.h>

#include "bench.mqc.h"
#include "sanitizer.h"

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif

enum {
	WARM_UP = 200,
	CALLS = 1000,
	TIMEOUT_MS = 60000
};

#if defined(__clang__)
#define COMPILER "clang"
#define COMPILER_VERSION __clang_major__
#else
#define COMPILER "gcc"
#define COMPILER_VERSION __GNUC__
#endif

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#else
#define MACHINE "other"
#endif

#ifndef HOT_PATH_FLAGS
#define HOT_PATH_FLAGS ""
#endif

static void mark(void)
{
#ifdef CALLGRIND_TOGGLE_COLLECT
	CALLGRIND_TOGGLE_COLLECT;
#endif
}

static int complain(const char *who)
{
	fprintf(stderr, "%s: %s\n", who, mqc_error_last()->text);
	return 1;
}

/* The marks stand in the same place of two calls. */
static int add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	static unsigned calls;

	(void)self;
	(void)call;
	*ret_sum = a + b;
	calls++;
	if (calls == WARM_UP || calls == WARM_UP + CALLS)
		mark();
	return MQC_OK;
}

static int serve(const char *endpoint)
{
	static const bench_handlers handlers = {.add = add};
	const mqc_server_options options = {.stop_on_signals = true};
	mqc_server *server = NULL;
	int status = 0;

	if (mqc_server_open(endpoint, &options, &server) < 0 ||
	    bench_serve(server, &handlers, NULL) < 0 || mqc_server_run(server) < 0)
		status = complain("server");
	mqc_server_close(server);
	return status;
}

static int call_repeatedly(mqc_client *client, int calls)
{
	int32_t sum;

	for (int i = 0; i < calls; i++)
		if (bench_add(client, i, 7, &sum) < 0 || sum != i + 7)
			return -1;
	return 0;
}

static int call_between_marks(mqc_client *client)
{
	int r = call_repeatedly(client, WARM_UP);

	mark();
	if (r == 0)
		r = call_repeatedly(client, CALLS);
	mark();
	/* The server's second mark is behind them. */
	return r < 0 ? r : call_repeatedly(client, WARM_UP);
}

static int call(const char *endpoint, int calls)
{
	const mqc_client_options options = {
		.wait_for_server = true,
		.open_timeout_ms = TIMEOUT_MS,
		.timeout_ms = TIMEOUT_MS,
		.spin_us = MQC_SPIN_OFF,
	};
	mqc_client *client = NULL;
	int r;

	if (mqc_client_open(endpoint, &options, &client) < 0)
		return complain("client");
	r = calls > 0 ? call_repeatedly(client, calls) : call_between_marks(client);
	if (r < 0)
		(void)complain("client");
	mqc_client_close(client);
	return r < 0;
}

static int print_key(void)
{
#if MQCI_ADDRESS_SANITIZER || MQCI_THREAD_SANITIZER
	printf("sanitizers have instructions of their own\n");
	return 77;
#elif !defined(CALLGRIND_TOGGLE_COLLECT)
	printf("valgrind/callgrind.h was not there when this was compiled\n");
	return 77;
#else
	printf("%s-%d %s glibc-%s %s\n", COMPILER, COMPILER_VERSION, MACHINE,
	       gnu_get_libc_version(), HOT_PATH_FLAGS);
	return 0;
#endif
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "key") == 0)
		return print_key();
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 3 && strcmp(argv[1], "call") == 0)
		return call(argv[2], 0);
	if (argc == 4 && strcmp(argv[1], "call") == 0 && atoi(argv[3]) > 0)
		return call(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: hot_path serve ENDPOINT | call ENDPOINT [N] | key\n");
	return 2;
}
