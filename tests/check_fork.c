/*
 * check_fork.c - tests of lib/fork.h: who is told of a fork, and when.
 */
#include "fork.h"

#include <string.h>

#include "support.h"

struct listener {
	mqci_forked forked; /* first: the one is the other */
	char heard[8];
};

static void hear(mqci_forked *forked, char what)
{
	struct listener *listener = (void *)forked;
	size_t length = strlen(listener->heard);

	ck_assert_uint_lt(length + 1, sizeof listener->heard);
	listener->heard[length] = what;
}

static void before(mqci_forked *forked)
{
	hear(forked, 'b');
}

static void after(mqci_forked *forked)
{
	hear(forked, 'a');
}

static void child(mqci_forked *forked)
{
	hear(forked, 'c');
}

static struct listener all, only_child;

static int grandchild(void *unused)
{
	(void)unused;
	return strcmp(only_child.heard, "cc") == 0 && strcmp(all.heard, "bcbc") == 0 ? 0 : 10;
}

static int look(void *unused)
{
	(void)unused;
	if (strcmp(only_child.heard, "c") != 0 || strcmp(all.heard, "bc") != 0)
		return 11;
	return support_in_child(grandchild, NULL);
}

static int look_again(void *unused)
{
	(void)unused;
	return strcmp(only_child.heard, "") == 0 && strcmp(all.heard, "ba") == 0 ? 0 : 12;
}

START_TEST(told)
{
	all = (struct listener){.forked = {.before = before, .after = after, .child = child}};
	only_child = (struct listener){.forked = {.child = child}};
	support_ok(mqci_fork_register(&all.forked));
	support_ok(mqci_fork_register(&only_child.forked));
	ck_assert_int_eq(support_in_child(look, NULL), 0);
	ck_assert_str_eq(all.heard, "ba");
	ck_assert_str_eq(only_child.heard, "");

	/* And no more. */
	mqci_fork_unregister(&all.forked);
	mqci_fork_unregister(&only_child.forked);
	mqci_fork_unregister(&all.forked);
	ck_assert_int_eq(support_in_child(look_again, NULL), 0);
	ck_assert_str_eq(all.heard, "ba");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fork");
	TCase *tests = support_case(suite, "fork");

	tcase_add_test(tests, told);
	return support_run(suite);
}
