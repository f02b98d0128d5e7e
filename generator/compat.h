/*
 * compat.h - what a new version of a service breaks.
 *
 * Three classes:
 *
 *   wire       programs of both versions no longer understand each other
 *   source     callers or handlers no longer compile
 *   behaviour  both still work, but do something else
 *
 * What is added breaks nothing, except that a field more is a parameter more of
 * the function form: that is a change of the source.
 */
#ifndef MQCALL_GENERATOR_COMPAT_H
#define MQCALL_GENERATOR_COMPAT_H

#include "cli.h"
#include "idl/diag.h"
#include "idl/text.h"
#include "plan.h"

/* Compare the two files of the command line; findings go to standard output. */
int compat_check(const cli *options, idl_diags *diags);

/* Add a line for each finding to `text`. Returns how many there are. */
size_t compat_compare(const gen_plan *former, const gen_plan *present, idl_text *text);

/* --------------------------------------------------- between its files -- */

typedef enum compat_class {
	COMPAT_WIRE,
	COMPAT_SOURCE,
	COMPAT_BEHAVIOUR
} compat_class;

typedef struct compat_pair {
	const idl_message *former;
	const idl_message *present;
} compat_pair;

typedef struct compat {
	const gen_plan *former;
	const gen_plan *present;
	idl_arena arena;
	idl_table seen;       /* pairs of types met already: "former present" */
	compat_pair *waiting; /* those that are still to be compared */
	size_t n_waiting;
	size_t capacity;
	idl_text *text;
	size_t count;
} compat;

void compat_report(compat *c, compat_class class, idl_place place, const char *format, ...)
	MQC_PRINTF(4, 5);

/* Compare two types, each pair once; `present` is NULL where it is gone. */
void compat_enum(compat *c, const idl_enum *former, const idl_enum *present);
/* Messages only wait, as what they contain may go deep, ... */
void compat_message(compat *c, const idl_message *former, const idl_message *present);
/* ... for this. */
void compat_follow(compat *c);

#endif
