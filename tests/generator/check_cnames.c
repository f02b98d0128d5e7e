/*
 * check_cnames.c - tests of generator/cnames.c and words.c.
 *
 * What protoc-gen-c 1.4.1 was seen to write.
 */
#include "generator/cnames.h"

#include <check.h>
#include <stdlib.h>

#include "generator/words.h"

static idl_arena arena;

static void done(void)
{
	idl_arena_done(&arena);
	arena = (idl_arena){0};
}

START_TEST(types)
{
	ck_assert_str_eq(gen_cname_type(&arena, "foo_bar.v1.BazQux"), "FooBar__V1__BazQux");
	ck_assert_str_eq(gen_cname_type(&arena, "M.foo_entry"), "M__FooEntry");
	ck_assert_str_eq(gen_cname_type(&arena, "a__b._c"), "AB__C");
	ck_assert_str_eq(gen_cname_type(&arena, "IPAddr"), "IPAddr");
	ck_assert_str_eq(gen_cname_type(&arena, "_1"), "1");
}
END_TEST

START_TEST(functions_and_macros)
{
	ck_assert_str_eq(gen_cname_lower(&arena, "foo_bar.v1.BazQux"), "foo_bar__v1__baz_qux");
	ck_assert_str_eq(gen_cname_upper(&arena, "foo_bar.v1.BazQux"), "FOO_BAR__V1__BAZ_QUX");
	ck_assert_str_eq(gen_cname_lower(&arena, "IPAddr"), "ipaddr");
	ck_assert_str_eq(gen_cname_lower(&arena, "A_B"), "a__b");
	ck_assert_str_eq(gen_cname_lower(&arena, "Bool.MEntry"), "bool__mentry");
	ck_assert_str_eq(gen_cname_upper(&arena, "_x"), "_X");
	ck_assert_str_eq(gen_cname_upper(&arena, "fooBar2Baz"), "FOO_BAR2_BAZ");
}
END_TEST

START_TEST(members)
{
	ck_assert_str_eq(gen_cname_member(&arena, "UpperCase"), "uppercase");
	ck_assert_str_eq(gen_cname_member(&arena, "class"), "class_");
	ck_assert_str_eq(gen_cname_member(&arena, "CLASS"), "class_");
	ck_assert_str_eq(gen_cname_member(&arena, "restrict"), "restrict");
}
END_TEST

START_TEST(files)
{
	ck_assert_str_eq(gen_cname_stem(&arena, "dir/calc.proto"), "dir/calc");
	ck_assert_str_eq(gen_cname_stem(&arena, "calc.protodevel"), "calc");
	ck_assert_str_eq(gen_cname_stem(&arena, "calc.v1.proto"), "calc.v1");
	ck_assert_str_eq(gen_cname_stem(&arena, "calc"), "calc");
}
END_TEST

START_TEST(snake)
{
	ck_assert_str_eq(gen_cname_snake(&arena, "foo.v1.BazService"), "foo_v1_baz_service");
	ck_assert_str_eq(gen_cname_snake(&arena, "HTTPServer2Get"), "http_server2_get");
	ck_assert_str_eq(gen_cname_snake(&arena, "GetURL"), "get_url");
	ck_assert_str_eq(gen_cname_snake(&arena, "Get_Foo"), "get_foo");
	ck_assert_str_eq(gen_cname_snake(&arena, "getFoo"), "get_foo");
	ck_assert_str_eq(gen_cname_snake(&arena, "X"), "x");
}
END_TEST

/* The lists are searched by bisection: in a list out of order, words get lost. */
START_TEST(words)
{
	static const char *const keywords[] = {
		"and",      "asm",     "auto",         "bool",    "char",    "class", "double",
		"int",      "long",    "or_eq",        "private", "wchar_t", "while", "xor_eq",
		"alignas",  "char8_t", "co_await",     "errno",   "int32_t", "linux", "nullptr",
		"restrict", "size_t",  "thread_local", "typeof",  "unix",    "vax",
	};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		ck_assert_msg(gen_word_is_keyword(keywords[i]), "%s", keywords[i]);
	ck_assert(!gen_word_is_keyword("sum"));
	ck_assert(!gen_word_is_keyword(""));
	ck_assert(gen_word_is_taken("call") && gen_word_is_taken("self"));
	ck_assert(gen_word_is_system_type("FILE") && gen_word_is_system_type("ProtobufCMessage"));
	/* What is appended to a name that is taken makes another of it. */
	ck_assert(!gen_word_is_system_type("ProtobufCMessage2"));
	ck_assert(gen_word_is_no_method("offsetof") && gen_word_is_no_method("mqc_call"));
	ck_assert(gen_word_is_tag("_Bool") && gen_word_is_tag("_Noreturn"));
	ck_assert(gen_word_is_tag("_LP64") && gen_word_is_tag("_Pragma"));
	ck_assert(gen_word_is_system_function("timer_create"));
	ck_assert(gen_word_is_system_function("aio_cancel"));
	ck_assert(gen_word_is_system_function("tss_set"));
	ck_assert(!gen_word_is_system_function("calc_add"));
}
END_TEST

START_TEST(prefixes)
{
	ck_assert_ptr_nonnull(gen_word_prefix_owner("mqc"));
	ck_assert_ptr_nonnull(gen_word_prefix_owner("mqc_client"));
	ck_assert_ptr_nonnull(gen_word_prefix_owner("mq"));
	ck_assert_ptr_null(gen_word_prefix_owner("mq_tools"));
	ck_assert_ptr_null(gen_word_prefix_owner("mqcall"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cnames");
	TCase *tcase = tcase_create("names");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, NULL, done);
	tcase_add_test(tcase, types);
	tcase_add_test(tcase, functions_and_macros);
	tcase_add_test(tcase, members);
	tcase_add_test(tcase, files);
	tcase_add_test(tcase, snake);
	tcase_add_test(tcase, words);
	tcase_add_test(tcase, prefixes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
