/*
 * test_async.c - calls that are started and finished later: what becomes of them, whatever happens.
 */
#include <mqcall/mqcall.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "carry.h"
#include "sanitizer.h"
#include "support.h"
#include "things.h"

/* How long what must happen is waited for. */
#define PATIENCE_MS 60000

enum {
	MANY = 2000,
	SOME = 200
};

static mqc_client *open_client(const char *endpoint, mqc_client_options options)
{
	mqc_client *client = NULL;

	options.open_timeout_ms = PATIENCE_MS;
	if (options.timeout_ms == 0)
		options.timeout_ms = PATIENCE_MS;
	support_ok(mqc_client_open(endpoint, &options, &client));
	return client;
}

static mqc_pending *start(mqc_client *client, int method, int64_t value)
{
	mqc_pending *pending = NULL;

	support_ok(things_start(client, method, NULL, value, NULL, NULL, &pending));
	ck_assert_ptr_nonnull(pending);
	return pending;
}

static void start_text(mqc_client *client, size_t size, mqc_pending **ret_pending)
{
	char *text = malloc(size + 1);
	Shapes__Text request;

	ck_assert_ptr_nonnull(text);
	memset(text, 'a' + (int)(size % 26), size);
	text[size] = '\0';
	shapes__text__init(&request);
	request.text = text;
	support_ok(mqc_client_start(client, &things_methods[THINGS_ECHO], NULL, &request.base, NULL,
				    NULL, ret_pending));
	free(text);
}

static void finish_text(mqc_pending *pending, size_t size, char letter)
{
	ProtobufCMessage *reply = NULL;
	const char *text;

	support_ok(mqc_pending_finish(pending, NULL, &reply));
	text = ((const Shapes__Text *)(const void *)reply)->text;
	ck_assert_uint_eq(strlen(text), size);
	ck_assert_uint_eq(strspn(text, (char[]){letter, '\0'}), size);
	protobuf_c_message_free_unpacked(reply, NULL);
}

static int64_t count_of(const char *endpoint)
{
	mqc_client *other = open_client(endpoint, (mqc_client_options){0});
	int64_t count = -1;

	support_ok(things_call(other, THINGS_COUNT, 0, 0, &count));
	mqc_client_close(other);
	return count;
}

struct expected {
	const char *endpoint;
	int64_t count;
};

static bool has_counted(void *data)
{
	const struct expected *expected = data;
	int64_t count = count_of(expected->endpoint);

	ck_assert_int_le(count, expected->count);
	return count == expected->count;
}

static void await_count(const char *endpoint, int64_t count)
{
	struct expected expected = {.endpoint = endpoint, .count = count};

	ck_assert(support_wait_for(has_counted, &expected));
}

/* ------------------------------------------------------------- outcomes -- */

static void call_many(mqc_client *client, int n)
{
	static mqc_pending *pendings[MANY];

	for (int i = 0; i < n; i++)
		pendings[i] = start(client, THINGS_CODE, 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(support_finish(pendings[i]), 0);
}

START_TEST(many_at_once)
{
	static mqc_pending *pendings[MANY];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=3");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.window = 4096});

	call_many(client, MANY);
	/* And finished the other way round. */
	for (int i = 0; i < MANY; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	for (int i = MANY; i-- > 0;)
		ck_assert_int_gt(support_finish(pendings[i]), 0);
	ck_assert_int_eq(count_of(endpoint), MANY);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

static long page_faults(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

/* Of calls that have been finished: it is not fetched from the kernel again for the next. */
START_TEST(memory_is_used_again)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.window = 1000});
	long before;

	call_many(client, 1000);
	before = page_faults();
	for (int i = 0; i < 20; i++)
		call_many(client, 1000);
#if MQCI_ADDRESS_SANITIZER || MQCI_THREAD_SANITIZER
	printf("a sanitizer's memory is not looked at: %ld page faults\n", page_faults() - before);
#else
	ck_assert_int_lt(page_faults() - before, 1000);
#endif
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(errors_arrive)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.payload_max = 4096});
	mqc_pending *pendings[5], *oneway = NULL;

	pendings[0] = start(client, THINGS_FAIL, MQC_OUT_OF_RANGE);
	pendings[1] = start(client, THINGS_CODE, MQC_ABORTED);
	pendings[2] = start(client, THINGS_GROW, 100000);
	pendings[3] = start(client, THINGS_ABSENT, 0);
	pendings[4] = start(client, THINGS_COUNT, 3);
	/* Others in between are not in the way of what is told. */
	support_ok(mqc_wait_all(pendings, 5, PATIENCE_MS));
	support_fails(things_call(client, THINGS_FAIL, 0, MQC_DATA_LOSS, NULL), MQC_DATA_LOSS);
	support_fails(things_finish(pendings[0], NULL), MQC_OUT_OF_RANGE);
	support_error_has("as asked for");
	support_fails(things_finish(pendings[1], NULL), MQC_ABORTED);
	support_fails(things_finish(pendings[2], NULL), MQC_RESOURCE_EXHAUSTED);
	support_finish_fails(pendings[3], MQC_UNIMPLEMENTED, false);
	ck_assert_int_eq(support_finish(pendings[4]), 3);
	support_fails(things_start(client, THINGS_NOTE, NULL, 1, NULL, NULL, &oneway),
		      MQC_INVALID_ARGUMENT);
	support_error_has("one-way");
	ck_assert_ptr_null(oneway);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

static void start_carry(mqc_client *client, int64_t value, const mqc_pair *pair,
			mqc_pairs **ret_metadata, mqc_pending **ret_pending)
{
	const mqc_call_options options = {
		.metadata = pair, .n_metadata = 1, .ret_metadata = ret_metadata};

	support_ok(things_start(client, THINGS_CARRY, &options, value, NULL, NULL, ret_pending));
}

START_TEST(metadata_and_details_arrive)
{
	const mqc_pair user = {"user", "somebody"}, wanted = {"detail", "pair"};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){0});
	mqc_pairs *came[2] = {NULL, NULL};
	ProtobufCMessage *detail = NULL;
	mqc_pending *pendings[2];

	start_carry(client, 0, &user, &came[0], &pendings[0]);
	start_carry(client, MQC_ABORTED, &wanted, &came[1], &pendings[1]);
	support_ok(mqc_wait_all(pendings, 2, PATIENCE_MS));
	ck_assert_ptr_null(came[0]);
	ck_assert_int_eq(support_finish(pendings[0]), 1);
	ck_assert_ptr_nonnull(came[0]);
	ck_assert_uint_eq(came[0]->n, 1);
	ck_assert_str_eq(came[0]->pairs[0].value, "somebody");
	support_fails(things_finish(pendings[1], NULL), MQC_ABORTED);
	support_ok(mqc_error_detail(&shapes__pair__descriptor, NULL, &detail));
	ck_assert_int_eq(((const Shapes__Pair *)(const void *)detail)->a, 1);
	protobuf_c_message_free_unpacked(detail, NULL);
	free(came[0]);
	free(came[1]);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

START_TEST(large_payloads)
{
	enum {
		N = 12
	};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.window = 8});
	mqc_pending *texts[N];
	size_t sizes[N];

	for (int i = 0; i < N; i++) {
		sizes[i] = i % 3 == 0 ? (size_t)i : 1000 + (size_t)i * 60007;
		start_text(client, sizes[i], &texts[i]);
	}
	for (int i = N; i-- > 0;)
		finish_text(texts[i], sizes[i], (char)('a' + sizes[i] % 26));
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* --------------------------------------------------------- back-pressure -- */

START_TEST(a_full_window_blocks)
{
	mqc_pending *pendings[SOME];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.window = 3});

	for (int i = 0; i < SOME; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	for (int i = 0; i < SOME; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* With no_wait, in its options or the call's, or with a loop of its own. */
START_TEST(a_full_window_is_told_at_once)
{
	const mqc_call_options at_once = {.no_wait = _i == 1};
	mqc_pending *pendings[4], *more = NULL;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(
		endpoint,
		(mqc_client_options){.window = 4, .no_wait = _i == 0, .own_loop = _i == 2});

	peer_freeze(&server);
	for (int i = 0; i < 4; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	for (int i = 0; i < 3; i++) {
		support_fails(things_start(client, THINGS_COUNT, &at_once, 1, NULL, NULL, &more),
			      MQC_RESOURCE_EXHAUSTED);
		ck_assert(!mqc_error_last()->maybe_executed);
		ck_assert_ptr_null(more);
	}
	peer_thaw(&server);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	ck_assert_int_eq(support_finish(start(client, THINGS_COUNT, 1)), 5);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* ... and its time is over there, too. */
START_TEST(waiting_for_the_window_takes_its_time)
{
	const mqc_call_options brief = {.timeout_ms = 100};
	mqc_pending *first, *more = NULL;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.window = 1});

	peer_freeze(&server);
	first = start(client, THINGS_COUNT, 1);
	support_fails(things_start(client, THINGS_COUNT, &brief, 1, NULL, NULL, &more),
		      MQC_DEADLINE_EXCEEDED);
	ck_assert(!mqc_error_last()->maybe_executed);
	peer_thaw(&server);
	ck_assert_int_eq(support_finish(first), 1);
	ck_assert_int_eq(support_finish(start(client, THINGS_COUNT, 1)), 2);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* -------------------------------------------------------------- waiting -- */

START_TEST(waiting_for_any_and_all)
{
	const char *endpoint = support_endpoint(), *another = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=3");
	struct peer other_server = peer_start(another, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){0});
	mqc_client *other = open_client(another, (mqc_client_options){0});
	mqc_pending *pendings[3], *mixed[2];
	size_t index = 99;

	support_fails(mqc_wait_any(NULL, 0, 0, &index), MQC_INVALID_ARGUMENT);
	support_ok(mqc_wait_all(NULL, 0, 0));
	pendings[0] = start(client, THINGS_UNTIL, 0);
	pendings[1] = start(client, THINGS_UNTIL, 0);
	pendings[2] = start(client, THINGS_WAIT, 20);
	support_fails(mqc_wait_all(pendings, 3, 0), MQC_DEADLINE_EXCEEDED);
	support_fails(mqc_wait_all(pendings, 3, 60), MQC_DEADLINE_EXCEEDED);
	support_fails(mqc_wait_any(pendings, 2, 30, &index), MQC_DEADLINE_EXCEEDED);
	ck_assert_uint_eq(index, 99);
	support_ok(mqc_wait_any(pendings, 3, PATIENCE_MS, &index));
	ck_assert_uint_eq(index, 2);
	ck_assert(mqc_pending_is_over(pendings[2]) && !mqc_pending_is_over(pendings[0]));
	mixed[0] = pendings[0];
	mixed[1] = start(other, THINGS_COUNT, 1);
	support_fails(mqc_wait_all(mixed, 2, 0), MQC_INVALID_ARGUMENT);
	support_fails(mqc_wait_any(mixed, 2, 0, &index), MQC_INVALID_ARGUMENT);
	mqc_pending_cancel(pendings[1]);
	support_ok(mqc_wait_any(pendings, 2, MQC_TIMEOUT_INFINITE, &index));
	ck_assert_uint_eq(index, 1);
	mqc_pending_cancel(pendings[0]);
	support_ok(mqc_wait_all(pendings, 3, PATIENCE_MS));
	support_finish_fails(pendings[0], MQC_CANCELLED, true);
	support_finish_fails(pendings[1], MQC_CANCELLED, true);
	ck_assert_int_eq(support_finish(pendings[2]), 20);
	ck_assert_int_eq(support_finish(mixed[1]), 1);
	mqc_client_close(client);
	mqc_client_close(other);
	peer_stop(&server);
	peer_stop(&other_server);
}
END_TEST

/* None of them before its limit; so in their order, unless the machine sleeps meanwhile. */
START_TEST(each_ends_when_its_time_is_over)
{
	static const int limits[] = {1500, 500, 1000};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1});
	const int64_t begun = support_now_ms();
	mqc_pending *pendings[3], *left[3];
	size_t index, at;

	peer_freeze(&server);
	for (int i = 0; i < 3; i++) {
		const mqc_call_options options = {.timeout_ms = limits[i]};

		support_ok(
			things_start(client, THINGS_COUNT, &options, 1, NULL, NULL, &pendings[i]));
	}
	support_ok(mqc_client_flush(client));
	memcpy(left, pendings, sizeof left);
	for (size_t n = 3; n > 0; n--) {
		support_ok(mqc_wait_any(left, n, PATIENCE_MS, &index));
		for (at = 0; at < 2 && pendings[at] != left[index];)
			at++;
		ck_assert_int_ge(support_now_ms() - begun, limits[at]);
		support_finish_fails(left[index], MQC_DEADLINE_EXCEEDED, true);
		left[index] = left[n - 1];
	}
	mqc_client_close(client);
	peer_thaw(&server);
	peer_stop(&server);
}
END_TEST

/* ---------------------------------------------------------------- order -- */

START_TEST(calls_keep_their_order)
{
	mqc_pending *pendings[SOME];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(
		endpoint, (mqc_client_options){.window = SOME + 1, .own_loop = _i == 1});
	int64_t last = 0;

	for (int i = 0; i < SOME; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	/* One that is waited for goes behind those that were started. */
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &last));
	ck_assert_int_eq(last, SOME + 1);
	for (int i = 0; i < SOME; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* What was gathered goes within moments, though the program does nothing. */
START_TEST(what_was_gathered_goes_by_itself)
{
	mqc_pending *pendings[5];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){0});

	peer_freeze(&server);
	for (int i = 0; i < 5; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	peer_thaw(&server);
	await_count(endpoint, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(support_finish(pendings[i]), i + 1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* With a loop of the program's own, it goes when that says so. */
START_TEST(what_was_gathered_goes_when_flushed)
{
	mqc_pending *pendings[5];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.own_loop = true});

	peer_freeze(&server);
	for (int i = 0; i < 5; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	support_ok(mqc_client_flush(client));
	peer_thaw(&server);
	await_count(endpoint, 5);
	for (int i = 0; i < 5; i++)
		mqc_pending_drop(pendings[i]);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------------------- giving up -- */

static void must_not_be_called(mqc_pending *pending, void *data)
{
	(void)pending, (void)data;
	ck_abort_msg("the function of a call that was given up is called");
}

/* In every place where a request can be: the server's queue, the client, and the handler. */
START_TEST(giving_up)
{
	const bool drop = _i % 2 == 1, own_loop = _i / 2 == 1;
	mqc_pending *pendings[SOME], *run, *answered;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(
		endpoint, (mqc_client_options){.window = 2 * SOME + 2, .own_loop = own_loop});

	support_ok(
		things_start(client, THINGS_COUNT, NULL, 1, must_not_be_called, NULL, &answered));
	await_count(endpoint, 1);
	mqc_pending_drop(answered);
	run = start(client, THINGS_UNTIL, 1000);
	support_ok(mqc_client_flush(client));
	support_sleep_ms(50);
	peer_freeze(&server);
	for (int i = 0; i < SOME; i++)
		support_ok(things_start(client, THINGS_COUNT, NULL, 1,
					drop ? must_not_be_called : NULL, NULL, &pendings[i]));
	for (int i = SOME; i-- > 0;) {
		if (drop) {
			ck_assert_ptr_null(mqc_pending_drop(pendings[i]));
			continue;
		}
		mqc_pending_cancel(pendings[i]);
		support_fails(things_finish(pendings[i], NULL), MQC_CANCELLED);
	}
	peer_thaw(&server);
	mqc_pending_cancel(run);
	mqc_pending_cancel(run);
	support_finish_fails(run, MQC_CANCELLED, true);
	/* Nothing that was given up is in the way of the others. */
	for (int i = 0; i < SOME; i++)
		pendings[i] = start(client, THINGS_CODE, 0);
	for (int i = 0; i < SOME; i++)
		ck_assert_int_eq(support_finish(pendings[i]), 0);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* What never left the client has certainly not run. */
START_TEST(what_was_gathered_has_not_run)
{
	mqc_pending *pendings[40];
	unsigned unsent = 0, sent = 0;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals messages=2");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.own_loop = true});

	peer_freeze(&server);
	for (int i = 0; i < 40; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	for (int i = 0; i < 40; i++) {
		mqc_pending_cancel(pendings[i]);
		support_fails(things_finish(pendings[i], NULL), MQC_CANCELLED);
		if (mqc_error_last()->maybe_executed)
			sent++;
		else
			unsent++;
	}
	ck_assert_uint_gt(unsent, 0);
	ck_assert_uint_gt(sent, 0);
	peer_thaw(&server);
	ck_assert_int_le(count_of(endpoint), sent);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* While no server is there, and while the call is made again and again. */
START_TEST(giving_up_what_is_made_again)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(
		endpoint, (mqc_client_options){.wait_for_server = true, .own_loop = _i == 1});
	mqc_pending *cancelled, *dropped, *kept;
	int64_t sum = 0;

	peer_stop(&server);
	support_ok(things_start(client, THINGS_COUNT, NULL, 1, NULL, NULL, &cancelled));
	support_ok(things_start(client, THINGS_COUNT, NULL, 1, must_not_be_called, NULL, &dropped));
	support_ok(things_start(client, THINGS_COUNT, NULL, 1, NULL, NULL, &kept));
	support_fails(mqc_wait_all(&kept, 1, 100), MQC_DEADLINE_EXCEEDED);
	mqc_pending_drop(dropped);
	mqc_pending_cancel(cancelled);
	support_finish_fails(cancelled, MQC_CANCELLED, false);
	server = peer_start(endpoint, "signals");
	ck_assert_int_eq(support_finish(kept), 1);
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* A cancel that many calls have. */
START_TEST(one_cancel_for_many)
{
	mqc_call_options options = {0};
	mqc_pending *pendings[SOME];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client =
		open_client(endpoint, (mqc_client_options){.window = SOME, .own_loop = _i == 1});

	support_ok(mqc_cancel_new(&options.cancel));
	for (int i = 0; i < SOME; i++)
		support_ok(
			things_start(client, THINGS_UNTIL, &options, 0, NULL, NULL, &pendings[i]));
	mqc_cancel_request(options.cancel);
	support_ok(mqc_wait_all(pendings, SOME, PATIENCE_MS));
	for (int i = 0; i < SOME; i++)
		support_fails(things_finish(pendings[i], NULL), MQC_CANCELLED);
	support_fails(things_start(client, THINGS_COUNT, &options, 1, NULL, NULL, &pendings[0]),
		      MQC_CANCELLED);
	mqc_cancel_free(options.cancel);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* -------------------------------------------------- servers that go away -- */

START_TEST(a_killed_server)
{
	enum {
		N = 4
	};
	mqc_pending *pendings[N];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "threads=4 tells");
	mqc_client *client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1});

	for (int i = 0; i < N; i++)
		pendings[i] = start(client, THINGS_UNTIL, 0);
	support_ok(mqc_client_flush(client));
	peer_await_begun(&server, N);
	peer_kill(&server);
	/* Long before their time is over. */
	support_ok(mqc_wait_all(pendings, N, PATIENCE_MS / 2));
	for (int i = 0; i < N; i++)
		support_finish_fails(pendings[i], MQC_UNAVAILABLE, true);
	server = peer_start(endpoint, "signals");
	ck_assert_int_eq(support_finish(start(client, THINGS_COUNT, 1)), 1);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

static bool has_ended(const struct peer *server)
{
	siginfo_t info = {0};

	ck_assert_int_eq(waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == server->pid;
}

/*
 * A server that stops waits for its clients to take their replies, for a second: give
 * whether this one did, or was kept from it by what else the machine had to do.
 */
static bool stop_meanwhile(struct peer *server, mqc_pending *const *pendings, size_t n)
{
	int64_t last = support_now_ms(), longest = 0, now;

	ck_assert_int_eq(kill(server->pid, SIGTERM), 0);
	while (!has_ended(server)) {
		(void)mqc_wait_all(pendings, n, 5);
		support_sleep_ms(1);
		now = support_now_ms();
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	ck_assert_int_eq(peer_wait(server), 0);
	return longest < 300;
}

/* Hundreds are out: each is served, or surely has not run. */
START_TEST(a_server_that_stops)
{
	enum {
		N = 400
	};
	static mqc_pending *pendings[N];
	int64_t value, served = 0;
	bool in_time;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *client =
		open_client(endpoint, (mqc_client_options){.window = N, .own_loop = _i == 1});

	for (int i = 0; i < N; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	in_time = stop_meanwhile(&server, pendings, N);
	for (int i = 0; i < N; i++) {
		if (things_finish(pendings[i], &value) == MQC_OK) {
			served++;
			continue;
		}
		ck_assert_int_eq(mqc_error_last()->status, MQC_UNAVAILABLE);
		ck_assert(!in_time || !mqc_error_last()->maybe_executed);
	}
	ck_assert_int_le(served, N);
	mqc_client_close(client);
}
END_TEST

/* The callers never notice. */
START_TEST(a_server_that_is_restarted)
{
	enum {
		N = 400
	};
	static mqc_pending *pendings[N];
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	mqc_client *client = open_client(
		endpoint,
		/* With room for all replies: a server that stops keeps others for a second only. */
		(mqc_client_options){.window = N,
				     .wait_for_server = true,
				     .reply_messages = 10,
				     .reply_size = 8128,
				     .own_loop = _i == 1});
	int64_t first = 0, value, second;
	bool in_time = true;

	for (int i = 0; i < N; i++)
		pendings[i] = start(client, THINGS_COUNT, 1);
	for (int restarts = 0; restarts < 3; restarts++) {
		in_time = stop_meanwhile(&server, pendings, N) && in_time;
		server = peer_start(endpoint, "signals threads=2");
	}
	for (int i = 0; i < N; i++)
		if (things_finish(pendings[i], &value) == MQC_OK && value > 0)
			first++;
	ck_assert(!in_time || first == N);
	/* None of them twice: here are those of the last server. */
	second = count_of(endpoint);
	ck_assert_int_le(second, N);
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* A call that is waited for, of a client without a thread of the library's. */
START_TEST(waited_for_without_a_thread)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	mqc_client *client = open_client(
		endpoint, (mqc_client_options){.own_loop = true, .wait_for_server = true});
	int64_t sum = 0;

	support_ok(things_add(client, 1, 2, &sum));
	ck_assert_int_eq(sum, 3);
	peer_freeze(&server);
	support_fails(things_call(client, THINGS_COUNT, 50, 1, NULL), MQC_DEADLINE_EXCEEDED);
	peer_thaw(&server);
	peer_stop(&server);
	support_fails(things_call(client, THINGS_COUNT, 100, 1, NULL), MQC_UNAVAILABLE);
	server = peer_start(endpoint, "signals");
	support_ok(things_add(client, 2, 3, &sum));
	ck_assert_int_eq(sum, 5);
	peer_kill(&server);
	server = peer_start(endpoint, "signals");
	support_ok(things_add(client, 3, 4, &sum));
	mqc_client_close(client);
	peer_stop(&server);
}
END_TEST

/* --------------------------------------------------------------- threads -- */

struct crowd {
	mqc_client *client;
	atomic_bool over;
	atomic_uint wrong, called;
};

static void note_end(mqc_pending *pending, void *data)
{
	struct crowd *crowd = data;

	if (!mqc_pending_is_over(pending))
		atomic_fetch_add(&crowd->wrong, 1);
	atomic_fetch_add(&crowd->called, 1);
}

static void *start_and_finish(void *data)
{
	struct crowd *crowd = data;
	mqc_pending *pendings[16];
	int64_t value;

	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 16; i++)
			if (things_start(crowd->client, THINGS_CODE, NULL, 0,
					 i % 2 == 0 ? note_end : NULL, crowd, &pendings[i]) < 0)
				abort();
		/* The functions do not finish them: they may be waited for. */
		if (round % 3 == 0 && mqc_wait_all(pendings, 16, PATIENCE_MS) < 0)
			atomic_fetch_add(&crowd->wrong, 1);
		for (int i = 16; i-- > 0;) {
			value = -1;
			if (round % 5 == 4 && i == 7)
				mqc_pending_drop(pendings[i]);
			else if (things_finish(pendings[i], &value) < 0 || value != 0)
				atomic_fetch_add(&crowd->wrong, 1);
		}
	}
	return NULL;
}

static void *call_and_call(void *data)
{
	struct crowd *crowd = data;
	int64_t sum;

	for (int i = 0; i < 300; i++)
		if (things_add(crowd->client, i, 1, &sum) < 0 || sum != i + 1)
			atomic_fetch_add(&crowd->wrong, 1);
	return NULL;
}

static void *process(void *data)
{
	struct crowd *crowd = data;

	while (!atomic_load(&crowd->over))
		if (mqc_client_process(crowd->client) < 0)
			atomic_fetch_add(&crowd->wrong, 1);
	return NULL;
}

START_TEST(several_threads)
{
	enum {
		THREADS = 5
	};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct crowd crowd = {
		.client =
			open_client(endpoint, (mqc_client_options){.window = _i == 0 ? 128 : 24})};
	pthread_t threads[THREADS], processor;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i < 3 ? start_and_finish : call_and_call, &crowd),
				 0);
	ck_assert_int_eq(pthread_create(&processor, NULL, process, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	atomic_store(&crowd.over, true);
	ck_assert_int_eq(pthread_join(processor, NULL), 0);
	ck_assert_uint_eq(crowd.wrong, 0);
	mqc_client_close(crowd.client);
	peer_stop(&server);
}
END_TEST

/* What a thread starts, and another one is told of the end of. */
struct told {
	struct crowd *crowd;
	mqc_pending *pending;
	atomic_bool ended;
};

/* It is there already, though whoever has started it may not be back yet. */
static void look_where_it_is(mqc_pending *pending, void *data)
{
	struct told *told = data;

	if (told->pending != pending || things_finish(told->pending, NULL) < 0)
		atomic_fetch_add(&told->crowd->wrong, 1);
	atomic_store(&told->ended, true);
}

static void *start_and_be_told(void *data)
{
	struct told told = {.crowd = data};

	for (int i = 0; i < 400; i++) {
		told.pending = NULL;
		atomic_store(&told.ended, false);
		if (things_start(told.crowd->client, THINGS_CODE, NULL, 0, look_where_it_is, &told,
				 &told.pending) < 0)
			abort();
		while (!atomic_load(&told.ended))
			support_sleep_ms(0);
	}
	return NULL;
}

/* Other threads end the calls, as soon as they have begun; some wait for a slot before. */
START_TEST(known_before_they_end)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct crowd crowd = {
		.client = open_client(endpoint, (mqc_client_options){.window = _i == 0 ? 64 : 1})};
	pthread_t threads[3], processor;

	ck_assert_int_eq(pthread_create(&processor, NULL, process, &crowd), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, start_and_be_told, &crowd), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	atomic_store(&crowd.over, true);
	ck_assert_int_eq(pthread_join(processor, NULL), 0);
	ck_assert_uint_eq(crowd.wrong, 0);
	mqc_client_close(crowd.client);
	peer_stop(&server);
}
END_TEST

/* Calls whose client is closed by the function of another. */
struct closing {
	mqc_client *client;
	mqc_pending *pendings[8];
	atomic_uint ready;
};

static void close_it(mqc_pending *pending, void *data)
{
	struct closing *closing = data;

	mqc_pending_drop(pending);
	while (atomic_load(&closing->ready) < 2)
		support_sleep_ms(0);
	ck_assert_ptr_null(mqc_client_close(closing->client));
}

static void *cancel_some(void *data)
{
	struct closing *closing = data;

	atomic_fetch_add(&closing->ready, 1);
	for (int i = 0; i < 4; i++)
		while (!mqc_pending_is_over(closing->pendings[i]))
			mqc_pending_cancel(closing->pendings[i]);
	return NULL;
}

static void *finish_some(void *data)
{
	struct closing *closing = data;

	atomic_fetch_add(&closing->ready, 1);
	mqc_pending_drop(closing->pendings[4]);
	for (int i = 5; i < 8; i++)
		if (things_finish(closing->pendings[i], NULL) != MQC_CANCELLED)
			abort();
	return NULL;
}

/* Others come and go just then: each of them finds a client that is open, or that is closed. */
START_TEST(closed_with_others_inside)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");

	for (int round = 0; round < 60; round++) {
		struct closing closing = {.client = open_client(endpoint, (mqc_client_options){0})};
		pthread_t threads[2];
		mqc_pending *first;

		support_ok(things_start(closing.client, THINGS_CODE, NULL, 0, close_it, &closing,
					&first));
		for (int i = 0; i < 8; i++)
			closing.pendings[i] = start(closing.client, THINGS_UNTIL, 0);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL,
							i == 0 ? cancel_some : finish_some,
							&closing),
					 0);
		(void)mqc_wait_all(closing.pendings, 4, PATIENCE_MS);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		for (int i = 0; i < 4; i++)
			support_fails(things_finish(closing.pendings[i], NULL), MQC_CANCELLED);
	}
	peer_stop(&server);
}
END_TEST

struct leaving {
	mqc_client *client;
	mqc_pending *under_way;
	size_t index;
};

static void close_and_wait(mqc_pending *pending, void *data)
{
	struct leaving *leaving = data;

	mqc_pending_drop(pending);
	mqc_client_close(leaving->client);
	support_fails(mqc_wait_any(&leaving->under_way, 1, -1, &leaving->index), MQC_CANCELLED);
	support_fails(mqc_wait_all(&leaving->under_way, 1, -1), MQC_CANCELLED);
}

/* Calls end when the last has left, and no sooner is one of them told of. */
START_TEST(closed_while_waited_for)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct leaving leaving = {.client = open_client(endpoint, (mqc_client_options){0}),
				  .index = 77};
	mqc_pending *first;
	size_t index = 77;

	leaving.under_way = start(leaving.client, THINGS_UNTIL, 0);
	support_fails(mqc_wait_any(&leaving.under_way, 1, -2, &index), MQC_INVALID_ARGUMENT);
	support_ok(things_start(leaving.client, THINGS_CODE, NULL, 0, close_and_wait, &leaving,
				&first));
	support_ok(mqc_wait_any(&leaving.under_way, 1, -1, &index));
	ck_assert_uint_eq(index, 0);
	ck_assert_uint_eq(leaving.index, 77);
	support_fails(things_finish(leaving.under_way, NULL), MQC_CANCELLED);
	ck_assert_ptr_nonnull(strstr(mqc_error_last()->text, "closed"));
	peer_stop(&server);
}
END_TEST

struct queuing {
	mqc_client *client;
	atomic_bool begun;
	int status;
};

static void *stand_in_line(void *data)
{
	const mqc_call_options patient = {.timeout_ms = MQC_TIMEOUT_INFINITE};
	struct queuing *queuing = data;
	mqc_pending *pending = NULL;

	atomic_store(&queuing->begun, true);
	queuing->status =
		things_start(queuing->client, THINGS_COUNT, &patient, 1, NULL, NULL, &pending);
	return NULL;
}

static void close_client(mqc_pending *pending, void *data)
{
	mqc_pending_drop(pending);
	mqc_client_close(data);
}

/* Who waits for its turn to start a call does not keep a client from being closed. */
START_TEST(closed_with_one_in_line)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct queuing queuing = {.client =
					  open_client(endpoint, (mqc_client_options){.window = 1})};
	mqc_pending *first;
	pthread_t thread;

	peer_freeze(&server);
	support_ok(things_start(queuing.client, THINGS_COUNT, NULL, 1, close_client, queuing.client,
				&first));
	ck_assert_int_eq(pthread_create(&thread, NULL, stand_in_line, &queuing), 0);
	while (!atomic_load(&queuing.begun))
		support_sleep_ms(1);
	/* Mostly it is in the line by then; if not, it is not let in. */
	support_sleep_ms(100);
	mqc_pending_cancel(first);
	ck_assert_int_ge(mqc_client_process(queuing.client), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(queuing.status, MQC_CANCELLED);
	peer_thaw(&server);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------- functions that are called -- */

struct chain {
	mqc_client *client;
	int left;
	mqc_pending *other;
	unsigned called;
	bool inside;
};

/* Each starts the next one, and finishes itself. */
static void go_on(mqc_pending *pending, void *data)
{
	struct chain *chain = data;
	mqc_pending *next;

	ck_assert(!chain->inside);
	chain->inside = true;
	chain->called++;
	support_ok(things_finish(pending, NULL));
	if (--chain->left > 0)
		support_ok(things_start(chain->client, THINGS_COUNT, NULL, 1, go_on, chain, &next));
	chain->inside = false;
}

START_TEST(functions_start_calls)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals threads=2");
	struct chain chain = {
		.client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1}),
		.left = SOME};
	mqc_pending *first, *later;

	support_ok(things_start(chain.client, THINGS_COUNT, NULL, 1, go_on, &chain, &first));
	later = start(chain.client, THINGS_UNTIL, 0);
	while (chain.left > 0)
		(void)mqc_wait_all(&later, 1, 5);
	ck_assert_uint_eq(chain.called, SOME);
	mqc_pending_drop(later);
	mqc_client_close(chain.client);
	peer_stop(&server);
}
END_TEST

/* Functions that fork: what the child does with the parent's client, and with the call. */
struct forking {
	mqc_client *client;
	const char *endpoint;
	pthread_t dropping; /* which waits for drop_while_forking() */
	int status;         /* of the child, or -1 */
};

static void await_child(struct forking *forking, pid_t child)
{
	ck_assert_int_ge(child, 0);
	ck_assert_int_eq(waitpid(child, &forking->status, 0), child);
}

static void *drop_meanwhile(void *pending)
{
	return mqc_pending_drop(pending);
}

static int drop_in_child(mqc_client *client, mqc_pending *pending)
{
	(void)alarm(PATIENCE_MS / 1000);
	mqc_client_close(client);
	return mqc_pending_drop(pending) == NULL ? 0 : 1;
}

/* Another thread waits for the function's end; for the child's nobody does. */
static void drop_while_forking(mqc_pending *pending, void *data)
{
	struct forking *forking = data;
	pid_t child;

	ck_assert_int_eq(pthread_create(&forking->dropping, NULL, drop_meanwhile, pending), 0);
	support_sleep_ms(100);
	child = fork();
	if (child == 0)
		_exit(drop_in_child(forking->client, pending));
	await_child(forking, child);
}

static void finish_inside(mqc_pending *pending, void *data)
{
	bool *called = data;

	*called = things_finish(pending, NULL) == MQC_OK;
}

/* The client of a child mostly lies where the parent's was, in whose function it was forked. */
static int call_in_child(const char *endpoint, mqc_client *parents, mqc_pending *pending)
{
	const mqc_client_options options = {.own_loop = true};
	mqc_client *client;
	bool called = false;

	(void)alarm(PATIENCE_MS / 1000);
	(void)mqc_pending_drop(pending);
	mqc_client_close(parents);
	if (mqc_client_open(endpoint, &options, &client) < 0 ||
	    things_start(client, THINGS_COUNT, NULL, 1, finish_inside, &called, &pending) < 0)
		return 1;
	while (!called && mqc_client_process(client) >= 0)
		support_sleep_ms(1);
	mqc_client_close(client);
	return called ? 0 : 1;
}

static void fork_and_call(mqc_pending *pending, void *data)
{
	struct forking *forking = data;
	pid_t child = fork();

	if (child == 0)
		_exit(call_in_child(forking->endpoint, forking->client, pending));
	await_child(forking, child);
	support_ok(things_finish(pending, NULL));
}

START_TEST(functions_fork)
{
	static void (*const functions[])(mqc_pending *, void *) = {drop_while_forking,
								   fork_and_call};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct forking forking = {.client = open_client(endpoint, (mqc_client_options){0}),
				  .endpoint = endpoint,
				  .status = -1};
	mqc_pending *pending;

	support_ok(things_start(forking.client, THINGS_COUNT, NULL, 1, functions[_i], &forking,
				&pending));
	while (forking.status < 0)
		support_ok(mqc_client_process(forking.client) < 0);
	if (functions[_i] == drop_while_forking)
		(void)pthread_join(forking.dropping, NULL);
	ck_assert_int_eq(forking.status, 0);
	mqc_client_close(forking.client);
	peer_stop(&server);
}
END_TEST

/* A function waits for others, finishes and drops them, and makes a call that is waited for. */
static void wait_inside(mqc_pending *pending, void *data)
{
	struct chain *chain = data;
	mqc_pending *more[3];
	int64_t sum = 0;

	chain->called++;
	support_ok(things_finish(pending, NULL));
	for (int i = 0; i < 3; i++)
		support_ok(things_start(chain->client, THINGS_COUNT, NULL, 1,
					i == 0 ? must_not_be_called : NULL, NULL, &more[i]));
	support_ok(mqc_wait_all(more, 3, PATIENCE_MS));
	support_ok(things_finish(more[2], NULL));
	support_ok(things_finish(more[0], NULL));
	mqc_pending_drop(more[1]);
	support_ok(things_add(chain->client, 20, 3, &sum));
	ck_assert_int_eq(sum, 23);
	support_ok(things_finish(chain->other, NULL));
}

START_TEST(functions_wait_for_others)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct chain chain = {
		.client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1})};
	mqc_pending *first, *last;

	support_ok(things_start(chain.client, THINGS_COUNT, NULL, 1, wait_inside, &chain, &first));
	support_ok(things_start(chain.client, THINGS_COUNT, NULL, 1, must_not_be_called, NULL,
				&chain.other));
	last = start(chain.client, THINGS_COUNT, 1);
	/* Its function may be called while this waits, or when the next one does. */
	ck_assert_int_eq(support_finish(last), 3);
	while (chain.called == 0)
		(void)mqc_client_process(chain.client);
	ck_assert_uint_eq(chain.called, 1);
	mqc_client_close(chain.client);
	peer_stop(&server);
}
END_TEST

static void close_inside(mqc_pending *pending, void *data)
{
	struct chain *chain = data;

	chain->called++;
	mqc_pending_drop(pending);
	ck_assert_ptr_null(mqc_client_close(chain->client));
}

START_TEST(functions_close_the_client)
{
	enum {
		N = 20
	};
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct chain chain = {
		.client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1})};
	mqc_pending *pendings[N];

	for (int i = 0; i < N; i++)
		support_ok(things_start(chain.client, THINGS_COUNT, NULL, 1,
					i == 0 ? close_inside : must_not_be_called, &chain,
					&pendings[i]));
	/* The waiting ends with it, and so do they. */
	(void)mqc_wait_all(pendings + N - 1, 1, PATIENCE_MS);
	for (int i = 1; i < N; i++) {
		ck_assert(mqc_pending_is_over(pendings[i]));
		if (things_finish(pendings[i], NULL) < 0)
			ck_assert_int_eq(mqc_error_last()->status, MQC_CANCELLED);
	}
	ck_assert_uint_eq(chain.called, 1);
	peer_stop(&server);
}
END_TEST

/* ------------------------------------------------------ closing, and fork -- */

START_TEST(closed_with_calls_under_way)
{
	mqc_pending *pendings[SOME], *replied;
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals messages=2");
	mqc_client *client = open_client(
		endpoint, (mqc_client_options){.window = SOME + 1, .own_loop = _i == 1});
	unsigned doubtful = 0;

	replied = start(client, THINGS_COUNT, 1);
	support_ok(mqc_wait_all(&replied, 1, PATIENCE_MS));
	peer_freeze(&server);
	for (int i = 0; i < SOME; i++)
		support_ok(things_start(client, THINGS_COUNT, NULL, 1, must_not_be_called, NULL,
					&pendings[i]));
	mqc_client_close(client);
	for (int i = 0; i < SOME; i++) {
		ck_assert(mqc_pending_is_over(pendings[i]));
		mqc_pending_cancel(pendings[i]);
		if (i % 7 == 3) {
			mqc_pending_drop(pendings[i]);
			continue;
		}
		support_fails(things_finish(pendings[i], NULL), MQC_CANCELLED);
		doubtful += mqc_error_last()->maybe_executed;
	}
	ck_assert_uint_lt(doubtful, SOME);
	/* What had come has come. */
	ck_assert_int_eq(support_finish(replied), 1);
	peer_thaw(&server);
	peer_stop(&server);
}
END_TEST

struct family {
	mqc_client *client;
	mqc_pending *pendings[4];
};

static int be_a_child(void *data)
{
	struct family *family = data;
	mqc_pending *more = NULL;
	size_t index;

	support_fails(things_start(family->client, THINGS_COUNT, NULL, 1, NULL, NULL, &more),
		      MQC_FAILED_PRECONDITION);
	support_fails(mqc_client_process(family->client), MQC_FAILED_PRECONDITION);
	support_fails(mqc_client_flush(family->client), MQC_FAILED_PRECONDITION);
	ck_assert(mqc_wait_any(family->pendings, 4, 0, &index) < 0 || index < 4);
	mqc_pending_cancel(family->pendings[0]);
	mqc_pending_cancel(family->pendings[1]);
	support_fails(things_finish(family->pendings[0], NULL), MQC_FAILED_PRECONDITION);
	mqc_pending_drop(family->pendings[1]);
	ck_assert_int_eq(mqc_client_get_timeout(family->client), -1);
	mqc_client_close(family->client);
	support_fails(things_finish(family->pendings[2], NULL), MQC_FAILED_PRECONDITION);
	mqc_pending_drop(family->pendings[3]);
	return 0;
}

START_TEST(a_forked_child)
{
	const char *endpoint = support_endpoint();
	struct peer server = peer_start(endpoint, "signals");
	struct family family = {
		.client = open_client(endpoint, (mqc_client_options){.own_loop = _i == 1})};

	peer_freeze(&server);
	for (int i = 0; i < 4; i++)
		family.pendings[i] = start(family.client, THINGS_COUNT, 1);
	ck_assert_int_eq(support_in_child(be_a_child, &family), 0);
	peer_thaw(&server);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(support_finish(family.pendings[i]), i + 1);
	mqc_client_close(family.client);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("async");
	TCase *tests;

	tests = support_case(suite, "outcomes");
	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, memory_is_used_again);
	tcase_add_test(tests, errors_arrive);
	tcase_add_test(tests, metadata_and_details_arrive);
	tcase_add_test(tests, large_payloads);

	tests = support_case(suite, "room");
	tcase_add_test(tests, a_full_window_blocks);
	tcase_add_loop_test(tests, a_full_window_is_told_at_once, 0, 3);
	tcase_add_test(tests, waiting_for_the_window_takes_its_time);

	tests = support_case(suite, "waiting");
	tcase_add_test(tests, waiting_for_any_and_all);
	tcase_add_loop_test(tests, each_ends_when_its_time_is_over, 0, 2);

	tests = support_case(suite, "order");
	tcase_add_loop_test(tests, calls_keep_their_order, 0, 2);
	tcase_add_test(tests, what_was_gathered_goes_by_itself);
	tcase_add_test(tests, what_was_gathered_goes_when_flushed);

	tests = support_case(suite, "giving up");
	tcase_add_loop_test(tests, giving_up, 0, 4);
	tcase_add_test(tests, what_was_gathered_has_not_run);
	tcase_add_loop_test(tests, giving_up_what_is_made_again, 0, 2);
	tcase_add_loop_test(tests, one_cancel_for_many, 0, 2);

	tests = support_case(suite, "servers");
	tcase_add_loop_test(tests, a_killed_server, 0, 2);
	tcase_add_loop_test(tests, a_server_that_stops, 0, 2);
	tcase_add_loop_test(tests, a_server_that_is_restarted, 0, 2);
	tcase_add_test(tests, waited_for_without_a_thread);

	tests = support_case(suite, "threads");
	tcase_add_loop_test(tests, several_threads, 0, 2);
	tcase_add_loop_test(tests, known_before_they_end, 0, 2);
	tcase_add_test(tests, closed_with_others_inside);
	tcase_add_test(tests, closed_while_waited_for);
	tcase_add_test(tests, closed_with_one_in_line);

	tests = support_case(suite, "functions");
	tcase_add_loop_test(tests, functions_start_calls, 0, 2);
	tcase_add_loop_test(tests, functions_fork, 0, 2);
	tcase_add_loop_test(tests, functions_wait_for_others, 0, 2);
	tcase_add_loop_test(tests, functions_close_the_client, 0, 2);

	tests = support_case(suite, "ends");
	tcase_add_loop_test(tests, closed_with_calls_under_way, 0, 2);
	tcase_add_loop_test(tests, a_forked_child, 0, 2);
	return support_run(suite);
}
