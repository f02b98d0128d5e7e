/*
 * test_lanes.c - lanes as callers see them: which queue a request goes to, and when there is none.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "name.h"
#include "queue.h"
#include "forge.h"
#include "support.h"

#define LANE 3

static const char *endpoint;
static mqc_client *client;

/* The service, with some of its methods in a lane. */
static mqc_method methods[THINGS_METHODS];
static mqc_service service;

static void make_service(void)
{
	memcpy(methods, things_methods, sizeof methods);
	service = things_service;
	service.methods = methods;
	methods[THINGS_PID].lane = LANE;
	methods[THINGS_COUNT].lane = LANE;
}

static void serve(struct host *host, bool with_lane)
{
	const mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};

	memset(host, 0, sizeof *host);
	support_ok(mqc_server_open(endpoint, &options, &host->server));
	host->self.server = host->server;
	support_ok(mqc_server_add(host->server, with_lane ? &service : &things_service,
				  things_dispatch, NULL, &host->self));
	host_run(host);
}

static int call(int method, int priority, int timeout_ms, int64_t value, int64_t *ret_value)
{
	const mqc_call_options options = {.timeout_ms = timeout_ms, .priority = priority};
	Shapes__Number request;
	ProtobufCMessage *reply;
	int r;

	shapes__number__init(&request);
	request.value = value;
	r = mqc_client_call(client, &methods[method], &options, &request.base, NULL, &reply);
	if (r < 0)
		return r;
	*ret_value = ((Shapes__Number *)(void *)reply)->value;
	protobuf_c_message_free_unpacked(reply, NULL);
	return r;
}

/* Echo a text, the request of which has `size` bytes and more. */
static int try_echo(size_t size)
{
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	int r;

	shapes__text__init(&request);
	request.text = malloc(size + 1);
	ck_assert_ptr_nonnull(request.text);
	memset(request.text, 'x', size);
	request.text[size] = '\0';
	r = mqc_client_call(client, &methods[THINGS_ECHO], NULL, &request.base, NULL, &reply);
	if (r == MQC_OK) {
		ck_assert_str_eq(((Shapes__Text *)(void *)reply)->text, request.text);
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	free(request.text);
	return r;
}

static mqc_pending *start(int method, int64_t value)
{
	mqc_pending *pending = NULL;
	Shapes__Number request;

	shapes__number__init(&request);
	request.value = value;
	support_ok(mqc_client_start(client, &methods[method], NULL, &request.base, NULL, NULL,
				    &pending));
	return pending;
}

/* Calls that are started: those that find no room in one queue hold no others up. */
START_TEST(started_calls_do_not_wait_for_other_lanes)
{
	enum {
		N = 40
	};
	const mqc_client_options options = {.window = 2 * N, .own_loop = _i == 1};
	struct host host;
	mqc_pending *ordinary[N], *in_lane[N];

	make_service();
	endpoint = support_endpoint();
	serve(&host, true);
	support_ok(mqc_client_open(endpoint, &options, &client));
	for (int i = 0; i < N; i++)
		ordinary[i] = start(i == 0 ? THINGS_UNTIL : THINGS_WAIT, i == 0 ? 0 : 1);
	for (int i = 0; i < N; i++)
		in_lane[i] = start(THINGS_COUNT, 1);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(support_finish(in_lane[i]), i + 1);
	ck_assert(!mqc_pending_is_over(ordinary[0]));
	mqc_pending_cancel(ordinary[0]);
	support_fails(things_finish(ordinary[0], NULL), MQC_CANCELLED);
	for (int i = 1; i < N; i++)
		(void)support_finish(ordinary[i]);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

static bool has_begun(void *host)
{
	return atomic_load(&((struct host *)host)->self.begun) > 0;
}

START_TEST(a_lane_is_not_held_up)
{
	mqc_pending *held;
	struct host host;
	int64_t value = 0;

	make_service();
	endpoint = support_endpoint();
	serve(&host, true);
	client = support_client(endpoint, 0);
	held = start(THINGS_UNTIL, 0);
	ck_assert(support_wait_for(has_begun, &host));
	support_ok(call(THINGS_PID, 0, 60000, 0, &value));
	ck_assert_int_eq(value, getpid());
	/* What is in no lane is. */
	ck_assert_int_eq(call(THINGS_REMAINING, 0, 100, 0, &value), MQC_DEADLINE_EXCEEDED);
	ck_assert(!mqc_pending_is_over(held));
	mqc_pending_cancel(held);
	support_fails(things_finish(held, NULL), MQC_CANCELLED);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* A client knows a lane that its server may not have, or not any more, or only now. */
START_TEST(lanes_come_and_go)
{
	struct host host;
	int64_t value = 0;

	make_service();
	endpoint = support_endpoint();
	serve(&host, false);
	client = support_client(endpoint, 0);
	support_ok(call(THINGS_COUNT, 0, 60000, 1, &value));
	for (int i = 0; i < 6; i++) {
		host_stop(&host);
		serve(&host, i % 3 != 0);
		support_ok(call(THINGS_COUNT, 0, 60000, 1, &value));
		ck_assert_int_eq(value, 1);
	}
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* A lane's queue that is not the server's is not used. */
START_TEST(a_queue_that_others_can_read)
{
	char name[MQCI_NAME_SIZE];
	struct host host;
	mqci_queue lane;
	int64_t value;

	make_service();
	endpoint = support_endpoint();
	serve(&host, true);
	mqci_name_lane(endpoint, LANE, name);
	support_ok(mqci_queue_open(name, MQCI_SEND, &lane));
	support_ok(mqci_queue_set_mode(&lane, 0644));
	client = support_client(endpoint, 0);
	support_ok(call(THINGS_COUNT, 0, 60000, 1, &value));
	support_ok(mqci_queue_set_mode(&lane, 0600));
	mqci_queue_close(&lane);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* A lane's queue takes less than the ordinary one: what is larger has another way. */
START_TEST(requests_of_all_sizes)
{
	static const size_t sizes[] = {900, 960, 961, 5000, 8128, 9000};
	struct host host;

	make_service();
	methods[THINGS_ECHO].lane = LANE;
	endpoint = support_endpoint();
	memset(&host, 0, sizeof host);
	support_ok(mqc_server_open(endpoint, NULL, &host.server));
	support_ok(mqc_server_add(host.server, &service, things_dispatch, NULL, &host.self));
	host_run(&host);
	support_ok(mqc_client_open(endpoint, NULL, &client));
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		support_ok(try_echo(sizes[i]));
	methods[THINGS_ECHO].flags = MQC_METHOD_ONEWAY;
	ck_assert_int_eq(try_echo(961), MQC_RESOURCE_EXHAUSTED);
	support_error_has("lane");
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(priorities_of_calls)
{
	static const int priorities[] = {0, 1, 31, MQC_PRIORITY_LOWEST};
	struct host host;
	int64_t value;

	make_service();
	endpoint = support_endpoint();
	serve(&host, false);
	client = support_client(endpoint, 0);
	for (size_t i = 0; i < sizeof priorities / sizeof priorities[0]; i++)
		support_ok(call(THINGS_COUNT, priorities[i], 60000, 1, &value));
	support_fails(call(THINGS_COUNT, 32, 60000, 1, &value), MQC_INVALID_ARGUMENT);
	support_error_has("32");
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* What the kernel has of a message's priority: the order in which it gives them out. */
START_TEST(priorities_are_the_messages)
{
	static const int priorities[] = {MQC_PRIORITY_LOWEST, 20, 0, 31, 1};
	static const unsigned expected[] = {31, 20, 5, 1, 0};
	struct peer server;
	uint8_t message[1024];
	mqci_queue requests;
	unsigned priority;
	int64_t value;

	make_service();
	methods[THINGS_COUNT].priority = 5;
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	client = support_client(endpoint, 0);
	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_RECEIVE, &requests));
	peer_freeze(&server);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(call(THINGS_COUNT, priorities[i], 10, 1, &value),
				 MQC_DEADLINE_EXCEEDED);
	support_ok(mqci_queue_never_block(&requests));
	for (int i = 0; i < 5; i++) {
		ck_assert_int_gt(
			mq_receive(requests.descriptor, (char *)message, sizeof message, &priority),
			0);
		ck_assert_uint_eq(priority, expected[i]);
	}
	mqci_queue_close(&requests);
	peer_thaw(&server);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* A thread that is more urgent than others is served more urgently, if it lends that. */
START_TEST(urgency_is_inherited)
{
	const mqc_client_options lending = {.lend_priority = true};
	const int own = getpriority(PRIO_PROCESS, 0);
	mqc_client *other;
	int64_t at, after, unlent;
	struct peer server;

	if (setpriority(PRIO_PROCESS, 0, own - 3) < 0) {
		support_skip("this user may not raise its priority (RLIMIT_NICE)");
		return;
	}
	/* A server that is not as urgent from the beginning. */
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own), 0);
	server = peer_start(support_endpoint(), "signals inherit");
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own - 3), 0);
	support_ok(mqc_client_open(support_last_endpoint(), &lending, &client));
	other = support_client(support_last_endpoint(), 2);
	support_ok(things_call(client, THINGS_NICE, 0, 0, &at));
	support_ok(things_call(other, THINGS_NICE, 0, 0, &unlent));
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own), 0);
	support_ok(things_call(client, THINGS_NICE, 0, 0, &after));
	ck_assert_int_eq(at, own - 3);
	ck_assert_int_eq(unlent, own);
	ck_assert_int_eq(after, own);
	mqc_client_close(other);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* Nobody's urgency is lent who is only named: a client must prove which process it is. */
START_TEST(urgency_is_not_borrowed)
{
	const int own = getpriority(PRIO_PROCESS, 0);
	mqci_frame request = {
		.type = MQCI_REQUEST,
		.call = 1,
		.code = things_methods[THINGS_NICE].id,
		.deadline = INT64_MAX,
		.thread = (uint32_t)gettid(),
	};
	Shapes__Number *number;
	struct forger forger;
	struct peer server;
	mqci_frame reply;

	if (setpriority(PRIO_PROCESS, 0, own - 3) < 0) {
		support_skip("this user may not raise its priority (RLIMIT_NICE)");
		return;
	}
	/* A server that is not as urgent from the beginning. */
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own), 0);
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals inherit");
	/* It is in the name of this process, but has nothing that proves it. */
	forger_join(&forger, endpoint, 902, 4);
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own - 3), 0);
	forger_send(&forger, request);
	ck_assert(forger_receive(&forger, 10000, &reply));
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, own), 0);
	number = shapes__number__unpack(NULL, reply.size, reply.payload);
	ck_assert_ptr_nonnull(number);
	ck_assert_int_eq(number->value, own);
	shapes__number__free_unpacked(number, NULL);
	forger_close(&forger);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lanes and priorities");
	TCase *tests = support_case(suite, "lanes");

	tcase_add_test(tests, a_lane_is_not_held_up);
	tcase_add_loop_test(tests, started_calls_do_not_wait_for_other_lanes, 0, 2);
	tcase_add_test(tests, lanes_come_and_go);
	tcase_add_test(tests, a_queue_that_others_can_read);
	tcase_add_test(tests, requests_of_all_sizes);
	tests = support_case(suite, "priorities");
	tcase_add_test(tests, priorities_of_calls);
	tcase_add_test(tests, priorities_are_the_messages);
	tcase_add_test(tests, urgency_is_inherited);
	tcase_add_test(tests, urgency_is_not_borrowed);
	return support_run(suite);
}
