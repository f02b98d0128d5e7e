/*
 * test_order.c - order under pressure: urgent calls first, nobody starved, overload told.
 *
 * Servers are processes of their own, so that nothing in this one can be in the
 * way; calls of several threads keep their queue from ever being empty.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

enum {
	FLOODERS = 12,
	FLOOD_MS = 10,     /* what each of their calls takes */
	SERVED_MS = 15000, /* for a call that must be served, and one that must not */
	STARVED_MS = 1000
};

static const char *endpoint;
static atomic_bool flooding;
static atomic_int flooded;

/* A method of the service at another priority than in its table. */
static int call_at(mqc_client *client, int method, uint8_t priority, int timeout_ms, int64_t value)
{
	const mqc_call_options options = {.timeout_ms = timeout_ms};
	mqc_method urgent = things_methods[method];
	Shapes__Number request;
	ProtobufCMessage *reply;
	int r;

	urgent.priority = priority;
	shapes__number__init(&request);
	request.value = value;
	r = mqc_client_call(client, &urgent, &options, &request.base, NULL, &reply);
	if (r == MQC_OK)
		protobuf_c_message_free_unpacked(reply, NULL);
	return r;
}

/* Calls at the highest priority, one after another, each of which takes a while. */
static void *flood(void *unused)
{
	mqc_client *client = support_client(endpoint, 2);

	while (atomic_load(&flooding)) {
		support_ok(call_at(client, THINGS_WAIT, 31, 60000, FLOOD_MS));
		atomic_fetch_add(&flooded, 1);
	}
	mqc_client_close(client);
	return unused;
}

static void begin_flood(pthread_t threads[FLOODERS])
{
	atomic_store(&flooding, true);
	atomic_store(&flooded, 0);
	for (int i = 0; i < FLOODERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flood, NULL), 0);
	while (atomic_load(&flooded) < 2 * FLOODERS)
		support_sleep_ms(1);
}

static void end_flood(pthread_t threads[FLOODERS])
{
	atomic_store(&flooding, false);
	for (int i = 0; i < FLOODERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* What a call of the lowest priority takes meanwhile, in ms; or the limit if it is not served. */
static int64_t time_lowest(const char *options, int limit_ms)
{
	pthread_t threads[FLOODERS];
	struct peer server;
	mqc_client *client;
	int64_t took;
	int r;

	endpoint = support_endpoint();
	server = peer_start(endpoint, options);
	client = support_client(endpoint, 2);
	begin_flood(threads);
	took = support_now_ms();
	r = call_at(client, THINGS_COUNT, 0, limit_ms, 1);
	took = support_now_ms() - took;
	end_flood(threads);
	if (r != MQC_DEADLINE_EXCEEDED)
		support_ok(r);
	mqc_client_close(client);
	peer_stop(&server);
	return r == MQC_OK ? took : limit_ms;
}

START_TEST(with_aging_nobody_starves)
{
	int64_t took = time_lowest("signals messages=10 aging=5", SERVED_MS);

	printf("a call of priority 0 under an endless stream of priority 31: %d ms\n", (int)took);
	/* 31 priorities at 5 ms, those that are ahead then, and what a slow machine adds. */
	ck_assert_int_lt(took, SERVED_MS);
}
END_TEST

/* On a machine with other things to do, the flood may run dry for a moment. */
START_TEST(without_aging_one_does)
{
	int64_t took = 0;

	for (int i = 0; i < 20 && took < STARVED_MS; i++)
		took = time_lowest("signals messages=10 aging=-1", STARVED_MS);
	ck_assert_int_ge(took, STARVED_MS);
}
END_TEST

/* Like flood(), but nobody waits: as many as the queue takes, of method *method. */
static void *pour(void *method)
{
	mqc_client *client = support_client(endpoint, 2);
	const mqc_call_options options = {.timeout_ms = 60000};
	mqc_method urgent = things_methods[*(int *)method];
	Shapes__Number request;
	ProtobufCMessage *reply;

	urgent.priority = 31;
	urgent.flags |= MQC_METHOD_ONEWAY;
	shapes__number__init(&request);
	request.value = 1;
	while (atomic_load(&flooding)) {
		support_ok(mqc_client_call(client, &urgent, &options, &request.base, NULL, &reply));
		protobuf_c_message_free_unpacked(reply, NULL);
		atomic_fetch_add(&flooded, 1);
	}
	mqc_client_close(client);
	return NULL;
}

static void begin_deluge(pthread_t threads[4], int *method)
{
	atomic_store(&flooding, true);
	atomic_store(&flooded, 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pour, method), 0);
	while (atomic_load(&flooded) < 700)
		support_sleep_ms(1);
}

static void end_deluge(pthread_t threads[4])
{
	atomic_store(&flooding, false);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* One client's calls, as many at a time as its window is wide, for as long as flooding. */
static void *call_on(void *client)
{
	while (atomic_load(&flooding)) {
		support_ok(call_at(client, THINGS_WAIT, 31, 60000, 1));
		atomic_fetch_add(&flooded, 1);
	}
	return NULL;
}

/* More urgent calls wait than a server has room for: others get their turn even so. */
START_TEST(nobody_starves_behind_what_has_no_room)
{
	enum {
		CLIENTS = 10,
		THREADS = 64
	};
	pthread_t threads[CLIENTS * THREADS];
	mqc_client *clients[CLIENTS], *client;
	struct peer server;
	int64_t took;
	int r;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=10 aging=2");
	client = support_client(endpoint, 2);
	atomic_store(&flooding, true);
	atomic_store(&flooded, 0);
	for (int i = 0; i < CLIENTS; i++)
		support_ok(mqc_client_open(endpoint, NULL, &clients[i]));
	for (int i = 0; i < CLIENTS * THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_on, clients[i % CLIENTS]),
				 0);
	while (atomic_load(&flooded) < CLIENTS * THREADS)
		support_sleep_ms(1);
	took = support_now_ms();
	r = call_at(client, THINGS_COUNT, 0, 2 * SERVED_MS, 1);
	took = support_now_ms() - took;
	atomic_store(&flooding, false);
	for (int i = 0; i < CLIENTS * THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	support_ok(r);
	printf("a call of priority 0 while more wait than there is room for: %d ms\n", (int)took);
	for (int i = 0; i < CLIENTS; i++)
		mqc_client_close(clients[i]);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

static bool is_served(void *client)
{
	return things_call(client, THINGS_COUNT, 0, 0, NULL) == MQC_OK;
}

/* Refusing what is too much is not all that a server does. */
START_TEST(an_overloaded_server_serves)
{
	int method = THINGS_COUNT, poured;
	pthread_t threads[4];
	struct peer server;
	mqc_client *client;
	int64_t count = 0;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=10 waiting=4");
	client = support_client(endpoint, 2);
	begin_deluge(threads, &method);
	support_sleep_ms(2000);
	poured = atomic_load(&flooded);
	end_deluge(threads);
	/* While those that were poured last wait, it is one too many itself. */
	ck_assert(support_wait_for(is_served, client));
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	printf("of %d calls too many, %d were served\n", poured, (int)count);
	ck_assert_int_gt(count, poured / 50);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------------------ overload -- */

struct calling {
	pthread_t thread;
	mqc_client *client;
	uint8_t priority;
	int result;
};

static void *call_once(void *data)
{
	struct calling *calling = data;

	calling->result = call_at(calling->client, THINGS_COUNT, calling->priority, 60000, 1);
	if (calling->result < 0) {
		ck_assert(!mqc_error_last()->maybe_executed);
		support_error_has("overloaded");
	}
	return NULL;
}

/* Also while all workers are stuck. */
START_TEST(beyond_the_limit_calls_are_refused)
{
	mqc_pending *held, *pendings[8];
	mqc_client *clients[8], *client;
	struct peer server;
	int64_t count = 0;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=10 waiting=5 tells");
	client = support_client(endpoint, 2);
	support_ok(things_start(client, THINGS_UNTIL, NULL, 0, NULL, NULL, &held));
	peer_await_begun(&server, 1);
	for (int i = 0; i < 8; i++) {
		const mqc_call_options options = {.priority = i == 7 ? 31 : 0};

		clients[i] = support_client(endpoint, 2);
		support_ok(things_start(clients[i], THINGS_COUNT, &options, 1, NULL, NULL,
					&pendings[i]));
		support_ok(mqc_client_flush(clients[i]));
	}
	/* The last ones of the least urgent are refused, at once. */
	for (int i = 4; i < 7; i++) {
		support_finish_fails(pendings[i], MQC_RESOURCE_EXHAUSTED, false);
		support_error_has("overloaded");
	}
	ck_assert(!mqc_pending_is_over(held));
	mqc_pending_cancel(held);
	support_finish_fails(held, MQC_CANCELLED, true);
	for (int i = 0; i < 8; i++)
		if (i < 4 || i == 7)
			(void)support_finish(pendings[i]);
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 5);
	for (int i = 0; i < 8; i++)
		mqc_client_close(clients[i]);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* The only worker is busy for longer than the server lives. */
static mqc_pending *hold_up(mqc_client *client, const struct peer *server)
{
	mqc_pending *held;

	support_ok(things_start(client, THINGS_WAIT, NULL, 5000, NULL, NULL, &held));
	peer_await_begun(server, 1);
	return held;
}

/* Requests that wait in a server's memory when it is stopped, or killed, are not lost. */
static void leave_with_waiting(bool killed)
{
	struct calling calling[5];
	struct peer server, next;
	mqc_client *client;
	mqc_pending *held;
	int64_t count = 0;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=10 waiting=50 tells");
	client = support_client(endpoint, 2);
	for (int i = 0; i < 5; i++)
		calling[i] = (struct calling){.client = support_client(endpoint, 2), .priority = 3};
	held = hold_up(client, &server);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(pthread_create(&calling[i].thread, NULL, call_once, &calling[i]),
				 0);
	support_sleep_ms(200);
	next = peer_start(endpoint, "signals messages=10 waiting=50");
	if (killed)
		peer_kill(&server);
	else
		peer_stop(&server);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(pthread_join(calling[i].thread, NULL), 0);
		support_ok(calling[i].result);
	}
	if (killed)
		support_finish_fails(held, MQC_UNAVAILABLE, true);
	else
		(void)support_finish(held);
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 5);
	for (int i = 0; i < 5; i++)
		mqc_client_close(calling[i].client);
	mqc_client_close(client);
	peer_stop(&next);
}

START_TEST(requests_that_wait_outlive_a_stop)
{
	leave_with_waiting(false);
}
END_TEST

START_TEST(requests_that_wait_outlive_a_kill)
{
	leave_with_waiting(true);
}
END_TEST

enum {
	CALLS = 100
};

static bool have_been_counted(void *client)
{
	int64_t count = 0;

	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_le(count, CALLS);
	return count == CALLS;
}

/* One-way ones, too, of which nobody would hear that they were lost. */
START_TEST(oneway_requests_that_wait_outlive_a_stop)
{
	mqc_method note = things_methods[THINGS_NOTE];
	Shapes__Number request;
	ProtobufCMessage *reply;
	struct peer server, next;
	mqc_client *client;
	mqc_pending *held;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals messages=10 waiting=500 tells");
	client = support_client(endpoint, 2);
	held = hold_up(client, &server);
	shapes__number__init(&request);
	request.value = 1;
	for (int i = 0; i < CALLS; i++) {
		support_ok(mqc_client_call(client, &note, NULL, &request.base, NULL, &reply));
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	next = peer_start(endpoint, "signals messages=10 waiting=500");
	peer_stop(&server);
	(void)support_finish(held);
	ck_assert(support_wait_for(have_been_counted, client));
	mqc_client_close(client);
	peer_stop(&next);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("order");
	TCase *tests = support_case(suite, "order");

	tcase_add_test(tests, with_aging_nobody_starves);
	tcase_add_test(tests, without_aging_one_does);
	tcase_add_test(tests, nobody_starves_behind_what_has_no_room);
	tcase_add_test(tests, an_overloaded_server_serves);
	tcase_add_test(tests, beyond_the_limit_calls_are_refused);
	tcase_add_test(tests, requests_that_wait_outlive_a_stop);
	tcase_add_test(tests, requests_that_wait_outlive_a_kill);
	tcase_add_test(tests, oneway_requests_that_wait_outlive_a_stop);
	return support_run(suite);
}
