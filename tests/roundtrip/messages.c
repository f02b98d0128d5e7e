/*
 * messages.c - messages of any type, by their descriptors: compared, copied.
 *
 * A descriptor says where in the struct each field lies; see "Types" in
 * protobuf-c.h for what is there.
 */
#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *at(const ProtobufCMessage *message, unsigned offset)
{
	return (const char *)message + offset;
}

static size_t size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	}
	abort();
}

/* ------------------------------------------------------------ presence -- */

static bool is_oneof(const ProtobufCFieldDescriptor *field)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static bool is_pointer(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

/* How many values a field has: of what is not repeated, 1 or 0. */
static size_t count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *quantifier = at(message, field->quantifier_offset);

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier;
	if (is_oneof(field))
		return *(const uint32_t *)quantifier == field->id;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_pointer(field))
		return *(const protobuf_c_boolean *)quantifier != 0;
	return 1;
}

/* Where a field that is absent has its default value. Fields of a oneof share one place. */
static bool has_default(const ProtobufCFieldDescriptor *field)
{
	return field->default_value != NULL && field->label != PROTOBUF_C_LABEL_REPEATED &&
	       !is_oneof(field);
}

static const char *values_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *member = at(message, field->offset);

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const char *const *)member;
	return member;
}

/* ----------------------------------------------------------- comparing -- */

static bool strings_equal(const ProtobufCFieldDescriptor *field, const char *sent, const char *came)
{
	if (sent == NULL && field->label == PROTOBUF_C_LABEL_NONE)
		sent = "";
	if (sent == NULL && has_default(field))
		sent = field->default_value;
	if (sent == NULL || came == NULL)
		return sent == came;
	return strcmp(sent, came) == 0;
}

/*
 * protobuf-c takes -0.0 for zero, and does not send it, where a field cannot be
 * absent: it may come as 0.0.
 */
static bool is_lost_sign(const ProtobufCFieldDescriptor *field, const char *sent, const char *came)
{
	static const char zero[8];
	double wide = 1;
	float narrow = 1;

	if (field->label != PROTOBUF_C_LABEL_NONE || is_oneof(field) ||
	    memcmp(came, zero, size_of(field->type)) != 0)
		return false;
	if (field->type == PROTOBUF_C_TYPE_DOUBLE)
		memcpy(&wide, sent, sizeof wide);
	else if (field->type == PROTOBUF_C_TYPE_FLOAT)
		memcpy(&narrow, sent, sizeof narrow);
	return wide == 0 || narrow == 0;
}

static bool bytes_equal(const ProtobufCBinaryData *sent, const ProtobufCBinaryData *came)
{
	return sent->len == came->len &&
	       (sent->len == 0 || memcmp(sent->data, came->data, sent->len) == 0);
}

static bool values_equal(const ProtobufCFieldDescriptor *field, const char *sent, const char *came,
			 char *where, size_t size)
{
	const ProtobufCMessage *sent_message, *came_message;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return strings_equal(field, *(const char *const *)(const void *)sent,
				     *(const char *const *)(const void *)came);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_equal((const ProtobufCBinaryData *)(const void *)sent,
				   (const ProtobufCBinaryData *)(const void *)came);
	case PROTOBUF_C_TYPE_MESSAGE:
		sent_message = *(const ProtobufCMessage *const *)(const void *)sent;
		came_message = *(const ProtobufCMessage *const *)(const void *)came;
		if (sent_message == NULL || came_message == NULL)
			return sent_message == came_message;
		return message_equal(sent_message, came_message, where, size);
	default:
		return memcmp(sent, came, size_of(field->type)) == 0 ||
		       is_lost_sign(field, sent, came);
	}
}

static bool fields_equal(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *sent,
			 const ProtobufCMessage *came, char *where, size_t size)
{
	const char *sent_values = values_of(sent, field), *came_values = values_of(came, field);
	size_t count = count_of(sent, field), step = size_of(field->type);

	if (count != count_of(came, field))
		return false;
	if (count == 0 && has_default(field))
		return values_equal(field, field->default_value, came_values, where, size);
	for (size_t i = 0; i < count; i++) {
		if (!values_equal(field, sent_values + i * step, came_values + i * step, where,
				  size))
			return false;
	}
	return true;
}

bool message_equal(const ProtobufCMessage *sent, const ProtobufCMessage *came, char *where,
		   size_t size)
{
	const ProtobufCMessageDescriptor *type = sent->descriptor;
	char inner[256] = "";

	if (came->descriptor != type) {
		(void)snprintf(where, size, "(it is no %s)", type->name);
		return false;
	}
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (!fields_equal(&type->fields[i], sent, came, inner, sizeof inner)) {
			(void)snprintf(where, size, ".%s%s", type->fields[i].name, inner);
			return false;
		}
	}
	if (came->n_unknown_fields != 0)
		(void)snprintf(where, size, " (unknown fields)");
	return came->n_unknown_fields == 0;
}

/* ------------------------------------------------------------- copying -- */

void *bytes_copy(mqc_call *call, const void *bytes, size_t size)
{
	void *copy;

	if (bytes == NULL)
		return NULL;
	copy = mqc_call_alloc(call, size);
	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/* A value has been copied as it is: copy what it points at. */
static void copy_behind(mqc_call *call, const ProtobufCFieldDescriptor *field, void *value)
{
	ProtobufCBinaryData *bytes = value;
	void **message = value;
	char **string = value;

	if (field->type == PROTOBUF_C_TYPE_BYTES)
		bytes->data = bytes_copy(call, bytes->data, bytes->len);
	else if (field->type == PROTOBUF_C_TYPE_STRING && *string != NULL)
		*string = bytes_copy(call, *string, strlen(*string) + 1);
	else if (field->type == PROTOBUF_C_TYPE_MESSAGE && *message != NULL)
		*message = message_copy(call, *message);
}

void message_copy_to(mqc_call *call, const ProtobufCMessage *message, ProtobufCMessage *copy)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	memcpy(copy, message, type->sizeof_message);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		size_t count = count_of(message, field), step = size_of(field->type);
		char *member = (char *)copy + field->offset, *values = member;

		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			values = bytes_copy(call, values_of(message, field), count * step);
			memcpy(member, &values, sizeof values);
		}
		for (size_t k = 0; k < count; k++)
			copy_behind(call, field, values + k * step);
	}
}

void *message_copy(mqc_call *call, const void *message)
{
	const ProtobufCMessage *original = message;
	ProtobufCMessage *copy;

	if (original == NULL)
		return NULL;
	copy = mqc_call_alloc(call, original->descriptor->sizeof_message);
	if (copy == NULL)
		abort();
	message_copy_to(call, original, copy);
	return copy;
}

void *messages_copy(mqc_call *call, const void *array, size_t count)
{
	void **copy = bytes_copy(call, array, count * sizeof *copy);

	for (size_t i = 0; i < count; i++)
		copy[i] = message_copy(call, copy[i]);
	return copy;
}
