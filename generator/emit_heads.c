/*
 * emit_heads.c - functions and handlers as they are declared.
 *
 * The same parameters stand in the header, in the source and, as seen from the
 * other side, in the handler tables.
 */
#include "emit.h"

#include <string.h>

/* Declarators are made up here and only live as long as the list. */
typedef struct declaration {
	idl_arena arena;
	emit_list list;
} declaration;

#define ADD(d, ...) emit_list_add(&(d)->list, idl_arena_printf(&(d)->arena, __VA_ARGS__))

static void write_declaration(idl_text *text, const char *head, declaration *d, const char *tail)
{
	emit_list_write(text, head, &d->list, tail);
	idl_arena_done(&d->arena);
}

static void add_input(declaration *d, const gen_param *param)
{
	const idl_field *field = param->field;

	if (field->presence == IDL_REPEATED) {
		bool pointers = field->kind == IDL_STRING || field->kind == IDL_MESSAGE;

		ADD(d, "const %s *%s%s", param->type, pointers ? "const *" : "", param->name);
		ADD(d, "size_t %s", param->count);
		return;
	}
	switch (field->kind) {
	case IDL_STRING:
	case IDL_MESSAGE:
		ADD(d, "const %s *%s", param->type, param->name);
		break;
	case IDL_BYTES:
		ADD(d, "const uint8_t *%s", param->name);
		ADD(d, "size_t %s", param->count);
		break;
	default:
		if (idl_field_may_be_absent(field))
			ADD(d, "const %s *%s", param->type, param->name);
		else
			ADD(d, "%s %s", param->type, param->name);
		break;
	}
}

/*
 * To the caller, text and bytes are new and belong to it; from a handler they
 * are only read.
 */
static void add_output(declaration *d, const gen_param *param, bool handler)
{
	const idl_field *field = param->field;
	const char *qualifier = handler ? "const " : "";

	if (param->has != NULL)
		ADD(d, "bool *%s", param->has);
	if (field->presence == IDL_REPEATED) {
		bool pointers = field->kind == IDL_STRING || field->kind == IDL_MESSAGE;

		ADD(d, "%s **%s%s", param->type, pointers ? "*" : "", param->name);
		ADD(d, "size_t *%s", param->count);
		return;
	}
	switch (field->kind) {
	case IDL_STRING:
		ADD(d, "%schar **%s", qualifier, param->name);
		break;
	case IDL_BYTES:
		ADD(d, "%suint8_t **%s", qualifier, param->name);
		ADD(d, "size_t *%s", param->count);
		break;
	case IDL_MESSAGE:
		ADD(d, "%s **%s", param->type, param->name);
		break;
	default:
		ADD(d, "%s *%s", param->type, param->name);
		break;
	}
}

static void add_inputs(declaration *d, const gen_method *method)
{
	for (size_t i = 0; i < method->n_inputs; i++)
		add_input(d, &method->inputs[i]);
}

static void add_outputs(declaration *d, const gen_method *method, bool handler)
{
	for (size_t i = 0; i < method->n_outputs; i++)
		add_output(d, &method->outputs[i], handler);
}

static void add_params(declaration *d, const gen_method *method, bool handler)
{
	add_inputs(d, method);
	add_outputs(d, method, handler);
}

static const char *head_of(declaration *d, const char *name)
{
	return idl_arena_printf(&d->arena, "int %s", name);
}

static const char *member_of(declaration *d, const char *name)
{
	return idl_arena_printf(&d->arena, "\tint (*%s)", name);
}

void emit_function_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_client *client");
	add_params(&d, method, false);
	write_declaration(text, head_of(&d, method->name), &d, ")");
}

static void add_message_inputs(declaration *d, const gen_method *method)
{
	ADD(d, "mqc_client *client");
	ADD(d, "const mqc_call_options *options");
	if (!method->request_is_empty)
		ADD(d, "const %s *request", method->request->type);
}

void emit_message_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	add_message_inputs(&d, method);
	if (!method->reply_is_empty)
		ADD(&d, "%s **ret_reply", method->reply->type);
	write_declaration(text, head_of(&d, method->msg_name), &d, ")");
}

/* ------------------------------------------------ asynchronous calls -- */

void emit_start_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_client *client");
	add_inputs(&d, method);
	ADD(&d, "mqc_ended %s", method->local_ended);
	ADD(&d, "void *%s", method->local_data);
	ADD(&d, "mqc_pending **%s", method->local_pending);
	write_declaration(text, head_of(&d, method->start), &d, ")");
}

void emit_finish_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_pending *pending");
	add_outputs(&d, method, false);
	write_declaration(text, head_of(&d, method->finish), &d, ")");
}

void emit_start_message_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	add_message_inputs(&d, method);
	ADD(&d, "mqc_ended ended");
	ADD(&d, "void *data");
	ADD(&d, "mqc_pending **ret_pending");
	write_declaration(text, head_of(&d, method->start_msg), &d, ")");
}

void emit_finish_message_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_pending *pending");
	if (!method->reply_is_empty)
		ADD(&d, "%s **ret_reply", method->reply->type);
	write_declaration(text, head_of(&d, method->finish_msg), &d, ")");
}

/* -------------------------------------- what the stubs have in common -- */

void emit_filler_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "%s *%s", method->request->type, method->local_request);
	add_inputs(&d, method);
	write_declaration(text, idl_arena_printf(&d.arena, "static void %s", method->filler), &d,
			  ")");
}

void emit_taker_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "%s%s *%s", method->reply_is_flat ? "const " : "", method->reply->type,
	    method->local_reply);
	add_outputs(&d, method, false);
	write_declaration(text,
			  idl_arena_printf(&d.arena, "static %s %s",
					   method->reply_is_flat ? "void" : "int", method->taker),
			  &d, ")");
}

/* ------------------------------------------------------------- servers -- */

void emit_serve_head(idl_text *text, const char *name, const char *handlers)
{
	declaration d = {0};

	ADD(&d, "mqc_server *server");
	ADD(&d, "const %s *handlers", handlers);
	ADD(&d, "void *self");
	write_declaration(text, head_of(&d, name), &d, ")");
}

void emit_finisher_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_call *call");
	for (size_t i = 0; i < method->n_answers; i++)
		add_input(&d, &method->answers[i]);
	write_declaration(text, head_of(&d, method->finisher), &d, ")");
}

void emit_finisher_message_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	ADD(&d, "mqc_call *call");
	if (!method->reply_is_empty)
		ADD(&d, "const %s *reply", method->reply->type);
	write_declaration(text, head_of(&d, method->finisher_msg), &d, ")");
}

static void add_handler(declaration *d, const gen_method *method, bool function_form)
{
	ADD(d, "void *self");
	ADD(d, "mqc_call *call");
	if (function_form) {
		add_params(d, method, true);
		return;
	}
	if (!method->request_is_empty)
		ADD(d, "const %s *request", method->request->type);
	if (!method->reply_is_empty)
		ADD(d, "%s *reply", method->reply->type);
}

void emit_function_member(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	add_handler(&d, method, true);
	write_declaration(text, member_of(&d, method->member), &d, ");\n");
}

void emit_message_member(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	add_handler(&d, method, false);
	write_declaration(text, member_of(&d, method->member), &d, ");\n");
}

void emit_handler_head(idl_text *text, const gen_method *method)
{
	declaration d = {0};

	add_handler(&d, method, method->form_reason == NULL);
	write_declaration(text, idl_arena_printf(&d.arena, "static int handle_%s", method->name),
			  &d, ")");
}
