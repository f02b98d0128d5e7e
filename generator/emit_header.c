/*
 * emit_header.c - NAME.mqc.h: what a program sees of its services.
 */
#include "emit.h"

static void emit_method(idl_text *text, const gen_method *method, const emit_options *options)
{
	const char *end = method->method->deprecated ? " PROTOBUF_C__DEPRECATED;\n" : ";\n";

	idl_text_add(text, "\n");
	if (options->comments)
		emit_comment(text, method->method->comment, "");
	if (method->form_reason == NULL) {
		emit_function_head(text, method);
		idl_text_add(text, end);
	}
	emit_message_head(text, method);
	idl_text_add(text, end);
}

static void emit_asynchronous_method(idl_text *text, const gen_method *method)
{
	const char *end = method->method->deprecated ? " PROTOBUF_C__DEPRECATED;\n" : ";\n";

	if (method->form_reason == NULL) {
		emit_start_head(text, method);
		idl_text_add(text, end);
		emit_finish_head(text, method);
		idl_text_add(text, end);
	}
	emit_start_message_head(text, method);
	idl_text_add(text, end);
	emit_finish_message_head(text, method);
	idl_text_add(text, end);
}

static void emit_asynchronous(idl_text *text, const gen_service *service)
{
	bool first = true;

	for (size_t i = 0; i < service->n_methods; i++) {
		if (service->methods[i].start == NULL)
			continue;
		if (first)
			idl_text_add(text, "\n/* The same, not waited for: a call is started, and "
					   "finished when it has ended. */\n");
		first = false;
		emit_asynchronous_method(text, &service->methods[i]);
	}
}

static bool has_function_form(const gen_method *method)
{
	return method->form_reason == NULL;
}

/* A struct must have a member. */
static void emit_no_handlers(idl_text *text)
{
	idl_text_add(text, "\tconst void *reserved; /* the service has no methods */\n");
}

static void emit_handlers(idl_text *text, const gen_service *service)
{
	idl_text_addf(text,
		      "\n/* The handlers of a server, with the fields of messages as parameters. A "
		      "NULL one\n * answers UNIMPLEMENTED. */\n"
		      "typedef struct %s {\n",
		      service->handlers);
	for (size_t i = 0; i < service->n_methods; i++) {
		if (has_function_form(&service->methods[i]))
			emit_function_member(text, &service->methods[i]);
		else
			emit_message_member(text, &service->methods[i]);
	}
	if (service->n_methods == 0)
		emit_no_handlers(text);
	idl_text_addf(text, "} %s;\n\n", service->handlers);
	emit_serve_head(text, service->serve, service->handlers);
	idl_text_add(text, ";\n");
}

static void emit_msg_handlers(idl_text *text, const gen_service *service)
{
	idl_text_addf(text,
		      "\n/* The same with messages, which survive added fields. The reply is "
		      "initialised. */\n"
		      "typedef struct %s {\n",
		      service->msg_handlers);
	for (size_t i = 0; i < service->n_methods; i++)
		emit_message_member(text, &service->methods[i]);
	if (service->n_methods == 0)
		emit_no_handlers(text);
	idl_text_addf(text, "} %s;\n\n", service->msg_handlers);
	emit_serve_head(text, service->serve_msg, service->msg_handlers);
	idl_text_add(text, ";\n");
}

/* Others had its names first. */
static void emit_no_finisher(idl_text *text, const gen_method *method)
{
	idl_text_addf(text,
		      "\n"
		      "/*\n"
		      " * There is none for %s: %s is a name of\n"
		      " * %s, unless option (mqcall.c_name) gives one of them\n"
		      " * another. mqc_call_finish() answers it all the same.\n"
		      " */\n",
		      method->method->full_name, method->taken_finisher, method->finisher_owner);
}

static void emit_finisher(idl_text *text, const gen_method *method)
{
	if (method->form_reason == NULL) {
		emit_finisher_head(text, method);
		idl_text_add(text, ";\n");
	}
	emit_finisher_message_head(text, method);
	idl_text_add(text, ";\n");
}

static void emit_service_finishers(idl_text *text, const gen_service *service)
{
	if (service->n_methods == 0)
		return;
	idl_text_add(text,
		     "\n"
		     "/*\n"
		     " * Answer a call that its handler has deferred, with mqc_call_defer(), "
		     "from any thread. The call\n"
		     " * is gone then. To let it fail: mqc_call_fail(), and mqc_call_finish() "
		     "with the status.\n"
		     " */\n");
	for (size_t i = 0; i < service->n_methods; i++) {
		if (service->methods[i].finisher != NULL)
			emit_finisher(text, &service->methods[i]);
	}
	for (size_t i = 0; i < service->n_methods; i++) {
		if (service->methods[i].finisher == NULL)
			emit_no_finisher(text, &service->methods[i]);
	}
}

static void emit_service(idl_text *text, const gen_service *service, const emit_options *options)
{
	idl_text_addf(text, "\n/* ---- %s ---- */\n\n", service->service->full_name);
	if (options->comments)
		emit_comment(text, service->service->comment, "");
	idl_text_addf(text, "extern const mqc_service %s;\n", service->table);
	for (size_t i = 0; i < service->n_methods; i++)
		emit_method(text, &service->methods[i], options);
	emit_asynchronous(text, service);
	emit_handlers(text, service);
	emit_msg_handlers(text, service);
	emit_service_finishers(text, service);
}

void emit_header(idl_text *text, const gen_file *file, const emit_options *options)
{
	idl_text_addf(text, "/* Generated by mqcallc from %s. Do not edit. */\n", file->file->name);
	idl_text_addf(text, "#ifndef %s\n#define %s\n\n", file->guard, file->guard);
	idl_text_add(text, "#include <mqcall/mqcall.h>\n");
	if (file->n_includes > 0)
		idl_text_add(text, "\n");
	for (size_t i = 0; i < file->n_includes; i++)
		idl_text_addf(text, "#include \"%s.pb-c.h\"\n", file->includes[i]);
	idl_text_add(text, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
	for (size_t i = 0; i < file->n_services; i++)
		emit_service(text, &file->services[i], options);
	if (file->n_services == 0)
		idl_text_addf(text, "\n/* %s has no services. */\n", file->file->name);
	idl_text_add(text, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
