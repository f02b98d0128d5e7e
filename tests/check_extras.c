/*
 * check_extras.c - tests of lib/extras.h: blocks of metadata and details, and a decoder that
 * believes nothing.
 *
 * What is to be decoded lies at the very end of a block from malloc(), so that
 * AddressSanitizer and valgrind see a read of one byte too many.
 */
#include "extras.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "support.h"

/* Where things lie, as extras.h has it: the tests must not ask the code. */
enum {
	AT_KIND = 0,
	AT_ZERO = 1,
	AT_KEY_SIZE = 2,
	AT_VALUE_SIZE = 4,
	AT_KEY = 8,
	FIRST = 4
};

/* A block that is being written. */
struct block {
	uint8_t *bytes;
	uint8_t *end;
	size_t size;
};

static struct block block_begin(size_t room)
{
	struct block block = {.bytes = malloc(room > 0 ? room : 1)};

	ck_assert_ptr_nonnull(block.bytes);
	memset(block.bytes, 0xaa, room);
	block.end = block.bytes + MQCI_EXTRAS_HEAD;
	return block;
}

static void block_put(struct block *block, mqci_extra_kind kind, const char *key, const void *value,
		      size_t value_size)
{
	const mqci_extra extra = {kind, key, strlen(key), value, value_size};

	block->end = mqci_extras_put(block->end, &extra);
}

static void block_pair(struct block *block, const char *key, const char *value)
{
	block_put(block, MQCI_PAIR, key, value, strlen(value));
}

static void block_close(struct block *block)
{
	block->size = mqci_extras_close(block->bytes, block->end);
}

/* Two pairs and a detail, then a payload of 8 bytes. */
static struct block sample(void)
{
	struct block block = block_begin(256);

	block_pair(&block, "trace", "7");
	block_put(&block, MQCI_DETAIL, "shapes.Pair", "\x08\x01\x10\x00", 4);
	block_pair(&block, "empty", "");
	block_close(&block);
	memcpy(block.bytes + block.size, "payload", 8);
	return block;
}

/* Whether `size` bytes, copied to where an overrun shows, begin with a block. */
static bool decodes(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	mqci_extras extras;
	mqci_extra extra;
	size_t at = 0, n = 0;
	bool good;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);
	good = mqci_extras_decode(copy, size, &extras);
	if (good) {
		ck_assert_uint_le(extras.size, size);
		while (mqci_extras_next(&extras, &at, &extra))
			n++;
		ck_assert_uint_eq(n, extras.n_pairs + (extras.detail.key != NULL));
	}
	free(copy);
	return good;
}

/* Whether a block of this one entry can be read. */
static bool reads(mqci_extra_kind kind, const char *key, size_t key_size, const void *value,
		  size_t value_size)
{
	const mqci_extra extra = {kind, key, key_size, value, value_size};
	struct block block = block_begin(mqci_extras_space(mqci_extra_space(&extra)));
	bool good;

	block.end = mqci_extras_put(block.end, &extra);
	block_close(&block);
	good = decodes(block.bytes, block.size);
	free(block.bytes);
	return good;
}

static bool reads_value(const char *value)
{
	return reads(MQCI_PAIR, "k", 1, value, strlen(value));
}

static void assert_extra(const mqci_extra *extra, mqci_extra_kind kind, const char *key,
			 const void *value, size_t value_size)
{
	ck_assert_int_eq(extra->kind, kind);
	ck_assert_uint_eq(extra->key_size, strlen(key));
	ck_assert_mem_eq(extra->key, key, extra->key_size);
	ck_assert_uint_eq(extra->value_size, value_size);
	ck_assert_mem_eq(extra->value, value, value_size);
}

START_TEST(round_trip)
{
	struct block block = sample();
	mqci_extras extras;
	mqci_extra extra;
	size_t at = 0;

	ck_assert_uint_eq(block.size % 8, 0);
	ck_assert(mqci_extras_decode(block.bytes, block.size + 8, &extras));
	ck_assert_uint_eq(extras.size, block.size);
	ck_assert_uint_eq(extras.n_pairs, 2);
	ck_assert_uint_eq(extras.pairs_size, 5 + 1 + 5 + 0);
	assert_extra(&extras.detail, MQCI_DETAIL, "shapes.Pair", "\x08\x01\x10\x00", 4);

	ck_assert(mqci_extras_next(&extras, &at, &extra));
	assert_extra(&extra, MQCI_PAIR, "trace", "7", 1);
	ck_assert(mqci_extras_next(&extras, &at, &extra));
	assert_extra(&extra, MQCI_DETAIL, "shapes.Pair", "\x08\x01\x10\x00", 4);
	ck_assert(mqci_extras_next(&extras, &at, &extra));
	assert_extra(&extra, MQCI_PAIR, "empty", "", 0);
	ck_assert(!mqci_extras_next(&extras, &at, &extra));
	ck_assert_str_eq((const char *)block.bytes + extras.size, "payload");
	free(block.bytes);
}
END_TEST

START_TEST(every_padding)
{
	static const char value[] = "1234567";

	for (size_t size = 0; size < 8; size++) {
		const mqci_extra extra = {MQCI_PAIR, "k", 1, (const uint8_t *)value, size};
		struct block block = block_begin(64);

		block.end = mqci_extras_put(block.end, &extra);
		block_close(&block);
		ck_assert_uint_eq(block.size, mqci_extras_space(mqci_extra_space(&extra)));
		ck_assert_uint_eq(block.size, (4 + 8 + 1 + size + 7) / 8 * 8);
		ck_assert(decodes(block.bytes, block.size));
		/* What is behind the entry is zero, and must be. */
		for (uint8_t *at = block.end; at < block.bytes + block.size; at++) {
			*at = 1;
			ck_assert(!decodes(block.bytes, block.size));
			*at = 0;
		}
		free(block.bytes);
	}
	ck_assert_uint_eq(mqci_extras_space(0), 0);
}
END_TEST

START_TEST(the_bytes_are_as_documented)
{
	static const uint8_t value[] = {'v', 'w'};
	uint32_t block_size, value_size;
	uint16_t key_size;
	struct block block = block_begin(64);

	block_put(&block, MQCI_PAIR, "key", value, sizeof value);
	block_close(&block);
	memcpy(&block_size, block.bytes, 4);
	ck_assert_uint_eq(block_size, 24);
	ck_assert_uint_eq(block.bytes[FIRST + AT_KIND], 1);
	ck_assert_uint_eq(block.bytes[FIRST + AT_ZERO], 0);
	memcpy(&key_size, block.bytes + FIRST + AT_KEY_SIZE, 2);
	ck_assert_uint_eq(key_size, 3);
	memcpy(&value_size, block.bytes + FIRST + AT_VALUE_SIZE, 4);
	ck_assert_uint_eq(value_size, 2);
	ck_assert_mem_eq(block.bytes + FIRST + AT_KEY, "keyvw\0\0\0", 8);
	free(block.bytes);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct block block = sample();

	for (size_t size = 0; size < block.size; size++)
		ck_assert(!decodes(block.bytes, size));
	ck_assert(decodes(block.bytes, block.size));
	/* Nor does a block that says that it is shorter end within an entry. */
	for (uint32_t size = 0; size < block.size; size++) {
		memcpy(block.bytes, &size, sizeof size);
		ck_assert(!decodes(block.bytes, block.size));
	}
	free(block.bytes);
}
END_TEST

START_TEST(no_byte_is_believed)
{
	struct block block = sample();
	uint8_t before;

	/* Whatever becomes of it: nothing is read outside. */
	for (size_t i = 0; i < block.size; i++) {
		before = block.bytes[i];
		for (unsigned value = 0; value < 256; value++) {
			block.bytes[i] = (uint8_t)value;
			(void)decodes(block.bytes, block.size + 8);
		}
		block.bytes[i] = before;
	}
	free(block.bytes);
}
END_TEST

START_TEST(garbage)
{
	uint8_t bytes[128];
	uint32_t random = 1, size;

	for (unsigned round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			random = random * 1103515245 + 12345;
			bytes[i] = (uint8_t)(random >> 16);
		}
		/* Mostly with a size and an entry that are possible, so that more is looked at. */
		if (round % 4 != 0) {
			size = sizeof bytes;
			memcpy(bytes, &size, sizeof size);
			bytes[FIRST + AT_KIND] = (uint8_t)(1 + round % 2);
			bytes[FIRST + AT_ZERO] = 0;
			bytes[FIRST + AT_KEY_SIZE + 1] = 0;
			memset(bytes + FIRST + AT_VALUE_SIZE + 1, 0, 3);
		}
		(void)decodes(bytes, sizeof bytes);
	}
}
END_TEST

START_TEST(sizes_that_would_wrap)
{
	static const uint32_t sizes[] = {UINT32_MAX,        UINT32_MAX - 7,          UINT32_MAX - 8,
					 (uint32_t)1 << 31, ((uint32_t)1 << 31) - 8, 0};
	struct block block = sample();

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint32_t size = sizes[i];

		memcpy(block.bytes, &size, sizeof size);
		ck_assert(!decodes(block.bytes, block.size + 8));
	}
	free(block.bytes);
	block = sample();
	for (size_t i = 0; i + 1 < sizeof sizes / sizeof sizes[0]; i++) {
		memcpy(block.bytes + FIRST + AT_VALUE_SIZE, &sizes[i], 4);
		ck_assert(!decodes(block.bytes, block.size + 8));
	}
	memset(block.bytes + FIRST + AT_KEY_SIZE, 0xff, 2);
	ck_assert(!decodes(block.bytes, block.size + 8));
	free(block.bytes);
}
END_TEST

START_TEST(kinds)
{
	ck_assert(reads(MQCI_PAIR, "k", 1, "v", 1));
	ck_assert(reads(MQCI_DETAIL, "k", 1, "v", 1));
	ck_assert(!reads((mqci_extra_kind)0, "k", 1, "v", 1));
	ck_assert(!reads((mqci_extra_kind)3, "k", 1, "v", 1));
	ck_assert(!reads((mqci_extra_kind)255, "k", 1, "v", 1));
}
END_TEST

START_TEST(one_detail_at_most)
{
	struct block block = block_begin(64);

	block_put(&block, MQCI_DETAIL, "a", "1", 1);
	block_put(&block, MQCI_DETAIL, "b", "2", 1);
	block_close(&block);
	ck_assert(!decodes(block.bytes, block.size));
	free(block.bytes);
}
END_TEST

START_TEST(as_many_pairs_as_there_may_be)
{
	for (size_t n = MQCI_PAIRS_MAX; n <= MQCI_PAIRS_MAX + 1; n++) {
		struct block block = block_begin(n * 16 + 64);
		mqci_extras extras;

		for (size_t i = 0; i < n; i++)
			block_pair(&block, "same", "");
		block_put(&block, MQCI_DETAIL, "d", "", 0);
		block_close(&block);
		ck_assert(decodes(block.bytes, block.size) == (n == MQCI_PAIRS_MAX));
		if (n == MQCI_PAIRS_MAX) {
			ck_assert(mqci_extras_decode(block.bytes, block.size, &extras));
			ck_assert_uint_eq(extras.n_pairs, n);
		}
		free(block.bytes);
	}
}
END_TEST

/* A text of one character, again and again. */
static char *repeat(char c, size_t size)
{
	char *text = malloc(size + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, c, size);
	text[size] = '\0';
	return text;
}

START_TEST(limits_of_size)
{
	char *text = repeat('x', MQCI_DETAIL_MAX + 1);

	ck_assert(!reads(MQCI_PAIR, text, 0, "v", 1));
	ck_assert(reads(MQCI_PAIR, text, MQCI_KEY_MAX, "v", 1));
	ck_assert(!reads(MQCI_PAIR, text, MQCI_KEY_MAX + 1, "v", 1));
	ck_assert(reads(MQCI_PAIR, "k", 1, text, 0));
	ck_assert(reads(MQCI_PAIR, "k", 1, text, MQCI_VALUE_MAX));
	ck_assert(!reads(MQCI_PAIR, "k", 1, text, MQCI_VALUE_MAX + 1));
	ck_assert(!reads(MQCI_DETAIL, text, 0, "v", 1));
	ck_assert(reads(MQCI_DETAIL, text, MQCI_TYPE_MAX, "v", 1));
	ck_assert(!reads(MQCI_DETAIL, text, MQCI_TYPE_MAX + 1, "v", 1));
	ck_assert(reads(MQCI_DETAIL, "t", 1, text, 0));
	ck_assert(reads(MQCI_DETAIL, "t", 1, text, MQCI_DETAIL_MAX));
	ck_assert(!reads(MQCI_DETAIL, "t", 1, text, MQCI_DETAIL_MAX + 1));
	free(text);
}
END_TEST

START_TEST(characters_of_keys)
{
	static const char punctuation[] = "!#$%&'*+-.^_`|~";

	for (unsigned c = 0; c < 256; c++) {
		const char key[] = {'k', (char)c};
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		bool good = letter || (c != 0 && strchr(punctuation, (char)c) != NULL);

		ck_assert_msg(reads(MQCI_PAIR, key, 2, "", 0) == good, "key character %u", c);
		ck_assert_msg(reads(MQCI_DETAIL, key, 2, "", 0) == (letter || c == '.' || c == '_'),
			      "type character %u", c);
	}
}
END_TEST

START_TEST(values_are_utf8)
{
	static const char *const good[] = {
		"",
		"plain",
		"tabs\tand\nlines\x7f",
		"Gr\303\274\303\237e",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf0\x9f\x90\x84",
		"\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80",     /* no first byte */
		"\xc0\x80", /* more bytes than needed, for each length */
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", /* surrogates */
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80", /* beyond Unicode */
		"\xf5\x80\x80\x80",
		"\xff",
		"\xc3", /* cut short */
		"\xe2\x82",
		"\xf0\x9f\x90",
		"\xc3(", /* not continued */
		"\xe2\x82(",
		"\xf0\x9f\x90(",
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ck_assert_msg(reads_value(good[i]), "good %zu", i);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!reads_value(bad[i]), "bad %zu", i);
	ck_assert(!reads(MQCI_PAIR, "k", 1, "a\0b", 3));
	/* A detail is no text. */
	ck_assert(reads(MQCI_DETAIL, "t", 1, "\xff\0\x80", 3));
}
END_TEST

START_TEST(a_block_that_changes_is_not_left)
{
	struct block block = sample();
	mqci_extras extras;
	mqci_extra extra;
	size_t at = 0;

	ck_assert(mqci_extras_decode(block.bytes, block.size, &extras));
	memset(block.bytes + FIRST + AT_VALUE_SIZE, 0x7f, 4);
	ck_assert(!mqci_extras_next(&extras, &at, &extra));
	free(block.bytes);
}
END_TEST

START_TEST(what_a_program_gives)
{
	char *long_key = repeat('k', MQCI_KEY_MAX + 1),
	     *long_value = repeat('v', MQCI_VALUE_MAX + 1);
	mqci_extra extra = {0};

	support_fails(mqci_extras_pair(NULL, "v", &extra), MQC_INVALID_ARGUMENT);
	support_error_has("has no key");
	support_fails(mqci_extras_pair("k", NULL, &extra), MQC_INVALID_ARGUMENT);
	support_error_has("has no value");
	support_fails(mqci_extras_pair("", "v", &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_pair("two words", "v", &extra), MQC_INVALID_ARGUMENT);
	support_error_has("\"two words\"");
	support_fails(mqci_extras_pair("k\xc3\xbc", "v", &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_pair(long_key, "v", &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_pair("k", long_value, &extra), MQC_INVALID_ARGUMENT);
	support_error_has("4096");
	support_fails(mqci_extras_pair("k", "\xff", &extra), MQC_INVALID_ARGUMENT);
	support_error_has("UTF-8");
	ck_assert_uint_eq(extra.key_size, 0);

	long_key[MQCI_KEY_MAX] = '\0';
	long_value[MQCI_VALUE_MAX] = '\0';
	support_ok(mqci_extras_pair(long_key, long_value, &extra));
	assert_extra(&extra, MQCI_PAIR, long_key, long_value, MQCI_VALUE_MAX);
	support_ok(mqci_extras_pair("k", "", &extra));
	assert_extra(&extra, MQCI_PAIR, "k", "", 0);
	free(long_key);
	free(long_value);
}
END_TEST

START_TEST(the_detail_that_a_program_gives)
{
	static const uint8_t bytes[MQCI_DETAIL_MAX + 1];
	char *long_type = repeat('t', MQCI_TYPE_MAX + 1);
	mqci_extra extra = {0};

	support_fails(mqci_extras_detail("", bytes, 1, &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_detail("a-b", bytes, 1, &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_detail(long_type, bytes, 1, &extra), MQC_INVALID_ARGUMENT);
	support_fails(mqci_extras_detail("a.B", bytes, sizeof bytes, &extra),
		      MQC_RESOURCE_EXHAUSTED);
	support_error_has("65537");
	ck_assert_uint_eq(extra.key_size, 0);
	support_ok(mqci_extras_detail("a.B", bytes, MQCI_DETAIL_MAX, &extra));
	assert_extra(&extra, MQCI_DETAIL, "a.B", bytes, MQCI_DETAIL_MAX);
	support_ok(mqci_extras_detail("a.B", NULL, 0, &extra));
	ck_assert(reads(extra.kind, extra.key, extra.key_size, extra.value, extra.value_size));
	free(long_type);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("extras");
	TCase *writing = support_case(suite, "writing"), *reading = support_case(suite, "reading"),
	      *checking = support_case(suite, "checking");

	tcase_add_test(writing, round_trip);
	tcase_add_test(writing, every_padding);
	tcase_add_test(writing, the_bytes_are_as_documented);
	tcase_add_test(reading, every_truncation_is_refused);
	tcase_add_test(reading, no_byte_is_believed);
	tcase_add_test(reading, garbage);
	tcase_add_test(reading, sizes_that_would_wrap);
	tcase_add_test(reading, kinds);
	tcase_add_test(reading, one_detail_at_most);
	tcase_add_test(reading, as_many_pairs_as_there_may_be);
	tcase_add_test(reading, limits_of_size);
	tcase_add_test(reading, characters_of_keys);
	tcase_add_test(reading, values_are_utf8);
	tcase_add_test(reading, a_block_that_changes_is_not_left);
	tcase_add_test(checking, what_a_program_gives);
	tcase_add_test(checking, the_detail_that_a_program_gives);
	return support_run(suite);
}
