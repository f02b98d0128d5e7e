/*
 * load.c - descriptors in, a model out: the files.
 *
 * protoc has checked what it hands over, but a descriptor set may come from
 * anywhere; so nothing is taken for granted that would later crash the compiler
 * or end up in C as anything but a name.
 */
#include "load.h"

#include <stdlib.h>
#include <string.h>

#include "edition.h"
#include "load_parts.h"
#include "unpack.h"

/* A name that can be written into a comment, an #include and a path below -o. */
static bool is_file_name(const char *name)
{
	if (name == NULL || *name == '\0' || *name == '/')
		return false;
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || strchr("\"\\*?<>", *c) != NULL)
			return false;
	}
	for (const char *part = name;; part = strchr(part, '/') + 1) {
		if (strcmp(part, "..") == 0 || strncmp(part, "../", 3) == 0)
			return false;
		if (strchr(part, '/') == NULL)
			return true;
	}
}

static bool check_file(const idl_loader *loader, const idl_file_proto *proto)
{
	idl_place place = {.file = proto->name};
	const char *syntax = proto->syntax != NULL ? proto->syntax : "proto2";

	if (!is_file_name(proto->name)) {
		idl_error(
			loader->diags, (idl_place){0},
			"the name of a .proto file can't be used for C files: \"%s\"; use letters, "
			"digits, '_', '-', '.' and '/', and no \"..\"",
			proto->name != NULL ? proto->name : "");
		return false;
	}
	if (strcmp(syntax, "editions") == 0) {
		idl_error(loader->diags, place, IDL_EDITION_REFUSED);
		return false;
	}
	if (strcmp(syntax, "proto2") != 0 && strcmp(syntax, "proto3") != 0) {
		idl_error(loader->diags, place,
			  "syntax \"%s\" is not supported by protobuf-c; use \"proto3\" or "
			  "\"proto2\"",
			  syntax);
		return false;
	}
	if (proto->package != NULL && !idl_is_package(proto->package)) {
		idl_error(loader->diags, place, "malformed descriptor: package \"%s\"",
			  proto->package);
		return false;
	}
	return true;
}

static bool is_named(const char *name, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++) {
		if (name != NULL && strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool enter_file(idl_loader *loader, const idl_file_proto *proto, bool named,
		       const char *shown)
{
	idl_model *model = loader->model;
	idl_file *file = &model->files[model->n_files];

	if (!check_file(loader, proto))
		return false;
	*file = (idl_file){
		.name = proto->name,
		.package = proto->package != NULL ? proto->package : "",
		.proto3 = proto->syntax != NULL && strcmp(proto->syntax, "proto3") == 0,
		.named = named,
		.index = model->n_files,
		.proto = proto,
	};
	if (idl_table_add(&model->file_table, &model->arena, file->name, file) != NULL) {
		idl_error(loader->diags, (idl_place){.file = file->name},
			  "malformed descriptor: the file is there twice");
		return false;
	}
	idl_source_init(&loader->sources[file->index], &model->arena, shown, proto);
	model->n_files++;
	idl_load_enter_types(loader, file);
	return true;
}

static void resolve_files(idl_loader *loader)
{
	idl_model *model = loader->model;

	for (size_t i = 0; i < model->n_files; i++) {
		idl_load_resolve_fields(loader, &model->files[i]);
		idl_load_extensions(loader, &model->files[i]);
	}
	for (size_t i = 0; i < model->n_files; i++)
		idl_load_services(loader, &model->files[i]);
}

static void check_names_found(const idl_loader *loader, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++) {
		if (idl_model_file(loader->model, names[i]) == NULL)
			idl_error(loader->diags, (idl_place){.file = names[i]},
				  "the descriptors do not contain this file");
	}
}

idl_model *idl_load(idl_file_proto *const *files, size_t n_files, const char *const *names,
		    size_t n_names, const char *const *shown, idl_diags *diags)
{
	idl_model *model = idl_realloc(NULL, sizeof(*model));
	idl_loader loader = {.model = model, .diags = diags};
	size_t n_messages = 0;
	size_t n_enums = 0;
	bool good = true;

	*model = (idl_model){0};
	for (size_t i = 0; i < n_files; i++)
		idl_load_count_types(files[i], &n_messages, &n_enums);
	model->files = idl_arena_array(&model->arena, n_files, sizeof(*model->files));
	model->messages = idl_arena_array(&model->arena, n_messages, sizeof(*model->messages));
	model->enums = idl_arena_array(&model->arena, n_enums, sizeof(*model->enums));
	loader.sources = idl_arena_array(&model->arena, n_files, sizeof(*loader.sources));

	for (size_t i = 0; i < n_files; i++)
		good = enter_file(&loader, files[i], is_named(files[i]->name, names, n_names),
				  shown != NULL ? shown[i] : files[i]->name) &&
		       good;
	if (good) {
		resolve_files(&loader);
		check_names_found(&loader, names, n_names);
	}
	return model;
}

idl_model *idl_model_free(idl_model *model)
{
	if (model != NULL) {
		idl_arena_done(&model->arena);
		free(model);
	}
	return NULL;
}

Google__Protobuf__FileDescriptorSet *idl_parse_set(const uint8_t *bytes, size_t size,
						   const char *file, idl_diags *diags)
{
	enum {
		SET_FILE = 1
	};
	ProtobufCMessage *set = idl_unpack(&google__protobuf__file_descriptor_set__descriptor,
					   bytes, size, SET_FILE);

	if (set == NULL)
		idl_error(diags, (idl_place){.file = file},
			  "this is neither a .proto file nor a serialized FileDescriptorSet");
	return (Google__Protobuf__FileDescriptorSet *)set;
}
