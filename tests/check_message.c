/*
 * check_message.c - tests of runtime/message.h: bytes that are a message, and bytes that are not.
 */
#include "message.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "tests/kinds.mqc.h"
#include "tests/strict.pb-c.h"

static bool unpacks(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size)
{
	ProtobufCMessage *message = NULL;
	bool good;
	/* At the end of a block, where a read too far shows. */
	uint8_t *copy = malloc(size > 0 ? size : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);
	good = mqci_message_unpack_any(type, NULL, copy, size, &message) == MQCI_UNPACKED;
	ck_assert_int_eq(good, message != NULL);
	if (good)
		protobuf_c_message_free_unpacked(message, NULL);
	free(copy);
	return good;
}

/*
 * Write a Tree of so many levels behind the end of `buffer`, growing down:
 * each in the field with that tag. Gives where it begins.
 */
static uint8_t *nest(uint8_t *end, unsigned levels, uint8_t tag)
{
	uint8_t *at = end;

	for (unsigned level = 1; level < levels; level++) {
		size_t size = (size_t)(end - at);

		if (size < 0x80) {
			*--at = (uint8_t)size;
		} else {
			*--at = (uint8_t)(size >> 7);
			*--at = (uint8_t)(size | 0x80);
		}
		*--at = tag;
	}
	return at;
}

enum {
	LEFT = 2 << 3 | 2,
	BRANCHES = 3 << 3 | 2
};

static bool nested_unpacks(unsigned levels, uint8_t tag, uint8_t *buffer, size_t size)
{
	uint8_t *at = nest(buffer + size, levels, tag);

	ck_assert(at >= buffer);
	return unpacks(&shapes__tree__descriptor, at, (size_t)(buffer + size - at));
}

START_TEST(a_hundred_levels)
{
	static uint8_t buffer[2048];
	static const uint8_t tags[] = {LEFT, BRANCHES};

	for (int i = 0; i < 2; i++) {
		for (unsigned levels = 1; levels <= 100; levels++)
			ck_assert(nested_unpacks(levels, tags[i], buffer, sizeof buffer));
		for (unsigned levels = 102; levels <= 300; levels++)
			ck_assert(!nested_unpacks(levels, tags[i], buffer, sizeof buffer));
	}
}
END_TEST

START_TEST(as_deep_as_a_message_can_be)
{
	static uint8_t buffer[16 << 20];

	/* 8 KiB, and what the largest queue carries. */
	ck_assert(!nested_unpacks(2700, LEFT, buffer, 8192));
	ck_assert(!nested_unpacks(5000, BRANCHES, buffer, sizeof buffer));
}
END_TEST

/* Depth that comes after much that is shallow. */
START_TEST(depth_at_the_end)
{
	static uint8_t buffer[8192];
	uint8_t *at = nest(buffer + sizeof buffer, 400, BRANCHES);

	for (int i = 0; i < 500; i++) {
		*--at = 0;
		*--at = BRANCHES;
	}
	ck_assert(!unpacks(&shapes__tree__descriptor, at, (size_t)(buffer + sizeof buffer - at)));
}
END_TEST

/* Lengths of more bytes than they need, or than fit: no way around the limit. */
START_TEST(depth_behind_odd_lengths)
{
	static uint8_t buffer[65536];
	uint8_t *end = buffer + sizeof buffer, *at;

	for (int variant = 0; variant < 3; variant++) {
		at = end;
		for (unsigned level = 1; level < 3000; level++) {
			size_t size = (size_t)(end - at);

			at -= 6;
			at[0] = LEFT;
			at[1] = (uint8_t)(size | 0x80);
			at[2] = (uint8_t)(size >> 7 | 0x80);
			at[3] = (uint8_t)(size >> 14 | 0x80);
			at[4] = 0x80;
			/* 32 bits of it, and something above that may fall off. */
			at[5] = variant == 0 ? 0x00 : variant == 1 ? 0x10 : 0x70;
		}
		ck_assert(!unpacks(&shapes__tree__descriptor, at, (size_t)(end - at)));
	}
}
END_TEST

START_TEST(strings_do_not_nest)
{
	static uint8_t buffer[4096];
	uint8_t *at;

	/* The same bytes, but in a string. */
	at = nest(buffer + sizeof buffer, 500, 1 << 3 | 2);
	ck_assert(unpacks(&shapes__tree__descriptor, at, (size_t)(buffer + sizeof buffer - at)));
	/* And in a field that nobody knows. */
	at = nest(buffer + sizeof buffer, 500, 15 << 3 | 2);
	ck_assert(unpacks(&shapes__tree__descriptor, at, (size_t)(buffer + sizeof buffer - at)));
}
END_TEST

START_TEST(no_bytes_are_a_message)
{
	ck_assert(unpacks(&shapes__tree__descriptor, (const uint8_t *)"", 0));
	/* Unless something is required. */
	ck_assert(!unpacks(&strict__strict__descriptor, (const uint8_t *)"", 0));
}
END_TEST

START_TEST(required_fields)
{
	const uint8_t good[] = {0x08, 0x05}, without[] = {0x12, 0x01, 'x'},
		      part_without[] = {0x08, 0x05, 0x22, 0x00},
		      part_with[] = {0x08, 0x05, 0x22, 0x02, 0x08, 0x06};

	ck_assert(unpacks(&strict__strict__descriptor, good, sizeof good));
	ck_assert(!unpacks(&strict__strict__descriptor, without, sizeof without));
	ck_assert(!unpacks(&strict__strict__descriptor, part_without, sizeof part_without));
	ck_assert(unpacks(&strict__strict__descriptor, part_with, sizeof part_with));
}
END_TEST

START_TEST(every_truncation)
{
	Shapes__Tree tree, left, branch, *branches[] = {&branch, &branch};
	char label[] = "a label";
	uint8_t bytes[256];
	size_t size, good = 0;

	shapes__tree__init(&tree);
	shapes__tree__init(&left);
	shapes__tree__init(&branch);
	tree.label = left.label = branch.label = label;
	tree.left = &left;
	tree.n_branches = 2;
	tree.branches = branches;
	size = shapes__tree__pack(&tree, bytes);
	ck_assert(unpacks(&shapes__tree__descriptor, bytes, size));
	/* It is a message wherever one of its fields ends, and nowhere else. */
	for (size_t cut = 0; cut < size; cut++)
		good += unpacks(&shapes__tree__descriptor, bytes, cut);
	ck_assert_uint_eq(good, 4);
}
END_TEST

START_TEST(garbage)
{
	uint8_t bytes[300];
	unsigned seed = 5;

	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)rand_r(&seed) % sizeof bytes;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(rand_r(&seed) >> (rand_r(&seed) % 8));
		(void)unpacks(&shapes__tree__descriptor, bytes, size);
		(void)unpacks(&strict__strict__descriptor, bytes, size);
	}
}
END_TEST

/* An allocator that has memory only so many times. */
static int allocations_left;
static int balance;

static void *alloc(void *data, size_t size)
{
	(void)data;
	if (allocations_left-- <= 0)
		return NULL;
	balance++;
	return malloc(size);
}

static void dealloc(void *data, void *memory)
{
	(void)data;
	if (memory != NULL)
		balance--;
	free(memory);
}

START_TEST(a_lack_of_memory_is_told_from_bad_bytes)
{
	ProtobufCAllocator allocator = {.alloc = alloc, .free = dealloc};
	ProtobufCMessage *message = NULL;
	static uint8_t buffer[256];
	const uint8_t *at = nest(buffer + sizeof buffer, 20, BRANCHES);
	size_t size = (size_t)(buffer + sizeof buffer - at);
	int n;

	for (n = 0; message == NULL; n++) {
		allocations_left = n;
		balance = 0;
		if (mqci_message_unpack_any(&shapes__tree__descriptor, &allocator, at, size,
					    &message) != MQCI_NO_MEMORY)
			break;
		ck_assert_ptr_null(message);
		ck_assert_int_eq(balance, 0);
	}
	ck_assert_int_gt(n, 19);
	ck_assert_ptr_nonnull(message);
	protobuf_c_message_free_unpacked(message, &allocator);
	ck_assert_int_eq(balance, 0);
}
END_TEST

START_TEST(types_that_can_be_read_where_others_write)
{
	ck_assert(mqci_message_is_steady(&shapes__number__descriptor));
	ck_assert(mqci_message_is_steady(&shapes__text__descriptor));
	/* Types that contain themselves, too. */
	ck_assert(mqci_message_is_steady(&shapes__tree__descriptor));
	ck_assert(!mqci_message_is_steady(&shapes__series__descriptor));
	ck_assert(!mqci_message_is_steady(&shapes__catalogue__descriptor));
}
END_TEST

/* Write into memory that is being read, at random, until killed. */
static void scribble(uint8_t *bytes, size_t size)
{
	unsigned seed = 3;

	for (;;)
		bytes[(size_t)rand_r(&seed) % size] = (uint8_t)(rand_r(&seed) % 24);
}

/* Whatever comes out of it, nothing is read or written beyond what is there. */
START_TEST(bytes_that_change_while_they_are_read)
{
	enum {
		SIZE = 64
	};
	uint8_t *bytes =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ProtobufCMessage *message;
	unsigned good = 0;
	pid_t pid;

	ck_assert_ptr_ne(bytes, MAP_FAILED);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		scribble(bytes + 4096 - SIZE, SIZE);
	for (int i = 0; i < 100000; i++) {
		const ProtobufCMessageDescriptor *type =
			i % 2 ? &shapes__tree__descriptor : &kinds__plain__descriptor;
		const mqc_field *fields =
			i % 2 ? NULL : kinds_kinds_service.methods[0].request_fields;

		if (mqci_message_unpack(type, fields, NULL, bytes + 4096 - SIZE, (size_t)i % SIZE,
					&message) != MQCI_UNPACKED)
			continue;
		good++;
		protobuf_c_message_free_unpacked(message, NULL);
	}
	ck_assert_uint_gt(good, 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(munmap(bytes, 4096), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tests;

	tests = support_case(suite, "nesting");
	tcase_add_test(tests, a_hundred_levels);
	tcase_add_test(tests, as_deep_as_a_message_can_be);
	tcase_add_test(tests, depth_at_the_end);
	tcase_add_test(tests, depth_behind_odd_lengths);
	tcase_add_test(tests, strings_do_not_nest);

	tests = support_case(suite, "bytes");
	tcase_add_test(tests, no_bytes_are_a_message);
	tcase_add_test(tests, required_fields);
	tcase_add_test(tests, every_truncation);
	tcase_add_test(tests, garbage);
	tcase_add_test(tests, a_lack_of_memory_is_told_from_bad_bytes);
	tcase_add_test(tests, types_that_can_be_read_where_others_write);
	tcase_add_test(tests, bytes_that_change_while_they_are_read);
	return support_run(suite);
}
