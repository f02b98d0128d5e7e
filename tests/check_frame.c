/*
 * check_frame.c - tests of lib/frame.h: the wire, and a decoder that believes nothing.
 *
 * What is to be decoded lies at the very end of a block from malloc(), so that
 * AddressSanitizer and valgrind see a read of one byte too many.
 */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

#define PAYLOAD "eleven byte"

/* Where the fields lie, as frame.h has it: the tests must not ask the code. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 2,
	AT_TYPE = 3,
	AT_FLAGS = 4,
	AT_SIZE = 8,
	AT_THREAD = 12,
	AT_SESSION = 16,
	AT_KEY = 24,
	AT_CALL = 32,
	AT_DEADLINE = 48,
	AT_ARENA = 56
};

static const mqci_frame sample = {
	.type = MQCI_REQUEST,
	.flags = MQCI_FRAME_ONEWAY,
	.cpu = 3,
	.thread = UINT32_C(0x7fffffff),
	.session = UINT64_C(0x1122334455667788),
	.key = UINT64_C(0x99aabbccddeeff00),
	.call = UINT64_C(0xfedcba9876543210),
	.code = UINT64_C(0x0123456789abcdef),
	.deadline = -5,
	.arena = UINT64_C(0xff00ff00ff00ff00),
	.payload = (const uint8_t *)PAYLOAD,
	.size = sizeof PAYLOAD - 1,
};

/* The verdict on the first `size` bytes of `bytes`, which are copied to where an overrun shows. */
static mqci_verdict decode(const uint8_t *bytes, size_t size, mqci_frame *ret_frame)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	const uint8_t *at = copy;
	mqci_verdict verdict;
	size_t left = size;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);
	verdict = mqci_frame_decode(&at, &left, ret_frame);
	if (verdict == MQCI_FRAME_OK)
		ck_assert_uint_eq((size_t)(at - copy) + left, size);
	free(copy);
	return verdict;
}

static void assert_same(const mqci_frame *one, const mqci_frame *other)
{
	ck_assert_int_eq(one->type, other->type);
	ck_assert_uint_eq(one->flags, other->flags);
	ck_assert_uint_eq(one->cpu, other->cpu);
	ck_assert_uint_eq(one->thread, other->thread);
	ck_assert_uint_eq(one->session, other->session);
	ck_assert_uint_eq(one->key, other->key);
	ck_assert_uint_eq(one->call, other->call);
	ck_assert_uint_eq(one->code, other->code);
	ck_assert_int_eq(one->deadline, other->deadline);
	ck_assert_uint_eq(one->arena, other->arena);
	ck_assert_uint_eq(one->size, other->size);
	ck_assert_mem_eq(one->payload, other->payload, one->size);
}

START_TEST(round_trip)
{
	uint8_t message[128];
	const uint8_t *at = message;
	size_t left, space;
	mqci_frame frame;

	space = mqci_frame_encode(&sample, message);
	ck_assert_uint_eq(space, 64 + 16);
	ck_assert_uint_eq(space, mqci_frame_space(sample.size));
	left = space;
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
	assert_same(&frame, &sample);
	ck_assert_ptr_eq(at, message + space);
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_END);
}
END_TEST

START_TEST(the_layout_is_as_documented)
{
	uint8_t message[128];
	uint16_t magic;
	uint16_t flags;
	uint32_t size, thread;
	uint64_t session, key, call, arena;
	int64_t deadline;

	mqci_frame_encode(&sample, message);
	memcpy(&magic, message + AT_MAGIC, sizeof magic);
	memcpy(&flags, message + AT_FLAGS, sizeof flags);
	memcpy(&size, message + AT_SIZE, sizeof size);
	memcpy(&thread, message + AT_THREAD, sizeof thread);
	memcpy(&session, message + AT_SESSION, sizeof session);
	memcpy(&key, message + AT_KEY, sizeof key);
	memcpy(&call, message + AT_CALL, sizeof call);
	memcpy(&deadline, message + AT_DEADLINE, sizeof deadline);
	memcpy(&arena, message + AT_ARENA, sizeof arena);
	ck_assert_uint_eq(magic, 0x716d);
	ck_assert_uint_eq(message[AT_VERSION], 1);
	ck_assert_uint_eq(message[AT_TYPE], 3);
	ck_assert_uint_eq(flags, 1);
	ck_assert_uint_eq(size, 11);
	ck_assert_uint_eq(thread, sample.thread);
	ck_assert_uint_eq(session, sample.session);
	ck_assert_uint_eq(key, sample.key);
	ck_assert_uint_eq(call, sample.call);
	ck_assert_int_eq(deadline, sample.deadline);
	ck_assert_uint_eq(arena, sample.arena);
}
END_TEST

START_TEST(padding_is_zero)
{
	uint8_t message[128];

	memset(message, 0xff, sizeof message);
	mqci_frame_encode(&sample, message);
	for (size_t i = 64 + 11; i < 64 + 16; i++)
		ck_assert_uint_eq(message[i], 0);
	ck_assert_uint_eq(message[64 + 16], 0xff);
}
END_TEST

START_TEST(payload_may_be_in_place)
{
	mqci_frame in_place = sample, frame;
	uint8_t message[128];

	memcpy(message + MQCI_FRAME_HEADER, PAYLOAD, sample.size);
	in_place.payload = NULL;
	mqci_frame_encode(&in_place, message);
	ck_assert_int_eq(decode(message, 80, &frame), MQCI_FRAME_OK);
	ck_assert_mem_eq(message + MQCI_FRAME_HEADER, PAYLOAD, sample.size);

	memset(message, 0, MQCI_FRAME_HEADER);
	in_place.payload = message + MQCI_FRAME_HEADER;
	mqci_frame_encode(&in_place, message);
	ck_assert_mem_eq(message + MQCI_FRAME_HEADER, PAYLOAD, sample.size);
}
END_TEST

START_TEST(empty_payload)
{
	const mqci_frame empty = {.type = MQCI_GOODBYE};
	uint8_t message[64];
	mqci_frame frame;

	ck_assert_uint_eq(mqci_frame_encode(&empty, message), 64);
	ck_assert_int_eq(decode(message, 64, &frame), MQCI_FRAME_OK);
	ck_assert_int_eq(frame.type, MQCI_GOODBYE);
	ck_assert_uint_eq(frame.size, 0);
}
END_TEST

START_TEST(every_length_but_the_right_one_is_truncated)
{
	uint8_t message[128];
	mqci_frame frame;
	size_t space = mqci_frame_encode(&sample, message);

	ck_assert_int_eq(decode(message, 0, &frame), MQCI_FRAME_END);
	for (size_t size = 1; size < space; size++)
		ck_assert_int_eq(decode(message, size, &frame), MQCI_FRAME_TRUNCATED);
	ck_assert_int_eq(decode(message, space, &frame), MQCI_FRAME_OK);
}
END_TEST

START_TEST(a_verdict_does_not_move_on)
{
	uint8_t message[128] = {0};
	const uint8_t *at = message;
	size_t left = sizeof message;
	mqci_frame frame;

	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_BAD_MAGIC);
	ck_assert_ptr_eq(at, message);
	ck_assert_uint_eq(left, sizeof message);
}
END_TEST

START_TEST(sizes_near_the_top_do_not_wrap)
{
	static const uint32_t sizes[] = {12,
					 16,
					 17,
					 64,
					 UINT32_MAX,
					 UINT32_MAX - 1,
					 UINT32_MAX - 6,
					 UINT32_MAX - 7,
					 UINT32_MAX - 8,
					 UINT32_MAX - 63,
					 UINT32_MAX - 64,
					 INT32_MAX,
					 UINT32_C(0x80000000)};
	uint8_t message[128];
	mqci_frame frame;
	size_t space = mqci_frame_encode(&sample, message);

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		memcpy(message + AT_SIZE, &sizes[i], sizeof sizes[i]);
		ck_assert_int_eq(decode(message, space, &frame),
				 sizes[i] <= 16 ? MQCI_FRAME_OK : MQCI_FRAME_TRUNCATED);
	}
}
END_TEST

START_TEST(bad_magic)
{
	uint8_t message[128];
	mqci_frame frame;
	size_t space = mqci_frame_encode(&sample, message);

	for (unsigned bit = 0; bit < 16; bit++) {
		message[AT_MAGIC + bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(decode(message, space, &frame), MQCI_FRAME_BAD_MAGIC);
		message[AT_MAGIC + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(another_version_tells_who_and_what)
{
	uint8_t message[128];
	mqci_frame frame;

	mqci_frame_encode(&sample, message);
	for (unsigned version = 0; version < 256; version++) {
		if (version == MQCI_FRAME_VERSION)
			continue;
		message[AT_VERSION] = (uint8_t)version;
		/* All else may mean something different there. */
		memset(message + AT_FLAGS, 0xff, AT_SESSION - AT_FLAGS);
		memset(message + AT_DEADLINE, 0xff, 16);
		ck_assert_int_eq(decode(message, 64, &frame), MQCI_FRAME_BAD_VERSION);
		ck_assert_uint_eq(frame.session, sample.session);
		ck_assert_uint_eq(frame.key, sample.key);
		ck_assert_uint_eq(frame.call, sample.call);
	}
}
END_TEST

START_TEST(unknown_types)
{
	mqci_frame plain = sample, frame;
	uint8_t message[128];
	size_t space;

	plain.thread = 0;
	plain.arena = 0;
	space = mqci_frame_encode(&plain, message);
	for (unsigned type = 0; type < 256; type++) {
		bool known = type >= MQCI_HELLO && type <= MQCI_WAKE && type != 5 && type != 6;

		message[AT_TYPE] = (uint8_t)type;
		ck_assert_int_eq(decode(message, space, &frame),
				 known ? MQCI_FRAME_OK : MQCI_FRAME_BAD_FIELD);
	}
}
END_TEST

/* Only a request lends a thread's priority; only requests and replies have payloads elsewhere. */
START_TEST(fields_that_a_type_has_not)
{
	mqci_frame frame;

	for (unsigned type = MQCI_HELLO; type <= MQCI_WAKE; type++) {
		const bool reply = type == MQCI_REPLY, either = reply || type == MQCI_REQUEST;
		const struct {
			mqci_frame frame;
			bool sound;
		} cases[] = {
			{{.thread = 1}, type == MQCI_REQUEST},
			{{.arena = 1}, type == MQCI_REQUEST},
			{{.arena = 1, .flags = MQCI_FRAME_ARENA}, either},
			{{.flags = MQCI_FRAME_ARENA}, either},
			{{.flags = MQCI_FRAME_EXTRAS}, either},
			{{.flags = MQCI_FRAME_ONEWAY | MQCI_FRAME_NOT_EXECUTED}, true},
		};

		if (type == 5 || type == 6)
			continue;
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			mqci_frame each = cases[i].frame;
			uint8_t message[64];

			each.type = (mqci_frame_type)type;
			(void)mqci_frame_encode(&each, message);
			ck_assert_msg(
				decode(message, 64, &frame) ==
					(cases[i].sound ? MQCI_FRAME_OK : MQCI_FRAME_BAD_FIELD),
				"type %u, case %zu", type, i);
		}
	}
}
END_TEST

/* The payload lies elsewhere: its size says nothing of the message, and may be any. */
START_TEST(payload_in_an_arena)
{
	static const size_t sizes[] = {0, 1, 4096, UINT32_MAX};
	uint8_t message[2 * 64 + 80];
	mqci_frame far = sample, frame;
	const uint8_t *at;
	size_t left;

	far.flags = MQCI_FRAME_ARENA;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		far.size = sizes[i];
		memset(message, 0xff, sizeof message);
		ck_assert_uint_eq(mqci_frame_encode(&far, message), 64);
		ck_assert_uint_eq(message[64], 0xff);
		(void)mqci_frame_encode(&far, message + 64);
		(void)mqci_frame_encode(&sample, message + 128);
		at = message;
		left = sizeof message;
		for (int n = 0; n < 2; n++) {
			ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
			ck_assert_ptr_null(frame.payload);
			ck_assert_uint_eq(frame.size, sizes[i]);
			ck_assert_uint_eq(frame.arena, sample.arena);
			ck_assert_int_eq(frame.flags, MQCI_FRAME_ARENA);
		}
		ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
		assert_same(&frame, &sample);
	}
}
END_TEST

START_TEST(frames_in_one_message)
{
	uint8_t message[4 * 80 + 10];
	const uint8_t *at = message;
	mqci_frame each = sample, frame;
	size_t size = 0, left;

	for (unsigned i = 0; i < 4; i++) {
		each.call = i;
		each.size = i;
		size += mqci_frame_encode(&each, message + size);
	}
	ck_assert_uint_eq(size, 64 + 3 * 72);
	/* What follows that is no frame spoils none of them. */
	memset(message + size, 0xa5, 10);
	left = size + 10;
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
		ck_assert_uint_eq(frame.call, i);
		ck_assert_uint_eq(frame.size, i);
		ck_assert_mem_eq(frame.payload, PAYLOAD, i);
	}
	ck_assert_uint_eq(left, 10);
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_TRUNCATED);
}
END_TEST

START_TEST(any_alignment)
{
	uint8_t message[128 + 8];
	mqci_frame frame;

	for (size_t shift = 0; shift < 8; shift++) {
		const uint8_t *at = message + shift;
		size_t left = mqci_frame_encode(&sample, message + shift);

		ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
		assert_same(&frame, &sample);
	}
}
END_TEST

/* Decode until the message is used up, or makes no sense: each payload must lie within it. */
static void decode_all(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	const uint8_t *at = copy;
	size_t left = size, frames = 0;
	volatile uint8_t sum = 0;
	mqci_frame frame;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);
	while (mqci_frame_decode(&at, &left, &frame) == MQCI_FRAME_OK) {
		ck_assert_uint_le(++frames, size / MQCI_FRAME_HEADER);
		if (frame.flags & MQCI_FRAME_ARENA) {
			ck_assert_ptr_null(frame.payload);
			continue;
		}
		ck_assert(frame.payload >= copy && frame.size <= size &&
			  frame.payload + frame.size <= at);
		for (size_t i = 0; i < frame.size; i++)
			sum = (uint8_t)(sum + frame.payload[i]);
	}
	free(copy);
}

START_TEST(random_bytes)
{
	uint8_t message[512];

	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = (size_t)rand() % sizeof message;

		for (size_t i = 0; i < size; i++)
			message[i] = (uint8_t)rand();
		decode_all(message, size);
	}
}
END_TEST

/* Random bytes seldom look like a frame: spoil a few of good ones instead. */
START_TEST(spoilt_frames)
{
	uint8_t message[5 * 80];

	srand(2);
	for (unsigned round = 0; round < 50000; round++) {
		size_t size = 0;

		while (size < sizeof message)
			size += mqci_frame_encode(&sample, message + size);
		for (int n = rand() % 4; n >= 0; n--)
			message[(size_t)rand() % size] = (uint8_t)rand();
		if (rand() % 2)
			message[AT_SIZE + 80 * (rand() % 5)] = (uint8_t)rand();
		decode_all(message, (size_t)rand() % (size + 1));
	}
}
END_TEST

START_TEST(largest_payload_of_a_message)
{
	ck_assert_uint_eq(mqci_frame_payload_max(0), 0);
	ck_assert_uint_eq(mqci_frame_payload_max(63), 0);
	ck_assert_uint_eq(mqci_frame_payload_max(64), 0);
	ck_assert_uint_eq(mqci_frame_payload_max(71), 0);
	ck_assert_uint_eq(mqci_frame_payload_max(72), 8);
	ck_assert_uint_eq(mqci_frame_payload_max(8192), 8128);
	for (size_t size = 64; size < 300; size++)
		ck_assert_uint_le(mqci_frame_space(mqci_frame_payload_max(size)), size);
}
END_TEST

START_TEST(handshake_payloads_may_grow)
{
	const uint8_t bytes[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
	mqci_frame frame = {.payload = bytes};
	uint8_t to[16];

	/* Just as long, then longer: what we do not know of is left out. */
	frame.size = 16;
	ck_assert_uint_eq(mqci_frame_payload(&frame, to, sizeof to, 8), 16);
	ck_assert_mem_eq(to, bytes, 16);
	frame.size = 24;
	ck_assert_uint_eq(mqci_frame_payload(&frame, to, sizeof to, 8), 16);

	/* Shorter: the rest is zero. */
	memset(to, 0xff, sizeof to);
	frame.size = 8;
	ck_assert_uint_eq(mqci_frame_payload(&frame, to, sizeof to, 8), 8);
	ck_assert_mem_eq(to, bytes, 8);
	for (size_t i = 8; i < sizeof to; i++)
		ck_assert_uint_eq(to[i], 0);

	/* Too short. */
	frame.size = 7;
	ck_assert_uint_eq(mqci_frame_payload(&frame, to, sizeof to, 8), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tests;

	tests = support_case(suite, "encoding");
	tcase_add_test(tests, round_trip);
	tcase_add_test(tests, the_layout_is_as_documented);
	tcase_add_test(tests, padding_is_zero);
	tcase_add_test(tests, payload_may_be_in_place);
	tcase_add_test(tests, empty_payload);
	tcase_add_test(tests, any_alignment);
	tcase_add_test(tests, largest_payload_of_a_message);

	tests = support_case(suite, "decoding");
	tcase_add_test(tests, every_length_but_the_right_one_is_truncated);
	tcase_add_test(tests, a_verdict_does_not_move_on);
	tcase_add_test(tests, sizes_near_the_top_do_not_wrap);
	tcase_add_test(tests, bad_magic);
	tcase_add_test(tests, another_version_tells_who_and_what);
	tcase_add_test(tests, unknown_types);
	tcase_add_test(tests, fields_that_a_type_has_not);
	tcase_add_test(tests, payload_in_an_arena);
	tcase_add_test(tests, frames_in_one_message);
	tcase_add_test(tests, handshake_payloads_may_grow);

	tests = support_case(suite, "garbage");
	tcase_add_test(tests, random_bytes);
	tcase_add_test(tests, spoilt_frames);
	return support_run(suite);
}
