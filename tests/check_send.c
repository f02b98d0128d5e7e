/*
 * check_send.c - tests of runtime/send.h: who finds a queue full gives way to its server.
 *
 * Nothing serves the queue but sched_yield(), which is the tests'.
 */
#include "send.h"

#include <sched.h>
#include <string.h>

#include "clock.h"
#include "support.h"

enum {
	MESSAGES = 2, /* of the queue */
	SIZE = 64,
	SOON = 20, /* ms */
	LATE = 5000,
	MANY = 100 /* more often than anybody gives way */
};

int __wrap_sched_yield(void);

static mqc_client client;
static mqci_waiter waiter;
static mqci_queue end;        /* to receive from */
static int yields;            /* that were made */
static int served_from;       /* that one on, each has a message served */
static mqc_cancel *cancelled; /* by the first, unless NULL */

int __wrap_sched_yield(void)
{
	uint8_t message[SIZE];

	if (cancelled != NULL)
		mqc_cancel_request(cancelled);
	if (++yields >= served_from)
		ck_assert_int_gt(mqci_queue_receive(&end, message, sizeof message), 0);
	return 0;
}

static void open_full(int from)
{
	const char *name = support_queue_name(support_endpoint());

	support_ok(mqci_queue_create(name, MESSAGES, SIZE, 0600, &end));
	support_ok(mqci_queue_never_block(&end));
	support_ok(mqci_queue_open(name, MQCI_SEND, &client.requests));
	while (mqci_queue_send(&client.requests, "other", 5, 0) > 0)
		continue;
	served_from = from;
}

static void close_queue(void)
{
	ck_assert(mqci_queue_unlink(end.name));
	mqci_queue_close(&end);
	mqci_queue_close(&client.requests);
}

/* Send the request of the call of this number, or of nobody; gives how often way was given. */
static int gives_way(uint64_t number, mqci_waiter *of, int64_t deadline, int ret)
{
	const mqci_sending sending = {
		.queue = &client.requests,
		.deadline = deadline,
		.waiter = of,
		.cancel = cancelled,
	};

	waiter.call = number << MQCI_SLOT_BITS;
	yields = 0;
	ck_assert_int_eq(mqci_send(&client, &sending, (const uint8_t *)"mine", 4), ret);
	return yields;
}

START_TEST(a_full_queue_gets_room)
{
	open_full(3);
	ck_assert_int_eq(gives_way(2, &waiter, mqci_deadline_after_ms(LATE), 1), 3);
	ck_assert(!client.waiters.was_full);
	close_queue();
}
END_TEST

START_TEST(in_vain_for_a_moment_only)
{
	int ways;

	open_full(MANY);
	ways = gives_way(2, &waiter, mqci_deadline_after_ms(SOON), 0);
	ck_assert_int_gt(ways, 0);
	ck_assert_int_lt(ways, MANY);
	ck_assert(client.waiters.was_full);
	close_queue();
}
END_TEST

START_TEST(not_twice_in_succession)
{
	open_full(1);
	ck_assert_int_eq(gives_way(2, &waiter, mqci_deadline_after_ms(LATE), 1), 1);
	ck_assert_int_eq(gives_way(3, &waiter, mqci_deadline_after_ms(SOON), 0), 0);
	ck_assert_int_eq(gives_way(4, &waiter, mqci_deadline_after_ms(LATE), 1), 1);
	close_queue();
}
END_TEST

/* They have no number; hellos have not even somebody who waits. */
START_TEST(not_for_what_is_one_way)
{
	open_full(1);
	ck_assert_int_eq(gives_way(2, &waiter, mqci_deadline_after_ms(LATE), 1), 1);
	ck_assert_int_eq(gives_way(0, &waiter, mqci_deadline_after_ms(SOON), 0), 0);
	ck_assert_int_eq(gives_way(4, NULL, mqci_deadline_after_ms(SOON), 0), 0);
	close_queue();
}
END_TEST

START_TEST(not_without_time)
{
	open_full(1);
	ck_assert_int_eq(gives_way(2, &waiter, mqci_clock_now(), 0), 0);
	ck_assert_int_eq(gives_way(4, &waiter, 0, 0), 0);
	close_queue();
}
END_TEST

START_TEST(not_when_cancelled)
{
	open_full(MANY);
	support_ok(mqc_cancel_new(&cancelled));
	ck_assert_int_eq(gives_way(2, &waiter, mqci_deadline_after_ms(LATE), MQC_CANCELLED), 1);
	cancelled = mqc_cancel_free(cancelled);
	close_queue();
}
END_TEST

/* Who does not wait leaves the turn to the next. */
START_TEST(no_turn_without_time)
{
	open_full(1);
	ck_assert_int_eq(gives_way(2, &waiter, 0, 0), 0);
	ck_assert_int_eq(gives_way(3, &waiter, mqci_deadline_after_ms(LATE), 1), 1);
	close_queue();
}
END_TEST

/* Threads of one client come in any order. */
START_TEST(not_when_overtaken)
{
	open_full(1);
	ck_assert_int_eq(gives_way(5, &waiter, mqci_deadline_after_ms(LATE), 1), 1);
	ck_assert_int_eq(gives_way(4, &waiter, mqci_deadline_after_ms(SOON), 0), 0);
	close_queue();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("send");
	TCase *tests = support_case(suite, "giving way");

	tcase_add_test(tests, a_full_queue_gets_room);
	tcase_add_test(tests, in_vain_for_a_moment_only);
	tcase_add_test(tests, not_twice_in_succession);
	tcase_add_test(tests, not_for_what_is_one_way);
	tcase_add_test(tests, not_without_time);
	tcase_add_test(tests, not_when_cancelled);
	tcase_add_test(tests, no_turn_without_time);
	tcase_add_test(tests, not_when_overtaken);
	return support_run(suite);
}
