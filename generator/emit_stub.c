/*
 * emit_stub.c - the client's functions.
 *
 * The function form puts its parameters into a request on the stack, calls, and
 * hands out the parts of the reply. Where that is nothing but numbers, the
 * reply lies on the stack as well. Otherwise text and bytes are taken first, as
 * that can fail, and what follows can't: so outputs stay untouched on failure.
 */
#include "emit.h"

/* -------------------------------------------------------- the reply -- */

/* Text and bytes are taken out of the reply, which can fail. */
static bool is_taken(const gen_param *param)
{
	return param->field->presence != IDL_REPEATED &&
	       (param->field->kind == IDL_STRING || param->field->kind == IDL_BYTES);
}

static size_t count_taken(const gen_method *method)
{
	size_t count = 0;

	for (size_t i = 0; i < method->n_outputs; i++)
		count += is_taken(&method->outputs[i]);
	return count;
}

bool emit_stub_frees(const gen_method *method)
{
	return method->form_reason == NULL && count_taken(method) > 1;
}

static void emit_taken_variables(idl_text *text, const gen_method *method)
{
	for (size_t i = 0; i < method->n_outputs; i++) {
		const gen_param *param = &method->outputs[i];

		if (!is_taken(param))
			continue;
		idl_text_addf(text, "\t%s *%s = NULL;\n", param->type, param->local);
		if (param->count != NULL)
			idl_text_addf(text, "\tsize_t %s = 0;\n", param->local_count);
	}
}

static void emit_take(idl_text *text, const gen_method *method, const gen_param *param, bool first)
{
	const char *reply = method->local_reply;
	const char *member = param->names->member;
	const char *shared = param->names->default_value;
	const char *status = method->local_status;
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	/* The length is known even to those who don't want the bytes. */
	if (param->count != NULL)
		idl_text_addf(text, "\t%s = %s->%s.len;\n", param->local_count, reply, member);
	idl_text_addf(text, "\tif (%s%s%s != NULL && %s->%s%s != NULL)\n", first ? "" : status,
		      first ? "" : " == MQC_OK && ", param->name, reply, member,
		      param->field->kind == IDL_BYTES ? ".data" : "");
	emit_list_add(&list, idl_arena_printf(&arena, "&%s->%s", reply, member));
	emit_list_add(&list, shared != NULL ? shared : "NULL");
	emit_list_add(&list, idl_arena_printf(&arena, "&%s", param->local));
	if (param->count != NULL)
		emit_list_add(&list, idl_arena_printf(&arena, "&%s", param->local_count));
	emit_list_write(text,
			idl_arena_printf(&arena, "\t\t%s = mqc_take_%s", status,
					 param->count != NULL ? "bytes" : "string"),
			&list, ");\n");
	idl_arena_done(&arena);
}

/* What is handed out stands below an `if` where text or bytes had to be taken. */
static const char *indent_of(const gen_method *method)
{
	return method->reply_is_flat || count_taken(method) > 0 ? "\t\t" : "\t";
}

/* Give `output` what `value` says, if the caller wants it. */
static void emit_hand_out(idl_text *text, const char *indent, const char *output, const char *value)
{
	idl_text_addf(text, "%sif (%s != NULL)\n%s\t*%s = %s;\n", indent, output, indent, output,
		      value);
}

static void emit_flag_out(idl_text *text, idl_arena *arena, const gen_method *method,
			  const gen_param *param)
{
	const char *reply = method->local_reply;
	const char *indent = indent_of(method);

	if (param->field->presence == IDL_EXPLICIT)
		emit_hand_out(text, indent, param->has,
			      idl_arena_printf(arena, "%s->%s == %s", reply,
					       param->names->case_member,
					       param->names->case_value));
	else
		emit_hand_out(
			text, indent, param->has,
			idl_arena_printf(arena, "%s->has_%s != 0", reply, param->names->member));
}

/* What is moved out of the reply: the reply must not free it. */
static void emit_move_out(idl_text *text, const gen_method *method, const gen_param *param)
{
	const char *reply = method->local_reply;
	const char *member = param->names->member;
	const char *indent = indent_of(method);
	idl_arena arena = {0};

	if (param->count != NULL)
		emit_hand_out(text, indent, param->count,
			      idl_arena_printf(&arena, "%s->n_%s", reply, member));
	idl_text_addf(text, "%sif (%s != NULL) {\n%s\t*%s = %s->%s;\n", indent, param->name, indent,
		      param->name, reply, member);
	if (param->count != NULL)
		idl_text_addf(text, "%s\t%s->n_%s = 0;\n", indent, reply, member);
	idl_text_addf(text, "%s\t%s->%s = NULL;\n%s}\n", indent, reply, member, indent);
	idl_arena_done(&arena);
}

static void emit_output(idl_text *text, const gen_method *method, const gen_param *param)
{
	const char *indent = indent_of(method);
	idl_arena arena = {0};

	if (param->has != NULL)
		emit_flag_out(text, &arena, method, param);
	if (is_taken(param)) {
		emit_hand_out(text, indent, param->name, param->local);
		if (param->count != NULL)
			emit_hand_out(text, indent, param->count, param->local_count);
	} else if (param->field->presence == IDL_REPEATED || param->field->kind == IDL_MESSAGE) {
		emit_move_out(text, method, param);
	} else {
		emit_hand_out(text, indent, param->name,
			      idl_arena_printf(&arena, "%s->%s%s", method->local_reply,
					       param->names->member,
					       param->field->kind == IDL_BOOL ? " != 0" : ""));
	}
	idl_arena_done(&arena);
}

static void emit_outputs(idl_text *text, const gen_method *method)
{
	for (size_t i = 0; i < method->n_outputs; i++)
		emit_output(text, method, &method->outputs[i]);
}

/* ----------------------------------------------- the function form -- */

static void emit_call(idl_text *text, const gen_service *service, const gen_method *method,
		      const char *options, const char *request, const char *allocator,
		      const char *reply)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	emit_list_add(&list, "client");
	emit_list_add(&list,
		      idl_arena_printf(&arena, "&%s[%zu]", service->methods_table, method->index));
	emit_list_add(&list, options);
	emit_list_add(&list, idl_arena_printf(&arena, "(const ProtobufCMessage *)%s", request));
	emit_list_add(&list, allocator);
	emit_list_add(&list, idl_arena_printf(&arena, "&%s", reply));
	emit_list_write(text,
			idl_arena_printf(&arena, "\t%s = mqc_client_call", method->local_status),
			&list, ");\n");
	idl_arena_done(&arena);
}

static void emit_request_variable(idl_text *text, const gen_method *method, const char *name)
{
	idl_text_addf(text, "\t%s %s = %s__INIT;\n", method->request->type, name,
		      method->request->upper);
}

/* The reply lies in the scratch memory: nothing is left to free one by one. */
static void emit_flat_body(idl_text *text, const gen_service *service, const gen_method *method)
{
	idl_arena arena = {0};

	emit_call(text, service, method, "NULL",
		  idl_arena_printf(&arena, "&%s", method->local_request),
		  idl_arena_printf(&arena, "&%s.allocator", method->local_scratch),
		  method->local_message);
	if (method->n_outputs > 0) {
		idl_text_addf(text, "\tif (%s == MQC_OK) {\n", method->local_status);
		idl_text_addf(text, "\t\tconst %s *%s = (const %s *)%s;\n\n", method->reply->type,
			      method->local_reply, method->reply->type, method->local_message);
		emit_outputs(text, method);
		idl_text_add(text, "\t}\n");
	}
	idl_text_addf(text, "\tmqc_scratch_done(&%s);\n\treturn %s;\n", method->local_scratch,
		      method->local_status);
	idl_arena_done(&arena);
}

static void emit_free_taken(idl_text *text, const gen_method *method)
{
	size_t left = count_taken(method);

	/* Whichever failed, the last one has not been taken. */
	for (size_t i = 0; i < method->n_outputs && left > 1; i++) {
		if (is_taken(&method->outputs[i])) {
			idl_text_addf(text, "\t\tfree(%s);\n", method->outputs[i].local);
			left--;
		}
	}
}

static void emit_owning_body(idl_text *text, const gen_service *service, const gen_method *method)
{
	idl_arena arena = {0};
	size_t n_taken = count_taken(method);
	bool first = true;

	emit_call(text, service, method, "NULL",
		  idl_arena_printf(&arena, "&%s", method->local_request), "NULL",
		  method->local_message);
	idl_text_addf(text, "\tif (%s < 0)\n\t\treturn %s;\n", method->local_status,
		      method->local_status);
	idl_text_addf(text, "\t%s = (%s *)%s;\n", method->local_reply, method->reply->type,
		      method->local_message);
	for (size_t i = 0; i < method->n_outputs; i++) {
		if (is_taken(&method->outputs[i])) {
			emit_take(text, method, &method->outputs[i], first);
			first = false;
		}
	}
	if (n_taken > 0)
		idl_text_addf(text, "\tif (%s == MQC_OK) {\n", method->local_status);
	emit_outputs(text, method);
	if (n_taken > 1) {
		idl_text_add(text, "\t} else {\n");
		emit_free_taken(text, method);
	}
	if (n_taken > 0)
		idl_text_add(text, "\t}\n");
	idl_text_addf(text,
		      "\tprotobuf_c_message_free_unpacked(%s, NULL);\n"
		      "\treturn %s;\n",
		      method->local_message, method->local_status);
	idl_arena_done(&arena);
}

static void emit_function(idl_text *text, const gen_service *service, const gen_method *method)
{
	idl_text_add(text, "\n");
	emit_function_head(text, method);
	idl_text_add(text, "\n{\n");
	emit_request_variable(text, method, method->local_request);
	idl_text_addf(text, "\tProtobufCMessage *%s = NULL;\n", method->local_message);
	if (method->reply_is_flat) {
		idl_text_addf(text, "\tmqc_scratch %s;\n", method->local_scratch);
	} else {
		idl_text_addf(text, "\t%s *%s;\n", method->reply->type, method->local_reply);
		emit_taken_variables(text, method);
	}
	idl_text_addf(text, "\tint %s;\n\n", method->local_status);
	emit_fill(text, method->local_request, method->inputs, method->n_inputs);
	if (method->reply_is_flat) {
		idl_text_addf(text, "\tmqc_scratch_init(&%s);\n", method->local_scratch);
		emit_flat_body(text, service, method);
	} else {
		emit_owning_body(text, service, method);
	}
	idl_text_add(text, "}\n");
}

/* ------------------------------------------------ the message form -- */

/* Its parameters have names of their own, so its variables need no others. */
static void emit_message(idl_text *text, const gen_service *service, const gen_method *method)
{
	gen_method plain = *method;
	const char *request = method->request_is_empty ? "&request" : "request";

	plain.local_status = "r";
	idl_text_add(text, "\n");
	emit_message_head(text, method);
	idl_text_add(text, "\n{\n");
	if (method->request_is_empty)
		emit_request_variable(text, method, "request");
	idl_text_add(text, "\tProtobufCMessage *reply = NULL;\n");
	if (method->reply_is_empty) {
		idl_text_add(text, "\tmqc_scratch scratch;\n\tint r;\n\n"
				   "\tmqc_scratch_init(&scratch);\n");
		emit_call(text, service, &plain, "options", request, "&scratch.allocator", "reply");
		idl_text_add(text, "\tmqc_scratch_done(&scratch);\n\treturn r;\n}\n");
		return;
	}
	idl_text_add(text, "\tint r;\n\n");
	emit_call(text, service, &plain, "options", request, "NULL", "reply");
	idl_text_addf(text,
		      "\tif (r < 0)\n"
		      "\t\treturn r;\n"
		      "\tif (ret_reply != NULL)\n"
		      "\t\t*ret_reply = (%s *)reply;\n"
		      "\telse\n"
		      "\t\tprotobuf_c_message_free_unpacked(reply, NULL);\n"
		      "\treturn r;\n}\n",
		      method->reply->type);
}

void emit_stubs(idl_text *text, const gen_service *service, const gen_method *method)
{
	if (method->form_reason == NULL)
		emit_function(text, service, method);
	emit_message(text, service, method);
}
