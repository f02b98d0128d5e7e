/*
 * check_batch.c - tests of runtime/batch.h: messages with many requests, served as a whole.
 */
#include "batch.h"

#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "forge.h"
#include "presence.h"
#include "server.h"
#include "support.h"
#include "things.h"

/* Of a request queue, as host_start() makes them; of 14 small requests. */
#define MESSAGE 1024

static struct forger forger;

/* A message that is being put together. */
static uint8_t message[MESSAGE];
static size_t size;

static void add(int method, int64_t number)
{
	forger_add(&forger, method, number, message, &size);
	ck_assert_uint_le(size, sizeof message);
}

static void send_message(void)
{
	forger_send_bytes(&forger, message, size);
	size = 0;
}

/* What a call was answered with. */
struct answer {
	unsigned times;
	int64_t code;
	unsigned flags;
};

/* Note an answer to one of the calls 1 to `most`, whose number is given; 0: none came in time. */
static unsigned take_answer(struct answer *answers, unsigned most, int ms)
{
	mqci_frame frame;
	unsigned call;

	if (!forger_receive(&forger, ms, &frame))
		return 0;
	ck_assert_int_eq(frame.type, MQCI_REPLY);
	ck_assert_uint_eq(frame.session, forger.session);
	call = (unsigned)(frame.call >> 16);
	ck_assert_uint_ge(call, 1);
	ck_assert_uint_le(call, most);
	answers[call].times++;
	answers[call].code = (int64_t)frame.code;
	answers[call].flags = frame.flags;
	return call;
}

/* Take as many answers; each of the calls must have got one. */
static void take_answers(struct answer *answers, unsigned count, unsigned most)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_uint_gt(take_answer(answers, most, 60000), 0);
}

static void check_answer(const struct answer *answers, unsigned call, int code, unsigned flags)
{
	ck_assert_uint_eq(answers[call].times, 1);
	ck_assert_int_eq(answers[call].code, code);
	ck_assert_uint_eq(answers[call].flags, flags);
}

/* ------------------------------------------------- in one thread's hands -- */

static struct host host;

static void begin(const mqc_server_options *options)
{
	host_start(&host, support_endpoint(), options);
	forger_join(&forger, support_last_endpoint(), 900, 8);
}

static void end(void)
{
	forger_close(&forger);
	host_stop(&host);
}

START_TEST(all_are_answered_together)
{
	struct answer answers[15] = {{0}};

	begin(NULL);
	forger.messages = 0;
	for (int i = 0; i < 10; i++)
		add(THINGS_COUNT, 1);
	add(THINGS_FAIL, MQC_NOT_FOUND);
	add(THINGS_ABSENT, 0);
	add(THINGS_NOTE, 5);
	add(THINGS_COUNT, 100);
	send_message();
	take_answers(answers, 14, 14);
	for (unsigned call = 1; call <= 14; call++)
		if (call != 11 && call != 12)
			check_answer(answers, call, MQC_OK, 0);
	check_answer(answers, 11, MQC_NOT_FOUND, 0);
	check_answer(answers, 12, MQC_UNIMPLEMENTED, MQCI_FRAME_NOT_EXECUTED);
	ck_assert_int_eq(atomic_load(&host.self.count), 115);
	ck_assert_uint_lt(forger.messages, 14);
	end();
}
END_TEST

/* One-way requests, and frames that are none, among the others. */
START_TEST(what_is_not_answered)
{
	const mqci_frame other = {.type = MQCI_DATA, .call = 7};
	struct answer answers[4] = {{0}};
	uint8_t payload[16];
	const mqci_frame oneway = {
		.type = MQCI_REQUEST,
		.flags = MQCI_FRAME_ONEWAY,
		.code = things_methods[THINGS_COUNT].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = forger_number(10, payload),
	};
	mqci_frame frame = oneway;

	begin(NULL);
	frame.session = forger.session;
	frame.key = forger.key;
	size += mqci_frame_encode(&frame, message + size);
	add(THINGS_COUNT, 1);
	size += mqci_frame_encode(&other, message + size);
	size += mqci_frame_encode(&frame, message + size);
	/* Nobody's. */
	frame.key++;
	size += mqci_frame_encode(&frame, message + size);
	add(THINGS_COUNT, 2);
	frame.key--;
	size += mqci_frame_encode(&frame, message + size);
	send_message();
	take_answers(answers, 2, 2);
	check_answer(answers, 1, MQC_OK, 0);
	check_answer(answers, 2, MQC_OK, 0);
	add(THINGS_COUNT, 0);
	send_message();
	take_answers(answers, 1, 3);
	ck_assert_int_eq(atomic_load(&host.self.count), 33);
	ck_assert_uint_eq(take_answer(answers, 3, 0), 0);
	end();
}
END_TEST

/* Requests of two clients, by turns: each gets its own answers. */
START_TEST(of_two_clients)
{
	struct forger other;
	mqci_frame frame;
	unsigned calls = 0;

	begin(NULL);
	forger_join(&other, support_last_endpoint(), 901, 4);
	for (int i = 0; i < 5; i++) {
		add(THINGS_COUNT, 1);
		forger_add(&other, THINGS_COUNT, 1, message, &size);
		forger_add(&other, THINGS_COUNT, 1, message, &size);
		if (size > MESSAGE / 2)
			send_message();
	}
	send_message();
	for (int i = 0; i < 10; i++) {
		ck_assert(forger_receive(&other, 60000, &frame));
		ck_assert_uint_eq(frame.session, other.session);
		ck_assert_uint_eq(frame.key, other.key);
		calls |= 1U << (frame.call >> 16);
	}
	ck_assert_uint_eq(calls, 0x7fe);
	for (int i = 0; i < 5; i++) {
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_uint_eq(frame.session, forger.session);
	}
	ck_assert_int_eq(atomic_load(&host.self.count), 15);
	forger_close(&other);
	end();
}
END_TEST

START_TEST(deferred_ones)
{
	struct answer answers[7] = {{0}};

	begin(NULL);
	add(THINGS_COUNT, 1);
	add(THINGS_DEFER, 0);
	add(THINGS_DEFER, 20);
	add(THINGS_COUNT, 1);
	add(THINGS_DEFER, 0);
	add(THINGS_DEFER, 1);
	send_message();
	take_answers(answers, 6, 6);
	for (unsigned call = 1; call <= 6; call++)
		check_answer(answers, call, MQC_OK, 0);
	end();
}
END_TEST

/* Replies without room are kept as messages of many, and all of them come. */
START_TEST(what_is_kept)
{
	static struct answer answers[1001];

	begin(NULL);
	forger.messages = 0;
	for (int i = 0; i < 1000; i++) {
		add(THINGS_COUNT, 1);
		/* Alone, too. */
		if (size > MESSAGE - 100 || i % 100 > 80)
			send_message();
	}
	if (size > 0)
		send_message();
	take_answers(answers, 1000, 1000);
	for (unsigned call = 1; call <= 1000; call++)
		check_answer(answers, call, MQC_OK, 0);
	ck_assert_uint_lt(forger.messages, 500);
	ck_assert_int_eq(atomic_load(&host.self.count), 1000);
	end();
}
END_TEST

/* Where only so many requests may wait, what is too much is refused. */
START_TEST(with_a_limit)
{
	const mqc_server_options options = {
		.queue_messages = 8, .queue_size = MESSAGE, .max_waiting = 4};
	struct answer answers[15] = {{0}};
	int64_t done = 0;

	begin(&options);
	for (int i = 0; i < 14; i++)
		add(THINGS_COUNT, 1);
	send_message();
	take_answers(answers, 14, 14);
	for (unsigned call = 1; call <= 14; call++) {
		ck_assert_uint_eq(answers[call].times, 1);
		done += answers[call].code == MQC_OK;
		if (answers[call].code != MQC_OK) {
			ck_assert_int_eq(answers[call].code, MQC_RESOURCE_EXHAUSTED);
			ck_assert_uint_eq(answers[call].flags, MQCI_FRAME_NOT_EXECUTED);
		}
	}
	/* One is served at once, unless the worker has not begun to receive. */
	ck_assert_int_ge(done, 4);
	ck_assert_int_le(done, 5);
	ck_assert_int_eq(atomic_load(&host.self.count), done);
	end();
}
END_TEST

/* -------------------------------------------------- a handler takes long -- */

static sem_t gate;
static bool stops; /* the server, before Wait waits */
static atomic_bool waits;

/* The service of things.h, but that Wait waits until the test lets it go on. */
static int dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	if (method != THINGS_WAIT)
		return things_dispatch(handlers, self, method, call, request, reply);
	if (stops)
		mqc_server_stop(host.server);
	atomic_store(&waits, true);
	while (sem_wait(&gate) < 0)
		continue;
	return MQC_OK;
}

static void begin_gated_with(const mqc_server_options *options)
{
	memset(&host, 0, sizeof host);
	ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
	support_ok(mqc_server_open(support_endpoint(), options, &host.server));
	support_ok(mqc_server_add(host.server, &things_service, dispatch, NULL, &host.self));
	host_run(&host);
	forger_join(&forger, support_last_endpoint(), 900, 8);
}

static void begin_gated(int threads)
{
	const mqc_server_options options = {
		.threads = threads, .queue_messages = 8, .queue_size = MESSAGE};

	begin_gated_with(&options);
}

static void send_with_slow_one(void)
{
	for (int i = 0; i < 3; i++)
		add(THINGS_COUNT, 1);
	add(THINGS_WAIT, 0);
	for (int i = 0; i < 4; i++)
		add(THINGS_COUNT, 10);
	send_message();
}

START_TEST(replies_do_not_wait_for_it)
{
	struct answer answers[9] = {{0}};

	begin_gated(1);
	send_with_slow_one();
	take_answers(answers, 3, 8);
	for (unsigned call = 1; call <= 3; call++)
		check_answer(answers, call, MQC_OK, 0);
	ck_assert_uint_eq(take_answer(answers, 8, 20), 0);
	ck_assert_int_eq(sem_post(&gate), 0);
	take_answers(answers, 5, 8);
	for (unsigned call = 4; call <= 8; call++)
		check_answer(answers, call, MQC_OK, 0);
	ck_assert_int_eq(atomic_load(&host.self.count), 43);
	end();
}
END_TEST

START_TEST(others_serve_what_is_behind_it)
{
	struct answer answers[9] = {{0}};

	begin_gated(2);
	send_with_slow_one();
	take_answers(answers, 7, 8);
	ck_assert_uint_eq(answers[4].times, 0);
	ck_assert_int_eq(atomic_load(&host.self.count), 43);
	ck_assert_int_eq(sem_post(&gate), 0);
	take_answers(answers, 1, 8);
	for (unsigned call = 1; call <= 8; call++)
		check_answer(answers, call, MQC_OK, 0);
	end();
}
END_TEST

/* Messages that come meanwhile are not held up by it either. */
/* Those that wait, as only so many may, find the other worker, whatever it is just about to do. */
START_TEST(those_that_wait_are_served_by_others)
{
	const mqc_server_options options = {
		.threads = 2, .queue_messages = 8, .queue_size = MESSAGE, .max_waiting = 4};
	struct answer answers[4];

	begin_gated_with(&options);
	for (int i = 0; i < 300; i++) {
		memset(answers, 0, sizeof answers);
		forger.calls = 0;
		add(THINGS_COUNT, 1);
		send_message();
		add(THINGS_WAIT, 0);
		add(THINGS_COUNT, 1);
		send_message();
		take_answers(answers, 2, 3);
		ck_assert_uint_eq(answers[1].times, 1);
		ck_assert_uint_eq(answers[3].times, 1);
		ck_assert_int_eq(sem_post(&gate), 0);
		ck_assert_uint_eq(take_answer(answers, 3, 60000), 2);
	}
	end();
}
END_TEST

static void send_with(unsigned priority)
{
	ck_assert_int_eq(mqci_queue_send(&forger.requests, message, size, priority), 1);
	size = 0;
}

static bool has_begun_to_wait(void *unused)
{
	(void)unused;
	return atomic_load(&waits);
}

/* Behind one that takes long, one that waits, and then what `send` sends: who is first. */
static void check_first(const mqc_server_options *options, void (*send)(void), unsigned first)
{
	struct answer answers[4] = {{0}};

	begin_gated_with(options);
	add(THINGS_WAIT, 0);
	add(THINGS_COUNT, 1);
	send_message();
	/* If it only waited too, it would not be the first. */
	ck_assert(support_wait_for(has_begun_to_wait, NULL));
	send();
	ck_assert_int_eq(sem_post(&gate), 0);
	ck_assert_uint_eq(take_answer(answers, 3, 60000), 1);
	ck_assert_uint_eq(take_answer(answers, 3, 60000), first);
	ck_assert_uint_eq(take_answer(answers, 3, 60000), 5 - first);
	end();
}

static void send_most_urgent(void)
{
	add(THINGS_COUNT, 1);
	send_with(MQ_PRIO_MAX - 1);
}

/* Not of any client of the library, which stops at 31. */
START_TEST(the_highest_priority)
{
	const mqc_server_options options = {.queue_messages = 8,
					    .queue_size = MESSAGE,
					    .max_waiting = 4,
					    .aging_ms = MQC_AGING_OFF};

	check_first(&options, send_most_urgent, 3);
}
END_TEST

static void send_behind_empty_one(void)
{
	send_with(31);
	add(THINGS_COUNT, 1);
	send_with(30);
}

/* An empty message keeps nothing from being put in order. */
START_TEST(behind_an_empty_message)
{
	const mqc_server_options options = {
		.queue_messages = 8, .queue_size = MESSAGE, .max_waiting = 4};

	check_first(&options, send_behind_empty_one, 3);
}
END_TEST

START_TEST(one_after_the_other)
{
	static struct answer answers[81];

	begin_gated(2);
	for (int i = 0; i < 10; i++) {
		send_with_slow_one();
		take_answers(answers, 7, 80);
		ck_assert_int_eq(sem_post(&gate), 0);
		take_answers(answers, 1, 80);
	}
	for (unsigned call = 1; call <= 80; call++)
		check_answer(answers, call, MQC_OK, 0);
	end();
}
END_TEST

/* What has not begun when the server is to stop is not executed, and told so. */
START_TEST(a_stop)
{
	struct answer answers[9] = {{0}};

	begin_gated(1);
	send_with_slow_one();
	take_answers(answers, 3, 8);
	mqc_server_stop(host.server);
	ck_assert_int_eq(sem_post(&gate), 0);
	host_join(&host);
	take_answers(answers, 5, 8);
	check_answer(answers, 4, MQC_OK, 0);
	for (unsigned call = 5; call <= 8; call++) {
		ck_assert_uint_eq(answers[call].times, 1);
		if (answers[call].code != MQC_OK)
			check_answer(answers, call, MQC_UNAVAILABLE, MQCI_FRAME_NOT_EXECUTED);
	}
	forger_close(&forger);
}
END_TEST

/* Replies do not wait for a handler that goes on when the server is to stop. */
START_TEST(replies_do_not_wait_when_it_stops)
{
	struct answer answers[9] = {{0}};

	stops = true;
	begin_gated(1);
	send_with_slow_one();
	take_answers(answers, 3, 8);
	for (unsigned call = 1; call <= 3; call++)
		check_answer(answers, call, MQC_OK, 0);
	ck_assert_int_eq(sem_post(&gate), 0);
	host_join(&host);
	take_answers(answers, 5, 8);
	check_answer(answers, 4, MQC_OK, 0);
	for (unsigned call = 5; call <= 8; call++)
		check_answer(answers, call, MQC_UNAVAILABLE, MQCI_FRAME_NOT_EXECUTED);
	forger_close(&forger);
}
END_TEST

/* ------------------------------------------------------- a server is killed -- */

static const char *endpoint;
static struct peer peer;

static void begin_peer(void)
{
	endpoint = support_endpoint();
	peer = peer_start(endpoint, "signals");
	forger_join(&forger, endpoint, 900, 8);
}

/* Another server tells what became of the calls of the one that is dead. */
static void end_peer(void)
{
	peer_stop(&peer);
	forger_close(&forger);
}

static void check_lost(const struct answer *answers, unsigned call, unsigned flag)
{
	check_answer(answers, call, MQC_UNAVAILABLE, flag);
}

START_TEST(killed_by_one_of_them)
{
	struct answer answers[7] = {{0}};

	begin_peer();
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	add(THINGS_KILL, 0);
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	send_message();
	ck_assert_int_eq(peer_wait(&peer), 128 + SIGKILL);
	peer = peer_start(endpoint, "signals");
	take_answers(answers, 6, 6);
	/* Their replies were sent or not. */
	for (unsigned call = 1; call <= 2; call++)
		if (answers[call].code != MQC_OK)
			check_lost(answers, call, MQCI_FRAME_LOST);
	check_lost(answers, 3, MQCI_FRAME_LOST);
	for (unsigned call = 4; call <= 6; call++)
		check_lost(answers, call, MQCI_FRAME_NOT_EXECUTED);
	end_peer();
}
END_TEST

/* Then each is in that of the thread, and what was executed before has its answer. */
START_TEST(all_hands_are_out)
{
	static mqci_hand *hands[MQCI_HANDS_MAX];
	struct answer answers[5] = {{0}};
	unsigned count;

	begin_gated(1);
	endpoint = support_last_endpoint();
	/* The worker has its own. */
	support_sleep_ms(50);
	count = mqci_presence_hands(&host.server->endpoint.presence, hands, MQCI_HANDS_MAX);
	ck_assert_uint_lt(count, MQCI_HANDS_MAX);
	add(THINGS_COUNT, 1);
	add(THINGS_WAIT, 0);
	add(THINGS_WAIT, 0);
	add(THINGS_COUNT, 1);
	send_message();
	for (unsigned call = 2; call <= 3; call++) {
		ck_assert_uint_eq(take_answer(answers, 4, 60000), call - 1);
		support_await_execution(endpoint, forger.session, call);
		ck_assert_int_eq(sem_post(&gate), 0);
	}
	take_answers(answers, 2, 4);
	for (unsigned call = 1; call <= 4; call++)
		check_answer(answers, call, MQC_OK, 0);
	mqci_presence_return_all(&host.server->endpoint.presence, hands, count);
	end();
}
END_TEST

START_TEST(killed_while_one_takes_long)
{
	struct answer answers[7] = {{0}};

	begin_peer();
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	add(THINGS_WAIT, 60000);
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	add(THINGS_COUNT, 1);
	send_message();
	/* That these come shows that the rest has been shared, with nobody. */
	take_answers(answers, 2, 6);
	support_await_execution(endpoint, forger.session, 3);
	peer_kill(&peer);
	peer = peer_start(endpoint, "signals");
	take_answers(answers, 4, 6);
	check_lost(answers, 3, MQCI_FRAME_LOST);
	for (unsigned call = 4; call <= 6; call++)
		check_lost(answers, call, MQCI_FRAME_NOT_EXECUTED);
	end_peer();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("batch");
	TCase *tests = support_case(suite, "one thread");

	tcase_add_test(tests, all_are_answered_together);
	tcase_add_test(tests, what_is_not_answered);
	tcase_add_test(tests, of_two_clients);
	tcase_add_test(tests, deferred_ones);
	tcase_add_test(tests, what_is_kept);
	tcase_add_test(tests, with_a_limit);
	tests = support_case(suite, "a handler that takes long");
	tcase_add_test(tests, replies_do_not_wait_for_it);
	tcase_add_test(tests, others_serve_what_is_behind_it);
	tcase_add_test(tests, those_that_wait_are_served_by_others);
	tcase_add_test(tests, the_highest_priority);
	tcase_add_test(tests, behind_an_empty_message);
	tcase_add_test(tests, one_after_the_other);
	tcase_add_test(tests, a_stop);
	tcase_add_test(tests, replies_do_not_wait_when_it_stops);
	tests = support_case(suite, "a server that is killed");
	tcase_add_test(tests, killed_by_one_of_them);
	tcase_add_test(tests, killed_while_one_takes_long);
	tcase_add_test(tests, all_hands_are_out);
	return support_run(suite);
}
