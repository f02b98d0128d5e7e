/*
 * messages.h - the messages' own C, written by protoc-gen-c.
 */
#ifndef MQCALL_GENERATOR_MESSAGES_H
#define MQCALL_GENERATOR_MESSAGES_H

#include "outputs.h"
#include "plan.h"

typedef struct gen_messages_options {
	const char *program; /* "protoc-gen-c", or another one */
	bool comments;
} gen_messages_options;

/*
 * Let protoc-gen-c write NAME.pb-c.h and NAME.pb-c.c for the files that are
 * marked (by their index in the model). Returns 0; a negative errno when it
 * could not be run; or 1 after having reported what it complained about.
 */
int gen_messages(const gen_plan *plan, const bool *marked, const gen_messages_options *options,
		 gen_outputs *outputs, idl_diags *diags);

#endif
