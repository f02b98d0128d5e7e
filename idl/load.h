/*
 * load.h - descriptors in, a model out.
 */
#ifndef MQCALL_IDL_LOAD_H
#define MQCALL_IDL_LOAD_H

#include "diag.h"
#include "model.h"

/*
 * Build a model from the descriptors of files, each after those it imports. The
 * files called `names` are the ones that the user named. `shown` has for each of
 * `files` the name by which places in it are told, where that is another one than
 * protoc's; NULL where it is not. The model borrows all of this. What is
 * malformed is reported; the model is then only good for idl_model_free().
 */
idl_model *idl_load(idl_file_proto *const *files, size_t n_files, const char *const *names,
		    size_t n_names, const char *const *shown, idl_diags *diags);

/* Takes NULL. Returns NULL. */
idl_model *idl_model_free(idl_model *model);

/*
 * Parse a serialized FileDescriptorSet. Returns NULL when it is none, having
 * reported that of `file`. Free it with
 * google__protobuf__file_descriptor_set__free_unpacked(set, NULL).
 */
Google__Protobuf__FileDescriptorSet *idl_parse_set(const uint8_t *bytes, size_t size,
						   const char *file, idl_diags *diags);

#endif
