/*
 * check_defer.c - tests of runtime/defer.h: calls that are answered after their handlers returned.
 */
#include "defer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static const char *endpoint;
static struct host host;
static mqc_client *client;

static void begin(void)
{
	endpoint = support_endpoint();
	host_start(&host, endpoint, NULL);
	client = support_client(endpoint, 8);
}

static void end(void)
{
	client = mqc_client_close(client);
	host_stop(&host);
}

struct calling {
	pthread_t thread;
	int method;
	int64_t value;
	int result;
	bool maybe_executed;
};

static void *call(void *data)
{
	struct calling *calling = data;
	int64_t value = -1;

	calling->result = things_call(client, calling->method, 60000, calling->value, &value);
	calling->maybe_executed = mqc_error_last()->maybe_executed;
	if (calling->result == MQC_OK)
		ck_assert_int_eq(value, calling->value);
	return NULL;
}

static void start(struct calling *calling, int method, int64_t value)
{
	*calling = (struct calling){.method = method, .value = value};
	ck_assert_int_eq(pthread_create(&calling->thread, NULL, call, calling), 0);
}

static void join(struct calling *calling)
{
	ck_assert_int_eq(pthread_join(calling->thread, NULL), 0);
}

/* One worker serves them all at the same time, and others between. */
START_TEST(many_at_once)
{
	struct calling calling[5];
	int64_t began, value;

	begin();
	began = support_now_ms();
	for (int i = 0; i < 5; i++)
		start(&calling[i], THINGS_DEFER, 1500 + i);
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	for (int i = 0; i < 5; i++) {
		join(&calling[i]);
		support_ok(calling[i].result);
	}
	ck_assert_int_lt(support_now_ms() - began, 5 * 1500);
	end();
}
END_TEST

START_TEST(finished_before_the_handler_returned)
{
	int64_t value = -1;

	begin();
	for (int i = 0; i < 100; i++)
		support_ok(things_call(client, THINGS_DEFER, 0, 0, &value));
	ck_assert_int_eq(value, 0);
	end();
}
END_TEST

/* The request's memory, and what was allocated, are there until the end. */
static mqc_call *deferred;
static char *of_the_call;

static int keep(const void *handlers, void *self, uint32_t method, mqc_call *call,
		const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)handlers, (void)self, (void)method, (void)reply;
	/* To defer it twice is to defer it. */
	for (int i = 0; i < 2; i++)
		if (mqc_call_defer(call) < 0)
			return MQC_INTERNAL;
	of_the_call = mqc_call_strdup(call, ((const Shapes__Text *)(const void *)request)->text);
	__atomic_store_n(&deferred, call, __ATOMIC_RELEASE);
	return MQC_INTERNAL; /* is ignored */
}

static mqc_call *await_deferred(void)
{
	mqc_call *found;

	while ((found = __atomic_load_n(&deferred, __ATOMIC_ACQUIRE)) == NULL)
		support_sleep_ms(1);
	__atomic_store_n(&deferred, NULL, __ATOMIC_RELEASE);
	return found;
}

static void begin_keeping(void)
{
	static const mqc_server_options small = {.queue_messages = 4, .queue_size = 1024};

	deferred = NULL;
	endpoint = support_endpoint();
	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(mqc_server_add(host.server, &things_service, keep, NULL, NULL));
	host_run(&host);
	client = support_client(endpoint, 8);
}

static void *echo(void *ret_text)
{
	return (void *)(intptr_t)things_echo(client, "kept", ret_text);
}

static int finish_echo(mqc_call *call, int status)
{
	Shapes__Text reply;

	shapes__text__init(&reply);
	reply.text = of_the_call;
	return mqc_call_finish(call, status, status == MQC_OK ? &reply.base : NULL);
}

START_TEST(memory_and_status)
{
	char *text = NULL;
	pthread_t thread;
	mqc_call *call;
	void *result;

	begin_keeping();
	ck_assert_int_eq(pthread_create(&thread, NULL, echo, &text), 0);
	call = await_deferred();
	ck_assert_str_eq(mqc_call_method(call)->name, "things.Things/Echo");
	ck_assert(!mqc_call_cancelled(call));
	ck_assert_int_gt(mqc_call_remaining_ms(call), 0);
	ck_assert_int_eq(mqc_call_peer(call).pid, getpid());
	support_ok(finish_echo(call, MQC_OK));
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	support_ok((int)(intptr_t)result);
	ck_assert_str_eq(text, "kept");
	free(text);

	ck_assert_int_eq(pthread_create(&thread, NULL, echo, &text), 0);
	call = await_deferred();
	(void)mqc_call_fail(call, MQC_NOT_FOUND, "not %s", "found");
	support_ok(finish_echo(call, MQC_NOT_FOUND));
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_int_eq((intptr_t)result, MQC_NOT_FOUND);
	end();
}
END_TEST

START_TEST(no_answer_at_all)
{
	Shapes__Number wrong;
	char *text = NULL;
	pthread_t thread;
	void *result;

	begin_keeping();
	for (int i = 0; i < 3; i++) {
		mqc_call *call;

		ck_assert_int_eq(pthread_create(&thread, NULL, echo, &text), 0);
		call = await_deferred();
		shapes__number__init(&wrong);
		support_fails(
			mqc_call_finish(call, i == 2 ? 7 : MQC_OK, i == 0 ? NULL : &wrong.base),
			MQC_INTERNAL);
		ck_assert_int_eq(pthread_join(thread, &result), 0);
		ck_assert_int_eq((intptr_t)result, MQC_INTERNAL);
	}
	end();
}
END_TEST

/* The caller is told, and the call can still be finished. */
START_TEST(the_server_is_closed)
{
	char *text = NULL;
	pthread_t thread;
	mqc_call *call;
	void *result;

	begin_keeping();
	ck_assert_int_eq(pthread_create(&thread, NULL, echo, &text), 0);
	call = await_deferred();
	host_stop(&host);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_int_eq((intptr_t)result, MQC_UNAVAILABLE);
	ck_assert_str_eq(of_the_call, "kept");
	ck_assert(mqc_call_cancelled(call));
	ck_assert_int_eq(mqc_call_peer(call).pid, getpid());
	support_fails(finish_echo(call, MQC_OK), MQC_FAILED_PRECONDITION);
	client = mqc_client_close(client);
}
END_TEST

/* A server process dies with them: as with a call that is being executed. */
START_TEST(the_server_dies)
{
	struct calling calling;
	struct peer server;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "");
	client = support_client(endpoint, 8);
	start(&calling, THINGS_DEFER, 60000);
	support_await_execution(endpoint, 0, 0);
	peer_kill(&server);
	join(&calling);
	ck_assert_int_eq(calling.result, MQC_UNAVAILABLE);
	ck_assert(calling.maybe_executed);
	client = mqc_client_close(client);
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
}
END_TEST

static int not_deferred(const void *handlers, void *self, uint32_t method, mqc_call *call,
			const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)handlers, (void)self, (void)method, (void)request;
	return mqc_call_finish(call, MQC_OK, reply);
}

START_TEST(one_that_was_not_deferred)
{
	static const mqc_server_options small = {.queue_messages = 4, .queue_size = 1024};

	endpoint = support_endpoint();
	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(mqc_server_add(host.server, &things_service, not_deferred, NULL, NULL));
	host_run(&host);
	client = support_client(endpoint, 8);
	support_fails(things_call(client, THINGS_COUNT, 0, 0, NULL), MQC_FAILED_PRECONDITION);
	end();
}
END_TEST

static atomic_bool calling_on;

/* Deferred calls, some of them one-way, one after another, whatever becomes of the server. */
static void *defer_on(void *unused)
{
	mqc_method oneway = things_methods[THINGS_DEFER];
	Shapes__Number request;
	ProtobufCMessage *reply;
	int64_t value;
	int r;

	oneway.flags |= MQC_METHOD_ONEWAY;
	shapes__number__init(&request);
	for (int64_t i = 1; atomic_load(&calling_on); i++) {
		request.value = i % 3;
		if (mqc_client_call(client, &oneway, NULL, &request.base, NULL, &reply) == MQC_OK)
			protobuf_c_message_free_unpacked(reply, NULL);
		value = -1;
		r = things_call(client, THINGS_DEFER, 60000, i % 4, &value);
		if (r == MQC_OK)
			ck_assert_int_eq(value, i % 4);
		else
			support_fails(r, MQC_UNAVAILABLE);
	}
	return unused;
}

/* Calls are finished by many threads while their server is closed, again and again. */
START_TEST(finished_while_the_server_closes)
{
	const mqc_client_options options = {.wait_for_server = true};
	pthread_t threads[6];

	endpoint = support_endpoint();
	host_start(&host, endpoint, NULL);
	support_ok(mqc_client_open(endpoint, &options, &client));
	atomic_store(&calling_on, true);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, defer_on, NULL), 0);
	for (int i = 0; i < 15; i++) {
		support_sleep_ms(20);
		host_stop(&host);
		host_start(&host, endpoint, NULL);
	}
	atomic_store(&calling_on, false);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("defer");
	TCase *tests = support_case(suite, "defer");

	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, finished_before_the_handler_returned);
	tcase_add_test(tests, memory_and_status);
	tcase_add_test(tests, no_answer_at_all);
	tcase_add_test(tests, the_server_is_closed);
	tcase_add_test(tests, the_server_dies);
	tcase_add_test(tests, one_that_was_not_deferred);
	tcase_add_test(tests, finished_while_the_server_closes);
	return support_run(suite);
}
