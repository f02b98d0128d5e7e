/*
 * check_parking.c - tests of runtime/parking.h, and of servers that poll.
 */
#include "parking.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "clock.h"
#include "forge.h"
#include "support.h"
#include "things.h"

/* ------------------------------------------------------------ who sleeps -- */

#define MS INT64_C(1000000)

static mqci_parking parking;
static const int one, other;
static atomic_int back;

static void *park(void *data)
{
	(void)data;
	mqci_parking_park(&parking, NULL);
	atomic_fetch_add(&back, 1);
	return NULL;
}

static bool all_sleep(void *data)
{
	return atomic_load(&parking.parked) == *(unsigned *)data;
}

static void park_many(pthread_t *threads, unsigned count)
{
	atomic_store(&back, 0);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, park, NULL), 0);
	ck_assert(support_wait_for(all_sleep, &count));
	ck_assert_int_eq(atomic_load(&back), 0);
}

static void join(const pthread_t *threads, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(one_polls)
{
	support_ok(mqci_parking_init(&parking));
	ck_assert(!mqci_parking_is_taken(&parking, &one));
	/* Nobody polls: nobody sleeps. */
	mqci_parking_park(&parking, NULL);
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	ck_assert(!mqci_parking_claim(&parking, &other, 0));
	ck_assert(mqci_parking_is_taken(&parking, &other));
	ck_assert(!mqci_parking_is_taken(&parking, &one));
	mqci_parking_release(&parking, &other);
	ck_assert(!mqci_parking_claim(&parking, &other, 0));
	mqci_parking_release(&parking, &one);
	ck_assert(mqci_parking_claim(&parking, &other, 0));
	mqci_parking_done(&parking);
}
END_TEST

START_TEST(others_sleep)
{
	pthread_t threads[4];

	support_ok(mqci_parking_init(&parking));
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	park_many(threads, 4);
	mqci_parking_release(&parking, &one);
	join(threads, 4);
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	park_many(threads, 4);
	mqci_parking_wake(&parking);
	join(threads, 4);
	ck_assert(!mqci_parking_is_taken(&parking, &other));
	mqci_parking_done(&parking);
}
END_TEST

START_TEST(one_is_held_up)
{
	pthread_t threads[2];

	support_ok(mqci_parking_init(&parking));
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	ck_assert(!mqci_parking_tick(&parking, false, 0));
	park_many(threads, 2);
	for (int i = 0; i < 10; i++) {
		mqci_parking_turn(&parking);
		ck_assert(mqci_parking_tick(&parking, i % 2 == 1, 0));
		ck_assert_int_eq(atomic_load(&back), 0);
	}
	ck_assert(mqci_parking_tick(&parking, false, 0));
	join(threads, 2);
	/* It may go on as soon as it has done. */
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	mqci_parking_done(&parking);
}
END_TEST

START_TEST(one_is_not_enough)
{
	pthread_t threads[2];

	support_ok(mqci_parking_init(&parking));
	ck_assert(mqci_parking_claim(&parking, &one, 0));
	park_many(threads, 2);
	for (int i = 0; i < 2; i++) {
		mqci_parking_turn(&parking);
		(void)mqci_parking_tick(&parking, true, 5 * MS);
	}
	join(threads, 2);
	ck_assert(!mqci_parking_claim(&parking, &one, 6 * MS));
	ck_assert(mqci_parking_claim(&parking, &one, 1000 * MS));
	mqci_parking_done(&parking);
}
END_TEST

START_TEST(lively)
{
	int64_t now = 1000 * MS;
	int calls = 0;

	support_ok(mqci_parking_init(&parking));
	for (; !mqci_parking_is_lively(&parking, now); now += MS / 100)
		ck_assert_int_lt(++calls, 1000);
	ck_assert_int_gt(calls, 3);
	ck_assert(mqci_parking_is_lively(&parking, now + MS / 100));
	ck_assert(!mqci_parking_is_lively(&parking, now + 100 * MS));
	mqci_parking_done(&parking);
}
END_TEST

/* --------------------------------------------------------------- servers -- */

static sem_t gate;
static struct host host;
static struct forger forger;

/* The service of things.h, but that Wait waits until the test lets it go on. */
static int dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	if (method != THINGS_WAIT)
		return things_dispatch(handlers, self, method, call, request, reply);
	while (sem_wait(&gate) < 0)
		continue;
	return MQC_OK;
}

static void begin(int threads, int spin_us)
{
	const mqc_server_options options = {
		.threads = threads, .queue_messages = 8, .queue_size = 1024, .spin_us = spin_us};

	memset(&host, 0, sizeof host);
	ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
	support_ok(mqc_server_open(support_endpoint(), &options, &host.server));
	support_ok(mqc_server_add(host.server, &things_service, dispatch, NULL, &host.self));
	host_run(&host);
	forger_join(&forger, support_last_endpoint(), 900, 4);
}

/* Send a request, from a CPU that no server runs on. */
static void send(int method)
{
	uint8_t payload[16];

	forger_send(&forger, (mqci_frame){
				     .type = MQCI_REQUEST,
				     .cpu = 4000,
				     .call = ++forger.calls << 16,
				     .code = things_methods[method].id,
				     .deadline = INT64_MAX,
				     .payload = payload,
				     .size = forger_number(1, payload),
			     });
}

/* Receive an answer, without sleeping: so that the next request comes soon. */
static mqci_frame answer(void)
{
	int64_t until = support_now_ms() + 60000;
	mqci_frame frame;

	while (!forger_receive(&forger, 0, &frame))
		ck_assert_int_lt(support_now_ms(), until);
	ck_assert_int_eq(frame.type, MQCI_REPLY);
	ck_assert_uint_eq(frame.code, 0);
	return frame;
}

static void call_often(int calls)
{
	for (int i = 0; i < calls; i++) {
		send(THINGS_COUNT);
		(void)answer();
	}
}

static const int threads_of[] = {1, 2, 4};

START_TEST(calls_to_a_server_that_polls)
{
	begin(threads_of[_i], _i == 0 ? 1000 : 0);
	call_often(5000);
	ck_assert_int_eq(atomic_load(&host.self.count), 5000);
	/* It says where it is to those who do. */
	send(THINGS_COUNT);
	ck_assert_uint_ne(answer().cpu, MQCI_CPU_UNKNOWN);
	forger_close(&forger);
	host_stop(&host);
}
END_TEST

START_TEST(it_does_not_say_where_it_is)
{
	begin(1, MQC_SPIN_OFF);
	send(THINGS_COUNT);
	ck_assert_uint_eq(answer().cpu, MQCI_CPU_UNKNOWN);
	forger_close(&forger);
	host_stop(&host);
}
END_TEST

/* The one that polls takes a request that takes long: the others serve the next ones. */
START_TEST(the_one_that_polls_is_held_up)
{
	begin(threads_of[_i], 1000);
	for (int i = 0; i < 5; i++) {
		uint64_t held_up;

		call_often(300);
		send(THINGS_WAIT);
		held_up = forger.calls << 16;
		for (int n = 0; n < 10; n++) {
			send(THINGS_COUNT);
			ck_assert_uint_eq(answer().call, forger.calls << 16);
		}
		ck_assert_int_eq(sem_post(&gate), 0);
		ck_assert_uint_eq(answer().call, held_up);
	}
	forger_close(&forger);
	host_stop(&host);
}
END_TEST

START_TEST(stopped_while_it_polls)
{
	for (int i = 0; i < 5; i++) {
		begin(threads_of[_i], 1000);
		call_often(100 + 10 * i);
		mqc_server_stop(host.server);
		host_join(&host);
		forger_close(&forger);
	}
}
END_TEST

START_TEST(bad_options)
{
	static const int bad[] = {-2, 1001};
	mqc_server *server = NULL;

	for (int i = 0; i < 2; i++) {
		const mqc_server_options options = {.spin_us = bad[i]};

		support_fails(mqc_server_open(support_endpoint(), &options, &server),
			      MQC_INVALID_ARGUMENT);
		support_error_has("spin_us");
		ck_assert_ptr_null(server);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parking");
	TCase *tests = support_case(suite, "who sleeps");

	tcase_add_test(tests, one_polls);
	tcase_add_test(tests, others_sleep);
	tcase_add_test(tests, one_is_held_up);
	tcase_add_test(tests, one_is_not_enough);
	tcase_add_test(tests, lively);
	tests = support_case(suite, "servers");
	tcase_add_loop_test(tests, calls_to_a_server_that_polls, 0, 3);
	tcase_add_test(tests, it_does_not_say_where_it_is);
	tcase_add_loop_test(tests, the_one_that_polls_is_held_up, 1, 3);
	tcase_add_loop_test(tests, stopped_while_it_polls, 0, 3);
	tcase_add_test(tests, bad_options);
	return support_run(suite);
}
