/*
 * test_cancel.c - calls that are given up, wherever they wait.
 */
#include <stdio.h>
#include <string.h>

#include "support.h"

/* Much less than any call here would take, and much more than giving one up does. */
#define AT_ONCE_MS 30000

static const char *endpoint;
static struct peer server;
static mqc_client *client;
static mqc_cancel *cancel;

static void begin_with(const char *peer_options, const mqc_client_options *options)
{
	endpoint = support_endpoint();
	server = peer_start(endpoint, peer_options);
	support_ok(mqc_client_open(endpoint, options, &client));
	support_ok(mqc_cancel_new(&cancel));
}

static void end(void)
{
	mqc_client_close(client);
	mqc_cancel_free(cancel);
	peer_stop(&server);
}

/* A call on a thread of its own. */
struct calling {
	pthread_t thread;
	mqc_cancel *cancel; /* by which; or NULL, if it cannot */
	int method;
	int64_t value;
	int result;
	bool maybe_executed;
	int64_t ended;
	char text[256];
};

static void *call(void *data)
{
	struct calling *calling = data;
	const mqc_call_options options = {.timeout_ms = 60000, .cancel = calling->cancel};
	Shapes__Number request;
	ProtobufCMessage *reply;

	shapes__number__init(&request);
	request.value = calling->value;
	calling->result = mqc_client_call(client, &things_methods[calling->method], &options,
					  &request.base, NULL, &reply);
	calling->ended = support_now_ms();
	if (calling->result == MQC_OK) {
		protobuf_c_message_free_unpacked(reply, NULL);
		return NULL;
	}
	calling->maybe_executed = mqc_error_last()->maybe_executed;
	(void)snprintf(calling->text, sizeof calling->text, "%s", mqc_error_last()->text);
	return NULL;
}

static void start_with(struct calling *calling, mqc_cancel *its, int method, int64_t value)
{
	*calling = (struct calling){.cancel = its, .method = method, .value = value};
	ck_assert_int_eq(pthread_create(&calling->thread, NULL, call, calling), 0);
}

static void start(struct calling *calling, int method, int64_t value)
{
	start_with(calling, cancel, method, value);
}

static void join_cancelled(struct calling *calling, int64_t requested)
{
	ck_assert_int_eq(pthread_join(calling->thread, NULL), 0);
	ck_assert_msg(calling->result == MQC_CANCELLED, "%d: %s", calling->result, calling->text);
	ck_assert_int_lt(calling->ended - requested, AT_ONCE_MS);
	ck_assert_ptr_nonnull(strstr(calling->text, "cancelled by the caller"));
	ck_assert_ptr_nonnull(strstr(calling->text, endpoint));
}

static int64_t request(void)
{
	int64_t now = support_now_ms();

	mqc_cancel_request(cancel);
	return now;
}

static int64_t count_now(void)
{
	int64_t count = 0;

	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	return count;
}

static bool has_counted(void *value)
{
	return count_now() == *(int64_t *)value;
}

START_TEST(waiting_for_the_answer)
{
	struct calling calling;
	int64_t value = 7;

	begin_with("signals threads=2 tells", NULL);
	start(&calling, THINGS_UNTIL, value);
	peer_await_begun(&server, 1);
	join_cancelled(&calling, request());
	ck_assert(calling.maybe_executed);
	/* The handler is told. */
	ck_assert(support_wait_for(has_counted, &value));
	end();
}
END_TEST

START_TEST(many_at_once)
{
	struct calling calling[8], other;
	int64_t requested;

	begin_with("signals threads=9 tells", NULL);
	for (int i = 0; i < 8; i++)
		start(&calling[i], THINGS_WAIT, 60000);
	start_with(&other, NULL, THINGS_WAIT, 700);
	peer_await_begun(&server, 9);
	requested = request();
	for (int i = 0; i < 8; i++)
		join_cancelled(&calling[i], requested);
	/* One that has nothing to do with it goes on, whoever received for it before. */
	ck_assert_int_eq(pthread_join(other.thread, NULL), 0);
	support_ok(other.result);
	mqc_client_close(client);
	mqc_cancel_free(cancel);
	peer_kill(&server);
	server = peer_start(endpoint, "signals threads=9");
	peer_stop(&server);
}
END_TEST

START_TEST(before_it_is_made)
{
	struct calling calling;

	begin_with("signals", NULL);
	mqc_cancel_request(cancel);
	for (int i = 0; i < 2; i++) {
		start(&calling, i == 0 ? THINGS_COUNT : THINGS_NOTE, 1);
		join_cancelled(&calling, support_now_ms());
		ck_assert(!calling.maybe_executed);
	}
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

START_TEST(waiting_for_its_turn)
{
	const mqc_client_options options = {.window = 1};
	struct calling first, second;

	begin_with("signals", &options);
	peer_freeze(&server);
	start_with(&first, NULL, THINGS_COUNT, 0);
	support_await_queued(endpoint, 1);
	start(&second, THINGS_COUNT, 1);
	support_sleep_ms(50);
	join_cancelled(&second, request());
	ck_assert(!second.maybe_executed);
	peer_thaw(&server);
	ck_assert_int_eq(pthread_join(first.thread, NULL), 0);
	support_ok(first.result);
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

START_TEST(waiting_for_room)
{
	struct calling calling;
	int r;

	begin_with("signals", NULL);
	peer_freeze(&server);
	do
		r = things_call(client, THINGS_NOTE, 1, 0, NULL);
	while (r == MQC_OK);
	start(&calling, THINGS_COUNT, 1);
	support_sleep_ms(100);
	join_cancelled(&calling, request());
	ck_assert(!calling.maybe_executed);
	peer_thaw(&server);
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

START_TEST(waiting_for_a_server)
{
	const mqc_client_options options = {.wait_for_server = true};
	struct calling calling;

	begin_with("signals", &options);
	peer_stop(&server);
	start(&calling, THINGS_COUNT, 1);
	support_sleep_ms(300);
	join_cancelled(&calling, request());
	ck_assert(!calling.maybe_executed);
	server = peer_start(endpoint, "signals");
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

/* A server that is there, and does not answer the hello of the next session. */
START_TEST(waiting_for_a_session)
{
	const mqc_client_options options = {.wait_for_server = true};
	struct calling calling;

	begin_with("signals", &options);
	peer_stop(&server);
	server = peer_start(endpoint, "signals");
	peer_freeze(&server);
	start(&calling, THINGS_COUNT, 1);
	support_sleep_ms(300);
	join_cancelled(&calling, request());
	ck_assert(!calling.maybe_executed);
	peer_thaw(&server);
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

START_TEST(a_request_that_waits_is_not_executed)
{
	struct calling first, second;
	mqc_cancel *its;

	begin_with("signals waiting=5 tells", NULL);
	support_ok(mqc_cancel_new(&its));
	start_with(&first, its, THINGS_UNTIL, 0);
	peer_await_begun(&server, 1);
	/* While the only thread is busy, it waits with the server. */
	start(&second, THINGS_COUNT, 1);
	support_sleep_ms(100);
	join_cancelled(&second, request());
	mqc_cancel_request(its);
	ck_assert_int_eq(pthread_join(first.thread, NULL), 0);
	ck_assert_int_eq(first.result, MQC_CANCELLED);
	ck_assert_int_eq(count_now(), 0);
	mqc_cancel_free(its);
	end();
}
END_TEST

/* Requests at any moment: a call either succeeds or is cancelled, and the client goes on. */
START_TEST(at_any_moment)
{
	struct calling calling;
	int cancelled = 0;

	begin_with("signals threads=2", NULL);
	for (int i = 0; i < 300; i++) {
		mqc_cancel_free(cancel);
		support_ok(mqc_cancel_new(&cancel));
		start(&calling, THINGS_COUNT, 0);
		for (volatile int spin = 0; spin < i * 200; spin++)
			continue;
		(void)request();
		ck_assert_int_eq(pthread_join(calling.thread, NULL), 0);
		if (calling.result != MQC_OK)
			ck_assert_int_eq(calling.result, MQC_CANCELLED);
		cancelled += calling.result != MQC_OK;
	}
	printf("%d of 300 calls were cancelled\n", cancelled);
	ck_assert_int_eq(count_now(), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cancellation");
	TCase *tests = support_case(suite, "waiting");

	tcase_add_test(tests, waiting_for_the_answer);
	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, before_it_is_made);
	tcase_add_test(tests, waiting_for_its_turn);
	tcase_add_test(tests, waiting_for_room);
	tcase_add_test(tests, waiting_for_a_server);
	tcase_add_test(tests, waiting_for_a_session);
	tcase_add_test(tests, a_request_that_waits_is_not_executed);
	tcase_add_test(tests, at_any_moment);
	return support_run(suite);
}
