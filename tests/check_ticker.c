/*
 * check_ticker.c - tests of runtime/ticker.h: it ticks while it is wanted, and no longer.
 */
#include "ticker.h"

#include <poll.h>

#include "clock.h"
#include "support.h"

static bool is_readable(const mqci_ticker *ticker)
{
	struct pollfd one = {.fd = ticker->fd, .events = POLLIN};

	return poll(&one, 1, 0) == 1;
}

START_TEST(wanted)
{
	mqci_ticker ticker;

	support_ok(mqci_ticker_init(&ticker));
	ck_assert(!is_readable(&ticker));
	ck_assert(ticker.next == MQCI_NEVER);
	mqci_ticker_want(&ticker);
	ck_assert(is_readable(&ticker));
	mqci_ticker_begin(&ticker, 1000);
	ck_assert(!is_readable(&ticker));
	ck_assert_int_gt(ticker.next, 1000);
	ck_assert_int_lt(ticker.next, 1000 + INT64_C(100000000));
	/* It ticks already: nobody has to be woken. */
	mqci_ticker_want(&ticker);
	ck_assert(!is_readable(&ticker));
	mqci_ticker_done(&ticker);
	mqci_ticker_done(&ticker);
}
END_TEST

START_TEST(not_wanted_any_more)
{
	mqci_ticker ticker;
	int64_t now = 1000;
	int ticks = 0;

	support_ok(mqci_ticker_init(&ticker));
	for (int again = 0; again < 2; again++) {
		mqci_ticker_want(&ticker);
		ck_assert(is_readable(&ticker));
		mqci_ticker_begin(&ticker, now);
		for (int i = 0; i < 100; i++) {
			now = ticker.next;
			ck_assert(mqci_ticker_go_on(&ticker, true, now));
			ck_assert_int_gt(ticker.next, now);
		}
		for (ticks = 0; mqci_ticker_go_on(&ticker, false, now); ticks++)
			now = ticker.next;
		ck_assert_int_lt(ticks, 20);
		ck_assert(ticker.next == MQCI_NEVER);
	}
	mqci_ticker_done(&ticker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ticker");
	TCase *tests = support_case(suite, "ticks");

	tcase_add_test(tests, wanted);
	tcase_add_test(tests, not_wanted_any_more);
	return support_run(suite);
}
