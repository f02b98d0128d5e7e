/*
 * closure.h - which files need which others.
 *
 * What a file imports and what it needs are two things: it may import only
 * options, or nothing that it uses, or get a type through `import public`. Here
 * counts what its fields, and perhaps its methods, really mention.
 */
#ifndef MQCALL_GENERATOR_CLOSURE_H
#define MQCALL_GENERATOR_CLOSURE_H

#include "idl/model.h"

/* One flag for each file of the model, by index. */
typedef struct closure {
	const idl_model *model;
	bool *files;
} closure;

closure closure_new(idl_arena *arena, const idl_model *model);

/* Mark the files whose types this file mentions, but not this one. */
void closure_add_needed(closure *c, const idl_file *file, bool by_methods);

/* Mark this file and all that it needs, and those need in turn. */
void closure_add_all(closure *c, const idl_file *file, bool by_methods);

/* How many are marked. */
size_t closure_count(const closure *c);

#endif
