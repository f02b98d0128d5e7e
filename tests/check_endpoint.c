/*
 * check_endpoint.c - tests of runtime/endpoint.h: an endpoint as its servers have it.
 */
#include "endpoint.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static const mqc_server_options small = {.queue_messages = 4, .queue_size = 512};

static void lose(uint64_t session, uint64_t call, bool begun, void *data)
{
	uint64_t *lost = data;

	(void)begun;
	lost[0]++;
	lost[1] += session;
	lost[2] += call;
}

START_TEST(open_and_leave)
{
	mqci_endpoint one, other;
	const char *name = support_endpoint();
	uint64_t lost[3] = {0};

	support_ok(mqci_endpoint_open(name, &small, &one));
	ck_assert_str_eq(one.name, name);
	ck_assert_uint_eq(one.lanes[0].messages, 4);
	ck_assert_uint_eq(one.lanes[0].size, 512);
	support_ok(mqci_endpoint_open(name, &small, &other));
	ck_assert_mem_eq(one.record.secret, other.record.secret, sizeof one.record.secret);
	ck_assert(!mqci_endpoint_leave(&one, lose, lost));
	mqci_endpoint_close(&one);
	ck_assert(support_queue_exists(support_queue_name(name)));
	ck_assert(mqci_endpoint_leave(&other, lose, lost));
	ck_assert(!support_queue_exists(support_queue_name(name)));
	/* What was sent before can still be received. */
	ck_assert(mqci_queue_is_open(&other.lanes[0]));
	mqci_endpoint_close(&other);
	ck_assert_uint_eq(lost[0], 0);
}
END_TEST

/* A process that was forked while a server left has its descriptors, and keeps nobody out. */
START_TEST(a_child_of_one_that_leaves)
{
	mqci_endpoint one, other;
	const char *name = support_endpoint();
	uint64_t lost[3] = {0};
	pid_t child;

	support_ok(mqci_endpoint_open(name, &small, &one));
	support_ok(mqci_endpoint_open(name, &small, &other));
	ck_assert(!mqci_endpoint_leave(&one, lose, lost));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		for (;;)
			(void)pause();
	mqci_endpoint_close(&one);
	(void)alarm(60);
	ck_assert(mqci_endpoint_leave(&other, lose, lost));
	(void)alarm(0);
	mqci_endpoint_close(&other);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* A server process that has calls in hand, and is killed. */
static void die(const char *name, uint64_t session, uint64_t call)
{
	mqci_endpoint endpoint;
	int status;

	if (fork() == 0) {
		if (mqci_endpoint_open(name, &small, &endpoint) < 0)
			_exit(1);
		mqci_hand_take(mqci_presence_hand(&endpoint.presence), session, call, true);
		(void)raise(SIGKILL);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(the_dead_are_swept)
{
	mqci_endpoint endpoint;
	const char *name = support_endpoint();
	uint64_t lost[3] = {0};

	die(name, 5, 50);
	die(name, 7, 70);
	support_ok(mqci_endpoint_open(name, &small, &endpoint));
	support_ok(mqci_endpoint_sweep(&endpoint, lose, lost));
	ck_assert_uint_eq(lost[0], 2);
	ck_assert_uint_eq(lost[1], 12);
	ck_assert_uint_eq(lost[2], 120);
	support_ok(mqci_endpoint_sweep(&endpoint, lose, lost));
	ck_assert_uint_eq(lost[0], 2);
	/* One that dies while we serve is found at the latest when we leave. */
	die(name, 9, 90);
	ck_assert(mqci_endpoint_leave(&endpoint, lose, lost));
	ck_assert_uint_eq(lost[0], 3);
	mqci_endpoint_close(&endpoint);
}
END_TEST

START_TEST(a_dead_servers_requests_are_found)
{
	mqci_endpoint endpoint;
	const char *name = support_endpoint();
	uint64_t lost[3] = {0};
	uint8_t secret[16];
	char buffer[512];
	mqci_queue to;
	mqci_record record;

	die(name, 0, 0);
	support_ok(mqci_queue_open(support_queue_name(name), MQCI_SEND, &to));
	ck_assert_int_eq(mqci_queue_send(&to, "request", 7, 0), 1);
	mqci_queue_close(&to);
	support_ok(mqci_record_open(support_queue_name(name), &record));
	memcpy(secret, record.secret, sizeof secret);
	mqci_record_close(&record);
	support_ok(mqci_endpoint_open(name, &small, &endpoint));
	ck_assert_mem_eq(endpoint.record.secret, secret, sizeof secret);
	ck_assert_int_eq(mqci_queue_receive(&endpoint.lanes[0], buffer, sizeof buffer), 7);
	support_ok(mqci_endpoint_sweep(&endpoint, lose, lost));
	ck_assert(mqci_endpoint_leave(&endpoint, lose, lost));
	mqci_endpoint_close(&endpoint);
}
END_TEST

/* In a child: open it with too few descriptors, after a server has died. */
static int open_with_few_descriptors(void *name)
{
	mqci_endpoint endpoint;
	struct rlimit limit;

	mqci_endpoint_init(&endpoint);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 10;
	for (rlim_t n = 0; !mqci_queue_is_open(&endpoint.lanes[0]); n++) {
		limit.rlim_cur = n;
		if (n > 100 || setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 11;
		(void)mqci_endpoint_open(name, &small, &endpoint);
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 12;
		if (!support_queue_exists(support_queue_name(name)) ||
		    !support_segment_exists(support_queue_name(name)))
			return 13;
	}
	/* As a dead server again. */
	_exit(0);
}

START_TEST(a_failed_start_keeps_what_the_dead_left)
{
	char name[MQCI_ENDPOINT_MAX + 1];
	struct peer server;

	(void)snprintf(name, sizeof name, "%s", support_endpoint());
	die(name, 1, 1);
	ck_assert_int_eq(support_in_child(open_with_few_descriptors, name), 0);
	server = peer_start(name, "signals messages=4 size=512");
	peer_stop(&server);
}
END_TEST

static int disown(void *endpoint)
{
	mqci_endpoint_disown(endpoint);
	return support_queue_exists(support_queue_name(support_last_endpoint())) ? 0 : 10;
}

START_TEST(disowned)
{
	mqci_endpoint endpoint;
	const char *name = support_endpoint();
	uint64_t lost[3] = {0};

	support_ok(mqci_endpoint_open(name, &small, &endpoint));
	ck_assert_int_eq(support_in_child(disown, &endpoint), 0);
	ck_assert(support_queue_exists(support_queue_name(name)));
	ck_assert(mqci_endpoint_leave(&endpoint, lose, lost));
	mqci_endpoint_close(&endpoint);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tests = support_case(suite, "endpoint");

	tcase_add_test(tests, open_and_leave);
	tcase_add_test(tests, a_child_of_one_that_leaves);
	tcase_add_test(tests, the_dead_are_swept);
	tcase_add_test(tests, a_dead_servers_requests_are_found);
	tcase_add_test(tests, a_failed_start_keeps_what_the_dead_left);
	tcase_add_test(tests, disowned);
	return support_run(suite);
}
