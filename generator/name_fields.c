/*
 * name_fields.c - the name pass: tables of the fields of requests and replies.
 *
 * By them the library packs and unpacks messages itself, if they have nothing but
 * single numbers, texts and bytes. Others have no table, and are left to protobuf-c.
 */
#include "plan.h"

#include <stdlib.h>

#include "idl/options.h"

enum {
	PB_C = 1019,      /* protobuf-c's own options: by one of them, a text is bytes in C */
	MAX_NUMBER = 2047 /* of a field whose tag has two bytes */
};

/* How a type lies in the struct, and on the wire. */
typedef struct encoding {
	const char *kind; /* NULL: in no table */
	unsigned wire;
} encoding;

static encoding encoding_of(const idl_field *field)
{
	static const encoding encodings[] = {
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE] = {"DOUBLE", 1},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT] = {"FLOAT", 5},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64] = {"INT64", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64] = {"INT64", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32] = {"INT32", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED64] = {"FIXED64", 1},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED32] = {"FIXED32", 5},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL] = {"BOOL", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING] = {"STRING", 2},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP] = {NULL, 3},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE] = {NULL, 2},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES] = {"BYTES", 2},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32] = {"UINT32", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM] = {"INT32", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED32] = {"FIXED32", 5},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED64] = {"FIXED64", 1},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32] = {"SINT32", 0},
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64] = {"SINT64", 0},
	};

	return encodings[field->wire_type];
}

/* A text with a default value is absent when it is the very object that protobuf-c has for that. */
static bool is_plain(const idl_field *field)
{
	const uint8_t *bytes;
	size_t size;

	return (field->presence == IDL_IMPLICIT || field->presence == IDL_OPTIONAL ||
		field->presence == IDL_EXPLICIT) &&
	       encoding_of(field).kind != NULL && field->number <= MAX_NUMBER &&
	       !(field->kind == IDL_STRING && field->default_text != NULL) &&
	       idl_options_bytes((const ProtobufCMessage *)field->proto->options, PB_C, &bytes,
				 &size) == 0;
}

/* As it is written, with the first byte the lowest. */
static unsigned tag_of(const idl_field *field)
{
	unsigned tag = (unsigned)field->number << 3 | encoding_of(field).wire;

	return tag < 0x80 ? tag : (tag & 0x7f) | 0x80 | tag >> 7 << 8;
}

static void name_row(idl_arena *arena, const idl_field *field, const gen_field_name *name,
		     gen_field_row *row)
{
	*row = (gen_field_row){
		.number = field->number,
		.kind = idl_arena_printf(arena, "MQC_FIELD_%s", encoding_of(field).kind),
		.tag = tag_of(field),
		.member = name->member};
	if (field->presence == IDL_EXPLICIT) {
		row->has = name->case_member;
		row->present = name->case_value;
	} else if (field->presence == IDL_OPTIONAL && field->kind == IDL_STRING) {
		row->kind = "MQC_FIELD_OPTIONAL_STRING";
	} else if (field->presence == IDL_OPTIONAL) {
		row->has = idl_arena_printf(arena, "has_%s", name->member);
		row->present = "1";
	}
}

static int compare_numbers(const void *a, const void *b)
{
	const gen_field_row *x = a;
	const gen_field_row *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

gen_field_table *gen_name_fields(gen_plan *plan, gen_file *file, const idl_message *message)
{
	const gen_type_name *type = &plan->messages[message->index];
	gen_field_table *table;

	for (size_t i = 0; i < file->n_tables; i++)
		if (file->tables[i].type == type)
			return &file->tables[i];
	for (size_t i = 0; i < message->n_fields; i++)
		if (!is_plain(&message->fields[i]))
			return NULL;
	table = &file->tables[file->n_tables++];
	*table = (gen_field_table){.type = type, .n_rows = message->n_fields};
	table->rows = idl_arena_array(&plan->arena, table->n_rows, sizeof(*table->rows));
	for (size_t i = 0; i < table->n_rows; i++)
		name_row(&plan->arena, &message->fields[i], &type->fields[i], &table->rows[i]);
	qsort(table->rows, table->n_rows, sizeof(*table->rows), compare_numbers);
	return table;
}
