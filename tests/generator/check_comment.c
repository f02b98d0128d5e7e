/*
 * check_comment.c - tests of generator/comment.c.
 */
#include "generator/comment.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *comment;
	const char *clean;
} cases[] = {
	{"", ""},
	{" One line.\n", "One line."},
	{" One.\n Two.\n", "One.\nTwo."},
	{"\n\n Between.\n\n", "Between."},
	{" a\n\n  b  \n", "a\n\n b"},
	{"\n", ""},
	{" \n\n", ""},
	/* What would end the comment, or begin one in it. */
	{" end */ here", "end * / here"},
	{" **/ and /*/", "** / and / * /"},
	{" /**", "/ **"},
	{" http://host/*", "http://host/ *"},
	/* What would join two lines. */
	{" back\\\n slash\\", "back\\.\nslash\\."},
	{" tri ?\?/\n graph", "tri ?\?/.\ngraph"},
	{" in ?\?/ the middle", "in ?\?/ the middle"},
	/* What is not to be seen, or is no text. */
	{" a\rb\fc\x01"
	 "d",
	 "ab c d"},
	{" tab\there", "tab\there"},
	{" umlaut \xc3\xa4 euro \xe2\x82\xac", "umlaut \xc3\xa4 euro \xe2\x82\xac"},
	{" bad \xff\xc3( \xe2\x82", "bad ?\?( ?\?"},
	{" overlong \xc0\xaf surrogate \xed\xa0\x80", "overlong ?\? surrogate ?\??"},
	{" direction \xe2\x80\xae turned", "direction  turned"},
};

START_TEST(clean)
{
	idl_arena arena = {0};

	ck_assert_str_eq(comment_clean(&arena, cases[_i].comment), cases[_i].clean);
	idl_arena_done(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("comment");
	TCase *tcase = tcase_create("clean");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, clean, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
