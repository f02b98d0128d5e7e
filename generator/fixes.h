/*
 * fixes.h - what protoc-gen-c writes that does not compile cleanly.
 */
#ifndef MQCALL_GENERATOR_FIXES_H
#define MQCALL_GENERATOR_FIXES_H

#include "outputs.h"
#include "plan.h"

/* Put the messages' C of a file right: that of its header and of its source. */
void fixes_apply(const gen_plan *plan, const idl_file *file, gen_outputs *outputs);

#endif
