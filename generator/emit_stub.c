/*
 * emit_stub.c - the client's functions.
 *
 * A method has, in each form, one that calls and waits; one that only starts a call;
 * and one that finishes it. So what calls and what starts have in common that they
 * make a request, and what calls and what finishes that they hand out a reply. Where
 * that has nothing that the caller keeps, it lies in scratch memory on the stack.
 */
#include "emit.h"

/* A function of one of the forms, and what its variables are called. */
typedef struct stub {
	const gen_method *method;
	const char *table; /* of the method: &calc_methods[0] */
	bool messages;     /* the message form */
	const char *request;
	const char *reply; /* as a ProtobufCMessage */
	const char *scratch;
	const char *status;
} stub;

static stub function_stub(idl_arena *arena, const gen_service *service, const gen_method *method)
{
	return (stub){
		.method = method,
		.table = idl_arena_printf(arena, "&%s[%zu]", service->methods_table, method->index),
		.request = method->local_request,
		.reply = method->local_message,
		.scratch = method->local_scratch,
		.status = method->local_status,
	};
}

/* Its parameters have names of their own, so its variables need no others. */
static stub message_stub(idl_arena *arena, const gen_service *service, const gen_method *method)
{
	return (stub){
		.method = method,
		.table = idl_arena_printf(arena, "&%s[%zu]", service->methods_table, method->index),
		.messages = true,
		.request = "request",
		.reply = "reply",
		.scratch = "scratch",
		.status = "r",
	};
}

/* ------------------------------------------------------- the request -- */

/* It is made here, and not the caller's. */
static bool makes_request(const stub *s)
{
	return !s->messages || s->method->request_is_empty;
}

static void emit_request_variable(idl_text *text, const stub *s)
{
	if (makes_request(s))
		idl_text_addf(text, "\t%s %s = %s__INIT;\n", s->method->request->type, s->request,
			      s->method->request->upper);
}

static void emit_filling(idl_text *text, const stub *s)
{
	const gen_method *method = s->method;
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	if (s->messages || method->filler == NULL)
		return;
	emit_list_add(&list, idl_arena_printf(&arena, "&%s", s->request));
	for (size_t i = 0; i < method->n_inputs; i++) {
		emit_list_add(&list, method->inputs[i].name);
		if (method->inputs[i].count != NULL)
			emit_list_add(&list, method->inputs[i].count);
	}
	emit_list_write(text, idl_arena_printf(&arena, "\t%s", method->filler), &list, ");\n");
	idl_arena_done(&arena);
}

/* What both mqc_client_call() and mqc_client_start() begin with. */
static void add_call(emit_list *list, idl_arena *arena, const stub *s)
{
	emit_list_add(list, "client");
	emit_list_add(list, s->table);
	emit_list_add(list, s->messages ? "options" : "NULL");
	emit_list_add(list, idl_arena_printf(arena, "(const ProtobufCMessage *)%s%s",
					     makes_request(s) ? "&" : "", s->request));
}

/* --------------------------------------------------------- the reply -- */

static bool uses_scratch(const stub *s)
{
	return s->messages ? s->method->reply_is_empty : s->method->reply_is_flat;
}

static void emit_reply_variables(idl_text *text, const stub *s)
{
	idl_text_addf(text, "\tProtobufCMessage *%s = NULL;\n", s->reply);
	if (uses_scratch(s))
		idl_text_addf(text, "\tmqc_scratch %s;\n", s->scratch);
	idl_text_addf(text, "\tint %s;\n\n", s->status);
}

static void emit_taking(idl_text *text, const stub *s, const char *head)
{
	const gen_method *method = s->method;
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	emit_list_add(&list,
		      idl_arena_printf(&arena, "(%s%s *)%s", method->reply_is_flat ? "const " : "",
				       method->reply->type, s->reply));
	for (size_t i = 0; i < method->n_outputs; i++) {
		const gen_param *param = &method->outputs[i];

		if (param->has != NULL)
			emit_list_add(&list, param->has);
		emit_list_add(&list, param->name);
		if (param->count != NULL)
			emit_list_add(&list, param->count);
	}
	emit_list_write(text, idl_arena_printf(&arena, "%s%s", head, method->taker), &list, ");\n");
	idl_arena_done(&arena);
}

static void emit_hand_out_message(idl_text *text, const stub *s)
{
	idl_text_addf(text,
		      "\tif (r < 0)\n"
		      "\t\treturn r;\n"
		      "\tif (ret_reply != NULL)\n"
		      "\t\t*ret_reply = (%s *)reply;\n"
		      "\telse\n"
		      "\t\tprotobuf_c_message_free_unpacked(reply, NULL);\n"
		      "\treturn r;\n",
		      s->method->reply->type);
}

/* Call a function with these arguments, and an allocator and the reply at their end. */
static void emit_answer(idl_text *text, const stub *s, const char *function, emit_list *list)
{
	idl_arena arena = {0};

	if (uses_scratch(s))
		idl_text_addf(text, "\tmqc_scratch_init(&%s);\n", s->scratch);
	emit_list_add(list, uses_scratch(s) ? idl_arena_printf(&arena, "&%s.allocator", s->scratch)
					    : "NULL");
	emit_list_add(list, idl_arena_printf(&arena, "&%s", s->reply));
	emit_list_write(text, idl_arena_printf(&arena, "\t%s = %s", s->status, function), list,
			");\n");
	if (uses_scratch(s)) {
		if (!s->messages && s->method->taker != NULL) {
			idl_text_addf(text, "\tif (%s == MQC_OK)\n", s->status);
			emit_taking(text, s, "\t\t");
		}
		idl_text_addf(text, "\tmqc_scratch_done(&%s);\n\treturn %s;\n", s->scratch,
			      s->status);
	} else if (s->messages) {
		emit_hand_out_message(text, s);
	} else {
		emit_taking(
			text, s,
			idl_arena_printf(&arena, "\treturn %s < 0 ? %s : ", s->status, s->status));
	}
	idl_arena_done(&arena);
}

/* ----------------------------------------------------- the functions -- */

static void emit_call(idl_text *text, const stub *s)
{
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	idl_text_add(text, "\n{\n");
	emit_request_variable(text, s);
	emit_reply_variables(text, s);
	emit_filling(text, s);
	add_call(&list, &arena, s);
	emit_answer(text, s, "mqc_client_call", &list);
	idl_text_add(text, "}\n");
	idl_arena_done(&arena);
}

static void emit_start(idl_text *text, const stub *s)
{
	const gen_method *method = s->method;
	idl_arena arena = {0};
	emit_list list = {.count = 0};

	idl_text_add(text, "\n{\n");
	emit_request_variable(text, s);
	if (makes_request(s))
		idl_text_add(text, "\n");
	emit_filling(text, s);
	add_call(&list, &arena, s);
	emit_list_add(&list, s->messages ? "ended" : method->local_ended);
	emit_list_add(&list, s->messages ? "data" : method->local_data);
	emit_list_add(&list, s->messages ? "ret_pending" : method->local_pending);
	emit_list_write(text, "\treturn mqc_client_start", &list, ");\n}\n");
	idl_arena_done(&arena);
}

static void emit_finish(idl_text *text, const stub *s)
{
	emit_list list = {.count = 0};

	idl_text_add(text, "\n{\n");
	emit_reply_variables(text, s);
	emit_list_add(&list, "pending");
	emit_answer(text, s, "mqc_pending_finish", &list);
	idl_text_add(text, "}\n");
}

/* A function: a blank line, its head, its body. */
static void emit_function(idl_text *text, const stub *s,
			  void (*head)(idl_text *text, const gen_method *method),
			  void (*body)(idl_text *text, const stub *s))
{
	idl_text_add(text, "\n");
	head(text, s->method);
	body(text, s);
}

void emit_stubs(idl_text *text, const gen_service *service, const gen_method *method)
{
	idl_arena arena = {0};
	const stub function = function_stub(&arena, service, method);
	const stub message = message_stub(&arena, service, method);
	const bool has_function = method->form_reason == NULL;
	const bool is_answered = method->start != NULL;

	if (has_function) {
		emit_filler(text, method);
		emit_taker(text, method);
		emit_function(text, &function, emit_function_head, emit_call);
	}
	emit_function(text, &message, emit_message_head, emit_call);
	if (has_function && is_answered) {
		emit_function(text, &function, emit_start_head, emit_start);
		emit_function(text, &function, emit_finish_head, emit_finish);
	}
	if (is_answered) {
		emit_function(text, &message, emit_start_message_head, emit_start);
		emit_function(text, &message, emit_finish_message_head, emit_finish);
	}
	idl_arena_done(&arena);
}
