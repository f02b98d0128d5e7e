/*
 * check_window.c - tests of lib/window.h: what is mapped of a segment that grows.
 */
#include "window.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support.h"

#define PAGE 4096

static mqci_segment segment;
static mqci_windows windows;

static void begin(void)
{
	char name[MQCI_NAME_SIZE];

	(void)snprintf(name, sizeof name, "/check.window.%d", (int)getpid());
	support_ok(mqci_segment_prepare(name, 4 * PAGE, &segment));
	windows = (mqci_windows){.newest = NULL};
}

static void end(void)
{
	mqci_windows_close(&windows);
	mqci_windows_close(&windows);
	mqci_segment_close(&segment);
}

static void put(uint64_t offset, const char *text)
{
	support_ok(mqci_segment_put(&segment, offset, text, strlen(text) + 1));
}

START_TEST(it_shows_what_is_there)
{
	char *memory, text[8];
	uint64_t offset;

	begin();
	put(2 * PAGE + 7, "hello");
	memory = mqci_windows_find(&windows, &segment, 2 * PAGE + 7, 6);
	ck_assert_ptr_nonnull(memory);
	ck_assert_str_eq(memory, "hello");
	memcpy(memory, "HELLO", 6);
	support_ok(mqci_segment_get(&segment, 2 * PAGE + 7, text, 6));
	ck_assert_str_eq(text, "HELLO");
	ck_assert(mqci_windows_offset(&windows, memory + 2, 3, &offset));
	ck_assert_uint_eq(offset, 2 * PAGE + 9);
	ck_assert(!mqci_windows_offset(&windows, memory, 2 * PAGE, &offset));
	ck_assert(!mqci_windows_offset(&windows, text, 1, &offset));
	ck_assert_ptr_eq(mqci_windows_find(&windows, &segment, 0, 4 * PAGE), memory - 2 * PAGE - 7);
	end();
}
END_TEST

START_TEST(there_is_no_more_than_that)
{
	begin();
	ck_assert_ptr_null(mqci_windows_find(&windows, &segment, 4 * PAGE, 1));
	ck_assert_ptr_null(mqci_windows_find(&windows, &segment, 4 * PAGE - 1, 2));
	ck_assert_ptr_null(mqci_windows_find(&windows, &segment, UINT64_MAX, SIZE_MAX));
	ck_assert_ptr_null(mqci_windows_find(&windows, &segment, 1, SIZE_MAX));
	ck_assert_ptr_nonnull(mqci_windows_find(&windows, &segment, 4 * PAGE - 1, 1));
	end();
}
END_TEST

START_TEST(it_grows)
{
	uint8_t *first, *second;
	uint64_t offset;

	begin();
	first = mqci_windows_find(&windows, &segment, 0, 1);
	support_ok(mqci_segment_grow(&segment, 6 * PAGE));
	put(5 * PAGE, "new");
	second = mqci_windows_find(&windows, &segment, 5 * PAGE, 4);
	ck_assert_str_eq((char *)second, "new");
	ck_assert(mqci_windows_offset(&windows, second, 4, &offset));
	ck_assert_uint_eq(offset, 5 * PAGE);
	/* What was there stays where it was; nothing lies in both. */
	ck_assert_ptr_eq(mqci_windows_find(&windows, &segment, 0, 1), first);
	ck_assert_ptr_eq(mqci_windows_find(&windows, &segment, 4 * PAGE, 1), second - PAGE);
	ck_assert_ptr_null(mqci_windows_find(&windows, &segment, 3 * PAGE, 2 * PAGE));
	end();
}
END_TEST

static void *look(void *data)
{
	(void)data;
	return mqci_windows_find(&windows, &segment, PAGE, 1);
}

START_TEST(all_threads_see_the_same)
{
	pthread_t threads[8];
	void *seen;

	for (int round = 0; round < 50; round++) {
		begin();
		for (int i = 0; i < 8; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, look, NULL), 0);
		for (int i = 0; i < 8; i++) {
			ck_assert_int_eq(pthread_join(threads[i], &seen), 0);
			ck_assert_ptr_eq(seen, look(NULL));
		}
		end();
	}
}
END_TEST

static int look_without_space(void *unused)
{
	const struct rlimit limit = {0, RLIM_INFINITY};
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	(void)unused;
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		return 10;
	if (look(NULL) != NULL)
		return 11;
	/* It is not tried again and again. */
	(void)setrlimit(RLIMIT_AS, &none);
	return look(NULL) == NULL ? 0 : 12;
}

START_TEST(there_is_no_address_space)
{
	begin();
	ck_assert_int_eq(support_in_child(look_without_space, NULL), 0);
	ck_assert_ptr_nonnull(look(NULL));
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tests = support_case(suite, "windows");

	tcase_add_test(tests, it_shows_what_is_there);
	tcase_add_test(tests, there_is_no_more_than_that);
	tcase_add_test(tests, it_grows);
	tcase_add_test(tests, all_threads_see_the_same);
	tcase_add_test(tests, there_is_no_address_space);
	return support_run(suite);
}
