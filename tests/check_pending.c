/*
 * check_pending.c - tests of runtime/pending.h: asynchronous calls, and what becomes of them.
 *
 * The tests play the server: they hold the endpoint's queue, take the requests out of
 * it, and answer them when, and as, they want.
 */
#include "pending.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "presence.h"
#include "support.h"
#include "things.h"

#define KEY UINT64_C(0x5678)
#define PATIENCE_MS 60000

enum {
	MESSAGES = 4, /* of the request queue */
	SIZE = 1024,  /* ... with room for some twelve small requests each */
	REPLIES = 8,  /* of the reply queue */
	REPLY_SIZE = 816,
	MANY = 30
};

/* ------------------------------------------------------------- the server -- */

static const char *endpoint;
static mqci_queue requests, filler, replies;
static mqci_presence presence;
static uint64_t session;

/* Requests that were taken, in their order: their calls, and the numbers in them. */
static uint64_t calls[MANY * 4];
static int64_t numbers[MANY * 4];
static size_t n_calls;

static void open_server(void)
{
	support_ok(
		mqci_queue_create(support_queue_name(endpoint), MESSAGES, SIZE, 0600, &requests));
	support_ok(mqci_queue_never_block(&requests));
	support_ok(mqci_queue_open(requests.name, MQCI_SEND, &filler));
	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	n_calls = 0;
}

static void close_server(void)
{
	mqci_presence_close(&presence);
	ck_assert(mqci_queue_unlink(requests.name));
	mqci_queue_close(&filler);
	mqci_queue_close(&requests);
}

static void answer(mqci_frame frame)
{
	uint8_t message[512];

	frame.cpu = MQCI_CPU_UNKNOWN;
	frame.session = session;
	if (frame.key == 0)
		frame.key = KEY;
	ck_assert_int_eq(mqci_queue_send(&replies, message, mqci_frame_encode(&frame, message), 0),
			 1);
}

static void welcome(const mqci_frame *hello)
{
	const mqci_welcome payload = {
		.key = KEY, .request_size = SIZE, .pid = getpid(), .lanes = 1};
	char name[MQCI_NAME_SIZE];

	session = hello->session;
	if (!mqci_queue_is_open(&replies)) {
		mqci_name_replies(session, name);
		support_ok(mqci_queue_open(name, MQCI_SEND, &replies));
	}
	answer((mqci_frame){
		.type = MQCI_WELCOME,
		.key = hello->key,
		.call = hello->call,
		.payload = (const uint8_t *)&payload,
		.size = sizeof payload,
	});
}

static void note_request(const mqci_frame *frame)
{
	Shapes__Number *request = shapes__number__unpack(NULL, frame->size, frame->payload);

	ck_assert_ptr_nonnull(request);
	ck_assert_uint_lt(n_calls, sizeof calls / sizeof calls[0]);
	calls[n_calls] = frame->call;
	numbers[n_calls++] = request->value;
	shapes__number__free_unpacked(request, NULL);
}

/* Take what has come, and welcome who says hello; how many requests there are now. */
static size_t serve(void)
{
	uint8_t message[SIZE];
	const uint8_t *at;
	mqci_frame frame;
	size_t size;

	while (mqci_queue_take(&requests, message, sizeof message, &size) == 1) {
		at = message;
		while (mqci_frame_decode(&at, &size, &frame) == MQCI_FRAME_OK)
			if (frame.type == MQCI_HELLO)
				welcome(&frame);
			else if (frame.type == MQCI_REQUEST)
				note_request(&frame);
	}
	return n_calls;
}

/* Answer the request that came so-and-so many others after the first. */
static void reply(size_t i, int status, uint16_t flags)
{
	uint8_t payload[16];
	Shapes__Number number;

	ck_assert_uint_lt(i, n_calls);
	shapes__number__init(&number);
	number.value = numbers[i];
	answer((mqci_frame){
		.type = MQCI_REPLY,
		.flags = flags,
		.call = calls[i],
		.code = (uint64_t)(int64_t)status,
		.payload = payload,
		.size = status == MQC_OK ? shapes__number__pack(&number, payload) : 0,
	});
}

static void refuse(size_t i)
{
	reply(i, MQC_UNAVAILABLE, MQCI_FRAME_NOT_EXECUTED);
}

/* Refuse the first `n` requests, in this order, so that all of it is there before it is seen. */
static void refuse_all(const size_t *order, size_t n)
{
	uint8_t message[REPLY_SIZE];
	size_t size = 0;

	for (size_t i = 0; i < n; i++) {
		const mqci_frame frame = {
			.type = MQCI_REPLY,
			.flags = MQCI_FRAME_NOT_EXECUTED,
			.cpu = MQCI_CPU_UNKNOWN,
			.session = session,
			.key = KEY,
			.call = calls[order[i]],
			.code = (uint64_t)(int64_t)MQC_UNAVAILABLE,
		};

		size += mqci_frame_encode(&frame, message + size);
		if (i + 1 < n && size + MQCI_FRAME_HEADER <= sizeof message)
			continue;
		ck_assert_int_eq(mqci_queue_send(&replies, message, size, 0), 1);
		size = 0;
	}
}

/* ------------------------------------------------------------- the client -- */

static mqc_client *client;

static void *welcome_one(void *data)
{
	(void)data;
	while (!mqci_queue_is_open(&replies)) {
		(void)serve();
		support_sleep_ms(1);
	}
	return NULL;
}

static void begin_with(mqc_client_options options)
{
	pthread_t thread;

	endpoint = support_endpoint();
	replies = MQCI_QUEUE_CLOSED;
	open_server();
	options.open_timeout_ms = options.timeout_ms = PATIENCE_MS;
	options.reply_messages = REPLIES;
	options.reply_size = REPLY_SIZE;
	ck_assert_int_eq(pthread_create(&thread, NULL, welcome_one, NULL), 0);
	support_ok(mqc_client_open(endpoint, &options, &client));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(n_calls, 0);
}

/* 0: with the library's thread; 1: without. */
static void begin(int own_loop)
{
	begin_with((mqc_client_options){.own_loop = own_loop == 1});
}

static void end(void)
{
	if (client != NULL)
		ck_assert_ptr_null(mqc_client_close(client));
	client = NULL;
	mqci_queue_close(&replies);
	close_server();
}

static mqc_pending *start_with(const mqc_call_options *options, int64_t number, mqc_ended ended,
			       void *data)
{
	mqc_pending *pending = NULL;

	support_ok(things_start(client, THINGS_COUNT, options, number, ended, data, &pending));
	ck_assert_ptr_nonnull(pending);
	return pending;
}

static mqc_pending *start(int64_t number)
{
	return start_with(NULL, number, NULL, NULL);
}

static int process(void)
{
	int count = mqc_client_process(client);

	ck_assert_msg(count >= 0, "%s", mqc_error_last()->text);
	return count;
}

/* Turn both, until as many requests have come. */
static void await_requests(size_t n)
{
	const int64_t end_of_patience = support_now_ms() + PATIENCE_MS;

	while (serve() < n) {
		(void)mqc_client_get_timeout(client);
		(void)process();
		ck_assert_int_lt(support_now_ms(), end_of_patience);
		support_sleep_ms(1);
	}
	ck_assert_uint_eq(n_calls, n);
}

/* Nothing comes, though both are turned for a while. */
static void no_more_requests(void)
{
	const size_t n = n_calls;

	for (int i = 0; i < 50; i++) {
		(void)mqc_client_get_timeout(client);
		(void)process();
		ck_assert_uint_eq(serve(), n);
		support_sleep_ms(1);
	}
}

/* Functions that are called leave their marks here. */
static struct {
	unsigned times;
	mqc_pending *pendings[MANY];
} called;

static void note(mqc_pending *pending, void *data)
{
	(void)data;
	ck_assert(mqc_pending_is_over(pending));
	ck_assert_uint_lt(called.times, MANY);
	called.pendings[called.times++] = pending;
}

static void must_not_be_called(mqc_pending *pending, void *data)
{
	(void)pending, (void)data;
	ck_abort_msg("the function of a call that was given up is called");
}

/* ----------------------------------------------------------------- states -- */

START_TEST(from_its_start_to_its_end)
{
	mqc_pending *pending;

	begin(_i);
	pending = start_with(NULL, 7, note, NULL);
	ck_assert(!mqc_pending_is_over(pending));
	await_requests(1);
	ck_assert_int_eq(numbers[0], 7);
	ck_assert_int_eq(process(), 0);
	ck_assert(!mqc_pending_is_over(pending));
	reply(0, MQC_OK, 0);
	/* Before anybody looks, nothing is known. */
	ck_assert(!mqc_pending_is_over(pending));
	ck_assert_uint_eq(called.times, 0);
	ck_assert_int_eq(process(), 1);
	ck_assert(mqc_pending_is_over(pending));
	ck_assert_uint_eq(called.times, 1);
	ck_assert_ptr_eq(called.pendings[0], pending);
	/* A second reply is nobody's. */
	reply(0, MQC_ABORTED, 0);
	ck_assert_int_eq(process(), 0);
	ck_assert_uint_eq(called.times, 1);
	ck_assert_int_eq(support_finish(pending), 7);
	end();
}
END_TEST

START_TEST(errors_are_kept)
{
	mqc_pending *pendings[3];

	begin(_i);
	for (int i = 0; i < 3; i++)
		pendings[i] = start(i);
	await_requests(3);
	reply(0, MQC_NOT_FOUND, 0);
	reply(1, MQC_UNIMPLEMENTED, MQCI_FRAME_NOT_EXECUTED);
	/* Its server died with it; it may not be made twice. */
	reply(2, MQC_UNAVAILABLE, MQCI_FRAME_LOST);
	ck_assert_int_eq(process(), 3);
	support_finish_fails(pendings[2], MQC_UNAVAILABLE, true);
	support_finish_fails(pendings[0], MQC_NOT_FOUND, true);
	support_finish_fails(pendings[1], MQC_UNIMPLEMENTED, false);
	end();
}
END_TEST

/* In the order in which they end, whatever that is; each once. */
START_TEST(functions_in_the_order_of_ends)
{
	static const size_t order[] = {3, 0, 4, 1, 2};
	mqc_pending *pendings[5];

	begin(_i);
	for (int i = 0; i < 5; i++)
		pendings[i] = start_with(NULL, i, note, NULL);
	await_requests(5);
	for (int i = 0; i < 5; i++)
		reply(order[i], MQC_OK, 0);
	ck_assert_int_eq(process(), 5);
	ck_assert_uint_eq(called.times, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_eq(called.pendings[i], pendings[order[i]]);
	ck_assert_int_eq(process(), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i);
	ck_assert_uint_eq(called.times, 5);
	end();
}
END_TEST

/* Who finishes a call before its function is called has it not called. */
START_TEST(finished_before)
{
	mqc_pending *pending;

	begin(_i);
	pending = start_with(NULL, 5, must_not_be_called, NULL);
	await_requests(1);
	reply(0, MQC_OK, 0);
	/* Waiting calls those of others, and of this one only what has ended before. */
	support_ok(mqci_waiters_drain(&client->waiters, 8) == 1 ? MQC_OK : MQC_INTERNAL);
	ck_assert_ptr_null(mqc_pending_drop(pending));
	ck_assert_int_eq(process(), 0);
	end();
}
END_TEST

START_TEST(closed_with_calls)
{
	mqc_pending *pendings[3];

	begin(_i);
	pendings[0] = start_with(NULL, 0, note, NULL);
	await_requests(1);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(process(), 1);
	pendings[1] = start_with(NULL, 1, must_not_be_called, NULL);
	await_requests(2);
	/* In its way: it never gets there. */
	while (mqci_queue_send(&filler, "", 0, 0) == 1)
		continue;
	pendings[2] = start_with(NULL, 2, must_not_be_called, NULL);
	ck_assert_ptr_null(mqc_client_close(client));
	client = NULL;
	for (int i = 0; i < 3; i++) {
		ck_assert(mqc_pending_is_over(pendings[i]));
		mqc_pending_cancel(pendings[i]);
	}
	support_finish_fails(pendings[2], MQC_CANCELLED, false);
	support_finish_fails(pendings[1], MQC_CANCELLED, true);
	ck_assert_int_eq(support_finish(pendings[0]), 0);
	end();
}
END_TEST

/* ------------------------------------------------------------------- again -- */

START_TEST(refused_and_made_again)
{
	mqc_pending *pending;

	begin(_i);
	pending = start_with(NULL, 9, note, NULL);
	await_requests(1);
	for (size_t i = 0; i < 4; i++) {
		refuse(i);
		await_requests(i + 2);
		ck_assert_int_eq(numbers[i + 1], 9);
		ck_assert_uint_ne(calls[i + 1], calls[i]);
		/* What comes for a try before is nothing to it. */
		reply(i, MQC_OK, 0);
		ck_assert_int_eq(process(), 0);
		ck_assert(!mqc_pending_is_over(pending));
		ck_assert_uint_eq(called.times, 0);
	}
	reply(4, MQC_OK, 0);
	ck_assert_int_eq(process(), 1);
	ck_assert_uint_eq(called.times, 1);
	ck_assert_int_eq(support_finish(pending), 9);
	end();
}
END_TEST

START_TEST(refused_until_its_time_is_over)
{
	const mqc_call_options brief = {.timeout_ms = 600};
	mqc_pending *pending;
	size_t answered = 0;

	begin(_i);
	pending = start_with(&brief, 1, note, NULL);
	while (!mqc_pending_is_over(pending)) {
		if (n_calls < sizeof calls / sizeof calls[0])
			(void)serve();
		while (answered < n_calls)
			refuse(answered++);
		(void)mqc_client_get_timeout(client);
		(void)process();
	}
	ck_assert_uint_eq(called.times, 1);
	support_finish_fails(pending, MQC_UNAVAILABLE, false);
	end();
}
END_TEST

/* A thread that makes calls, one after the other. */
struct caller {
	pthread_t thread;
	atomic_bool enough, done;
};

static void *make_calls(void *data)
{
	struct caller *caller = data;
	int64_t value;

	while (!atomic_load(&caller->enough))
		support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	atomic_store(&caller->done, true);
	return NULL;
}

/* Of one thread there is none. */
static bool is_there_a_line(void *n_callers)
{
	bool any;

	if (*(int *)n_callers == 1)
		return true;
	(void)pthread_mutex_lock(&client->waiters.lock);
	any = client->waiters.line != NULL;
	(void)pthread_mutex_unlock(&client->waiters.lock);
	return any;
}

/*
 * Answer others, while there is a line, until this one comes, which is not answered, and is then
 * the only one noted. Whoever looks after it may be slow: that takes as many others as it takes.
 */
static void serve_others(int64_t number, int n_callers)
{
	const int64_t end_of_patience = support_now_ms() + PATIENCE_MS;

	for (n_calls = 0;; n_calls = 0) {
		await_requests(1);
		if (numbers[0] == number)
			return;
		ck_assert_msg(support_now_ms() < end_of_patience, "it is never its turn");
		ck_assert(support_wait_for(is_there_a_line, &n_callers));
		reply(0, MQC_OK, 0);
	}
}

/* Threads that want the window all the time do not keep it from its turn, in line or not. */
START_TEST(made_again_though_there_is_a_line)
{
	struct caller callers[2] = {{0}};
	int n_callers = 1 + _i / 2, running = 1;
	mqc_pending *pending;
	size_t answered;

	begin_with((mqc_client_options){.own_loop = _i % 2 == 1, .window = 1});
	pending = start(9);
	await_requests(1);
	for (int i = 0; i < n_callers; i++)
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, make_calls, &callers[i]),
				 0);
	ck_assert(support_wait_for(is_there_a_line, &n_callers));
	refuse(0);
	serve_others(9, n_callers);
	for (int i = 0; i < n_callers; i++)
		atomic_store(&callers[i].enough, true);
	for (answered = 0; running > 0;) {
		if (answered < serve())
			reply(answered++, MQC_OK, 0);
		running = n_callers;
		for (int i = 0; i < n_callers; i++)
			running -= atomic_load(&callers[i].done);
	}
	for (int i = 0; i < n_callers; i++)
		ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
	ck_assert_int_eq(support_finish(pending), 9);
	end();
}
END_TEST

/* A call that was refused is to be made again, and another one has the whole window. */
static mqc_pending *begin_with_one_in_line(int own_loop)
{
	mqc_pending *pending;

	begin_with((mqc_client_options){.own_loop = own_loop == 1, .window = 1});
	pending = start(9);
	await_requests(1);
	refuse(0);
	ck_assert_int_eq(process(), 0);
	n_calls = 0;
	return pending;
}

/* Answer the first request, and whatever comes, until the thread has made its last call. */
static void end_caller(struct caller *caller)
{
	atomic_store(&caller->enough, true);
	do {
		for (size_t i = 0; i < n_calls; i++)
			reply(i, MQC_OK, 0);
		n_calls = 0;
		(void)process();
		(void)serve();
	} while (!atomic_load(&caller->done) || n_calls > 0);
	ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
}

/* Who looks after it seldom finds what was kept for it, unless others have got it meanwhile. */
START_TEST(made_again_by_who_seldom_looks)
{
	mqc_pending *pending = begin_with_one_in_line(_i);
	struct caller caller = {.enough = false};
	bool made = false;

	ck_assert_int_eq(pthread_create(&caller.thread, NULL, make_calls, &caller), 0);
	for (int i = 0; i < 100 && !made; i++) {
		for (n_calls = 0; serve() == 0;)
			support_sleep_ms(1);
		made = numbers[0] == 9;
		if (!made) {
			support_sleep_ms(5);
			(void)process();
			reply(0, MQC_OK, 0);
			support_sleep_ms(16);
			(void)process();
		}
	}
	ck_assert_msg(made, "it is never its turn");
	end_caller(&caller);
	ck_assert_int_eq(support_finish(pending), 9);
	end();
}
END_TEST

/* What was kept for a call that nobody wants any more is there for the next one. */
START_TEST(kept_for_nobody)
{
	mqc_pending *pending = begin_with_one_in_line(_i % 2), *other = start(1);

	await_requests(1);
	/* It is its turn next. */
	support_sleep_ms(5);
	ck_assert_int_eq(process(), 0);
	if (_i / 2 == 1)
		ck_assert_ptr_null(mqc_pending_drop(pending));
	reply(0, MQC_OK, 0);
	if (_i / 2 == 0) {
		mqc_pending_cancel(pending);
		ck_assert_int_eq(process(), 2);
		support_finish_fails(pending, MQC_CANCELLED, false);
	}
	ck_assert_int_eq(support_finish(other), 1);
	pending = start_with(&(mqc_call_options){.no_wait = true}, 2, NULL, NULL);
	await_requests(2);
	reply(1, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 2);
	end();
}
END_TEST

static void check_order(size_t first, const int64_t *expected, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(numbers[first + i], expected[i]);
}

/* They are refused in whatever order, and made again as they were started. */
START_TEST(made_again_in_their_order)
{
	mqc_pending *pendings[MANY];
	int64_t order[MANY];
	size_t refused[MANY];

	begin_with((mqc_client_options){.own_loop = _i % 2 == 1});
	for (int i = 0; i < MANY; i++) {
		pendings[i] = start(i);
		order[i] = i;
	}
	await_requests(MANY);
	check_order(0, order, MANY);
	for (size_t i = 0; i < MANY; i++)
		refused[i] = _i / 2 == 0 ? i : _i / 2 == 1 ? MANY - 1 - i : i * 7 % MANY;
	refuse_all(refused, MANY);
	await_requests((size_t)2 * MANY);
	check_order(MANY, order, MANY);
	for (size_t i = 0; i < MANY; i++) {
		reply(MANY + i, MQC_OK, 0);
		(void)process();
	}
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i);
	end();
}
END_TEST

/* Each priority is a line of its own. */
START_TEST(made_again_by_priority)
{
	const mqc_call_options urgent = {.priority = 9};
	mqc_pending *pendings[10];

	begin(_i);
	for (int i = 0; i < 10; i++)
		pendings[i] = start_with(i % 2 == 1 ? &urgent : NULL, i, NULL, NULL);
	await_requests(10);
	refuse_all((const size_t[]){9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 10);
	await_requests(20);
	for (size_t i = 10, next[2] = {0, 1}; i < 20; i++) {
		size_t *line = &next[numbers[i] % 2];

		ck_assert_int_eq(numbers[i], (int64_t)*line);
		*line += 2;
	}
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_null(mqc_pending_drop(pendings[i]));
	end();
}
END_TEST

static void stop_server(void)
{
	answer((mqci_frame){.type = MQCI_GOODBYE});
	close_server();
}

/* Through a restart: those that were under way, then those that were started meanwhile. */
START_TEST(a_new_session)
{
	mqc_pending *pendings[20];
	int64_t order[20];

	begin_with((mqc_client_options){
		.own_loop = _i % 2 == 1, .wait_for_server = true, .window = _i / 2 == 1 ? 3 : 64});
	for (int i = 0; i < 20; i++)
		order[i] = i;
	for (int i = 0; i < 3; i++)
		pendings[i] = start(i);
	await_requests(3);
	stop_server();
	(void)process();
	for (int i = 3; i < 20; i++)
		pendings[i] = start(i);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(process(), 0);
		ck_assert(!mqc_pending_is_over(pendings[i]));
	}
	open_server();
	for (size_t i = 0; i < 20; i++) {
		/* With a narrow window, they come as there is room for them. */
		while (serve() <= i) {
			(void)mqc_client_get_timeout(client);
			(void)process();
			support_sleep_ms(1);
		}
		reply(i, MQC_OK, 0);
		(void)process();
	}
	check_order(0, order, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i);
	end();
}
END_TEST

/* What was not sent is not sent to the next server by others: its call surely has not run. */
START_TEST(unsent_when_the_session_ends)
{
	struct caller caller = {.enough = false};
	mqc_pending *pending;

	begin_with((mqc_client_options){.own_loop = _i == 1, .wait_for_server = true});
	for (int i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(mqci_queue_send(&filler, "", 0, 31), 1);
	pending = start(7);
	close_server();
	open_server();
	/* It has the next session opened, and nobody sees to the other meanwhile. */
	ck_assert_int_eq(pthread_create(&caller.thread, NULL, make_calls, &caller), 0);
	while (serve() == 0)
		support_sleep_ms(1);
	support_sleep_ms(20);
	ck_assert_uint_eq(serve(), 1);
	ck_assert_int_eq(numbers[0], 1);
	atomic_store(&caller.enough, true);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(pthread_join(caller.thread, NULL), 0);
	await_requests(2);
	ck_assert_int_eq(numbers[1], 7);
	reply(1, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 7);
	end();
}
END_TEST

/* Nobody serves the endpoint, and nobody is waited for. */
START_TEST(no_new_session)
{
	mqc_pending *pendings[3];

	begin(_i);
	for (int i = 0; i < 2; i++)
		pendings[i] = start_with(NULL, i, note, NULL);
	await_requests(2);
	stop_server();
	support_ok(mqc_wait_all(pendings, 2, PATIENCE_MS));
	ck_assert_uint_eq(called.times, 2);
	pendings[2] = start(2);
	support_ok(mqc_wait_all(pendings, 3, PATIENCE_MS));
	for (int i = 0; i < 3; i++)
		support_finish_fails(pendings[i], MQC_UNAVAILABLE, false);
	open_server();
	end();
}
END_TEST

/* While nobody serves it, a loop seldom looks. */
START_TEST(not_all_the_time)
{
	unsigned turns = 0;
	mqc_pending *pending;
	struct pollfd ready;
	int64_t until;

	begin_with((mqc_client_options){.own_loop = _i == 1, .wait_for_server = true});
	ready = (struct pollfd){.fd = mqc_client_get_fd(client), .events = POLLIN};
	stop_server();
	(void)process();
	pending = start(3);
	until = support_now_ms() + 1000;
	while (support_now_ms() < until) {
		(void)poll(&ready, 1, mqc_client_get_timeout(client));
		ck_assert_int_eq(process(), 0);
		turns++;
	}
	ck_assert_uint_lt(turns, 100);
	open_server();
	await_requests(1);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 3);
	end();
}
END_TEST

/* --------------------------------------------------------------- giving up -- */

START_TEST(cancelled)
{
	mqc_pending *pendings[3];

	begin(_i);
	pendings[0] = start_with(NULL, 0, note, NULL);
	await_requests(1);
	/* This one's request stays with the client. */
	while (mqci_queue_send(&filler, "", 0, 0) == 1)
		continue;
	pendings[1] = start_with(NULL, 1, note, NULL);
	pendings[2] = start_with(NULL, 2, note, NULL);
	for (int i = 0; i < 2; i++) {
		mqc_pending_cancel(pendings[i]);
		mqc_pending_cancel(pendings[i]);
		ck_assert(!mqc_pending_is_over(pendings[i]));
	}
	ck_assert_int_eq(process(), 2);
	ck_assert_uint_eq(called.times, 2);
	support_finish_fails(pendings[0], MQC_CANCELLED, true);
	support_finish_fails(pendings[1], MQC_CANCELLED, false);
	await_requests(2);
	ck_assert_int_eq(numbers[1], 2);
	reply(1, MQC_OK, 0);
	ck_assert_int_eq(process(), 1);
	/* It is over: too late. */
	mqc_pending_cancel(pendings[2]);
	ck_assert_int_eq(process(), 0);
	ck_assert_int_eq(support_finish(pendings[2]), 2);
	end();
}
END_TEST

START_TEST(cancelled_when_made_again)
{
	mqc_call_options options = {0};
	mqc_pending *pendings[3];

	begin(_i);
	support_ok(mqc_cancel_new(&options.cancel));
	for (int i = 0; i < 3; i++)
		pendings[i] = start_with(i == 2 ? &options : NULL, i, note, NULL);
	await_requests(3);
	for (size_t i = 0; i < 3; i++)
		refuse(i);
	ck_assert_int_eq(process(), 0);
	mqc_pending_cancel(pendings[1]);
	mqc_cancel_request(options.cancel);
	ck_assert_int_eq(process(), 2);
	support_finish_fails(pendings[1], MQC_CANCELLED, false);
	support_finish_fails(pendings[2], MQC_CANCELLED, false);
	await_requests(4);
	ck_assert_int_eq(numbers[3], 0);
	reply(3, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pendings[0]), 0);
	mqc_cancel_free(options.cancel);
	end();
}
END_TEST

/* In each state; its place is somebody else's then. */
START_TEST(dropped)
{
	mqc_pending *pendings[4], *next;

	begin_with((mqc_client_options){.own_loop = _i == 1, .window = 4});
	for (int i = 0; i < 4; i++)
		pendings[i] = start_with(NULL, i, i == 0 ? note : must_not_be_called, NULL);
	await_requests(4);
	reply(0, MQC_OK, 0);
	refuse(1);
	ck_assert_int_eq(process(), 1);
	for (int i = 0; i < 4; i++)
		ck_assert_ptr_null(mqc_pending_drop(pendings[i]));
	ck_assert_ptr_null(mqc_pending_drop(NULL));
	no_more_requests();
	reply(2, MQC_OK, 0);
	reply(3, MQC_OK, 0);
	ck_assert_int_eq(process(), 0);
	for (size_t i = 4; i < 12; i++) {
		next = start((int64_t)i);
		await_requests(i + 1);
		reply(i, MQC_OK, 0);
		ck_assert_int_eq(support_finish(next), (int64_t)i);
	}
	end();
}
END_TEST

struct dropping {
	mqc_pending *ended, *under_way, *again;
	unsigned times;
};

static void drop_all(mqc_pending *pending, void *data)
{
	struct dropping *dropping = data;

	dropping->times++;
	ck_assert(mqc_pending_is_over(dropping->ended));
	ck_assert(!mqc_pending_is_over(dropping->under_way));
	ck_assert(!mqc_pending_is_over(dropping->again));
	ck_assert_ptr_null(mqc_pending_drop(dropping->ended));
	ck_assert_ptr_null(mqc_pending_drop(pending));
	ck_assert_ptr_null(mqc_pending_drop(dropping->under_way));
	ck_assert_ptr_null(mqc_pending_drop(dropping->again));
}

/* From within the function of a call: that one, and others in each state. */
START_TEST(dropped_inside)
{
	struct dropping dropping = {0};
	mqc_pending *last;

	begin(_i);
	(void)start_with(NULL, 0, drop_all, &dropping);
	dropping.ended = start_with(NULL, 1, must_not_be_called, NULL);
	dropping.under_way = start_with(NULL, 2, must_not_be_called, NULL);
	dropping.again = start_with(NULL, 3, must_not_be_called, NULL);
	last = start_with(NULL, 4, note, NULL);
	await_requests(5);
	refuse(3);
	reply(0, MQC_OK, 0);
	reply(1, MQC_OK, 0);
	reply(4, MQC_OK, 0);
	ck_assert_int_eq(process(), 3);
	ck_assert_uint_eq(dropping.times, 1);
	/* The list of the others is whole. */
	ck_assert_uint_eq(called.times, 1);
	ck_assert_ptr_eq(called.pendings[0], last);
	no_more_requests();
	ck_assert_int_eq(support_finish(last), 4);
	end();
}
END_TEST

static void finish_itself(mqc_pending *pending, void *data)
{
	int64_t *sum = data, value = 0;

	support_ok(things_finish(pending, &value));
	*sum += value;
}

static void process_inside(mqc_pending *pending, void *data)
{
	const int64_t *sum = data;
	const int64_t before = *sum;

	ck_assert_int_eq(process(), 0);
	/* Other functions wait for their turn. */
	ck_assert_int_eq(*sum, before);
	finish_itself(pending, data);
}

START_TEST(finished_inside)
{
	int64_t sum = 0;

	begin(_i);
	for (int i = 1; i <= 6; i++)
		(void)start_with(NULL, i, i % 2 == 0 ? process_inside : finish_itself, &sum);
	await_requests(6);
	for (size_t i = 0; i < 6; i++)
		reply(i, MQC_OK, 0);
	ck_assert_int_eq(process(), 6);
	ck_assert_int_eq(sum, 21);
	end();
}
END_TEST

/* ----------------------------------------------------------------- waiting -- */

START_TEST(waiting_for_any)
{
	mqc_pending *pendings[3];
	size_t index = 99;

	begin(_i);
	for (int i = 0; i < 3; i++)
		pendings[i] = start_with(NULL, i, i == 1 ? note : NULL, NULL);
	await_requests(3);
	support_fails(mqc_wait_any(pendings, 3, 0, &index), MQC_DEADLINE_EXCEEDED);
	support_fails(mqc_wait_any(pendings, 3, 20, &index), MQC_DEADLINE_EXCEEDED);
	ck_assert_uint_eq(index, 99);
	reply(1, MQC_OK, 0);
	support_ok(mqc_wait_any(pendings, 3, MQC_TIMEOUT_INFINITE, &index));
	ck_assert_uint_eq(index, 1);
	ck_assert_uint_eq(called.times, 1);
	/* The first of them, as they are given. */
	reply(0, MQC_OK, 0);
	support_ok(mqc_wait_any(pendings, 1, PATIENCE_MS, &index));
	ck_assert_uint_eq(index, 0);
	support_ok(mqc_wait_any(pendings + 1, 2, 0, &index));
	ck_assert_uint_eq(index, 0);
	ck_assert_ptr_null(mqc_pending_drop(pendings[2]));
	ck_assert_int_eq(support_finish(pendings[1]), 1);
	ck_assert_int_eq(support_finish(pendings[0]), 0);
	end();
}
END_TEST

static void *answer_by_and_by(void *data)
{
	size_t *n = data;

	for (size_t i = 0; i < *n; i++) {
		support_sleep_ms(3);
		/* The last one is not answered so, and has to be made again. */
		if (i == *n - 1)
			refuse(i);
		else
			reply(i, MQC_OK, 0);
	}
	while (serve() == *n)
		support_sleep_ms(1);
	reply(*n, MQC_OK, 0);
	return NULL;
}

START_TEST(waiting_for_all)
{
	size_t n = 6;
	mqc_pending *pendings[6];
	pthread_t thread;

	begin(_i);
	for (int i = 0; i < 6; i++)
		pendings[i] = start_with(NULL, i, note, NULL);
	await_requests(6);
	support_fails(mqc_wait_all(pendings, 6, 0), MQC_DEADLINE_EXCEEDED);
	support_fails(mqc_wait_all(pendings, 6, 20), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_by_and_by, &n), 0);
	support_ok(mqc_wait_all(pendings, 6, PATIENCE_MS));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 6; i++)
		ck_assert(mqc_pending_is_over(pendings[i]));
	ck_assert_uint_eq(called.times, 6);
	support_ok(mqc_wait_all(pendings, 6, 0));
	for (int i = 6; i-- > 0;)
		ck_assert_int_eq(support_finish(pendings[i]), i);
	end();
}
END_TEST

/* ----------------------------------------------------------------- no room -- */

static void fill(void)
{
	while (mqci_queue_send(&filler, "", 0, 31) == 1)
		continue;
}

/* By epoll: not ready while the queue is full, and ready when it is not. */
START_TEST(told_of_room)
{
	struct pollfd ready;
	mqc_pending *pending;

	begin(1);
	ready = (struct pollfd){.fd = mqc_client_get_fd(client), .events = POLLIN};
	fill();
	pending = start(8);
	for (int i = 0; i < 3; i++) {
		(void)mqc_client_get_timeout(client);
		ck_assert_int_eq(poll(&ready, 1, 0), 0);
		ck_assert_int_eq(process(), 0);
	}
	(void)mqc_client_get_timeout(client);
	(void)serve();
	ck_assert_int_eq(poll(&ready, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(process(), 0);
	ck_assert_uint_eq(serve(), 1);
	/* And never again of that. */
	(void)mqc_client_get_timeout(client);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 8);
	end();
}
END_TEST

/* Who has no descriptor is to come back soon. */
START_TEST(not_told_of_room)
{
	mqc_pending *pending;

	begin(1);
	fill();
	pending = start(8);
	for (int i = 0; i < 3; i++) {
		const int timeout = mqc_client_get_timeout(client);

		ck_assert_int_ge(timeout, 0);
		ck_assert_int_le(timeout, 10);
		ck_assert_int_eq(process(), 0);
	}
	(void)serve();
	await_requests(1);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 8);
	end();
}
END_TEST

static void *take_later(void *data)
{
	(void)data;
	support_sleep_ms(30);
	while (serve() == 0)
		support_sleep_ms(1);
	reply(0, MQC_OK, 0);
	return NULL;
}

START_TEST(waiting_without_room)
{
	mqc_pending *pending;
	pthread_t thread;

	begin(_i);
	fill();
	pending = start(8);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_later, NULL), 0);
	ck_assert_int_eq(support_finish(pending), 8);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	end();
}
END_TEST

/* ----------------------------------------------------------------- threads -- */

static void *start_brief(void *data)
{
	const mqc_call_options brief = {.timeout_ms = 50};
	mqc_pending **pending = data;

	support_ok(things_start(client, THINGS_COUNT, &brief, 1, note, NULL, pending));
	return NULL;
}

/* A loop that sleeps learns of calls that other threads start, whose time it has to see to. */
START_TEST(the_loop_is_woken)
{
	struct pollfd ready;
	mqc_pending *pending;
	pthread_t thread;

	begin(1);
	ready = (struct pollfd){.fd = mqc_client_get_fd(client), .events = POLLIN};
	ck_assert_int_eq(mqc_client_get_timeout(client), -1);
	ck_assert_int_eq(pthread_create(&thread, NULL, start_brief, &pending), 0);
	ck_assert_int_eq(poll(&ready, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	while (process() == 0)
		(void)poll(&ready, 1, mqc_client_get_timeout(client));
	ck_assert_uint_eq(called.times, 1);
	support_finish_fails(pending, MQC_DEADLINE_EXCEEDED, true);
	/* Those that it starts itself are nothing new to it. */
	(void)process();
	ck_assert_int_eq(mqc_client_get_timeout(client), -1);
	pending = start(2);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	ck_assert_ptr_null(mqc_pending_drop(pending));
	end();
}
END_TEST

/* A call that waits for a server, until it is cancelled. */
static void *call_once(void *cancel)
{
	const mqc_call_options options = {.cancel = cancel};
	Shapes__Number request;
	ProtobufCMessage *reply;

	shapes__number__init(&request);
	support_fails(mqc_client_call(client, &things_methods[THINGS_COUNT], &options,
				      &request.base, NULL, &reply),
		      MQC_CANCELLED);
	return NULL;
}

static bool is_connecting(void *unused)
{
	(void)unused;
	return atomic_load(&client->connecting);
}

/* What another thread receives while a third one opens a new session is the loop's to see to. */
START_TEST(the_loop_is_woken_for_what_others_receive)
{
	struct pollfd ready;
	mqc_cancel *cancel = NULL;
	mqc_pending *pending;
	pthread_t thread;

	begin_with((mqc_client_options){.own_loop = _i == 1, .wait_for_server = true});
	support_ok(mqc_cancel_new(&cancel));
	ready = (struct pollfd){.fd = mqc_client_get_fd(client), .events = POLLIN};
	pending = start_with(NULL, 1, note, NULL);
	await_requests(1);
	stop_server();
	ck_assert_int_eq(pthread_create(&thread, NULL, call_once, cancel), 0);
	ck_assert(support_wait_for(is_connecting, NULL));
	/* The loop sleeps, and is just about to be woken. */
	support_fails(things_call(client, THINGS_COUNT, 20, 1, NULL), MQC_UNAVAILABLE);
	ck_assert_int_eq(poll(&ready, 1, 0), 1);
	mqc_cancel_request(cancel);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqc_cancel_free(cancel);
	open_server();
	await_requests(1);
	reply(0, MQC_OK, 0);
	ck_assert_int_eq(support_finish(pending), 1);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pending");
	TCase *tests;

	tests = support_case(suite, "states");
	tcase_add_loop_test(tests, from_its_start_to_its_end, 0, 2);
	tcase_add_loop_test(tests, errors_are_kept, 0, 2);
	tcase_add_loop_test(tests, functions_in_the_order_of_ends, 0, 2);
	tcase_add_loop_test(tests, finished_before, 0, 2);
	tcase_add_loop_test(tests, closed_with_calls, 0, 2);

	tests = support_case(suite, "again");
	tcase_add_loop_test(tests, refused_and_made_again, 0, 2);
	tcase_add_loop_test(tests, refused_until_its_time_is_over, 0, 2);
	tcase_add_loop_test(tests, made_again_in_their_order, 0, 6);
	tcase_add_loop_test(tests, made_again_by_priority, 0, 2);
	tcase_add_loop_test(tests, made_again_though_there_is_a_line, 0, 4);
	tcase_add_loop_test(tests, made_again_by_who_seldom_looks, 0, 2);
	tcase_add_loop_test(tests, kept_for_nobody, 0, 4);
	tcase_add_loop_test(tests, a_new_session, 0, 4);
	tcase_add_loop_test(tests, unsent_when_the_session_ends, 0, 2);
	tcase_add_loop_test(tests, no_new_session, 0, 2);
	tcase_add_loop_test(tests, not_all_the_time, 0, 2);

	tests = support_case(suite, "giving up");
	tcase_add_loop_test(tests, cancelled, 0, 2);
	tcase_add_loop_test(tests, cancelled_when_made_again, 0, 2);
	tcase_add_loop_test(tests, dropped, 0, 2);
	tcase_add_loop_test(tests, dropped_inside, 0, 2);
	tcase_add_loop_test(tests, finished_inside, 0, 2);

	tests = support_case(suite, "waiting");
	tcase_add_loop_test(tests, waiting_for_any, 0, 2);
	tcase_add_loop_test(tests, waiting_for_all, 0, 2);

	tests = support_case(suite, "room");
	tcase_add_test(tests, told_of_room);
	tcase_add_test(tests, not_told_of_room);
	tcase_add_loop_test(tests, waiting_without_room, 0, 2);

	tests = support_case(suite, "threads");
	tcase_add_test(tests, the_loop_is_woken);
	tcase_add_loop_test(tests, the_loop_is_woken_for_what_others_receive, 0, 2);
	return support_run(suite);
}
