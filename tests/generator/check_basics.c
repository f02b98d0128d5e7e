/*
 * check_basics.c - tests of idl/arena.c, text.c, table.c, diag.c, wire.c and
 * options.c.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "idl/arena.h"
#include "idl/diag.h"
#include "idl/options.h"
#include "idl/table.h"
#include "idl/text.h"
#include "idl/wire.h"

START_TEST(arena_gives_zeroed_aligned_memory)
{
	idl_arena arena = {0};

	for (size_t size = 0; size < 200000; size = size * 2 + 1) {
		unsigned char *memory = idl_arena_alloc(&arena, size);

		ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			ck_assert_uint_eq(memory[i], 0);
		if (size > 0)
			memset(memory, 0xaa, size);
	}
	ck_assert_str_eq(idl_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
	idl_arena_done(&arena);
	idl_arena_done(NULL);
}
END_TEST

START_TEST(text_grows)
{
	idl_text text = {0};

	ck_assert_str_eq(idl_text_string(&text), "");
	for (int i = 0; i < 10000; i++)
		idl_text_addf(&text, "%d,", i % 10);
	ck_assert_uint_eq(text.size, 20000);
	ck_assert_uint_eq(strlen(text.bytes), 20000);
	idl_text_add_bytes(&text, "\0x", 2);
	ck_assert_uint_eq(text.size, 20002);
	idl_text_done(&text);
	ck_assert_ptr_null(text.bytes);
}
END_TEST

START_TEST(table_finds_what_was_added)
{
	idl_arena arena = {0};
	idl_table table = {0};
	int values[2] = {1, 2};

	ck_assert_ptr_null(idl_table_find(&table, "x"));
	for (int i = 0; i < 5000; i++)
		ck_assert_ptr_null(idl_table_add(&table, &arena,
						 idl_arena_printf(&arena, "name%d", i), values));
	ck_assert_ptr_eq(idl_table_add(&table, &arena, "name77", values + 1), values);
	ck_assert_ptr_eq(idl_table_find(&table, "name4999"), values);
	ck_assert_ptr_null(idl_table_find(&table, "name5000"));
	ck_assert_uint_eq(table.count, 5000);
	idl_arena_done(&arena);
}
END_TEST

START_TEST(diagnostics_are_sorted)
{
	idl_diags diags = {0};
	idl_text text = {0};

	idl_error(&diags, (idl_place){"b.proto", 9, 1}, "third");
	idl_warning(&diags, (idl_place){"b.proto", 2, 5}, "second");
	idl_error(&diags, (idl_place){"b.proto", 2, 1}, "first %d", 1);
	idl_error(&diags, (idl_place){0}, "of no file");
	idl_error(&diags, (idl_place){"a.proto", 1, 1}, "of another one");
	idl_diags_format(&diags, &text);
	ck_assert_str_eq(text.bytes, "b.proto:2:1: error: first 1\n"
				     "b.proto:2:5: warning: second\n"
				     "b.proto:9:1: error: third\n"
				     "mqcallc: error: of no file\n"
				     "a.proto:1:1: error: of another one\n");
	ck_assert_uint_eq(diags.n_errors, 4);
	ck_assert_uint_eq(diags.n_warnings, 1);
	idl_text_done(&text);
	idl_diags_done(&diags);
}
END_TEST

START_TEST(words_of_protoc)
{
	idl_diags diags = {0};
	idl_text text = {0};

	idl_diags_add_protoc(&diags,
			     "x.proto:3:7: Expected \":\".\n"
			     "x.proto:1:1: warning: Import y is unused.\n"
			     "[libprotobuf WARNING a/b.cc:646] No syntax specified.\n"
			     "no/such.proto: File not found.\n"
			     "C:99:odd: but no place\n",
			     false);
	idl_diags_format(&diags, &text);
	ck_assert_str_eq(text.bytes, "x.proto:1:1: warning: Import y is unused.\n"
				     "x.proto:3:7: error: Expected \":\".\n"
				     "mqcallc: warning: No syntax specified.\n"
				     "mqcallc: error: C:99:odd: but no place\n"
				     "no/such.proto: error: File not found.\n");
	idl_text_done(&text);
	idl_diags_done(&diags);
}
END_TEST

START_TEST(wire_refuses_what_is_malformed)
{
	static const struct {
		const char *bytes;
		size_t size;
		int result;
	} cases[] = {
		{"", 0, 0},
		{"\x08\x01", 2, 1},
		{"\x08", 1, -1},     /* no value */
		{"\x08\x80", 2, -1}, /* half a value */
		{"\x00\x01", 2, -1}, /* no field has the number 0 */
		{"\x0a\x05"
		 "abc",
		 5, -1}, /* longer than what is left */
		{"\x0a\x03"
		 "abc",
		 5, 1},
		{"\x0b", 1, -1}, /* a group without an end */
		{"\x0b\x0c", 2, 1},
		{"\x0c", 1, -1},                                     /* an end without a group */
		{"\x0b\x08\x01\x13\x12\x01\x0c\x14\x0c\x08", 10, 1}, /* one in another */
		{"\x0b\x13\x0c", 3, -1},
		{"\x09\x01\x02\x03", 4, -1}, /* half of 64 bits */
		{"\x0d\x01\x02\x03\x04", 5, 1},
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		idl_wire wire = {(const uint8_t *)cases[i].bytes, cases[i].size};
		idl_wire_field field;

		ck_assert_int_eq(idl_wire_next(&wire, &field), cases[i].result);
	}
}
END_TEST

/* An options message with one unknown field in it. */
static ProtobufCMessage options_with(ProtobufCMessageUnknownField *field, uint32_t tag,
				     ProtobufCWireType type, const char *bytes, size_t size)
{
	ProtobufCMessage message = {.n_unknown_fields = 1, .unknown_fields = field};

	*field = (ProtobufCMessageUnknownField){.tag = tag, .wire_type = type, .len = size};
	field->data = malloc(size > 0 ? size : 1);
	ck_assert_ptr_nonnull(field->data);
	if (size > 0)
		memcpy(field->data, bytes, size);
	return message;
}

START_TEST(options_are_decoded)
{
	ProtobufCMessageUnknownField field;
	ProtobufCMessage options;
	idl_arena arena = {0};
	const char *text = NULL;
	int64_t number = 0;

	ck_assert_int_eq(idl_options_number(NULL, 51882, &number), 0);
	options = options_with(&field, 51882, PROTOBUF_C_WIRE_TYPE_VARINT, "\xf4\x03", 2);
	ck_assert_int_eq(idl_options_number(&options, 51882, &number), 1);
	ck_assert_int_eq(number, 500);
	ck_assert_int_eq(idl_options_number(&options, 51883, &number), 0);
	ck_assert_int_eq(idl_options_text(&options, 51882, &arena, &text), -1);
	free(field.data);
	options = options_with(&field, 51880, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
			       "\x04"
			       "calc",
			       5);
	ck_assert_int_eq(idl_options_text(&options, 51880, &arena, &text), 1);
	ck_assert_str_eq(text, "calc");
	ck_assert_int_eq(idl_options_number(&options, 51880, &number), -1);
	field.len = 4; /* less than its length says */
	ck_assert_int_eq(idl_options_text(&options, 51880, &arena, &text), -1);
	free(field.data);
	options = options_with(&field, 51880, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
			       "\x02"
			       "a\0",
			       3);
	ck_assert_int_eq(idl_options_text(&options, 51880, &arena, &text), -1);
	free(field.data);
	idl_arena_done(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("basics");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, arena_gives_zeroed_aligned_memory);
	tcase_add_test(tcase, text_grows);
	tcase_add_test(tcase, table_finds_what_was_added);
	tcase_add_test(tcase, diagnostics_are_sorted);
	tcase_add_test(tcase, words_of_protoc);
	tcase_add_test(tcase, wire_refuses_what_is_malformed);
	tcase_add_test(tcase, options_are_decoded);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
