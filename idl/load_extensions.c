/*
 * load_extensions.c - descriptors in, a model out: extensions, which are declared
 * in files and in messages of any depth.
 */
#include "load_parts.h"

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

static size_t count(const message_proto *proto)
{
	size_t n = proto->n_extension;

	for (size_t i = 0; i < proto->n_nested_type; i++)
		n += count(proto->nested_type[i]);
	return n;
}

static void add(idl_loader *loader, idl_file *file, const field_proto *proto, const idl_path *path)
{
	idl_place place = idl_source_place(&loader->sources[file->index], path);

	if (!idl_is_identifier(proto->name) || proto->extendee == NULL ||
	    proto->extendee[0] != '.') {
		idl_error(loader->diags, place, "malformed descriptor: an extension of nothing");
		return;
	}
	file->extensions[file->n_extensions++] = (idl_extension){
		.name = proto->name, .extendee = proto->extendee + 1, .place = place};
}

static void add_nested(idl_loader *loader, idl_file *file, const message_proto *proto,
		       const idl_path *path)
{
	for (size_t i = 0; i < proto->n_extension; i++) {
		idl_path longer = idl_path_add(path, IDL_MESSAGE_EXTENSION, (int32_t)i);

		add(loader, file, proto->extension[i], &longer);
	}
	for (size_t i = 0; i < proto->n_nested_type; i++) {
		idl_path longer = idl_path_add(path, IDL_MESSAGE_NESTED, (int32_t)i);

		add_nested(loader, file, proto->nested_type[i], &longer);
	}
}

void idl_load_extensions(idl_loader *loader, idl_file *file)
{
	const idl_file_proto *proto = file->proto;
	const idl_path root = {.length = 0};
	size_t n = proto->n_extension;

	for (size_t i = 0; i < proto->n_message_type; i++)
		n += count(proto->message_type[i]);
	file->extensions = idl_arena_array(&loader->model->arena, n, sizeof(*file->extensions));
	for (size_t i = 0; i < proto->n_extension; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_EXTENSION, (int32_t)i);

		add(loader, file, proto->extension[i], &path);
	}
	for (size_t i = 0; i < proto->n_message_type; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_MESSAGE, (int32_t)i);

		add_nested(loader, file, proto->message_type[i], &path);
	}
}
