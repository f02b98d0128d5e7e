/*
 * check_cancel.c - tests of runtime/cancel.h: a request to give calls up.
 */
#include "cancel.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "support.h"

struct told {
	mqci_cancel_link link;
	atomic_int times;
};

static void tell(mqci_cancel_link *link)
{
	atomic_fetch_add(&((struct told *)(void *)link)->times, 1);
}

static mqc_cancel *new_cancel(void)
{
	mqc_cancel *cancel = NULL;

	support_ok(mqc_cancel_new(&cancel));
	return cancel;
}

static bool is_readable(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	return poll(&polled, 1, 0) == 1;
}

START_TEST(once_requested_always_requested)
{
	mqc_cancel *cancel = new_cancel();

	ck_assert(!mqci_cancel_is_requested(cancel));
	ck_assert(!is_readable(mqci_cancel_descriptor(cancel)));
	for (int i = 0; i < 3; i++) {
		mqc_cancel_request(cancel);
		ck_assert(mqci_cancel_is_requested(cancel));
		ck_assert(is_readable(mqci_cancel_descriptor(cancel)));
	}
	ck_assert_ptr_null(mqc_cancel_free(cancel));
}
END_TEST

START_TEST(none_at_all)
{
	struct told told = {.link.wake = tell};

	ck_assert(!mqci_cancel_is_requested(NULL));
	ck_assert_int_eq(mqci_cancel_descriptor(NULL), -1);
	mqci_cancel_attach(NULL, &told.link);
	mqci_cancel_detach(NULL, &told.link);
	mqci_cancel_sleep(NULL, mqci_clock_now() + 1000000);
	ck_assert_ptr_null(mqc_cancel_free(NULL));
}
END_TEST

START_TEST(all_that_are_attached_are_told_once)
{
	mqc_cancel *cancel = new_cancel();
	struct told told[4];

	memset(told, 0, sizeof told);
	for (int i = 0; i < 4; i++) {
		told[i].link.wake = tell;
		mqci_cancel_attach(cancel, &told[i].link);
	}
	mqci_cancel_detach(cancel, &told[1].link);
	mqci_cancel_detach(cancel, &told[3].link);
	mqc_cancel_request(cancel);
	mqc_cancel_request(cancel);
	/* Who comes later is told at once. */
	mqci_cancel_attach(cancel, &told[3].link);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(atomic_load(&told[i].times), i != 1);
		if (i != 1)
			mqci_cancel_detach(cancel, &told[i].link);
	}
	mqc_cancel_free(cancel);
}
END_TEST

static void *request_later(void *cancel)
{
	support_sleep_ms(50);
	mqc_cancel_request(cancel);
	return NULL;
}

START_TEST(sleeping)
{
	mqc_cancel *cancel = new_cancel();
	int64_t begun = support_now_ms();
	pthread_t thread;

	mqci_cancel_sleep(cancel, mqci_deadline_after_ms(30));
	ck_assert_int_ge(support_now_ms() - begun, 29);
	ck_assert_int_eq(pthread_create(&thread, NULL, request_later, cancel), 0);
	begun = support_now_ms();
	mqci_cancel_sleep(cancel, mqci_deadline_after_ms(60000));
	ck_assert_int_lt(support_now_ms() - begun, 30000);
	mqci_cancel_sleep(cancel, mqci_deadline_after_ms(60000));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqc_cancel_free(cancel);
}
END_TEST

static int request_in_child(void *cancel)
{
	mqc_cancel_request(cancel);
	mqc_cancel_request(cancel);
	return mqci_cancel_is_requested(cancel) && mqc_cancel_free(cancel) == NULL ? 0 : 1;
}

START_TEST(a_child_is_on_its_own)
{
	mqc_cancel *cancel = new_cancel();
	struct told told = {.link.wake = tell};

	mqci_cancel_attach(cancel, &told.link);
	ck_assert_int_eq(support_in_child(request_in_child, cancel), 0);
	ck_assert(!mqci_cancel_is_requested(cancel));
	ck_assert(!is_readable(mqci_cancel_descriptor(cancel)));
	mqc_cancel_request(cancel);
	ck_assert_int_eq(atomic_load(&told.times), 1);
	mqci_cancel_detach(cancel, &told.link);
	mqc_cancel_free(cancel);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cancel");
	TCase *tests = support_case(suite, "cancel");

	tcase_add_test(tests, once_requested_always_requested);
	tcase_add_test(tests, none_at_all);
	tcase_add_test(tests, all_that_are_attached_are_told_once);
	tcase_add_test(tests, sleeping);
	tcase_add_test(tests, a_child_is_on_its_own);
	return support_run(suite);
}
