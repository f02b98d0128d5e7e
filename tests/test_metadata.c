/*
 * test_metadata.c - metadata both ways and the details of errors, through real processes.
 */
#include <mqcall/mqcall.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carry.h"
#include "scarce.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A server process and a client of it. */
struct both {
	struct peer peer;
	mqc_client *client;
};

static struct both both_start(const char *options)
{
	const char *endpoint = support_endpoint();
	struct both both = {.peer = peer_start(endpoint, options)};

	both.client = support_client(endpoint, 0);
	return both;
}

static void both_stop(struct both *both)
{
	both->client = mqc_client_close(both->client);
	peer_stop(&both->peer);
}

static void assert_pairs(const mqc_pairs *pairs, const mqc_pair *expected, size_t n)
{
	ck_assert_ptr_nonnull(pairs);
	ck_assert_uint_eq(pairs->n, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(pairs->pairs[i].key, expected[i].key);
		ck_assert_str_eq(pairs->pairs[i].value, expected[i].value);
	}
}

/* There is a Shapes.Pair of these two with the last error. */
static void assert_pair_detail(int32_t a, int32_t b)
{
	ProtobufCMessage *detail = NULL;

	ck_assert_ptr_nonnull(mqc_error_last()->detail_type);
	ck_assert_str_eq(mqc_error_last()->detail_type, "shapes.Pair");
	ck_assert_int_eq(mqc_error_detail(&shapes__pair__descriptor, NULL, &detail), MQC_OK);
	ck_assert_int_eq(((Shapes__Pair *)(void *)detail)->a, a);
	ck_assert_int_eq(((Shapes__Pair *)(void *)detail)->b, b);
	protobuf_c_message_free_unpacked(detail, NULL);
}

static void assert_no_detail(void)
{
	ProtobufCMessage *detail = NULL;

	ck_assert_ptr_null(mqc_error_last()->detail_type);
	ck_assert_int_eq(mqc_error_detail(&shapes__pair__descriptor, NULL, &detail), MQC_NOT_FOUND);
	ck_assert_ptr_null(detail);
}

START_TEST(pairs_go_there_and_come_back)
{
	static const mqc_pair pairs[] = {
		{"trace-id", "7f3a"},
		{"empty", ""},
		{"city", "Z\xc3\xbcrich"},
		{"!#$%&'*+-.^_`|~09azAZ", "\xf0\x9f\x90\x84\n\ttext"},
		{"trace-id", "again, and after the others"},
		{"Trace-Id", "another key"},
	};
	struct both both = both_start("signals");
	mqc_pairs *came = NULL;
	int64_t count = 0;

	support_ok(carry_call(both.client, 0, pairs, COUNT(pairs), &came, &count));
	ck_assert_int_eq(count, COUNT(pairs));
	assert_pairs(came, pairs, COUNT(pairs));
	free(came);

	/* And with an error. */
	support_fails(carry_call(both.client, MQC_ABORTED, pairs, COUNT(pairs), &came, NULL),
		      MQC_ABORTED);
	support_error_has("failed without a detail, -10");
	ck_assert(mqc_error_last()->maybe_executed);
	assert_pairs(came, pairs, COUNT(pairs));
	free(came);
	assert_no_detail();
	both_stop(&both);
}
END_TEST

START_TEST(no_metadata_is_null)
{
	struct both both = both_start("signals");
	mqc_pairs nothing, *came = &nothing;
	int64_t count = 1;

	support_ok(carry_call(both.client, 0, NULL, 0, &came, &count));
	ck_assert_int_eq(count, 0);
	ck_assert_ptr_null(came);
	came = &nothing;
	support_fails(carry_call(both.client, MQC_ABORTED, NULL, 0, &came, NULL), MQC_ABORTED);
	ck_assert_ptr_null(came);
	/* Nor when there is no answer at all. */
	came = &nothing;
	support_fails(carry_call(both.client, 0, NULL, 1, &came, NULL), MQC_INVALID_ARGUMENT);
	ck_assert_ptr_null(came);
	both_stop(&both);
}
END_TEST

START_TEST(metadata_that_is_not_wanted)
{
	static const mqc_pair pairs[] = {{"k", "v"}, {"detail", "pair"}};
	struct both both = both_start("signals");
	int64_t count = 0;

	for (int i = 0; i < 100; i++) {
		support_ok(carry_call(both.client, 0, pairs, 1, NULL, &count));
		ck_assert_int_eq(count, 1);
		support_fails(carry_call(both.client, MQC_ABORTED, pairs, 2, NULL, NULL),
			      MQC_ABORTED);
		assert_pair_detail(2, MQC_ABORTED);
	}
	both_stop(&both);
}
END_TEST

START_TEST(as_many_as_there_may_be)
{
	mqc_pair pairs[65];
	char values[65][8];
	struct both both = both_start("signals");
	mqc_pairs *came = NULL;
	int64_t count = 0;

	for (size_t i = 0; i < 65; i++) {
		(void)snprintf(values[i], sizeof values[i], "%zu", i);
		pairs[i] = (mqc_pair){"k", values[i]};
	}
	support_ok(carry_call(both.client, 0, pairs, 64, &came, &count));
	ck_assert_int_eq(count, 64);
	assert_pairs(came, pairs, 64);
	free(came);
	support_fails(carry_call(both.client, 0, pairs, 65, &came, NULL), MQC_INVALID_ARGUMENT);
	support_error_has("65");
	ck_assert(!mqc_error_last()->maybe_executed);

	/* One too many of the handler's. */
	pairs[0] = (mqc_pair){"more", "63"};
	support_ok(carry_call(both.client, 0, pairs, 1, &came, &count));
	ck_assert_uint_eq(came->n, 64);
	free(came);
	pairs[0] = (mqc_pair){"more", "64"};
	support_fails(carry_call(both.client, 0, pairs, 1, &came, NULL), MQC_RESOURCE_EXHAUSTED);
	support_error_has("has 64 pairs");
	ck_assert_uint_eq(came->n, 64);
	free(came);
	both_stop(&both);
}
END_TEST

START_TEST(what_no_metadata_can_be)
{
	static const struct {
		mqc_pair pair;
		const char *text;
	} bad[] = {
		{{NULL, "v"}, "key"},
		{{"k", NULL}, "value"},
		{{"", "v"}, "\"\""},
		{{"two words", "v"}, "\"two words\""},
		{{"colon:", "v"}, "\"colon:\""},
		{{"k\xc3\xa4se", "v"}, "as a key"},
		{{"line\n", "v"}, "as a key"},
		{{"k", "\xc3("}, "UTF-8"},
	};
	struct both both = both_start("signals");
	mqc_pair pairs[2] = {{"good", "one"}};

	for (size_t i = 0; i < COUNT(bad); i++) {
		pairs[1] = bad[i].pair;
		support_fails(carry_call(both.client, 0, pairs, 2, NULL, NULL),
			      MQC_INVALID_ARGUMENT);
		support_error_has(bad[i].text);
		ck_assert(!mqc_error_last()->maybe_executed);
	}
	both_stop(&both);
}
END_TEST

START_TEST(metadata_counts_as_the_message_does)
{
	const mqc_client_options options = {.payload_max = 1};
	struct both both = both_start("signals size=512");
	mqc_pair pairs[20];
	char value[4001];
	int64_t count = 0;
	size_t fit;

	/* A page is the least that a client takes. */
	mqc_client_close(both.client);
	support_ok(mqc_client_open(support_last_endpoint(), &options, &both.client));
	memset(value, 'x', sizeof value);
	value[sizeof value - 1] = '\0';
	for (size_t i = 0; i < COUNT(pairs); i++)
		pairs[i] = (mqc_pair){"k", value};
	fit = (size_t)sysconf(_SC_PAGESIZE) / (sizeof value + 8);
	support_ok(carry_call(both.client, 0, pairs, fit, NULL, &count));
	support_fails(carry_call(both.client, 0, pairs, fit + 1, NULL, NULL),
		      MQC_RESOURCE_EXHAUSTED);
	both_stop(&both);
}
END_TEST

START_TEST(details)
{
	static const mqc_pair pair[] = {{"detail", "pair"}};
	static const mqc_pair number[] = {{"k", "v"}, {"detail", "number"}};
	struct both both = both_start("signals");
	ProtobufCMessage *detail = NULL;

	support_fails(carry_call(both.client, MQC_NOT_FOUND, pair, 1, NULL, NULL), MQC_NOT_FOUND);
	support_error_has("failed with a pair, -5");
	assert_pair_detail(1, MQC_NOT_FOUND);
	/* As often as one likes; and looking for another one harms nothing. */
	ck_assert_int_eq(mqc_error_detail(&shapes__number__descriptor, NULL, &detail),
			 MQC_NOT_FOUND);
	ck_assert_ptr_null(detail);
	assert_pair_detail(1, MQC_NOT_FOUND);
	ck_assert_int_eq(mqc_error_last()->status, MQC_NOT_FOUND);

	/* A success leaves the last error alone; the next failure does not. */
	support_ok(carry_call(both.client, 0, pair, 1, NULL, NULL));
	assert_pair_detail(1, MQC_NOT_FOUND);
	support_fails(carry_call(both.client, MQC_ABORTED, number, 2, NULL, NULL), MQC_ABORTED);
	ck_assert_str_eq(mqc_error_last()->detail_type, "shapes.Number");
	ck_assert_int_eq(mqc_error_detail(&shapes__pair__descriptor, NULL, &detail), MQC_NOT_FOUND);
	ck_assert_int_eq(mqc_error_detail(&shapes__number__descriptor, NULL, &detail), MQC_OK);
	ck_assert_int_eq(((Shapes__Number *)(void *)detail)->value, 2);
	protobuf_c_message_free_unpacked(detail, NULL);

	support_fails(carry_call(both.client, MQC_ABORTED, NULL, 0, NULL, NULL), MQC_ABORTED);
	assert_no_detail();
	both_stop(&both);
}
END_TEST

START_TEST(a_detail_of_any_size_leaves_the_error_whole)
{
	static const char *const sizes[] = {"0", "100", "700", "960", "4000", "65000", "70000"};
	struct both both = both_start("signals");
	char text[64];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		const mqc_pair pair = {"detail", sizes[i]};
		ProtobufCMessage *detail = NULL;
		mqc_pairs *came = NULL;

		support_fails(carry_call(both.client, MQC_DATA_LOSS, &pair, 1, &came, NULL),
			      MQC_DATA_LOSS);
		(void)snprintf(text, sizeof text, "failed with %s bytes", sizes[i]);
		ck_assert_str_eq(mqc_error_last()->text, text);
		assert_pairs(came, &pair, 1);
		free(came);
		/* Whether there is room for the detail depends on the reply queue. */
		ck_assert(i > 1 || mqc_error_last()->detail_type != NULL);
		if (mqc_error_last()->detail_type == NULL)
			continue;
		ck_assert_int_eq(mqc_error_detail(&shapes__text__descriptor, NULL, &detail),
				 MQC_OK);
		ck_assert_uint_eq(strlen(((Shapes__Text *)(void *)detail)->text),
				  (size_t)strtol(sizes[i], NULL, 10));
		protobuf_c_message_free_unpacked(detail, NULL);
	}
	both_stop(&both);
}
END_TEST

START_TEST(large_ones_go_through_shared_memory)
{
	static const mqc_pair detail = {"detail", "65000"};
	struct both both = both_start("signals");
	ProtobufCMessage *text = NULL;
	mqc_pairs *came = NULL;
	mqc_pair pairs[64];
	char value[4097];
	int64_t count = 0;

	memset(value, 'x', sizeof value);
	value[sizeof value - 1] = '\0';
	for (size_t i = 0; i < COUNT(pairs); i++)
		pairs[i] = (mqc_pair){"k", value};
	for (int i = 0; i < 3; i++) {
		support_ok(carry_call(both.client, 0, pairs, COUNT(pairs), &came, &count));
		ck_assert_int_eq(count, COUNT(pairs));
		assert_pairs(came, pairs, COUNT(pairs));
		free(came);
		support_fails(
			carry_call(both.client, MQC_ABORTED, pairs, COUNT(pairs), &came, NULL),
			MQC_ABORTED);
		support_error_has("failed without a detail");
		assert_pairs(came, pairs, COUNT(pairs));
		free(came);
		support_fails(carry_call(both.client, MQC_ABORTED, &detail, 1, NULL, NULL),
			      MQC_ABORTED);
		ck_assert_int_eq(mqc_error_detail(&shapes__text__descriptor, NULL, &text), MQC_OK);
		ck_assert_uint_eq(strlen(((Shapes__Text *)(void *)text)->text), 65000);
		protobuf_c_message_free_unpacked(text, NULL);
	}
	both_stop(&both);
}
END_TEST

START_TEST(nested_calls)
{
	const char *inner_endpoint = support_endpoint();
	struct peer inner = peer_start(inner_endpoint, "signals");
	struct both outer = both_start("signals");
	const mqc_pair pairs[] = {{"outer", "only"}, {"nested", inner_endpoint}};
	const mqc_pair expected[] = {pairs[0], pairs[1], {"inner", "ABORTED"}};
	mqc_pairs *came = NULL;

	support_fails(carry_call(outer.client, 0, pairs, 2, &came, NULL), MQC_ABORTED);
	support_error_has("passed on: failed with a pair");
	/* The inner one got the two pairs of its caller, and not the outer one's. */
	assert_pair_detail(2, MQC_ABORTED);
	assert_pairs(came, expected, 3);
	free(came);
	both_stop(&outer);
	peer_stop(&inner);
}
END_TEST

/* Refuses a few calls, as if the server were not ready; each says how many there have been. */
static int refuse(void *data, mqc_call *call)
{
	Shapes__Pair detail;
	atomic_int *left = data;

	shapes__pair__init(&detail);
	ck_assert_str_eq(mqc_call_metadata(call, "k"), "v");
	if (atomic_load(left) == 0)
		return MQC_OK;
	detail.a = atomic_fetch_sub(left, 1) - 1;
	ck_assert_int_eq(mqc_call_add_metadata(call, "refused", "yes"), MQC_OK);
	return mqc_call_fail_with(call, MQC_UNAVAILABLE, &detail.base, "not now");
}

/* A server that refuses with that a few times, or for ever. */
static void refusing_host(struct host *host, const char *endpoint, atomic_int *times)
{
	const mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};

	*host = (struct host){0};
	support_ok(mqc_server_open(endpoint, &options, &host->server));
	support_ok(things_serve(host->server, &host->self));
	support_ok(mqc_server_authorize(host->server, &things_service, refuse, times));
	host_run(host);
}

START_TEST(metadata_goes_with_every_try)
{
	static const mqc_pair pair = {"k", "v"};
	const char *endpoint = support_endpoint();
	mqc_pairs *came = NULL;
	mqc_client *client;
	struct host host;
	int64_t count = 0;
	atomic_int times = 5;

	refusing_host(&host, endpoint, &times);
	client = support_client(endpoint, 0);
	support_ok(carry_call(client, 0, &pair, 1, &came, &count));
	ck_assert_int_eq(atomic_load(&times), 0);
	/* What came with the refusals is not among it. */
	assert_pairs(came, &pair, 1);
	free(came);
	(void)mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(the_last_try_tells)
{
	static const mqc_pair pair = {"k", "v"}, refused = {"refused", "yes"};
	const char *endpoint = support_endpoint();
	const mqc_client_options options = {.timeout_ms = 200};
	mqc_client *client = NULL;
	mqc_pairs *came = NULL;
	struct host host;
	atomic_int times = 1000000;
	int r;

	refusing_host(&host, endpoint, &times);
	support_ok(mqc_client_open(endpoint, &options, &client));
	/* On a slow machine, the time may be over just in a try: then that had no answer. */
	while ((r = carry_call(client, 0, &pair, 1, &came, NULL)) == MQC_DEADLINE_EXCEEDED)
		ck_assert_ptr_null(came);
	support_fails(r, MQC_UNAVAILABLE);
	support_error_has("not now");
	assert_pairs(came, &refused, 1);
	free(came);
	assert_pair_detail(atomic_load(&times), 0);
	ck_assert(!mqc_error_last()->maybe_executed);
	(void)mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(another_server_gets_it_too)
{
	static const mqc_pair pair = {"k", "v"};
	const char *endpoint = support_endpoint();
	const mqc_client_options options = {.wait_for_server = true};
	struct peer peer = peer_start(endpoint, "signals");
	mqc_client *client = NULL;
	mqc_pairs *came = NULL;
	int64_t count = 0;

	support_ok(mqc_client_open(endpoint, &options, &client));
	support_ok(carry_call(client, 0, &pair, 1, NULL, &count));
	peer_stop(&peer);
	peer = peer_start(endpoint, "signals");
	support_ok(carry_call(client, 0, &pair, 1, &came, &count));
	ck_assert_int_eq(count, 1);
	assert_pairs(came, &pair, 1);
	free(came);
	(void)mqc_client_close(client);
	peer_stop(&peer);
}
END_TEST

struct caller {
	pthread_t thread;
	mqc_client *client;
	int32_t number;
};

/* Calls with as many pairs as its number, which nobody else may get. */
static void *call_often(void *data)
{
	const struct caller *caller = data;
	size_t n = (size_t)caller->number;
	mqc_pair pairs[9] = {{"detail", "pair"}};
	mqc_pairs *came = NULL;
	char value[16];
	int64_t count;

	for (int i = 0; i < 100; i++) {
		(void)snprintf(value, sizeof value, "%d/%d", (int)caller->number, i);
		for (size_t j = 1; j < n; j++)
			pairs[j] = (mqc_pair){"k", value};
		support_fails(carry_call(caller->client, MQC_ABORTED, pairs, n, &came, NULL),
			      MQC_ABORTED);
		assert_pair_detail(caller->number, MQC_ABORTED);
		assert_pairs(came, pairs, n);
		free(came);
		support_ok(carry_call(caller->client, 0, pairs, n, &came, &count));
		ck_assert_int_eq(count, caller->number);
		assert_pairs(came, pairs, n);
		free(came);
	}
	assert_pair_detail(caller->number, MQC_ABORTED);
	return NULL;
}

START_TEST(each_thread_has_its_own)
{
	struct both both = both_start("signals threads=4");
	struct caller callers[8];

	for (int32_t i = 0; i < 8; i++) {
		callers[i] = (struct caller){.client = both.client, .number = i + 1};
		ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]),
				 0);
	}
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
	both_stop(&both);
}
END_TEST

/* Call, with that allocation failing: a success, or an error with a detail. Whether it failed. */
static bool try_without(mqc_client *client, unsigned which, bool all, bool succeeds)
{
	static const mqc_pair pairs[] = {{"k", "v"}, {"detail", "pair"}};
	const int expected = succeeds ? MQC_OK : MQC_ABORTED;
	mqc_pairs *came = NULL;
	int64_t count = 99;
	bool failed;
	int r;

	scarce_begin(which, all);
	r = carry_call(client, expected, pairs, 2, &came, &count);
	failed = scarce_end();
	if (!failed || r == expected)
		assert_pairs(came, pairs, 2);
	if (r != expected) {
		ck_assert(failed);
		support_fails(r, MQC_RESOURCE_EXHAUSTED);
		support_error_has("memory");
		ck_assert(mqc_error_last()->maybe_executed);
		ck_assert_ptr_null(came);
		ck_assert_int_eq(count, 99);
		assert_no_detail();
	} else if (r == MQC_ABORTED) {
		/* Without memory for its detail, an error is still the error. */
		support_error_has("failed with a pair");
		ck_assert(failed || mqc_error_last()->detail_type != NULL);
	}
	free(came);
	return failed;
}

START_TEST(memory_runs_out)
{
	struct both both = both_start("signals");

	for (int way = 0; way < 4; way++) {
		unsigned which = 1;

		while (try_without(both.client, which, way % 2 == 0, way < 2))
			which++;
		ck_assert_uint_gt(which, way < 2 ? 1 : 2);
	}
	both_stop(&both);
}
END_TEST

START_TEST(one_way_calls_may_have_some)
{
	static const mqc_pair pair = {"k", "v"};
	mqc_pairs nothing, *came = &nothing;
	const mqc_call_options options = {
		.metadata = &pair, .n_metadata = 1, .ret_metadata = &came};
	struct both both = both_start("signals");
	Shapes__Number request;
	ProtobufCMessage *reply = NULL;
	int64_t count = 0;

	shapes__number__init(&request);
	request.value = 4;
	support_ok(mqc_client_call(both.client, &things_methods[THINGS_NOTE], &options,
				   &request.base, NULL, &reply));
	protobuf_c_message_free_unpacked(reply, NULL);
	ck_assert_ptr_null(came);
	support_ok(things_call(both.client, THINGS_COUNT, 0, 0, &count));
	ck_assert_int_eq(count, 4);
	both_stop(&both);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metadata, with processes");
	TCase *metadata = support_case(suite, "metadata");
	TCase *errors = support_case(suite, "details");
	TCase *together = support_case(suite, "together");

	tcase_add_test(metadata, pairs_go_there_and_come_back);
	tcase_add_test(metadata, no_metadata_is_null);
	tcase_add_test(metadata, metadata_that_is_not_wanted);
	tcase_add_test(metadata, as_many_as_there_may_be);
	tcase_add_test(metadata, what_no_metadata_can_be);
	tcase_add_test(metadata, metadata_counts_as_the_message_does);
	tcase_add_test(metadata, one_way_calls_may_have_some);
	tcase_add_test(together, memory_runs_out);
	tcase_add_test(errors, details);
	tcase_add_test(errors, a_detail_of_any_size_leaves_the_error_whole);
	tcase_add_test(together, large_ones_go_through_shared_memory);
	tcase_add_test(together, nested_calls);
	tcase_add_test(together, metadata_goes_with_every_try);
	tcase_add_test(together, the_last_try_tells);
	tcase_add_test(together, another_server_gets_it_too);
	tcase_add_test(together, each_thread_has_its_own);
	return support_run(suite);
}
