/*
 * test_users.c - clients of users who have little, and of others than their servers.
 *
 * Needs root: the limit of queue bytes is a user's, so users are taken that have
 * nothing else, and servers of other users are needed, too.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "queue.h"
#include "support.h"

enum {
	POOR = 61201,
	SERVER = 61202,
	CLIENT = 61203
};

/* What the reply queue of a client is charged, by default. */
#define QUEUE_BYTES (4 * (816 + 96))

static const char *endpoint;

static bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	support_skip("only root can be several users");
	return false;
}

static void become(uid_t uid)
{
	ck_assert_int_eq(setresgid(uid, uid, uid), 0);
	ck_assert_int_eq(setresuid(uid, uid, uid), 0);
}

/* ----------------------------------------------------------- leftovers -- */

/* A process that was just going to be a client, and died: no server knows of it. */
static int die_early(void *ret_session)
{
	int *pipe_end = ret_session;
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;
	mqci_arena arena;
	uint64_t process;

	support_ok(mqci_process_self(&process));
	process = mqci_party_make(process, 0);
	support_ok(mqci_arena_create(process, 4, 4096, 0, &arena));
	mqci_name_replies(process, name);
	support_ok(mqci_queue_create(name, 4, 816, 0600, &replies));
	return write(*pipe_end, name, sizeof name) == sizeof name ? 0 : 10;
}

/* One who has room for two reply queues. */
static int be_poor(void *unused)
{
	const struct rlimit limit = {2 * QUEUE_BYTES, 2 * QUEUE_BYTES};
	mqc_client *clients[3] = {NULL};
	char left[MQCI_NAME_SIZE];
	int64_t sum;
	int ends[2];

	(void)unused;
	become(POOR);
	ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(support_in_child(die_early, &ends[1]), 0);
	ck_assert_int_eq(read(ends[0], left, sizeof left), sizeof left);
	support_ok(mqc_client_open(endpoint, NULL, &clients[0]));
	ck_assert(support_queue_exists(left));
	support_ok(mqc_client_open(endpoint, NULL, &clients[1]));
	ck_assert(!support_queue_exists(left));
	ck_assert(!support_segment_exists(left));
	support_fails(mqc_client_open(endpoint, NULL, &clients[2]), MQC_RESOURCE_EXHAUSTED);
	support_error_has("RLIMIT_MSGQUEUE");
	support_error_has("ulimit -q");
	support_error_has("mqcall clients of this user now: 2");
	ck_assert_ptr_null(clients[2]);
	/* Nothing of the third is left, nor are the others harmed. */
	for (int i = 0; i < 2; i++) {
		support_ok(things_add(clients[i], 2, 3, &sum));
		mqc_client_close(clients[i]);
	}
	support_ok(mqc_client_open(endpoint, NULL, &clients[2]));
	mqc_client_close(clients[2]);
	return 0;
}

START_TEST(no_room_for_another_client)
{
	struct peer server;

	if (!is_root())
		return;
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals access=2");
	ck_assert_int_eq(support_in_child(be_poor, NULL), 0);
	peer_stop(&server);
}
END_TEST

/* --------------------------------------------------------- other users -- */

static mqc_server *running;

static void stop(int signal)
{
	(void)signal;
	mqc_server_stop(running); /* NOLINT(bugprone-signal-handler): mqcall.h says it may be */
}

static int serve_all(void *ready)
{
	const mqc_server_options options = {.access = MQC_ACCESS_PUBLIC, .threads = 2};
	static things self;

	become(SERVER);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	support_ok(mqc_server_open(endpoint, &options, &running));
	support_ok(things_serve(running, &self));
	(void)signal(SIGTERM, stop);
	(void)!write(*(int *)ready, "", 1);
	support_ok(mqc_server_run(running));
	mqc_server_close(running);
	return 0;
}

static pid_t start_server(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	endpoint = support_endpoint();
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(serve_all(&ends[1]));
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	(void)close(ends[0]);
	return pid;
}

static void stop_server(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void echo(mqc_client *client, size_t size, int expected)
{
	char *text = malloc(size + 1), *answer = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', size);
	text[size] = '\0';
	support_fails(things_echo(client, text, &answer), expected);
	if (expected == MQC_OK)
		ck_assert_str_eq(answer, text);
	free(answer);
	free(text);
}

static int echo_as(void *data)
{
	static const size_t sizes[] = {1, 700, 1000, 9000, 70000, 1 << 20};
	mqc_client *client = NULL;

	become(*(const uid_t *)data);
	support_ok(mqc_client_open(endpoint, NULL, &client));
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		echo(client, sizes[i], MQC_OK);
	mqc_client_close(client);
	return 0;
}

/* Payloads of all sizes, between all kinds of users. */
START_TEST(large_payloads_between_users)
{
	static const uid_t users[] = {0, SERVER, CLIENT};
	pid_t server;

	if (!is_root())
		return;
	server = start_server();
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		uid_t uid = users[i];

		ck_assert_int_eq(support_in_child(echo_as, &uid), 0);
	}
	stop_server(server);
}
END_TEST

static char cut_path[MQCI_NAME_SIZE + 16];

/* The server's user lets the client's shared memory shrink and grow as he likes. */
static void cut_for_ever(int go)
{
	int fd;

	become(SERVER);
	if (read(go, cut_path, sizeof cut_path) != sizeof cut_path)
		_exit(12);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(cut_path, O_RDWR);
	if (fd < 0)
		_exit(10);
	for (unsigned i = 0;; i++)
		if (ftruncate(fd, i % 2 == 0 ? 0 : 1 << 26) < 0)
			_exit(11);
}

/* Where the shared memory of this process's client is. */
static void find_own(void)
{
	char name[MQCI_NAME_SIZE];
	uint64_t process;

	support_ok(mqci_process_self(&process));
	for (unsigned n = 0; n < MQCI_PARTIES_MAX; n++) {
		mqci_name_replies(mqci_party_make(process, n), name);
		if (support_segment_exists(name))
			break;
	}
	(void)snprintf(cut_path, sizeof cut_path, "/dev/shm%s", name);
}

/*
 * Whatever becomes of it, the client lives, and what the queues carry is right. What is
 * cut is zeros, so an answer may be told to be broken, or not be what was sent.
 */
static int survive_cuts(void *unused)
{
	const mqc_client_options options = {.timeout_ms = 20000};
	mqc_client *client = NULL;
	char *text, *answer;
	int failed = 0, status, go[2], r;
	int64_t sum = 0;
	pid_t cutter;

	(void)unused;
	if (pipe(go) < 0)
		return 10;
	cutter = fork();
	if (cutter == 0)
		cut_for_ever(go[0]);
	become(CLIENT);
	support_ok(mqc_client_open(endpoint, &options, &client));
	find_own();
	if (write(go[1], cut_path, sizeof cut_path) != sizeof cut_path)
		return 10;
	text = malloc(300001);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 300000);
	text[300000] = '\0';
	for (int i = 0; i < 100; i++) {
		answer = NULL;
		r = things_echo(client, text, &answer);
		failed += r < 0 || strcmp(answer, text) != 0;
		free(answer);
	}
	free(text);
	printf("%d of 100 calls failed\n", failed);
	/* What the queues carry is not touched by it. */
	support_ok(things_add(client, 2, 3, &sum));
	mqc_client_close(client);
	if (waitpid(cutter, &status, WNOHANG) != 0)
		return 11;
	return 0;
}

START_TEST(a_server_cuts_the_clients_memory)
{
	pid_t server;

	if (!is_root())
		return;
	server = start_server();
	ck_assert_int_eq(support_in_child(survive_cuts, NULL), 0);
	stop_server(server);
}
END_TEST

/* ------------------------------------------------------ another user later -- */

/* Who was root, and is somebody else now, has no part in what root has opened. */
static int change_after_opening(void *unused)
{
	mqc_server *server;

	(void)unused;
	support_ok(mqc_server_open(endpoint, NULL, &server));
	ck_assert_int_eq(seteuid(SERVER), 0);
	support_fails(mqc_server_run(server), MQC_FAILED_PRECONDITION);
	support_error_has("was opened by uid 0");
	ck_assert_int_eq(seteuid(0), 0);
	mqc_server_close(server);
	return 0;
}

START_TEST(a_server_that_changes_its_user)
{
	if (!is_root())
		return;
	endpoint = support_endpoint();
	ck_assert_int_eq(support_in_child(change_after_opening, NULL), 0);
}
END_TEST

/* From one side of a test to the other, and back: it is the other's turn. */
static int turns[2][2];

static void pass_turn(int to)
{
	ck_assert_int_eq(write(turns[to][1], "", 1), 1);
}

static void await_turn(int of)
{
	char byte;

	ck_assert_int_eq(read(turns[of][0], &byte, 1), 1);
}

static int start_while_closed(void)
{
	const mqc_client_options options = {.wait_for_server = true};
	mqc_client *client = NULL;
	mqc_pending *pending;

	become(CLIENT);
	support_ok(mqc_client_open(endpoint, &options, &client));
	pass_turn(0);
	await_turn(1);
	support_ok(things_start(client, THINGS_WAIT, NULL, 5, NULL, NULL, &pending));
	ck_assert_int_eq(support_finish(pending), 5);
	mqc_client_close(client);
	return 0;
}

/* When a queue is new it is its owner's alone, for a moment: that is waited for. */
START_TEST(a_server_that_comes_back)
{
	mqci_queue requests;
	struct peer server;
	int status;
	pid_t pid;

	if (!is_root())
		return;
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals access=2");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pipe(turns[i]), 0);
	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(start_while_closed());
	await_turn(0);
	peer_stop(&server);
	support_ok(mqci_queue_create(support_queue_name(endpoint), 10, 8192, 0600, &requests));
	pass_turn(1);
	support_sleep_ms(100);
	mqci_queue_close(&requests);
	server = peer_start(endpoint, "signals access=2");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	peer_stop(&server);
	for (int i = 0; i < 4; i++)
		(void)close(turns[i / 2][i % 2]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("users");
	TCase *tests;

	tests = support_case(suite, "leftovers");
	tcase_add_test(tests, no_room_for_another_client);
	tests = support_case(suite, "other users");
	tcase_add_test(tests, large_payloads_between_users);
	tcase_add_test(tests, a_server_cuts_the_clients_memory);
	tcase_add_test(tests, a_server_that_changes_its_user);
	tcase_add_test(tests, a_server_that_comes_back);
	return support_run(suite);
}
