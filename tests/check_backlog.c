/*
 * check_backlog.c - tests of runtime/backlog.h: who is next.
 */
#include "backlog.h"

#include <stdlib.h>

#include "support.h"

static mqci_backlog backlog;
static mqci_hand hand;

static mqci_waiting *waiting_new(uint64_t call, unsigned priority, int64_t since)
{
	const mqci_frame frame = {
		.type = MQCI_REQUEST,
		.session = 1,
		.key = 2,
		.call = call,
		.payload = (const uint8_t *)"payload",
		.size = 7,
	};
	mqci_waiting *waiting = mqci_waiting_new(&frame, priority, &hand, since);

	ck_assert_ptr_nonnull(waiting);
	return waiting;
}

static uint64_t call_of(mqci_waiting *waiting)
{
	const uint8_t *at = waiting->message;
	size_t left = waiting->size;
	mqci_frame frame;

	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
	ck_assert_uint_eq(frame.size, 7);
	ck_assert_mem_eq(frame.payload, "payload", 7);
	free(waiting);
	return frame.call;
}

static void put(uint64_t call, unsigned priority, int64_t since)
{
	ck_assert_ptr_null(mqci_backlog_put(&backlog, waiting_new(call, priority, since)));
}

static uint64_t next(void)
{
	mqci_waiting *waiting = mqci_backlog_take(&backlog);

	return waiting != NULL ? call_of(waiting) : 0;
}

START_TEST(first_come_first_served)
{
	support_ok(mqci_backlog_init(&backlog, 200, 100));
	ck_assert_uint_eq(next(), 0);
	for (uint64_t i = 0; i < 200; i++)
		put(1 + i * 7 % 200, 3, (int64_t)(1000 + i * 7 % 200));
	ck_assert_uint_eq(mqci_backlog_count(&backlog), 200);
	for (uint64_t i = 0; i < 200; i++)
		ck_assert_uint_eq(next(), 1 + i);
	ck_assert_uint_eq(next(), 0);
	ck_assert_uint_eq(mqci_backlog_count(&backlog), 0);
	mqci_backlog_done(&backlog);
}
END_TEST

/* Those of one message came at the same time. */
START_TEST(in_the_order_in_which_they_were_put)
{
	support_ok(mqci_backlog_init(&backlog, 300, 100));
	for (uint64_t i = 0; i < 300; i++)
		put(1 + i, 0, 1000);
	for (uint64_t i = 0; i < 300; i++)
		ck_assert_uint_eq(next(), 1 + i);
	mqci_backlog_done(&backlog);
}
END_TEST

START_TEST(urgent_ones_first_but_not_for_ever)
{
	support_ok(mqci_backlog_init(&backlog, 10, 100));
	put(1, 0, 1000);
	put(2, 31, 1000 + 3099); /* just in time to overtake */
	put(3, 31, 1000 + 3101); /* and too late */
	put(4, 1, 1000);
	put(5, 31, 1000);
	ck_assert_uint_eq(next(), 5);
	ck_assert_uint_eq(next(), 4);
	ck_assert_uint_eq(next(), 2);
	ck_assert_uint_eq(next(), 1);
	ck_assert_uint_eq(next(), 3);
	mqci_backlog_done(&backlog);
}
END_TEST

START_TEST(the_last_one_is_refused)
{
	support_ok(mqci_backlog_init(&backlog, 4, 100));
	put(1, 0, 1000);
	put(2, 1, 1000);
	put(3, 0, 1010);
	put(4, 5, 1000);
	/* The new one is the last. */
	ck_assert_uint_eq(call_of(mqci_backlog_put(&backlog, waiting_new(5, 0, 1020))), 5);
	/* It is not, and another one is. */
	ck_assert_uint_eq(call_of(mqci_backlog_put(&backlog, waiting_new(6, 1, 1020))), 3);
	ck_assert_uint_eq(call_of(mqci_backlog_put(&backlog, waiting_new(7, 31, 1020))), 1);
	ck_assert_uint_eq(next(), 7);
	ck_assert_uint_eq(next(), 4);
	ck_assert_uint_eq(next(), 2);
	ck_assert_uint_eq(next(), 6);
	put(8, 0, 1030);
	/* What is left is freed. */
	mqci_backlog_done(&backlog);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backlog");
	TCase *tests = support_case(suite, "backlog");

	tcase_add_test(tests, first_come_first_served);
	tcase_add_test(tests, in_the_order_in_which_they_were_put);
	tcase_add_test(tests, urgent_ones_first_but_not_for_ever);
	tcase_add_test(tests, the_last_one_is_refused);
	return support_run(suite);
}
