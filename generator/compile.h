/*
 * compile.h - what mqcallc does when it is called by that name.
 */
#ifndef MQCALL_GENERATOR_COMPILE_H
#define MQCALL_GENERATOR_COMPILE_H

#include "cli.h"
#include "idl/diag.h"
#include "idl/model.h"
#include "idl/protoc.h"

/* .proto files that were read: the descriptors, and the model made of them. */
typedef struct compile_input {
	idl_arena arena;
	idl_protoc protoc;
	Google__Protobuf__FileDescriptorSet *set;
	idl_model *model;
} compile_input;

/*
 * Read and check `files`, each a .proto file, or a serialized FileDescriptorSet
 * where `sets` allows that. Returns CLI_OK or another exit status; what is wrong
 * is in `diags`.
 */
int compile_read(compile_input *input, const cli *options, const char *const *files, size_t n_files,
		 idl_diags *diags);
void compile_input_done(compile_input *input);

/* All of it, for the modes that generate. Returns the exit status. */
int compile(const cli *options, idl_diags *diags);

/* Report that a program could not be run. Returns the exit status for it. */
int compile_report_program(idl_diags *diags, const char *program, const char *package, int error);

#endif
