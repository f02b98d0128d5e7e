/*
 * protoc.h - .proto files in, descriptors out: protoc reads them.
 */
#ifndef MQCALL_IDL_PROTOC_H
#define MQCALL_IDL_PROTOC_H

#include "diag.h"
#include "text.h"

typedef struct idl_protoc {
	const char *program;      /* "protoc", or another one */
	const char *const *paths; /* where .proto files and their imports are sought */
	size_t n_paths;
} idl_protoc;

/*
 * Let protoc parse `files`; a serialized FileDescriptorSet is added to `set`,
 * what protoc has to say about them to `diags`. Returns 0; a negative errno
 * when protoc could not be run; or 1 when the input is in error.
 */
int idl_protoc_run(const idl_protoc *protoc, const char *const *files, size_t n_files,
		   idl_text *set, idl_diags *diags);

/*
 * The name by which protoc knows a file that it was given: what leads to it from
 * the first path below which it lies. NULL when it lies below none of them.
 */
const char *idl_protoc_name(const idl_protoc *protoc, idl_arena *arena, const char *file);

/* Where a file that protoc knows by `name` lies on disk, or NULL. */
const char *idl_protoc_find(const idl_protoc *protoc, idl_arena *arena, const char *name);

#endif
