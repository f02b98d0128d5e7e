/*
 * check_quick.c - tests of runtime/quick.h: it does what protobuf-c does, or nothing.
 */
#include "quick.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "support.h"
#include "tests/chosen.mqc.h"
#include "tests/kinds.mqc.h"

/* What mqcallc has made of a message. */
typedef struct tabled {
	const ProtobufCMessageDescriptor *type;
	const mqc_field *fields;
} tabled;

static tabled tabled_request(const mqc_service *service, unsigned method)
{
	return (tabled){service->methods[method].request, service->methods[method].request_fields};
}

static tabled tabled_reply(const mqc_service *service, unsigned method)
{
	return (tabled){service->methods[method].reply, service->methods[method].reply_fields};
}

/* Numbers; those whose presence is told by a oneof of their own; and by a flag. */
enum {
	PLAIN,
	MARKED,
	OPTIONAL,
	TABLED
};

static tabled all[TABLED];

static void find_tables(void)
{
	all[PLAIN] = tabled_request(&kinds_kinds_service, 0);
	all[MARKED] = tabled_reply(&kinds_kinds_service, 0);
	all[OPTIONAL] = tabled_request(&chosen_chosen_service, 0);
}

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

/* Of any magnitude, zero and what lies around the bounds of types and encodings among them. */
static uint64_t random_value(void)
{
	static const unsigned bounds[] = {0, 7, 14, 21, 28, 31, 32, 35, 56, 63};

	if (random_number() % 3 == 0)
		return (UINT64_C(1) << bounds[random_number() % 10]) + random_number() % 3 - 2;
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
	/* Text is not looked at: it may be no UTF-8, and have zeroes in it. */
	for (size_t i = 0; i < size; i++)
		*to++ = (uint8_t)(wire == 2 && i > 0 ? random_number() : value >> 8 * i);
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
		ck_assert_pstr_eq(*(char *const *)a, *(char *const *)b);
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

		if (field->quantifier_offset != 0)
			ck_assert_mem_eq(one + field->quantifier_offset,
					 other + field->quantifier_offset,
					 sizeof(protobuf_c_boolean));
		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
		    *(const uint32_t *)(const void *)(one + field->quantifier_offset) == 0)
			continue;
		check_same_member(field, one + field->offset, other + field->offset);
	}
}

/* Whether the message is packed as protobuf-c does; in all rooms around what it takes. */
static bool check_pack(tabled of, const ProtobufCMessage *message)
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
		done = mqci_quick_pack(of.type, of.fields, message, bytes, room, &size);
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
static bool compare(tabled of, const uint8_t *bytes, size_t size, bool *ret_packed)
{
	/* Exactly as large as it is, for those who look for reads beyond it. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	ProtobufCMessage *quick = mqci_message_new(of.type, NULL), *right;
	bool done;

	ck_assert_ptr_nonnull(copy);
	ck_assert_ptr_nonnull(quick);
	if (size > 0)
		memcpy(copy, bytes, size);
	done = mqci_quick_unpack(of.fields, copy, copy + size, NULL, quick) == MQCI_UNPACKED;
	right = protobuf_c_message_unpack(of.type, NULL, size, copy);
	*ret_packed = right != NULL && check_pack(of, right);
	if (done) {
		ck_assert_ptr_nonnull(right);
		check_same(right, quick);
	}
	protobuf_c_message_free_unpacked(quick, NULL);
	if (right != NULL)
		protobuf_c_message_free_unpacked(right, NULL);
	free(copy);
	return done;
}

static void compare_many(tabled of, bool mistaken, unsigned *ret_done, unsigned *ret_packed)
{
	uint8_t bytes[1024];
	bool packed;

	seed = 1;
	*ret_done = *ret_packed = 0;
	for (unsigned i = 0; i < rounds(); i++) {
		size_t size = make(of.type, bytes, mistaken);

		*ret_done += compare(of, bytes, size, &packed);
		*ret_packed += packed;
	}
}

/* What has a table is what it is for. */
START_TEST(tables)
{
	for (unsigned i = 0; i < TABLED; i++)
		ck_assert_ptr_nonnull(all[i].fields);
	/* Repeated fields, messages, oneofs; a tag of three bytes; text with a default value. */
	ck_assert_ptr_null(tabled_request(&kinds_kinds_service, 1).fields);
	ck_assert_ptr_null(tabled_reply(&kinds_kinds_service, 1).fields);
	ck_assert_ptr_null(tabled_reply(&chosen_chosen_service, 0).fields);
}
END_TEST

START_TEST(messages)
{
	unsigned done, packed;

	compare_many(all[_i], false, &done, &packed);
	ck_assert_uint_eq(done, rounds());
	/* But for text that is there, and empty, in a oneof. */
	ck_assert_uint_gt(packed, rounds() - rounds() / 10);
	if (_i != MARKED)
		ck_assert_uint_eq(packed, rounds());
}
END_TEST

START_TEST(mistaken_messages)
{
	unsigned done, packed;

	compare_many(all[_i], true, &done, &packed);
	ck_assert_uint_gt(done, rounds() / 10);
	ck_assert_uint_lt(done, rounds());
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
		done += compare(all[_i], bytes, size, &packed);
	}
	ck_assert_uint_gt(done, 0);
}
END_TEST

/* Numbers of more bytes than they need, or than there are; and all of it cut short. */
START_TEST(odd_bytes)
{
	static const struct {
		uint8_t bytes[16];
		size_t size;
		bool quick; /* else protobuf-c's business */
	} cases[] = {
		{{0x08, 0x81, 0x80, 0x00}, 4, true},
		{{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11, true},
		{{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 11, false},
		{{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 11, false},
		{{0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 11, true},
		{{0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
		 12,
		 false},
		{{0x58, 0x01}, 2, true},
		{{0x58, 0x02}, 2, false},
		{{0x58, 0x80, 0x00}, 3, true},
		{{0x58, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, 11, false},
		/* Tags: too long, of no field, of another type, of an end. */
		{{0x88, 0x00, 0x01}, 3, false},
		{{0x00, 0x01}, 2, false},
		{{0x0a, 0x01, 0x01}, 3, false},
		{{0x0b}, 1, false},
		{{0x0c}, 1, false},
		{{0x98, 0x01, 0x01}, 3, false},
		{{0xff}, 1, false},
		{{0xff, 0xff}, 2, false},
		{{0x80, 0x01, 0x01}, 3, true},
		/* Twice, and out of order. */
		{{0x08, 0x01, 0x08, 0x02}, 4, false},
		{{0x10, 0x01, 0x08, 0x02}, 4, false},
		{{0x72, 0x01, 'a', 0x72, 0x01, 'b'}, 6, false},
		{{0x7a, 0x01, 'a', 0x7a, 0x01, 'b'}, 6, false},
		{{0x7a, 0x01, 'a', 0x72, 0x01, 'b'}, 6, false},
		/* Text and bytes: empty, with a zero, no UTF-8, longer than there is. */
		{{0x7a, 0x00}, 2, true},
		{{0x72, 0x00}, 2, true},
		{{0x72, 0x03, 'a', 0x00, 'b'}, 5, true},
		{{0x72, 0x02, 0xc3, 0x28}, 4, true},
		{{0x72, 0x81, 0x00, 'a'}, 4, true},
		{{0x72, 0x7f, 'a'}, 3, false},
		{{0x72, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11, false},
	};
	bool packed;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t size = 0; size < cases[i].size; size++)
			(void)compare(all[_i], cases[i].bytes, size, &packed);
		ck_assert_int_eq(compare(all[_i], cases[i].bytes, cases[i].size, &packed),
				 cases[i].quick);
	}
}
END_TEST

/* What a program can do to a message. */
START_TEST(odd_messages)
{
	Kinds__Plain plain;
	Kinds__Marked marked;
	Chosen__Optional optional;
	uint8_t one = 1;
	ProtobufCMessageUnknownField unknown = {
		.tag = 99, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT, .len = 1, .data = &one};
	char empty[] = "";
	uint8_t bytes[64];
	size_t size;

	kinds__plain__init(&plain);
	kinds__marked__init(&marked);
	chosen__optional__init(&optional);
	plain.a_string = NULL;
	plain.a_float = -0.0F;
	plain.a_double = -0.0;
	plain.a_bool = 2;
	plain.a_choice = (Kinds__Choice)-1;
	ck_assert(check_pack(all[PLAIN], &plain.base));
	/* Not of the type; and without a table. */
	ck_assert(!check_pack(all[PLAIN], &marked.base));
	ck_assert(!check_pack((tabled){all[PLAIN].type, NULL}, &plain.base));
	plain.base.n_unknown_fields = 1;
	plain.base.unknown_fields = &unknown;
	ck_assert(!check_pack(all[PLAIN], &plain.base));

	marked._a_float_case = KINDS__MARKED___A_FLOAT_A_FLOAT;
	marked._a_bytes_case = KINDS__MARKED___A_BYTES_A_BYTES;
	ck_assert(check_pack(all[MARKED], &marked.base));
	marked._a_string_case = KINDS__MARKED___A_STRING_A_STRING;
	ck_assert(!check_pack(all[MARKED], &marked.base));
	marked._a_string_case = KINDS__MARKED___A_STRING__NOT_SET;
	marked._a_float_case = (Kinds__Marked__AFloatCase)1;
	ck_assert(!check_pack(all[MARKED], &marked.base));

	optional.has_a_float = optional.has_a_bytes = 1;
	optional.a_string = empty;
	ck_assert(check_pack(all[OPTIONAL], &optional.base));
	optional.has_a_float = 2;
	ck_assert(!check_pack(all[OPTIONAL], &optional.base));
	optional.has_a_float = 0;
	/* Of these protobuf-c would ask whether the message is complete. */
	optional.a_bytes = (ProtobufCBinaryData){.len = 3};
	ck_assert(!mqci_quick_pack(all[OPTIONAL].type, all[OPTIONAL].fields, &optional.base, bytes,
				   sizeof bytes, &size));
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
		ck_assert_int_eq(mqci_message_unpack(all[_i].type, all[_i].fields, &allocator,
						     bytes, sizeof bytes, &message),
				 MQCI_NO_MEMORY);
		ck_assert_uint_eq(frees, most);
	}
	allocations = frees = 0;
	ck_assert_int_eq(mqci_message_unpack(all[_i].type, all[_i].fields, &allocator, bytes,
					     sizeof bytes, &message),
			 MQCI_UNPACKED);
	ck_assert_uint_eq(allocations, 3);
	protobuf_c_message_free_unpacked(message, &allocator);
	ck_assert_uint_eq(frees, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("quick");
	TCase *tests = support_case(suite, "as protobuf-c");

	find_tables();
	tcase_add_test(tests, tables);
	tcase_add_loop_test(tests, messages, 0, TABLED);
	tcase_add_loop_test(tests, mistaken_messages, 0, TABLED);
	tcase_add_loop_test(tests, garbage, 0, TABLED);
	tcase_add_loop_test(tests, odd_bytes, 0, TABLED);
	tcase_add_test(tests, odd_messages);
	tcase_add_loop_test(tests, without_memory, 0, TABLED);
	return support_run(suite);
}
