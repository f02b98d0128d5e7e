/*
 * check_segment.c - tests of lib/segment.h: shared memory that is ours and nobody else's.
 */
#include "segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

/* The name of a segment of this test's; its endpoint's record would be there. */
static char name[MQCI_NAME_SIZE];

static void choose_name(void)
{
	(void)snprintf(name, sizeof name, "%s", support_queue_name(support_endpoint()));
}

static const char *path(void)
{
	static char text[MQCI_NAME_SIZE + 16];

	(void)snprintf(text, sizeof text, "/dev/shm%s", name);
	return text;
}

static mode_t mode_now(void)
{
	struct stat status;

	ck_assert_int_eq(stat(path(), &status), 0);
	return status.st_mode & 07777;
}

START_TEST(open_creates_it)
{
	mqci_segment one = MQCI_SEGMENT_CLOSED, other = MQCI_SEGMENT_CLOSED;

	choose_name();
	support_ok(mqci_segment_open(name, &one));
	ck_assert(support_segment_exists(name));
	ck_assert_str_eq(one.name, name);
	ck_assert_ptr_null(one.memory);
	ck_assert_uint_eq(mode_now(), 0600);
	ck_assert_int_eq(write(one.fd, "x", 1), 1);
	support_ok(mqci_segment_open(name, &other));
	mqci_segment_close(&one);
	mqci_segment_close(&one);
	ck_assert_int_eq(one.fd, -1);
	mqci_segment_close(&other);
	ck_assert(support_segment_exists(name));
	mqci_segment_unlink(name);
	ck_assert(!support_segment_exists(name));
}
END_TEST

START_TEST(no_umask_is_in_the_way)
{
	static const mode_t masks[] = {0, 0077, 0277, 0777};

	choose_name();
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		mode_t before = umask(masks[i]);
		mqci_segment segment;

		support_ok(mqci_segment_open(name, &segment));
		ck_assert_uint_eq(mode_now(), 0600);
		mqci_segment_close(&segment);
		mqci_segment_unlink(name);

		support_ok(mqci_segment_create(name, 100, 0644, &segment));
		ck_assert_uint_eq(mode_now(), 0644);
		mqci_segment_close(&segment);
		mqci_segment_unlink(name);
		(void)umask(before);
	}
}
END_TEST

START_TEST(create_maps_zeroes)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED, second = MQCI_SEGMENT_CLOSED;
	char read_back[5001];
	const char *bytes;

	choose_name();
	support_ok(mqci_segment_create(name, 5000, 0600, &segment));
	ck_assert_uint_eq(segment.size, 5000);
	bytes = segment.memory;
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(bytes[i], 0);
	support_fails(mqci_segment_create(name, 5000, 0600, &second), MQC_ALREADY_EXISTS);
	ck_assert_int_eq(second.fd, -1);

	/* What is written there, others read. */
	memcpy((char *)segment.memory + 4995, "hello", 5);
	ck_assert_int_eq(mqci_segment_read(name, geteuid(), read_back, sizeof read_back), 5000);
	ck_assert_mem_eq(read_back + 4995, "hello", 5);
	ck_assert_int_eq(mqci_segment_read(name, geteuid(), read_back, 10), 10);
	mqci_segment_close(&segment);
	mqci_segment_unlink(name);
}
END_TEST

START_TEST(reading_what_is_not_there_or_not_his)
{
	mqci_segment segment;
	char byte;

	choose_name();
	support_fails((int)mqci_segment_read(name, geteuid(), &byte, 1), MQC_NOT_FOUND);
	support_ok(mqci_segment_create(name, 1, 0644, &segment));
	support_fails((int)mqci_segment_read(name, geteuid() + 1, &byte, 1), MQC_PERMISSION_DENIED);
	ck_assert_int_eq(ftruncate(segment.fd, 0), 0);
	ck_assert_int_eq(mqci_segment_read(name, geteuid(), &byte, 1), 0);
	mqci_segment_close(&segment);
	mqci_segment_unlink(name);
}
END_TEST

START_TEST(modes_that_let_others_in)
{
	static const mode_t modes[] = {0644, 0622, 0640, 0700, 0666, 04600};
	mqci_segment segment = MQCI_SEGMENT_CLOSED;

	choose_name();
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		int fd = open(path(), O_CREAT | O_RDWR | O_EXCL, 0600);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fchmod(fd, modes[i]), 0);
		(void)close(fd);
		support_fails(mqci_segment_open(name, &segment), MQC_FAILED_PRECONDITION);
		support_error_has(name);
		ck_assert_int_eq(segment.fd, -1);
		mqci_segment_unlink(name);
	}
}
END_TEST

START_TEST(what_is_no_plain_file)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;

	choose_name();
	ck_assert_int_eq(symlink("/dev/null", path()), 0);
	ck_assert_int_lt(mqci_segment_open(name, &segment), 0);
	ck_assert_int_lt(mqci_segment_create(name, 1, 0600, &segment), 0);
	ck_assert_int_eq(unlink(path()), 0);

	ck_assert_int_eq(symlink("mqcall-nowhere", path()), 0);
	ck_assert_int_lt(mqci_segment_open(name, &segment), 0);
	ck_assert_int_eq(access("/dev/shm/mqcall-nowhere", F_OK), -1);
	ck_assert_int_eq(unlink(path()), 0);

	ck_assert_int_eq(mkdir(path(), 0700), 0);
	ck_assert_int_lt(mqci_segment_open(name, &segment), 0);
	ck_assert_int_eq(rmdir(path()), 0);
	ck_assert_int_eq(segment.fd, -1);
}
END_TEST

static int make_as_nobody(void *unused)
{
	mqci_segment segment;

	(void)unused;
	if (setuid(65534) < 0)
		return 77;
	return mqci_segment_open(name, &segment) == MQC_OK ? 0 : 10;
}

START_TEST(a_strangers_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	int status;

	choose_name();
	status = geteuid() == 0 ? support_in_child(make_as_nobody, NULL) : 77;
	if (status == 77) {
		support_skip("only root can make a segment of another user");
		return;
	}
	ck_assert_int_eq(status, 0);
	support_fails(mqci_segment_open(name, &segment), MQC_PERMISSION_DENIED);
	support_error_has(name);
	ck_assert_int_eq(segment.fd, -1);
	mqci_segment_unlink(name);
}
END_TEST

static int open_without_descriptors(void *unused)
{
	const struct rlimit limit = {3, 3};
	mqci_segment segment;

	(void)unused;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 10;
	if (mqci_segment_open(name, &segment) != MQC_RESOURCE_EXHAUSTED ||
	    strstr(mqc_error_last()->text, "ulimit -n") == NULL)
		return 11;
	if (mqci_segment_create(name, 1, 0600, &segment) != MQC_RESOURCE_EXHAUSTED)
		return 12;
	return mqci_segment_watch() == -1 ? 0 : 13;
}

START_TEST(no_descriptor_left)
{
	if (support_skip_scarcity())
		return;
	choose_name();
	ck_assert_int_eq(support_in_child(open_without_descriptors, NULL), 0);
	ck_assert(!support_segment_exists(name));
}
END_TEST

static int create_too_large(void *unused)
{
	/* Files may not become larger than this; a signal would tell, and end us. */
	const struct rlimit limit = {4096, 4096};
	mqci_segment segment;

	(void)unused;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 10;
	if (mqci_segment_create(name, 1 << 20, 0600, &segment) != MQC_RESOURCE_EXHAUSTED)
		return 11;
	if (strstr(mqc_error_last()->text, "RLIMIT_FSIZE") == NULL)
		return 13;
	return support_segment_exists(name) ? 12 : 0;
}

START_TEST(no_memory_for_it)
{
	choose_name();
	ck_assert_int_eq(support_in_child(create_too_large, NULL), 0);
}
END_TEST

static bool see(const char *found, void *data)
{
	int *count = data;

	if (strcmp(found, name) == 0)
		*count += 100;
	++*count;
	return true;
}

static bool see_one(const char *found, void *data)
{
	(void)found;
	++*(int *)data;
	return false;
}

START_TEST(listing)
{
	mqci_segment segment;
	int count = 0;

	choose_name();
	support_ok(mqci_segment_create(name, 1, 0600, &segment));
	support_ok(mqci_segment_list(see, &count));
	ck_assert_int_gt(count, 100);
	count = 0;
	support_ok(mqci_segment_list(see_one, &count));
	ck_assert_int_eq(count, 1);
	mqci_segment_close(&segment);
	mqci_segment_unlink(name);
	count = 0;
	support_ok(mqci_segment_list(see, &count));
	ck_assert_int_lt(count, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *tests;

	tests = support_case(suite, "use");
	tcase_add_test(tests, open_creates_it);
	tcase_add_test(tests, no_umask_is_in_the_way);
	tcase_add_test(tests, create_maps_zeroes);
	tcase_add_test(tests, listing);

	tests = support_case(suite, "refusals");
	tcase_add_test(tests, reading_what_is_not_there_or_not_his);
	tcase_add_test(tests, modes_that_let_others_in);
	tcase_add_test(tests, what_is_no_plain_file);
	tcase_add_test(tests, a_strangers_segment);
	tcase_add_test(tests, no_descriptor_left);
	tcase_add_test(tests, no_memory_for_it);
	return support_run(suite);
}
