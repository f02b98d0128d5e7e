/*
 * check_quick.c - tests of runtime/quick.h: it does what protobuf-c does, or nothing.
 */
#include "quick.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tests/chosen.pb-c.h"
#include "tests/kinds.pb-c.h"
#include "tests/shapes.pb-c.h"
#include "tests/strict.pb-c.h"

static uint64_t seed;

static unsigned rounds(void)
{
	return support_under_valgrind() ? 500 : 5000;
}

/* The same numbers in every run. */
static uint64_t random_number(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed >> 29;
}

/* Of any magnitude, zero among them. */
static uint64_t random_value(void)
{
	return random_number() * random_number() >> random_number() % 64 >> random_number() % 8;
}

static uint8_t *write_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static unsigned wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 5;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 1;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return 2;
	default:
		return 0;
	}
}

/* Some field of the type, with some value, at `to`. */
static uint8_t *write_field(const ProtobufCFieldDescriptor *field, uint8_t *to)
{
	const unsigned wire = wire_of(field->type);
	uint64_t value = random_value();
	size_t size = wire == 5 ? 4 : wire == 1 ? 8 : random_number() % 20;

	to = write_varint(to, (uint64_t)field->id << 3 | wire);
	if (wire == 0)
		return write_varint(to, field->type == PROTOBUF_C_TYPE_BOOL ? value & 1 : value);
	if (wire == 2)
		to = write_varint(to, field->type == PROTOBUF_C_TYPE_MESSAGE ? size = 0 : size);
	for (size_t i = 0; i < size; i++)
		*to++ = wire == 2 ? (uint8_t)('a' + i) : (uint8_t)(random_number() % 3);
	return to;
}

/* A message of the type, with each field at most once; sometimes with a mistake. */
static size_t make(const ProtobufCMessageDescriptor *type, uint8_t *bytes, bool mistaken)
{
	uint8_t *to = bytes;
	size_t size;

	for (unsigned i = 0; i < type->n_fields; i++)
		if (random_number() % 3 == 0)
			to = write_field(&type->fields[i], to);
	size = (size_t)(to - bytes);
	if (mistaken && size > 0) {
		bytes[random_number() % size] ^= (uint8_t)(1U << random_number() % 8);
		size -= random_number() % 4 == 0 ? random_number() % size : 0;
	}
	return size;
}

static size_t size_of(ProtobufCType type)
{
	switch (wire_of(type)) {
	case 5:
		return 4;
	case 1:
		return 8;
	case 2:
		return 0;
	default:
		return type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_UINT64 ||
				       type == PROTOBUF_C_TYPE_SINT64
			       ? 8
			       : 4;
	}
}

static void check_same_member(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
	const ProtobufCBinaryData *one = a, *other = b;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		ck_assert_str_eq(*(char *const *)a, *(char *const *)b);
	} else if (field->type == PROTOBUF_C_TYPE_BYTES) {
		ck_assert_uint_eq(one->len, other->len);
		if (one->len > 0)
			ck_assert_mem_eq(one->data, other->data, one->len);
	} else {
		ck_assert_mem_eq(a, b, size_of(field->type));
	}
}

static void check_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	const uint8_t *one = (const uint8_t *)a, *other = (const uint8_t *)b;

	ck_assert_ptr_eq(a->descriptor, b->descriptor);
	ck_assert_uint_eq(b->n_unknown_fields, 0);
	for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &a->descriptor->fields[i];

		if (field->label == PROTOBUF_C_LABEL_REPEATED ||
		    field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ||
		    field->type == PROTOBUF_C_TYPE_MESSAGE)
			continue;
		check_same_member(field, one + field->offset, other + field->offset);
		if (field->quantifier_offset != 0)
			ck_assert_mem_eq(one + field->quantifier_offset,
					 other + field->quantifier_offset,
					 sizeof(protobuf_c_boolean));
	}
}

/* Whether the message is packed as protobuf-c does; in all rooms around what it takes. */
static bool check_pack(const ProtobufCMessage *message)
{
	size_t expected = protobuf_c_message_get_packed_size(message), size = 0;
	uint8_t *right = malloc(expected + 1), *bytes;
	bool done = false;

	ck_assert_ptr_nonnull(right);
	(void)protobuf_c_message_pack(message, right);
	for (size_t room = expected > 4 ? expected - 4 : 0; room < expected + 32; room++) {
		bytes = malloc(room + 1);
		ck_assert_ptr_nonnull(bytes);
		memset(bytes, 0x5a, room + 1);
		done = mqci_quick_pack(message, bytes, room, &size) == MQCI_QUICK_DONE;
		ck_assert_uint_eq(bytes[room], 0x5a);
		if (done) {
			ck_assert_uint_eq(size, expected);
			ck_assert_mem_eq(bytes, right, expected);
		}
		free(bytes);
	}
	free(right);
	return done;
}

/* Both ways; whether it was unpacked quickly, and then packed. */
static bool compare(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
		    bool *ret_packed)
{
	/* Exactly as large as it is, for those who look for reads beyond it. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	ProtobufCMessage *quick = NULL, *right;
	bool done;

	ck_assert_ptr_nonnull(copy);
	if (size > 0)
		memcpy(copy, bytes, size);
	done = mqci_quick_unpack(type, NULL, copy, size, &quick) == MQCI_QUICK_DONE;
	right = protobuf_c_message_unpack(type, NULL, size, copy);
	*ret_packed = right != NULL && check_pack(right);
	if (done) {
		ck_assert_ptr_nonnull(right);
		check_same(right, quick);
		protobuf_c_message_free_unpacked(quick, NULL);
	}
	if (right != NULL)
		protobuf_c_message_free_unpacked(right, NULL);
	free(copy);
	return done;
}

static void compare_many(const ProtobufCMessageDescriptor *type, bool mistaken, unsigned *ret_done,
			 unsigned *ret_packed)
{
	uint8_t bytes[1024];
	bool packed;

	seed = 1;
	*ret_done = *ret_packed = 0;
	for (unsigned i = 0; i < rounds(); i++) {
		size_t size = make(type, bytes, mistaken);

		*ret_done += compare(type, bytes, size, &packed);
		*ret_packed += packed;
	}
}

START_TEST(plain)
{
	unsigned done, packed;

	compare_many(&kinds__plain__descriptor, false, &done, &packed);
	/* But for those with the field whose tag has many bytes. */
	ck_assert_uint_gt(done, rounds() / 2);
	ck_assert_uint_eq(packed, rounds());
	compare_many(&kinds__plain__descriptor, true, &done, &packed);
	ck_assert_uint_gt(done, rounds() / 10);
}
END_TEST

START_TEST(optional)
{
	unsigned done, packed;

	compare_many(&chosen__optional__descriptor, false, &done, &packed);
	/* But for those whose bytes have a default value. */
	ck_assert_uint_gt(done, rounds() / 2);
	ck_assert_uint_eq(packed, rounds());
	compare_many(&chosen__optional__descriptor, true, &done, &packed);
	ck_assert_uint_gt(done, rounds() / 10);
}
END_TEST

START_TEST(mixed)
{
	unsigned done, packed;

	compare_many(&kinds__mixed__descriptor, false, &done, &packed);
	ck_assert_uint_gt(done, rounds() / 20);
	ck_assert_uint_eq(packed, 0);
	compare_many(&kinds__mixed__descriptor, true, &done, &packed);
	compare_many(&strict__strict__descriptor, false, &done, &packed);
	ck_assert_uint_eq(done, 0);
}
END_TEST

START_TEST(garbage)
{
	uint8_t bytes[64];
	unsigned done = 0;
	bool packed;

	seed = 2;
	for (unsigned i = 0; i < rounds(); i++) {
		size_t size = random_number() % sizeof bytes;

		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)(random_number() % 3 == 0 ? random_number()
								       : random_number() % 128);
		done += compare(&kinds__plain__descriptor, bytes, size, &packed);
		done += compare(&chosen__optional__descriptor, bytes, size, &packed);
	}
	ck_assert_uint_gt(done, 0);
}
END_TEST

/* Numbers of more bytes than they need, or than there are. */
START_TEST(odd_numbers)
{
	static const struct {
		uint8_t bytes[16];
		size_t size;
	} cases[] = {
		{{0x08, 0x81, 0x80, 0x00}, 4},
		{{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 11},
		{{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 11},
		{{0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 12},
		{{0x58, 0x02}, 2},
		{{0x58, 0x80, 0x00}, 3},
		{{0x58, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, 11},
		{{0x88, 0x00, 0x01}, 3},
		{{0x00, 0x01}, 2},
		{{0x08, 0x01, 0x08, 0x02}, 4},
		{{0x72, 0x01, 'a', 0x72, 0x01, 'b'}, 6},
		{{0x7a, 0x01, 'a', 0x7a, 0x01, 'b'}, 6},
		{{0x7a, 0x00}, 2},
		{{0x72, 0x00}, 2},
		{{0x72, 0x7f, 'a'}, 3},
		{{0x72, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11},
		{{0x0a, 0x01, 0x01}, 3},
		{{0x0b}, 1},
	};
	bool packed;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t size = 0; size <= cases[i].size; size++) {
			(void)compare(&kinds__plain__descriptor, cases[i].bytes, size, &packed);
			(void)compare(&chosen__optional__descriptor, cases[i].bytes, size, &packed);
		}
}
END_TEST

static unsigned allocations, frees, most;

static void *scarce_alloc(void *data, size_t size)
{
	(void)data;
	if (allocations == most)
		return NULL;
	allocations++;
	return malloc(size);
}

static void scarce_free(void *data, void *memory)
{
	(void)data;
	frees += memory != NULL;
	free(memory);
}

/* Whatever it ends with, nothing stays. */
START_TEST(without_memory)
{
	static const uint8_t bytes[] = {0x72, 0x01, 'a', 0x7a, 0x01, 'b'};
	ProtobufCAllocator allocator = {.alloc = scarce_alloc, .free = scarce_free};
	ProtobufCMessage *message;

	for (most = 0; most < 3; most++) {
		allocations = frees = 0;
		ck_assert_int_eq(mqci_quick_unpack(&kinds__plain__descriptor, &allocator, bytes,
						   sizeof bytes, &message),
				 MQCI_QUICK_NO_MEMORY);
		ck_assert_uint_eq(frees, most);
	}
	allocations = frees = 0;
	ck_assert_int_eq(mqci_quick_unpack(&kinds__plain__descriptor, &allocator, bytes,
					   sizeof bytes, &message),
			 MQCI_QUICK_DONE);
	ck_assert_uint_eq(allocations, 3);
	protobuf_c_message_free_unpacked(message, &allocator);
	ck_assert_uint_eq(frees, 3);
}
END_TEST

START_TEST(completeness)
{
	ck_assert(mqci_quick_is_complete(&shapes__number__descriptor));
	ck_assert(mqci_quick_is_complete(&shapes__pair__descriptor));
	ck_assert(!mqci_quick_is_complete(&shapes__text__descriptor));
	ck_assert(!mqci_quick_is_complete(&shapes__tree__descriptor));
	ck_assert(!mqci_quick_is_complete(&strict__strict__descriptor));
	ck_assert(!mqci_quick_is_complete(&kinds__mixed__descriptor));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("quick");
	TCase *tests = support_case(suite, "as protobuf-c");

	tcase_add_test(tests, plain);
	tcase_add_test(tests, optional);
	tcase_add_test(tests, mixed);
	tcase_add_test(tests, garbage);
	tcase_add_test(tests, odd_numbers);
	tcase_add_test(tests, without_memory);
	tcase_add_test(tests, completeness);
	return support_run(suite);
}
