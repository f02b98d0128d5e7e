/*
 * support.h - what the Check suites have in common: a guard against leaks, names, other processes.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mqcall/mqcall.h>

#include "things.h"

/*
 * A test case whose tests are under guard: when one ends, this process has no
 * more descriptors open than at its beginning, no client's queue, and nothing of
 * an endpoint that support_endpoint() named.
 */
TCase *support_case(Suite *suite, const char *name);

/* Run the tests of a suite, and free it: what main() returns. */
int support_run(Suite *suite);

/* End this test, which cannot be done here, telling why. */
void support_skip(const char *why);

/* A name for an endpoint that nobody else uses; valid until the test ends. */
const char *support_endpoint(void);

/* The one it gave last. */
const char *support_last_endpoint(void);

/* The name of its queue, and of its record. */
const char *support_queue_name(const char *endpoint);

/* Whether the queue, or the segment, is there. */
bool support_queue_exists(const char *name);
bool support_segment_exists(const char *name);

/* How many descriptors this process has open. */
unsigned support_descriptors(void);

/* Fail the test unless `result` is OK, showing the error; say what code it is instead. */
#define support_ok(result) support_check_status(__FILE__, __LINE__, #result, result, MQC_OK)
#define support_fails(result, status)                                                              \
	support_check_status(__FILE__, __LINE__, #result, result, status)
void support_check_status(const char *file, int line, const char *what, int result, int expected);

/* Fail the test unless the last error's text has `part` in it. */
void support_error_has(const char *part);

/* ------------------------------------------------------------ processes -- */

/*
 * Run `body` in a child; give its exit status, or 128 and the signal that ended it. Not while
 * other threads assert something: the child would have Check's lock for ever.
 */
int support_in_child(int (*body)(void *data), void *data);

/*
 * Whether a test of descriptors that are scarce is to be left out, which is then told:
 * valgrind refuses one only after the kernel has made what it stands for, and leaves that.
 */
bool support_skip_scarcity(void);

/*
 * Whether there are descriptors for processes. Where there are not, as under an old
 * valgrind, a server learns of a client's death when the next one comes.
 */
bool support_has_pidfds(void);

bool support_under_valgrind(void);

/* ThreadSanitizer ends a process that forks with threads and then starts some. */
#if defined(__SANITIZE_THREAD__)
#define SUPPORT_THREADS_AFTER_FORK false
/* And it crashes in threads that libc starts by itself, as for SIGEV_THREAD. */
#define SUPPORT_THREADS_OF_LIBC false
#else
#define SUPPORT_THREADS_AFTER_FORK true
#define SUPPORT_THREADS_OF_LIBC true
#endif

/*
 * A server process, tests/peer, that hosts the service of things.h; it is
 * killed when the test's process ends.
 */
struct peer {
	pid_t pid;
	int output; /* what it prints */
};

/*
 * Start one, and wait until its endpoint is open. `options` are words such as
 * "threads=4 signals", see peer.c; by default it has a small queue.
 */
struct peer peer_start(const char *endpoint, const char *options);

/* Wait until so many more calls of Wait and Until have begun. It has been started with "tells". */
void peer_await_begun(const struct peer *peer, int calls);

/* Wait until it ends by itself: its exit status, or 128 and a signal. */
int peer_wait(struct peer *peer);

/* Send SIGTERM, and wait: it must end cleanly. It has been started with "signals". */
void peer_stop(struct peer *peer);

/* Kill it with SIGKILL. */
void peer_kill(struct peer *peer);

/* Stop it for a while with SIGSTOP, until it has stopped; and let it go on. */
void peer_freeze(const struct peer *peer);
void peer_thaw(const struct peer *peer);

/* Wait until so many messages are in the queue of an endpoint that nobody serves just now. */
void support_await_queued(const char *endpoint, size_t messages);

/* Wait until a server executes a session's call of this number; session 0: any call. */
void support_await_execution(const char *endpoint, uint64_t session, unsigned call);

/* A server on a thread of this process, with the service of things.h. */
struct host {
	mqc_server *server;
	things self;
	pthread_t thread;
	int result; /* of mqc_server_run() */
};

/* Open and run it; options may be NULL: then it has one thread and a small queue. */
void host_start(struct host *host, const char *endpoint, const mqc_server_options *options);

/* Run a server that has been opened. */
void host_run(struct host *host);

/* Wait until it has stopped, and close it. */
void host_join(struct host *host);

/* Stop it first. */
void host_stop(struct host *host);

/* -------------------------------------------------------------- clients -- */

/*
 * Open a client with a small reply queue of `reply_messages`, and a window of one
 * call less; 0 for the default numbers.
 */
mqc_client *support_client(const char *endpoint, int reply_messages);

/* Finish a call of things.h that was started, and must have succeeded: what it returned. */
int64_t support_finish(mqc_pending *pending);

/* The same of one that must have ended with this status, by which it has run perhaps, or not. */
void support_finish_fails(mqc_pending *pending, int status, bool maybe_executed);

/* Sleep. */
void support_sleep_ms(int ms);

/* Milliseconds on CLOCK_MONOTONIC. */
int64_t support_now_ms(void);

/* Call `holds` until it does, for a long time at most; whether it did. */
bool support_wait_for(bool (*holds)(void *data), void *data);

#endif
