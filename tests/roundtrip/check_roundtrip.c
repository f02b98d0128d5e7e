/*
 * check_roundtrip.c - what is sent comes back: every topic, sample and form, from either server.
 *
 * Outputs are poisoned before, so that one that a stub forgets is seen. They
 * become parts of a message, which is freed as one that was unpacked: all of
 * them have to come from malloc().
 */
#include <stdlib.h>

#include "messages.h"
#include "session.h"
#include "tests/support.h"

static const struct topic *const topics[] = {&numbers_topic, &texts_topic, &shapes_topic,
					     &legacy_topic, &known_topic};

static void round_trip(mqc_client *client, const struct method *method, size_t sample,
		       stub_call *stub, const char *form)
{
	ProtobufCMessage *request = sample_make(method, sample), *reply = reply_poisoned(method);
	char where[256] = "";
	int r;

	r = stub(client, request, reply);
	ck_assert_msg(r == MQC_OK, "%s, %s form, sample %zu: %s", method->name, form, sample,
		      mqc_error_last()->text);
	ck_assert_msg(message_equal(request, reply, where, sizeof where),
		      "%s, %s form: sample %zu comes back changed, at %s", method->name, form,
		      sample, where);
	free(request);
	protobuf_c_message_free_unpacked(reply, NULL);
}

static void round_trips(const struct topic *topic, int kind, bool starting)
{
	mqc_client *client = session_begin(kind);

	stubs_start = starting;
	for (size_t m = 0; m < topic->n_methods; m++) {
		const struct method *method = &topic->methods[m];

		for (size_t i = 0; i < method->n_samples; i++) {
			if (method->function != NULL)
				round_trip(client, method, i, method->function, "function");
			round_trip(client, method, i, method->message, "message");
		}
	}
	session_end(client);
}

START_TEST(what_is_sent_comes_back)
{
	round_trips(topics[_i / SESSION_KINDS], _i % SESSION_KINDS, false);
}
END_TEST

START_TEST(what_is_started_comes_back)
{
	round_trips(topics[_i / SESSION_KINDS], _i % SESSION_KINDS, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("roundtrip");
	TCase *tests;

	tests = support_case(suite, "samples");
	tcase_add_loop_test(tests, what_is_sent_comes_back, 0, COUNT(topics) * SESSION_KINDS);
	tcase_add_loop_test(tests, what_is_started_comes_back, 0, COUNT(topics) * SESSION_KINDS);
	return support_run(suite);
}
