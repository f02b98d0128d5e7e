/*
 * check_outbox.c - tests of runtime/outbox.h: requests that are gathered for real queues.
 *
 * The tests play the server: they read what was sent, and leave what is to be in the way.
 */
#include "outbox.h"

#include <string.h>

#include "clock.h"
#include "support.h"

#define KEY UINT64_C(0x5678)

enum {
	LANES = 3,
	SIZE = 512, /* of a message: there is room for seven requests of 8 bytes */
	FULL = 7,
	MESSAGES = 2 /* of a queue */
};

static mqci_outbox outbox;
static mqci_queue queues[LANES], ends[LANES]; /* to send to; and to receive from */

static void open_outbox(bool watched)
{
	for (unsigned lane = 0; lane < LANES; lane++) {
		const char *name = support_queue_name(support_endpoint());

		support_ok(mqci_queue_create(name, MESSAGES, SIZE, 0600, &ends[lane]));
		support_ok(mqci_queue_never_block(&ends[lane]));
		support_ok(mqci_queue_open(name, MQCI_SEND, &queues[lane]));
	}
	support_ok(mqci_outbox_init(&outbox, watched));
}

static void close_outbox(void)
{
	mqci_outbox_done(&outbox);
	for (unsigned lane = 0; lane < LANES; lane++) {
		ck_assert(mqci_queue_unlink(ends[lane].name));
		mqci_queue_close(&ends[lane]);
		mqci_queue_close(&queues[lane]);
	}
}

/* What a request is like, but for its call. */
struct kind {
	unsigned lane, priority;
	bool gather;
	uint64_t key;
	uint16_t flags;
};

/* Post a request; gives the parcel that it is in. */
static uint64_t post(struct kind kind, uint64_t call)
{
	const mqci_posting posting = {
		.lane = kind.lane,
		.queue = &queues[kind.lane],
		.priority = kind.priority,
		.gather = kind.gather,
	};
	const mqci_frame request = {
		.type = MQCI_REQUEST,
		.flags = kind.flags,
		.key = kind.key != 0 ? kind.key : KEY,
		.call = call,
		.payload = (const uint8_t *)&call,
		.size = sizeof call,
	};
	uint64_t parcel = 0;

	support_ok(mqci_outbox_post(&outbox, &posting, &request, &parcel));
	ck_assert_uint_ne(parcel, 0);
	return parcel;
}

/* Have the queue hold as much as it can, of somebody else's. */
static void fill(unsigned lane)
{
	for (int i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(mqci_queue_send(&queues[lane], "", 0, 31), 1);
}

static void empty(unsigned lane)
{
	uint8_t message[SIZE];
	size_t size;

	for (int i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(mqci_queue_take(&ends[lane], message, sizeof message, &size), 1);
}

static size_t waiting(unsigned lane)
{
	size_t messages = 0;

	support_ok(mqci_queue_waiting(&ends[lane], &messages));
	return messages;
}

/* Take one message: its requests must be these, whole, and `n` of them; gives its priority. */
static unsigned take(unsigned lane, size_t n, const uint64_t *calls)
{
	uint8_t message[SIZE];
	const uint8_t *at = message;
	mqci_frame frame;
	unsigned priority = 99;
	size_t size = 0;

	ck_assert_int_eq(
		mqci_queue_take_with(&ends[lane], message, sizeof message, &size, &priority), 1);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(mqci_frame_decode(&at, &size, &frame), MQCI_FRAME_OK);
		ck_assert_int_eq(frame.type, MQCI_REQUEST);
		ck_assert_uint_eq(frame.call, calls[i]);
		ck_assert_uint_eq(frame.size, sizeof frame.call);
		if (!(frame.flags & MQCI_FRAME_ARENA))
			ck_assert_int_eq(memcmp(frame.payload, &calls[i], sizeof frame.call), 0);
	}
	ck_assert_uint_eq(size, 0);
	return priority;
}

#define CALLS(...)                                                                                 \
	(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)), (uint64_t[])                       \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* Nothing is left: neither here nor there. */
static void check_empty(void)
{
	for (unsigned lane = 0; lane < LANES; lane++)
		ck_assert_uint_eq(waiting(lane), 0);
	ck_assert(!mqci_outbox_is_filled(&outbox));
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 0);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
}

/* -------------------------------------------------------------- gathering -- */

START_TEST(at_once_while_the_queue_is_idle)
{
	const struct kind kind = {0};

	open_outbox(_i == 1);
	for (uint64_t call = 1; call <= 3; call++) {
		(void)post(kind, call);
		ck_assert(!mqci_outbox_is_filled(&outbox));
		ck_assert_uint_eq(take(0, CALLS(call)), 0);
	}
	check_empty();
	close_outbox();
}
END_TEST

START_TEST(together_while_it_is_busy)
{
	const struct kind kind = {0};
	uint64_t parcel;

	open_outbox(false);
	(void)post(kind, 1);
	parcel = post(kind, 2);
	ck_assert_uint_eq(post(kind, 3), parcel);
	ck_assert_uint_eq(post(kind, 4), parcel);
	ck_assert(mqci_outbox_is_filled(&outbox));
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 1);
	/* Without a thread of ours it stays. */
	support_sleep_ms(30);
	ck_assert_uint_eq(waiting(0), 1);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	ck_assert(!mqci_outbox_is_filled(&outbox));
	(void)take(0, CALLS(1));
	(void)take(0, CALLS(2, 3, 4));
	/* Another parcel is not the same. */
	ck_assert_uint_gt(post(kind, 5), parcel);
	(void)take(0, CALLS(5));
	check_empty();
	close_outbox();
}
END_TEST

/* Though the queue is idle: who says that he will flush means it. */
START_TEST(together_if_asked_for)
{
	const struct kind kind = {.gather = true};

	open_outbox(false);
	(void)post(kind, 1);
	(void)post(kind, 2);
	ck_assert_uint_eq(waiting(0), 0);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(1, 2));
	check_empty();
	close_outbox();
}
END_TEST

START_TEST(a_full_message_goes)
{
	const struct kind kind = {.gather = true};

	open_outbox(false);
	for (uint64_t call = 1; call < FULL; call++)
		(void)post(kind, call);
	ck_assert_uint_eq(waiting(0), 0);
	(void)post(kind, FULL);
	ck_assert_uint_eq(waiting(0), 1);
	ck_assert(!mqci_outbox_is_filled(&outbox));
	(void)take(0, CALLS(1, 2, 3, 4, 5, 6, 7));
	check_empty();
	close_outbox();
}
END_TEST

/* The header alone goes of what lies in shared memory. */
START_TEST(what_is_in_shared_memory_takes_little)
{
	const struct kind kind = {.gather = true, .flags = MQCI_FRAME_ARENA};

	open_outbox(false);
	for (uint64_t call = 1; call <= SIZE / MQCI_FRAME_HEADER; call++)
		(void)post(kind, call);
	ck_assert(!mqci_outbox_is_filled(&outbox));
	(void)take(0, CALLS(1, 2, 3, 4, 5, 6, 7, 8));
	check_empty();
	close_outbox();
}
END_TEST

/* Not to a server that has two messages to take still; unless it can take nothing more. */
START_TEST(pushed_when_there_is_need)
{
	const struct kind kind = {.gather = true}, urgent = {.gather = true, .priority = 3};

	open_outbox(false);
	ck_assert_int_eq(mqci_outbox_push(&outbox), 1);
	(void)post(kind, 1);
	ck_assert_int_eq(mqci_outbox_push(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 1);
	(void)post(kind, 2);
	ck_assert_int_eq(mqci_outbox_push(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 2);
	(void)post(kind, 3);
	ck_assert_int_eq(mqci_outbox_push(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 2);
	ck_assert(mqci_outbox_is_filled(&outbox));
	/* Another one still goes with it. */
	(void)post(kind, 4);
	(void)take(0, CALLS(1));
	ck_assert_int_eq(mqci_outbox_push(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 2);
	/* Of two messages, the first takes no more. */
	(void)post(kind, 5);
	(void)post(urgent, 6);
	ck_assert_int_eq(mqci_outbox_push(&outbox), 0);
	(void)take(0, CALLS(2));
	ck_assert_int_eq(mqci_outbox_push(&outbox), 0);
	ck_assert_uint_eq(take(0, CALLS(6)), 3);
	(void)take(0, CALLS(3, 4));
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(5));
	check_empty();
	close_outbox();
}
END_TEST

static bool has_gone(void *data)
{
	(void)data;
	return !mqci_outbox_is_filled(&outbox);
}

/* By the thread of ours: after a moment, and, without room, again and again. */
START_TEST(by_itself)
{
	const struct kind kind = {0};

	open_outbox(true);
	(void)post(kind, 1);
	(void)post(kind, 2);
	(void)post((struct kind){.lane = 2, .gather = true}, 3);
	ck_assert(support_wait_for(has_gone, NULL));
	(void)take(0, CALLS(1));
	(void)take(0, CALLS(2));
	(void)take(2, CALLS(3));
	fill(0);
	(void)post(kind, 4);
	support_sleep_ms(30);
	ck_assert(mqci_outbox_is_filled(&outbox));
	empty(0);
	ck_assert(support_wait_for(has_gone, NULL));
	(void)take(0, CALLS(4));
	check_empty();
	close_outbox();
}
END_TEST

/* When to do it, for who has no such thread. */
START_TEST(when_to_flush)
{
	const int64_t now = mqci_clock_now();
	const struct kind kind = {.gather = true};

	open_outbox(_i == 1);
	ck_assert_int_eq(mqci_outbox_next(&outbox, now), MQCI_NEVER);
	fill(0);
	(void)post(kind, 1);
	if (_i == 1) {
		ck_assert_int_eq(mqci_outbox_next(&outbox, now), MQCI_NEVER);
	} else {
		ck_assert_int_gt(mqci_outbox_next(&outbox, now), now);
		ck_assert_int_lt(mqci_outbox_next(&outbox, now), now + 100 * INT64_C(1000000));
	}
	empty(0);
	(void)mqci_outbox_flush(&outbox);
	ck_assert_int_eq(mqci_outbox_next(&outbox, now), MQCI_NEVER);
	(void)take(0, CALLS(1));
	close_outbox();
}
END_TEST

/* ------------------------------------------------------------------ order -- */

/* Many, through a queue that is full again and again: all of them, in their order. */
START_TEST(the_order_of_a_lane)
{
	const struct kind kind = {.priority = 3, .gather = _i == 1};
	uint64_t next = 1, call = 0;
	uint8_t message[SIZE];
	unsigned priority;
	mqci_frame frame;

	open_outbox(false);
	while (next <= 200) {
		for (int i = 0; i < 11 && call < 200; i++)
			(void)post(kind, ++call);
		(void)mqci_outbox_flush(&outbox);
		for (;;) {
			const uint8_t *at = message;
			size_t size = 0;

			if (mqci_queue_take_with(&ends[0], message, sizeof message, &size,
						 &priority) == 0)
				break;
			ck_assert_uint_eq(priority, 3);
			while (mqci_frame_decode(&at, &size, &frame) == MQCI_FRAME_OK)
				ck_assert_uint_eq(frame.call, next++);
		}
	}
	check_empty();
	close_outbox();
}
END_TEST

START_TEST(the_urgent_first)
{
	const struct kind low = {.priority = 1}, middle = {.priority = 5}, high = {.priority = 9};

	open_outbox(false);
	fill(0);
	(void)post(low, 1);
	(void)post(middle, 2);
	(void)post(high, 3);
	(void)post(low, 4);
	(void)post(middle, 5);
	(void)post(high, 6);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 0);
	/* One message at a time has room: the queue cannot put them in order. */
	ck_assert_int_eq(mqci_queue_take(&ends[0], (uint8_t[SIZE]){0}, SIZE, &(size_t){0}), 1);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 0);
	ck_assert_int_eq(mqci_queue_take(&ends[0], (uint8_t[SIZE]){0}, SIZE, &(size_t){0}), 1);
	ck_assert_uint_eq(take(0, CALLS(3, 6)), 9);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	ck_assert_uint_eq(take(0, CALLS(2, 5)), 5);
	ck_assert_uint_eq(take(0, CALLS(1, 4)), 1);
	check_empty();
	close_outbox();
}
END_TEST

START_TEST(who_goes_before)
{
	open_outbox(false);
	ck_assert(!mqci_outbox_precedes(&outbox, 1, 0));
	fill(1);
	(void)post((struct kind){.lane = 1, .priority = 2}, 1);
	(void)post((struct kind){.lane = 1, .priority = 7}, 2);
	ck_assert(mqci_outbox_precedes(&outbox, 1, 0));
	ck_assert(mqci_outbox_precedes(&outbox, 1, 7));
	ck_assert(!mqci_outbox_precedes(&outbox, 1, 8));
	ck_assert(!mqci_outbox_precedes(&outbox, 0, 0));
	ck_assert(!mqci_outbox_precedes(&outbox, 2, 0));
	empty(1);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	ck_assert(!mqci_outbox_precedes(&outbox, 1, 0));
	(void)take(1, CALLS(2));
	(void)take(1, CALLS(1));
	check_empty();
	close_outbox();
}
END_TEST

/* A lane whose queue is full is not in the way of the others. */
START_TEST(lanes_are_apart)
{
	open_outbox(false);
	fill(1);
	(void)post((struct kind){.lane = 1}, 1);
	(void)post((struct kind){.lane = 0}, 2);
	(void)post((struct kind){.lane = 2}, 3);
	(void)take(0, CALLS(2));
	(void)take(2, CALLS(3));
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 1 << 1);
	(void)post((struct kind){.lane = 0, .gather = true}, 4);
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 1 << 1 | 1 << 0);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 0);
	(void)take(0, CALLS(4));
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 1 << 1);
	empty(1);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(1, CALLS(1));
	check_empty();
	close_outbox();
}
END_TEST

/* Of two sessions: each message has requests of one. */
START_TEST(sessions_are_apart)
{
	uint64_t parcel;

	open_outbox(false);
	parcel = post((struct kind){.gather = true}, 1);
	ck_assert_uint_ne(post((struct kind){.gather = true, .key = KEY + 1}, 2), parcel);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(1));
	(void)take(0, CALLS(2));
	check_empty();
	close_outbox();
}
END_TEST

/* ----------------------------------------------------------------- no room -- */

START_TEST(what_finds_no_room_stays)
{
	const struct kind kind = {0};

	open_outbox(false);
	fill(0);
	for (uint64_t call = 1; call <= FULL + 2; call++)
		(void)post(kind, call);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mqci_outbox_flush(&outbox), 0);
	ck_assert_uint_eq(waiting(0), MESSAGES);
	ck_assert_uint_eq(mqci_outbox_waiting(&outbox), 1);
	empty(0);
	/* What comes now goes behind it. */
	(void)post(kind, FULL + 3);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(1, 2, 3, 4, 5, 6, 7));
	(void)take(0, CALLS(8, 9, 10));
	check_empty();
	close_outbox();
}
END_TEST

START_TEST(no_queue_at_all)
{
	const struct kind kind = {.gather = true};
	int descriptor;

	open_outbox(false);
	(void)post(kind, 1);
	descriptor = queues[0].descriptor;
	queues[0].descriptor = -1;
	ck_assert_int_lt(mqci_outbox_flush(&outbox), 0);
	/* It is there still. */
	queues[0].descriptor = descriptor;
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(1));
	check_empty();
	close_outbox();
}
END_TEST

/* -------------------------------------------------------------- withdrawing -- */

START_TEST(taken_out_again)
{
	const struct kind kind = {.gather = true};
	uint64_t first, urgent;

	open_outbox(false);
	first = post(kind, 1);
	for (uint64_t call = 2; call <= 5; call++)
		ck_assert_uint_eq(post(kind, call), first);
	urgent = post((struct kind){.gather = true, .priority = 4}, 6);
	/* It is in this one or in none. */
	ck_assert(!mqci_outbox_withdraw(&outbox, urgent, 1));
	ck_assert(!mqci_outbox_withdraw(&outbox, urgent + 1, 6));
	ck_assert(!mqci_outbox_withdraw(&outbox, first, 7));
	ck_assert(mqci_outbox_withdraw(&outbox, first, 1));
	ck_assert(mqci_outbox_withdraw(&outbox, first, 3));
	ck_assert(mqci_outbox_withdraw(&outbox, first, 5));
	ck_assert(!mqci_outbox_withdraw(&outbox, first, 3));
	/* There is room for another one. */
	ck_assert_uint_eq(post(kind, 8), first);
	ck_assert(mqci_outbox_withdraw(&outbox, urgent, 6));
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	(void)take(0, CALLS(2, 4, 8));
	ck_assert(!mqci_outbox_withdraw(&outbox, first, 2));
	check_empty();
	close_outbox();
}
END_TEST

/* The last one takes its parcel with it. */
START_TEST(all_taken_out_again)
{
	const struct kind kind = {.lane = 2};
	uint64_t parcel;

	open_outbox(false);
	fill(2);
	parcel = post(kind, 1);
	ck_assert_uint_eq(post(kind, 2), parcel);
	ck_assert(mqci_outbox_withdraw(&outbox, parcel, 2));
	ck_assert(mqci_outbox_is_filled(&outbox));
	ck_assert(mqci_outbox_withdraw(&outbox, parcel, 1));
	ck_assert(!mqci_outbox_is_filled(&outbox));
	ck_assert(!mqci_outbox_precedes(&outbox, 2, 0));
	empty(2);
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	check_empty();
	/* And the next one begins another. */
	ck_assert_uint_ne(post(kind, 3), parcel);
	(void)take(2, CALLS(3));
	check_empty();
	close_outbox();
}
END_TEST

/* What is there when the session ends does not go, but can be taken out. */
START_TEST(the_end_of_a_session)
{
	const mqci_posting posting = {.queue = &queues[0]};
	const mqci_frame request = {.type = MQCI_REQUEST, .key = KEY, .call = 9};
	uint64_t parcel, other;

	open_outbox(_i == 1);
	/* The thread of ours finds no room for them, however long it takes us. */
	fill(0);
	fill(1);
	parcel = post((struct kind){0}, 1);
	ck_assert_uint_eq(post((struct kind){0}, 2), parcel);
	other = post((struct kind){.lane = 1, .gather = true}, 3);
	mqci_outbox_end_session(&outbox);
	empty(0);
	empty(1);
	support_sleep_ms(20);
	check_empty();
	support_fails(mqci_outbox_post(&outbox, &posting, &request, &parcel), MQC_UNAVAILABLE);
	ck_assert(mqci_outbox_withdraw(&outbox, parcel, 2));
	mqci_outbox_begin_session(&outbox);
	(void)post((struct kind){0}, 4);
	(void)take(0, CALLS(4));
	check_empty();
	ck_assert(mqci_outbox_withdraw(&outbox, other, 3));
	ck_assert(mqci_outbox_withdraw(&outbox, parcel, 1));
	ck_assert(!mqci_outbox_withdraw(&outbox, parcel, 1));
	close_outbox();
}
END_TEST

/* What is there in the end is freed with it. */
START_TEST(left_behind)
{
	const struct kind kind = {.gather = true};

	open_outbox(_i == 1);
	fill(0);
	for (uint64_t call = 1; call <= 30; call++)
		(void)post((struct kind){.gather = true, .priority = (unsigned)call % 4}, call);
	if (_i == 2) {
		mqci_outbox_disown(&outbox);
		ck_assert(!mqci_outbox_is_filled(&outbox));
		(void)post(kind, 31);
	}
	close_outbox();
}
END_TEST

/* What was measured for the queue of one server is given to that of the next. */
START_TEST(too_large_for_the_queue)
{
	static const uint8_t payload[SIZE / 2];
	const mqci_posting posting = {.queue = &queues[0], .gather = true};
	const mqci_frame request = {
		.type = MQCI_REQUEST, .key = KEY, .payload = payload, .size = sizeof payload};
	uint64_t parcel = 0;

	open_outbox(false);
	queues[0].size = SIZE / 2;
	support_fails(mqci_outbox_post(&outbox, &posting, &request, &parcel), MQC_UNAVAILABLE);
	ck_assert_uint_eq(parcel, 0);
	check_empty();
	queues[0].size = SIZE;
	support_ok(mqci_outbox_post(&outbox, &posting, &request, &parcel));
	ck_assert_int_eq(mqci_outbox_flush(&outbox), 1);
	ck_assert_uint_eq(waiting(0), 1);
	close_outbox();
}
END_TEST

static int disown_in_child(void *unused)
{
	(void)unused;
	mqci_outbox_disown(&outbox);
	return mqci_outbox_is_filled(&outbox) ? 1 : 0;
}

/* A child does not free what another thread was about to change, or had freed. */
START_TEST(a_child_of_fork)
{
	open_outbox(false);
	(void)post((struct kind){.gather = true}, 1);
	ck_assert_int_eq(support_in_child(disown_in_child, NULL), 0);
	(void)pthread_mutex_lock(&outbox.lock);
	ck_assert_int_eq(support_in_child(disown_in_child, NULL), 1);
	(void)pthread_mutex_unlock(&outbox.lock);
	close_outbox();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outbox");
	TCase *tests;

	tests = support_case(suite, "gathering");
	tcase_add_loop_test(tests, at_once_while_the_queue_is_idle, 0, 2);
	tcase_add_test(tests, together_while_it_is_busy);
	tcase_add_test(tests, together_if_asked_for);
	tcase_add_test(tests, a_full_message_goes);
	tcase_add_test(tests, what_is_in_shared_memory_takes_little);
	tcase_add_test(tests, pushed_when_there_is_need);
	tcase_add_test(tests, by_itself);
	tcase_add_loop_test(tests, when_to_flush, 0, 2);

	tests = support_case(suite, "order");
	tcase_add_loop_test(tests, the_order_of_a_lane, 0, 2);
	tcase_add_test(tests, the_urgent_first);
	tcase_add_test(tests, who_goes_before);
	tcase_add_test(tests, lanes_are_apart);
	tcase_add_test(tests, sessions_are_apart);

	tests = support_case(suite, "room");
	tcase_add_test(tests, what_finds_no_room_stays);
	tcase_add_test(tests, no_queue_at_all);
	tcase_add_test(tests, too_large_for_the_queue);

	tests = support_case(suite, "withdrawing");
	tcase_add_test(tests, taken_out_again);
	tcase_add_test(tests, all_taken_out_again);
	tcase_add_loop_test(tests, the_end_of_a_session, 0, 2);
	tcase_add_loop_test(tests, left_behind, 0, 3);

	tests = support_case(suite, "fork");
	tcase_add_test(tests, a_child_of_fork);
	return support_run(suite);
}
