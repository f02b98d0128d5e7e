/*
 * check_take.c - tests of mqc_take_string() and mqc_take_bytes(): who owns what afterwards.
 */
#include <mqcall/mqcall.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tests/strict.pb-c.h"
#include "things.h"

/* A message of that text and those bytes, as it comes out of a reply. */
static Shapes__Text *unpacked(const char *text, const char *bytes)
{
	Shapes__Text message, *copy;
	uint8_t buffer[256];
	char own[64];
	size_t size;

	shapes__text__init(&message);
	(void)snprintf(own, sizeof own, "%s", text);
	message.text = own;
	message.data.data = (uint8_t *)(uintptr_t)bytes;
	message.data.len = strlen(bytes);
	size = shapes__text__pack(&message, buffer);
	copy = shapes__text__unpack(NULL, size, buffer);
	ck_assert_ptr_nonnull(copy);
	return copy;
}

START_TEST(a_string)
{
	Shapes__Text *message = unpacked("hello", "");
	char *text = NULL;

	support_ok(mqc_take_string(&message->text, NULL, &text));
	ck_assert_str_eq(text, "hello");
	shapes__text__free_unpacked(message, NULL);
	/* It is ours: still there, and to be freed. */
	ck_assert_str_eq(text, "hello");
	free(text);
}
END_TEST

START_TEST(the_empty_string_is_shared)
{
	Shapes__Text *message = unpacked("", "");
	char *text = NULL;

	ck_assert_ptr_eq(message->text, protobuf_c_empty_string);
	support_ok(mqc_take_string(&message->text, NULL, &text));
	ck_assert_str_eq(text, "");
	ck_assert_ptr_ne(text, protobuf_c_empty_string);
	free(text);
	shapes__text__free_unpacked(message, NULL);
}
END_TEST

START_TEST(no_string)
{
	char *field = NULL, *text = (char *)&field;

	support_ok(mqc_take_string(&field, NULL, &text));
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(defaults_are_shared)
{
	const uint8_t empty[] = {0x08, 0x01};
	Strict__Strict *message = strict__strict__unpack(NULL, sizeof empty, empty);
	uint8_t *data = NULL;
	char *text = NULL;
	size_t len = 0;

	ck_assert_ptr_nonnull(message);
	support_ok(mqc_take_string(&message->color, message->color, &text));
	ck_assert_str_eq(text, "green");
	text[0] = 'G';
	free(text);
	support_ok(mqc_take_bytes(&message->seed, message->seed.data, &data, &len));
	ck_assert_uint_eq(len, 2);
	ck_assert_mem_eq(data, "\1\2", 2);
	data[0] = 9;
	free(data);
	strict__strict__free_unpacked(message, NULL);

	/* The next message has them as they were. */
	message = strict__strict__unpack(NULL, sizeof empty, empty);
	ck_assert_str_eq(message->color, "green");
	ck_assert_mem_eq(message->seed.data, "\1\2", 2);
	strict__strict__free_unpacked(message, NULL);
}
END_TEST

START_TEST(bytes)
{
	Shapes__Text *message = unpacked("", "some bytes");
	uint8_t *data = NULL;
	size_t len = 0;

	support_ok(mqc_take_bytes(&message->data, NULL, &data, &len));
	ck_assert_uint_eq(len, 10);
	ck_assert_mem_eq(data, "some bytes", 10);
	ck_assert_ptr_null(message->data.data);
	ck_assert_uint_eq(message->data.len, 0);
	shapes__text__free_unpacked(message, NULL);
	free(data);
}
END_TEST

START_TEST(no_bytes)
{
	ProtobufCBinaryData none = {0, NULL}, empty = {0, malloc(1)};
	uint8_t *data = (uint8_t *)&none;
	size_t len = 99;

	support_ok(mqc_take_bytes(&none, NULL, &data, &len));
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(len, 0);
	/* Memory without bytes in it is freed here: nobody else would. */
	support_ok(mqc_take_bytes(&empty, NULL, &data, &len));
	ck_assert_ptr_null(data);
	ck_assert_ptr_null(empty.data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("take");
	TCase *tests = support_case(suite, "take");

	tcase_add_test(tests, a_string);
	tcase_add_test(tests, the_empty_string_is_shared);
	tcase_add_test(tests, no_string);
	tcase_add_test(tests, defaults_are_shared);
	tcase_add_test(tests, bytes);
	tcase_add_test(tests, no_bytes);
	return support_run(suite);
}
