/*
 * compat_types.c - what a new version of a service breaks: messages and enums.
 *
 * Fields are found again by their number, as on the wire.
 */
#include "compat.h"

#include <string.h>

/* google.protobuf.FieldDescriptorProto.Type */
enum {
	TYPE_DOUBLE = 1,
	TYPE_FLOAT,
	TYPE_INT64,
	TYPE_UINT64,
	TYPE_INT32,
	TYPE_FIXED64,
	TYPE_FIXED32,
	TYPE_BOOL,
	TYPE_STRING,
	TYPE_GROUP,
	TYPE_MESSAGE,
	TYPE_BYTES,
	TYPE_UINT32,
	TYPE_ENUM,
	TYPE_SFIXED32,
	TYPE_SFIXED64,
	TYPE_SINT32,
	TYPE_SINT64
};

/* Types of one group are written alike: one can be read as the other. */
static int encoding_of(int wire_type)
{
	switch (wire_type) {
	case TYPE_INT64:
	case TYPE_UINT64:
	case TYPE_INT32:
	case TYPE_UINT32:
	case TYPE_BOOL:
	case TYPE_ENUM:
		return TYPE_INT64;
	case TYPE_SINT32:
	case TYPE_SINT64:
		return TYPE_SINT64;
	case TYPE_FIXED32:
	case TYPE_SFIXED32:
		return TYPE_FIXED32;
	case TYPE_FIXED64:
	case TYPE_SFIXED64:
		return TYPE_FIXED64;
	case TYPE_STRING:
	case TYPE_BYTES:
		return TYPE_BYTES;
	default:
		return wire_type;
	}
}

/* --------------------------------------------------------------- enums -- */

static const idl_enum_value *find_value(const idl_enum *e, const char *name)
{
	for (size_t i = 0; i < e->n_values; i++) {
		if (strcmp(e->values[i].name, name) == 0)
			return &e->values[i];
	}
	return NULL;
}

static void compare_enums(compat *c, const idl_enum *former, const idl_enum *present)
{
	for (size_t i = 0; i < former->n_values; i++) {
		const idl_enum_value *was = &former->values[i];
		const idl_enum_value *is = find_value(present, was->name);

		if (is == NULL)
			compat_report(c, COMPAT_SOURCE, present->place,
				      "%s has no value %s any more, which was %d",
				      present->full_name, was->name, was->number);
		else if (is->number != was->number)
			compat_report(c, COMPAT_WIRE, is->place, "%s.%s was %d and is %d",
				      present->full_name, was->name, was->number, is->number);
	}
}

/* -------------------------------------------------------------- fields -- */

static const idl_field *find_field(const idl_message *message, int number)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		if (message->fields[i].number == number)
			return &message->fields[i];
	}
	return NULL;
}

static const char *type_name_of(const idl_field *field)
{
	static const char *const names[] = {
		"?",       "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
		"fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
		"enum",    "sfixed32", "sfixed64", "sint32", "sint64",
	};

	if (field->message != NULL)
		return field->message->full_name;
	if (field->enumeration != NULL)
		return field->enumeration->full_name;
	return names[field->wire_type];
}

static void compare_types(compat *c, const idl_field *former, const idl_field *present)
{
	const char *was = type_name_of(former);
	const char *is = type_name_of(present);

	if (encoding_of(former->wire_type) != encoding_of(present->wire_type))
		compat_report(c, COMPAT_WIRE, present->place, "%s.%s was %s and is %s",
			      present->owner->full_name, present->name, was, is);
	else if (former->wire_type != present->wire_type)
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s.%s was %s and is %s: values outside both are read as others",
			      present->owner->full_name, present->name, was, is);
	else if (strcmp(was, is) != 0)
		compat_report(c, COMPAT_SOURCE, present->place, "%s.%s was %s and is %s",
			      present->owner->full_name, present->name, was, is);
	if (former->message != NULL && present->message != NULL)
		compat_message(c, former->message, present->message);
	if (former->enumeration != NULL && present->enumeration != NULL &&
	    idl_table_add(&c->seen, &c->arena, former->enumeration->full_name, c) == NULL)
		compare_enums(c, former->enumeration, present->enumeration);
}

static const char *presence_name(const idl_field *field)
{
	static const char *const names[] = {
		[IDL_IMPLICIT] = "plain",    [IDL_REQUIRED] = "required",
		[IDL_OPTIONAL] = "optional", [IDL_EXPLICIT] = "optional",
		[IDL_ONEOF] = "in a oneof",  [IDL_REPEATED] = "repeated",
	};

	return names[field->presence];
}

static void compare_presence(compat *c, const idl_field *former, const idl_field *present)
{
	bool wire = former->presence == IDL_REPEATED || present->presence == IDL_REPEATED ||
		    former->presence == IDL_REQUIRED || present->presence == IDL_REQUIRED ||
		    present->presence == IDL_ONEOF || former->presence == IDL_ONEOF;

	if (former->presence == present->presence)
		return;
	compat_report(c, wire ? COMPAT_WIRE : COMPAT_SOURCE, present->place,
		      "%s.%s was %s and is %s", present->owner->full_name, present->name,
		      presence_name(former), presence_name(present));
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void compare_fields(compat *c, const idl_field *former, const idl_field *present)
{
	if (strcmp(former->name, present->name) != 0)
		compat_report(c, COMPAT_SOURCE, present->place,
			      "field %d of %s was called %s and is called %s", present->number,
			      present->owner->full_name, former->name, present->name);
	compare_presence(c, former, present);
	compare_types(c, former, present);
	if (!same_text(former->default_text, present->default_text))
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s.%s has another default value", present->owner->full_name,
			      present->name);
}

void compat_message(compat *c, const idl_message *former, const idl_message *present)
{
	if (idl_table_add(&c->seen, &c->arena, former->full_name, c) != NULL)
		return;
	if (present == NULL) {
		compat_report(c, COMPAT_SOURCE, former->place, "the message %s is gone",
			      former->full_name);
		return;
	}
	for (size_t i = 0; i < former->n_fields; i++) {
		const idl_field *was = &former->fields[i];
		const idl_field *is = find_field(present, was->number);

		if (is != NULL)
			compare_fields(c, was, is);
		else
			compat_report(c, COMPAT_WIRE, present->place,
				      "%s has no field %d any more, which was %s",
				      present->full_name, was->number, was->name);
	}
	for (size_t i = 0; i < present->n_fields; i++) {
		const idl_field *is = &present->fields[i];

		if (is->presence == IDL_REQUIRED && find_field(former, is->number) == NULL)
			compat_report(c, COMPAT_WIRE, is->place,
				      "%s.%s is required and was not there before",
				      present->full_name, is->name);
	}
}
