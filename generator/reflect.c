/*
 * reflect.c - the descriptors that generated code carries.
 *
 * Of the file itself everything but its extensions, which C can't use, and
 * locations without a comment; of the files that it needs, only messages and
 * enums. Custom options stay, as unknown fields.
 */
#include "rewrite.h"

#include <string.h>

#include "idl/closure.h"

typedef Google__Protobuf__DescriptorProto message_proto;

static message_proto *strip_message(idl_arena *arena, const message_proto *former)
{
	message_proto *copy = idl_arena_alloc(arena, sizeof(*copy));

	*copy = *former;
	copy->n_extension = 0;
	copy->nested_type = idl_arena_array(arena, copy->n_nested_type, sizeof(*copy->nested_type));
	for (size_t i = 0; i < copy->n_nested_type; i++)
		copy->nested_type[i] = strip_message(arena, former->nested_type[i]);
	return copy;
}

static bool has_comment(const Google__Protobuf__SourceCodeInfo__Location *location)
{
	return location->leading_comments != NULL || location->trailing_comments != NULL ||
	       location->n_leading_detached_comments > 0;
}

static Google__Protobuf__SourceCodeInfo *
strip_locations(idl_arena *arena, const Google__Protobuf__SourceCodeInfo *former)
{
	Google__Protobuf__SourceCodeInfo *copy;

	if (former == NULL)
		return NULL;
	copy = idl_arena_alloc(arena, sizeof(*copy));
	google__protobuf__source_code_info__init(copy);
	copy->location = idl_arena_array(arena, former->n_location, sizeof(*copy->location));
	for (size_t i = 0; i < former->n_location; i++) {
		if (has_comment(former->location[i]))
			copy->location[copy->n_location++] = former->location[i];
	}
	return copy;
}

static void strip_dependencies(const idl_model *model, idl_arena *arena, const idl_file *file,
			       bool by_methods, idl_file_proto *copy)
{
	idl_closure needed = idl_closure_new(arena, model);

	idl_closure_add_needed(&needed, file, by_methods);
	copy->n_dependency = copy->n_public_dependency = copy->n_weak_dependency = 0;
	copy->dependency =
		idl_arena_array(arena, idl_closure_count(&needed), sizeof(*copy->dependency));
	for (size_t i = 0; i < model->n_files; i++) {
		if (needed.files[i])
			copy->dependency[copy->n_dependency++] = rewrite_text(model->files[i].name);
	}
}

/* `whole` is for the file itself: with services and, perhaps, comments. */
static idl_file_proto *strip_file(const idl_model *model, idl_arena *arena, const idl_file *file,
				  bool whole, bool comments)
{
	idl_file_proto *copy = idl_arena_alloc(arena, sizeof(*copy));

	*copy = *file->proto;
	copy->n_extension = 0;
	if (!whole)
		copy->n_service = 0;
	copy->source_code_info =
		whole && comments ? strip_locations(arena, file->proto->source_code_info) : NULL;
	copy->message_type =
		idl_arena_array(arena, copy->n_message_type, sizeof(*copy->message_type));
	for (size_t i = 0; i < copy->n_message_type; i++)
		copy->message_type[i] = strip_message(arena, file->proto->message_type[i]);
	strip_dependencies(model, arena, file, whole, copy);
	return copy;
}

void rewrite_for_reflection(const idl_model *model, const idl_file *file, bool comments,
			    idl_text *set)
{
	Google__Protobuf__FileDescriptorSet all = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
	idl_arena arena = {0};
	idl_closure needed = idl_closure_new(&arena, model);

	idl_closure_add_all(&needed, file, true);
	all.file = idl_arena_array(&arena, idl_closure_count(&needed), sizeof(*all.file));
	for (size_t i = 0; i < model->n_files; i++) {
		if (needed.files[i])
			all.file[all.n_file++] = strip_file(model, &arena, &model->files[i],
							    &model->files[i] == file, comments);
	}
	idl_text_reserve(set, google__protobuf__file_descriptor_set__get_packed_size(&all));
	set->size += google__protobuf__file_descriptor_set__pack(&all,
								 (uint8_t *)set->bytes + set->size);
	set->bytes[set->size] = '\0';
	idl_arena_done(&arena);
}
