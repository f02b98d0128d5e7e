/*
 * test_many.c - 200 client processes of one ordinary user on one endpoint, within stock limits.
 *
 * As root, the user is one who has no other queues, as the limit of their bytes
 * is a user's. An ordinary user may have some, which are as good as full then.
 */
#include <mqcall/mqcall.h>

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "things.h"

enum {
	CLIENTS = 200,
	CALLS = 20,
	USER = 61210,
	STOCK_BYTES = 819200,
	STOCK_DESCRIPTORS = 1024,
	NO_ROOM = 10 /* what the user's process ends with */
};

static const char *endpoint;

/* What a client says when it has made its calls: nothing went wrong, or what did. */
struct report {
	int status;
	char text[256];
};

static void set_limit(int resource, rlim_t most)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(resource, &limit), 0);
	if (limit.rlim_cur > most)
		limit.rlim_cur = most;
	ck_assert_int_eq(setrlimit(resource, &limit), 0);
}

static void be_ordinary(void)
{
	set_limit(RLIMIT_MSGQUEUE, STOCK_BYTES);
	set_limit(RLIMIT_NOFILE, STOCK_DESCRIPTORS);
	if (geteuid() == 0)
		ck_assert(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
}

static int open_and_call(mqc_client **ret_client)
{
	int64_t sum;
	int r;

	r = mqc_client_open(endpoint, NULL, ret_client);
	for (int i = 0; r == MQC_OK && i < CALLS; i++) {
		r = things_add(*ret_client, i, 1, &sum);
		ck_assert(r < 0 || sum == i + 1);
	}
	return r;
}

/* Be a client until there is nothing more to read. */
static void live(int reports, int enough)
{
	struct report report = {MQC_OK, ""};
	mqc_client *client = NULL;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	report.status = open_and_call(&client);
	if (report.status < 0)
		(void)snprintf(report.text, sizeof report.text, "%s", mqc_error_last()->text);
	ck_assert_int_eq(write(reports, &report, sizeof report), sizeof report);
	(void)!read(enough, &byte, 1);
	mqc_client_close(client);
}

static void start_clients(const int enough[2], const int reports[2], pid_t pids[])
{
	for (int i = 0; i < CLIENTS; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] != 0)
			continue;
		(void)close(enough[1]);
		live(reports[1], enough[0]);
		_exit(0);
	}
}

/* How many of them failed, and with what status the last did. */
static int hear(int reports, int *ret_status)
{
	struct report report;
	int failed = 0;

	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(read(reports, &report, sizeof report), sizeof report);
		if (report.status == MQC_OK)
			continue;
		*ret_status = report.status;
		if (failed++ == 0)
			printf("%s: %s\n", mqc_status_name(report.status), report.text);
	}
	return failed;
}

/* All of it, by one user; all clients are there at once. */
static int be_the_user(void *may_have_others)
{
	int enough[2], reports[2], failed, status = MQC_OK, ended;
	pid_t pids[CLIENTS];
	struct peer server;

	be_ordinary();
	server = peer_start(endpoint, "signals defaults");
	ck_assert(pipe(enough) == 0 && pipe(reports) == 0);
	start_clients(enough, reports, pids);
	failed = hear(reports[0], &status);
	(void)close(enough[1]);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert(waitpid(pids[i], &ended, 0) == pids[i] && ended == 0);
	peer_stop(&server);
	printf("%d of %d clients failed\n", failed, CLIENTS);
	(void)fflush(stdout);
	if (failed > 0 && status == MQC_RESOURCE_EXHAUSTED && *(bool *)may_have_others)
		return NO_ROOM;
	return failed == 0 ? 0 : 1;
}

START_TEST(two_hundred)
{
	bool may_have_others = geteuid() != 0;
	int result;

	if (support_under_valgrind()) {
		support_skip("200 processes under valgrind take too long");
		return;
	}
	endpoint = support_endpoint();
	result = support_in_child(be_the_user, &may_have_others);
	if (result == NO_ROOM)
		support_skip("this user has other queues");
	else
		ck_assert_int_eq(result, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("many");
	TCase *tests = support_case(suite, "many");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, two_hundred);
	return support_run(suite);
}
