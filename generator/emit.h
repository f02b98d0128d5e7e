/*
 * emit.h - a plan in, C out.
 *
 * One file an artifact: emit_header.c writes NAME.mqc.h; emit_source.c writes
 * NAME.mqc.c with the help of emit_tables.c (the constant tables), emit_stub.c
 * (the client's functions, whose common parts are emit_fill.c's and emit_take.c's),
 * emit_dispatch.c and emit_finish.c (the server's). They are handed a const plan
 * and cannot fail.
 */
#ifndef MQCALL_GENERATOR_EMIT_H
#define MQCALL_GENERATOR_EMIT_H

#include "idl/text.h"
#include "plan.h"

typedef struct emit_options {
	bool comments; /* those of the .proto are carried over */
} emit_options;

/* The two files. `reflection` is a serialized FileDescriptorSet. */
void emit_header(idl_text *text, const gen_file *file, const emit_options *options);
void emit_source(idl_text *text, const gen_file *file, const idl_text *reflection);

/* Their parts. */
void emit_descriptor(idl_text *text, const gen_file *file, const idl_text *reflection);
void emit_field_tables(idl_text *text, const gen_file *file);
void emit_tables(idl_text *text, const gen_file *file, const gen_service *service);
void emit_stubs(idl_text *text, const gen_service *service, const gen_method *method);
void emit_dispatch(idl_text *text, const gen_service *service);
void emit_finishers(idl_text *text, const gen_service *service);

/*
 * Parameters as a function has them going in, into the fields of a message: "reply.",
 * or "request->".
 */
void emit_fill(idl_text *text, const char *message, const gen_param *params, size_t count);

/* The static functions that put the parameters into a request, and take a reply apart. */
void emit_filler(idl_text *text, const gen_method *method);
void emit_taker(idl_text *text, const gen_method *method);
bool emit_taker_frees(const gen_method *method); /* does it call free()? */

/* Functions, as they are declared. Without the ';' that may follow. */
void emit_function_head(idl_text *text, const gen_method *method);
void emit_message_head(idl_text *text, const gen_method *method);
void emit_start_head(idl_text *text, const gen_method *method);
void emit_finish_head(idl_text *text, const gen_method *method);
void emit_start_message_head(idl_text *text, const gen_method *method);
void emit_finish_message_head(idl_text *text, const gen_method *method);
void emit_filler_head(idl_text *text, const gen_method *method);
void emit_taker_head(idl_text *text, const gen_method *method);
void emit_serve_head(idl_text *text, const char *name, const char *handlers);
void emit_finisher_head(idl_text *text, const gen_method *method);
void emit_finisher_message_head(idl_text *text, const gen_method *method);

/* A handler that a program defines: "static int handle_calc_add(...)". */
void emit_handler_head(idl_text *text, const gen_method *method);

/* Members of handler tables, with the ';'. */
void emit_function_member(idl_text *text, const gen_method *method);
void emit_message_member(idl_text *text, const gen_method *method);

/* ------------------------------------------------ how text is laid out -- */

enum {
	EMIT_WIDTH = 100
};

/*
 * Parts in parentheses after `head`, broken into lines below the parenthesis
 * where they get too long. The text must be at the beginning of a line, which
 * `head` may indent.
 */
typedef struct emit_list {
	const char *parts[96];
	size_t count;
} emit_list;

void emit_list_add(emit_list *list, const char *part);
void emit_list_write(idl_text *text, const char *head, const emit_list *list, const char *tail);

/* A comment of a .proto, made harmless; nothing where it is empty. */
void emit_comment(idl_text *text, const char *comment, const char *indent);

#endif
