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

/* A type may be compared with several others, if that of a field was exchanged. */
static bool is_new_pair(compat *c, const char *former, const char *present)
{
	const char *pair = idl_arena_printf(&c->arena, "%s %s", former, present);

	return idl_table_add(&c->seen, &c->arena, pair, c) == NULL;
}

/* What keeps its name may have another in C: that is taken now, or c_package changed. */
static void compare_c_names(compat *c, const gen_type_name *former, const gen_type_name *present,
			    const char *was, const char *is, idl_place place)
{
	if (strcmp(was, is) == 0 && strcmp(former->type, present->type) != 0)
		compat_report(c, COMPAT_SOURCE, place, "%s was %s in C and is %s", is, former->type,
			      present->type);
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

/* The first value is what a field has that is absent, if it names no other. */
static void compare_first(compat *c, const idl_enum *former, const idl_enum *present)
{
	const idl_enum_value *was = &former->values[0];
	const idl_enum_value *is = &present->values[0];

	if (was->number != is->number)
		compat_report(c, COMPAT_BEHAVIOUR, is->place,
			      "the first value of %s, its default, was %s = %d and is %s = %d",
			      present->full_name, was->name, was->number, is->name, is->number);
}

void compat_enum(compat *c, const idl_enum *former, const idl_enum *present)
{
	if (!is_new_pair(c, former->full_name, present != NULL ? present->full_name : ""))
		return;
	if (present == NULL) {
		compat_report(c, COMPAT_SOURCE, former->place, "the enum %s is gone",
			      former->full_name);
		return;
	}
	compare_c_names(c, &c->former->enums[former->index], &c->present->enums[present->index],
			former->full_name, present->full_name, present->place);
	compare_first(c, former, present);
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
	if (former->enumeration != NULL && present->enumeration != NULL)
		compat_enum(c, former->enumeration, present->enumeration);
}

static const char *presence_name(const idl_field *field)
{
	static const char *const names[] = {
		[IDL_IMPLICIT] = "plain",    [IDL_REQUIRED] = "required",
		[IDL_OPTIONAL] = "optional", [IDL_EXPLICIT] = "optional of proto3",
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

/* -------------------------------------------------------------- oneofs -- */

static const idl_oneof *find_oneof(const idl_message *message, const char *name)
{
	for (size_t i = 0; i < message->n_oneofs; i++) {
		if (!message->oneofs[i].synthetic && strcmp(message->oneofs[i].name, name) == 0)
			return &message->oneofs[i];
	}
	return NULL;
}

/*
 * What has become of a oneof: the one of its name, or else the one that its first
 * member is in, if there was none of that name. It goes back in time as well.
 */
static const idl_oneof *counterpart(const idl_oneof *oneof, const idl_message *from,
				    const idl_message *to)
{
	const idl_oneof *same = find_oneof(to, oneof->name);

	for (size_t i = 0; same == NULL && i < from->n_fields; i++) {
		const idl_field *other;

		if (from->fields[i].oneof != oneof)
			continue;
		other = find_field(to, from->fields[i].number);
		if (other == NULL || other->presence != IDL_ONEOF)
			continue;
		return find_oneof(from, other->oneof->name) == NULL ? other->oneof : NULL;
	}
	return same;
}

static void compare_oneofs(compat *c, const idl_message *former, const idl_message *present)
{
	for (size_t i = 0; i < former->n_oneofs; i++) {
		const idl_oneof *was = &former->oneofs[i];
		const idl_oneof *is = was->synthetic ? NULL : counterpart(was, former, present);

		if (is != NULL && strcmp(was->name, is->name) != 0)
			compat_report(c, COMPAT_SOURCE, is->place,
				      "the oneof %s of %s is called %s", was->name,
				      present->full_name, is->name);
	}
}

static void compare_membership(compat *c, const idl_field *former, const idl_field *present)
{
	const idl_oneof *was = former->presence == IDL_ONEOF ? former->oneof : NULL;
	const idl_oneof *is = present->presence == IDL_ONEOF ? present->oneof : NULL;

	if (was == NULL || is == NULL)
		return;
	if (counterpart(was, former->owner, present->owner) != is ||
	    counterpart(is, present->owner, former->owner) != was)
		compat_report(c, COMPAT_WIRE, present->place,
			      "%s.%s was in the oneof %s and is in the oneof %s",
			      present->owner->full_name, present->name, was->name, is->name);
}

/* ------------------------------------------------------------ messages -- */

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *member_of(const gen_plan *plan, const idl_field *field)
{
	const idl_message *owner = field->owner;

	return plan->messages[owner->index].fields[field - owner->fields].member;
}

static void compare_names(compat *c, const idl_field *former, const idl_field *present)
{
	const char *was = member_of(c->former, former);
	const char *is = member_of(c->present, present);

	if (strcmp(former->name, present->name) != 0)
		compat_report(c, COMPAT_SOURCE, present->place,
			      "field %d of %s was called %s and is called %s", present->number,
			      present->owner->full_name, former->name, present->name);
	else if (strcmp(was, is) != 0)
		compat_report(c, COMPAT_SOURCE, present->place, "%s.%s was %s in C and is %s",
			      present->owner->full_name, present->name, was, is);
}

/* The number of an enum's default value, which is the first one if none is told. */
static int default_number(const idl_field *field)
{
	const idl_enum_value *value = &field->enumeration->values[0];

	if (field->default_text != NULL)
		value = find_value(field->enumeration, field->default_text);
	return value != NULL ? value->number : 0;
}

/* To tell what the default is anyway changes nothing. */
static bool same_default(const idl_field *former, const idl_field *present)
{
	const char *was = former->default_text;
	const char *is = present->default_text;

	if (former->kind == present->kind && former->kind < IDL_STRING &&
	    (was != NULL || is != NULL)) {
		const char *none = former->kind == IDL_BOOL ? "false" : "0";

		if (former->kind == IDL_ENUM)
			return default_number(former) == default_number(present);
		return same_text(was != NULL ? was : none, is != NULL ? is : none);
	}
	return same_text(was, is);
}

static void compare_fields(compat *c, const idl_field *former, const idl_field *present)
{
	compare_names(c, former, present);
	compare_presence(c, former, present);
	compare_membership(c, former, present);
	compare_types(c, former, present);
	if (!same_default(former, present))
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s.%s has another default value", present->owner->full_name,
			      present->name);
}

static void compare_messages(compat *c, const idl_message *former, const idl_message *present)
{
	compare_c_names(c, &c->former->messages[former->index],
			&c->present->messages[present->index], former->full_name,
			present->full_name, present->place);
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
	compare_oneofs(c, former, present);
}

void compat_message(compat *c, const idl_message *former, const idl_message *present)
{
	if (!is_new_pair(c, former->full_name, present != NULL ? present->full_name : ""))
		return;
	if (present == NULL) {
		compat_report(c, COMPAT_SOURCE, former->place, "the message %s is gone",
			      former->full_name);
		return;
	}
	if (c->n_waiting == c->capacity) {
		c->capacity = c->capacity > 0 ? 2 * c->capacity : 16;
		c->waiting = idl_realloc(c->waiting, c->capacity * sizeof(*c->waiting));
	}
	c->waiting[c->n_waiting++] = (compat_pair){former, present};
}

void compat_follow(compat *c)
{
	for (size_t i = 0; i < c->n_waiting; i++) {
		const compat_pair pair = c->waiting[i];

		compare_messages(c, pair.former, pair.present);
	}
	c->n_waiting = 0;
}
