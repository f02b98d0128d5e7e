/*
 * diag.h - what is wrong with the input, and where.
 *
 * The passes report what they find and go on; the command line prints it all,
 * in the order of the input:
 *
 *	calc.proto:12:3: error: text
 *
 * A text says what is wrong and what to do about it.
 */
#ifndef MQCALL_IDL_DIAG_H
#define MQCALL_IDL_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "arena.h"
#include "text.h"

/* A place in the input. Lines and columns count from 1; 0 is unknown. */
typedef struct idl_place {
	const char *file; /* NULL: of no file */
	int line;
	int column;
} idl_place;

typedef enum idl_severity {
	IDL_ERROR,
	IDL_WARNING
} idl_severity;

typedef struct idl_diag {
	idl_severity severity;
	idl_place place;
	const char *text;
	struct idl_diag *next;
} idl_diag;

typedef struct idl_diags {
	idl_arena arena;
	idl_diag *first;
	idl_diag *last;
	size_t n_errors;
	size_t n_warnings;
} idl_diags;

/* One that is all zero is empty. */
void idl_diags_done(idl_diags *diags);

void idl_error(idl_diags *diags, idl_place place, const char *format, ...) MQC_PRINTF(3, 4);
void idl_warning(idl_diags *diags, idl_place place, const char *format, ...) MQC_PRINTF(3, 4);

/*
 * Take over what protoc said: lines of "file:line:col: text", with "warning: "
 * before the text of those that are no errors. Nothing is one if it succeeded.
 */
void idl_diags_add_protoc(idl_diags *diags, const char *said, bool succeeded);

/* Put `shown` in place of a file's name, wherever a place has it. */
void idl_diags_rename(idl_diags *diags, const char *file, const char *shown);

/* An error instead of all that was said about a file. */
void idl_diags_replace(idl_diags *diags, idl_place place, const char *text);

/* All of it: by file in the order they first appear, then by line and column. */
void idl_diags_format(const idl_diags *diags, idl_text *text);

/* "file:line:col", for texts that name a second place. */
const char *idl_place_string(idl_arena *arena, idl_place place);

#endif
