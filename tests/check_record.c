/*
 * check_record.c - tests of lib/record.h: what server processes have in common, and its locks.
 */
#include "record.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static char name[MQCI_NAME_SIZE];

static void choose_name(void)
{
	(void)snprintf(name, sizeof name, "%s", support_queue_name(support_endpoint()));
}

static void leave_and_remove(mqci_record *record)
{
	support_ok(mqci_record_leave(record));
	ck_assert(!mqci_record_has_others(record));
	mqci_record_remove(record);
	mqci_record_close(record);
}

START_TEST(alone)
{
	mqci_record record;

	choose_name();
	support_ok(mqci_record_open(name, &record));
	ck_assert(record.fresh);
	ck_assert(!mqci_record_has_others(&record));
	support_ok(mqci_record_share(&record));
	ck_assert(!mqci_record_has_others(&record));
	leave_and_remove(&record);
	mqci_record_close(&record);
	ck_assert(!support_segment_exists(name));
}
END_TEST

START_TEST(together)
{
	mqci_record one, other;

	choose_name();
	support_ok(mqci_record_open(name, &one));
	support_ok(mqci_record_share(&one));
	support_ok(mqci_record_open(name, &other));
	ck_assert(!other.fresh);
	ck_assert(mqci_record_has_others(&other));
	ck_assert_mem_eq(one.secret, other.secret, sizeof one.secret);
	support_ok(mqci_record_share(&other));
	ck_assert(mqci_record_has_others(&one));

	support_ok(mqci_record_leave(&one));
	ck_assert(mqci_record_has_others(&one));
	mqci_record_close(&one);
	leave_and_remove(&other);
}
END_TEST

START_TEST(the_secret_outlives_servers)
{
	mqci_record record, again;

	choose_name();
	support_ok(mqci_record_open(name, &record));
	support_ok(mqci_record_share(&record));
	/* As a dead process leaves it. */
	mqci_record_close(&record);
	support_ok(mqci_record_open(name, &again));
	ck_assert(!again.fresh);
	ck_assert(!mqci_record_has_others(&again));
	ck_assert_mem_eq(record.secret, again.secret, sizeof record.secret);
	support_ok(mqci_record_share(&again));
	leave_and_remove(&again);

	/* But not its removal. */
	support_ok(mqci_record_open(name, &again));
	ck_assert_mem_ne(record.secret, again.secret, sizeof record.secret);
	support_ok(mqci_record_share(&again));
	leave_and_remove(&again);
}
END_TEST

START_TEST(keys)
{
	mqci_record record, other;
	uint64_t key;

	choose_name();
	support_ok(mqci_record_open(name, &record));
	key = mqci_record_key(&record, 1, 1000, 10, 7);
	ck_assert_uint_ne(key, 0);
	ck_assert_uint_eq(mqci_record_key(&record, 1, 1000, 10, 7), key);
	ck_assert_uint_ne(mqci_record_key(&record, 2, 1000, 10, 7), key);
	ck_assert_uint_ne(mqci_record_key(&record, 1, 1001, 10, 7), key);
	ck_assert_uint_ne(mqci_record_key(&record, 1, 1000, 11, 7), key);
	ck_assert_uint_ne(mqci_record_key(&record, 1, 1000, 10, 8), key);
	mqci_record_remove(&record);
	mqci_record_close(&record);
	support_ok(mqci_record_open(name, &other));
	ck_assert_uint_ne(mqci_record_key(&other, 1, 1000, 10, 7), key);
	mqci_record_remove(&other);
	mqci_record_close(&other);
}
END_TEST

/* ----------------------------------------------------------- processes -- */

/* A child that has the record open: shared, or still being settled. */
struct holder {
	pid_t pid;
	int orders; /* a byte lets it go on */
	int reports;
};

static void report(int to)
{
	if (write(to, "!", 1) != 1)
		_exit(10);
}

static bool wait_for(int from)
{
	char byte;

	return read(from, &byte, 1) == 1;
}

static void hold(bool share, int orders, int reports)
{
	mqci_record record;

	if (mqci_record_open(name, &record) < 0)
		_exit(11);
	if (share && mqci_record_share(&record) < 0)
		_exit(12);
	report(reports);
	(void)wait_for(orders);
	if (share && mqci_record_leave(&record) < 0)
		_exit(13);
	if (!mqci_record_has_others(&record))
		mqci_record_remove(&record);
	_exit(0);
}

static struct holder start_holder(bool share)
{
	struct holder holder;
	int orders[2], reports[2];

	ck_assert_int_eq(pipe(orders), 0);
	ck_assert_int_eq(pipe(reports), 0);
	holder.pid = fork();
	ck_assert_int_ge(holder.pid, 0);
	if (holder.pid == 0) {
		(void)close(orders[1]);
		hold(share, orders[0], reports[1]);
	}
	(void)close(orders[0]);
	(void)close(reports[1]);
	holder.orders = orders[1];
	holder.reports = reports[0];
	return holder;
}

static int end_holder(struct holder *holder, int signal)
{
	int status;

	if (signal != 0)
		ck_assert_int_eq(kill(holder->pid, signal), 0);
	else
		report(holder->orders);
	ck_assert_int_eq(waitpid(holder->pid, &status, 0), holder->pid);
	(void)close(holder->orders);
	(void)close(holder->reports);
	return status;
}

START_TEST(another_process_serves)
{
	struct holder holder;
	mqci_record record;

	choose_name();
	holder = start_holder(true);
	ck_assert(wait_for(holder.reports));
	support_ok(mqci_record_open(name, &record));
	ck_assert(mqci_record_has_others(&record));
	support_ok(mqci_record_share(&record));
	/* It leaves, and sees that we are there. */
	ck_assert_int_eq(end_holder(&holder, 0), 0);
	ck_assert(!mqci_record_has_others(&record));
	ck_assert(support_segment_exists(name));
	leave_and_remove(&record);
}
END_TEST

START_TEST(a_killed_process_serves_no_more)
{
	struct holder holder;
	mqci_record record;

	choose_name();
	holder = start_holder(true);
	ck_assert(wait_for(holder.reports));
	support_ok(mqci_record_open(name, &record));
	support_ok(mqci_record_share(&record));
	ck_assert(mqci_record_has_others(&record));
	ck_assert(WIFSIGNALED(end_holder(&holder, SIGKILL)));
	ck_assert(!mqci_record_has_others(&record));
	leave_and_remove(&record);
}
END_TEST

START_TEST(opening_keeps_others_out)
{
	struct holder holder;
	mqci_record record;
	char byte;

	choose_name();
	support_ok(mqci_record_open(name, &record));
	holder = start_holder(true);
	ck_assert_int_eq(fcntl(holder.reports, F_SETFL, O_NONBLOCK), 0);
	support_sleep_ms(100);
	ck_assert_int_eq(read(holder.reports, &byte, 1), -1);
	ck_assert_int_eq(fcntl(holder.reports, F_SETFL, 0), 0);
	support_ok(mqci_record_share(&record));
	ck_assert(wait_for(holder.reports));
	ck_assert_int_eq(end_holder(&holder, 0), 0);

	/* The same with the lock alone. */
	support_ok(mqci_record_lock(&record));
	holder = start_holder(true);
	ck_assert_int_eq(fcntl(holder.reports, F_SETFL, O_NONBLOCK), 0);
	support_sleep_ms(100);
	ck_assert_int_eq(read(holder.reports, &byte, 1), -1);
	ck_assert_int_eq(fcntl(holder.reports, F_SETFL, 0), 0);
	support_ok(mqci_record_unlock(&record));
	ck_assert(wait_for(holder.reports));
	ck_assert_int_eq(end_holder(&holder, 0), 0);
	leave_and_remove(&record);
}
END_TEST

START_TEST(killed_while_it_keeps_others_out)
{
	struct holder holder;
	mqci_record record;

	choose_name();
	holder = start_holder(false);
	ck_assert(wait_for(holder.reports));
	ck_assert(WIFSIGNALED(end_holder(&holder, SIGKILL)));
	support_ok(mqci_record_open(name, &record));
	support_ok(mqci_record_share(&record));
	leave_and_remove(&record);
}
END_TEST

START_TEST(removed_while_another_waits_for_it)
{
	struct holder holder;
	mqci_record record, mine;
	struct stat now, then;

	choose_name();
	support_ok(mqci_record_open(name, &record));
	ck_assert_int_eq(fstat(record.segment.fd, &then), 0);
	/* It opens what is there, and waits for our lock. */
	holder = start_holder(true);
	support_sleep_ms(100);
	mqci_record_remove(&record);
	/* Closing alone would not do: the child has inherited what is locked. */
	support_ok(mqci_record_unlock(&record));
	mqci_record_close(&record);
	/* So it must make another one, that others find. */
	ck_assert(wait_for(holder.reports));
	support_ok(mqci_record_open(name, &mine));
	ck_assert(mqci_record_has_others(&mine));
	ck_assert_int_eq(fstat(mine.segment.fd, &now), 0);
	ck_assert_uint_ne(now.st_ino, then.st_ino);
	support_ok(mqci_record_share(&mine));
	ck_assert_int_eq(end_holder(&holder, 0), 0);
	leave_and_remove(&mine);
}
END_TEST

/* ------------------------------------------------------------ refusals -- */

static void make_file(const char *content, size_t size, mode_t mode)
{
	char path[MQCI_NAME_SIZE + 16];
	int fd;

	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, size), (ssize_t)size);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	(void)close(fd);
}

START_TEST(files_that_are_no_record)
{
	static const struct {
		const char *content;
		size_t size;
		mode_t mode;
	} files[] = {
		{"x", 1, 0600},
		{"mqcall1", 8, 0600},
		{"mqcall1\0secretsecretsec", 23, 0600},
		{"mqcall9\0secretsecretsecr", 24, 0600},
		{"mqcall1\0secretsecretsecr", 24, 0640},
		{"mqcall1\0secretsecretsecr", 24, 0602},
	};
	mqci_record record = MQCI_RECORD_CLOSED;

	choose_name();
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		make_file(files[i].content, files[i].size, files[i].mode);
		support_fails(mqci_record_open(name, &record), MQC_FAILED_PRECONDITION);
		support_error_has(name);
		ck_assert_int_eq(record.segment.fd, -1);
		mqci_segment_unlink(name);
	}
	make_file("mqcall1\0secretsecretsecr", 24, 0600);
	support_ok(mqci_record_open(name, &record));
	ck_assert_mem_eq(record.secret, "secretsecretsecr", 16);
	mqci_record_remove(&record);
	mqci_record_close(&record);
}
END_TEST

static int open_without_files(void *unused)
{
	/* A signal would tell that files may not be so large, and end us. */
	const struct rlimit limit = {0, 0};
	mqci_record record;

	(void)unused;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 10;
	if (mqci_record_open(name, &record) != MQC_RESOURCE_EXHAUSTED)
		return 11;
	if (strstr(mqc_error_last()->text, "RLIMIT_FSIZE") == NULL)
		return 12;
	return support_segment_exists(name) ? 13 : 0;
}

START_TEST(no_files_may_be_made)
{
	choose_name();
	ck_assert_int_eq(support_in_child(open_without_files, NULL), 0);
}
END_TEST

static int make_as_nobody(void *unused)
{
	(void)unused;
	if (setuid(65534) < 0)
		return 77;
	make_file("mqcall1\0secretsecretsecr", 24, 0600);
	return 0;
}

START_TEST(a_strangers_record)
{
	mqci_record record = MQCI_RECORD_CLOSED;
	int status;

	choose_name();
	status = geteuid() == 0 ? support_in_child(make_as_nobody, NULL) : 77;
	if (status == 77) {
		support_skip("only root can make a file of another user");
		return;
	}
	ck_assert_int_eq(status, 0);
	support_fails(mqci_record_open(name, &record), MQC_PERMISSION_DENIED);
	support_error_has(name);
	mqci_segment_unlink(name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tests;

	tests = support_case(suite, "one process");
	tcase_add_test(tests, alone);
	tcase_add_test(tests, together);
	tcase_add_test(tests, the_secret_outlives_servers);
	tcase_add_test(tests, keys);

	tests = support_case(suite, "two processes");
	tcase_add_test(tests, another_process_serves);
	tcase_add_test(tests, a_killed_process_serves_no_more);
	tcase_add_test(tests, opening_keeps_others_out);
	tcase_add_test(tests, killed_while_it_keeps_others_out);
	tcase_add_test(tests, removed_while_another_waits_for_it);

	tests = support_case(suite, "refusals");
	tcase_add_test(tests, files_that_are_no_record);
	tcase_add_test(tests, no_files_may_be_made);
	tcase_add_test(tests, a_strangers_record);
	return support_run(suite);
}
