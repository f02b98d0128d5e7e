/*
 * depfile.h - what was written depends on what was read, as make reads it.
 */
#ifndef MQCALL_GENERATOR_DEPFILE_H
#define MQCALL_GENERATOR_DEPFILE_H

#include "input.h"
#include "outputs.h"

/* Returns 0, or -1 after having reported that it can't be written. */
int depfile_write(const cli *options, const gen_outputs *outputs, const input *in,
		  idl_diags *diags);

#endif
