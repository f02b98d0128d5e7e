/*
 * message.c - protobuf messages as payloads.
 *
 * protobuf-c answers every failure to unpack with NULL. To tell bad bytes from
 * a lack of memory, unpacking goes through an allocator that remembers. And it
 * goes down into nested messages without a limit: a few bytes a level would
 * take the thread's whole stack, so the levels are counted before.
 */
#include "message.h"

#include <stdlib.h>

/* How deep messages may nest: what protobuf's own parsers allow. */
#define LEVELS_MAX 100

/* A level of nesting takes two bytes at least, its tag and its length. */
#define BYTES_PER_LEVEL 2

struct remembering {
	ProtobufCAllocator allocator;
	ProtobufCAllocator *real; /* NULL for malloc() */
	bool failed;
};

static void *remembering_alloc(void *data, size_t size)
{
	struct remembering *self = data;
	void *memory;

	/* protobuf-c takes NULL for failure, malloc(0) may mean success by it. */
	if (size == 0)
		size = 1;
	memory = mqci_quick_alloc(self->real, size);
	if (memory == NULL)
		self->failed = true;
	return memory;
}

static void remembering_free(void *data, void *memory)
{
	struct remembering *self = data;

	if (self->real != NULL)
		self->real->free(self->real->allocator_data, memory);
	else
		free(memory);
}

/* Read a varint at *at, before `end`. False when it does not end there. */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static const ProtobufCMessageDescriptor *message_field(const ProtobufCMessageDescriptor *type,
						       uint64_t tag)
{
	const ProtobufCFieldDescriptor *field;

	if (tag > UINT32_MAX)
		return NULL;
	field = protobuf_c_message_descriptor_get_field(type, (unsigned)tag);
	if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	return field->descriptor;
}

/*
 * Whether messages in `bytes` nest no deeper than `levels`. Not so if they are
 * no message: a parser that reads an odd length otherwise than we do must not
 * be led past us.
 */
static bool nests_within(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
			 unsigned levels)
{
	enum {
		VARINT,
		FIXED64,
		LENGTH,
		START_GROUP,
		END_GROUP,
		FIXED32
	};
	const uint8_t *at = bytes, *end = bytes + size;
	const ProtobufCMessageDescriptor *inner;
	uint64_t key, length;

	if (levels == 0)
		return false;
	if (size / BYTES_PER_LEVEL < levels)
		return true;
	while (at < end) {
		if (!read_varint(&at, end, &key))
			return false;
		switch (key & 7) {
		case VARINT:
			if (!read_varint(&at, end, &length))
				return false;
			length = 0;
			break;
		case FIXED64:
			length = 8;
			break;
		case FIXED32:
			length = 4;
			break;
		case LENGTH:
			if (!read_varint(&at, end, &length))
				return false;
			break;
		default:
			return false;
		}
		if (length > (size_t)(end - at))
			return false;
		inner = (key & 7) == LENGTH ? message_field(type, key >> 3) : NULL;
		if (inner != NULL && !nests_within(inner, at, (size_t)length, levels - 1))
			return false;
		at += length;
	}
	return true;
}

/* Types are looked through, each once; where there are more, it is not worth the time. */
#define TYPES_MAX 64

struct types {
	const ProtobufCMessageDescriptor *all[TYPES_MAX];
	unsigned n;
};

static bool add_type(struct types *types, const ProtobufCMessageDescriptor *type)
{
	for (unsigned i = 0; i < types->n; i++)
		if (types->all[i] == type)
			return true;
	if (types->n == TYPES_MAX)
		return false;
	types->all[types->n++] = type;
	return true;
}

/* Whether elements of an array of this may have different sizes where it is packed. */
static bool has_varints(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return true;
	default:
		return false;
	}
}

bool mqci_message_is_steady(const ProtobufCMessageDescriptor *type)
{
	struct types types = {.all = {type}, .n = 1};

	for (unsigned i = 0; i < types.n; i++)
		for (unsigned f = 0; f < types.all[i]->n_fields; f++) {
			const ProtobufCFieldDescriptor *field = &types.all[i]->fields[f];

			/* The parser takes arrays packed, whether the .proto says so or not. */
			if (field->label == PROTOBUF_C_LABEL_REPEATED && has_varints(field->type))
				return false;
			if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
			    !add_type(&types, field->descriptor))
				return false;
		}
	return true;
}

mqci_unpacked mqci_message_unpack_any(const ProtobufCMessageDescriptor *type,
				      ProtobufCAllocator *allocator, const uint8_t *bytes,
				      size_t size, ProtobufCMessage **ret_message)
{
	struct remembering remembering = {
		.allocator = {.alloc = remembering_alloc,
			      .free = remembering_free,
			      .allocator_data = &remembering},
		.real = allocator,
	};
	ProtobufCMessage *message;

	if (!nests_within(type, bytes, size, LEVELS_MAX))
		return MQCI_NOT_UNPACKED;
	message = protobuf_c_message_unpack(type, &remembering.allocator, size, bytes);
	if (message == NULL)
		return remembering.failed ? MQCI_NO_MEMORY : MQCI_NOT_UNPACKED;
	*ret_message = message;
	return MQCI_UNPACKED;
}
