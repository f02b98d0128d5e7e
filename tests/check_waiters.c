/*
 * check_waiters.c - tests of runtime/waiters.h: threads that wait for replies on one queue.
 *
 * The tests play the server: they read no requests, and put replies, and what
 * is none, into the reply queue themselves.
 */
#include "waiters.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "presence.h"
#include "support.h"
#include "waiters_inside.h"

#define NONCE UINT64_C(0x1234)
#define KEY UINT64_C(0x5678)
#define REGION ((size_t)1 << 20)

static mqci_waiters waiters;
static mqci_arena arena;
static mqci_queue requests, answers;
static uint64_t session;
static char endpoint[MQCI_ENDPOINT_MAX + 1];

/* Send a frame to the reply queue, of this session and with the right key unless it says other. */
static void answer(mqci_frame frame)
{
	uint8_t message[512];

	if (frame.session == 0)
		frame.session = session;
	if (frame.key == 0)
		frame.key = KEY;
	while (mqci_queue_send(&answers, message, mqci_frame_encode(&frame, message), 0) == 0)
		support_sleep_ms(1);
}

/* What a server answers a hello with that it agrees to. */
static void welcome(const mqci_waiter *hello, uint64_t nonce, uint64_t key)
{
	const mqci_welcome payload = {.key = key, .request_size = 256, .lanes = 1};

	answer((mqci_frame){
		.type = MQCI_WELCOME,
		.key = nonce,
		.call = hello->call,
		.payload = (const uint8_t *)&payload,
		.size = sizeof payload,
	});
}

static void reply_to(uint64_t call, const char *text)
{
	answer((mqci_frame){
		.type = MQCI_REPLY,
		.call = call,
		.payload = (const uint8_t *)text,
		.size = strlen(text),
	});
}

/* Begin with a window of `slots` calls, and open a session on it. */
/* Begin a session, with a welcome. */
static void agree(uint64_t nonce, uint64_t key)
{
	mqci_waiter hello;

	mqci_waiter_init(&hello);
	mqci_waiters_begin_session(&waiters, &hello, nonce, MQCI_NEVER);
	welcome(&hello, nonce, key);
	support_ok(mqci_waiters_await(&waiters, &hello));
	ck_assert_int_eq(hello.reply.type, MQCI_WELCOME);
	mqci_waiters_finish(&waiters, &hello);
	mqci_waiters_welcome(&waiters);
}

static void open_session(unsigned slots)
{
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;
	uint64_t process;

	(void)snprintf(endpoint, sizeof endpoint, "%s", support_endpoint());
	support_ok(mqci_queue_create(support_queue_name(endpoint), 1, 256, 0600, &requests));
	support_ok(mqci_process_self(&process));
	session = mqci_party_make(process, 7);
	mqci_name_replies(session, name);
	support_ok(mqci_queue_create(name, slots + 1, 512, 0600, &replies));
	support_ok(mqci_queue_open(name, MQCI_SEND, &answers));
	support_ok(mqci_arena_create(session, mqci_slots_for(slots), REGION, geteuid(), &arena));
	support_ok(mqci_waiters_init(&waiters, &requests, &arena, &replies,
				     &(mqci_waiters_options){.endpoint = endpoint,
							     .server_uid = geteuid(),
							     .window = slots}));
	agree(NONCE, KEY);
}

static void close_session(void)
{
	mqci_queue_unlink(waiters.replies.name);
	mqci_waiters_done(&waiters);
	mqci_arena_unlink(&arena);
	mqci_arena_close(&arena);
	mqci_queue_close(&answers);
	mqci_queue_unlink(requests.name);
	mqci_queue_close(&requests);
}

static int try_to_begin(mqci_waiter *waiter, int64_t deadline)
{
	const mqci_times times = {.now = mqci_clock_now(), .turn = deadline, .deadline = deadline};

	mqci_waiter_init(waiter);
	return mqci_waiters_begin(&waiters, waiter, &times);
}

static void begin(mqci_waiter *waiter, int64_t deadline)
{
	support_ok(try_to_begin(waiter, deadline));
	ck_assert_uint_ne(waiter->call, 0);
}

/* Wait, and check that `text` is what comes. */
static void assert_reply(mqci_waiter *waiter, const char *text)
{
	support_ok(mqci_waiters_await(&waiters, waiter));
	ck_assert_uint_eq(waiter->reply.call, waiter->call);
	ck_assert_uint_eq(waiter->reply.size, strlen(text));
	ck_assert_mem_eq(waiter->reply.payload, text, strlen(text));
	mqci_waiters_finish(&waiters, waiter);
}

/* A thread that waits for the reply of a call that has begun. */
struct waiting {
	mqci_waiter waiter;
	pthread_t thread;
	int result;
	bool executed;
	char text[64];
};

static void *wait_for_reply(void *data)
{
	struct waiting *waiting = data;

	waiting->result = mqci_waiters_await(&waiters, &waiting->waiter);
	if (waiting->result < 0) {
		waiting->executed = mqc_error_last()->maybe_executed;
		return NULL;
	}
	memcpy(waiting->text, waiting->waiter.reply.payload, waiting->waiter.reply.size);
	mqci_waiters_finish(&waiters, &waiting->waiter);
	return NULL;
}

static void start(struct waiting *waiting, int64_t deadline)
{
	memset(waiting, 0, sizeof *waiting);
	begin(&waiting->waiter, deadline);
	ck_assert_int_eq(pthread_create(&waiting->thread, NULL, wait_for_reply, waiting), 0);
}

static void join(const struct waiting *waiting)
{
	ck_assert_int_eq(pthread_join(waiting->thread, NULL), 0);
}

START_TEST(a_reply)
{
	mqci_waiter waiter;

	open_session(1);
	for (int i = 0; i < 5; i++) {
		begin(&waiter, MQCI_NEVER);
		reply_to(waiter.call, "hello");
		assert_reply(&waiter, "hello");
	}
	begin(&waiter, MQCI_NEVER);
	reply_to(waiter.call, "");
	assert_reply(&waiter, "");
	close_session();
}
END_TEST

START_TEST(what_is_not_for_us_is_ignored)
{
	uint8_t message[128];
	mqci_waiter waiter;
	mqci_frame frame;
	size_t space;

	open_session(9);
	begin(&waiter, MQCI_NEVER);
	answer((mqci_frame){.type = MQCI_REPLY, .call = waiter.call, .key = KEY + 1});
	answer((mqci_frame){.type = MQCI_REPLY, .call = waiter.call, .session = session + 1});
	reply_to(waiter.call + 1, "another slot");
	reply_to(waiter.call + 0x10000, "another call of the slot");
	answer((mqci_frame){.type = MQCI_REQUEST, .call = waiter.call});
	answer((mqci_frame){.type = MQCI_GOODBYE, .key = KEY + 1});
	/* And what is no frame, or a broken one. */
	frame = (mqci_frame){.type = MQCI_REPLY,
			     .session = session,
			     .key = KEY,
			     .call = waiter.call,
			     .payload = (const uint8_t *)"x",
			     .size = 1};
	space = mqci_frame_encode(&frame, message);
	ck_assert_int_eq(mqci_queue_send(&answers, message, space - 1, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&answers, "garbage", 7, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&answers, "", 0, 0), 1);
	reply_to(waiter.call, "real");
	assert_reply(&waiter, "real");
	close_session();
}
END_TEST

START_TEST(versions_matter_until_welcomed)
{
	uint8_t message[64];
	mqci_waiter waiter;
	mqci_frame frame;

	open_session(2);
	mqci_waiter_init(&waiter);
	mqci_waiters_begin_session(&waiters, &waiter, NONCE, MQCI_NEVER);
	frame = (mqci_frame){.type = MQCI_REPLY, .session = session, .call = waiter.call};
	frame.key = NONCE;
	(void)mqci_frame_encode(&frame, message);
	message[2] = MQCI_FRAME_VERSION + 1;
	ck_assert_int_eq(mqci_queue_send(&answers, message, sizeof message, 0), 1);
	support_ok(mqci_waiters_await(&waiters, &waiter));
	ck_assert_int_eq(waiter.reply.type, MQCI_REPLY);
	ck_assert_int_eq((int)(int64_t)waiter.reply.code, MQC_FAILED_PRECONDITION);
	mqci_waiters_finish(&waiters, &waiter);
	agree(NONCE, KEY);

	begin(&waiter, MQCI_NEVER);
	frame.key = KEY;
	frame.call = waiter.call;
	(void)mqci_frame_encode(&frame, message);
	message[2] = MQCI_FRAME_VERSION + 1;
	ck_assert_int_eq(mqci_queue_send(&answers, message, sizeof message, 0), 1);
	reply_to(waiter.call, "real");
	assert_reply(&waiter, "real");
	close_session();
}
END_TEST

/* Who may write into the queue, but not read what we sent, does not know the nonce. */
START_TEST(strangers_cannot_turn_us_away)
{
	uint8_t message[64];
	mqci_waiter waiter;
	mqci_frame frame;

	open_session(2);
	mqci_waiter_init(&waiter);
	mqci_waiters_begin_session(&waiters, &waiter, NONCE, MQCI_NEVER);
	frame = (mqci_frame){.type = MQCI_REPLY, .session = session, .call = waiter.call};
	(void)mqci_frame_encode(&frame, message);
	message[2] = MQCI_FRAME_VERSION + 1;
	ck_assert_int_eq(mqci_queue_send(&answers, message, sizeof message, 0), 1);
	answer((mqci_frame){.type = MQCI_WELCOME, .key = NONCE, .call = waiter.call});
	support_ok(mqci_waiters_await(&waiters, &waiter));
	ck_assert_int_eq(waiter.reply.type, MQCI_WELCOME);
	mqci_waiters_finish(&waiters, &waiter);
	close_session();
}
END_TEST

START_TEST(replies_in_any_order)
{
	struct waiting waiting[5];
	char text[32];

	open_session(5);
	for (int i = 0; i < 5; i++)
		start(&waiting[i], MQCI_NEVER);
	for (int i = 4; i >= 0; i--) {
		(void)snprintf(text, sizeof text, "reply %d", i);
		reply_to(waiting[i].waiter.call, text);
	}
	for (int i = 0; i < 5; i++) {
		join(&waiting[i]);
		(void)snprintf(text, sizeof text, "reply %d", i);
		ck_assert_str_eq(waiting[i].text, text);
	}
	close_session();
}
END_TEST

START_TEST(replies_in_one_message)
{
	struct waiting waiting[3];
	uint8_t message[512];
	size_t size = 0;
	char text[32];

	open_session(3);
	for (int i = 0; i < 3; i++)
		start(&waiting[i], MQCI_NEVER);
	for (int i = 2; i >= 0; i--) {
		mqci_frame frame = {.type = MQCI_REPLY,
				    .session = session,
				    .key = KEY,
				    .call = waiting[i].waiter.call,
				    .payload = (const uint8_t *)text};

		(void)snprintf(text, sizeof text, "reply %d", i);
		frame.size = strlen(text);
		size += mqci_frame_encode(&frame, message + size);
	}
	ck_assert_int_eq(mqci_queue_send(&answers, message, size, 0), 1);
	for (int i = 0; i < 3; i++) {
		join(&waiting[i]);
		(void)snprintf(text, sizeof text, "reply %d", i);
		ck_assert_str_eq(waiting[i].text, text);
	}
	close_session();
}
END_TEST

START_TEST(a_second_reply_is_ignored)
{
	mqci_waiter waiter;

	open_session(2);
	begin(&waiter, MQCI_NEVER);
	reply_to(waiter.call, "first");
	reply_to(waiter.call, "second");
	assert_reply(&waiter, "first");
	begin(&waiter, MQCI_NEVER);
	reply_to(waiter.call, "third");
	assert_reply(&waiter, "third");
	close_session();
}
END_TEST

START_TEST(the_time_is_over)
{
	int64_t deadline = mqci_deadline_after_ms(60);
	mqci_waiter late, next;

	open_session(1);
	begin(&late, deadline);
	support_fails(mqci_waiters_await(&waiters, &late), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(mqci_clock_now(), deadline);
	ck_assert(mqc_error_last()->maybe_executed);

	/* Its slot is taken until its reply has come. */
	deadline = mqci_deadline_after_ms(60);
	support_fails(try_to_begin(&next, deadline), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(mqci_clock_now(), deadline);
	ck_assert(!mqc_error_last()->maybe_executed);
	reply_to(late.call, "late");
	begin(&next, MQCI_NEVER);
	ck_assert_uint_ne(next.call, late.call);
	reply_to(late.call, "later");
	reply_to(next.call, "in time");
	assert_reply(&next, "in time");
	close_session();
}
END_TEST

START_TEST(a_deadline_long_past)
{
	mqci_waiter waiter;

	open_session(1);
	begin(&waiter, 1);
	support_fails(mqci_waiters_await(&waiters, &waiter), MQC_DEADLINE_EXCEEDED);
	close_session();
}
END_TEST

START_TEST(each_has_a_deadline_of_its_own)
{
	struct waiting waiting[4];
	static const int ms[] = {90, 30, 60, -1};

	open_session(4);
	for (int i = 0; i < 4; i++)
		start(&waiting[i], mqci_deadline_after_ms(ms[i]));
	for (int i = 0; i < 3; i++) {
		join(&waiting[i]);
		ck_assert_int_eq(waiting[i].result, MQC_DEADLINE_EXCEEDED);
	}
	reply_to(waiting[3].waiter.call, "patient");
	join(&waiting[3]);
	ck_assert_str_eq(waiting[3].text, "patient");
	close_session();
}
END_TEST

/* A thread that wants a slot, and gives it back. */
struct wanting {
	pthread_t thread;
	int64_t deadline;
	int result;
	int turn; /* the how many-th it was to get one */
	atomic_bool done;
};

static atomic_int turns;

static void *want_slot(void *data)
{
	struct wanting *wanting = data;
	mqci_waiter waiter;

	wanting->result = try_to_begin(&waiter, wanting->deadline);
	wanting->turn = atomic_fetch_add(&turns, 1);
	if (wanting->result == MQC_OK)
		mqci_waiters_undo(&waiters, &waiter);
	atomic_store(&wanting->done, true);
	return NULL;
}

static bool is_done(void *data)
{
	return atomic_load(&((struct wanting *)data)->done);
}

static void start_wanting(struct wanting *wanting)
{
	memset(wanting, 0, sizeof *wanting);
	wanting->deadline = MQCI_NEVER;
	ck_assert_int_eq(pthread_create(&wanting->thread, NULL, want_slot, wanting), 0);
}

START_TEST(a_slot_given_back_goes_to_who_waits)
{
	struct wanting wanting[3];
	mqci_waiter waiter;

	open_session(1);
	begin(&waiter, MQCI_NEVER);
	for (int i = 0; i < 3; i++)
		start_wanting(&wanting[i]);
	support_sleep_ms(50);
	for (int i = 0; i < 3; i++)
		ck_assert(!is_done(&wanting[i]));
	/* One of them receives meanwhile: no message will come to wake it. */
	mqci_waiters_undo(&waiters, &waiter);
	for (int i = 0; i < 3; i++) {
		ck_assert(support_wait_for(is_done, &wanting[i]));
		ck_assert_int_eq(pthread_join(wanting[i].thread, NULL), 0);
		support_ok(wanting[i].result);
	}
	close_session();
}
END_TEST

/* Whether so many stand in line. */
static bool is_line_of(void *count)
{
	int length = 0;

	(void)pthread_mutex_lock(&waiters.lock);
	for (const mqci_waiter *waiter = waiters.line; waiter != NULL;
	     waiter = waiter->next_in_line)
		length++;
	(void)pthread_mutex_unlock(&waiters.lock);
	return length == *(int *)count;
}

/* Who came first gets the first slot, and nobody who comes then is faster. */
START_TEST(slots_are_given_in_order)
{
	struct wanting wanting[6];
	mqci_waiter waiter;

	open_session(1);
	begin(&waiter, MQCI_NEVER);
	for (int i = 0, length = 1; i < 6; i++, length++) {
		start_wanting(&wanting[i]);
		ck_assert(support_wait_for(is_line_of, &length));
	}
	mqci_waiters_undo(&waiters, &waiter);
	begin(&waiter, MQCI_NEVER);
	ck_assert_int_eq(atomic_load(&turns), 6);
	mqci_waiters_undo(&waiters, &waiter);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(pthread_join(wanting[i].thread, NULL), 0);
		support_ok(wanting[i].result);
		ck_assert_int_eq(wanting[i].turn, i);
	}
	close_session();
}
END_TEST

/* Who cannot wait any longer leaves the line; the others go on in it. */
START_TEST(leaving_the_line)
{
	struct wanting wanting[3];
	mqci_waiter waiter;

	open_session(1);
	begin(&waiter, MQCI_NEVER);
	for (int i = 0; i < 3; i++) {
		memset(&wanting[i], 0, sizeof wanting[i]);
		wanting[i].deadline = i == 1 ? MQCI_NEVER : mqci_deadline_after_ms(60);
		ck_assert_int_eq(pthread_create(&wanting[i].thread, NULL, want_slot, &wanting[i]),
				 0);
		support_sleep_ms(5);
	}
	ck_assert_int_eq(pthread_join(wanting[0].thread, NULL), 0);
	ck_assert_int_eq(wanting[0].result, MQC_DEADLINE_EXCEEDED);
	ck_assert_int_eq(pthread_join(wanting[2].thread, NULL), 0);
	ck_assert_int_eq(wanting[2].result, MQC_DEADLINE_EXCEEDED);
	ck_assert(!is_done(&wanting[1]));
	mqci_waiters_undo(&waiters, &waiter);
	ck_assert_int_eq(pthread_join(wanting[1].thread, NULL), 0);
	support_ok(wanting[1].result);
	begin(&waiter, MQCI_NEVER);
	mqci_waiters_undo(&waiters, &waiter);
	close_session();
}
END_TEST

static bool is_one_receiving(void *unused)
{
	bool receiving;

	(void)unused;
	(void)pthread_mutex_lock(&waiters.lock);
	receiving = waiters.receiver != NULL;
	(void)pthread_mutex_unlock(&waiters.lock);
	return receiving;
}

/* Whether a wake frame is said to be in the queue, so that none is sent. */
static void set_wake_sent(bool sent)
{
	(void)pthread_mutex_lock(&waiters.lock);
	waiters.wake_sent = sent;
	(void)pthread_mutex_unlock(&waiters.lock);
}

/*
 * Who hears of his slot only when there is another session gives back the memory of the place
 * that came with it.
 */
START_TEST(a_slot_of_a_session_that_is_over)
{
	const mqci_times times = {.deadline = MQCI_NEVER, .apart = true};
	struct wanting wanting;
	mqci_waiter waiter;

	open_session(1);
	mqci_waiter_init(&waiter);
	support_ok(mqci_waiters_begin(&waiters, &waiter, &times));
	mqci_waiters_use(&waiters, &waiter, 8);
	support_ok(mqci_arena_put(&arena, waiter.place, "a request", 8));
	start_wanting(&wanting);
	ck_assert(support_wait_for(is_one_receiving, NULL));
	set_wake_sent(true);
	mqci_waiters_undo(&waiters, &waiter);
	ck_assert_uint_gt(mqci_berths_memory(arena.berths, waiter.place, MQCI_REQUEST_REGION), 0);
	agree(NONCE + 1, KEY);
	ck_assert_int_eq(pthread_join(wanting.thread, NULL), 0);
	ck_assert_int_eq(wanting.result, MQC_UNAVAILABLE);
	set_wake_sent(false);
	ck_assert_uint_eq(mqci_berths_memory(arena.berths, waiter.place, MQCI_REQUEST_REGION), 0);
	close_session();
}
END_TEST

/* As a server would. */
static void reply_in_arena(const mqci_waiter *waiter, const char *text)
{
	uint64_t place = waiter->place + arena.region;

	support_ok(mqci_arena_put(&arena, place, text, strlen(text)));
	answer((mqci_frame){
		.type = MQCI_REPLY,
		.flags = MQCI_FRAME_ARENA,
		.call = waiter->call,
		.size = strlen(text),
		.arena = place,
	});
}

/* A reply in the call's region is the call's until it has been read. */
START_TEST(replies_in_shared_memory)
{
	mqci_waiter waiter, next;
	char text[6] = "";

	open_session(1);
	begin(&waiter, MQCI_NEVER);
	reply_in_arena(&waiter, "hello");
	support_ok(mqci_waiters_await(&waiters, &waiter));
	ck_assert_uint_eq(waiter.reply.arena, waiter.place + arena.region);
	support_fails(try_to_begin(&next, mqci_deadline_after_ms(20)), MQC_DEADLINE_EXCEEDED);
	support_ok(mqci_arena_get(&arena, waiter.reply.arena, text, 5));
	ck_assert_str_eq(text, "hello");
	mqci_waiters_finish(&waiters, &waiter);
	begin(&next, MQCI_NEVER);
	reply_to(next.call, "queued");
	assert_reply(&next, "queued");

	/* Nobody reads that of a call given up, and its region is free then. */
	begin(&waiter, mqci_deadline_after_ms(10));
	support_fails(mqci_waiters_await(&waiters, &waiter), MQC_DEADLINE_EXCEEDED);
	reply_in_arena(&waiter, "late");
	begin(&next, MQCI_NEVER);
	mqci_waiters_undo(&waiters, &next);
	close_session();
}
END_TEST

/* A server that was killed when it had just answered has the call in hand still, and lost. */
START_TEST(a_reply_is_final)
{
	static const char lost[] = "the server died";
	mqci_waiter waiter, next;
	char text[6] = "";

	open_session(2);
	begin(&waiter, MQCI_NEVER);
	reply_in_arena(&waiter, "hello");
	support_ok(mqci_waiters_await(&waiters, &waiter));
	answer((mqci_frame){
		.type = MQCI_REPLY,
		.flags = MQCI_FRAME_LOST,
		.call = waiter.call,
		.code = (uint64_t)(int64_t)MQC_UNAVAILABLE,
		.payload = (const uint8_t *)lost,
		.size = sizeof lost - 1,
	});
	begin(&next, MQCI_NEVER);
	reply_to(next.call, "next");
	assert_reply(&next, "next");
	ck_assert_uint_eq(waiter.reply.code, MQC_OK);
	ck_assert_uint_eq(waiter.reply.size, 5);
	ck_assert_uint_eq(waiter.reply.arena, waiter.place + arena.region);
	support_ok(mqci_arena_get(&arena, waiter.reply.arena, text, 5));
	ck_assert_str_eq(text, "hello");
	mqci_waiters_finish(&waiters, &waiter);
	close_session();
}
END_TEST

/* A request in the region keeps it until the call is over. */
START_TEST(requests_in_shared_memory)
{
	mqci_waiter waiter, next;

	open_session(1);
	begin(&waiter, MQCI_NEVER);
	mqci_waiters_use(&waiters, &waiter, REGION);
	reply_to(waiter.call, "done");
	support_ok(mqci_waiters_await(&waiters, &waiter));
	ck_assert_mem_eq(waiter.reply.payload, "done", 4);
	mqci_waiters_finish(&waiters, &waiter);
	begin(&next, MQCI_NEVER);
	mqci_waiters_use(&waiters, &next, REGION);
	mqci_waiters_undo(&waiters, &next);
	begin(&next, mqci_deadline_after_ms(10));
	mqci_waiters_use(&waiters, &next, REGION);
	support_fails(mqci_waiters_await(&waiters, &next), MQC_DEADLINE_EXCEEDED);
	close_session();
}
END_TEST

/* What is given up can be seen by the server. */
START_TEST(given_up_for_all_to_see)
{
	mqci_arena_view view;
	mqci_waiter waiter;

	open_session(2);
	support_ok(mqci_arena_open(session, geteuid(), &view));
	begin(&waiter, mqci_deadline_after_ms(20));
	ck_assert(mqci_arena_wants(&view, waiter.call));
	support_fails(mqci_waiters_await(&waiters, &waiter), MQC_DEADLINE_EXCEEDED);
	ck_assert(!mqci_arena_wants(&view, waiter.call));
	begin(&waiter, MQCI_NEVER);
	reply_to(waiter.call, "answered");
	assert_reply(&waiter, "answered");
	ck_assert(mqci_arena_wants(&view, waiter.call));
	mqci_arena_view_close(&view);
	close_session();
}
END_TEST

START_TEST(goodbye_ends_all)
{
	struct waiting waiting[3];
	struct wanting wanting;
	mqci_session_now now;
	mqci_waiter waiter;

	open_session(3);
	for (int i = 0; i < 3; i++)
		start(&waiting[i], MQCI_NEVER);
	start_wanting(&wanting);
	support_sleep_ms(30);
	reply_to(waiting[1].waiter.call, "in time");
	answer((mqci_frame){.type = MQCI_GOODBYE});
	for (int i = 0; i < 3; i++) {
		join(&waiting[i]);
		ck_assert_int_eq(waiting[i].result, i == 1 ? MQC_OK : MQC_UNAVAILABLE);
		/* A server says goodbye when all that it executed is answered. */
		ck_assert(!waiting[i].executed);
	}
	ck_assert_int_eq(pthread_join(wanting.thread, NULL), 0);
	ck_assert(!mqci_waiters_session(&waiters, &now));
	support_fails(try_to_begin(&waiter, MQCI_NEVER), MQC_UNAVAILABLE);
	ck_assert(!mqc_error_last()->maybe_executed);
	close_session();
}
END_TEST

START_TEST(a_session_after_the_last)
{
	mqci_waiter old, hello, waiter;

	open_session(5);
	begin(&old, MQCI_NEVER);
	answer((mqci_frame){.type = MQCI_GOODBYE});
	support_fails(mqci_waiters_await(&waiters, &old), MQC_UNAVAILABLE);

	mqci_waiter_init(&hello);
	mqci_waiters_begin_session(&waiters, &hello, NONCE + 1, MQCI_NEVER);
	/* What is left of the old one, and somebody's who knows it, is nothing to us. */
	reply_to(old.call, "too late");
	answer((mqci_frame){.type = MQCI_GOODBYE});
	welcome(&hello, NONCE + 1, KEY);
	support_ok(mqci_waiters_await(&waiters, &hello));
	mqci_waiters_finish(&waiters, &hello);
	mqci_waiters_welcome(&waiters);
	begin(&waiter, MQCI_NEVER);
	reply_to(old.call, "much too late");
	reply_to(waiter.call, "again");
	assert_reply(&waiter, "again");
	close_session();
}
END_TEST

/* A server may stop as soon as it has said welcome, and say so before we have read that. */
START_TEST(a_goodbye_right_behind_the_welcome)
{
	mqci_waiter hello, waiter;
	mqci_session_now now;

	open_session(5);
	answer((mqci_frame){.type = MQCI_GOODBYE});
	ck_assert_int_eq(mqci_waiters_drain(&waiters, 1), 1);
	mqci_waiter_init(&hello);
	mqci_waiters_begin_session(&waiters, &hello, NONCE, MQCI_NEVER);
	welcome(&hello, NONCE, KEY + 1);
	answer((mqci_frame){.type = MQCI_GOODBYE, .key = KEY + 1});
	ck_assert_int_eq(mqci_waiters_drain(&waiters, 2), 2);
	support_ok(mqci_waiters_await(&waiters, &hello));
	mqci_waiters_finish(&waiters, &hello);
	mqci_waiters_welcome(&waiters);
	ck_assert(!mqci_waiters_session(&waiters, &now));
	support_fails(try_to_begin(&waiter, MQCI_NEVER), MQC_UNAVAILABLE);
	ck_assert(!mqc_error_last()->maybe_executed);
	agree(NONCE + 1, KEY + 2);
	ck_assert(mqci_waiters_session(&waiters, &now));
	close_session();
}
END_TEST

START_TEST(a_call_keeps_the_key_it_began_with)
{
	mqci_waiter old, waiter;
	mqci_session_now now;
	unsigned ended;

	open_session(5);
	begin(&old, MQCI_NEVER);
	ck_assert_uint_eq(old.key, KEY);
	/* Before there is room for its request, its session ends, and another thread opens a new
	 * one. */
	mqci_waiters_yield(&waiters, &old);
	ck_assert(mqci_waiters_session(&waiters, &now));
	answer((mqci_frame){.type = MQCI_GOODBYE});
	ck_assert_int_eq(mqci_waiters_drain(&waiters, 1), 1);
	ended = now.epoch;
	agree(NONCE, KEY + 1);
	/* Another one still finds out that the old one is over: that is no news. */
	mqci_waiters_queue_removed(&waiters, ended);
	ck_assert(mqci_waiters_session(&waiters, &now));
	ck_assert_uint_eq(now.key, KEY + 1);
	/* With the new one's key the server would execute what is told to have failed. */
	ck_assert_uint_eq(old.key, KEY);
	support_fails(mqci_waiters_await(&waiters, &old), MQC_UNAVAILABLE);
	begin(&waiter, MQCI_NEVER);
	ck_assert_uint_eq(waiter.key, KEY + 1);
	mqci_waiters_undo(&waiters, &waiter);
	close_session();
}
END_TEST

START_TEST(the_queue_has_gone_without_a_word)
{
	mqci_waiter waiter;

	open_session(2);
	begin(&waiter, MQCI_NEVER);
	mqci_queue_unlink(requests.name);
	support_fails(mqci_waiters_await(&waiters, &waiter), MQC_UNAVAILABLE);
	ck_assert(mqc_error_last()->maybe_executed);
	close_session();
}
END_TEST

/* A server that is there removes the name, and says goodbye then, or says none. */
static void stop_with_a_server_there(bool goodbye)
{
	mqci_presence presence;
	struct waiting waiting;
	int64_t began;

	open_session(2);
	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	start(&waiting, MQCI_NEVER);
	began = support_now_ms();
	mqci_queue_unlink(requests.name);
	if (goodbye) {
		support_sleep_ms(300);
		answer((mqci_frame){.type = MQCI_GOODBYE});
	}
	join(&waiting);
	ck_assert_int_eq(waiting.result, MQC_UNAVAILABLE);
	/* Unless the goodbye was too late, on a machine with other things to do. */
	if (!goodbye || support_now_ms() - began < 1900)
		ck_assert_int_eq(waiting.executed, !goodbye);
	mqci_presence_close(&presence);
	close_session();
}

/* One that stops may have to wait for other clients before. */
START_TEST(the_queue_has_gone_and_a_server_is_there)
{
	stop_with_a_server_there(true);
}
END_TEST

/* One that has not said goodbye for long says none. */
START_TEST(the_queue_has_gone_and_a_server_is_silent)
{
	stop_with_a_server_there(false);
}
END_TEST

/* Nor does the next one, who knows nothing of us. */
static int64_t stop_with_another_there(void)
{
	const int64_t begun = support_now_ms();
	mqci_presence presence;
	struct waiting waiting;
	mqci_queue next;
	int64_t took;

	open_session(2);
	start(&waiting, MQCI_NEVER);
	mqci_queue_unlink(requests.name);
	support_ok(mqci_queue_create(requests.name, 4, 256, 0600, &next));
	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	join(&waiting);
	ck_assert_int_eq(waiting.result, MQC_UNAVAILABLE);
	ck_assert(waiting.executed);
	took = support_now_ms() - begun;
	mqci_presence_close(&presence);
	mqci_queue_close(&next);
	close_session();
	return took;
}

START_TEST(the_queue_has_gone_and_another_is_there)
{
	int64_t took = 0;

	/* On a busy machine anything may take long: now and then. */
	for (int i = 0; i == 0 || (took >= 1500 && i < 5); i++)
		took = stop_with_another_there();
	ck_assert_int_lt(took, 1500);
}
END_TEST

/* In a child: be a server that has a call in hand, and die. */
static void die_with(uint64_t call, bool begun)
{
	mqci_presence presence;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (mqci_presence_open(endpoint, 0600, &presence) < 0)
			_exit(1);
		mqci_hand_take(mqci_presence_hand(&presence), session, call, begun);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void forget(uint64_t id, uint64_t call, bool begun, void *count)
{
	(void)id, (void)call, (void)begun;
	++*(int *)count;
}

/* Some request waits in the server's queue: it may be any. */
static void put_into_queue(void)
{
	mqci_queue to;

	support_ok(mqci_queue_open(requests.name, MQCI_SEND, &to));
	ck_assert_int_eq(mqci_queue_send(&to, "?", 1, 0), 1);
	mqci_queue_close(&to);
}

START_TEST(a_server_died_with_the_call)
{
	struct waiting waiting[3];
	int count = 0;

	open_session(3);
	for (int i = 0; i < 3; i++)
		start(&waiting[i], MQCI_NEVER);
	put_into_queue();
	die_with(waiting[1].waiter.call, true);
	join(&waiting[1]);
	ck_assert_int_eq(waiting[1].result, MQC_UNAVAILABLE);
	ck_assert(waiting[1].executed);
	/* The others' servers may live. */
	reply_to(waiting[2].waiter.call, "two");
	reply_to(waiting[0].waiter.call, "zero");
	join(&waiting[0]);
	join(&waiting[2]);
	support_ok(waiting[0].result);
	support_ok(waiting[2].result);
	mqci_presence_sweep(endpoint, forget, &count);
	ck_assert_int_eq(count, 1);
	close_session();
}
END_TEST

/* Names are looked at five times a second, while somebody waits. */
static bool has_looked_since(void *time)
{
	bool looked;

	(void)pthread_mutex_lock(&waiters.lock);
	looked = waiters.looked > *(const int64_t *)time + 250 * INT64_C(1000000);
	(void)pthread_mutex_unlock(&waiters.lock);
	return looked;
}

/* A server that had answered a call, but kept the answer, dies: nobody has it in hand. */
START_TEST(a_server_died_with_the_answer)
{
	struct waiting waiting[2];
	mqci_presence presence;
	uint8_t byte[256];
	int64_t died;
	int count = 0;

	open_session(2);
	for (int i = 0; i < 2; i++)
		start(&waiting[i], mqci_deadline_after_ms(60000));
	put_into_queue();
	die_with(7, true);
	died = mqci_clock_now();
	/* The living one has the other call. */
	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	mqci_hand_take(mqci_presence_hand(&presence), session, waiting[1].waiter.call, true);
	ck_assert(support_wait_for(has_looked_since, &died));
	/* While something is in the queue, it may be there. */
	mqci_presence_sweep(endpoint, forget, &count);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(mqci_queue_receive(&requests, byte, sizeof byte), 1);
	join(&waiting[0]);
	ck_assert_int_eq(waiting[0].result, MQC_UNAVAILABLE);
	ck_assert(waiting[0].executed);
	/* A server that was frozen just before it said that it has it may answer yet: into its
	 * slot. */
	(void)pthread_mutex_lock(&waiters.lock);
	ck_assert_ptr_nonnull(mqci_slots_find(&waiters.slots, waiting[0].waiter.call));
	(void)pthread_mutex_unlock(&waiters.lock);
	reply_to(waiting[0].waiter.call, "late");
	reply_to(waiting[1].waiter.call, "answered");
	join(&waiting[1]);
	support_ok(waiting[1].result);
	ck_assert_str_eq(waiting[1].text, "answered");
	ck_assert_ptr_null(mqci_slots_find(&waiters.slots, waiting[0].waiter.call));
	mqci_presence_close(&presence);
	close_session();
}
END_TEST

/* It had taken the request, and not begun to execute it. */
START_TEST(a_server_died_before_it_began)
{
	struct waiting waiting;
	int count = 0;

	open_session(3);
	start(&waiting, MQCI_NEVER);
	die_with(waiting.waiter.call, false);
	join(&waiting);
	ck_assert_int_eq(waiting.result, MQC_UNAVAILABLE);
	ck_assert(!waiting.executed);
	mqci_presence_sweep(endpoint, forget, &count);
	close_session();
}
END_TEST

/* Who hears late of it leaves alone what is the next call's by then. */
START_TEST(a_server_died_and_the_next_call_has_the_place)
{
	mqci_waiter lost, next, hello;
	char text[6] = "";
	int count = 0;

	open_session(1);
	begin(&lost, MQCI_NEVER);
	die_with(lost.call, true);
	mqci_waiters_look_after_servers(&waiters, mqci_clock_now());
	begin(&next, MQCI_NEVER);
	support_ok(mqci_arena_put(&arena, next.place + REGION, "hello", 5));
	mqci_waiter_init(&hello);
	mqci_waiters_begin_session(&waiters, &hello, NONCE, MQCI_NEVER);
	support_fails(mqci_waiters_await(&waiters, &lost), MQC_UNAVAILABLE);
	support_ok(mqci_arena_get(&arena, next.place + REGION, text, 5));
	ck_assert_str_eq(text, "hello");
	mqci_waiters_undo(&waiters, &hello);
	mqci_waiters_undo(&waiters, &next);
	mqci_presence_sweep(endpoint, forget, &count);
	close_session();
}
END_TEST

/* The memory that the segment takes. */
static size_t memory_taken(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(arena.segment.fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

static void tell_lost(uint64_t call)
{
	answer((mqci_frame){
		.type = MQCI_REPLY,
		.flags = MQCI_FRAME_LOST,
		.call = call,
		.code = (uint64_t)(int64_t)MQC_UNAVAILABLE,
	});
}

/* What a server had written of its reply when it died is given back. */
START_TEST(a_server_died_with_half_an_answer)
{
	static const uint8_t half[REGION / 2];
	mqci_waiter waiter;
	size_t before;

	open_session(1);
	before = memory_taken();
	for (int i = 0; i < 2; i++) {
		/* The second time nobody waits for it any more. */
		begin(&waiter, i == 0 ? MQCI_NEVER : mqci_deadline_after_ms(10));
		support_ok(
			mqci_segment_put(&arena.segment, waiter.place + REGION, half, sizeof half));
		if (i == 1)
			support_fails(mqci_waiters_await(&waiters, &waiter), MQC_DEADLINE_EXCEEDED);
		tell_lost(waiter.call);
		if (i == 0) {
			support_ok(mqci_waiters_await(&waiters, &waiter));
			mqci_waiters_finish(&waiters, &waiter);
		}
		begin(&waiter, MQCI_NEVER);
		mqci_waiters_undo(&waiters, &waiter);
		ck_assert_uint_eq(memory_taken(), before);
	}
	close_session();
}
END_TEST

START_TEST(a_server_died_with_a_call_given_up)
{
	mqci_waiter given_up, waiter;
	int count = 0;

	open_session(1);
	begin(&given_up, mqci_deadline_after_ms(1));
	support_fails(mqci_waiters_await(&waiters, &given_up), MQC_DEADLINE_EXCEEDED);
	die_with(given_up.call, true);
	/* No reply will ever free its slot: that must be found out. */
	begin(&waiter, mqci_deadline_after_ms(60000));
	mqci_waiters_undo(&waiters, &waiter);
	mqci_presence_sweep(endpoint, forget, &count);
	close_session();
}
END_TEST

START_TEST(wake_frames_do_no_harm)
{
	mqci_waiter waiter;

	open_session(5);
	for (int i = 0; i < 4; i++)
		answer((mqci_frame){.type = MQCI_WAKE, .session = 1, .key = 1});
	begin(&waiter, MQCI_NEVER);
	reply_to(waiter.call, "awake");
	assert_reply(&waiter, "awake");
	begin(&waiter, mqci_deadline_after_ms(30));
	support_fails(mqci_waiters_await(&waiters, &waiter), MQC_DEADLINE_EXCEEDED);
	close_session();
}
END_TEST

/* ------------------------------------------------------------- together -- */

/*
 * Callers put their calls into this list, as it were the request queue, and a
 * thread answers them, a random one each time, with the number of the call.
 */
#define CALLERS 8
#define CALLS 400

static _Atomic uint64_t asked[CALLERS];
static atomic_bool enough;

static void *answer_all(void *unused)
{
	unsigned seed = 1;

	while (!atomic_load(&enough)) {
		uint64_t call = atomic_exchange(&asked[(unsigned)rand_r(&seed) % CALLERS], 0);
		char text[32];

		if (call == 0) {
			sched_yield();
			continue;
		}
		/* Some are answered late. */
		if (rand_r(&seed) % 64 == 0)
			support_sleep_ms(3);
		(void)snprintf(text, sizeof text, "%llu", (unsigned long long)call);
		reply_to(call, text);
	}
	return unused;
}

static void *call_often(void *data)
{
	unsigned index = (unsigned)(uintptr_t)data, seed = index, answered = 0;

	for (int i = 0; i < CALLS; i++) {
		int ms = rand_r(&seed) % 16 == 0 ? rand_r(&seed) % 3 : 60000;
		char text[32];
		mqci_waiter waiter;
		int r;

		if (try_to_begin(&waiter, mqci_deadline_after_ms(ms)) < 0) {
			ck_assert_int_lt(ms, 60000);
			continue;
		}
		/* The one before may not have been taken yet: then it never had been sent. */
		while (atomic_load(&asked[index]) != 0)
			sched_yield();
		atomic_store(&asked[index], waiter.call);
		r = mqci_waiters_await(&waiters, &waiter);
		if (r < 0) {
			ck_assert_int_eq(r, MQC_DEADLINE_EXCEEDED);
			ck_assert_int_lt(ms, 60000);
			continue;
		}
		(void)snprintf(text, sizeof text, "%llu", (unsigned long long)waiter.call);
		ck_assert_uint_eq(waiter.reply.size, strlen(text));
		ck_assert_mem_eq(waiter.reply.payload, text, strlen(text));
		mqci_waiters_finish(&waiters, &waiter);
		answered++;
	}
	ck_assert_uint_gt(answered, CALLS / 2);
	return NULL;
}

static void many_callers(unsigned slots)
{
	pthread_t threads[CALLERS], answering;

	open_session(slots);
	ck_assert_int_eq(pthread_create(&answering, NULL, answer_all, NULL), 0);
	for (unsigned i = 0; i < CALLERS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, call_often, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	atomic_store(&enough, true);
	ck_assert_int_eq(pthread_join(answering, NULL), 0);
	close_session();
}

START_TEST(more_callers_than_slots)
{
	many_callers(3);
}
END_TEST

START_TEST(one_slot_for_all)
{
	many_callers(1);
}
END_TEST

START_TEST(a_slot_for_each)
{
	many_callers(CALLERS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waiters");
	TCase *tests;

	tests = support_case(suite, "replies");
	tcase_add_test(tests, a_reply);
	tcase_add_test(tests, what_is_not_for_us_is_ignored);
	tcase_add_test(tests, versions_matter_until_welcomed);
	tcase_add_test(tests, strangers_cannot_turn_us_away);
	tcase_add_test(tests, replies_in_any_order);
	tcase_add_test(tests, replies_in_one_message);
	tcase_add_test(tests, a_second_reply_is_ignored);
	tcase_add_test(tests, wake_frames_do_no_harm);

	tests = support_case(suite, "no replies");
	tcase_add_test(tests, the_time_is_over);
	tcase_add_test(tests, a_deadline_long_past);
	tcase_add_test(tests, each_has_a_deadline_of_its_own);
	tcase_add_test(tests, a_slot_given_back_goes_to_who_waits);
	tcase_add_test(tests, slots_are_given_in_order);
	tcase_add_test(tests, leaving_the_line);
	tcase_add_test(tests, a_slot_of_a_session_that_is_over);
	tcase_add_test(tests, replies_in_shared_memory);
	tcase_add_test(tests, a_reply_is_final);
	tcase_add_test(tests, requests_in_shared_memory);
	tcase_add_test(tests, given_up_for_all_to_see);
	tcase_add_test(tests, goodbye_ends_all);
	tcase_add_test(tests, a_session_after_the_last);
	tcase_add_test(tests, a_goodbye_right_behind_the_welcome);
	tcase_add_test(tests, a_call_keeps_the_key_it_began_with);
	tcase_add_test(tests, the_queue_has_gone_without_a_word);
	tcase_add_test(tests, the_queue_has_gone_and_a_server_is_there);
	tcase_add_test(tests, the_queue_has_gone_and_a_server_is_silent);
	tcase_add_test(tests, the_queue_has_gone_and_another_is_there);
	tcase_add_test(tests, a_server_died_with_the_call);
	tcase_add_test(tests, a_server_died_with_the_answer);
	tcase_add_test(tests, a_server_died_before_it_began);
	tcase_add_test(tests, a_server_died_and_the_next_call_has_the_place);
	tcase_add_test(tests, a_server_died_with_half_an_answer);
	tcase_add_test(tests, a_server_died_with_a_call_given_up);

	tests = support_case(suite, "together");
	tcase_add_test(tests, more_callers_than_slots);
	tcase_add_test(tests, one_slot_for_all);
	tcase_add_test(tests, a_slot_for_each);
	return support_run(suite);
}
