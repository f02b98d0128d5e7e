/*
 * rewrite.h - descriptors made fit for protoc-gen-c, and for reflection.
 */
#ifndef MQCALL_GENERATOR_REWRITE_H
#define MQCALL_GENERATOR_REWRITE_H

#include <stdint.h>

#include "idl/text.h"
#include "plan.h"

/* For a descriptor: protobuf-c does not write to the strings that it packs, but has no const. */
static inline char *rewrite_text(const char *string)
{
	return (char *)(uintptr_t)string;
}

/*
 * The file as protoc-gen-c is to see it: only messages and enums, by the names
 * of the plan, importing what they need and nothing else; proto3 `optional` as
 * the oneof that protoc made of it. The copy is shallow; new parts of it are the
 * arena's.
 */
idl_file_proto *rewrite_for_messages(const gen_plan *plan, idl_arena *arena, const idl_file *file,
				     bool comments);

/*
 * A serialized FileDescriptorSet of the file and all that it needs, as it was
 * written, without extensions, and with its comments if asked for.
 */
void rewrite_for_reflection(const idl_model *model, const idl_file *file, bool comments,
			    idl_text *set);

#endif
