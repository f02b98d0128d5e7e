/*
 * check_types.c - the rules that a model must obey: what protobuf-c can't carry.
 */
#include "check.h"

#include <string.h>

static void check_fields(const idl_message *message, idl_diags *diags)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const idl_field *field = &message->fields[i];

		if (field->kind == IDL_GROUP)
			idl_error(diags, field->place,
				  "protobuf-c can't carry the group %s; make it a message and a "
				  "field of it",
				  field->message->name);
	}
}

void idl_check_file_types(const idl_model *model, const idl_file *file, idl_diags *diags)
{
	for (size_t i = 0; i < model->n_messages; i++) {
		if (model->messages[i]->file == file)
			check_fields(model->messages[i], diags);
	}
}
