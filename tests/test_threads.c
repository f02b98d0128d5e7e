/*
 * test_threads.c - many threads, clients and servers at once: everybody gets his own answer.
 */
#include <mqcall/mqcall.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "things.h"

#define THREADS 8

struct caller {
	pthread_t thread;
	mqc_client *client;
	unsigned seed;
	int calls;
	int answered;
	int late;
};

/* One call out of several kinds, with an answer that only this one can have. */
static void call_once(struct caller *caller, int i)
{
	int64_t value = 0;
	char text[32], *echo = NULL;
	int r;

	switch (i % 5) {
	case 0:
		support_ok(things_add(caller->client, (int32_t)caller->seed, i, &value));
		ck_assert_int_eq(value, (int64_t)caller->seed + i);
		break;
	case 1:
		(void)snprintf(text, sizeof text, "%u/%d", caller->seed, i);
		support_ok(things_echo(caller->client, text, &echo));
		ck_assert_str_eq(echo, text);
		free(echo);
		break;
	case 2:
		support_fails(things_call(caller->client, THINGS_FAIL, 0, MQC_NOT_FOUND, NULL),
			      MQC_NOT_FOUND);
		support_error_has("failed with -5");
		break;
	case 3:
		support_ok(things_call(caller->client, THINGS_CODE, 0, 0, &value));
		break;
	default:
		/* A few ms are just enough, or not. */
		r = things_call(caller->client, THINGS_WAIT, 1 + i % 4, i % 3, &value);
		if (r == MQC_OK)
			ck_assert_int_eq(value, i % 3);
		else
			support_fails(r, MQC_DEADLINE_EXCEEDED);
		caller->late += r < 0;
		break;
	}
	caller->answered++;
}

static void *call_often(void *data)
{
	struct caller *caller = data;

	for (int i = 0; i < caller->calls; i++)
		call_once(caller, i);
	return NULL;
}

static void run(mqc_client **clients, int clients_count, int calls)
{
	struct caller callers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){.client = clients[i % (unsigned)clients_count],
					     .seed = i + 1,
					     .calls = calls};
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
		ck_assert_int_eq(callers[i].answered, calls);
	}
}

START_TEST(one_client)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=3");
	mqc_client *client = support_client(endpoint, 0);

	run(&client, 1, 250);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(one_call_at_a_time)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = support_client(endpoint, 2);

	run(&client, 1, 100);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(a_client_for_each)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=4");
	mqc_client *clients[THREADS];

	for (int i = 0; i < THREADS; i++)
		clients[i] = support_client(endpoint, 2);
	run(clients, THREADS, 250);
	for (int i = 0; i < THREADS; i++)
		mqc_client_close(clients[i]);
	peer_stop(&server);
}
END_TEST

START_TEST(several_server_processes)
{
	const char *endpoint = support_endpoint();
	struct peer servers[3];
	mqc_client *clients[2];

	for (int i = 0; i < 3; i++)
		servers[i] = peer_start(endpoint, i == 0 ? "signals" : "signals threads=2");
	for (int i = 0; i < 2; i++)
		clients[i] = support_client(endpoint, 0);
	run(clients, 2, 250);
	for (int i = 0; i < 2; i++)
		mqc_client_close(clients[i]);
	for (int i = 0; i < 3; i++)
		peer_stop(&servers[i]);
}
END_TEST

START_TEST(all_in_one_process)
{
	const mqc_server_options options = {.threads = 4, .queue_messages = 4, .queue_size = 1024};
	mqc_client *clients[2];
	struct host host;

	host_start(&host, support_endpoint(), &options);
	for (int i = 0; i < 2; i++)
		clients[i] = support_client(support_last_endpoint(), 0);
	run(clients, 2, 200);
	for (int i = 0; i < 2; i++)
		mqc_client_close(clients[i]);
	host_stop(&host);
}
END_TEST

/* Clients open and close while others call. */
static const char *shared_endpoint;

static void *open_and_close(void *unused)
{
	int64_t sum;

	for (int i = 0; i < 40; i++) {
		mqc_client *client = support_client(shared_endpoint, 2);

		support_ok(things_add(client, i, 1, &sum));
		ck_assert_int_eq(sum, i + 1);
		mqc_client_close(client);
	}
	return unused;
}

START_TEST(clients_come_and_go)
{
	pthread_t threads[THREADS];
	struct peer server;

	shared_endpoint = support_endpoint();
	server = peer_start(shared_endpoint, "signals threads=2");
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	peer_stop(&server);
}
END_TEST

/* Nobody waits for ever while others are served: with one slot, all have their turn. */
static atomic_bool enough;
static atomic_int turns[THREADS];

static struct turn {
	mqc_client *client;
	int index;
} turn_of[THREADS];

static void *take_turns(void *data)
{
	const struct turn *turn = data;

	while (!atomic_load(&enough)) {
		support_ok(things_call(turn->client, THINGS_CODE, 0, 0, NULL));
		atomic_fetch_add(&turns[turn->index], 1);
	}
	return NULL;
}

static bool all_had_turns(void *least)
{
	for (int i = 0; i < THREADS; i++)
		if (atomic_load(&turns[i]) < *(const int *)least)
			return false;
	return true;
}

START_TEST(all_have_their_turn)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = support_client(endpoint, 2);
	pthread_t threads[THREADS];
	int least = 20;

	for (int i = 0; i < THREADS; i++) {
		turn_of[i] = (struct turn){client, i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_turns, &turn_of[i]), 0);
	}
	ck_assert(support_wait_for(all_had_turns, &least));
	atomic_store(&enough, true);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tests = support_case(suite, "threads");

	tcase_add_test(tests, one_client);
	tcase_add_test(tests, one_call_at_a_time);
	tcase_add_test(tests, a_client_for_each);
	tcase_add_test(tests, several_server_processes);
	tcase_add_test(tests, all_in_one_process);
	tcase_add_test(tests, clients_come_and_go);
	tcase_add_test(tests, all_have_their_turn);
	return support_run(suite);
}
