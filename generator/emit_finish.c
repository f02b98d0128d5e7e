/*
 * emit_finish.c - functions that answer deferred calls.
 *
 * A reply on the stack, which borrows what the parameters point to: it is packed
 * before mqc_call_finish() returns.
 */
#include "emit.h"

static void emit_reply_variable(idl_text *text, const gen_method *method, const char *name)
{
	idl_text_addf(text, "\t%s %s = %s__INIT;\n\n", method->reply->type, name,
		      method->reply->upper);
}

static void emit_return(idl_text *text, const char *reply)
{
	idl_text_addf(text,
		      "\treturn mqc_call_finish(call, MQC_OK, (const ProtobufCMessage *)%s);\n"
		      "}\n",
		      reply);
}

static void emit_function(idl_text *text, const gen_method *method)
{
	idl_arena arena = {0};

	idl_text_add(text, "\n");
	emit_finisher_head(text, method);
	idl_text_add(text, "\n{\n");
	emit_reply_variable(text, method, method->local_answer);
	emit_fill(text, idl_arena_printf(&arena, "%s.", method->local_answer), method->answers,
		  method->n_answers);
	emit_return(text, idl_arena_printf(&arena, "&%s", method->local_answer));
	idl_arena_done(&arena);
}

static void emit_message(idl_text *text, const gen_method *method)
{
	idl_text_add(text, "\n");
	emit_finisher_message_head(text, method);
	idl_text_add(text, "\n{\n");
	if (method->reply_is_empty)
		emit_reply_variable(text, method, "reply");
	emit_return(text, method->reply_is_empty ? "&reply" : "reply");
}

void emit_finishers(idl_text *text, const gen_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		const gen_method *method = &service->methods[i];

		if (method->finisher == NULL)
			continue;
		if (method->form_reason == NULL)
			emit_function(text, method);
		emit_message(text, method);
	}
}
