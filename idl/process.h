/*
 * process.h - run another program: bytes in, bytes out.
 */
#ifndef MQCALL_IDL_PROCESS_H
#define MQCALL_IDL_PROCESS_H

#include <stddef.h>

#include "text.h"

/*
 * Run argv[0], found in PATH, with `input` on its standard input; what it
 * writes to standard output and standard error is added to `output` and
 * `errors`. Returns its exit status, 128 + n if signal n ended it, or a
 * negative errno if it could not be run (-ENOENT: there is no such program).
 */
int idl_process_run(char *const argv[], const void *input, size_t input_size, idl_text *output,
		    idl_text *errors);

#endif
