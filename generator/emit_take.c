/*
 * emit_take.c - the fields of a reply become what a client's outputs point to.
 *
 * In a function that the stubs of a method have in common. Where the reply is
 * nothing but numbers it is only read, as it lies in scratch memory of the stub.
 * Otherwise text and bytes are taken first, as that can fail, and what follows
 * can't: so outputs stay untouched on failure; and the rest of the reply is freed.
 */
#include "emit.h"

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

bool emit_taker_frees(const gen_method *method)
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
	return count_taken(method) > 0 ? "\t\t" : "\t";
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

/* With the status of taking in a variable, as it may fail. */
static void emit_taken_outputs(idl_text *text, const gen_method *method)
{
	bool first = true;

	for (size_t i = 0; i < method->n_outputs; i++) {
		if (is_taken(&method->outputs[i])) {
			emit_take(text, method, &method->outputs[i], first);
			first = false;
		}
	}
	idl_text_addf(text, "\tif (%s == MQC_OK) {\n", method->local_status);
	emit_outputs(text, method);
	if (count_taken(method) > 1) {
		idl_text_add(text, "\t} else {\n");
		emit_free_taken(text, method);
	}
	idl_text_add(text, "\t}\n");
}

static void emit_owned_outputs(idl_text *text, const gen_method *method)
{
	bool can_fail = count_taken(method) > 0;

	if (can_fail) {
		emit_taken_variables(text, method);
		idl_text_addf(text, "\tint %s = MQC_OK;\n\n", method->local_status);
		emit_taken_outputs(text, method);
	} else {
		emit_outputs(text, method);
	}
	idl_text_addf(text,
		      "\tprotobuf_c_message_free_unpacked((ProtobufCMessage *)%s, NULL);\n"
		      "\treturn %s;\n",
		      method->local_reply, can_fail ? method->local_status : "MQC_OK");
}

void emit_taker(idl_text *text, const gen_method *method)
{
	if (method->taker == NULL)
		return;
	idl_text_add(text, "\n");
	emit_taker_head(text, method);
	idl_text_add(text, "\n{\n");
	if (method->reply_is_flat)
		emit_outputs(text, method);
	else
		emit_owned_outputs(text, method);
	idl_text_add(text, "}\n");
}
