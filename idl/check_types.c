/*
 * check_types.c - the rules that a model must obey: what protobuf-c can't carry.
 *
 * A group, or an extension of a message, is an error where a method could meet
 * it; elsewhere it is left out, with a warning.
 */
#include "check.h"

#include <string.h>

typedef struct reach {
	const idl_model *model;
	bool *messages; /* by index */
} reach;

/* Mark what can be met from this message on. It may contain itself. */
static void mark(reach *r, const idl_message *message)
{
	if (r->messages[message->index])
		return;
	r->messages[message->index] = true;
	for (size_t i = 0; i < message->n_fields; i++) {
		if (message->fields[i].message != NULL)
			mark(r, message->fields[i].message);
	}
}

static void mark_services(reach *r)
{
	for (size_t i = 0; i < r->model->n_files; i++) {
		const idl_file *file = &r->model->files[i];

		for (size_t j = 0; file->named && j < file->n_services; j++) {
			for (size_t k = 0; k < file->services[j].n_methods; k++) {
				mark(r, file->services[j].methods[k].request);
				mark(r, file->services[j].methods[k].reply);
			}
		}
	}
}

static void check_fields(const idl_message *message, bool reached, idl_diags *diags)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const idl_field *field = &message->fields[i];

		if (field->kind != IDL_GROUP)
			continue;
		if (reached)
			idl_error(diags, field->place,
				  "protobuf-c can't carry the group %s, which a method would meet; "
				  "make it a message and a field of it",
				  field->message->name);
		else
			idl_warning(diags, field->place,
				    "the group %s is left out, as protobuf-c can't carry it; make "
				    "it a message and a field of it",
				    field->message->name);
	}
}

static bool is_reached(const reach *r, const char *message)
{
	for (size_t i = 0; i < r->model->n_messages; i++)
		if (strcmp(r->model->messages[i]->full_name, message) == 0)
			return r->messages[i];
	return false;
}

/* Options are extensions, too, but nobody sends them. */
static bool is_option(const idl_extension *extension)
{
	return strncmp(extension->extendee, "google.protobuf.", 16) == 0;
}

static void check_extension(const reach *r, const idl_extension *extension, idl_diags *diags)
{
	if (is_option(extension))
		return;
	if (is_reached(r, extension->extendee))
		idl_error(diags, extension->place,
			  "protobuf-c can't carry the extension %s of %s, which a method would "
			  "meet; make it a field of the message",
			  extension->name, extension->extendee);
	else
		idl_warning(
			diags, extension->place,
			"the extension %s of %s is left out, as protobuf-c can't carry it; make "
			"it a field of the message",
			extension->name, extension->extendee);
}

void idl_check_types(const idl_model *model, const bool *files, idl_diags *diags)
{
	idl_arena arena = {0};
	reach r = {.model = model};

	r.messages = idl_arena_array(&arena, model->n_messages, sizeof(*r.messages));
	mark_services(&r);
	for (size_t i = 0; i < model->n_messages; i++) {
		if (files[model->messages[i]->file->index])
			check_fields(model->messages[i], r.messages[i], diags);
	}
	for (size_t i = 0; i < model->n_files; i++) {
		for (size_t j = 0; files[i] && j < model->files[i].n_extensions; j++)
			check_extension(&r, &model->files[i].extensions[j], diags);
	}
	idl_arena_done(&arena);
}
