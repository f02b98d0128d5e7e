/*
 * check_name.c - tests of lib/name.h: names, and ids of processes and clients.
 */
#include "name.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

START_TEST(good_names)
{
	static const char *const names[] = {"a", "Z", "0", "calc", "a.b_c-d", "x.", "1-", "9__"};
	char longest[65];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		support_ok(mqci_name_check(names[i]));
	memset(longest, 'x', 64);
	longest[64] = '\0';
	support_ok(mqci_name_check(longest));
}
END_TEST

START_TEST(bad_names)
{
	static const char *const names[] = {"",     ".",        "..",   ".a",  "-a",  "_a",  "a/b",
					    "/a",   "a b",      " a",   "a~b", "a\n", "a:b", "a%sb",
					    "\x7f", "\xc3\xa4", "a\\b", "a@b", "a`b", "a{b"};
	char long_one[200];

	support_fails(mqci_name_check(NULL), MQC_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		support_fails(mqci_name_check(names[i]), MQC_INVALID_ARGUMENT);
	memset(long_one, 'x', sizeof long_one);
	for (size_t size = 65; size < sizeof long_one; size++) {
		long_one[size] = '\0';
		support_fails(mqci_name_check(long_one), MQC_INVALID_ARGUMENT);
		long_one[size] = 'x';
	}
	support_fails(mqci_name_check("good-so-far/"), MQC_INVALID_ARGUMENT);
	support_error_has("position 12");
}
END_TEST

START_TEST(every_byte_is_good_or_bad)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._-";

	for (int byte = 1; byte < 256; byte++) {
		const char name[] = {'x', (char)byte, '\0'};
		bool expected = strchr(good, byte) != NULL;

		ck_assert_int_eq(mqci_name_check(name) == MQC_OK, expected);
	}
}
END_TEST

START_TEST(names_of_endpoints)
{
	char name[MQCI_NAME_SIZE], longest[65];

	mqci_name_endpoint("calc", name);
	ck_assert_str_eq(name, "/mqcall.calc");
	memset(longest, 'x', 64);
	longest[64] = '\0';
	mqci_name_endpoint(longest, name);
	ck_assert_uint_eq(strlen(name), 8 + 64);
}
END_TEST

START_TEST(names_of_clients)
{
	char name[MQCI_NAME_SIZE], expected[MQCI_NAME_SIZE];
	uint64_t process;

	support_ok(mqci_process_self(&process));
	ck_assert_int_eq(mqci_process_pid(process), getpid());
	for (unsigned n = 0; n < 2000; n += 333) {
		uint64_t session = mqci_party_make(process, n);

		ck_assert_uint_eq(mqci_party_process(session), process);
		mqci_name_replies(session, name);
		(void)snprintf(expected, sizeof expected, "/mqcall~%d.%u.%u", (int)getpid(),
			       (unsigned)(uint32_t)process, n % MQCI_PARTIES_MAX);
		ck_assert_str_eq(name, expected);
	}
}
END_TEST

START_TEST(any_number_gives_a_safe_name)
{
	static const uint64_t sessions[] = {
		0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, UINT64_C(0x2f2e2f2e2f2e2f2e)};
	char name[MQCI_NAME_SIZE];

	for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++) {
		mqci_name_replies(sessions[i], name);
		ck_assert_int_eq(strncmp(name, "/mqcall~", 8), 0);
		ck_assert_uint_eq(strspn(name + 8, "0123456789."), strlen(name + 8));
		ck_assert_ptr_null(strchr(name + 1, '/'));
	}
}
END_TEST

START_TEST(names_of_presences_and_back)
{
	char name[MQCI_NAME_SIZE], longest[65];
	uint64_t process, party = 0;

	support_ok(mqci_process_self(&process));
	mqci_name_presence("calc", mqci_party_make(process, 5), name);
	ck_assert(mqci_name_parse_presence(name, "calc", &party));
	ck_assert_uint_eq(party, mqci_party_make(process, 5));

	memset(longest, 'x', 64);
	longest[64] = '\0';
	mqci_name_presence(longest, UINT64_MAX, name);
	ck_assert(mqci_name_parse_presence(name, longest, &party));
	ck_assert_uint_eq(party, UINT64_MAX);
}
END_TEST

START_TEST(names_of_lanes)
{
	char name[MQCI_NAME_SIZE], own[MQCI_NAME_SIZE], longest[65];
	uint64_t party;

	mqci_name_lane("calc", 1, name);
	ck_assert_str_eq(name, "/mqcall.calc~1");
	mqci_name_lane("calc", 0, name);
	mqci_name_endpoint("calc", own);
	ck_assert_str_eq(name, own);

	memset(longest, 'x', 64);
	longest[64] = '\0';
	mqci_name_endpoint(longest, own);
	for (unsigned lane = 1; lane < MQCI_LANES; lane++) {
		mqci_name_lane(longest, lane, name);
		ck_assert_int_eq(strncmp(name, own, strlen(own)), 0);
		ck_assert_uint_eq(strlen(name), strlen(own) + 2);
		ck_assert_int_eq(name[strlen(own) + 1], (char)('0' + lane));
		ck_assert(!mqci_name_parse_presence(name, longest, &party));
		ck_assert(!mqci_name_parse_replies(name, &party));
	}
}
END_TEST

START_TEST(names_of_replies_and_back)
{
	static const char *const names[] = {
		"/mqcall~",         "/mqcall~1",
		"/mqcall~1.2",      "/mqcall~1.2.3.4",
		"/mqcall~1.2.3x",   "/mqcall~01.2.3",
		"/mqcall~0.2.3",    "/mqcall~-1.2.3",
		"/mqcall~1.2.1024", "/mqcall~99999999999.2.3",
		"/mqcall.a~1.2.3",  "/mqcalls~1.2.3",
		"mqcall~1.2.3",     "",
		"/mqcall.calc",
	};
	char name[MQCI_NAME_SIZE];
	uint64_t process, session;

	support_ok(mqci_process_self(&process));
	mqci_name_replies(mqci_party_make(process, 5), name);
	ck_assert(mqci_name_parse_replies(name, &session));
	ck_assert_uint_eq(session, mqci_party_make(process, 5));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_msg(!mqci_name_parse_replies(names[i], &session), "%s", names[i]);
}
END_TEST

START_TEST(what_is_no_presence)
{
	static const char *const names[] = {
		"",
		"/",
		"~",
		"/mqcall.calc",
		"/mqcall.calc~",
		"/mqcall.calc~1",
		"/mqcall.calc~1.2",
		"/mqcall.calc~1.2.3.4",
		"/mqcall.calc~1.2.3x",
		"/mqcall.calc~ 1.2.3",
		"/mqcall.calc~+1.2.3",
		"/mqcall.calc~01.2.3",
		"/mqcall.calc~-1.2.3",
		"/mqcall.calc~0.2.3",
		"/mqcall.calc~1.2.1024",
		"/mqcall.calc~1.99999999999.3",
		"/mqcall.calc~99999999999.2.3",
		"/mqcall.calc~4194304.2.3",
		"/mqcall.other~1.2.3",
		"/mqcall.calc2~1.2.3",
		"/mqcall.cal~1.2.3",
		"mqcall.calc~1.2.3",
		"/mqcall~1.2.3",
	};
	uint64_t party;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_msg(!mqci_name_parse_presence(names[i], "calc", &party), "%s", names[i]);
	ck_assert(mqci_name_parse_presence("/mqcall.calc~1.2.3", "calc", &party));
}
END_TEST

START_TEST(this_process_lives)
{
	uint64_t process, again;

	support_ok(mqci_process_self(&process));
	support_ok(mqci_process_self(&again));
	ck_assert_uint_eq(process, again);
	ck_assert(mqci_process_alive(process));
	/* With another beginning it is another process, that had the same pid. */
	ck_assert(!mqci_process_alive(process - 1));
	ck_assert(!mqci_process_alive(process + 1));
}
END_TEST

START_TEST(no_process_at_all)
{
	ck_assert(!mqci_process_alive(0));
	ck_assert(!mqci_process_alive(1));
	/* 2^22 - 1 is the largest pid that there can be; nobody has it here. */
	ck_assert(!mqci_process_alive((UINT64_C(1) << 54) - 1));
}
END_TEST

static pid_t child_with_name(const char *name, int *ret_pipe, uint64_t *ret_process)
{
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		uint64_t process = 0;

		(void)prctl(PR_SET_NAME, name);
		(void)mqci_process_self(&process);
		(void)!write(ends[1], &process, sizeof process);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], ret_process, sizeof *ret_process), sizeof *ret_process);
	*ret_pipe = ends[0];
	return pid;
}

START_TEST(whatever_a_process_calls_itself)
{
	static const char *const names[] = {") R 1 1", "a) (b", "((((((", "", " ", ")))))"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint64_t process;
		int output;
		pid_t pid = child_with_name(names[i], &output, &process);

		ck_assert_int_eq(mqci_process_pid(process), pid);
		ck_assert(mqci_process_alive(process));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		(void)close(output);
		ck_assert(!mqci_process_alive(process));
	}
}
END_TEST

START_TEST(a_zombie_is_dead)
{
	siginfo_t info;
	uint64_t process;
	int output;
	pid_t pid = child_with_name("zombie", &output, &process);

	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert(!mqci_process_alive(process));
	(void)waitpid(pid, NULL, 0);
	(void)close(output);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("name");
	TCase *tests;

	tests = support_case(suite, "names");
	tcase_add_test(tests, good_names);
	tcase_add_test(tests, bad_names);
	tcase_add_test(tests, every_byte_is_good_or_bad);
	tcase_add_test(tests, names_of_endpoints);
	tcase_add_test(tests, names_of_clients);
	tcase_add_test(tests, any_number_gives_a_safe_name);
	tcase_add_test(tests, names_of_presences_and_back);
	tcase_add_test(tests, what_is_no_presence);
	tcase_add_test(tests, names_of_lanes);
	tcase_add_test(tests, names_of_replies_and_back);

	tests = support_case(suite, "processes");
	tcase_add_test(tests, this_process_lives);
	tcase_add_test(tests, no_process_at_all);
	tcase_add_test(tests, whatever_a_process_calls_itself);
	tcase_add_test(tests, a_zombie_is_dead);
	return support_run(suite);
}
