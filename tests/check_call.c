/*
 * check_call.c - tests of runtime/call.h: what a handler sees of a call, and how it ends.
 */
#include "call.h"

#include <limits.h>
#include <string.h>

#include "clock.h"
#include "support.h"

static const mqc_method method = {
	.name = "a.A/Method",
	.request = &shapes__number__descriptor,
	.reply = &shapes__number__descriptor,
};

static int dispatch(const void *handlers, void *self, uint32_t index, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply);

/* What the handler is to do. */
static int (*handler)(mqc_call *call, int64_t value, Shapes__Number *reply);

static const mqci_entry entry = {
	.method = &method,
	.index = 3,
	.dispatch = dispatch,
	.handlers = &method,
	.self = &handler,
};

static int value_for_handlers;

static int dispatch(const void *handlers, void *self, uint32_t index, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	ck_assert_ptr_eq(handlers, &method);
	ck_assert_ptr_eq(self, &handler);
	ck_assert_uint_eq(index, 3);
	return handler(call, ((const Shapes__Number *)(const void *)request)->value, (void *)reply);
}

static const mqci_origin nobody;

/* Execute a call with that handler: its result, and what it replied. */
static int execute(mqc_call *call, const uint8_t *bytes, size_t size, int64_t *ret_value)
{
	ProtobufCMessage *reply = NULL;
	int r;

	r = mqci_call_execute(call, &entry, bytes, size, &reply);
	if (r == MQC_OK)
		*ret_value = ((Shapes__Number *)(void *)reply)->value;
	return r;
}

static int twice(mqc_call *call, int64_t value, Shapes__Number *reply)
{
	(void)call;
	reply->value = 2 * value;
	return MQC_OK;
}

static const uint8_t seven[] = {0x08, 0x07};

START_TEST(a_call)
{
	int64_t value = 0;
	mqc_call call = {0};

	handler = twice;
	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
	support_ok(execute(&call, seven, sizeof seven, &value));
	ck_assert_int_eq(value, 14);
	ck_assert(call.dispatched);
	mqci_call_done(&call);
}
END_TEST

START_TEST(a_request_that_is_none)
{
	const uint8_t bad[] = {0x08};
	int64_t value = 0;
	mqc_call call = {0};

	handler = twice;
	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
	support_fails(execute(&call, bad, sizeof bad, &value), MQC_INVALID_ARGUMENT);
	ck_assert(!call.dispatched);
	ck_assert_ptr_nonnull(strstr(call.text, "a.A/Method"));
	ck_assert_ptr_nonnull(strstr(call.text, "shapes.Number"));
	mqci_call_done(&call);
}
END_TEST

static int return_code(mqc_call *call, int64_t value, Shapes__Number *reply)
{
	(void)call, (void)value, (void)reply;
	return value_for_handlers;
}

START_TEST(results)
{
	static const int none[] = {1, 2, INT_MAX, INT_MIN, MQC_UNAUTHENTICATED - 1};
	int64_t value = 0;
	mqc_call call = {0};

	handler = return_code;
	for (int status = MQC_UNAUTHENTICATED; status <= MQC_OK; status++) {
		value_for_handlers = status;
		mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
		ck_assert_int_eq(execute(&call, seven, sizeof seven, &value), status);
		ck_assert_str_eq(call.text, "");
		mqci_call_done(&call);
	}
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		value_for_handlers = none[i];
		mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
		ck_assert_int_eq(execute(&call, seven, sizeof seven, &value), MQC_INTERNAL);
		ck_assert_ptr_nonnull(strstr(call.text, "not a status"));
		ck_assert(call.dispatched);
		mqci_call_done(&call);
	}
}
END_TEST

START_TEST(texts)
{
	char text[MQCI_ERROR_TEXT_SIZE + 10];
	mqc_call call = {0};

	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
	ck_assert_int_eq(mqc_call_fail(&call, MQC_NOT_FOUND, "no %s %d", "process", 5),
			 MQC_NOT_FOUND);
	ck_assert_str_eq(call.text, "no process 5");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert_int_eq(mqc_call_fail(&call, MQC_ABORTED, "%s", text), MQC_ABORTED);
	ck_assert_uint_eq(strlen(call.text), MQCI_ERROR_TEXT_SIZE - 1);
	mqci_call_done(&call);
}
END_TEST

START_TEST(memory_of_the_call)
{
	static const size_t sizes[] = {0, 1, 7, 8, 100, 511, 512, 513, 4096, 100000, 1, 3};
	mqc_call call = {0};

	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			unsigned char *memory = mqc_call_alloc(&call, sizes[i]);

			ck_assert_ptr_nonnull(memory);
			ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
			for (size_t at = 0; at < sizes[i]; at++)
				ck_assert_uint_eq(memory[at], 0);
			memset(memory, 0xff, sizes[i]);
		}
	}
	ck_assert_ptr_null(mqc_call_alloc(&call, SIZE_MAX));
	ck_assert_int_eq(mqc_error_last()->status, MQC_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(mqc_call_strdup(&call, "a string"), "a string");
	ck_assert_str_eq(mqc_call_strdup(&call, ""), "");
	ck_assert_ptr_null(mqc_call_strdup(&call, NULL));
	mqci_call_done(&call);
}
END_TEST

START_TEST(time_that_is_left)
{
	mqc_call call = {0};

	mqci_call_init(&call, &method, &nobody, MQCI_NEVER);
	ck_assert_int_eq(mqc_call_remaining_ms(&call), MQC_TIMEOUT_INFINITE);
	mqci_call_init(&call, &method, &nobody, 0);
	ck_assert_int_eq(mqc_call_remaining_ms(&call), 0);
	mqci_call_init(&call, &method, &nobody, mqci_deadline_after_ms(60000));
	ck_assert_int_gt(mqc_call_remaining_ms(&call), 0);
	ck_assert_int_le(mqc_call_remaining_ms(&call), 60000);
	mqci_call_done(&call);
}
END_TEST

static int64_t inherited;

static int look_at_inherited(mqc_call *call, int64_t value, Shapes__Number *reply)
{
	(void)call, (void)value, (void)reply;
	inherited = mqci_call_inherited();
	return MQC_OK;
}

START_TEST(handlers_inherit_time)
{
	int64_t value;
	mqc_call call = {0};

	handler = look_at_inherited;
	ck_assert_int_eq(mqci_call_inherited(), MQCI_NEVER);
	mqci_call_init(&call, &method, &nobody, 12345);
	support_ok(execute(&call, seven, sizeof seven, &value));
	ck_assert_int_eq(inherited, 12345);
	ck_assert_int_eq(mqci_call_inherited(), MQCI_NEVER);
	mqci_call_done(&call);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("call");
	TCase *tests = support_case(suite, "call");

	tcase_add_test(tests, a_call);
	tcase_add_test(tests, a_request_that_is_none);
	tcase_add_test(tests, results);
	tcase_add_test(tests, texts);
	tcase_add_test(tests, memory_of_the_call);
	tcase_add_test(tests, time_that_is_left);
	tcase_add_test(tests, handlers_inherit_time);
	return support_run(suite);
}
