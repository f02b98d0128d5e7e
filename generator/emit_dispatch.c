/*
 * emit_dispatch.c - the server's functions.
 *
 * For a method of the function form, a small function takes the request apart,
 * calls the handler and puts what it gave into the reply. Outputs whose type is
 * that of the reply's member are written there directly; others go through a
 * variable. One dispatch function for each handler table picks by index.
 */
#include "emit.h"

/* --------------------------------------------------------- inputs -- */

static bool is_number(const idl_field *field)
{
	return field->kind <= IDL_ENUM;
}

/* Is the field there? Only for those whose absence can't be seen from a pointer. */
static const char *presence_of(idl_arena *arena, const gen_param *param)
{
	if (param->field->presence == IDL_EXPLICIT)
		return idl_arena_printf(arena, "request->%s == %s", param->names->case_member,
					param->names->case_value);
	return idl_arena_printf(arena, "request->has_%s", param->names->member);
}

/*
 * A bool that may be absent: protobuf-c's is an int, so it needs a place, and one that
 * stays when the handler has returned, as the request does if the call is deferred.
 */
static bool is_bool_behind_pointer(const idl_field *field)
{
	return field->kind == IDL_BOOL && idl_field_may_be_absent(field);
}

/* Bytes that are there and empty must differ from none. */
static bool is_optional_bytes(const idl_field *field)
{
	return field->kind == IDL_BYTES && idl_field_may_be_absent(field);
}

static void emit_input_variable(idl_text *text, const gen_param *param)
{
	if (is_bool_behind_pointer(param->field))
		idl_text_addf(text, "\tstatic const bool %s[] = {false, true};\n", param->local);
	if (is_optional_bytes(param->field)) {
		idl_text_addf(text, "\tconst uint8_t *%s = NULL;\n", param->local);
		idl_text_addf(text, "\tsize_t %s = 0;\n", param->local_count);
	}
}

static void emit_input_setup(idl_text *text, const gen_param *param)
{
	idl_arena arena = {0};
	const char *member = param->names->member;

	if (is_optional_bytes(param->field))
		idl_text_addf(text,
			      "\tif (%s) {\n"
			      "\t\t%s = request->%s.data != NULL ? request->%s.data : (const "
			      "uint8_t *)\"\";\n"
			      "\t\t%s = request->%s.len;\n"
			      "\t}\n",
			      presence_of(&arena, param), param->local, member, member,
			      param->local_count, member);
	idl_arena_done(&arena);
}

static void add_array_in(emit_list *list, idl_arena *arena, const gen_param *param)
{
	const idl_field *field = param->field;

	if (field->kind == IDL_STRING || field->kind == IDL_MESSAGE)
		emit_list_add(list, idl_arena_printf(arena, "(const %s *const *)request->%s",
						     param->type, param->names->member));
	else
		emit_list_add(list, idl_arena_printf(arena, "request->%s", param->names->member));
	emit_list_add(list, idl_arena_printf(arena, "request->n_%s", param->names->member));
}

static void add_number_in(emit_list *list, idl_arena *arena, const gen_param *param)
{
	const char *member = param->names->member;

	if (!idl_field_may_be_absent(param->field))
		emit_list_add(list,
			      idl_arena_printf(arena, "request->%s%s", member,
					       param->field->kind == IDL_BOOL ? " != 0" : ""));
	else if (param->field->kind == IDL_BOOL)
		emit_list_add(list,
			      idl_arena_printf(arena, "%s ? &%s[request->%s != 0] : NULL",
					       presence_of(arena, param), param->local, member));
	else
		emit_list_add(list, idl_arena_printf(arena, "%s ? &request->%s : NULL",
						     presence_of(arena, param), member));
}

static void add_input(emit_list *list, idl_arena *arena, const gen_param *param)
{
	const char *member = param->names->member;

	if (param->field->presence == IDL_REPEATED) {
		add_array_in(list, arena, param);
	} else if (is_number(param->field)) {
		add_number_in(list, arena, param);
	} else if (is_optional_bytes(param->field)) {
		emit_list_add(list, param->local);
		emit_list_add(list, param->local_count);
	} else if (param->field->kind == IDL_BYTES) {
		emit_list_add(list, idl_arena_printf(arena, "request->%s.data", member));
		emit_list_add(list, idl_arena_printf(arena, "request->%s.len", member));
	} else if (param->field->presence == IDL_EXPLICIT) {
		emit_list_add(list, idl_arena_printf(arena, "%s ? request->%s : NULL",
						     presence_of(arena, param), member));
	} else {
		emit_list_add(list, idl_arena_printf(arena, "request->%s", member));
	}
}

/* -------------------------------------------------------- outputs -- */

/* Can the handler write right into the reply? */
static bool is_direct(const idl_field *field)
{
	if (field->presence == IDL_REPEATED)
		return true;
	if (field->kind == IDL_MESSAGE)
		return field->presence != IDL_EXPLICIT;
	return is_number(field) && field->kind != IDL_BOOL && !idl_field_may_be_absent(field);
}

/* Does the reply come with a value that stays if the handler sets none? */
static bool has_default(const idl_field *field)
{
	return field->default_text != NULL && !idl_field_may_be_absent(field);
}

static void emit_output_variables(idl_text *text, const gen_param *param)
{
	const char *member = param->names->member;

	if (is_direct(param->field))
		return;
	if (param->has != NULL)
		idl_text_addf(text, "\tbool %s = false;\n", param->local_has);
	switch (param->field->kind) {
	case IDL_BYTES:
		if (has_default(param->field)) {
			idl_text_addf(text,
				      "\tconst uint8_t *%s = reply->%s.data;\n"
				      "\tsize_t %s = reply->%s.len;\n",
				      param->local, member, param->local_count, member);
			return;
		}
		idl_text_addf(text, "\tconst uint8_t *%s = NULL;\n", param->local);
		break;
	case IDL_STRING:
		idl_text_addf(text, "\tconst char *%s = NULL;\n", param->local);
		break;
	case IDL_MESSAGE:
		idl_text_addf(text, "\t%s *%s = NULL;\n", param->type, param->local);
		break;
	case IDL_BOOL:
		if (has_default(param->field))
			idl_text_addf(text, "\tbool %s = reply->%s != 0;\n", param->local, member);
		else
			idl_text_addf(text, "\tbool %s = false;\n", param->local);
		break;
	default:
		idl_text_addf(text, "\t%s %s = reply->%s;\n", param->type, param->local, member);
		break;
	}
	if (param->count != NULL)
		idl_text_addf(text, "\tsize_t %s = 0;\n", param->local_count);
}

static void add_output(emit_list *list, idl_arena *arena, const gen_param *param)
{
	const char *member = param->names->member;

	if (is_direct(param->field)) {
		emit_list_add(list, idl_arena_printf(arena, "&reply->%s", member));
		if (param->count != NULL)
			emit_list_add(list, idl_arena_printf(arena, "&reply->n_%s", member));
		return;
	}
	if (param->has != NULL)
		emit_list_add(list, idl_arena_printf(arena, "&%s", param->local_has));
	emit_list_add(list, idl_arena_printf(arena, "&%s", param->local));
	if (param->count != NULL)
		emit_list_add(list, idl_arena_printf(arena, "&%s", param->local_count));
}

/* When is there something to put into the reply? NULL: always. */
static const char *condition_of(idl_arena *arena, const gen_param *param)
{
	if (param->has != NULL)
		return param->local_has;
	if (param->field->kind == IDL_STRING || param->field->kind == IDL_MESSAGE)
		return idl_arena_printf(arena, "%s != NULL", param->local);
	return NULL;
}

static void emit_presence_out(idl_text *text, const gen_param *param, const char *indent)
{
	if (param->field->presence == IDL_EXPLICIT)
		idl_text_addf(text, "%sreply->%s = %s;\n", indent, param->names->case_member,
			      param->names->case_value);
	else if (param->has != NULL)
		idl_text_addf(text, "%sreply->has_%s = 1;\n", indent, param->names->member);
}

static void emit_value_out(idl_text *text, const gen_param *param, const char *indent)
{
	const char *member = param->names->member;

	if (param->field->kind == IDL_BYTES) {
		idl_text_addf(text, "%sreply->%s.data = (uint8_t *)%s;\n", indent, member,
			      param->local);
		idl_text_addf(text, "%sreply->%s.len = %s;\n", indent, member, param->local_count);
	} else if (param->field->kind == IDL_STRING) {
		idl_text_addf(text, "%sreply->%s = (char *)%s;\n", indent, member, param->local);
	} else {
		idl_text_addf(text, "%sreply->%s = %s;\n", indent, member, param->local);
	}
}

static void emit_output(idl_text *text, const gen_param *param)
{
	idl_arena arena = {0};
	const char *condition = condition_of(&arena, param);
	const char *indent = condition != NULL ? "\t\t" : "\t";
	bool braces = param->has != NULL || param->field->presence == IDL_EXPLICIT;

	if (condition != NULL)
		idl_text_addf(text, "\tif (%s)%s\n", condition, braces ? " {" : "");
	emit_presence_out(text, param, indent);
	emit_value_out(text, param, indent);
	if (condition != NULL && braces)
		idl_text_add(text, "\t}\n");
	idl_arena_done(&arena);
}

/* ---------------------------------------------------- one method -- */

static bool needs_variables(const gen_method *method)
{
	for (size_t i = 0; i < method->n_outputs; i++) {
		if (!is_direct(method->outputs[i].field))
			return true;
	}
	return false;
}

static void emit_runner_head(idl_text *text, const gen_service *service, const gen_method *method)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	emit_list_add(&list, idl_arena_printf(&arena, "const %s *handlers", service->handlers));
	emit_list_add(&list, "void *self");
	emit_list_add(&list, "mqc_call *call");
	if (method->n_inputs > 0)
		emit_list_add(&list,
			      idl_arena_printf(&arena, "const %s *request", method->request->type));
	if (method->n_outputs > 0)
		emit_list_add(&list, idl_arena_printf(&arena, "%s *reply", method->reply->type));
	emit_list_write(text, idl_arena_printf(&arena, "static int %s", method->runner), &list,
			")\n");
	idl_arena_done(&arena);
}

static void emit_handler_call(idl_text *text, const gen_method *method, const char *result)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	emit_list_add(&list, "self");
	emit_list_add(&list, "call");
	for (size_t i = 0; i < method->n_inputs; i++)
		add_input(&list, &arena, &method->inputs[i]);
	for (size_t i = 0; i < method->n_outputs; i++)
		add_output(&list, &arena, &method->outputs[i]);
	emit_list_write(text, idl_arena_printf(&arena, "\t%s handlers->%s", result, method->member),
			&list, ");\n");
	idl_arena_done(&arena);
}

static void emit_runner(idl_text *text, const gen_service *service, const gen_method *method)
{
	bool variables = needs_variables(method);
	idl_text setup = {0};
	idl_text declared = {0};

	for (size_t i = 0; i < method->n_inputs; i++) {
		emit_input_variable(&declared, &method->inputs[i]);
		emit_input_setup(&setup, &method->inputs[i]);
	}
	for (size_t i = 0; i < method->n_outputs; i++)
		emit_output_variables(&declared, &method->outputs[i]);
	if (variables)
		idl_text_addf(&declared, "\tint %s;\n", method->local_status);

	idl_text_add(text, "\n");
	emit_runner_head(text, service, method);
	idl_text_addf(text, "{\n%s%s%s", idl_text_string(&declared), declared.size > 0 ? "\n" : "",
		      idl_text_string(&setup));
	if (variables) {
		idl_arena arena = {0};

		emit_handler_call(text, method,
				  idl_arena_printf(&arena, "%s =", method->local_status));
		for (size_t i = 0; i < method->n_outputs; i++) {
			if (!is_direct(method->outputs[i].field))
				emit_output(text, &method->outputs[i]);
		}
		idl_text_addf(text, "\treturn %s;\n", method->local_status);
		idl_arena_done(&arena);
	} else {
		emit_handler_call(text, method, "return");
	}
	idl_text_add(text, "}\n");
	idl_text_done(&setup);
	idl_text_done(&declared);
}

/* -------------------------------------------------- the dispatch -- */

static void add_casts(emit_list *list, idl_arena *arena, const gen_method *method, bool request,
		      bool reply)
{
	if (request)
		emit_list_add(list, idl_arena_printf(arena, "(const %s *)request",
						     method->request->type));
	if (reply)
		emit_list_add(list, idl_arena_printf(arena, "(%s *)reply", method->reply->type));
}

static void emit_case(idl_text *text, const gen_method *method, bool function_form)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};
	const char *head;

	if (function_form) {
		head = idl_arena_printf(&arena, "\t\treturn %s", method->runner);
		emit_list_add(&list, "table");
	} else {
		head = idl_arena_printf(&arena, "\t\treturn table->%s", method->member);
	}
	emit_list_add(&list, "self");
	emit_list_add(&list, "call");
	if (function_form)
		add_casts(&list, &arena, method, method->n_inputs > 0, method->n_outputs > 0);
	else
		add_casts(&list, &arena, method, !method->request_is_empty,
			  !method->reply_is_empty);
	idl_text_addf(text,
		      "\tcase %zu:\n"
		      "\t\tif (table->%s == NULL)\n"
		      "\t\t\tbreak;\n",
		      method->index, method->member);
	emit_list_write(text, head, &list, ");\n");
	idl_arena_done(&arena);
}

static void emit_dispatch_head(idl_text *text, const char *name)
{
	idl_arena arena = {0};
	emit_list list = {.parts = {"const void *handlers", "void *self", "uint32_t method",
				    "mqc_call *call", "const ProtobufCMessage *request",
				    "ProtobufCMessage *reply"},
			  .count = 6};

	idl_text_add(text, "\n");
	emit_list_write(text, idl_arena_printf(&arena, "static int %s", name), &list, ")\n");
	idl_arena_done(&arena);
}

/* Compilers warn of a parameter that no method has a use for. */
static void emit_unused(idl_text *text, const gen_service *service, bool both)
{
	bool request = false;
	bool reply = false;

	for (size_t i = 0; i < service->n_methods; i++) {
		const gen_method *method = &service->methods[i];
		bool function_form = both && method->form_reason == NULL;

		request = request ||
			  (function_form ? method->n_inputs > 0 : !method->request_is_empty);
		reply = reply || (function_form ? method->n_outputs > 0 : !method->reply_is_empty);
	}
	if (!request)
		idl_text_add(text, "\t(void)request;\n");
	if (!reply)
		idl_text_add(text, "\t(void)reply;\n");
}

/* `both` tells that the table has function-form handlers where there is one. */
static void emit_dispatch_function(idl_text *text, const gen_service *service, const char *name,
				   const char *handlers, bool both)
{
	emit_dispatch_head(text, name);
	if (service->n_methods == 0) {
		idl_text_add(text, "{\n"
				   "\t(void)handlers;\n"
				   "\t(void)self;\n"
				   "\t(void)method;\n"
				   "\t(void)request;\n"
				   "\t(void)reply;\n"
				   "\treturn mqc_call_unhandled(call);\n"
				   "}\n");
		return;
	}
	idl_text_addf(text, "{\n\tconst %s *table = handlers;\n\n", handlers);
	emit_unused(text, service, both);
	idl_text_add(text, "\tswitch (method) {\n");
	for (size_t i = 0; i < service->n_methods; i++)
		emit_case(text, &service->methods[i],
			  both && service->methods[i].form_reason == NULL);
	idl_text_add(text, "\tdefault:\n"
			   "\t\tbreak;\n"
			   "\t}\n"
			   "\treturn mqc_call_unhandled(call);\n"
			   "}\n");
}

static void emit_serve(idl_text *text, const gen_service *service, const char *name,
		       const char *handlers, const char *dispatch)
{
	idl_text_add(text, "\n");
	emit_serve_head(text, name, handlers);
	idl_text_addf(text,
		      "\n{\n"
		      "\treturn mqc_server_add(server, &%s, %s, handlers, self);\n"
		      "}\n",
		      service->table, dispatch);
}

void emit_dispatch(idl_text *text, const gen_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		if (service->methods[i].form_reason == NULL)
			emit_runner(text, service, &service->methods[i]);
	}
	emit_dispatch_function(text, service, service->dispatch, service->handlers, true);
	emit_dispatch_function(text, service, service->dispatch_msg, service->msg_handlers, false);
	emit_serve(text, service, service->serve, service->handlers, service->dispatch);
	emit_serve(text, service, service->serve_msg, service->msg_handlers, service->dispatch_msg);
}
