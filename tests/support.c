/*
 * support.c - what the Check suites have in common: a guard against leaks, names, other processes.
 *
 * The guard is a fixture of every test case. Check runs each test in a process
 * of its own, so that what the guard sees is that test's doing.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "name.h"
#include "presence.h"
#include "queue.h"
#include "sanitizer.h"

/* Long enough for any machine; a test that fails for this is stuck. */
#define PATIENCE_MS 60000

#define ENDPOINTS 64

#if MQCI_THREAD_SANITIZER
const char *__tsan_default_options(void);

/* Forked children start threads here, too: that is what is tested. */
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}
#endif

static char endpoints[ENDPOINTS][MQCI_ENDPOINT_MAX + 1];
static unsigned endpoints_count;
static unsigned descriptors_before;

/* ---------------------------------------------------------------- guard -- */

unsigned support_descriptors(void)
{
	unsigned count = 0;
	DIR *directory;

	directory = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

bool support_queue_exists(const char *name)
{
	mqci_queue queue;
	int r;

	/* One that may not be opened is there. */
	r = mqci_queue_open(name, MQCI_SEND, &queue);
	if (r == MQC_OK)
		mqci_queue_close(&queue);
	return r != MQC_NOT_FOUND;
}

bool support_segment_exists(const char *name)
{
	char path[MQCI_NAME_SIZE + 16];
	struct stat status;

	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	return lstat(path, &status) == 0;
}

static void begin(void)
{
	descriptors_before = support_descriptors();
}

static void check_endpoint(const char *endpoint)
{
	char path[MQCI_NAME_SIZE], *name;
	struct dirent *entry;
	DIR *directory;
	size_t length;

	mqci_name_endpoint(endpoint, path);
	ck_assert_msg(!support_queue_exists(path), "the queue %s is left", path);
	ck_assert_msg(!support_segment_exists(path), "the record %s is left", path);

	/* Segments with more than that behind the name: of the endpoint's servers. */
	name = path + 1;
	length = strlen(name);
	directory = opendir("/dev/shm");
	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL)
		ck_assert_msg(strncmp(entry->d_name, name, length) != 0 ||
				      entry->d_name[length] != '~',
			      "the segment %s is left", entry->d_name);
	(void)closedir(directory);
}

static void check_replies(void)
{
	char name[MQCI_NAME_SIZE];
	uint64_t process;

	ck_assert_int_eq(mqci_process_self(&process), MQC_OK);
	for (unsigned n = 0; n < MQCI_PARTIES_MAX; n++) {
		mqci_name_replies(mqci_party_make(process, n), name);
		ck_assert_msg(!support_queue_exists(name), "the reply queue %s is left", name);
		ck_assert_msg(!support_segment_exists(name), "the shared memory %s is left", name);
	}
}

static bool are_descriptors_closed(void *unused)
{
	(void)unused;
	return support_descriptors() == descriptors_before;
}

static void end(void)
{
	/* A thread that nobody joins may have the last of them for a moment. */
	ck_assert_msg(support_wait_for(are_descriptors_closed, NULL),
		      "%u descriptors are open, there were %u", support_descriptors(),
		      descriptors_before);
	for (unsigned i = 0; i < endpoints_count; i++)
		check_endpoint(endpoints[i]);
	check_replies();
	endpoints_count = 0;
}

TCase *support_case(Suite *suite, const char *name)
{
	TCase *tests = tcase_create(name);

	tcase_add_checked_fixture(tests, begin, end);
	tcase_set_timeout(tests, 2 * PATIENCE_MS / 1000.0);
	suite_add_tcase(suite, tests);
	return tests;
}

int support_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void support_skip(const char *why)
{
	printf("skipped: %s\n", why);
	(void)fflush(stdout);
}

/* ---------------------------------------------------------------- names -- */

const char *support_endpoint(void)
{
	static unsigned number;
	char *name;

	ck_assert_uint_lt(endpoints_count, ENDPOINTS);
	name = endpoints[endpoints_count++];
	(void)snprintf(name, sizeof endpoints[0], "test-%d-%u", (int)getpid(), number++);
	return name;
}

const char *support_last_endpoint(void)
{
	return endpoints[endpoints_count - 1];
}

const char *support_queue_name(const char *endpoint)
{
	static char name[MQCI_NAME_SIZE];

	mqci_name_endpoint(endpoint, name);
	return name;
}

/* --------------------------------------------------------------- errors -- */

void support_check_status(const char *file, int line, const char *what, int result, int expected)
{
	if (result == expected)
		return;
	ck_abort_msg("%s:%d: %s is %d (%s), not %s; the last error: %s", file, line, what, result,
		     mqc_status_name(result), mqc_status_name(expected), mqc_error_last()->text);
}

void support_error_has(const char *part)
{
	ck_assert_msg(strstr(mqc_error_last()->text, part) != NULL, "no \"%s\" in the error: %s",
		      part, mqc_error_last()->text);
}

/* ------------------------------------------------------------ processes -- */

static int exit_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int support_in_child(int (*body)(void *data), void *data)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(body(data));
	return exit_status(pid);
}

bool support_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

bool support_skip_scarcity(void)
{
	if (support_under_valgrind())
		support_skip("under valgrind, who finds no descriptor leaves something behind");
	return support_under_valgrind();
}

bool support_has_pidfds(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* The program tests/peer lies where this one does. */
static void find_peer(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size);
	char *slash;

	ck_assert_int_gt(length, 0);
	ck_assert_uint_lt((size_t)length + sizeof "/peer", size);
	path[length] = '\0';
	slash = strrchr(path, '/');
	ck_assert_ptr_nonnull(slash);
	memcpy(slash, "/peer", sizeof "/peer");
}

#define WORDS 16

/* In the child: become the peer. */
static void become_peer(const char *endpoint, const char *options, int output)
{
	char path[4096], *rest, *word, *words[WORDS];
	size_t count = 0;
	char *copy[2];

	copy[0] = strdup(endpoint);
	copy[1] = strdup(options);
	if (copy[0] == NULL || copy[1] == NULL)
		_exit(127);
	find_peer(path, sizeof path);
	words[count++] = path;
	words[count++] = copy[0];
	for (word = strtok_r(copy[1], " ", &rest); word != NULL && count < WORDS - 1;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	words[count] = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(output, STDOUT_FILENO) < 0)
		_exit(127);
	(void)execv(path, words);
	_exit(127);
}

/* Read the line of output that says that the peer is ready. */
static void await_ready(const struct peer *peer)
{
	char line[1024];
	size_t length = 0;
	ssize_t got;

	do {
		got = read(peer->output, line + length, 1);
		if (got > 0)
			length++;
	} while ((got > 0 && line[length - 1] != '\n' && length < sizeof line - 1) ||
		 (got < 0 && errno == EINTR));
	line[length] = '\0';
	ck_assert_str_eq(line, "ready\n");
}

struct peer peer_start(const char *endpoint, const char *options)
{
	struct peer started;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	(void)fflush(NULL);
	started.pid = fork();
	ck_assert_int_ge(started.pid, 0);
	if (started.pid == 0)
		become_peer(endpoint, options, ends[1]);
	(void)close(ends[1]);
	started.output = ends[0];
	await_ready(&started);
	return started;
}

void peer_await_begun(const struct peer *peer, int calls)
{
	ssize_t got;
	char byte;

	while (calls > 0) {
		got = read(peer->output, &byte, 1);
		if (got < 0 && errno == EINTR)
			continue;
		ck_assert_int_eq(got, 1);
		ck_assert_int_eq(byte, 'b');
		calls--;
	}
}

int peer_wait(struct peer *peer)
{
	int status = exit_status(peer->pid);

	(void)close(peer->output);
	*peer = (struct peer){.pid = -1, .output = -1};
	return status;
}

void peer_stop(struct peer *peer)
{
	ck_assert_int_eq(kill(peer->pid, SIGTERM), 0);
	ck_assert_int_eq(peer_wait(peer), 0);
}

void peer_kill(struct peer *peer)
{
	ck_assert_int_eq(kill(peer->pid, SIGKILL), 0);
	ck_assert_int_eq(peer_wait(peer), 128 + SIGKILL);
}

void peer_freeze(const struct peer *peer)
{
	int status;

	ck_assert_int_eq(kill(peer->pid, SIGSTOP), 0);
	while (waitpid(peer->pid, &status, WUNTRACED) < 0)
		ck_assert_int_eq(errno, EINTR);
	ck_assert(WIFSTOPPED(status));
}

void peer_thaw(const struct peer *peer)
{
	ck_assert_int_eq(kill(peer->pid, SIGCONT), 0);
}

struct queued {
	mqci_queue requests;
	size_t messages;
};

static bool are_queued(void *data)
{
	const struct queued *queued = data;
	size_t waiting = 0;

	support_ok(mqci_queue_waiting(&queued->requests, &waiting));
	return waiting == queued->messages;
}

void support_await_queued(const char *endpoint, size_t messages)
{
	struct queued queued = {.messages = messages};

	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &queued.requests));
	ck_assert(support_wait_for(are_queued, &queued));
	mqci_queue_close(&queued.requests);
}

struct executing {
	const char *endpoint;
	uint64_t session;
	unsigned call;
	bool begun;
};

static void see_call(uint64_t session, uint64_t call, bool begun, void *data)
{
	struct executing *executing = data;

	if (executing->session == 0 ||
	    (session == executing->session && call >> 16 == executing->call))
		executing->begun |= begun;
}

static bool see_server(uint64_t party, void *data)
{
	const struct executing *executing = data;

	mqci_presence_in_hand(executing->endpoint, party, geteuid(), see_call, data);
	return true;
}

static bool is_executed(void *data)
{
	const struct executing *executing = data;

	support_ok(mqci_presence_list(executing->endpoint, see_server, data));
	return executing->begun;
}

void support_await_execution(const char *endpoint, uint64_t session, unsigned call)
{
	struct executing executing = {.endpoint = endpoint, .session = session, .call = call};

	ck_assert_msg(support_wait_for(is_executed, &executing), "call %u is in no hand", call);
}

static void *run_server(void *data)
{
	struct host *host = data;

	host->result = mqc_server_run(host->server);
	return NULL;
}

void host_run(struct host *host)
{
	ck_assert_int_eq(pthread_create(&host->thread, NULL, run_server, host), 0);
}

void host_start(struct host *host, const char *endpoint, const mqc_server_options *options)
{
	const mqc_server_options small = {.queue_messages = 8, .queue_size = 1024};

	if (options == NULL)
		options = &small;
	memset(host, 0, sizeof *host);
	support_ok(mqc_server_open(endpoint, options, &host->server));
	support_ok(things_serve(host->server, &host->self));
	host_run(host);
}

void host_join(struct host *host)
{
	ck_assert_int_eq(pthread_join(host->thread, NULL), 0);
	support_ok(host->result);
	ck_assert_ptr_null(mqc_server_close(host->server));
}

void host_stop(struct host *host)
{
	mqc_server_stop(host->server);
	host_join(host);
}

/* -------------------------------------------------------------- clients -- */

mqc_client *support_client(const char *endpoint, int reply_messages)
{
	const mqc_client_options options = {
		.reply_messages = reply_messages,
		.window = reply_messages > 0 ? reply_messages - 1 : 0,
		.reply_size = 1024,
		.open_timeout_ms = PATIENCE_MS,
		.timeout_ms = PATIENCE_MS,
	};
	mqc_client *client = NULL;

	support_ok(mqc_client_open(endpoint, &options, &client));
	return client;
}

int64_t support_finish(mqc_pending *pending)
{
	int64_t value = -1;

	support_ok(things_finish(pending, &value));
	return value;
}

void support_finish_fails(mqc_pending *pending, int status, bool maybe_executed)
{
	support_fails(things_finish(pending, NULL), status);
	ck_assert_int_eq(mqc_error_last()->maybe_executed, maybe_executed);
}

/* ----------------------------------------------------------------- time -- */

void support_sleep_ms(int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) < 0)
		continue;
}

int64_t support_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool support_wait_for(bool (*holds)(void *data), void *data)
{
	int64_t until = support_now_ms() + PATIENCE_MS;

	while (!holds(data)) {
		if (support_now_ms() >= until)
			return false;
		support_sleep_ms(1);
	}
	return true;
}
