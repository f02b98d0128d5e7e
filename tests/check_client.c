/*
 * check_client.c - tests of the client half of mqcall.h, against server processes.
 */
#include <mqcall/mqcall.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client.h"
#include "queue.h"
#include "presence.h"
#include "name.h"
#include "support.h"
#include "tests/strict.pb-c.h"
#include "things.h"

/* ------------------------------------------------------------- opening -- */

START_TEST(names_that_are_none)
{
	static const char *const names[] = {"", "~x", ".x", "-x", "a/b", "a b", "\xc3\xa4"};
	mqc_client *client = NULL;
	char longest[66];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		support_fails(mqc_client_open(names[i], NULL, &client), MQC_INVALID_ARGUMENT);
	support_fails(mqc_client_open(NULL, NULL, &client), MQC_INVALID_ARGUMENT);
	memset(longest, 'x', sizeof longest);
	longest[65] = '\0';
	support_fails(mqc_client_open(longest, NULL, &client), MQC_INVALID_ARGUMENT);
	longest[64] = '\0';
	support_fails(mqc_client_open(longest, NULL, &client), MQC_NOT_FOUND);
	ck_assert_ptr_null(client);
}
END_TEST

START_TEST(options_that_are_none)
{
	static const mqc_client_options bad[] = {
		{.timeout_ms = -2},
		{.open_timeout_ms = -2},
		{.reply_messages = 1},
		{.reply_messages = -1},
		{.reply_size = 255},
		{.reply_size = -1},
		{.reserved = {1}},
		{.reserved = {[3] = 1}},
		{.spin_us = -2},
		{.spin_us = 1001},
		{.window = -1},
		{.window = 4097},
		{.payload_max = (1 << 30) + 1},
	};
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		support_fails(mqc_client_open(endpoint, &bad[i], &client), MQC_INVALID_ARGUMENT);
	ck_assert_ptr_null(client);
}
END_TEST

START_TEST(smallest_options)
{
	const mqc_client_options options = {.reply_messages = 2, .reply_size = 256};
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "signals");
	mqc_client *client = NULL;
	int64_t sum = 0;

	support_ok(mqc_client_open(endpoint, &options, &client));
	support_ok(things_add(client, 2, 3, &sum));
	ck_assert_int_eq(sum, 5);
	mqc_client_close(client);
	peer_stop(&peer);
}
END_TEST

START_TEST(more_than_the_system_allows)
{
	const mqc_client_options options = {.reply_messages = 65537};
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "signals");
	mqc_client *client = NULL;

	support_fails(mqc_client_open(endpoint, &options, &client), MQC_INVALID_ARGUMENT);
	support_error_has("fs.mqueue.msg_max");
	ck_assert_ptr_null(client);
	peer_stop(&peer);
}
END_TEST

START_TEST(nobody_there)
{
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;

	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_NOT_FOUND);
	support_error_has(endpoint);
	ck_assert(!mqc_error_last()->maybe_executed);
	ck_assert_ptr_null(client);
}
END_TEST

START_TEST(only_what_a_dead_server_left)
{
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "");
	mqc_client *client = NULL;

	peer_kill(&peer);
	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_NOT_FOUND);
	support_error_has(endpoint);
	peer = peer_start(endpoint, "signals");
	peer_stop(&peer);
}
END_TEST

struct opening {
	const char *endpoint;
	mqc_client *client;
	int result;
};

static void *open_waiting(void *data)
{
	const mqc_client_options options = {
		.wait_for_server = true, .open_timeout_ms = 60000, .reply_size = 1024};
	struct opening *opening = data;

	opening->result = mqc_client_open(opening->endpoint, &options, &opening->client);
	return NULL;
}

START_TEST(waiting_for_a_server)
{
	struct opening opening = {.endpoint = support_endpoint()};
	struct peer peer;
	pthread_t thread;
	int64_t sum = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, open_waiting, &opening), 0);
	support_sleep_ms(100);
	peer = peer_start(opening.endpoint, "signals");
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	support_ok(opening.result);
	support_ok(things_add(opening.client, 1, 2, &sum));
	ck_assert_int_eq(sum, 3);
	mqc_client_close(opening.client);
	peer_stop(&peer);
}
END_TEST

START_TEST(waiting_in_vain)
{
	const mqc_client_options options = {.wait_for_server = true, .open_timeout_ms = 100};
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;
	int64_t begun = support_now_ms();

	support_fails(mqc_client_open(endpoint, &options, &client), MQC_NOT_FOUND);
	ck_assert_int_ge(support_now_ms() - begun, 99);
}
END_TEST

START_TEST(a_server_that_does_not_answer)
{
	const mqc_client_options options = {.open_timeout_ms = 100, .reply_size = 1024};
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "signals");
	mqc_client *client = NULL;
	int64_t begun;

	peer_freeze(&peer);
	begun = support_now_ms();
	support_fails(mqc_client_open(endpoint, &options, &client), MQC_UNAVAILABLE);
	ck_assert_int_ge(support_now_ms() - begun, 99);
	support_error_has(endpoint);
	ck_assert_ptr_null(client);
	peer_thaw(&peer);
	/* It finds our greeting, and is none the worse. */
	client = support_client(endpoint, 0);
	mqc_client_close(client);
	peer_stop(&peer);
}
END_TEST

START_TEST(a_queue_that_others_can_read)
{
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;
	mqci_queue queue;

	support_ok(mqci_queue_create(support_queue_name(endpoint), 1, 1024, 0644, &queue));
	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_PERMISSION_DENIED);
	support_error_has("644");
	mqci_queue_unlink(queue.name);
	mqci_queue_close(&queue);
}
END_TEST

/* In a child: open a client with each number of descriptors, until it succeeds. */
static int open_with_few_descriptors(void *endpoint)
{
	const mqc_client_options options = {.reply_size = 1024};
	mqc_client *client = NULL;
	struct rlimit limit;
	unsigned before, n;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 10;
	before = support_descriptors();
	for (n = 0; client == NULL; n++) {
		int r;

		limit.rlim_cur = n;
		if (n > 100 || setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 11;
		r = mqc_client_open(endpoint, &options, &client);
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 12;
		if (r < 0 && support_descriptors() != before)
			return 13;
		if (r < 0 && r != MQC_RESOURCE_EXHAUSTED && r != MQC_FAILED_PRECONDITION) {
			printf("with %u descriptors: %s: %s\n", n, mqc_status_name(r),
			       mqc_error_last()->text);
			return 14;
		}
	}
	mqc_client_close(client);
	for (n = 0; n < MQCI_PARTIES_MAX; n++) {
		char name[MQCI_NAME_SIZE];
		uint64_t process;

		if (mqci_process_self(&process) < 0)
			return 15;
		mqci_name_replies(mqci_party_make(process, n), name);
		if (support_queue_exists(name))
			return 16;
	}
	return support_descriptors() == before ? 0 : 17;
}

START_TEST(few_descriptors)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	struct peer peer;

	if (support_skip_scarcity())
		return;
	(void)snprintf(endpoint, sizeof endpoint, "%s", support_endpoint());
	peer = peer_start(endpoint, "signals");
	ck_assert_int_eq(support_in_child(open_with_few_descriptors, endpoint), 0);
	peer_stop(&peer);
}
END_TEST

static int open_over_quota(void *endpoint)
{
	const struct rlimit limit = {1000, 1000};
	mqc_client *client = NULL;

	if (setrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
		return 10;
	if (mqc_client_open(endpoint, NULL, &client) != MQC_RESOURCE_EXHAUSTED)
		return 11;
	return strstr(mqc_error_last()->text, "ulimit -q") != NULL ? 0 : 12;
}

START_TEST(over_the_quota)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	struct peer peer;

	(void)snprintf(endpoint, sizeof endpoint, "%s", support_endpoint());
	peer = peer_start(endpoint, "signals");
	ck_assert_int_eq(support_in_child(open_over_quota, endpoint), 0);
	peer_stop(&peer);
}
END_TEST

START_TEST(default_options)
{
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "signals defaults");
	mqc_client *client = NULL;
	int64_t sum = 0;

	support_ok(mqc_client_open(endpoint, NULL, &client));
	support_ok(things_add(client, -2, 3, &sum));
	ck_assert_int_eq(sum, 1);
	ck_assert_ptr_null(mqc_client_close(client));
	ck_assert_ptr_null(mqc_client_close(NULL));
	peer_stop(&peer);
}
END_TEST

START_TEST(many_clients)
{
	const char *endpoint = support_endpoint();
	struct peer peer = peer_start(endpoint, "signals");
	mqc_client *clients[12];
	int64_t sum;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 12; i++)
			clients[i] = support_client(endpoint, 2);
		for (int i = 0; i < 12; i++) {
			support_ok(things_add(clients[i], i, round, &sum));
			ck_assert_int_eq(sum, i + round);
		}
		for (int i = 0; i < 12; i++)
			mqc_client_close(clients[i]);
	}
	peer_stop(&peer);
}
END_TEST

/* ------------------------------------------------------------- calling -- */

static const char *endpoint;
static struct peer server;
static mqc_client *client;

static void connect(const char *options)
{
	endpoint = support_endpoint();
	server = peer_start(endpoint, options);
	client = support_client(endpoint, 0);
}

static void disconnect(void)
{
	mqc_client_close(client);
	peer_stop(&server);
}

START_TEST(a_call)
{
	char *text = NULL;
	int64_t sum = 0;

	connect("signals");
	support_ok(things_add(client, 2, 3, &sum));
	ck_assert_int_eq(sum, 5);
	support_ok(things_add(client, INT32_MAX, INT32_MAX, &sum));
	ck_assert_int_eq(sum, 2 * (int64_t)INT32_MAX);
	support_ok(things_echo(client, "hello", &text));
	ck_assert_str_eq(text, "hello");
	free(text);
	disconnect();
}
END_TEST

START_TEST(what_handlers_return)
{
	connect("signals");
	for (int status = MQC_UNAUTHENTICATED; status < MQC_OK; status++) {
		char text[64];

		support_fails(things_call(client, THINGS_FAIL, 0, status, NULL), status);
		(void)snprintf(text, sizeof text, "failed with %d, as asked for", status);
		ck_assert_str_eq(mqc_error_last()->text, text);
		ck_assert(mqc_error_last()->maybe_executed);
		ck_assert_int_eq(mqc_error_last()->status, status);

		support_fails(things_call(client, THINGS_CODE, 0, status, NULL), status);
		ck_assert_str_ne(mqc_error_last()->text, "");
	}
	support_fails(things_call(client, THINGS_CODE, 0, 1, NULL), MQC_INTERNAL);
	support_error_has("returned 1");
	support_fails(things_call(client, THINGS_CODE, 0, MQC_UNAUTHENTICATED - 1, NULL),
		      MQC_INTERNAL);
	support_ok(things_call(client, THINGS_CODE, 0, 0, NULL));
	disconnect();
}
END_TEST

START_TEST(no_such_method)
{
	connect("signals");
	support_fails(things_call(client, THINGS_ABSENT, 0, 1, NULL), MQC_UNIMPLEMENTED);
	support_error_has("things.Things/Absent");
	support_error_has(endpoint);
	ck_assert(!mqc_error_last()->maybe_executed);
	support_ok(things_call(client, THINGS_COUNT, 0, 1, NULL));
	disconnect();
}
END_TEST

START_TEST(outputs_are_untouched_on_failure)
{
	ProtobufCMessage *reply = (ProtobufCMessage *)&server;
	Shapes__Number request;

	connect("signals");
	shapes__number__init(&request);
	request.value = MQC_NOT_FOUND;
	support_fails(mqc_client_call(client, &things_methods[THINGS_FAIL], NULL, &request.base,
				      NULL, &reply),
		      MQC_NOT_FOUND);
	ck_assert_ptr_eq(reply, &server);
	disconnect();
}
END_TEST

START_TEST(a_call_takes_too_long)
{
	int64_t begun, value;

	connect("signals threads=2");
	begun = support_now_ms();
	/* Long enough to be sent in time, and for the answer to be too late, on a slow machine. */
	support_fails(things_call(client, THINGS_WAIT, 500, 2500, NULL), MQC_DEADLINE_EXCEEDED);
	ck_assert_int_ge(support_now_ms() - begun, 499);
	ck_assert(mqc_error_last()->maybe_executed);
	support_error_has("things.Things/Wait");
	/* The late answer is nobody's. */
	for (int i = 0; support_now_ms() - begun < 2700; i++) {
		support_ok(things_call(client, THINGS_WAIT, 0, 30 + i, &value));
		ck_assert_int_eq(value, 30 + i);
	}
	disconnect();
}
END_TEST

START_TEST(time_limits_come_from_call_method_client)
{
	const mqc_client_options options = {.timeout_ms = 70000, .reply_size = 1024};
	mqc_method method = things_methods[THINGS_REMAINING];
	const mqc_call_options call = {.timeout_ms = 30000},
			       endless = {.timeout_ms = MQC_TIMEOUT_INFINITE};
	const struct {
		uint32_t of_method;
		const mqc_call_options *of_call;
		int64_t least, most;
	} cases[] = {
		{0, NULL, 50001, 70000},    {50000, NULL, 30001, 50000}, {50000, &call, 1, 30000},
		{0, &call, 1, 30000},       {0, &endless, -1, -1},       {50000, &endless, -1, -1},
		{UINT32_MAX, NULL, -1, -1},
	};
	ProtobufCMessage *reply;
	Shapes__Number request;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	support_ok(mqc_client_open(endpoint, &options, &client));
	shapes__number__init(&request);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t left;

		method.timeout_ms = cases[i].of_method;
		support_ok(mqc_client_call(client, &method, cases[i].of_call, &request.base, NULL,
					   &reply));
		left = ((Shapes__Number *)(void *)reply)->value;
		ck_assert_int_ge(left, cases[i].least);
		ck_assert_int_le(left, cases[i].most);
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	disconnect();
}
END_TEST

START_TEST(the_default_limit_is_finite)
{
	const mqc_client_options options = {.reply_size = 1024};
	int64_t left;

	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals");
	support_ok(mqc_client_open(endpoint, &options, &client));
	support_ok(things_call(client, THINGS_REMAINING, 0, 0, &left));
	ck_assert_int_gt(left, 0);
	ck_assert_int_le(left, MQC_DEFAULT_TIMEOUT_MS);
	disconnect();
}
END_TEST

START_TEST(call_options_that_are_none)
{
	enum {
		LAST = sizeof((mqc_call_options *)0)->reserved / sizeof(uint64_t) - 1
	};
	const mqc_call_options bad[] = {{.timeout_ms = -2},
					{.reserved = {1}},
					{.reserved = {[LAST] = 1}},
					{.priority = 32},
					{.priority = -2}};
	ProtobufCMessage *reply = NULL;
	Shapes__Number request;

	connect("signals");
	shapes__number__init(&request);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		support_fails(mqc_client_call(client, &things_methods[THINGS_COUNT], &bad[i],
					      &request.base, NULL, &reply),
			      MQC_INVALID_ARGUMENT);
		ck_assert(!mqc_error_last()->maybe_executed);
	}
	disconnect();
}
END_TEST

/* The most that a text can have for its message to have `size` bytes: a tag, and its length. */
static size_t text_for(size_t size)
{
	return size - 1 - (size < 128 + 2 ? 1 : size < 16384 + 3 ? 2 : 3);
}

static void echo(size_t size)
{
	char *text = malloc(size + 1), *answer = NULL;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + (i + size) % 26);
	text[size] = '\0';
	support_ok(things_echo(client, text, &answer));
	ck_assert_str_eq(answer, text);
	free(answer);
	free(text);
}

static void open_with_payload_max(size_t payload_max)
{
	const mqc_client_options options = {.payload_max = payload_max, .timeout_ms = 60000};

	connect("signals");
	mqc_client_close(client);
	support_ok(mqc_client_open(endpoint, &options, &client));
}

/* Whatever the size: in the queue's messages, in shared memory by copy, or in place. */
START_TEST(payloads_of_all_sizes)
{
	static const size_t around[] = {0, 752, 960, 4096, 65536, 1 << 20};

	open_with_payload_max((1 << 20) + 100);
	for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
		for (size_t more = 0; more < 8; more++)
			echo(around[i] + more - (around[i] > 4 ? 4 : 0));
	disconnect();
}
END_TEST

/* Each has regions of its own, and gets its own back. */
static void *echo_often(void *unused)
{
	for (size_t i = 0; i < 20; i++)
		echo(1000 + 7919 * i);
	return unused;
}

/* How much memory a client's file in /dev/shm has. */
static size_t memory_of_client(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(client->arena.segment.fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

static void echo_large(size_t size)
{
	char *text = malloc(size + 1), *back;

	ck_assert_ptr_nonnull(text);
	memset(text, 'l', size);
	text[size] = '\0';
	support_ok(things_echo(client, text, &back));
	ck_assert_str_eq(back, text);
	free(back);
	free(text);
}

START_TEST(memory_that_is_kept)
{
	mqc_client_options options = {.memory_kept = 1};
	static const size_t kept[] = {1, 100 << 10, 1 << 20, 0};

	connect("signals");
	for (int i = 0; i < 4; i++) {
		mqc_client_close(client);
		client = NULL;
		options.memory_kept = kept[i];
		support_ok(mqc_client_open(endpoint, &options, &client));
		echo_large(300 << 10);
		ck_assert_uint_le(memory_of_client(), kept[i] != 0 ? kept[i] + 8192 : 620 << 10);
		ck_assert_uint_ge(memory_of_client() + 8192,
				  kept[i] != 0 && kept[i] < 600 << 10 ? kept[i] : 600 << 10);
		/* And once more, in what is left of it. */
		echo_large(400 << 10);
		echo_large(10 << 10);
		echo_large(300 << 10);
	}
	disconnect();
}
END_TEST

START_TEST(large_payloads_from_many_threads)
{
	pthread_t threads[6];

	open_with_payload_max(1 << 20);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, echo_often, NULL), 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	disconnect();
}
END_TEST

START_TEST(requests_too_large)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), most = text_for(2 * page);
	char *text = malloc(most + 2), *answer = NULL, number[32];

	ck_assert_ptr_nonnull(text);
	open_with_payload_max(2 * page);
	memset(text, 'x', most);
	text[most] = '\0';
	support_ok(things_echo(client, text, &answer));
	ck_assert_str_eq(answer, text);
	free(answer);
	text[most] = 'x';
	text[most + 1] = '\0';
	answer = NULL;
	support_fails(things_echo(client, text, &answer), MQC_RESOURCE_EXHAUSTED);
	ck_assert_ptr_null(answer);
	ck_assert_int_eq(mqc_error_last()->system_errno, EMSGSIZE);
	ck_assert(!mqc_error_last()->maybe_executed);
	(void)snprintf(number, sizeof number, "%zu", 2 * page + 1);
	support_error_has(number);
	support_error_has("payload_max");
	free(text);
	disconnect();
}
END_TEST

START_TEST(replies_too_large)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = 0;

	open_with_payload_max(page);
	support_ok(things_grow(client, text_for(page), &size));
	ck_assert_uint_eq(size, text_for(page));
	support_fails(things_grow(client, text_for(page) + 1, &size), MQC_RESOURCE_EXHAUSTED);
	support_error_has("payload_max");
	ck_assert(mqc_error_last()->maybe_executed);
	support_fails(things_grow(client, 10000000, &size), MQC_RESOURCE_EXHAUSTED);
	support_ok(things_grow(client, 0, &size));
	disconnect();
}
END_TEST

/* Have a /dev/shm of our own, with little room; false: that is not permitted. */
static bool have_little_memory(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=4m") == 0;
}

static size_t memory_left(void)
{
	struct statvfs status;

	ck_assert_int_eq(statvfs("/dev/shm", &status), 0);
	return (size_t)status.f_bfree * status.f_bsize;
}

/* A reply for which there is no memory leaves others as much as there was. */
START_TEST(replies_without_memory)
{
	int64_t value = 0;
	size_t size = 0, before;

	if (!have_little_memory()) {
		support_skip("a /dev/shm with little room takes permission to mount one");
		return;
	}
	connect("signals");
	before = memory_left();
	for (int i = 0; i < 2; i++) {
		support_fails(things_grow(client, 8 << 20, &size), MQC_RESOURCE_EXHAUSTED);
		ck_assert_uint_eq(memory_left(), before);
		/* Lent by the handler, which is content without. */
		support_fails(things_call(client, THINGS_LEND, 0, 8 << 20, &value),
			      MQC_RESOURCE_EXHAUSTED);
		ck_assert_uint_eq(memory_left(), before);
	}
	support_ok(things_grow(client, 1 << 20, &size));
	ck_assert_uint_eq(size, 1 << 20);
	disconnect();
}
END_TEST

START_TEST(one_way_calls)
{
	int64_t count = 0;

	connect("signals");
	for (int i = 1; i <= 100; i++)
		support_ok(things_call(client, THINGS_NOTE, 0, i, NULL));
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 5050);
	disconnect();
}
END_TEST

START_TEST(not_waiting_for_room_in_the_queue)
{
	const mqc_client_options options = {.no_wait = true, .reply_size = 1024};
	int r = MQC_OK;

	connect("signals");
	mqc_client_close(client);
	support_ok(mqc_client_open(endpoint, &options, &client));
	peer_freeze(&server);
	for (int i = 0; r == MQC_OK && i < 1000; i++)
		r = things_call(client, THINGS_NOTE, 0, 1, NULL);
	support_fails(r, MQC_RESOURCE_EXHAUSTED);
	support_error_has("is full");
	ck_assert_int_eq(mqc_error_last()->system_errno, EAGAIN);
	ck_assert(!mqc_error_last()->maybe_executed);
	peer_thaw(&server);
	disconnect();
}
END_TEST

static atomic_bool seen;

static void *wait_until_seen(void *unused)
{
	int64_t value;
	int r;

	(void)unused;
	/* The other thread's calls may be in the way, as this one is in theirs. */
	do {
		r = things_call(client, THINGS_WAIT, 0, 100, &value);
		if (r != MQC_RESOURCE_EXHAUSTED)
			support_ok(r);
	} while (!atomic_load(&seen));
	return NULL;
}

static bool has_begun(void *unused)
{
	int64_t value;

	(void)unused;
	return things_call(client, THINGS_COUNT, 0, 0, &value) == MQC_RESOURCE_EXHAUSTED;
}

START_TEST(not_waiting_for_other_calls)
{
	const mqc_client_options options = {.no_wait = true, .window = 1, .reply_size = 1024};
	pthread_t thread;
	int64_t value;

	connect("signals threads=2");
	mqc_client_close(client);
	support_ok(mqc_client_open(endpoint, &options, &client));
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_until_seen, NULL), 0);
	ck_assert(support_wait_for(has_begun, NULL));
	support_error_has("window");
	ck_assert(!mqc_error_last()->maybe_executed);
	atomic_store(&seen, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &value));
	disconnect();
}
END_TEST

/* How many calls have a slot: those given up, until what they are answered is received. */
static unsigned count_slots(void)
{
	unsigned count;

	(void)pthread_mutex_lock(&client->waiters.lock);
	count = client->waiters.slots.active;
	(void)pthread_mutex_unlock(&client->waiters.lock);
	return count;
}

static bool are_all_answered(void *replies)
{
	size_t waiting = 0;

	support_ok(mqci_queue_waiting(replies, &waiting));
	return waiting >= count_slots();
}

/* Replies to calls given up must not be in the way of calls that do not wait. */
START_TEST(not_waiting_after_calls_given_up)
{
	const mqc_client_options options = {.no_wait = true, .window = 3, .reply_size = 1024};
	int64_t value;

	connect("signals threads=4");
	mqc_client_close(client);
	support_ok(mqc_client_open(endpoint, &options, &client));
	for (int i = 0; i < 3; i++)
		support_fails(things_call(client, THINGS_WAIT, 10, 1000, NULL),
			      MQC_DEADLINE_EXCEEDED);
	ck_assert(support_wait_for(are_all_answered, &client->waiters.replies));
	support_ok(things_call(client, THINGS_COUNT, 0, 0, &value));
	disconnect();
}
END_TEST

static void steal_replies(mqci_queue *replies)
{
	uint8_t buffer[8192];

	while (mqci_queue_receive(replies, buffer, sizeof buffer) > 0)
		continue;
}

/* Replies that are lost cost their calls, and no more. */
START_TEST(lost_replies)
{
	const mqc_client_options options = {.window = 1, .reply_size = 1024};
	mqci_queue replies;
	char name[MQCI_NAME_SIZE];
	uint64_t self;
	int64_t value, given_up;
	int r;

	connect("signals threads=4");
	mqc_client_close(client);
	support_ok(mqc_client_open(endpoint, &options, &client));
	support_ok(mqci_process_self(&self));
	for (unsigned n = 0; n < MQCI_PARTIES_MAX; n++) {
		mqci_name_replies(mqci_party_make(self, n), name);
		if (support_queue_exists(name))
			break;
	}
	support_ok(mqci_queue_open(name, MQCI_RECEIVE, &replies));
	support_ok(mqci_queue_never_block(&replies));
	/* The first one's slot is replaced by another; for that of the second there is none. */
	for (int i = 0; i < 3; i++) {
		/* On a slow machine the server may refuse it, as too late, in time for us. */
		do
			support_fails(things_call(client, THINGS_WAIT, 200, 800, NULL),
				      MQC_DEADLINE_EXCEEDED);
		while (count_slots() == 0);
		given_up = support_now_ms();
		ck_assert(support_wait_for(are_all_answered, &replies));
		steal_replies(&replies);
		r = things_call(client, THINGS_COUNT, 10, 0, &value);
		/* It is replaced after two seconds, which may be over where we had to wait. */
		if (support_now_ms() - given_up < 1900) {
			support_fails(r, MQC_DEADLINE_EXCEEDED);
			ck_assert(!mqc_error_last()->maybe_executed);
		}
		/* Found out by who waits for it, too. */
		support_sleep_ms(i == 0 ? 2000 : 0);
		support_ok(things_call(client, THINGS_COUNT, 0, 0, &value));
	}
	mqci_queue_close(&replies);
	disconnect();
}
END_TEST

START_TEST(an_incomplete_request)
{
	const mqc_method method = {
		.name = "things.Things/Strict",
		.id = 1,
		.request = &strict__strict__descriptor,
		.reply = &strict__strict__descriptor,
		.table_version = MQC_TABLE_VERSION,
	};
	Strict__Strict request, *parts[] = {NULL};
	ProtobufCMessage *reply = NULL;

	connect("signals");
	strict__strict__init(&request);
	/* A repeated field with a hole in it. */
	request.n_parts = 1;
	request.parts = parts;
	support_fails(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply),
		      MQC_INVALID_ARGUMENT);
	support_error_has(method.name);
	ck_assert(!mqc_error_last()->maybe_executed);
	disconnect();
}
END_TEST

/* A client is given nothing but the method. */
START_TEST(tables_of_another_version)
{
	mqc_method method = things_methods[THINGS_COUNT];
	ProtobufCMessage *reply = NULL;
	Shapes__Number request;

	connect("signals");
	shapes__number__init(&request);
	for (int i = 0; i < 2; i++) {
		method.table_version = i == 0 ? 0 : MQC_TABLE_VERSION + 1;
		support_fails(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply),
			      MQC_FAILED_PRECONDITION);
		support_error_has(method.name);
		ck_assert(!mqc_error_last()->maybe_executed);
	}
	disconnect();
}
END_TEST

START_TEST(a_reply_of_another_type)
{
	mqc_method method = things_methods[THINGS_ECHO];
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	char text[] = "text";

	connect("signals");
	/* What the server answers lacks what this type requires. */
	method.reply = &strict__strict__descriptor;
	method.reply_fields = NULL;
	shapes__text__init(&request);
	request.text = text;
	support_fails(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply),
		      MQC_INTERNAL);
	support_error_has("strict.Strict");
	ck_assert(mqc_error_last()->maybe_executed);
	ck_assert_ptr_null(reply);
	disconnect();
}
END_TEST

START_TEST(a_request_of_another_type)
{
	mqc_method method = things_methods[THINGS_ADD];
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	char text[] = "text";

	connect("signals");
	method.request = &shapes__text__descriptor;
	method.request_fields = NULL;
	shapes__text__init(&request);
	request.text = text;
	support_fails(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply),
		      MQC_INVALID_ARGUMENT);
	support_error_has("shapes.Pair");
	ck_assert(!mqc_error_last()->maybe_executed);
	disconnect();
}
END_TEST

START_TEST(the_server_has_stopped)
{
	connect("signals");
	peer_stop(&server);
	for (int i = 0; i < 3; i++) {
		support_fails(things_call(client, THINGS_COUNT, 0, 1, NULL), MQC_UNAVAILABLE);
		support_error_has(endpoint);
	}
	ck_assert(!mqc_error_last()->maybe_executed);
	mqc_client_close(client);
}
END_TEST

START_TEST(the_server_has_stopped_and_calls_are_one_way)
{
	int r = MQC_OK;

	connect("signals");
	peer_stop(&server);
	/* None of these can reach anybody: sooner or later we must be told so. */
	for (int i = 0; i < 3 && r == MQC_OK; i++)
		r = things_call(client, THINGS_NOTE, 0, 1, NULL);
	support_fails(r, MQC_UNAVAILABLE);
	mqc_client_close(client);
}
END_TEST

START_TEST(the_server_dies_with_the_call_in_hand)
{
	connect("");
	support_fails(things_call(client, THINGS_KILL, 0, 0, NULL), MQC_UNAVAILABLE);
	ck_assert(mqc_error_last()->maybe_executed);
	support_error_has("died");
	mqc_client_close(client);
	ck_assert_int_eq(peer_wait(&server), 128 + SIGKILL);
	server = peer_start(endpoint, "signals");
	peer_stop(&server);
}
END_TEST

static int use_in_child(void *unused)
{
	mqc_client *own = NULL;
	int64_t sum = 0;

	(void)unused;
	if (things_add(client, 1, 2, &sum) != MQC_FAILED_PRECONDITION)
		return 10;
	if (strstr(mqc_error_last()->text, "fork") == NULL)
		return 11;
	mqc_client_close(client);
	own = support_client(endpoint, 0);
	if (things_add(own, 1, 2, &sum) != MQC_OK || sum != 3)
		return 12;
	mqc_client_close(own);
	return 0;
}

START_TEST(a_forked_child)
{
	int64_t sum = 0;

	connect("signals");
	support_ok(things_add(client, 1, 2, &sum));
	if (SUPPORT_THREADS_AFTER_FORK)
		ck_assert_int_eq(support_in_child(use_in_child, NULL), 0);
	support_ok(things_add(client, 3, 4, &sum));
	ck_assert_int_eq(sum, 7);
	disconnect();
}
END_TEST

/* As soon as the hello is there. */
static void *remove_soon(void *name)
{
	support_await_queued(support_last_endpoint(), 1);
	support_sleep_ms(100);
	ck_assert(mqci_queue_unlink(name));
	return NULL;
}

/* A hello that came too late for a server that leaves is not waited for until the time is over. */
START_TEST(a_server_that_leaves_without_an_answer)
{
	mqci_presence presence;
	mqc_client *nobody = NULL;
	char name[MQCI_NAME_SIZE];
	mqci_queue requests;
	pthread_t thread;
	int64_t began;

	(void)snprintf(name, sizeof name, "%s", support_queue_name(support_endpoint()));
	support_ok(mqci_queue_create(name, 4, 1024, 0600, &requests));
	support_ok(mqci_presence_open(support_last_endpoint(), 0600, &presence));
	ck_assert_int_eq(pthread_create(&thread, NULL, remove_soon, name), 0);
	began = support_now_ms();
	support_fails(mqc_client_open(support_last_endpoint(), NULL, &nobody), MQC_UNAVAILABLE);
	ck_assert_int_lt(support_now_ms() - began, 8000);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqci_presence_close(&presence);
	mqci_queue_close(&requests);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *tests;

	tests = support_case(suite, "opening");
	tcase_add_test(tests, names_that_are_none);
	tcase_add_test(tests, options_that_are_none);
	tcase_add_test(tests, smallest_options);
	tcase_add_test(tests, more_than_the_system_allows);
	tcase_add_test(tests, nobody_there);
	tcase_add_test(tests, only_what_a_dead_server_left);
	tcase_add_test(tests, waiting_for_a_server);
	tcase_add_test(tests, waiting_in_vain);
	tcase_add_test(tests, a_server_that_does_not_answer);
	tcase_add_test(tests, a_queue_that_others_can_read);
	tcase_add_test(tests, few_descriptors);
	tcase_add_test(tests, over_the_quota);
	tcase_add_test(tests, default_options);
	tcase_add_test(tests, many_clients);

	tests = support_case(suite, "calling");
	tcase_add_test(tests, a_call);
	tcase_add_test(tests, what_handlers_return);
	tcase_add_test(tests, no_such_method);
	tcase_add_test(tests, outputs_are_untouched_on_failure);
	tcase_add_test(tests, a_call_takes_too_long);
	tcase_add_test(tests, time_limits_come_from_call_method_client);
	tcase_add_test(tests, the_default_limit_is_finite);
	tcase_add_test(tests, call_options_that_are_none);
	tcase_add_test(tests, payloads_of_all_sizes);
	tcase_add_test(tests, memory_that_is_kept);
	tcase_add_test(tests, large_payloads_from_many_threads);
	tcase_add_test(tests, requests_too_large);
	tcase_add_test(tests, replies_too_large);
	tcase_add_test(tests, replies_without_memory);
	tcase_add_test(tests, one_way_calls);
	tcase_add_test(tests, not_waiting_for_room_in_the_queue);
	tcase_add_test(tests, not_waiting_for_other_calls);
	tcase_add_test(tests, not_waiting_after_calls_given_up);
	tcase_add_test(tests, lost_replies);
	tcase_add_test(tests, an_incomplete_request);
	tcase_add_test(tests, tables_of_another_version);
	tcase_add_test(tests, a_reply_of_another_type);
	tcase_add_test(tests, a_request_of_another_type);
	tcase_add_test(tests, the_server_has_stopped);
	tcase_add_test(tests, the_server_has_stopped_and_calls_are_one_way);
	tcase_add_test(tests, the_server_dies_with_the_call_in_hand);
	tcase_add_test(tests, a_forked_child);
	tcase_add_test(tests, a_server_that_leaves_without_an_answer);
	return support_run(suite);
}
