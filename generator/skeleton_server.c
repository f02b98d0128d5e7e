/*
 * skeleton_server.c - programs to start from: the server.
 */
#include "skeleton.h"

#include "emit.h"

static void add_unused(idl_text *text, const char *name)
{
	if (name != NULL)
		idl_text_addf(text, "\t(void)%s;\n", name);
}

static void emit_handler(idl_text *text, const gen_method *method)
{
	idl_text_add(text, "\n");
	emit_comment(text, method->method->comment, "");
	emit_handler_head(text, method);
	idl_text_add(text, "\n{\n\t(void)self;\n");
	for (size_t i = 0; i < method->n_inputs; i++) {
		add_unused(text, method->inputs[i].name);
		add_unused(text, method->inputs[i].count);
	}
	for (size_t i = 0; i < method->n_outputs; i++) {
		add_unused(text, method->outputs[i].has);
		add_unused(text, method->outputs[i].name);
		add_unused(text, method->outputs[i].count);
	}
	if (method->form_reason != NULL) {
		if (!method->request_is_empty)
			add_unused(text, "request");
		if (!method->reply_is_empty)
			add_unused(text, "reply");
	}
	idl_text_addf(
		text,
		"\treturn mqc_call_fail(call, MQC_UNIMPLEMENTED, \"%s is not written yet\");\n"
		"}\n",
		method->method->name);
}

static void emit_table(idl_text *text, const gen_service *service)
{
	idl_text_addf(text, "\nstatic const %s the_%s = {\n", service->handlers, service->handlers);
	for (size_t i = 0; i < service->n_methods; i++)
		idl_text_addf(text, "\t.%s = handle_%s,\n", service->methods[i].member,
			      service->methods[i].name);
	if (service->n_methods == 0)
		idl_text_add(text, "\t.reserved = NULL,\n");
	idl_text_add(text, "};\n");
}

static void emit_main(idl_text *text, const gen_file *file)
{
	idl_text_add(text, "\nint main(int argc, char **argv)\n{\n");
	idl_text_addf(text, "\tconst char *endpoint = argc > 1 ? argv[1] : \"%s\";\n",
		      skeleton_endpoint(file));
	idl_text_add(text, "\tmqc_server_options options = { .stop_on_signals = true };\n"
			   "\tmqc_server *server = NULL;\n"
			   "\tint r;\n\n"
			   "\tr = mqc_server_open(endpoint, &options, &server);\n");
	for (size_t i = 0; i < file->n_services; i++)
		idl_text_addf(text, "\tif (r == MQC_OK)\n\t\tr = %s(server, &the_%s, NULL);\n",
			      file->services[i].serve, file->services[i].handlers);
	idl_text_add(text, "\tif (r == MQC_OK)\n"
			   "\t\tr = mqc_server_run(server);\n"
			   "\tif (r < 0)\n"
			   "\t\tfprintf(stderr, \"%s: %s\\n\", argv[0], mqc_error_last()->text);\n"
			   "\tmqc_server_close(server);\n"
			   "\treturn r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;\n"
			   "}\n");
}

void skeleton_server(idl_text *text, const gen_file *file)
{
	idl_text_addf(
		text,
		"/*\n"
		" * A server of %s to start from. It is yours: mqcallc does not write it again.\n"
		" *\n"
		" * A handler sets its outputs and returns MQC_OK, or fails: by mqc_call_fail()\n"
		" * with a text, or by mqc_call_fail_with() with a message as well, for programs.\n"
		" * mqc_call_alloc() gives memory for outputs; mqc_call_metadata() tells what\n"
		" * came beside the request. See mqc_call_alloc(3) and mqc_call_metadata(3).\n"
		" * One that would have to wait can answer later: see mqc_call_defer(3).\n"
		" */\n"
		"#include <stdio.h>\n"
		"#include <stdlib.h>\n"
		"\n"
		"#include \"%s.mqc.h\"\n",
		file->file->name, file->stem);
	for (size_t i = 0; i < file->n_services; i++) {
		const gen_service *service = &file->services[i];

		for (size_t j = 0; j < service->n_methods; j++)
			emit_handler(text, &service->methods[j]);
		emit_table(text, service);
	}
	emit_main(text, file);
}
