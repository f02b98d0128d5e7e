/*
 * closure.h - which files need which others.
 *
 * What a file imports and what it needs are two things: it may import only
 * options, or nothing that it uses, or get a type through `import public`. Here
 * counts what its fields, and perhaps its methods, really mention.
 */
#ifndef MQCALL_IDL_CLOSURE_H
#define MQCALL_IDL_CLOSURE_H

#include "model.h"

/* One flag for each file of the model, by index. */
typedef struct idl_closure {
	const idl_model *model;
	bool *files;
} idl_closure;

idl_closure idl_closure_new(idl_arena *arena, const idl_model *model);

/* Mark the files whose types this file mentions, but not this one. */
void idl_closure_add_needed(idl_closure *c, const idl_file *file, bool by_methods);

/* Mark this file and all that it needs, and those need in turn. */
void idl_closure_add_all(idl_closure *c, const idl_file *file, bool by_methods);

/* The same for several files, which `files` has by index, at the cost of one. */
void idl_closure_add_several(idl_closure *c, const bool *files, bool by_methods);

/*
 * Mark the files whose messages are to be written in C: those that the user
 * named and, of what they need, protobuf's own, which no library has; or all of
 * it, `with_imports`.
 */
void idl_closure_add_written(idl_closure *c, bool with_imports);

/* How many are marked. */
size_t idl_closure_count(const idl_closure *c);

#endif
