/*
 * unpack.c - descriptors of arbitrary origin, unpacked by protobuf-c.
 *
 * Its parser calls itself for every message inside a message, as often as the
 * bytes say, so their depth is looked at first. And it refuses messages with
 * groups. descriptor.proto has none, but a custom option can be one; such an
 * option is left out.
 */
#include "unpack.h"

#include "text.h"
#include "wire.h"

static void add_varint(idl_text *text, uint64_t value)
{
	uint8_t bytes[10];
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[size++] = (uint8_t)(value | 0x80);
	bytes[size++] = (uint8_t)value;
	idl_text_add_bytes(text, bytes, size);
}

/* The descriptor of the message in a field, or NULL. */
static const ProtobufCMessageDescriptor *message_in(const ProtobufCMessageDescriptor *type,
						    const idl_wire_field *field)
{
	const ProtobufCFieldDescriptor *descriptor;

	if (field->type != IDL_WIRE_LENGTH)
		return NULL;
	descriptor = protobuf_c_message_descriptor_get_field(type, field->number);
	if (descriptor == NULL || descriptor->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	return descriptor->descriptor;
}

/* Copy all but the groups. Returns 0, or -1 where it is malformed. */
static int drop_groups(const ProtobufCMessageDescriptor *type, idl_wire wire, idl_text *result)
{
	const uint8_t *begin = wire.bytes;
	idl_wire_field field;
	int r;

	for (; (r = idl_wire_next(&wire, &field)) > 0; begin = wire.bytes) {
		const ProtobufCMessageDescriptor *inner = message_in(type, &field);
		idl_text copy = {0};

		if (field.type == IDL_WIRE_GROUP)
			continue;
		if (inner == NULL) {
			idl_text_add_bytes(result, begin, (size_t)(wire.bytes - begin));
			continue;
		}
		r = drop_groups(inner, field.content, &copy);
		if (r == 0) {
			add_varint(result, (uint64_t)field.number << 3 | IDL_WIRE_LENGTH);
			add_varint(result, copy.size);
			idl_text_add_bytes(result, idl_text_string(&copy), copy.size);
		}
		idl_text_done(&copy);
		if (r < 0)
			return r;
	}
	return r;
}

ProtobufCMessage *idl_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			     size_t size, uint32_t file_number)
{
	ProtobufCMessage *message;
	idl_text rest = {0};

	if (!idl_wire_nesting_is_sane(bytes, size, file_number))
		return NULL;
	message = protobuf_c_message_unpack(type, NULL, size, bytes);
	if (message != NULL)
		return message;
	if (drop_groups(type, (idl_wire){bytes, size}, &rest) == 0 && rest.size < size)
		message = protobuf_c_message_unpack(type, NULL, rest.size,
						    (const uint8_t *)idl_text_string(&rest));
	idl_text_done(&rest);
	return message;
}
