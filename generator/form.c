/*
 * form.c - which methods have the function form: the rule of form.h.
 */
#include "form.h"

static const char *field_reason(const idl_message *message, const idl_field *field)
{
	if (field->presence == IDL_ONEOF)
		return "has a oneof";
	if (field->kind == IDL_GROUP)
		return "has a group";
	if (field->message != NULL && field->message->map_entry)
		return "has a map";
	if (field->message == message)
		return "contains itself";
	return NULL;
}

static const char *message_reason(const idl_message *message)
{
	if (idl_message_is_empty(message))
		return NULL;
	if (message->n_fields > GEN_FORM_MAX_FIELDS)
		return "has more than eight fields";
	for (size_t i = 0; i < message->n_fields; i++) {
		const char *reason = field_reason(message, &message->fields[i]);

		if (reason != NULL)
			return reason;
	}
	return NULL;
}

const char *gen_form_reason(const idl_method *method)
{
	const char *reason;

	if (method->form.set && method->form.number == IDL_FORM_MESSAGE)
		return "has the option (mqcall.form) = MESSAGE";
	reason = message_reason(method->request);
	return reason != NULL ? reason : message_reason(method->reply);
}

bool gen_form_has_function(const idl_method *method)
{
	return gen_form_reason(method) == NULL;
}
