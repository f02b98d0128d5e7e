/*
 * defaults.h - default values of proto2, which protoc-gen-c does not write as they are.
 */
#ifndef MQCALL_GENERATOR_DEFAULTS_H
#define MQCALL_GENERATOR_DEFAULTS_H

#include "idl/model.h"
#include "idl/text.h"

/*
 * The default value that protoc-gen-c is told of; NULL where there is none. To
 * be asked for all fields of a file, in the model's order, with the same count,
 * which begins at 0.
 */
const char *defaults_told(idl_arena *arena, const idl_field *field, size_t *count);

/* Put the values right in what protoc-gen-c has written for a file. */
void defaults_fix(const idl_model *model, const idl_file *file, idl_text *header, idl_text *source);

#endif
