/*
 * test_loop.c - clients in the program's own loop: poll(), epoll, and an epoll in another.
 */
#include <mqcall/mqcall.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "things.h"

#define PATIENCE_MS 60000

/* ------------------------------------------------------------- the loops -- */

enum {
	BY_POLL,
	BY_EPOLL,
	BY_NESTED_EPOLL, /* the client is in an epoll instance that is in another */
	LOOPS,
	/* Of each, with a thread of the library's for the client, and without. */
	KINDS = 2 * LOOPS
};

/* What a program waits for: a client, and some descriptors of its own. */
struct loop {
	int kind;
	mqc_client *client;
	int own[2];
	size_t n_own;
	int epoll, inner;
};

static void watch(int epoll, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), 0);
}

static void loop_open(struct loop *loop, int kind, const char *endpoint, mqc_client_options options)
{
	int descriptor;

	*loop = (struct loop){.kind = kind % LOOPS, .epoll = -1, .inner = -1};
	options.own_loop = kind >= LOOPS;
	options.open_timeout_ms = PATIENCE_MS;
	if (options.timeout_ms == 0)
		options.timeout_ms = PATIENCE_MS;
	support_ok(mqc_client_open(endpoint, &options, &loop->client));
	descriptor = mqc_client_get_fd(loop->client);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(mqc_client_get_events(loop->client), POLLIN);
	if (loop->kind == BY_POLL)
		return;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(loop->epoll, 0);
	if (loop->kind == BY_EPOLL) {
		watch(loop->epoll, descriptor);
		return;
	}
	loop->inner = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(loop->inner, 0);
	watch(loop->inner, descriptor);
	watch(loop->epoll, loop->inner);
}

static void loop_add(struct loop *loop, int descriptor)
{
	loop->own[loop->n_own++] = descriptor;
	if (loop->epoll >= 0)
		watch(loop->epoll, descriptor);
}

static void loop_close(struct loop *loop)
{
	ck_assert_ptr_null(mqc_client_close(loop->client));
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	if (loop->inner >= 0)
		(void)close(loop->inner);
}

/* Wait so long at most: how many of those waited for are ready. */
static int loop_wait(const struct loop *loop, int timeout_ms)
{
	struct pollfd ready[3] = {{.fd = mqc_client_get_fd(loop->client),
				   .events = mqc_client_get_events(loop->client)}};
	struct epoll_event events[3];
	int n;

	for (size_t i = 0; i < loop->n_own; i++)
		ready[1 + i] = (struct pollfd){.fd = loop->own[i], .events = POLLIN};
	do
		n = loop->kind == BY_POLL ? poll(ready, 1 + loop->n_own, timeout_ms)
					  : epoll_wait(loop->epoll, events, 3, timeout_ms);
	while (n < 0 && errno == EINTR);
	ck_assert_int_ge(n, 0);
	return n;
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* A turn of the loop: how many calls have ended. */
static int turn(const struct loop *loop)
{
	int count;

	(void)loop_wait(loop, sooner(mqc_client_get_timeout(loop->client), PATIENCE_MS));
	count = mqc_client_process(loop->client);
	ck_assert_msg(count >= 0, "%s", mqc_error_last()->text);
	return count;
}

/* Until it has ended. */
static void turn_until(const struct loop *loop, const mqc_pending *pending)
{
	const int64_t end = support_now_ms() + PATIENCE_MS;

	while (!mqc_pending_is_over(pending)) {
		(void)turn(loop);
		ck_assert_int_lt(support_now_ms(), end);
	}
}

/* Nothing is ready, and nothing is to be done, for 300 ms. */
static void check_idle(const struct loop *loop)
{
	ck_assert_int_eq(mqc_client_get_timeout(loop->client), -1);
	ck_assert_int_eq(loop_wait(loop, 300), 0);
}

static mqc_pending *start(const struct loop *loop, int method, int64_t value)
{
	mqc_pending *pending = NULL;

	support_ok(things_start(loop->client, method, NULL, value, NULL, NULL, &pending));
	return pending;
}

/* ---------------------------------------------------------- the descriptor -- */

START_TEST(never_ready_while_idle)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct loop loop;
	mqc_pending *pendings[50];
	mqc_client *other;
	int64_t sum = 0;
	int descriptor;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	descriptor = mqc_client_get_fd(loop.client);
	check_idle(&loop);
	ck_assert_int_eq(mqc_client_process(loop.client), 0);
	for (int i = 0; i < 50; i++)
		pendings[i] = start(&loop, THINGS_COUNT, 1);
	for (int i = 0; i < 50; i++)
		turn_until(&loop, pendings[i]);
	check_idle(&loop);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	check_idle(&loop);
	support_ok(things_add(loop.client, 1, 2, &sum));
	check_idle(&loop);
	peer_freeze(&server);
	support_fails(things_call(loop.client, THINGS_COUNT, 20, 1, NULL), MQC_DEADLINE_EXCEEDED);
	peer_thaw(&server);
	/* Its reply comes all the same, before that to another, and is to be taken. */
	other = support_client(endpoint, 2);
	support_ok(things_add(other, 1, 2, &sum));
	mqc_client_close(other);
	while (loop_wait(&loop, 0) > 0)
		ck_assert_int_ge(mqc_client_process(loop.client), 0);
	check_idle(&loop);
	ck_assert_int_eq(mqc_client_get_fd(loop.client), descriptor);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

/* Until what it is ready for has been seen to; and one call's wait sees to others, too. */
START_TEST(level_triggered)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct loop loop;
	mqc_pending *pending, *other;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	pending = start(&loop, THINGS_COUNT, 1);
	ck_assert_int_eq(loop_wait(&loop, PATIENCE_MS), 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(loop_wait(&loop, 0), 1);
	ck_assert(!mqc_pending_is_over(pending));
	ck_assert_int_eq(mqc_client_process(loop.client), 1);
	ck_assert(mqc_pending_is_over(pending));
	check_idle(&loop);
	ck_assert_int_eq(support_finish(pending), 1);
	/* What was seen to by a thread that waited for something else: the loop is told. */
	pending = start(&loop, THINGS_COUNT, 1);
	other = start(&loop, THINGS_COUNT, 1);
	ck_assert_int_eq(support_finish(other), 3);
	while (!mqc_pending_is_over(pending) || loop_wait(&loop, 0) > 0)
		(void)turn(&loop);
	ck_assert_int_eq(support_finish(pending), 2);
	check_idle(&loop);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

static void *start_in_thread(void *client)
{
	int64_t value;

	for (int i = 0; i < 300; i++) {
		mqc_pending *pending;

		value = -1;
		if (things_start(client, THINGS_CODE, NULL, 0, NULL, NULL, &pending) < 0 ||
		    things_finish(pending, &value) < 0 || value != 0)
			abort();
	}
	return NULL;
}

static void *call_in_thread(void *client)
{
	int64_t sum = 0;

	for (int i = 0; i < 200; i++)
		if (things_add(client, i, 1, &sum) < 0 || sum != i + 1)
			abort();
	return NULL;
}

/* Calls that other threads wait for, meanwhile: none is lost to either. */
START_TEST(beside_threads_that_wait)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct loop loop;
	pthread_t threads[2];

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i == 0 ? call_in_thread : start_in_thread,
						loop.client),
				 0);
	for (int i = 0; i < 200; i++) {
		mqc_pending *pending = start(&loop, THINGS_CODE, 0);

		turn_until(&loop, pending);
		ck_assert_int_eq(support_finish(pending), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	(void)mqc_client_process(loop.client);
	check_idle(&loop);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

/* ---------------------------------------------------------- a whole program -- */

struct program {
	struct loop loop;
	unsigned ended, wanted, started;
	unsigned ticks;
	char read[64];
	size_t n_read;
};

static void go_on(mqc_pending *pending, void *data);

static void start_next(struct program *program)
{
	mqc_pending *pending;

	if (program->started == program->wanted)
		return;
	program->started++;
	support_ok(things_start(program->loop.client, THINGS_COUNT, NULL, 1, go_on, program,
				&pending));
}

static void go_on(mqc_pending *pending, void *data)
{
	struct program *program = data;

	ck_assert_int_gt(support_finish(pending), 0);
	program->ended++;
	start_next(program);
}

/* The program's own descriptors: a timer, and a pipe with a letter now and then. */
static void see_to_others(struct program *program, const int *timer, const int *input)
{
	uint64_t expirations;

	if (read(*timer, &expirations, sizeof expirations) == (ssize_t)sizeof expirations)
		program->ticks++;
	if (program->n_read < sizeof program->read &&
	    read(*input, &program->read[program->n_read], 1) == 1)
		program->n_read++;
}

START_TEST(calls_a_timer_and_a_pipe)
{
	const struct itimerspec often = {.it_interval.tv_nsec = 2000000,
					 .it_value.tv_nsec = 2000000};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct program program = {.wanted = 2000};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), input[2];
	unsigned written = 0;

	loop_open(&program.loop, _i, endpoint, (mqc_client_options){.window = 128});
	ck_assert_int_ge(timer, 0);
	ck_assert_int_eq(timerfd_settime(timer, 0, &often, NULL), 0);
	ck_assert_int_eq(pipe2(input, O_CLOEXEC | O_NONBLOCK), 0);
	loop_add(&program.loop, timer);
	loop_add(&program.loop, input[0]);
	for (int i = 0; i < 100; i++)
		start_next(&program);
	while (program.ended < program.wanted || program.n_read < 20 || program.ticks < 10) {
		if (written < 20 && program.ended >= written * 90) {
			ck_assert_int_eq(write(input[1], &"abcdefghijklmnopqrst"[written], 1), 1);
			written++;
		}
		(void)turn(&program.loop);
		see_to_others(&program, &timer, &input[0]);
	}
	ck_assert_int_eq(memcmp(program.read, "abcdefghijklmnopqrst", 20), 0);
	ck_assert_uint_eq(program.ended, 2000);
	(void)close(timer);
	(void)close(input[0]);
	(void)close(input[1]);
	loop_close(&program.loop);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------------- what goes wrong -- */

START_TEST(time_limits)
{
	const mqc_call_options brief = {.timeout_ms = 80}, longer = {.timeout_ms = 240};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	const int64_t begun = support_now_ms();
	mqc_pending *pendings[2];
	struct loop loop;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	peer_freeze(&server);
	support_ok(things_start(loop.client, THINGS_COUNT, &longer, 1, NULL, NULL, &pendings[0]));
	support_ok(things_start(loop.client, THINGS_COUNT, &brief, 1, NULL, NULL, &pendings[1]));
	turn_until(&loop, pendings[1]);
	/* In this order: is the other one over, too? */
	if (mqc_pending_is_over(pendings[0]))
		ck_assert_int_ge(support_now_ms() - begun, 240);
	ck_assert_int_ge(support_now_ms() - begun, 80);
	turn_until(&loop, pendings[0]);
	ck_assert_int_ge(support_now_ms() - begun, 240);
	for (int i = 0; i < 2; i++)
		support_fails(things_finish(pendings[i], NULL), MQC_DEADLINE_EXCEEDED);
	peer_thaw(&server);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

/* It wakes the loop, of whatever thread. */
static void *cancel_later(void *pending)
{
	support_sleep_ms(50);
	mqc_pending_cancel(pending);
	return NULL;
}

START_TEST(cancelled_by_another_thread)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_pending *pending;
	pthread_t thread;
	struct loop loop;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	pending = start(&loop, THINGS_UNTIL, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, pending), 0);
	turn_until(&loop, pending);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	support_fails(things_finish(pending, NULL), MQC_CANCELLED);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

START_TEST(a_killed_server)
{
	enum {
		N = 3
	};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "threads=3 tells");
	mqc_pending *pendings[N];
	struct loop loop;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	for (int i = 0; i < N; i++)
		pendings[i] = start(&loop, THINGS_UNTIL, 0);
	support_ok(mqc_client_flush(loop.client));
	peer_await_begun(&server, N);
	peer_kill(&server);
	/* Long before their time is over, or that of the loop. */
	for (int i = 0; i < N; i++)
		turn_until(&loop, pendings[i]);
	for (int i = 0; i < N; i++) {
		support_fails(things_finish(pendings[i], NULL), MQC_UNAVAILABLE);
		ck_assert(mqc_error_last()->maybe_executed);
	}
	loop_close(&loop);
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
}
END_TEST

static bool has_ended(const struct peer *server)
{
	siginfo_t info = {0};

	ck_assert_int_eq(waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == server->pid;
}

/* One that comes back, several times, and whose descriptor is the same. */
START_TEST(a_server_that_is_restarted)
{
	enum {
		N = 60
	};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_pending *pendings[N];
	struct loop loop;
	int descriptor;

	loop_open(&loop, _i, endpoint, (mqc_client_options){.wait_for_server = true});
	descriptor = mqc_client_get_fd(loop.client);
	for (int restarts = 0; restarts < 3; restarts++) {
		for (int i = 0; i < N; i++)
			pendings[i] = start(&loop, THINGS_WAIT, 1);
		ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
		while (!has_ended(&server)) {
			(void)loop_wait(&loop, sooner(mqc_client_get_timeout(loop.client), 5));
			ck_assert_int_ge(mqc_client_process(loop.client), 0);
		}
		ck_assert_int_eq(peer_wait(&server), 0);
		for (int i = 0; i < 10; i++) {
			(void)loop_wait(&loop, sooner(mqc_client_get_timeout(loop.client), 5));
			ck_assert_int_ge(mqc_client_process(loop.client), 0);
		}
		server = peer_start(endpoint, "signals");
		for (int i = 0; i < N; i++) {
			turn_until(&loop, pendings[i]);
			ck_assert_int_eq(support_finish(pendings[i]), 1);
		}
		ck_assert_int_eq(mqc_client_get_fd(loop.client), descriptor);
	}
	check_idle(&loop);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

/* Requests that find no room go when there is some: the loop learns of it. */
START_TEST(a_server_that_is_busy)
{
	enum {
		N = 300
	};
	static mqc_pending *pendings[N];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals messages=2");
	struct loop loop;

	loop_open(&loop, _i, endpoint, (mqc_client_options){.window = N});
	peer_freeze(&server);
	for (int i = 0; i < N; i++)
		pendings[i] = start(&loop, THINGS_COUNT, 1);
	for (int i = 0; i < 5; i++) {
		(void)loop_wait(&loop, sooner(mqc_client_get_timeout(loop.client), 10));
		ck_assert_int_eq(mqc_client_process(loop.client), 0);
	}
	peer_thaw(&server);
	for (int i = 0; i < N; i++) {
		turn_until(&loop, pendings[i]);
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	}
	check_idle(&loop);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------ functions, in a loop -- */

struct inside {
	struct loop *loop;
	unsigned called, others;
	bool closed;
};

static void note(mqc_pending *pending, void *data)
{
	struct inside *inside = data;

	inside->others++;
	(void)mqc_pending_drop(pending);
}

/* It turns the loop itself, and waits: no other function is called meanwhile. */
static void turn_inside(mqc_pending *pending, void *data)
{
	struct inside *inside = data;
	const unsigned others = inside->others;
	mqc_pending *more;

	inside->called++;
	support_ok(things_finish(pending, NULL));
	more = start(inside->loop, THINGS_COUNT, 1);
	while (!mqc_pending_is_over(more)) {
		ck_assert_int_ge(mqc_client_get_timeout(inside->loop->client), -1);
		ck_assert_int_ge(mqc_client_process(inside->loop->client), 0);
	}
	(void)support_finish(more);
	ck_assert_uint_eq(inside->others, others);
}

START_TEST(functions_turn_the_loop)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct loop loop;
	struct inside inside = {.loop = &loop};
	mqc_pending *pending;

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	for (int i = 0; i < 20; i++)
		support_ok(things_start(loop.client, THINGS_COUNT, NULL, 1,
					i % 4 == 1 ? turn_inside : note, &inside, &pending));
	while (inside.called + inside.others < 20)
		(void)turn(&loop);
	ck_assert_uint_eq(inside.called, 5);
	check_idle(&loop);
	loop_close(&loop);
	peer_stop(&server);
}
END_TEST

static void close_inside(mqc_pending *pending, void *data)
{
	struct inside *inside = data;

	inside->called++;
	mqc_pending_drop(pending);
	ck_assert_ptr_null(mqc_client_close(inside->loop->client));
	inside->closed = true;
}

/* The turn in which the client is closed is its last one. */
START_TEST(functions_close_the_client)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct loop loop;
	struct inside inside = {.loop = &loop};
	mqc_pending *first, *others[10];

	loop_open(&loop, _i, endpoint, (mqc_client_options){0});
	support_ok(things_start(loop.client, THINGS_COUNT, NULL, 1, close_inside, &inside, &first));
	for (int i = 0; i < 10; i++)
		others[i] = start(&loop, THINGS_COUNT, 1);
	while (!inside.closed) {
		(void)loop_wait(&loop, sooner(mqc_client_get_timeout(loop.client), PATIENCE_MS));
		(void)mqc_client_process(loop.client);
	}
	ck_assert_uint_eq(inside.called, 1);
	for (int i = 0; i < 10; i++)
		if (things_finish(others[i], NULL) < 0)
			ck_assert_int_eq(mqc_error_last()->status, MQC_CANCELLED);
	if (loop.epoll >= 0)
		(void)close(loop.epoll);
	if (loop.inner >= 0)
		(void)close(loop.inner);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tests;

	tests = support_case(suite, "descriptor");
	tcase_add_loop_test(tests, never_ready_while_idle, 0, KINDS);
	tcase_add_loop_test(tests, level_triggered, 0, KINDS);
	tcase_add_loop_test(tests, beside_threads_that_wait, 0, KINDS);

	tests = support_case(suite, "program");
	tcase_add_loop_test(tests, calls_a_timer_and_a_pipe, 0, KINDS);

	tests = support_case(suite, "trouble");
	tcase_add_loop_test(tests, time_limits, 0, KINDS);
	tcase_add_loop_test(tests, cancelled_by_another_thread, 0, KINDS);
	tcase_add_loop_test(tests, a_killed_server, 0, KINDS);
	tcase_add_loop_test(tests, a_server_that_is_restarted, 0, KINDS);
	tcase_add_loop_test(tests, a_server_that_is_busy, 0, KINDS);

	tests = support_case(suite, "functions");
	tcase_add_loop_test(tests, functions_turn_the_loop, 0, KINDS);
	tcase_add_loop_test(tests, functions_close_the_client, 0, KINDS);
	return support_run(suite);
}
