/*
 * options.c - the options of mqcall/options.proto, out of unknown fields.
 *
 * protobuf-c keeps an unknown field as the bytes that follow its tag: a varint,
 * or a length and that many bytes. None of them is trusted.
 */
#include "options.h"

#include <string.h>

#include "wire.h"

static const ProtobufCMessageUnknownField *find_last(const ProtobufCMessage *options,
						     uint32_t number)
{
	if (options == NULL)
		return NULL;
	for (size_t i = options->n_unknown_fields; i > 0; i--) {
		if (options->unknown_fields[i - 1].tag == number)
			return &options->unknown_fields[i - 1];
	}
	return NULL;
}

int idl_options_number(const ProtobufCMessage *options, uint32_t number, int64_t *ret_value)
{
	const ProtobufCMessageUnknownField *field = find_last(options, number);
	uint64_t value;

	if (field == NULL)
		return 0;
	if ((int)field->wire_type != IDL_WIRE_VARINT ||
	    idl_wire_varint(field->data, field->len, &value) == 0)
		return -1;
	*ret_value = (int64_t)value;
	return 1;
}

int idl_options_bytes(const ProtobufCMessage *options, uint32_t number, const uint8_t **ret_bytes,
		      size_t *ret_size)
{
	const ProtobufCMessageUnknownField *field = find_last(options, number);
	uint64_t length;
	size_t prefix;

	if (field == NULL)
		return 0;
	if ((int)field->wire_type != IDL_WIRE_LENGTH)
		return -1;
	prefix = idl_wire_varint(field->data, field->len, &length);
	if (prefix == 0 || length != field->len - prefix)
		return -1;
	*ret_bytes = field->data + prefix;
	*ret_size = (size_t)length;
	return 1;
}

int idl_options_text(const ProtobufCMessage *options, uint32_t number, idl_arena *arena,
		     const char **ret_text)
{
	const uint8_t *bytes;
	size_t size;
	int r;

	r = idl_options_bytes(options, number, &bytes, &size);
	if (r <= 0)
		return r;
	if (memchr(bytes, '\0', size) != NULL)
		return -1;
	*ret_text = idl_arena_strndup(arena, (const char *)bytes, size);
	return 1;
}
