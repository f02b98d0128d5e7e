/*
 * skeleton_client.c - programs to start from: the client.
 *
 * Each method is called in a function of its own, with zero or NULL for every
 * input, and what it returns is freed as its owner must.
 */
#include "skeleton.h"

#include "emit.h"

/* ---------------------------------------------------- the function form -- */

static const char *stars_of(const idl_field *field)
{
	bool pointer = field->kind == IDL_STRING || field->kind == IDL_MESSAGE;

	if (field->presence == IDL_REPEATED)
		return pointer ? "**" : "*";
	return pointer || field->kind == IDL_BYTES ? "*" : "";
}

static const char *zero_of(const idl_field *field)
{
	if (*stars_of(field) != '\0')
		return "NULL";
	if (field->kind == IDL_BOOL)
		return "false";
	return field->kind == IDL_FLOAT || field->kind == IDL_DOUBLE ? "0.0" : "0";
}

static void emit_output_variables(idl_text *text, const gen_method *method)
{
	for (size_t i = 0; i < method->n_outputs; i++) {
		const gen_param *param = &method->outputs[i];

		if (param->has != NULL)
			idl_text_addf(text, "\tbool %s = false;\n", param->has);
		if (param->field->kind == IDL_ENUM && param->field->presence != IDL_REPEATED)
			idl_text_addf(text, "\t%s %s = (%s)0;\n", param->type, param->name,
				      param->type);
		else
			idl_text_addf(text, "\t%s %s%s = %s;\n", param->type,
				      stars_of(param->field), param->name, zero_of(param->field));
		if (param->count != NULL)
			idl_text_addf(text, "\tsize_t %s = 0;\n", param->count);
	}
}

/* NULL stands for whatever may be absent. */
static void add_input(emit_list *list, idl_arena *arena, const gen_param *param)
{
	const idl_field *field = param->field;
	bool absent = field->presence == IDL_OPTIONAL || field->presence == IDL_EXPLICIT;

	if (absent || *stars_of(field) != '\0')
		emit_list_add(list, "NULL");
	else if (field->kind == IDL_ENUM)
		emit_list_add(list, idl_arena_printf(arena, "(%s)0", param->type));
	else
		emit_list_add(list, zero_of(field));
	if (param->count != NULL)
		emit_list_add(list, "0");
}

static void emit_call(idl_text *text, const gen_method *method)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	emit_list_add(&list, "client");
	for (size_t i = 0; i < method->n_inputs; i++)
		add_input(&list, &arena, &method->inputs[i]);
	for (size_t i = 0; i < method->n_outputs; i++) {
		const gen_param *param = &method->outputs[i];

		if (param->has != NULL)
			emit_list_add(&list, idl_arena_printf(&arena, "&%s", param->has));
		emit_list_add(&list, idl_arena_printf(&arena, "&%s", param->name));
		if (param->count != NULL)
			emit_list_add(&list, idl_arena_printf(&arena, "&%s", param->count));
	}
	emit_list_write(text, idl_arena_printf(&arena, "\tr = %s", method->name), &list, ");\n");
	idl_arena_done(&arena);
}

static void emit_free_elements(idl_text *text, const gen_param *param)
{
	const char *name = param->name;

	idl_text_addf(text, "\tfor (size_t i = 0; i < %s; i++)\n", param->count);
	if (param->field->kind == IDL_STRING)
		idl_text_addf(text, "\t\tfree(%s[i]);\n", name);
	else if (param->field->kind == IDL_BYTES)
		idl_text_addf(text, "\t\tfree(%s[i].data);\n", name);
	else
		idl_text_addf(
			text,
			"\t\tprotobuf_c_message_free_unpacked((ProtobufCMessage *)%s[i], NULL);\n",
			name);
}

static void emit_free(idl_text *text, const gen_param *param)
{
	const idl_field *field = param->field;

	if (*stars_of(field) == '\0')
		return;
	if (field->presence == IDL_REPEATED) {
		if (field->kind == IDL_STRING || field->kind == IDL_BYTES ||
		    field->kind == IDL_MESSAGE)
			emit_free_elements(text, param);
		idl_text_addf(text, "\tfree(%s);\n", param->name);
	} else if (field->kind == IDL_MESSAGE) {
		idl_text_addf(text,
			      "\tprotobuf_c_message_free_unpacked((ProtobufCMessage *)%s, NULL);\n",
			      param->name);
	} else {
		idl_text_addf(text, "\tfree(%s);\n", param->name);
	}
}

/* ----------------------------------------------------- the message form -- */

static void emit_message_call(idl_text *text, const gen_method *method)
{
	/* A function, as the macro has warnings of deprecated fields come here. */
	if (!method->request_is_empty)
		idl_text_addf(text, "\t%s__init(&request);\n", method->request->lower);
	idl_text_addf(text, "\tr = %s(client, NULL%s%s);\n", method->msg_name,
		      method->request_is_empty ? "" : ", &request",
		      method->reply_is_empty ? "" : ", &reply");
	if (!method->reply_is_empty)
		idl_text_add(
			text,
			"\tprotobuf_c_message_free_unpacked((ProtobufCMessage *)reply, NULL);\n");
}

static void emit_message_variables(idl_text *text, const gen_method *method)
{
	if (!method->request_is_empty)
		idl_text_addf(text, "\t%s request;\n", method->request->type);
	if (!method->reply_is_empty)
		idl_text_addf(text, "\t%s *reply = NULL;\n", method->reply->type);
}

/* --------------------------------------------------------- the program -- */

static void emit_caller(idl_text *text, const gen_method *method)
{
	bool function_form = method->form_reason == NULL;

	/* clang knows this pragma by the same name. */
	if (method->method->deprecated)
		idl_text_add(text, "\n/* It is deprecated. */\n"
				   "#pragma GCC diagnostic push\n"
				   "#pragma GCC diagnostic ignored "
				   "\"-Wdeprecated-declarations\"");
	idl_text_addf(text, "\nstatic int call_%s(mqc_client *client)\n{\n", method->name);
	if (function_form)
		emit_output_variables(text, method);
	else
		emit_message_variables(text, method);
	idl_text_add(text, "\tint r;\n\n");
	if (function_form) {
		emit_call(text, method);
		for (size_t i = 0; i < method->n_outputs; i++)
			emit_free(text, &method->outputs[i]);
	} else {
		emit_message_call(text, method);
	}
	idl_text_add(text, "\treturn r;\n}\n");
	if (method->method->deprecated)
		idl_text_add(text, "#pragma GCC diagnostic pop\n");
}

static void emit_main(idl_text *text, const gen_file *file)
{
	idl_text_add(text,
		     "\nstatic void report(const char *method, int r)\n"
		     "{\n"
		     "\tprintf(\"%s: %s\\n\", method, r < 0 ? mqc_error_last()->text : \"OK\");\n"
		     "}\n"
		     "\nint main(int argc, char **argv)\n{\n");
	idl_text_addf(text, "\tconst char *endpoint = argc > 1 ? argv[1] : \"%s\";\n",
		      skeleton_endpoint(file));
	idl_text_add(text, "\tmqc_client *client = NULL;\n\n"
			   "\tif (mqc_client_open(endpoint, NULL, &client) < 0) {\n"
			   "\t\tfprintf(stderr, \"%s: %s\\n\", argv[0], mqc_error_last()->text);\n"
			   "\t\treturn EXIT_FAILURE;\n"
			   "\t}\n");
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			const gen_method *method = &file->services[i].methods[j];

			idl_text_addf(text, "\treport(\"%s\", call_%s(client));\n",
				      method->method->full_name, method->name);
		}
	}
	idl_text_add(text, "\tmqc_client_close(client);\n\treturn EXIT_SUCCESS;\n}\n");
}

static bool has_methods(const gen_file *file)
{
	for (size_t i = 0; i < file->n_services; i++) {
		if (file->services[i].n_methods > 0)
			return true;
	}
	return false;
}

void skeleton_client(idl_text *text, const gen_file *file)
{
	idl_text_addf(
		text,
		"/*\n"
		" * A client of %s to start from. It is yours: mqcallc does not write it again.\n"
		" */\n"
		"#include <stdio.h>\n"
		"#include <stdlib.h>\n"
		"\n"
		"#include \"%s.mqc.h\"\n",
		file->file->name, file->stem);
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			emit_caller(text, &file->services[i].methods[j]);
		}
	}
	if (has_methods(file))
		emit_main(text, file);
	else
		idl_text_add(text, "\nint main(void)\n{\n\tputs(\"There are no methods.\");\n"
				   "\treturn EXIT_SUCCESS;\n}\n");
}
