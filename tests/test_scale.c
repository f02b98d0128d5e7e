/*
 * test_scale.c - as many clients as the limits of a stock system have room for.
 *
 * 200 processes of one ordinary user call one endpoint at the same time, and
 * then more come, until one does not fit, which must be told why. What all of
 * them take is printed. Root makes a user for this; an ordinary one has to say
 * that nothing else of his is running, by MQC_TEST_ALONE=1 in the environment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "people.h"

enum {
	CLIENTS = 200,
	CALLS = 50,
	STOCK_QUEUE_BYTES = 819200,
	STOCK_DESCRIPTORS = 1024
};

static const char *endpoint;

/* What a client process does is told by pipes: it writes a byte when it has done the next thing. */
static int done[2], begin_calls[2], finish[2];

static void tell_done(void)
{
	if (write(done[1], "d", 1) != 1)
		_exit(10);
}

/* Wait until the other end is closed. */
static void await(const int ends[2])
{
	char byte;

	while (read(ends[0], &byte, 1) < 0)
		if (errno != EINTR)
			_exit(11);
}

static int be_client(int number)
{
	mqc_client *client = NULL;
	int64_t sum;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)close(begin_calls[1]);
	(void)close(finish[1]);
	support_ok(mqc_client_open(endpoint, NULL, &client));
	tell_done();
	await(begin_calls);
	for (int i = 0; i < CALLS; i++) {
		support_ok(things_add(client, number, i, &sum));
		ck_assert_int_eq(sum, number + i);
	}
	tell_done();
	await(finish);
	mqc_client_close(client);
	return 0;
}

static void await_all(void)
{
	char byte;

	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(read(done[0], &byte, 1), 1);
}

/* The value of a line "name: NUMBER kB" of a file of /proc/PID, in KiB; 0 if there is none. */
static long read_kib(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	long value = 0;
	FILE *stream;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	stream = fopen(path, "re");
	if (stream == NULL)
		return 0;
	while (fgets(line, sizeof line, stream) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name), NULL, 10);
	(void)fclose(stream);
	return value;
}

static unsigned descriptors_of(pid_t pid)
{
	unsigned count = 0;
	char path[32];
	DIR *directory;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	/* Not . and .. */
	return count - 2;
}

static size_t queue_bytes(const mqci_queue *queue)
{
	return queue->messages * (queue->size + MQCI_MESSAGE_OVERHEAD);
}

/* With all the others there: how many more come, and what the next one is told. */
static int open_more(mqci_queue *ret_requests, mqci_queue *ret_replies)
{
	mqc_client *more[CLIENTS], *none = NULL;
	int count = 0, r;

	do
		r = mqc_client_open(endpoint, NULL, &more[count]);
	while (r == MQC_OK && ++count < CLIENTS);
	support_check_status(__FILE__, __LINE__, "one more", r, MQC_RESOURCE_EXHAUSTED);
	printf("one more: %s\n", mqc_error_last()->text);
	support_error_has("RLIMIT_MSGQUEUE");
	support_error_has("819200");
	support_error_has("ulimit -q");
	ck_assert_int_gt(count, 0);
	*ret_requests = more[0]->requests;
	*ret_replies = more[0]->waiters.replies;
	mqc_client_close(more[0]);
	/* There is room again for one, when the server has heard of the end of the other. */
	for (int i = 0; i < 1000; i++) {
		r = mqc_client_open(endpoint, NULL, &more[0]);
		if (r == MQC_OK)
			break;
		support_sleep_ms(10);
	}
	support_ok(r);
	ck_assert_int_eq(mqc_client_open(endpoint, NULL, &none), MQC_RESOURCE_EXHAUSTED);
	for (int i = 0; i < count; i++)
		mqc_client_close(more[i]);
	return count;
}

static void print_table(const pid_t *pids, pid_t server, int more, int64_t took_ms,
			const mqci_queue *requests, const mqci_queue *replies)
{
	long pss = 0, own = 0;

	for (int i = 0; i < CLIENTS; i++) {
		pss += read_kib(pids[i], "smaps_rollup", "Pss:");
		own += read_kib(pids[i], "smaps_rollup", "Private_Dirty:");
	}
	printf("%d clients, %d calls each at once: %lld ms; %d more fit\n", CLIENTS, CALLS,
	       (long long)took_ms, more);
	printf("%-12s %12s %12s %14s\n", "", "queue bytes", "Pss KiB", "private KiB");
	printf("%-12s %12zu %12ld %14ld\n", "a client", queue_bytes(replies), pss / CLIENTS,
	       own / CLIENTS);
	printf("%-12s %12zu %12ld %14ld, with %u descriptors of %d\n", "the server",
	       queue_bytes(requests), read_kib(server, "smaps_rollup", "Pss:"),
	       read_kib(server, "smaps_rollup", "Private_Dirty:"), descriptors_of(server),
	       STOCK_DESCRIPTORS);
	printf("%-12s %12zu of %d\n", "all", queue_bytes(requests) + CLIENTS * queue_bytes(replies),
	       STOCK_QUEUE_BYTES);
}

static pid_t start_client(int number)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(be_client(number));
	return pid;
}

static pid_t start_server(void)
{
	static struct host host;
	const mqc_server_options options = {.threads = 2, .stop_on_signals = true};
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		host_start(&host, endpoint, &options);
		tell_done();
		host_join(&host);
		_exit(0);
	}
	return pid;
}

static void set_stock_limits(void)
{
	const struct rlimit queues = {STOCK_QUEUE_BYTES, STOCK_QUEUE_BYTES};
	struct rlimit files;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = STOCK_DESCRIPTORS;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &queues), 0);
}

/* As the ordinary user. */
static int crowd(void *unused)
{
	mqci_queue requests, replies;
	pid_t pids[CLIENTS], server;
	int64_t took;
	char byte;
	int more;

	(void)unused;
	set_stock_limits();
	ck_assert_int_eq(pipe2(done, O_CLOEXEC), 0);
	server = start_server();
	ck_assert_int_eq(read(done[0], &byte, 1), 1);
	ck_assert_int_eq(pipe2(begin_calls, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(finish, O_CLOEXEC), 0);
	for (int i = 0; i < CLIENTS; i++)
		pids[i] = start_client(i);
	await_all();
	took = support_now_ms();
	(void)close(begin_calls[1]);
	await_all();
	took = support_now_ms() - took;
	more = open_more(&requests, &replies);
	print_table(pids, server, more, took, &requests, &replies);
	(void)close(finish[1]);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(person_waits(pids[i]), 0);
	ck_assert_int_eq(kill(server, SIGTERM), 0);
	ck_assert_int_eq(person_waits(server), 0);
	(void)fflush(stdout);
	return 0;
}

/* Whether this user has room left for all of it: others of his may be at work. */
static int has_room(void *unused)
{
	mqci_queue queue;
	char name[64];
	int r = 0;

	(void)unused;
	set_stock_limits();
	for (int i = 0; r == 0 && i < 9; i++) {
		(void)snprintf(name, sizeof name, "/mqcall-test-room-%d-%d", (int)getpid(), i);
		r = mqci_queue_create(name, 10, 8192, 0600, &queue);
	}
	for (int i = 0; i < 9; i++) {
		(void)snprintf(name, sizeof name, "/mqcall-test-room-%d-%d", (int)getpid(), i);
		(void)mqci_queue_unlink(name);
	}
	return r == MQC_OK ? 0 : 1;
}

START_TEST(two_hundred_clients)
{
	const struct person ordinary = person(0);

	endpoint = support_endpoint();
	if (geteuid() == 0) {
		ck_assert_int_eq(person_does(&ordinary, crowd, NULL), 0);
	} else if (getenv("MQC_TEST_ALONE") == NULL) {
		support_skip("it takes all the queues that this user may have, and other tests "
			     "run at the same time; with MQC_TEST_ALONE=1 it is done, or as root");
	} else if (support_in_child(has_room, NULL) != 0) {
		support_skip("other processes of this user have queues, too");
	} else {
		ck_assert_int_eq(support_in_child(crowd, NULL), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scale");
	TCase *tests = support_case(suite, "scale");

	if (geteuid() == 0 && !people_possible())
		return 77;
	tcase_add_test(tests, two_hundred_clients);
	return support_run(suite);
}
