/*
 * wire.c - protobuf's encoding, as far as it is read without a descriptor.
 *
 * Only one message of descriptor.proto contains itself, DescriptorProto. So that
 * hostile bytes can't exhaust the stack of a parser that calls itself for every
 * message inside a message, its depth is looked at before they are parsed.
 */
#include "wire.h"

enum {
	FILE_MESSAGE_TYPE = 4,   /* FileDescriptorProto.message_type */
	MESSAGE_NESTED_TYPE = 3, /* DescriptorProto.nested_type */
	MAX_DEPTH = 64,          /* protoc itself stops at 32 */
	GROUP_END = 4
};

size_t idl_wire_varint(const uint8_t *bytes, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && i < 10; i++) {
		value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
		if ((bytes[i] & 0x80) == 0) {
			*ret_value = value;
			return i + 1;
		}
	}
	return 0;
}

static void skip(idl_wire *wire, size_t size)
{
	wire->bytes += size;
	wire->size -= size;
}

static int take_content(idl_wire *wire, uint64_t size, idl_wire_field *field)
{
	if (size > wire->size)
		return -1;
	field->content = (idl_wire){wire->bytes, (size_t)size};
	skip(wire, (size_t)size);
	return 1;
}

static bool take_tag(idl_wire *wire, idl_wire_field *ret_field)
{
	uint64_t value;
	size_t used = idl_wire_varint(wire->bytes, wire->size, &value);

	if (used == 0 || value >> 3 == 0 || value >> 3 > 0x1fffffff)
		return false;
	skip(wire, used);
	*ret_field = (idl_wire_field){.number = (uint32_t)(value >> 3), .type = value & 7};
	return true;
}

/* What follows the tag; of groups nothing. */
static int take_value(idl_wire *wire, idl_wire_field *field)
{
	uint64_t value;
	size_t used;

	switch (field->type) {
	case IDL_WIRE_VARINT:
		used = idl_wire_varint(wire->bytes, wire->size, &field->varint);
		skip(wire, used);
		return used > 0 ? 1 : -1;
	case IDL_WIRE_64BIT:
		return take_content(wire, 8, field);
	case IDL_WIRE_LENGTH:
		used = idl_wire_varint(wire->bytes, wire->size, &value);
		skip(wire, used);
		return used > 0 ? take_content(wire, value, field) : -1;
	case IDL_WIRE_GROUP:
	case GROUP_END:
		return 1;
	case IDL_WIRE_32BIT:
		return take_content(wire, 4, field);
	default:
		return -1;
	}
}

/* The rest of a group, and of those in it. Not by recursion: any depth will do. */
static int take_group(idl_wire *wire, idl_wire_field *field)
{
	const uint8_t *begin = wire->bytes;
	idl_wire_field inner;

	for (size_t depth = 1; depth > 0;) {
		if (wire->size == 0 || !take_tag(wire, &inner) || take_value(wire, &inner) < 0)
			return -1;
		if (inner.type == IDL_WIRE_GROUP)
			depth++;
		else if (inner.type == GROUP_END)
			depth--;
	}
	field->content = (idl_wire){begin, (size_t)(wire->bytes - begin)};
	return 1;
}

int idl_wire_next(idl_wire *wire, idl_wire_field *ret_field)
{
	if (wire->size == 0)
		return 0;
	if (!take_tag(wire, ret_field) || ret_field->type == GROUP_END)
		return -1;
	if (ret_field->type == IDL_WIRE_GROUP)
		return take_group(wire, ret_field);
	return take_value(wire, ret_field);
}

/* Messages in `wire` as field `number`, and those nested in them. */
static bool messages_are_sane(idl_wire wire, uint32_t number, int depth)
{
	idl_wire_field field;
	int r;

	if (depth > MAX_DEPTH)
		return false;
	while ((r = idl_wire_next(&wire, &field)) > 0) {
		if (field.number == number && field.type == IDL_WIRE_LENGTH &&
		    !messages_are_sane(field.content, MESSAGE_NESTED_TYPE, depth + 1))
			return false;
	}
	return r == 0;
}

bool idl_wire_nesting_is_sane(const uint8_t *bytes, size_t size, uint32_t file_number)
{
	idl_wire wire = {bytes, size};
	idl_wire_field field;
	int r;

	while ((r = idl_wire_next(&wire, &field)) > 0) {
		if (field.number == file_number && field.type == IDL_WIRE_LENGTH &&
		    !messages_are_sane(field.content, FILE_MESSAGE_TYPE, 0))
			return false;
	}
	return r == 0;
}
