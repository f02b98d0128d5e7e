/*
 * load_types.c - descriptors in, a model out: messages, fields and enums.
 */
#include "load_parts.h"

#include <string.h>

#define MALFORMED "malformed descriptor: "

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

static void count_nested(const message_proto *proto, size_t *messages, size_t *enums)
{
	*messages += 1;
	*enums += proto->n_enum_type;
	for (size_t i = 0; i < proto->n_nested_type; i++)
		count_nested(proto->nested_type[i], messages, enums);
}

void idl_load_count_types(const idl_file_proto *proto, size_t *messages, size_t *enums)
{
	*enums += proto->n_enum_type;
	for (size_t i = 0; i < proto->n_message_type; i++)
		count_nested(proto->message_type[i], messages, enums);
}

static const char *full_name_of(idl_loader *loader, const char *scope, const char *name)
{
	if (*scope == '\0')
		return name;
	return idl_arena_printf(&loader->model->arena, "%s.%s", scope, name);
}

/* Where a type is declared: by a message, or by a file. */
typedef struct scope {
	const idl_file *file;
	const idl_message *parent;
	const char *name;
} scope;

static void enter_values(idl_loader *loader, idl_enum *e,
			 const Google__Protobuf__EnumDescriptorProto *proto, const idl_path *path)
{
	const idl_source *source = &loader->sources[e->file->index];
	idl_arena arena = {0};
	idl_table names = {0};

	e->n_values = proto->n_value;
	e->values = idl_arena_array(&loader->model->arena, e->n_values, sizeof(*e->values));
	for (size_t i = 0; i < e->n_values; i++) {
		idl_path value_path = idl_path_add(path, IDL_ENUM_VALUE, (int32_t)i);
		idl_enum_value *value = &e->values[i];

		*value = (idl_enum_value){.name = proto->value[i]->name,
					  .number = proto->value[i]->number};
		value->place = idl_source_place(source, &value_path);
		if (!idl_is_identifier(value->name)) {
			idl_error(loader->diags, value->place,
				  MALFORMED "an enum value without a name");
			value->name = "?";
		} else if (idl_table_add(&names, &arena, value->name, value) != NULL) {
			idl_error(loader->diags, value->place, MALFORMED "%s.%s is there twice",
				  e->full_name, value->name);
		}
	}
	idl_arena_done(&arena);
}

static const idl_enum *enter_enum(idl_loader *loader, const scope *in,
				  const Google__Protobuf__EnumDescriptorProto *proto,
				  const idl_path *path)
{
	idl_model *model = loader->model;
	idl_enum *e = idl_arena_alloc(&model->arena, sizeof(*e));

	*e = (idl_enum){.name = proto->name, .file = in->file, .parent = in->parent};
	e->place = idl_source_place(&loader->sources[in->file->index], path);
	e->index = model->n_enums;
	model->enums[model->n_enums++] = e;
	if (!idl_is_identifier(proto->name) || proto->n_value == 0) {
		idl_error(loader->diags, e->place, MALFORMED "an enum without a name or values");
		e->full_name = e->name = "?";
		return e;
	}
	e->full_name = full_name_of(loader, in->name, e->name);
	if (idl_table_add(&model->enum_table, &model->arena, e->full_name, e) != NULL)
		idl_error(loader->diags, e->place, MALFORMED "%s is there twice", e->full_name);
	enter_values(loader, e, proto, path);
	return e;
}

static idl_message *enter_message(idl_loader *loader, const scope *in, const message_proto *proto,
				  const idl_path *path)
{
	idl_model *model = loader->model;
	idl_message *m = idl_arena_alloc(&model->arena, sizeof(*m));
	scope inner = {.file = in->file, .parent = m};

	*m = (idl_message){.name = proto->name, .file = in->file, .parent = in->parent};
	m->place = idl_source_place(&loader->sources[in->file->index], path);
	m->proto = proto;
	m->map_entry = proto->options != NULL && proto->options->map_entry;
	m->index = model->n_messages;
	model->messages[model->n_messages++] = m;
	if (!idl_is_identifier(m->name)) {
		idl_error(loader->diags, m->place, MALFORMED "a message without a name");
		m->name = "?";
	}
	m->full_name = full_name_of(loader, in->name, m->name);
	if (idl_table_add(&model->message_table, &model->arena, m->full_name, m) != NULL)
		idl_error(loader->diags, m->place, MALFORMED "%s is there twice", m->full_name);
	inner.name = m->full_name;
	for (size_t i = 0; i < proto->n_enum_type; i++) {
		idl_path nested = idl_path_add(path, IDL_MESSAGE_ENUM, (int32_t)i);

		enter_enum(loader, &inner, proto->enum_type[i], &nested);
	}
	for (size_t i = 0; i < proto->n_nested_type; i++) {
		idl_path nested = idl_path_add(path, IDL_MESSAGE_NESTED, (int32_t)i);

		enter_message(loader, &inner, proto->nested_type[i], &nested);
	}
	return m;
}

void idl_load_enter_types(idl_loader *loader, idl_file *file)
{
	const scope in = {.file = file, .name = file->package};
	const idl_path root = {.length = 0};
	idl_arena *arena = &loader->model->arena;

	file->n_enums = file->proto->n_enum_type;
	file->enums = idl_arena_array(arena, file->n_enums, sizeof(*file->enums));
	for (size_t i = 0; i < file->n_enums; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_ENUM, (int32_t)i);

		file->enums[i] = enter_enum(loader, &in, file->proto->enum_type[i], &path);
	}
	file->n_messages = file->proto->n_message_type;
	file->messages = idl_arena_array(arena, file->n_messages, sizeof(*file->messages));
	for (size_t i = 0; i < file->n_messages; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_MESSAGE, (int32_t)i);

		file->messages[i] = enter_message(loader, &in, file->proto->message_type[i], &path);
	}
}

idl_message *idl_load_find_message(const idl_loader *loader, const char *type_name)
{
	if (type_name == NULL || *type_name != '.')
		return NULL;
	return idl_table_find(&loader->model->message_table, type_name + 1);
}

/* The kind that C sees; false for a number that is no type. */
static bool kind_of(int wire_type, idl_kind *ret_kind)
{
	static const idl_kind kinds[] = {
		[1] = IDL_DOUBLE,  [2] = IDL_FLOAT,  [3] = IDL_INT64,    [4] = IDL_UINT64,
		[5] = IDL_INT32,   [6] = IDL_UINT64, [7] = IDL_UINT32,   [8] = IDL_BOOL,
		[9] = IDL_STRING,  [10] = IDL_GROUP, [11] = IDL_MESSAGE, [12] = IDL_BYTES,
		[13] = IDL_UINT32, [14] = IDL_ENUM,  [15] = IDL_INT32,   [16] = IDL_INT64,
		[17] = IDL_INT32,  [18] = IDL_INT64,
	};

	if (wire_type < 1 || wire_type >= (int)(sizeof(kinds) / sizeof(kinds[0])))
		return false;
	*ret_kind = kinds[wire_type];
	return true;
}

static bool resolve_type(const idl_loader *loader, idl_field *field)
{
	const field_proto *proto = field->proto;

	if (!proto->has_type || !kind_of((int)proto->type, &field->kind))
		return false;
	field->wire_type = (int)proto->type;
	if (field->kind == IDL_MESSAGE || field->kind == IDL_GROUP) {
		field->message = idl_load_find_message(loader, proto->type_name);
		return field->message != NULL;
	}
	if (field->kind == IDL_ENUM) {
		if (proto->type_name == NULL || *proto->type_name != '.')
			return false;
		field->enumeration =
			idl_table_find(&loader->model->enum_table, proto->type_name + 1);
		return field->enumeration != NULL;
	}
	return true;
}

static bool resolve_presence(const idl_message *m, idl_field *field)
{
	const field_proto *proto = field->proto;

	if (proto->has_oneof_index) {
		if (proto->oneof_index < 0 || (size_t)proto->oneof_index >= m->n_oneofs)
			return false;
		field->oneof = &m->oneofs[proto->oneof_index];
		m->oneofs[proto->oneof_index].n_fields++;
		m->oneofs[proto->oneof_index].synthetic =
			proto->has_proto3_optional && proto->proto3_optional;
	}
	if (proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		field->presence = IDL_REPEATED;
	else if (proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED)
		field->presence = IDL_REQUIRED;
	else if (field->oneof != NULL)
		field->presence = field->oneof->synthetic ? IDL_EXPLICIT : IDL_ONEOF;
	else if (!m->file->proto3 || field->kind == IDL_MESSAGE)
		field->presence = IDL_OPTIONAL;
	else
		field->presence = IDL_IMPLICIT;
	return field->oneof == NULL || field->presence == IDL_ONEOF ||
	       field->presence == IDL_EXPLICIT;
}

static void resolve_field(const idl_loader *loader, const idl_message *m, idl_field *field,
			  const field_proto *proto, const idl_path *path)
{
	*field = (idl_field){
		.name = proto->name,
		.number = proto->number,
		.deprecated = proto->options != NULL && proto->options->deprecated,
		.default_text = proto->default_value,
		.json_name = proto->json_name,
		.owner = m,
		.proto = proto,
	};
	field->place = idl_source_place(&loader->sources[m->file->index], path);
	if (!idl_is_identifier(field->name) || !resolve_type(loader, field) ||
	    !resolve_presence(m, field)) {
		idl_error(loader->diags, field->place,
			  MALFORMED "a field of %s has no proper name, type or label",
			  m->full_name);
		field->name = "?";
	}
}

/* protoc makes one for every `optional` of proto3, and for nothing else. */
static void check_synthetic(const idl_loader *loader, const idl_message *m)
{
	for (size_t i = 0; i < m->n_oneofs; i++) {
		if (m->oneofs[i].n_fields == 0 ||
		    (m->oneofs[i].synthetic && m->oneofs[i].n_fields != 1))
			idl_error(loader->diags, m->oneofs[i].place,
				  MALFORMED "the oneof %s.%s has no proper members", m->full_name,
				  m->oneofs[i].name);
	}
}

/* Two of one name, or one number, would be the same member, or the same bytes. */
static void check_unique(const idl_loader *loader, const idl_message *m)
{
	idl_arena arena = {0};
	idl_table names = {0};
	idl_table numbers = {0};

	for (size_t i = 0; i < m->n_fields; i++) {
		idl_field *field = &m->fields[i];
		const char *number = idl_arena_printf(&arena, "%d", field->number);

		if (field->number < 1)
			idl_error(loader->diags, field->place,
				  MALFORMED "the field %s.%s has the number %d", m->full_name,
				  field->name, field->number);
		if (idl_table_add(&names, &arena, field->name, field) != NULL ||
		    idl_table_add(&numbers, &arena, number, field) != NULL)
			idl_error(loader->diags, field->place,
				  MALFORMED "the field %s.%s = %d is there twice", m->full_name,
				  field->name, field->number);
	}
	for (size_t i = 0; i < m->n_oneofs; i++) {
		if (idl_table_add(&names, &arena, m->oneofs[i].name, &m->oneofs[i]) != NULL)
			idl_error(loader->diags, m->oneofs[i].place,
				  MALFORMED "%s.%s is there twice", m->full_name,
				  m->oneofs[i].name);
	}
	idl_arena_done(&arena);
}

static void resolve_message(idl_loader *loader, idl_message *m, const idl_path *path)
{
	const message_proto *proto = m->proto;
	idl_arena *arena = &loader->model->arena;

	m->n_oneofs = proto->n_oneof_decl;
	m->oneofs = idl_arena_array(arena, m->n_oneofs, sizeof(*m->oneofs));
	for (size_t i = 0; i < m->n_oneofs; i++) {
		idl_path oneof_path = idl_path_add(path, IDL_MESSAGE_ONEOF, (int32_t)i);

		m->oneofs[i].name = proto->oneof_decl[i]->name;
		m->oneofs[i].place =
			idl_source_place(&loader->sources[m->file->index], &oneof_path);
		if (!idl_is_identifier(m->oneofs[i].name)) {
			idl_error(loader->diags, m->oneofs[i].place,
				  MALFORMED "a oneof without a name");
			m->oneofs[i].name = "?";
		}
	}
	m->fields = idl_arena_array(arena, proto->n_field, sizeof(*m->fields));
	for (; m->n_fields < proto->n_field; m->n_fields++) {
		idl_path field_path = idl_path_add(path, IDL_MESSAGE_FIELD, (int32_t)m->n_fields);

		resolve_field(loader, m, &m->fields[m->n_fields], proto->field[m->n_fields],
			      &field_path);
	}
	check_unique(loader, m);
	check_synthetic(loader, m);
}

/* The message at `*index` and, after it, those nested in it. */
static void resolve_tree(idl_loader *loader, size_t *index, const idl_path *path)
{
	idl_message *m = loader->model->messages[(*index)++];

	resolve_message(loader, m, path);
	for (size_t i = 0; i < m->proto->n_nested_type; i++) {
		idl_path nested = idl_path_add(path, IDL_MESSAGE_NESTED, (int32_t)i);

		resolve_tree(loader, index, &nested);
	}
}

void idl_load_resolve_fields(idl_loader *loader, const idl_file *file)
{
	const idl_path root = {.length = 0};

	for (size_t i = 0; i < file->n_messages; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_MESSAGE, (int32_t)i);
		size_t index = file->messages[i]->index;

		resolve_tree(loader, &index, &path);
	}
}
