/*
 * contender.h - what can take part in a benchmark: one file each.
 *
 * A contender is a way to call a service of another process: `Add`, which has
 * two numbers and answers with their sum, and `Echo`, which is given bytes and
 * answers with the same bytes. It knows how to serve, connect and call, and
 * nothing else: the benchmark starts the processes, pins them, takes the times
 * and looks at what was answered.
 *
 * The same work for all. Of an Echo the client writes the bytes, the server
 * reads them and writes them back, and the client reads them:
 *   the client   has `data` in memory of its own, and the call carries a copy;
 *   the server   passes all it got to bench_read(), and answers with a copy;
 *   the client   shows where the reply lies, in one piece, and the benchmark
 *                passes it to bench_read(). Nobody but the client may change it
 *                any more.
 * What goes through a library's memory without a copy is fine; what leaves out
 * one of these is not.
 *
 * A contender is used as its own documentation recommends. Its file begins by
 * saying which of the recommended ways that is.
 *
 * In every function:
 *   `name`    is unlike that of any other measurement running on this machine,
 *             20 characters at most of a-z, 0-9 and '-'. Whatever a contender
 *             creates with a name in the system, it names by it, if it can;
 *             files it puts where bench_path() says.
 *   result    0, or -1 with a message on stderr that says what failed.
 *
 * To add one: write contender_NAME.c, list it in roster.c and say in local.am
 * or peers.mk how it is built. A program may have several, which are variants
 * of one thing; each is a program apart, so that no library weighs on another.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tells the benchmark that the server can be connected to. */
typedef void (*bench_ready)(void *benchmark);

/* Tells the benchmark that the call started with `ticket` has ended. */
typedef void (*bench_ended)(void *benchmark, uint32_t ticket, int32_t sum);

typedef struct bench_contender {
	const char *name; /* as in roster.c */

	/*
	 * In the server process: set up, call ready(benchmark) once, serve as
	 * many clients as come. SIGTERM ends it, by a clean return or by death.
	 */
	int (*serve)(const char *name, bench_ready ready, void *benchmark);

	/*
	 * In a client process, when the server is ready. *ret_connection is
	 * handed to what follows.
	 */
	int (*connect)(const char *name, void **ret_connection);

	/* One call. What this takes is what is measured. */
	int (*add)(void *connection, int32_t a, int32_t b, int32_t *ret_sum);

	/*
	 * One call, of `size` bytes. The reply is valid until the next call or
	 * disconnect(). NULL: it has none.
	 */
	int (*echo)(void *connection, const void *data, size_t size, const void **ret_reply,
		    size_t *ret_size);

	/*
	 * One call of `size` bytes that both sides have in the same place: lend() gives the
	 * client memory for them, with arbitrary content, and pass() hands it to the server,
	 * which hands it back, and neither copies nor reads it. pass() ends what lend() gave;
	 * the reply is valid until the next lend(), or disconnect(). NULL: it has none.
	 */
	int (*lend)(void *connection, size_t size, void **ret_memory);
	int (*pass)(void *connection, void *memory, size_t size, const void **ret_reply,
		    size_t *ret_size);

	/*
	 * Many calls of Add at once by one thread. start() begins one and does
	 * not wait for its end; the benchmark has most_outstanding of them out
	 * at most, and liked_outstanding where it is about calls a second: so
	 * many as those are best with. `ticket` is less than that, and not of another call that is
	 * out. wait() waits until one has ended, at least, and tells of all that
	 * have. What start() has begun must be on its way when wait() waits, but
	 * not before, so that calls may share a message. NULL: it has none.
	 */
	int (*start)(void *connection, uint32_t ticket, int32_t a, int32_t b);
	int (*wait)(void *connection, bench_ended ended, void *benchmark);
	uint32_t most_outstanding, liked_outstanding;

	void (*disconnect)(void *connection);

	/*
	 * When server and clients are gone, however they went: remove what may
	 * be left under `name`, but for files. May be NULL.
	 */
	void (*sweep)(const char *name);

	uint32_t most_clients; /* that it can have at a time; 0: hundreds */
	size_t payload_max;    /* that echo() can do; 0: as much as there is memory */
} bench_contender;

/* Those of this program, ended by NULL. */
extern const bench_contender *const bench_contenders[];

/* ---------------------------------------------- for use by contenders -- */

/* Read `size` bytes: one word of each cache line. */
void bench_read(const void *data, size_t size);

/* In a client: which one it is, from 0 on; and how many there are, known to the server, too. */
uint32_t bench_client_index(void);
uint32_t bench_clients(void);

/* How many calls are out at most in this measurement; 0 if it is not about such calls. */
uint32_t bench_window(void);

/* How large the payload of an Echo is in this measurement; 0 if there is none. */
size_t bench_payload(void);

#define BENCH_PATH_SIZE 100

/* A path that can be used for a file or a socket; removed in the end. ret_path: BENCH_PATH_SIZE. */
void bench_path(const char *name, const char *suffix, char *ret_path);

/*
 * In a server, before it is ready: start a program that this contender cannot
 * do without, such as a daemon. The time it takes of the CPUs counts, and it is
 * told to end with the server.
 */
int bench_start_helper(char **argv);

/* Wait until somebody listens at a Unix socket, for ten seconds at most. */
int bench_await_socket(const char *path);

#ifdef __cplusplus
}
#endif

#endif
