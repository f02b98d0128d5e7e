/*
 * name_params.c - the name pass: the parameters of the function form.
 *
 * A field `x` of the request is the parameter `x`, with `x_len` for bytes and
 * `n_x` for what is repeated; of the reply, `ret_x`, `ret_x_len`, `ret_n_x`, and
 * `ret_has_x` for what may be absent and can't be NULL. One that is taken gets
 * '_' at its end. Then the variables of the stub find names among them, and the
 * further parameters of what starts a call. Where a deferred call is finished, the
 * reply's fields are called as the request's are.
 */
#include "plan.h"

#include <string.h>

#include "cnames.h"
#include "words.h"

typedef struct naming {
	gen_plan *plan;
	idl_table taken;
} naming;

static bool is_free(const naming *in, const char *name)
{
	return name == NULL ||
	       (!gen_word_is_taken(name) && idl_table_find(&in->taken, name) == NULL);
}

static void take(naming *in, const char *name)
{
	if (name != NULL)
		idl_table_add(&in->taken, &in->plan->arena, name, in);
}

static const char *type_of(const gen_plan *plan, const idl_field *field)
{
	switch (field->kind) {
	case IDL_INT32:
		return "int32_t";
	case IDL_INT64:
		return "int64_t";
	case IDL_UINT32:
		return "uint32_t";
	case IDL_UINT64:
		return "uint64_t";
	case IDL_FLOAT:
		return "float";
	case IDL_DOUBLE:
		return "double";
	case IDL_BOOL:
		/* An array of them is protobuf-c's own: copying it would cost more. */
		return field->presence == IDL_REPEATED ? "protobuf_c_boolean" : "bool";
	case IDL_ENUM:
		return plan->enums[field->enumeration->index].type;
	case IDL_STRING:
		return "char";
	case IDL_BYTES:
		return field->presence == IDL_REPEATED ? "ProtobufCBinaryData" : "uint8_t";
	case IDL_MESSAGE:
	case IDL_GROUP:
		break;
	}
	return plan->messages[field->message->index].type;
}

/* An output says with a flag that it is there, where no pointer can. */
static bool needs_flag(const idl_field *field)
{
	return idl_field_may_be_absent(field) && field->kind != IDL_STRING &&
	       field->kind != IDL_MESSAGE;
}

static void set_names(idl_arena *arena, gen_param *param, const char *ret, const char *base)
{
	const idl_field *field = param->field;

	param->name = idl_arena_printf(arena, "%s%s", ret, base);
	if (field->presence == IDL_REPEATED)
		param->count = idl_arena_printf(arena, "%sn_%s", ret, base);
	else if (field->kind == IDL_BYTES)
		param->count = idl_arena_printf(arena, "%s%s_len", ret, base);
	if (*ret != '\0' && needs_flag(field))
		param->has = idl_arena_printf(arena, "%shas_%s", ret, base);
}

static void name_param(naming *in, gen_param *param, const char *ret)
{
	idl_arena *arena = &in->plan->arena;
	const char *base = gen_cname_lower_case(arena, param->field->name);

	set_names(arena, param, ret, base);
	while (!is_free(in, param->name) || !is_free(in, param->count) ||
	       !is_free(in, param->has)) {
		base = idl_arena_printf(arena, "%s_", base);
		set_names(arena, param, ret, base);
	}
	take(in, param->name);
	take(in, param->count);
	take(in, param->has);
}

static gen_param *name_fields(naming *in, const idl_message *message, const gen_type_name *names,
			      const char *ret, size_t *ret_count)
{
	gen_param *params;

	*ret_count = idl_message_is_empty(message) ? 0 : message->n_fields;
	params = idl_arena_array(&in->plan->arena, *ret_count, sizeof(*params));
	for (size_t i = 0; i < *ret_count; i++) {
		params[i].field = &message->fields[i];
		params[i].names = &names->fields[i];
		params[i].type = type_of(in->plan, params[i].field);
		name_param(in, &params[i], ret);
	}
	return params;
}

static const char *name_local(naming *in, const char *name)
{
	while (!is_free(in, name))
		name = idl_arena_printf(&in->plan->arena, "%s_", name);
	take(in, name);
	return name;
}

/* Variables for outputs: taken out of the reply, or to be put into it. */
static void name_output_locals(naming *in, gen_param *param)
{
	idl_arena *arena = &in->plan->arena;
	const char *base = param->names->member;

	param->local = name_local(in, idl_arena_printf(arena, "the_%s", base));
	if (param->count != NULL)
		param->local_count = name_local(in, idl_arena_printf(arena, "the_%s_len", base));
	if (param->has != NULL)
		param->local_has = name_local(in, idl_arena_printf(arena, "has_%s", base));
}

/* Only what has to be looked at before it is handed on needs a variable. */
static void name_input_locals(naming *in, gen_param *param)
{
	idl_arena *arena = &in->plan->arena;
	const char *base = param->names->member;

	if (!idl_field_may_be_absent(param->field))
		return;
	if (param->field->kind == IDL_BOOL || param->field->kind == IDL_BYTES)
		param->local = name_local(in, idl_arena_printf(arena, "the_%s", base));
	if (param->field->kind == IDL_BYTES)
		param->local_count = name_local(in, idl_arena_printf(arena, "the_%s_len", base));
}

/* What finishes a deferred call has the fields of the reply going in. */
static void name_answers(gen_plan *plan, gen_method *method)
{
	naming in = {.plan = plan};

	method->answers =
		name_fields(&in, method->method->reply, method->reply, "", &method->n_answers);
	method->local_answer = name_local(&in, "reply");
}

/* What starts a call has parameters beside the fields of the request, which come first. */
static void name_starting(gen_plan *plan, gen_method *method)
{
	naming in = {.plan = plan};

	for (size_t i = 0; i < method->n_inputs; i++) {
		take(&in, method->inputs[i].name);
		take(&in, method->inputs[i].count);
	}
	take(&in, method->local_request);
	method->local_ended = name_local(&in, "ended");
	method->local_data = name_local(&in, "data");
	method->local_pending = name_local(&in, "ret_pending");
}

void gen_name_params(gen_plan *plan, const gen_service *service, gen_method *method)
{
	naming in = {.plan = plan};

	if (method->form_reason != NULL)
		return;
	name_answers(plan, method);
	/* The functions that have the parameters also say these. */
	take(&in, service->methods_table);
	take(&in, method->filler);
	take(&in, method->taker);
	method->inputs =
		name_fields(&in, method->method->request, method->request, "", &method->n_inputs);
	method->outputs =
		name_fields(&in, method->method->reply, method->reply, "ret_", &method->n_outputs);
	method->local_request = name_local(&in, "request");
	method->local_message = name_local(&in, "message");
	method->local_reply = name_local(&in, "reply");
	method->local_scratch = name_local(&in, "scratch");
	method->local_status = name_local(&in, "r");
	/* The function that calls the handler has these as its parameters. */
	take(&in, "request");
	take(&in, "reply");
	take(&in, "handlers");
	for (size_t i = 0; i < method->n_inputs; i++)
		name_input_locals(&in, &method->inputs[i]);
	for (size_t i = 0; i < method->n_outputs; i++)
		name_output_locals(&in, &method->outputs[i]);
	name_starting(plan, method);
}
