/*
 * check_memory.c - calls for which there is not enough memory.
 *
 * Every allocation of a call fails in turn, alone or with all that follow: each
 * time there is a clear error, no output has been touched, and the client goes
 * on. That nothing is leaked is for the sanitizers, and valgrind, to see.
 */
#include <stdlib.h>

#include "messages.h"
#include "scarce.h"
#include "session.h"
#include "tests/support.h"

static const struct topic *const topics[] = {&numbers_topic, &texts_topic, &shapes_topic,
					     &legacy_topic, &known_topic};

enum {
	ONE_FAILS,
	ALL_FAIL,
	WAYS
};

/* Call, with allocation number `which` failing. Whether one has failed. */
static bool try(mqc_client *client, const struct method *method, size_t sample, stub_call *stub,
		unsigned which, int way)
{
	ProtobufCMessage *request = sample_make(method, sample), *reply = reply_poisoned(method);
	char where[256] = "";
	bool failed;
	int r;

	scarce_begin(which, way == ALL_FAIL);
	r = stub(client, request, reply);
	failed = scarce_end();
	if (failed) {
		ck_assert_msg(r == MQC_RESOURCE_EXHAUSTED,
			      "%s, sample %zu, without allocation %u: %s", method->name, sample,
			      which, mqc_status_name(r));
		support_error_has("memory");
		ck_assert_msg(reply_is_poisoned(reply),
			      "%s, sample %zu, without allocation %u: an output is touched",
			      method->name, sample, which);
		free(reply);
	} else {
		support_ok(r);
		ck_assert_msg(message_equal(request, reply, where, sizeof where),
			      "%s: sample %zu comes back changed, at %s", method->name, sample,
			      where);
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	free(request);
	return failed;
}

static void each_fails(mqc_client *client, const struct method *method, size_t sample,
		       stub_call *stub, int way)
{
	unsigned which = 1;

	while (try(client, method, sample, stub, which, way))
		which++;
}

static void all_fail(const struct topic *topic, int way, bool starting)
{
	mqc_client *client = session_begin(SESSION_MESSAGES);

	stubs_start = starting;
	for (size_t m = 0; m < topic->n_methods; m++) {
		const struct method *method = &topic->methods[m];

		for (size_t i = 0; i < method->n_samples; i++) {
			if (method->function != NULL)
				each_fails(client, method, i, method->function, way);
			each_fails(client, method, i, method->message, way);
		}
	}
	session_end(client);
}

START_TEST(each_allocation_fails)
{
	all_fail(topics[_i / WAYS], _i % WAYS, false);
}
END_TEST

START_TEST(each_allocation_of_a_started_call_fails)
{
	all_fail(topics[_i / WAYS], _i % WAYS, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests;

	tests = support_case(suite, "scarce");
	tcase_add_loop_test(tests, each_allocation_fails, 0, COUNT(topics) * WAYS);
	tcase_add_loop_test(tests, each_allocation_of_a_started_call_fails, 0,
			    COUNT(topics) * WAYS);
	return support_run(suite);
}
