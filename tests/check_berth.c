/*
 * check_berth.c - tests of lib/berth.h: places for payloads, and the memory that they have.
 */
#include "berth.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "window.h"

#define SLOTS 3
#define REGION ((size_t)64 << 10)
#define BASE UINT64_C(8192)

static mqci_segment segment;
static mqci_windows windows;
static mqci_berths *berths;

static void begin(void)
{
	char name[MQCI_NAME_SIZE];

	(void)snprintf(name, sizeof name, "/check.berth.%d", (int)getpid());
	support_ok(mqci_segment_prepare(name, BASE + 2 * SLOTS * REGION, &segment));
	support_ok(mqci_berths_new(SLOTS, REGION, BASE, &berths));
	mqci_berths_keep(berths, UINT64_MAX);
	windows = (mqci_windows){.newest = NULL};
}

static void end(void)
{
	ck_assert_ptr_null(mqci_berths_free(berths));
	ck_assert_ptr_null(mqci_berths_free(NULL));
	mqci_windows_close(&windows);
	mqci_segment_close(&segment);
}

static size_t memory(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(segment.fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

static void populate(uint64_t place, mqci_region region, size_t size)
{
	uint8_t *at = mqci_windows_find(&windows, &segment, place + region * REGION, REGION);

	ck_assert_ptr_nonnull(at);
	support_ok(mqci_berths_populate(berths, &segment, place, region, at, size));
	ck_assert_uint_ge(mqci_berths_memory(berths, place, region), size);
	memset(at, 1, size);
}

START_TEST(each_slot_has_one)
{
	begin();
	for (unsigned slot = 0; slot < SLOTS; slot++)
		ck_assert_uint_eq(mqci_berths_place(berths, slot), BASE + 2 * slot * REGION);
	end();
}
END_TEST

START_TEST(abandoned_ones_are_not_used_again)
{
	uint64_t last = BASE + 2 * (SLOTS - 1) * REGION;

	begin();
	for (int i = 0; i < 500; i++) {
		mqci_berths_abandon(berths, &segment, i % SLOTS, false);
		ck_assert_uint_eq(mqci_berths_place(berths, i % SLOTS), last + 2 * REGION);
		last += 2 * REGION;
		populate(last, MQCI_REPLY_REGION, 1);
	}
	end();
}
END_TEST

/* A reply that cannot be kept, as there is no other place for the slot, is copied: the slot goes
 * on. */
START_TEST(no_other_to_be_had)
{
	const struct rlimit limit = {BASE + 2 * SLOTS * REGION, BASE + 2 * SLOTS * REGION};
	uint64_t place;

	begin();
	place = mqci_berths_place(berths, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(!mqci_berths_keep_reply(berths, &segment, 1, place));
	ck_assert_uint_eq(mqci_berths_place(berths, 1), place);
	ck_assert_uint_eq(mqci_berths_loans(berths), 0);
	/* One that is abandoned may still be written to. */
	mqci_berths_abandon(berths, &segment, 1, false);
	ck_assert_uint_eq(mqci_berths_place(berths, 1), 0);
	end();
}
END_TEST

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

/* What another thread is so fast to do before the next lock is taken. */
static void (*meanwhile)(void);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	void (*happens)(void) = meanwhile;

	meanwhile = NULL;
	if (happens != NULL)
		happens();
	return __real_pthread_mutex_lock(mutex);
}

static void keep_reply_of_first(void)
{
	ck_assert(mqci_berths_keep_reply(berths, &segment, 0, BASE));
}

/* What the program keeps is not taken from it, though its slot is abandoned at that very moment. */
START_TEST(kept_while_it_is_abandoned)
{
	begin();
	populate(BASE, MQCI_REPLY_REGION, 4096);
	meanwhile = keep_reply_of_first;
	mqci_berths_abandon(berths, &segment, 0, true);
	ck_assert_ptr_null(meanwhile);
	mqci_berths_leave(berths, &segment, BASE);
	ck_assert_uint_eq(memory(), 4096);
	ck_assert(mqci_berths_hold_lent(berths, BASE + REGION, 4096));
	ck_assert_uint_ne(mqci_berths_place(berths, 0), BASE);
	end();
}
END_TEST

static uint64_t loan_returned;

static void return_loan(void)
{
	ck_assert(mqci_berths_return(berths, &segment, loan_returned));
}

/* Who holds what is lent has it until he drops it, also if it is returned at that very moment. */
START_TEST(held_while_it_is_returned)
{
	uint64_t again;

	begin();
	support_ok(mqci_berths_lend(berths, &segment, 1000, &loan_returned));
	ck_assert(!mqci_berths_hold_lent(berths, loan_returned, 1001));
	ck_assert(mqci_berths_hold_lent(berths, loan_returned + 1, 999));
	return_loan();
	ck_assert(!mqci_berths_hold_lent(berths, loan_returned, 1000));
	support_ok(mqci_berths_lend(berths, &segment, 1000, &again));
	ck_assert_uint_ne(again, loan_returned);
	mqci_berths_drop(berths, &segment, loan_returned);
	support_ok(mqci_berths_lend(berths, &segment, 1000, &again));
	ck_assert_uint_eq(again, loan_returned);
	meanwhile = return_loan;
	ck_assert(!mqci_berths_hold_lent(berths, loan_returned, 1000));
	ck_assert_uint_eq(mqci_berths_loans(berths), 1);
	end();
}
END_TEST

START_TEST(memory_comes_when_it_is_needed)
{
	const uint64_t place = BASE + 2 * REGION;

	begin();
	ck_assert_uint_eq(memory(), 0);
	populate(place, MQCI_REQUEST_REGION, 1);
	ck_assert_uint_eq(memory(), 4096);
	populate(place, MQCI_REQUEST_REGION, 5000);
	ck_assert_uint_eq(memory(), 8192);
	populate(place, MQCI_REQUEST_REGION, 100);
	populate(place, MQCI_REPLY_REGION, REGION);
	ck_assert_uint_eq(memory(), 8192 + REGION);
	mqci_berths_rest(berths, &segment, place);
	ck_assert_uint_eq(memory(), 8192 + REGION);
	end();
}
END_TEST

START_TEST(all_together_keep_no_more_than_they_may)
{
	begin();
	mqci_berths_keep(berths, 3 * REGION);
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		populate(mqci_berths_place(berths, slot), MQCI_REQUEST_REGION, REGION);
		populate(mqci_berths_place(berths, slot), MQCI_REPLY_REGION, REGION);
	}
	ck_assert_uint_eq(memory(), 6 * REGION);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		mqci_berths_rest(berths, &segment, mqci_berths_place(berths, slot));
	ck_assert_uint_eq(memory(), 3 * REGION);
	/* No more than it must, to a page. */
	mqci_berths_keep(berths, 3 * REGION - 4097);
	mqci_berths_rest(berths, &segment, mqci_berths_place(berths, 2));
	ck_assert_uint_eq(memory(), 3 * REGION - 8192);
	end();
}
END_TEST

START_TEST(what_was_written_otherwise_counts)
{
	begin();
	support_ok(mqci_segment_put(&segment, BASE, "12345", 5));
	mqci_berths_note(berths, BASE, MQCI_REQUEST_REGION, 5);
	ck_assert_uint_eq(mqci_berths_memory(berths, BASE, MQCI_REQUEST_REGION), 4096);
	mqci_berths_note(berths, BASE, MQCI_REQUEST_REGION, 1);
	ck_assert_uint_eq(mqci_berths_memory(berths, BASE, MQCI_REQUEST_REGION), 4096);
	mqci_berths_note(berths, BASE, MQCI_REPLY_REGION, SIZE_MAX / 2);
	ck_assert_uint_eq(mqci_berths_memory(berths, BASE, MQCI_REPLY_REGION), REGION);
	mqci_berths_keep(berths, 0);
	mqci_berths_rest(berths, &segment, BASE);
	ck_assert_uint_eq(memory(), 0);
	end();
}
END_TEST

START_TEST(servers_are_told_of_what_changes)
{
	begin();
	ck_assert(!mqci_berths_tell(berths, BASE));
	populate(BASE, MQCI_REQUEST_REGION, 1);
	ck_assert(!mqci_berths_tell(berths, BASE));
	populate(BASE, MQCI_REPLY_REGION, 1);
	ck_assert(mqci_berths_tell(berths, BASE));
	ck_assert(!mqci_berths_tell(berths, BASE));
	mqci_berths_lose(berths, &segment, BASE);
	ck_assert(mqci_berths_tell(berths, BASE));
	ck_assert_uint_eq(memory(), 0);
	end();
}
END_TEST

START_TEST(places_that_are_none)
{
	static const uint64_t places[] = {0, BASE - 1, BASE + 2 * SLOTS * REGION, UINT64_MAX};

	begin();
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		mqci_berths_note(berths, places[i], MQCI_REPLY_REGION, 1);
		mqci_berths_rest(berths, &segment, places[i]);
		mqci_berths_lose(berths, &segment, places[i]);
		mqci_berths_leave(berths, &segment, places[i]);
		ck_assert(!mqci_berths_tell(berths, places[i]));
		ck_assert_uint_eq(mqci_berths_memory(berths, places[i], MQCI_REPLY_REGION), 0);
	}
	ck_assert_uint_eq(memory(), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("berth");
	TCase *tests = support_case(suite, "berths");

	tcase_add_test(tests, each_slot_has_one);
	tcase_add_test(tests, abandoned_ones_are_not_used_again);
	tcase_add_test(tests, no_other_to_be_had);
	tcase_add_test(tests, kept_while_it_is_abandoned);
	tcase_add_test(tests, held_while_it_is_returned);
	tcase_add_test(tests, memory_comes_when_it_is_needed);
	tcase_add_test(tests, all_together_keep_no_more_than_they_may);
	tcase_add_test(tests, what_was_written_otherwise_counts);
	tcase_add_test(tests, servers_are_told_of_what_changes);
	tcase_add_test(tests, places_that_are_none);
	return support_run(suite);
}
