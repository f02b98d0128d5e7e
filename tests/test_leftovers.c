/*
 * test_leftovers.c - what dead clients leave, and clients of other users than their servers.
 *
 * Needs root: the limit of queue bytes is a user's, so users that have nothing
 * else are taken, and servers of other users are, too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "queue.h"
#include "support.h"

/* A user of each test's own. */
enum {
	POOR = 61201,
	OTHER = 61202
};

/* One reply queue, by default, and how much three of them need. */
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

static void allow_queues(int count)
{
	const struct rlimit limit = {(rlim_t)count * QUEUE_BYTES, (rlim_t)count * QUEUE_BYTES};

	ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
}

/* In a child: be a client of a poor user, until killed. */
static pid_t start_client(uint64_t *ret_session)
{
	mqc_client *client = NULL;
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		uint64_t process = 0;

		support_ok(mqc_client_open(endpoint, NULL, &client));
		support_ok(mqci_process_self(&process));
		(void)!write(ready[1], &process, sizeof process);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], ret_session, sizeof *ret_session), sizeof *ret_session);
	(void)close(ready[0]);
	*ret_session = mqci_party_make(*ret_session, 0);
	return pid;
}

static void *thaw_when_swept(void *data)
{
	const struct peer *server = data;
	char name[MQCI_NAME_SIZE];
	(void)name;

	support_sleep_ms(500);
	peer_thaw(server);
	return NULL;
}

/* A poor user has room for two clients: one lives, one has been killed; then comes a third. */
static int open_after_a_death(void *data)
{
	const mqc_client_options patient = {.open_timeout_ms = 60000};
	struct peer *server = data;
	mqc_client *living = NULL, *third = NULL, *fourth = NULL;
	char name[MQCI_NAME_SIZE];
	pthread_t thread;
	uint64_t session;
	int64_t sum;
	pid_t pid;

	become(POOR);
	allow_queues(2);
	pid = start_client(&session);
	support_ok(mqc_client_open(endpoint, NULL, &living));
	/* All that there is is in use. */
	support_fails(mqc_client_open(endpoint, NULL, &fourth), MQC_RESOURCE_EXHAUSTED);
	support_error_has("RLIMIT_MSGQUEUE");
	support_error_has("ulimit -q");
	support_error_has("mqcall clients of this user now: 2");
	/* The server would remove it, too: so it must not know. */
	(void)write(STDOUT_FILENO, "", 0);
	ck_assert_int_eq(kill(server->pid, 0) < 0, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	mqci_name_replies(session, name);
	(void)thread, (void)patient;
	support_ok(mqc_client_open(endpoint, &patient, &third));
	ck_assert(!support_queue_exists(name));
	support_ok(things_add(third, 2, 3, &sum));
	mqc_client_close(third);
	mqc_client_close(living);
	return 0;
}
