/*
 * quick.c - messages as most of them are, packed and unpacked without the generality of protobuf-c.
 *
 * Fields that occur once, of numbers, text and bytes, with tags of one byte or two.
 * Whoever finds anything else gives up, and all of it is done anew by protobuf-c.
 */
#include "quick.h"

#include <stdlib.h>
#include <string.h>

/* How a value lies on the wire. */
enum {
	VARINT = 0,
	FIXED64 = 1,
	LENGTH = 2,
	FIXED32 = 5
};

/* No tag, of 5 bytes at most, with a number, of 10, or a length, takes more bytes than this. */
#define NUMBER_MAX 15

/* ---------------------------------------------------------------- unpack -- */

struct reader {
	const uint8_t *at, *end;
};

/* A number of 64 bits. False: it has more, or does not end. */
static inline bool read_varint(struct reader *reader, uint64_t *ret_value)
{
	const uint8_t *at = reader->at;
	uint64_t value;

	if (at < reader->end && *at < 0x80) {
		*ret_value = *at;
		reader->at = at + 1;
		return true;
	}
	value = 0;
	for (unsigned shift = 0; shift < 70 && at < reader->end; shift += 7) {
		uint8_t byte = *at++;

		/* More than 64 bits: not every type drops them. */
		if (shift == 63 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_value = value;
			reader->at = at;
			return true;
		}
	}
	return false;
}

static inline bool read_fixed(struct reader *reader, void *member, size_t size)
{
	if ((size_t)(reader->end - reader->at) < size)
		return false;
	memcpy(member, reader->at, size);
	reader->at += size;
	return true;
}

static inline uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ -(value & 1);
}

static void *allocate(ProtobufCAllocator *allocator, size_t size)
{
	return allocator != NULL ? allocator->alloc(allocator->allocator_data, size) : malloc(size);
}

/* The bytes that come next, copied, with a zero behind them if that is text. */
static mqci_quick read_bytes(struct reader *reader, ProtobufCAllocator *allocator, bool is_text,
			     uint8_t **ret_bytes, size_t *ret_size)
{
	uint64_t size;
	uint8_t *bytes = NULL;

	if (!read_varint(reader, &size) || size > (size_t)(reader->end - reader->at))
		return MQCI_QUICK_UNUSUAL;
	if (is_text || size > 0) {
		bytes = allocate(allocator, (size_t)size + is_text);
		if (bytes == NULL)
			return MQCI_QUICK_NO_MEMORY;
		memcpy(bytes, reader->at, (size_t)size);
	}
	if (is_text)
		bytes[size] = '\0';
	reader->at += size;
	*ret_bytes = bytes;
	*ret_size = (size_t)size;
	return MQCI_QUICK_DONE;
}

/* A text, or bytes, that the message has not got yet. */
static mqci_quick unpack_bytes(const ProtobufCFieldDescriptor *field, struct reader *reader,
			       ProtobufCAllocator *allocator, void *member)
{
	ProtobufCBinaryData *data = member;
	uint8_t **text = member, *bytes;
	size_t size;
	mqci_quick r;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		if (*text != NULL && *text != field->default_value)
			return MQCI_QUICK_UNUSUAL;
		r = read_bytes(reader, allocator, true, &bytes, &size);
		if (r == MQCI_QUICK_DONE)
			*text = bytes;
		return r;
	}
	if (data->data != NULL)
		return MQCI_QUICK_UNUSUAL;
	r = read_bytes(reader, allocator, false, &bytes, &size);
	if (r == MQCI_QUICK_DONE)
		*data = (ProtobufCBinaryData){.data = bytes, .len = size};
	return r;
}

static inline bool unpack_varint(ProtobufCType type, uint64_t value, void *member)
{
	const uint32_t low = (uint32_t)value;

	switch (type) {
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		memcpy(member, &low, sizeof low);
		return true;
	case PROTOBUF_C_TYPE_SINT32:
		*(uint32_t *)member = (uint32_t)unzigzag(low);
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		memcpy(member, &value, sizeof value);
		return true;
	case PROTOBUF_C_TYPE_SINT64:
		*(uint64_t *)member = unzigzag(value);
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = (protobuf_c_boolean)value;
		return value <= 1;
	default:
		return false;
	}
}

/* Put a field that is on the wire in this way into the message. */
static inline mqci_quick unpack_field(const ProtobufCFieldDescriptor *field, unsigned wire,
				      struct reader *reader, ProtobufCAllocator *allocator,
				      uint8_t *message)
{
	void *member = message + field->offset;
	mqci_quick r = MQCI_QUICK_UNUSUAL;
	uint64_t value;

	if (wire == VARINT) {
		if (read_varint(reader, &value) && unpack_varint(field->type, value, member))
			r = MQCI_QUICK_DONE;
	} else if (wire == LENGTH) {
		if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES)
			r = unpack_bytes(field, reader, allocator, member);
	} else if (wire == FIXED64) {
		if ((field->type == PROTOBUF_C_TYPE_DOUBLE ||
		     field->type == PROTOBUF_C_TYPE_FIXED64 ||
		     field->type == PROTOBUF_C_TYPE_SFIXED64) &&
		    read_fixed(reader, member, 8))
			r = MQCI_QUICK_DONE;
	} else if (wire == FIXED32) {
		if ((field->type == PROTOBUF_C_TYPE_FLOAT ||
		     field->type == PROTOBUF_C_TYPE_FIXED32 ||
		     field->type == PROTOBUF_C_TYPE_SFIXED32) &&
		    read_fixed(reader, member, 4))
			r = MQCI_QUICK_DONE;
	}
	if (r == MQCI_QUICK_DONE && field->quantifier_offset != 0)
		*(protobuf_c_boolean *)(void *)(message + field->quantifier_offset) = 1;
	return r;
}

/* The field of a tag: mostly the one behind that of the tag before. */
static inline const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
							 const ProtobufCFieldDescriptor *guess,
							 uint32_t id)
{
	if (guess < type->fields + type->n_fields && guess->id == id)
		return guess;
	return protobuf_c_message_descriptor_get_field(type, id);
}

static mqci_quick unpack_fields(const ProtobufCMessageDescriptor *type, struct reader *reader,
				ProtobufCAllocator *allocator, uint8_t *message)
{
	const ProtobufCFieldDescriptor *field, *guess = type->fields;
	mqci_quick r = MQCI_QUICK_DONE;
	unsigned tag;

	while (r == MQCI_QUICK_DONE && reader->at < reader->end) {
		tag = *reader->at++;
		if (tag >= 0x80) {
			if (reader->at == reader->end || *reader->at >= 0x80)
				return MQCI_QUICK_UNUSUAL;
			tag = (tag & 0x7f) | (unsigned)*reader->at++ << 7;
		}
		field = find_field(type, guess, tag >> 3);
		if (field == NULL || field->label == PROTOBUF_C_LABEL_REPEATED ||
		    field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			return MQCI_QUICK_UNUSUAL;
		r = unpack_field(field, tag & 7, reader, allocator, message);
		guess = field + 1;
	}
	return r;
}

/* With a field that must be there, somebody has to see to it that it is. */
static bool has_required(const ProtobufCMessageDescriptor *type)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED)
			return true;
	return false;
}

mqci_quick mqci_quick_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
			     const uint8_t *bytes, size_t size, ProtobufCMessage **ret_message)
{
	struct reader reader = {.at = bytes, .end = bytes + size};
	ProtobufCMessage *message;
	mqci_quick r;

	if (type->message_init == NULL || has_required(type))
		return MQCI_QUICK_UNUSUAL;
	message = allocate(allocator, type->sizeof_message);
	if (message == NULL)
		return MQCI_QUICK_NO_MEMORY;
	type->message_init(message);
	r = size > 0 ? unpack_fields(type, &reader, allocator, (uint8_t *)message)
		     : MQCI_QUICK_DONE;
	if (r == MQCI_QUICK_DONE)
		*ret_message = message;
	else
		protobuf_c_message_free_unpacked(message, allocator);
	return r;
}

/* ------------------------------------------------------------------ pack -- */

static inline uint8_t *write_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static inline uint8_t *write_tag(uint8_t *to, const ProtobufCFieldDescriptor *field, unsigned wire)
{
	return write_varint(to, (uint64_t)field->id << 3 | wire);
}

static inline uint8_t *write_fixed(uint8_t *to, const void *member, size_t size)
{
	memcpy(to, member, size);
	return to + size;
}

static inline uint64_t zigzag(uint64_t value, unsigned sign)
{
	return value << 1 ^ -(value >> sign & 1);
}

/* Behind a tag and a length, which have room before `end`; NULL: there is none. */
static uint8_t *write_bytes(uint8_t *to, const uint8_t *end, const ProtobufCFieldDescriptor *field,
			    const void *bytes, size_t size)
{
	to = write_varint(write_tag(to, field, LENGTH), size);
	if (size > (size_t)(end - to))
		return NULL;
	if (size > 0)
		memcpy(to, bytes, size);
	return to + size;
}

/* Whether a field without a presence of its own has the value that is not sent. */
static inline bool is_zero(ProtobufCType type, const void *member)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)member == 0;
	case PROTOBUF_C_TYPE_FLOAT:
		return *(const float *)member == 0;
	case PROTOBUF_C_TYPE_DOUBLE:
		return *(const double *)member == 0;
	case PROTOBUF_C_TYPE_STRING:
		return *(const char *const *)member == NULL || **(const char *const *)member == 0;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)member)->len == 0;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return *(const uint64_t *)member == 0;
	default:
		return *(const uint32_t *)member == 0;
	}
}

/* Whether a field is not sent. */
static inline bool is_absent(const ProtobufCFieldDescriptor *field, const uint8_t *message,
			     const void *member)
{
	const char *text;

	if (field->label == PROTOBUF_C_LABEL_NONE)
		return is_zero(field->type, member);
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return false;
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		text = *(const char *const *)member;
		return text == NULL || text == field->default_value;
	}
	return *(const protobuf_c_boolean *)(const void *)(message + field->quantifier_offset) == 0;
}

/* NULL: it is of another type, or has no room. */
static inline uint8_t *pack_field(const ProtobufCFieldDescriptor *field, const void *member,
				  uint8_t *to, const uint8_t *end)
{
	const ProtobufCBinaryData *data;
	const char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
		to = write_tag(to, field, VARINT);
		return write_varint(to, (uint64_t)(int64_t) * (const int32_t *)member);
	case PROTOBUF_C_TYPE_UINT32:
		return write_varint(write_tag(to, field, VARINT), *(const uint32_t *)member);
	case PROTOBUF_C_TYPE_SINT32:
		to = write_tag(to, field, VARINT);
		return write_varint(to, (uint32_t)zigzag(*(const uint32_t *)member, 31));
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		return write_varint(write_tag(to, field, VARINT), *(const uint64_t *)member);
	case PROTOBUF_C_TYPE_SINT64:
		to = write_tag(to, field, VARINT);
		return write_varint(to, zigzag(*(const uint64_t *)member, 63));
	case PROTOBUF_C_TYPE_BOOL:
		to = write_tag(to, field, VARINT);
		return write_varint(to, *(const protobuf_c_boolean *)member != 0);
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return write_fixed(write_tag(to, field, FIXED32), member, 4);
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return write_fixed(write_tag(to, field, FIXED64), member, 8);
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)member;
		return write_bytes(to, end, field, text, text != NULL ? strlen(text) : 0);
	case PROTOBUF_C_TYPE_BYTES:
		data = member;
		return write_bytes(to, end, field, data->data, data->len);
	default:
		return NULL;
	}
}

mqci_quick mqci_quick_pack(const ProtobufCMessage *message, uint8_t *to, size_t room,
			   size_t *ret_size)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const uint8_t *const bytes = (const uint8_t *)message, *const end = to + room;
	uint8_t *at = to;

	if (message->n_unknown_fields > 0)
		return MQCI_QUICK_UNUSUAL;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const void *member = bytes + field->offset;

		if (field->label == PROTOBUF_C_LABEL_REPEATED ||
		    field->type == PROTOBUF_C_TYPE_MESSAGE ||
		    field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			return MQCI_QUICK_UNUSUAL;
		if (is_absent(field, bytes, member))
			continue;

		if ((size_t)(end - at) < NUMBER_MAX)
			return MQCI_QUICK_UNUSUAL;
		at = pack_field(field, member, at, end);
		if (at == NULL)
			return MQCI_QUICK_UNUSUAL;
	}
	*ret_size = (size_t)(at - to);
	return MQCI_QUICK_DONE;
}

bool mqci_quick_is_complete(const ProtobufCMessageDescriptor *type)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		/* In all others there is nothing that could be missing. */
		if (field->label == PROTOBUF_C_LABEL_REPEATED ||
		    field->type == PROTOBUF_C_TYPE_MESSAGE ||
		    field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES)
			return false;
	}
	return true;
}
