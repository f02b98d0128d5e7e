/*
 * quick.c - messages as most of them are, packed and unpacked without the generality of protobuf-c.
 *
 * Fields come in the order of their table, each once at most, which is how all
 * implementations of protobuf write them. Whoever finds anything else gives up, and
 * all of it is done anew by protobuf-c.
 */
#include "quick.h"

#include <stdlib.h>
#include <string.h>

/* No tag, of 2 bytes at most, with a number, of 10, or a length, takes more bytes than this. */
#define NUMBER_MAX 12

/* ---------------------------------------------------------------- unpack -- */

/*
 * Read a number of 64 bits; what is behind it, or NULL: it has more, or does not end.
 * Each byte is read once, as what is parsed in place may change meanwhile.
 */
static inline const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value, byte;

	if (at == end)
		return NULL;
	value = *at++;
	if (value >= 0x80) {
		size_t shift = 0;

		/* The bit that says that there is more is taken off with what comes. */
		do {
			shift += 7;
			if (at == end)
				return NULL;
			byte = *at++;
			value += (byte - 1) << (shift & 63);
		} while (byte >= 0x80);
		/* More than 64 bits: not every type drops them. */
		if (shift >= 63 && (shift > 63 || byte > 1))
			return NULL;
	}
	*ret_value = value;
	return at;
}

static inline uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ -(value & 1);
}

/* A text, or bytes, copied; what is behind them. NULL: unusual, or there is no memory. */
static const uint8_t *unpack_bytes(const mqc_field *field, const uint8_t *at, const uint8_t *end,
				   ProtobufCAllocator *allocator, void *member,
				   mqci_unpacked *ret_failure)
{
	const bool is_text = field->kind != MQC_FIELD_BYTES;
	uint8_t *bytes = NULL;
	uint64_t size;

	at = read_varint(at, end, &size);
	if (at == NULL || size > (size_t)(end - at))
		return NULL;
	if (is_text || size > 0) {
		bytes = mqci_quick_alloc(allocator, (size_t)size + is_text);
		if (bytes == NULL) {
			*ret_failure = MQCI_NO_MEMORY;
			return NULL;
		}
		memcpy(bytes, at, (size_t)size);
	}
	if (is_text) {
		bytes[size] = '\0';
		*(char **)member = (char *)bytes;
	} else {
		*(ProtobufCBinaryData *)member =
			(ProtobufCBinaryData){.data = bytes, .len = (size_t)size};
	}
	return at + size;
}

static const uint8_t *unpack_fixed(const uint8_t *at, const uint8_t *end, void *member, size_t size)
{
	if ((size_t)(end - at) < size)
		return NULL;
	memcpy(member, at, size);
	return at + size;
}

static inline void set_present(const mqc_field *field, uint8_t *message)
{
	if (field->has != 0)
		*(uint32_t *)(void *)(message + field->has) = field->present;
}

/*
 * A field that is no varint, behind its tag, and the rest. It is not part of the loop over the
 * others, so that this calls nothing and saves no registers.
 */
static __attribute__((noinline)) mqci_unpacked unpack_from(const mqc_field *field,
							   const uint8_t *at, const uint8_t *end,
							   ProtobufCAllocator *allocator,
							   ProtobufCMessage *message)
{
	void *member = (uint8_t *)message + field->offset;
	mqci_unpacked failure = MQCI_NOT_UNPACKED;

	switch (field->kind) {
	case MQC_FIELD_FIXED32:
	case MQC_FIELD_FLOAT:
		at = unpack_fixed(at, end, member, 4);
		break;
	case MQC_FIELD_FIXED64:
	case MQC_FIELD_DOUBLE:
		at = unpack_fixed(at, end, member, 8);
		break;
	case MQC_FIELD_STRING:
	case MQC_FIELD_OPTIONAL_STRING:
	case MQC_FIELD_BYTES:
		at = unpack_bytes(field, at, end, allocator, member, &failure);
		break;
	default:
		return MQCI_NOT_UNPACKED;
	}
	if (at == NULL)
		return failure;
	set_present(field, (uint8_t *)message);
	return mqci_quick_unpack(field + 1, at, end, allocator, message);
}

static inline bool unpack_varint(unsigned kind, uint64_t value, void *member)
{
	if (kind <= MQC_FIELD_UINT32) {
		*(uint32_t *)member = (uint32_t)value;
		return true;
	}
	switch (kind) {
	case MQC_FIELD_SINT32:
		*(uint32_t *)member = (uint32_t)unzigzag((uint32_t)value);
		return true;
	case MQC_FIELD_INT64:
		*(uint64_t *)member = value;
		return true;
	case MQC_FIELD_SINT64:
		*(uint64_t *)member = unzigzag(value);
		return true;
	default:
		*(protobuf_c_boolean *)member = (protobuf_c_boolean)value;
		return value <= 1;
	}
}

/* The field that has this tag, of which one byte has been read; or the end of the table. */
static const mqc_field *find_field(const mqc_field *field, unsigned tag)
{
	while (field->kind != MQC_FIELD_END && field->tag != tag)
		field++;
	return field;
}

mqci_unpacked mqci_quick_unpack(const mqc_field *field, const uint8_t *at, const uint8_t *end,
				ProtobufCAllocator *allocator, ProtobufCMessage *message)
{
	uint8_t *const members = (uint8_t *)message;
	uint64_t value;
	unsigned tag;

	for (; at < end; field++) {
		tag = *at++;
		if (field->tag != tag) {
			if (tag >= 0x80 && at < end)
				tag |= (unsigned)*at++ << 8;
			field = find_field(field, tag);
		}
		if (field->kind > MQC_FIELD_BOOL)
			return unpack_from(field, at, end, allocator, message);
		at = read_varint(at, end, &value);
		if (at == NULL || !unpack_varint(field->kind, value, members + field->offset))
			return MQCI_NOT_UNPACKED;
		set_present(field, members);
	}
	return MQCI_UNPACKED;
}

/* ------------------------------------------------------------------ pack -- */

static inline uint8_t *write_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static inline uint8_t *write_tag(uint8_t *to, unsigned tag)
{
	*to++ = (uint8_t)tag;
	if (tag >= 0x80)
		*to++ = (uint8_t)(tag >> 8);
	return to;
}

static inline uint64_t zigzag(uint64_t value, unsigned sign)
{
	return value << 1 ^ -(value >> sign & 1);
}

static uint8_t *pack_fixed(unsigned tag, const void *member, size_t size, uint8_t *to)
{
	to = write_tag(to, tag);
	memcpy(to, member, size);
	return to + size;
}

/* Behind a tag and a length, which have room before `end`; NULL: there is none. */
static uint8_t *pack_bytes(unsigned tag, const void *bytes, size_t size, uint8_t *to,
			   const uint8_t *end)
{
	to = write_varint(write_tag(to, tag), size);
	if (size > (size_t)(end - to))
		return NULL;
	if (size > 0)
		memcpy(to, bytes, size);
	return to + size;
}

/* What protobuf-c sends of a text that is there and has nothing in it, it knows itself. */
static uint8_t *pack_text(const mqc_field *field, const char *text, uint8_t *to, const uint8_t *end)
{
	const bool is_optional = field->kind == MQC_FIELD_OPTIONAL_STRING;

	if (text == NULL || (*text == '\0' && !is_optional))
		return field->has == 0 ? to : NULL;
	return pack_bytes(field->tag, text, strlen(text), to, end);
}

/* Whatever is no varint. NULL: it is unusual, or has no room. */
static uint8_t *pack_other(const mqc_field *field, const void *member, uint8_t *to,
			   const uint8_t *end)
{
	const bool always = field->has != 0;
	const ProtobufCBinaryData *data = member;

	switch (field->kind) {
	case MQC_FIELD_FIXED32:
		if (always || *(const uint32_t *)member != 0)
			to = pack_fixed(field->tag, member, 4, to);
		return to;
	case MQC_FIELD_FLOAT:
		if (always || *(const float *)member != 0)
			to = pack_fixed(field->tag, member, 4, to);
		return to;
	case MQC_FIELD_FIXED64:
		if (always || *(const uint64_t *)member != 0)
			to = pack_fixed(field->tag, member, 8, to);
		return to;
	case MQC_FIELD_DOUBLE:
		if (always || *(const double *)member != 0)
			to = pack_fixed(field->tag, member, 8, to);
		return to;
	case MQC_FIELD_STRING:
	case MQC_FIELD_OPTIONAL_STRING:
		return pack_text(field, *(const char *const *)member, to, end);
	case MQC_FIELD_BYTES:
		if (data->len > 0 && data->data == NULL)
			return NULL;
		return always || data->len > 0
			       ? pack_bytes(field->tag, data->data, data->len, to, end)
			       : to;
	default:
		return NULL;
	}
}

/* What a varint of this kind has on the wire. */
static inline uint64_t varint_of(unsigned kind, const void *member)
{
	if (kind == MQC_FIELD_INT32)
		return (uint64_t)(int64_t) * (const int32_t *)member;
	switch (kind) {
	case MQC_FIELD_UINT32:
		return *(const uint32_t *)member;
	case MQC_FIELD_SINT32:
		return (uint32_t)zigzag(*(const uint32_t *)member, 31);
	case MQC_FIELD_INT64:
		return *(const uint64_t *)member;
	case MQC_FIELD_SINT64:
		return zigzag(*(const uint64_t *)member, 63);
	default:
		return *(const protobuf_c_boolean *)member != 0;
	}
}

enum presence {
	ABSENT,
	PRESENT,
	ODD /* what says so says neither */
};

static inline enum presence presence_of(const mqc_field *field, const uint8_t *message)
{
	uint32_t present = *(const uint32_t *)(const void *)(message + field->has);

	if (present == field->present)
		return PRESENT;
	return present == 0 ? ABSENT : ODD;
}

static bool pack_fields(const mqc_field *field, const uint8_t *message, const uint8_t *begin,
			uint8_t *to, const uint8_t *last, size_t *ret_size);

/* A field that is no varint, and the rest; as unpack_from(). */
static __attribute__((noinline)) bool pack_from(const mqc_field *field, const uint8_t *message,
						const uint8_t *begin, uint8_t *to,
						const uint8_t *last, size_t *ret_size)
{
	enum presence there = field->has != 0 ? presence_of(field, message) : PRESENT;

	if (there == ODD || to > last)
		return false;
	if (there == PRESENT)
		to = pack_other(field, message + field->offset, to, last + NUMBER_MAX);
	return to != NULL && pack_fields(field + 1, message, begin, to, last, ret_size);
}

/* Pack the fields from `field` on behind what begins at `begin`; a number has room at `last`. */
static inline bool pack_fields(const mqc_field *field, const uint8_t *message, const uint8_t *begin,
			       uint8_t *to, const uint8_t *last, size_t *ret_size)
{
	enum presence there;
	uint64_t value;

	for (; field->kind <= MQC_FIELD_BOOL; field++) {
		value = varint_of(field->kind, message + field->offset);
		there = field->has != 0 ? presence_of(field, message) : value != 0;
		if (there == ABSENT)
			continue;
		if (there == ODD || to > last)
			return false;
		to = write_varint(write_tag(to, field->tag), value);
	}
	if (field->kind != MQC_FIELD_END)
		return pack_from(field, message, begin, to, last, ret_size);
	*ret_size = (size_t)(to - begin);
	return true;
}

bool mqci_quick_pack(const ProtobufCMessageDescriptor *type, const mqc_field *fields,
		     const ProtobufCMessage *message, uint8_t *to, size_t room, size_t *ret_size)
{
	if (fields == NULL || message->descriptor != type || message->n_unknown_fields > 0 ||
	    room < NUMBER_MAX)
		return false;
	return pack_fields(fields, (const uint8_t *)message, to, to, to + room - NUMBER_MAX,
			   ret_size);
}
