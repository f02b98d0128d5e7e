/*
 * check_scratch.c - tests of mqc_scratch: memory that is given back all at once.
 */
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static void assert_aligned(const void *memory)
{
	ck_assert_ptr_nonnull(memory);
	ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
}

START_TEST(small_things_need_no_malloc)
{
	mqc_scratch scratch;
	char *memory;

	mqc_scratch_init(&scratch);
	for (int i = 0; i < 8; i++) {
		memory = mqci_scratch_alloc(&scratch, 32);
		assert_aligned(memory);
		ck_assert(memory >= (char *)&scratch && memory + 32 <= (char *)(&scratch + 1));
	}
	ck_assert_ptr_null(scratch.chunks);
	mqc_scratch_done(&scratch);
}
END_TEST

START_TEST(aligned_wherever_it_lies)
{
	struct {
		char before;
		mqc_scratch scratch;
	} holders[3];

	for (int i = 0; i < 3; i++) {
		mqc_scratch_init(&holders[i].scratch);
		for (size_t size = 0; size < 200; size += 7)
			assert_aligned(mqci_scratch_alloc(&holders[i].scratch, size));
		mqc_scratch_done(&holders[i].scratch);
	}
}
END_TEST

/* What is handed out never overlaps: each piece is filled with a number of its own. */
START_TEST(pieces_do_not_overlap)
{
	enum {
		N = 500
	};
	static unsigned char *pieces[N];
	static size_t sizes[N];
	mqc_scratch scratch;
	unsigned seed = 3;

	mqc_scratch_init(&scratch);
	for (int i = 0; i < N; i++) {
		sizes[i] = (size_t)rand_r(&seed) % (i % 50 == 0 ? 5000 : 100);
		pieces[i] = mqci_scratch_alloc(&scratch, sizes[i]);
		assert_aligned(pieces[i]);
		memset(pieces[i], i % 251, sizes[i]);
	}
	for (int i = 0; i < N; i++)
		for (size_t at = 0; at < sizes[i]; at++)
			ck_assert_uint_eq(pieces[i][at], (unsigned)i % 251);
	mqc_scratch_done(&scratch);
}
END_TEST

START_TEST(more_than_there_is)
{
	mqc_scratch scratch;

	mqc_scratch_init(&scratch);
	ck_assert_ptr_null(mqci_scratch_alloc(&scratch, SIZE_MAX));
	ck_assert_ptr_null(mqci_scratch_alloc(&scratch, SIZE_MAX - 15));
	ck_assert_ptr_null(mqci_scratch_alloc(&scratch, SIZE_MAX / 2));
	assert_aligned(mqci_scratch_alloc(&scratch, 16));
	mqc_scratch_done(&scratch);
}
END_TEST

START_TEST(an_allocator_for_protobuf_c)
{
	uint8_t bytes[400];
	Shapes__Text text, *copy;
	mqc_scratch scratch;
	char long_text[300];
	size_t size;

	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	shapes__text__init(&text);
	text.text = long_text;
	size = shapes__text__pack(&text, bytes);
	for (int i = 0; i < 3; i++) {
		mqc_scratch_init(&scratch);
		for (int n = 0; n < 5; n++) {
			copy = shapes__text__unpack(&scratch.allocator, size, bytes);
			ck_assert_ptr_nonnull(copy);
			ck_assert_str_eq(copy->text, long_text);
			shapes__text__free_unpacked(copy, &scratch.allocator);
		}
		mqc_scratch_done(&scratch);
		/* It can be done twice, as with one never used. */
		mqc_scratch_done(&scratch);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scratch");
	TCase *tests = support_case(suite, "scratch");

	tcase_add_test(tests, small_things_need_no_malloc);
	tcase_add_test(tests, aligned_wherever_it_lies);
	tcase_add_test(tests, pieces_do_not_overlap);
	tcase_add_test(tests, more_than_there_is);
	tcase_add_test(tests, an_allocator_for_protobuf_c);
	return support_run(suite);
}
