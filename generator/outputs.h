/*
 * outputs.h - the files that are going to be written.
 *
 * They are made in memory, all of them, before the first is written: an error
 * leaves the directory as it was. So does one in writing them: all are written
 * beside their places first, and moved by rename() when all are there. One is not
 * touched where it has the same content already, so that what is built from it is
 * not built again. A link stays, and what it leads to is replaced; a device is
 * written to as it is; a FIFO, or a directory, is refused.
 */
#ifndef MQCALL_GENERATOR_OUTPUTS_H
#define MQCALL_GENERATOR_OUTPUTS_H

#include "idl/arena.h"
#include "idl/diag.h"
#include "idl/text.h"

typedef struct gen_output {
	const char *name; /* below the output directory */
	idl_text content;
} gen_output;

typedef struct gen_outputs {
	idl_arena arena;
	gen_output *list;
	size_t count;
	size_t capacity;
} gen_outputs;

/* One that is all zero is empty. */
void gen_outputs_done(gen_outputs *outputs);

/* A new file; its content, to be added to before the next call. */
idl_text *gen_outputs_add(gen_outputs *outputs, const char *name);

/* The one of that name, or NULL. */
gen_output *gen_outputs_find(const gen_outputs *outputs, const char *name);

/*
 * Write them below `directory`, which is made if it is missing. Returns 0, or -1
 * after having reported what could not be written.
 */
int gen_outputs_write(const gen_outputs *outputs, const char *directory, idl_diags *diags);

/* Write one file, whatever directory it is in. */
int gen_output_write(const char *path, const idl_text *content, idl_diags *diags);

#endif
