/*
 * rewrite.c - descriptors made fit for protoc-gen-c.
 *
 * protoc-gen-c refuses proto3 `optional`, writes closure-style stubs for
 * services, includes the headers of imports that give nothing to C (options),
 * writes comments that end the comment they are put into, and lets fields and
 * types through whose names are keywords or equal in C. Instead of putting up
 * with that, it is given a file in which there is nothing of the kind.
 */
#include "rewrite.h"

#include <string.h>

#include "comment.h"
#include "defaults.h"
#include "idl/closure.h"
#include "idl/options.h"

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

/* protobuf-c's own options are the extension 1019 of files, messages and fields. */
enum {
	PB_C = 1019,
	PB_C_GEN_PACK_HELPERS = 2,
	PB_C_C_PACKAGE = 6,
	PB_C_STRING_AS_BYTES = 1
};

typedef struct rewriter {
	const gen_plan *plan;
	idl_arena *arena;
	const idl_file *file;
	size_t message; /* index of the next one, counted as the loader does */
	size_t enumeration;
	size_t n_defaults; /* that another value stands in for */
} rewriter;

/* An options message with an extension in it: the bytes after the tag. */
static void add_extension(rewriter *r, ProtobufCMessage *options, const void *bytes, size_t size)
{
	ProtobufCMessageUnknownField *field = idl_arena_alloc(r->arena, sizeof(*field));
	uint8_t *data = idl_arena_alloc(r->arena, size + 1);

	data[0] = (uint8_t)size; /* always short: a varint of one byte */
	memcpy(data + 1, bytes, size);
	*field = (ProtobufCMessageUnknownField){.tag = PB_C,
						.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
						.len = size + 1,
						.data = data};
	options->unknown_fields = field;
	options->n_unknown_fields = 1;
}

/* -------------------------------------------------------------- parts -- */

static Google__Protobuf__FieldOptions *rewrite_field_options(rewriter *r, const idl_field *field)
{
	const Google__Protobuf__FieldOptions *former = field->proto->options;
	Google__Protobuf__FieldOptions *options;

	if (former == NULL)
		return NULL;
	options = idl_arena_alloc(r->arena, sizeof(*options));
	google__protobuf__field_options__init(options);
	options->has_packed = former->has_packed;
	options->packed = former->packed;
	options->has_deprecated = former->has_deprecated;
	options->deprecated = former->deprecated;
	return options;
}

static const char *type_name_of(const rewriter *r, const idl_field *field)
{
	const gen_type_name *name = NULL;

	if (field->message != NULL)
		name = &r->plan->messages[field->message->index];
	if (field->enumeration != NULL)
		name = &r->plan->enums[field->enumeration->index];
	return name != NULL ? idl_arena_printf(r->arena, ".%s", name->proto_full_name) : NULL;
}

static field_proto *rewrite_field(rewriter *r, const idl_field *field, const gen_field_name *name)
{
	field_proto *copy = idl_arena_alloc(r->arena, sizeof(*copy));

	*copy = *field->proto;
	copy->name = rewrite_text(name->proto_name);
	copy->default_value = rewrite_text(defaults_told(r->arena, field, &r->n_defaults));
	copy->json_name = NULL;
	copy->type_name = rewrite_text(type_name_of(r, field));
	copy->has_proto3_optional = false;
	copy->proto3_optional = false;
	copy->options = rewrite_field_options(r, field);
	return copy;
}

static enum_proto *rewrite_enum(rewriter *r, const enum_proto *former)
{
	enum_proto *copy = idl_arena_alloc(r->arena, sizeof(*copy));
	const gen_type_name *name = &r->plan->enums[r->enumeration++];

	google__protobuf__enum_descriptor_proto__init(copy);
	copy->name = rewrite_text(name->proto_name);
	copy->n_value = former->n_value;
	copy->value = idl_arena_array(r->arena, former->n_value, sizeof(*copy->value));
	for (size_t i = 0; i < former->n_value; i++) {
		copy->value[i] = idl_arena_alloc(r->arena, sizeof(*copy->value[i]));
		google__protobuf__enum_value_descriptor_proto__init(copy->value[i]);
		copy->value[i]->name = former->value[i]->name;
		copy->value[i]->has_number = former->value[i]->has_number;
		copy->value[i]->number = former->value[i]->number;
	}
	if (former->options != NULL && former->options->allow_alias) {
		copy->options = idl_arena_alloc(r->arena, sizeof(*copy->options));
		google__protobuf__enum_options__init(copy->options);
		copy->options->has_allow_alias = true;
		copy->options->allow_alias = true;
	}
	return copy;
}

static void rewrite_fields(rewriter *r, message_proto *copy, const idl_message *message,
			   const gen_type_name *name)
{
	copy->field = idl_arena_array(r->arena, message->n_fields, sizeof(*copy->field));
	for (size_t i = 0; i < message->n_fields; i++) {
		/* protoc-gen-c would crash; the check has warned of it. */
		if (message->fields[i].kind != IDL_GROUP)
			copy->field[copy->n_field++] =
				rewrite_field(r, &message->fields[i], &name->fields[i]);
	}
	copy->n_oneof_decl = message->n_oneofs;
	copy->oneof_decl = idl_arena_array(r->arena, copy->n_oneof_decl, sizeof(*copy->oneof_decl));
	for (size_t i = 0; i < copy->n_oneof_decl; i++) {
		copy->oneof_decl[i] = idl_arena_alloc(r->arena, sizeof(*copy->oneof_decl[i]));
		google__protobuf__oneof_descriptor_proto__init(copy->oneof_decl[i]);
		copy->oneof_decl[i]->name = rewrite_text(name->oneofs[i]);
	}
}

static message_proto *rewrite_message(rewriter *r, const message_proto *former)
{
	message_proto *copy = idl_arena_alloc(r->arena, sizeof(*copy));
	const idl_message *message = r->plan->model->messages[r->message];
	const gen_type_name *name = &r->plan->messages[r->message++];

	google__protobuf__descriptor_proto__init(copy);
	copy->name = rewrite_text(name->proto_name);
	rewrite_fields(r, copy, message, name);
	copy->n_enum_type = former->n_enum_type;
	copy->enum_type = idl_arena_array(r->arena, copy->n_enum_type, sizeof(*copy->enum_type));
	for (size_t i = 0; i < copy->n_enum_type; i++)
		copy->enum_type[i] = rewrite_enum(r, former->enum_type[i]);
	copy->n_nested_type = former->n_nested_type;
	copy->nested_type =
		idl_arena_array(r->arena, copy->n_nested_type, sizeof(*copy->nested_type));
	for (size_t i = 0; i < copy->n_nested_type; i++)
		copy->nested_type[i] = rewrite_message(r, former->nested_type[i]);
	if (message->map_entry) {
		copy->options = idl_arena_alloc(r->arena, sizeof(*copy->options));
		google__protobuf__message_options__init(copy->options);
		copy->options->has_map_entry = true;
		copy->options->map_entry = true;
	}
	return copy;
}

/* --------------------------------------------------------------- file -- */

static void rewrite_dependencies(rewriter *r, idl_file_proto *copy)
{
	const idl_model *model = r->plan->model;
	idl_closure needed = idl_closure_new(r->arena, model);

	idl_closure_add_needed(&needed, r->file, false);
	copy->dependency =
		idl_arena_array(r->arena, idl_closure_count(&needed), sizeof(*copy->dependency));
	for (size_t i = 0; i < model->n_files; i++) {
		if (needed.files[i])
			copy->dependency[copy->n_dependency++] = rewrite_text(model->files[i].name);
	}
}

/*
 * Functions to pack and to free for nested messages too: what a call returns is
 * the caller's, who frees it with NAME__free_unpacked().
 */
static void rewrite_file_options(rewriter *r, idl_file_proto *copy)
{
	const char *package = r->plan->packages[r->file->index];
	idl_text bytes = {0};
	size_t length = strlen(package);

	copy->options = idl_arena_alloc(r->arena, sizeof(*copy->options));
	google__protobuf__file_options__init(copy->options);
	idl_text_addf(&bytes, "%c%c", PB_C_GEN_PACK_HELPERS << 3 | PROTOBUF_C_WIRE_TYPE_VARINT, 1);
	if (strcmp(package, r->file->package) != 0) {
		idl_text_addf(&bytes, "%c%c",
			      PB_C_C_PACKAGE << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
			      (int)length);
		idl_text_add(&bytes, package);
	}
	add_extension(r, (ProtobufCMessage *)copy->options, bytes.bytes, bytes.size);
	idl_text_done(&bytes);
}

static char *rewrite_comment(rewriter *r, const char *comment)
{
	if (comment == NULL || *comment == '\0')
		return NULL;
	return rewrite_text(comment_clean(r->arena, comment));
}

/* protoc-gen-c puts ' *' before each line of these. */
static void rewrite_comments(rewriter *r, idl_file_proto *copy)
{
	const Google__Protobuf__SourceCodeInfo *former = r->file->proto->source_code_info;
	Google__Protobuf__SourceCodeInfo *info;

	if (former == NULL)
		return;
	info = idl_arena_alloc(r->arena, sizeof(*info));
	google__protobuf__source_code_info__init(info);
	info->location = idl_arena_array(r->arena, former->n_location, sizeof(*info->location));
	for (size_t i = 0; i < former->n_location; i++) {
		const Google__Protobuf__SourceCodeInfo__Location *location = former->location[i];
		Google__Protobuf__SourceCodeInfo__Location *clean;

		if (location->leading_comments == NULL && location->trailing_comments == NULL)
			continue;
		clean = idl_arena_alloc(r->arena, sizeof(*clean));
		*clean = *location;
		clean->leading_comments = rewrite_comment(r, location->leading_comments);
		clean->trailing_comments = rewrite_comment(r, location->trailing_comments);
		clean->n_leading_detached_comments = 0;
		info->location[info->n_location++] = clean;
	}
	copy->source_code_info = info;
}

static void skip_to_file(rewriter *r)
{
	const idl_model *model = r->plan->model;

	while (r->message < model->n_messages && model->messages[r->message]->file != r->file)
		r->message++;
	while (r->enumeration < model->n_enums && model->enums[r->enumeration]->file != r->file)
		r->enumeration++;
}

idl_file_proto *rewrite_for_messages(const gen_plan *plan, idl_arena *arena, const idl_file *file,
				     bool comments)
{
	rewriter r = {.plan = plan, .arena = arena, .file = file};
	const idl_file_proto *former = file->proto;
	idl_file_proto *copy = idl_arena_alloc(arena, sizeof(*copy));

	google__protobuf__file_descriptor_proto__init(copy);
	copy->name = former->name;
	copy->package = former->package;
	copy->syntax = former->syntax;
	skip_to_file(&r);
	copy->n_enum_type = former->n_enum_type;
	copy->enum_type = idl_arena_array(arena, copy->n_enum_type, sizeof(*copy->enum_type));
	for (size_t i = 0; i < copy->n_enum_type; i++)
		copy->enum_type[i] = rewrite_enum(&r, former->enum_type[i]);
	copy->n_message_type = former->n_message_type;
	copy->message_type =
		idl_arena_array(arena, copy->n_message_type, sizeof(*copy->message_type));
	for (size_t i = 0; i < copy->n_message_type; i++)
		copy->message_type[i] = rewrite_message(&r, former->message_type[i]);
	rewrite_dependencies(&r, copy);
	rewrite_file_options(&r, copy);
	if (comments)
		rewrite_comments(&r, copy);
	return copy;
}
