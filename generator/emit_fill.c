/*
 * emit_fill.c - parameters become the fields of a message.
 *
 * Of a request, in a function that the stubs of a method have in common; and of a
 * reply in what finishes a deferred call. The message only borrows what the
 * parameters point to.
 */
#include "emit.h"

static void emit_number_in(idl_text *text, const char *message, const gen_param *param)
{
	const char *member = param->names->member;

	if (param->field->presence == IDL_OPTIONAL)
		idl_text_addf(text,
			      "\tif (%s != NULL) {\n"
			      "\t\t%shas_%s = 1;\n"
			      "\t\t%s%s = *%s;\n"
			      "\t}\n",
			      param->name, message, member, message, member, param->name);
	else if (param->field->presence == IDL_EXPLICIT)
		idl_text_addf(text,
			      "\tif (%s != NULL) {\n"
			      "\t\t%s%s = %s;\n"
			      "\t\t%s%s = *%s;\n"
			      "\t}\n",
			      param->name, message, param->names->case_member,
			      param->names->case_value, message, member, param->name);
	else
		idl_text_addf(text, "\t%s%s = %s;\n", message, member, param->name);
}

/* Text and messages: a pointer that may be NULL says everything. */
static void emit_pointer_in(idl_text *text, const char *message, const gen_param *param)
{
	const char *member = param->names->member;

	if (param->field->presence == IDL_EXPLICIT)
		idl_text_addf(text,
			      "\tif (%s != NULL) {\n"
			      "\t\t%s%s = %s;\n"
			      "\t\t%s%s = (%s *)%s;\n"
			      "\t}\n",
			      param->name, message, param->names->case_member,
			      param->names->case_value, message, member, param->type, param->name);
	else
		idl_text_addf(text, "\t%s%s = (%s *)%s;\n", message, member, param->type,
			      param->name);
}

static void emit_bytes_in(idl_text *text, const char *message, const gen_param *param)
{
	const char *member = param->names->member;
	const char *indent = "\t";

	if (param->field->presence == IDL_OPTIONAL) {
		idl_text_addf(text, "\t%shas_%s = %s != NULL;\n", message, member, param->name);
	} else if (param->field->presence == IDL_EXPLICIT) {
		idl_text_addf(text, "\tif (%s != NULL) {\n\t\t%s%s = %s;\n", param->name, message,
			      param->names->case_member, param->names->case_value);
		indent = "\t\t";
	}
	idl_text_addf(text, "%s%s%s.data = (uint8_t *)%s;\n", indent, message, member, param->name);
	idl_text_addf(text, "%s%s%s.len = %s;\n", indent, message, member, param->count);
	if (param->field->presence == IDL_EXPLICIT)
		idl_text_add(text, "\t}\n");
}

static void emit_array_in(idl_text *text, const char *message, const gen_param *param)
{
	bool pointers = param->field->kind == IDL_STRING || param->field->kind == IDL_MESSAGE;

	idl_text_addf(text, "\t%s%s = (%s %s)%s;\n", message, param->names->member, param->type,
		      pointers ? "**" : "*", param->name);
	idl_text_addf(text, "\t%sn_%s = %s;\n", message, param->names->member, param->count);
}

static void emit_param(idl_text *text, const char *message, const gen_param *param)
{
	if (param->field->presence == IDL_REPEATED)
		emit_array_in(text, message, param);
	else if (param->field->kind == IDL_BYTES)
		emit_bytes_in(text, message, param);
	else if (param->field->kind == IDL_STRING || param->field->kind == IDL_MESSAGE)
		emit_pointer_in(text, message, param);
	else
		emit_number_in(text, message, param);
}

void emit_fill(idl_text *text, const char *message, const gen_param *params, size_t count)
{
	for (size_t i = 0; i < count; i++)
		emit_param(text, message, &params[i]);
}

void emit_filler(idl_text *text, const gen_method *method)
{
	idl_arena arena = {0};

	if (method->filler == NULL)
		return;
	idl_text_add(text, "\n");
	emit_filler_head(text, method);
	idl_text_add(text, "\n{\n");
	emit_fill(text, idl_arena_printf(&arena, "%s->", method->local_request), method->inputs,
		  method->n_inputs);
	idl_text_add(text, "}\n");
	idl_arena_done(&arena);
}
