/*
 * check_metadata.c - tests of runtime/metadata.h: what goes with a call, from hand to hand.
 */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const mqc_method method = {
	.name = "a.A/Method",
	.request = &shapes__number__descriptor,
	.reply = &shapes__number__descriptor,
};

static const mqc_pair two[] = {{"trace", "7f3a"}, {"empty", ""}};

static mqc_call call;

static void begin_call(void)
{
	static const mqci_origin nobody;

	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
}

static void end_call(void)
{
	mqci_call_done(&call);
}

static uint8_t *packed_bytes; /* of the last packed() */

/* A block of pairs, and `rest` bytes behind it, as the payload of a frame. */
static mqci_frame packed(const mqc_pair *pairs, size_t n, size_t rest)
{
	mqci_frame frame = {.flags = MQCI_FRAME_EXTRAS};

	support_ok(mqci_metadata_measure(pairs, n, &frame.size));
	packed_bytes = malloc(frame.size + rest);
	ck_assert_ptr_nonnull(packed_bytes);
	mqci_metadata_pack(pairs, n, packed_bytes);
	memset(packed_bytes + frame.size, 'r', rest);
	frame.size += rest;
	frame.payload = packed_bytes;
	return frame;
}

/* What would be sent in front of an answer, as the caller takes it off. */
static mqc_pairs *sent(size_t size, mqci_extra *ret_detail)
{
	mqci_frame frame = {.flags = MQCI_FRAME_EXTRAS, .size = size};
	uint8_t *bytes = malloc(size);
	mqc_pairs *pairs = NULL;

	ck_assert_ptr_nonnull(bytes);
	mqci_metadata_write(&call, bytes);
	frame.payload = bytes;
	support_ok(mqci_metadata_take(method.name, &frame, &pairs, ret_detail));
	ck_assert_uint_eq(frame.size, 0);
	/* The detail lies in the payload: all that is asked of it then is its name. */
	ck_assert(ret_detail->key == NULL ||
		  memcmp(ret_detail->key, "shapes.Pair", ret_detail->key_size) == 0);
	free(bytes);
	return pairs;
}

static int fail_with_pair(int32_t a)
{
	Shapes__Pair detail;

	shapes__pair__init(&detail);
	detail.a = a;
	return mqc_call_fail_with(&call, MQC_ABORTED, &detail.base, "with %d", (int)a);
}

START_TEST(a_request)
{
	mqci_frame request = packed(two, 2, 5);
	const mqc_pair *pairs;
	size_t n;

	begin_call();
	ck_assert_ptr_null(mqc_call_pairs(&call, &n));
	ck_assert_uint_eq(n, 0);
	ck_assert_ptr_null(mqc_call_metadata(&call, "trace"));

	support_ok(mqci_metadata_receive(&call, &request));
	ck_assert_uint_eq(request.size, 5);
	ck_assert_mem_eq(request.payload, "rrrrr", 5);
	free(packed_bytes);

	/* It does not need the message any more. */
	pairs = mqc_call_pairs(&call, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(pairs[0].key, "trace");
	ck_assert_str_eq(pairs[0].value, "7f3a");
	ck_assert_str_eq(pairs[1].key, "empty");
	ck_assert_str_eq(pairs[1].value, "");
	ck_assert_str_eq(mqc_call_metadata(&call, "trace"), "7f3a");
	ck_assert_str_eq(mqc_call_metadata(&call, "empty"), "");
	ck_assert_ptr_null(mqc_call_metadata(&call, "Trace"));
	ck_assert_ptr_null(mqc_call_metadata(&call, "trac"));
	ck_assert_ptr_null(mqc_call_metadata(&call, ""));
	end_call();
}
END_TEST

START_TEST(of_several_the_first)
{
	static const mqc_pair same[] = {{"k", "1"}, {"k", "2"}, {"j", "3"}, {"k", "4"}};
	mqci_frame request = packed(same, COUNT(same), 0);
	const mqc_pair *pairs;
	size_t n;

	begin_call();
	support_ok(mqci_metadata_receive(&call, &request));
	ck_assert_uint_eq(request.size, 0);
	ck_assert_str_eq(mqc_call_metadata(&call, "k"), "1");
	pairs = mqc_call_pairs(&call, &n);
	ck_assert_uint_eq(n, COUNT(same));
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(pairs[i].value, same[i].value);
	free(packed_bytes);
	end_call();
}
END_TEST

START_TEST(the_next_call_has_none)
{
	mqci_frame request = packed(two, 2, 0);
	size_t n;

	begin_call();
	support_ok(mqci_metadata_receive(&call, &request));
	support_ok(mqc_call_add_metadata(&call, "k", "v"));
	end_call();
	begin_call();
	ck_assert_ptr_null(mqc_call_pairs(&call, &n));
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(mqci_metadata_of_reply(&call), 0);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, 1000), 0);
	end_call();
	free(packed_bytes);
}
END_TEST

START_TEST(what_makes_no_sense)
{
	mqci_frame good = packed(two, 2, 0), bad = good;
	mqc_pairs *pairs = NULL;
	mqci_extra detail;

	bad.size -= 8;
	begin_call();
	ck_assert_int_eq(mqci_metadata_receive(&call, &bad), MQC_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(call.text, "a.A/Method"));
	ck_assert_ptr_eq(bad.payload, good.payload);
	end_call();
	support_fails(mqci_metadata_take("a.A/Method", &bad, &pairs, &detail), MQC_INTERNAL);
	support_error_has("a.A/Method");
	ck_assert(mqc_error_last()->maybe_executed);
	ck_assert_ptr_null(pairs);
	free(packed_bytes);
}
END_TEST

START_TEST(what_is_asked_for)
{
	mqci_frame reply = packed(two, 2, 3), again = reply;
	mqc_pairs *pairs = NULL;
	mqci_extra detail;

	support_ok(mqci_metadata_take("m", &again, NULL, &detail));
	ck_assert_uint_eq(again.size, 3);
	ck_assert_ptr_null(detail.key);
	again = reply;
	support_ok(mqci_metadata_take("m", &again, &pairs, &detail));
	ck_assert_uint_eq(again.size, 3);
	ck_assert_uint_eq(pairs->n, 2);
	ck_assert_str_eq(pairs->pairs[0].value, "7f3a");
	free(pairs);
	free(packed_bytes);
}
END_TEST

START_TEST(what_no_call_can_have)
{
	static const mqc_pair bad[] = {{"good", "v"}, {"bad key", "v"}};
	mqc_pair many[65];
	size_t size = 99;

	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = two[0];
	support_fails(mqci_metadata_measure(bad, 2, &size), MQC_INVALID_ARGUMENT);
	support_fails(mqci_metadata_measure(NULL, 1, &size), MQC_INVALID_ARGUMENT);
	support_fails(mqci_metadata_measure(many, 65, &size), MQC_INVALID_ARGUMENT);
	ck_assert_uint_eq(size, 99);
	support_ok(mqci_metadata_measure(many, 64, &size));
	ck_assert_uint_eq(size, (4 + 64 * (8 + 5 + 4) + 7) / 8 * 8);
	support_ok(mqci_metadata_measure(NULL, 0, &size));
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(an_answer)
{
	char key[] = "key", value[] = "value";
	mqci_extra detail;
	mqc_pairs *pairs;
	size_t size;

	begin_call();
	support_ok(mqc_call_add_metadata(&call, key, value));
	memset(value, 'x', sizeof value - 1);
	support_ok(mqc_call_add_metadata(&call, key, ""));
	memset(key, 'x', sizeof key - 1);
	size = mqci_metadata_of_reply(&call);
	ck_assert_uint_eq(size, (4 + 8 + 3 + 5 + 8 + 3 + 7) / 8 * 8);
	pairs = sent(size, &detail);
	ck_assert_uint_eq(pairs->n, 2);
	ck_assert_str_eq(pairs->pairs[0].key, "key");
	ck_assert_str_eq(pairs->pairs[0].value, "value");
	ck_assert_str_eq(pairs->pairs[1].value, "");
	free(pairs);
	end_call();
}
END_TEST

START_TEST(what_no_answer_can_have)
{
	begin_call();
	support_fails(mqc_call_add_metadata(&call, "a key", "v"), MQC_INVALID_ARGUMENT);
	support_fails(mqc_call_add_metadata(&call, "k", "\xff"), MQC_INVALID_ARGUMENT);
	support_fails(mqc_call_add_metadata(&call, NULL, "v"), MQC_INVALID_ARGUMENT);
	ck_assert_uint_eq(mqci_metadata_of_reply(&call), 0);
	for (int i = 0; i < 64; i++)
		support_ok(mqc_call_add_metadata(&call, "k", "v"));
	support_fails(mqc_call_add_metadata(&call, "k", "v"), MQC_RESOURCE_EXHAUSTED);
	support_error_has("64 pairs");
	ck_assert_uint_eq(mqci_metadata_of_reply(&call), (4 + 64 * 10 + 7) / 8 * 8);
	end_call();
}
END_TEST

START_TEST(errors_drop_what_finds_no_room)
{
	size_t all, without_detail;
	mqci_extra detail;
	mqc_pairs *pairs;

	begin_call();
	support_ok(mqc_call_add_metadata(&call, "key", "value"));
	ck_assert_int_eq(fail_with_pair(7), MQC_ABORTED);
	ck_assert_str_eq(call.text, "with 7");
	all = mqci_metadata_of_error(&call, SIZE_MAX);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, all), all);
	pairs = sent(all, &detail);
	ck_assert_uint_eq(pairs->n, 1);
	ck_assert_ptr_nonnull(detail.key);
	free(pairs);

	without_detail = mqci_metadata_of_error(&call, all - 1);
	ck_assert_uint_lt(without_detail, all);
	pairs = sent(without_detail, &detail);
	ck_assert_uint_eq(pairs->n, 1);
	ck_assert_ptr_null(detail.key);
	free(pairs);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, without_detail), without_detail);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, without_detail - 1), 0);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, SIZE_MAX), 0);
	ck_assert_str_eq(call.text, "with 7");
	end_call();
}
END_TEST

START_TEST(the_last_failure_counts)
{
	begin_call();
	(void)fail_with_pair(1);
	ck_assert_uint_gt(mqci_metadata_of_error(&call, SIZE_MAX), 0);
	ck_assert_int_eq(mqc_call_fail(&call, MQC_NOT_FOUND, "%s", "no"), MQC_NOT_FOUND);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, SIZE_MAX), 0);
	(void)fail_with_pair(2);
	ck_assert_int_eq(mqc_call_fail_with(&call, MQC_NOT_FOUND, NULL, "%s", "no"), MQC_NOT_FOUND);
	ck_assert_uint_eq(mqci_metadata_of_error(&call, SIZE_MAX), 0);
	ck_assert_str_eq(call.text, "no");
	/* A handler that then succeeds has not failed. */
	(void)fail_with_pair(3);
	ck_assert_uint_eq(mqci_metadata_of_reply(&call), 0);
	end_call();
}
END_TEST

START_TEST(details_that_cannot_go)
{
	Shapes__Tree tree, *nothing = NULL;
	Shapes__Text large;

	begin_call();
	shapes__tree__init(&tree);
	tree.n_branches = 1;
	tree.branches = &nothing;
	ck_assert_int_eq(mqc_call_fail_with(&call, MQC_ABORTED, &tree.base, "tree"), MQC_ABORTED);
	ck_assert_int_eq(mqc_error_last()->status, MQC_INVALID_ARGUMENT);
	support_error_has("shapes.Tree");
	ck_assert_uint_eq(mqci_metadata_of_error(&call, SIZE_MAX), 0);

	shapes__text__init(&large);
	large.text = calloc(65537, 1);
	ck_assert_ptr_nonnull(large.text);
	memset(large.text, 'x', 65536);
	ck_assert_int_eq(mqc_call_fail_with(&call, MQC_ABORTED, &large.base, "text"), MQC_ABORTED);
	ck_assert_int_eq(mqc_error_last()->status, MQC_RESOURCE_EXHAUSTED);
	support_error_has("shapes.Text");
	ck_assert_uint_eq(mqci_metadata_of_error(&call, SIZE_MAX), 0);
	ck_assert_str_eq(call.text, "text");

	/* A tag, three bytes of length. */
	large.text[65536 - 4] = '\0';
	ck_assert_int_eq(mqc_call_fail_with(&call, MQC_ABORTED, &large.base, "text"), MQC_ABORTED);
	ck_assert_uint_gt(mqci_metadata_of_error(&call, SIZE_MAX), 65536);
	free(large.text);
	end_call();
}
END_TEST

/* The error has a detail of these bytes, said to be a shapes.Tree. */
static int unpack(const uint8_t *bytes, size_t size, ProtobufCMessage **ret_detail)
{
	(void)mqci_fail(MQC_ABORTED, 0, "aborted");
	mqci_error_attach("shapes.Tree", 11, bytes, size);
	return mqc_error_detail(&shapes__tree__descriptor, NULL, ret_detail);
}

/* A tree with so many, one in the other, below: written from its end. Its size. */
static size_t nest(uint8_t *to, size_t room, unsigned below)
{
	uint8_t *end = to + room, *at = end;
	size_t size;

	for (; below > 0; below--) {
		size = (size_t)(end - at);
		if (size >= 128)
			*--at = (uint8_t)(size >> 7);
		*--at = (uint8_t)(size < 128 ? size : (size & 0x7f) | 0x80);
		*--at = 0x12;
	}
	size = (size_t)(end - at);
	memmove(to, at, size);
	return size;
}

START_TEST(details_are_not_believed)
{
	static const uint8_t garbage[] = {0xff, 0xff, 0xff};
	ProtobufCMessage *detail = NULL;
	uint8_t deep[1000];

	ck_assert_int_eq(unpack(garbage, sizeof garbage, &detail), MQC_INTERNAL);
	ck_assert_int_eq(unpack(deep, nest(deep, sizeof deep, 99), &detail), MQC_OK);
	protobuf_c_message_free_unpacked(detail, NULL);
	detail = NULL;
	ck_assert_int_eq(unpack(deep, nest(deep, sizeof deep, 100), &detail), MQC_INTERNAL);
	ck_assert_ptr_null(detail);
	ck_assert_int_eq(mqc_error_last()->status, MQC_ABORTED);
	ck_assert_str_eq(mqc_error_last()->text, "aborted");
	ck_assert_str_eq(mqc_error_last()->detail_type, "shapes.Tree");
}
END_TEST

static void *no_memory(void *data, size_t size)
{
	(void)data;
	(void)size;
	return NULL;
}

static void no_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

START_TEST(details_without_memory)
{
	ProtobufCAllocator allocator = {.alloc = no_memory, .free = no_free};
	ProtobufCMessage *detail = NULL;

	(void)mqci_fail(MQC_ABORTED, 0, "aborted");
	mqci_error_attach("shapes.Tree", 11, (const uint8_t *)"", 0);
	ck_assert_int_eq(mqc_error_detail(&shapes__tree__descriptor, &allocator, &detail),
			 MQC_RESOURCE_EXHAUSTED);
	ck_assert_ptr_null(detail);
	/* It is there when there is some again. */
	ck_assert_int_eq(mqc_error_detail(&shapes__tree__descriptor, NULL, &detail), MQC_OK);
	protobuf_c_message_free_unpacked(detail, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metadata");
	TCase *requests = support_case(suite, "requests"),
	      *answers = support_case(suite, "answers"), *details = support_case(suite, "details");

	tcase_add_test(requests, a_request);
	tcase_add_test(requests, of_several_the_first);
	tcase_add_test(requests, the_next_call_has_none);
	tcase_add_test(requests, what_makes_no_sense);
	tcase_add_test(requests, what_no_call_can_have);
	tcase_add_test(answers, what_is_asked_for);
	tcase_add_test(answers, an_answer);
	tcase_add_test(answers, what_no_answer_can_have);
	tcase_add_test(answers, errors_drop_what_finds_no_room);
	tcase_add_test(details, the_last_failure_counts);
	tcase_add_test(details, details_that_cannot_go);
	tcase_add_test(details, details_are_not_believed);
	tcase_add_test(details, details_without_memory);
	return support_run(suite);
}
