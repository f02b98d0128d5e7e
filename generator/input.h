/*
 * input.h - .proto files or descriptor sets in, a checked model out.
 */
#ifndef MQCALL_GENERATOR_INPUT_H
#define MQCALL_GENERATOR_INPUT_H

#include "cli.h"
#include "idl/diag.h"
#include "idl/model.h"
#include "idl/protoc.h"

/* What was read: the descriptors, and the model made of them. */
typedef struct input {
	idl_arena arena;
	idl_protoc protoc;
	Google__Protobuf__FileDescriptorSet *set;
	idl_model *model;
} input;

/*
 * Read and check .proto files. Returns CLI_OK or another exit status; what is
 * wrong is in `diags`. With a model there is something to be named, even if it
 * breaks rules: so the user sees all errors at once.
 */
int input_read(input *in, const cli *options, const char *const *files, size_t n_files,
	       idl_diags *diags);

/*
 * Read one file of any kind: a .proto, or a serialized FileDescriptorSet, of
 * which every file with a service counts as named, or all if there is none.
 */
int input_read_any(input *in, const cli *options, const char *file, idl_diags *diags);

void input_done(input *in);

/* Report that a program could not be run. Returns the exit status for it. */
int input_report_program(idl_diags *diags, const char *program, const char *package, int error);

#endif
