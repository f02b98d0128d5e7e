/*
 * check_lookout.c - tests of runtime/lookout.h: servers that come, and die.
 *
 * Servers are child processes that are present, have calls in hand, and are
 * really killed. Time is what the tests say it is.
 */
#include "lookout.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define MS INT64_C(1000000)

static mqci_lookout lookout;

struct told {
	int count, begun;
	uint64_t calls;
};

static void tell(uint64_t session, uint64_t call, bool begun, void *data)
{
	struct told *told = data;

	ck_assert_uint_eq(session, 5);
	told->count++;
	told->begun += begun;
	told->calls += call;
}

/*
 * In a child, where this returns 0: be a server with one call that it executes, and maybe one that
 * waits. The descriptor is at its end when the child has ended, or is another program.
 */
static pid_t fork_server(uint64_t call, bool waits, int *ret_ready)
{
	mqci_presence presence;
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (mqci_presence_open(support_last_endpoint(), 0600, &presence) < 0)
			_exit(1);
		mqci_hand_take(mqci_presence_hand(&presence), 5, call, true);
		if (waits)
			mqci_hand_take(mqci_presence_hand(&presence), 5, call + 100, false);
		(void)!write(ready[1], "", 1);
		return 0;
	}
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	*ret_ready = ready[0];
	return pid;
}

static pid_t start_server(uint64_t call)
{
	int ready;
	pid_t pid = fork_server(call, true, &ready);

	if (pid == 0)
		for (;;)
			(void)pause();
	(void)close(ready);
	return pid;
}

static void kill_server(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void ignore(uint64_t session, uint64_t call, bool begun, void *data)
{
	(void)session, (void)call, (void)begun, (void)data;
}

static void sweep(void)
{
	mqci_presence_sweep(support_last_endpoint(), ignore, NULL);
}

static struct told look(int64_t now)
{
	struct told told = {0};

	mqci_lookout_look(&lookout, now, tell, &told);
	return told;
}

static void begin(void)
{
	mqci_lookout_init(&lookout, support_endpoint(), geteuid());
}

/* A server with one call that it executes, which becomes another program, without closing anything.
 */
static pid_t start_server_that_execs(uint64_t call)
{
	char byte;
	int ready;
	pid_t pid = fork_server(call, false, &ready);

	if (pid == 0) {
		/* Until it has been seen. */
		(void)raise(SIGSTOP);
		(void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
	ck_assert_int_eq(look(1 * MS).count, 0);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	/* Until that is closed. */
	ck_assert_int_eq(read(ready, &byte, 1), 0);
	(void)close(ready);
	return pid;
}

/* No process has ended, and yet nobody has its call in hand. */
START_TEST(another_program)
{
	struct told told;
	pid_t server;

	begin();
	server = start_server_that_execs(3);
	ck_assert(mqci_process_alive(mqci_party_process(lookout.servers[0].party)));
	told = look(51 * MS);
	ck_assert_int_eq(told.count, 1);
	ck_assert_int_eq(told.begun, 1);
	ck_assert_uint_eq(told.calls, 3);
	ck_assert_int_eq(look(101 * MS).count, 0);
	/* As one that is found so. */
	mqci_lookout_rest(&lookout);
	ck_assert_int_eq(look(102 * MS).count, 1);
	ck_assert(!mqci_presence_any(support_last_endpoint(), geteuid()));
	sweep();
	ck_assert_int_eq(look(2000 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 0);
	kill_server(server);
	mqci_lookout_rest(&lookout);
}
END_TEST

START_TEST(a_death_is_told_once)
{
	pid_t servers[2];
	struct told told;

	begin();
	servers[0] = start_server(1);
	servers[1] = start_server(2);
	ck_assert_int_eq(look(1 * MS).count, 0);
	ck_assert_int_eq(lookout.last_death, 0);
	kill_server(servers[1]);
	/* At once, although names are not looked at again so soon. */
	told = look(2 * MS);
	ck_assert_int_eq(told.count, 2);
	ck_assert_int_eq(told.begun, 1);
	ck_assert_uint_eq(told.calls, 2 + 102);
	ck_assert_int_eq(lookout.last_death, 2 * MS);
	ck_assert_int_eq(look(3 * MS).count, 0);
	ck_assert_int_eq(look(5000 * MS).count, 0);
	ck_assert_int_eq(lookout.last_death, 2 * MS);
	kill_server(servers[0]);
	ck_assert_uint_eq(look(5001 * MS).calls, 1 + 101);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

/* Of those that were there at some time, whether any is left. */
START_TEST(whether_any_is_left)
{
	pid_t servers[2];

	begin();
	ck_assert(!mqci_lookout_sees_any(&lookout, 1 * MS));
	servers[0] = start_server(1);
	(void)look(1 * MS);
	servers[1] = start_server(2);
	(void)look(1500 * MS);
	ck_assert_uint_eq(lookout.count, 2);
	ck_assert(!mqci_lookout_sees_any(&lookout, 0));
	ck_assert(mqci_lookout_sees_any(&lookout, 1 * MS));
	kill_server(servers[0]);
	(void)look(1501 * MS);
	ck_assert(!mqci_lookout_sees_any(&lookout, 1 * MS));
	ck_assert(mqci_lookout_sees_any(&lookout, 1500 * MS));
	kill_server(servers[1]);
	(void)look(1502 * MS);
	ck_assert(!mqci_lookout_sees_any(&lookout, 1502 * MS));
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

START_TEST(who_was_dead_before)
{
	begin();
	kill_server(start_server(1));
	ck_assert_int_eq(look(1 * MS).count, 2);
	ck_assert_int_eq(lookout.last_death, 1 * MS);
	mqci_lookout_rest(&lookout);
	/* After a rest everything is new. */
	ck_assert_int_eq(look(9 * MS).count, 2);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

START_TEST(who_comes_later)
{
	pid_t server;

	begin();
	ck_assert_int_eq(look(1 * MS).count, 0);
	server = start_server(1);
	ck_assert_int_eq(look(2 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 0);
	ck_assert_int_eq(look(202 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 1);
	kill_server(server);
	ck_assert_int_eq(look(203 * MS).count, 2);
	/* What is swept is forgotten. */
	sweep();
	ck_assert_int_eq(look(500 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 0);
	mqci_lookout_rest(&lookout);
}
END_TEST

/* The names are looked at when there may be news, and now and then. */
START_TEST(nothing_new)
{
	mqci_segment_stamp stamp;

	begin();
	(void)look(1 * MS);
	stamp = lookout.stamp;
	(void)look(300 * MS);
	ck_assert_int_eq(lookout.listed, 300 * MS);
	/* Unless somebody else has changed something. */
	if (!mqci_segment_same_stamp(&lookout.stamp, &stamp))
		return;
	ck_assert(lookout.settled);
	(void)look(600 * MS);
	(void)look(1200 * MS);
	ck_assert_int_eq(lookout.listed, 300 * MS);
	(void)look(1300 * MS);
	ck_assert_int_eq(lookout.listed, 1300 * MS);
	mqci_lookout_rest(&lookout);
}
END_TEST

START_TEST(hands_of_all)
{
	struct told told = {0};
	pid_t servers[2];

	begin();
	servers[0] = start_server(1);
	servers[1] = start_server(2);
	(void)look(1 * MS);
	mqci_lookout_hands(&lookout, tell, &told);
	ck_assert_int_eq(told.count, 4);
	kill_server(servers[0]);
	(void)look(2 * MS);
	memset(&told, 0, sizeof told);
	mqci_lookout_hands(&lookout, tell, &told);
	ck_assert_int_eq(told.count, 4);
	kill_server(servers[1]);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

/* A name that a stranger holds, or of a process that there is not. */
START_TEST(strange_names)
{
	char name[MQCI_NAME_SIZE];
	mqci_segment segment;
	uint64_t nobody = mqci_party_make((UINT64_C(1) << 54) - 2, 3);

	begin();
	lookout.owner = geteuid() + 1;
	kill_server(start_server(1));
	ck_assert_int_eq(look(1 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 0);
	mqci_lookout_rest(&lookout);
	sweep();

	lookout.owner = geteuid();
	mqci_name_presence(support_last_endpoint(), nobody, name);
	support_ok(mqci_segment_create(name, 10, 0600, &segment));
	ck_assert_int_eq(look(1 * MS).count, 0);
	ck_assert_uint_eq(lookout.count, 1);
	ck_assert(lookout.servers[0].dead);
	mqci_lookout_rest(&lookout);
	mqci_segment_close(&segment);
	mqci_segment_unlink(name);
}
END_TEST

/* Where there is no descriptor for one, its process is looked at. */
START_TEST(without_a_descriptor)
{
	pid_t server;

	begin();
	server = start_server(1);
	ck_assert_int_eq(look(1 * MS).count, 0);
	if (support_has_pidfds()) {
		ck_assert_int_ge(lookout.servers[0].process, 0);
		(void)close(lookout.servers[0].process);
	}
	lookout.servers[0].process = -1;
	ck_assert_int_eq(look(2 * MS).count, 0);
	kill_server(server);
	ck_assert_int_eq(look(3 * MS).count, 2);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

START_TEST(many_servers)
{
	pid_t servers[70];
	struct told told = {0};

	begin();
	for (int i = 0; i < 70; i++)
		servers[i] = start_server(1);
	(void)look(1 * MS);
	ck_assert_uint_eq(lookout.count, 70);
	for (int i = 0; i < 70; i++)
		kill_server(servers[i]);
	told = look(2 * MS);
	ck_assert_int_eq(told.count, 140);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

static int rest_in_child(void *unused)
{
	(void)unused;
	mqci_lookout_rest(&lookout);
	return lookout.servers != NULL ? 1 : 0;
}

/* A child does not let go of what another thread was about to change, or to let go of. */
START_TEST(a_child_of_fork)
{
	pid_t server;

	begin();
	server = start_server(1);
	(void)look(1 * MS);
	ck_assert_int_eq(support_in_child(rest_in_child, NULL), 0);
	(void)pthread_mutex_lock(&lookout.lock);
	ck_assert_int_eq(support_in_child(rest_in_child, NULL), 1);
	(void)pthread_mutex_unlock(&lookout.lock);
	kill_server(server);
	mqci_lookout_rest(&lookout);
	sweep();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lookout");
	TCase *tests = support_case(suite, "lookout");

	tcase_add_test(tests, a_death_is_told_once);
	tcase_add_test(tests, another_program);
	tcase_add_test(tests, whether_any_is_left);
	tcase_add_test(tests, who_was_dead_before);
	tcase_add_test(tests, who_comes_later);
	tcase_add_test(tests, nothing_new);
	tcase_add_test(tests, hands_of_all);
	tcase_add_test(tests, strange_names);
	tcase_add_test(tests, without_a_descriptor);
	tcase_add_test(tests, many_servers);
	tcase_add_test(tests, a_child_of_fork);
	return support_run(suite);
}
