/*
 * check_slots.c - tests of runtime/slots.h: the window of a client, and calls given up.
 */
#include "slots.h"

#include <string.h>

#include "support.h"

#define SECOND INT64_C(1000000000)

static mqci_slots slots;

/* Somebody who waits; who it is does not matter here. */
static struct mqci_waiter *const somebody = (struct mqci_waiter *)&slots;

static void begin(unsigned window)
{
	support_ok(mqci_slots_init(&slots, window));
}

static mqci_slot *take(void)
{
	mqci_slot *slot = mqci_slots_take(&slots, somebody);

	ck_assert_ptr_nonnull(slot);
	ck_assert_ptr_eq(mqci_slots_find(&slots, slot->call), slot);
	ck_assert_uint_eq(mqci_slot_of_call(slot->call), slot - slots.all);
	return slot;
}

static void give_up(mqci_slot *slot, int64_t now)
{
	slot->waiter = NULL;
	slot->given_up = now;
}

START_TEST(no_more_than_the_window)
{
	mqci_slot *taken[3];

	begin(3);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++)
			taken[i] = take();
		ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
		for (int i = 0; i < 3; i++)
			mqci_slots_free(&slots, taken[(i + round) % 3]);
	}
	mqci_slots_done(&slots);
}
END_TEST

START_TEST(numbers_are_never_used_twice)
{
	uint64_t first, second;
	mqci_slot *slot;

	begin(1);
	slot = take();
	first = slot->call;
	mqci_slots_free(&slots, slot);
	ck_assert_ptr_null(mqci_slots_find(&slots, first));
	second = take()->call;
	ck_assert_uint_ne(second, first);
	ck_assert_ptr_null(mqci_slots_find(&slots, first));
	mqci_slots_reset(&slots);
	ck_assert_ptr_null(mqci_slots_find(&slots, second));
	ck_assert_uint_gt(take()->call, second);
	mqci_slots_done(&slots);
}
END_TEST

START_TEST(numbers_of_no_call)
{
	static const uint64_t calls[] = {0, 1, 0xffff, 0x10001, UINT64_MAX};

	begin(2);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		ck_assert_ptr_null(mqci_slots_find(&slots, calls[i]));
	mqci_slots_done(&slots);
}
END_TEST

START_TEST(given_up_calls_keep_their_slots_for_a_while)
{
	mqci_slot *lost, *kept;
	uint64_t call;

	begin(2);
	lost = take();
	call = lost->call;
	kept = take();
	give_up(lost, 10 * SECOND);
	ck_assert(!mqci_slots_retire(&slots, 11 * SECOND));
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	ck_assert(!mqci_slots_retire(&slots, 13 * SECOND));
	/* A call under way is never replaced, and an index not used again. */
	ck_assert_ptr_ne(take(), lost);
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	ck_assert_ptr_eq(mqci_slots_find(&slots, kept->call), kept);
	/* Its reply comes after all. */
	ck_assert_ptr_eq(mqci_slots_find(&slots, call), lost);
	mqci_slots_free(&slots, lost);
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	mqci_slots_free(&slots, kept);
	(void)take();
	mqci_slots_done(&slots);
}
END_TEST

START_TEST(all_replies_are_lost)
{
	begin(2);
	for (int i = 0; i < 4; i++) {
		ck_assert(!mqci_slots_retire(&slots, i * SECOND));
		give_up(take(), (i - 10) * SECOND);
	}
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	ck_assert(mqci_slots_retire(&slots, 4 * SECOND));
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	mqci_slots_reset(&slots);
	ck_assert(!mqci_slots_retire(&slots, 4 * SECOND));
	(void)take();
	(void)take();
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	mqci_slots_done(&slots);
}
END_TEST

START_TEST(the_widest_window)
{
	begin(MQCI_WINDOW_MAX);
	for (int i = 0; i < MQCI_WINDOW_MAX; i++)
		(void)take();
	ck_assert_ptr_null(mqci_slots_take(&slots, somebody));
	mqci_slots_done(&slots);
	mqci_slots_done(&slots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slots");
	TCase *tests;

	tests = support_case(suite, "the window");
	tcase_add_test(tests, no_more_than_the_window);
	tcase_add_test(tests, numbers_are_never_used_twice);
	tcase_add_test(tests, numbers_of_no_call);
	tcase_add_test(tests, the_widest_window);

	tests = support_case(suite, "calls given up");
	tcase_add_test(tests, given_up_calls_keep_their_slots_for_a_while);
	tcase_add_test(tests, all_replies_are_lost);
	return support_run(suite);
}
