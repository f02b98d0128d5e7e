/*
 * compile.h - what mqcallc does when it is called by that name.
 */
#ifndef MQCALL_GENERATOR_COMPILE_H
#define MQCALL_GENERATOR_COMPILE_H

#include "cli.h"
#include "idl/diag.h"

/* Do what the command line says. Returns the exit status. */
int compile(const cli *options, idl_diags *diags);

#endif
