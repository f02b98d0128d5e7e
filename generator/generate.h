/*
 * generate.h - a model in, all output files out.
 */
#ifndef MQCALL_GENERATOR_GENERATE_H
#define MQCALL_GENERATOR_GENERATE_H

#include "messages.h"
#include "outputs.h"
#include "plan.h"

typedef struct generate_options {
	const char *protoc_gen_c;
	bool comments;     /* carry those of the .proto over */
	bool messages;     /* write the messages' own C too */
	bool with_imports; /* that of every imported file, not only of protobuf's own */
} generate_options;

/* The names of the files, in the order in which generate() adds them. */
void generate_names(const gen_plan *plan, const generate_options *options, gen_outputs *names);

/* Returns 0; a negative errno when protoc-gen-c could not be run; 1 after errors. */
int generate(const gen_plan *plan, const generate_options *options, gen_outputs *outputs,
	     idl_diags *diags);

#endif
