/*
 * load_parts.h - what the loader's own files share.
 *
 * First every message and enum of every file is entered, so that types can be
 * found whatever the order; then fields and methods are resolved.
 */
#ifndef MQCALL_IDL_LOAD_PARTS_H
#define MQCALL_IDL_LOAD_PARTS_H

#include "load.h"
#include "source.h"

typedef struct idl_loader {
	idl_model *model;
	idl_diags *diags;
	idl_source *sources; /* one a file, by index */
} idl_loader;

/* Enter the file's types, at their final index. */
void idl_load_enter_types(idl_loader *loader, idl_file *file);

/* Resolve the fields of the file's messages. */
void idl_load_resolve_fields(idl_loader *loader, const idl_file *file);

/* List the file's extensions. */
void idl_load_extensions(idl_loader *loader, idl_file *file);

/* Build the file's services. */
void idl_load_services(idl_loader *loader, idl_file *file);

/* How many messages and enums there are in a file, nested ones too. */
void idl_load_count_types(const idl_file_proto *proto, size_t *messages, size_t *enums);

/* The message that a type name such as ".pkg.Name" means; NULL if none. */
idl_message *idl_load_find_message(const idl_loader *loader, const char *type_name);

#endif
