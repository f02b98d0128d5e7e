/*
 * check_types.c - the rules that a model must obey: what protobuf-c can't carry.
 *
 * A group, or an extension of a message, is an error where a method could meet
 * it, whoever writes the message's C: it would not be on the wire. Elsewhere it
 * is left out, with a warning.
 */
#include "check.h"

#include <string.h>

typedef struct reach {
	const idl_model *model;
	bool *messages;              /* by index */
	const idl_message **waiting; /* marked, but their fields are still to be followed */
	size_t n_waiting;
} reach;

static void mark(reach *r, const idl_message *message)
{
	if (r->messages[message->index])
		return;
	r->messages[message->index] = true;
	r->waiting[r->n_waiting++] = message;
}

/* Mark what can be met from there on. Not by recursion: chains may be long. */
static void follow(reach *r)
{
	while (r->n_waiting > 0) {
		const idl_message *message = r->waiting[--r->n_waiting];

		for (size_t i = 0; i < message->n_fields; i++) {
			if (message->fields[i].message != NULL)
				mark(r, message->fields[i].message);
		}
	}
}

/* Methods with streams are left out, and meet nothing. */
static void mark_service(reach *r, const idl_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		const idl_method *method = &service->methods[i];

		if (method->client_streaming || method->server_streaming)
			continue;
		mark(r, method->request);
		mark(r, method->reply);
	}
}

static void mark_services(reach *r)
{
	for (size_t i = 0; i < r->model->n_files; i++) {
		const idl_file *file = &r->model->files[i];

		for (size_t j = 0; file->named && j < file->n_services; j++)
			mark_service(r, &file->services[j]);
	}
	follow(r);
}

/* Of messages that nobody meets, only those that are written concern us. */
static void check_fields(const idl_message *message, bool reached, bool written, idl_diags *diags)
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
		else if (written)
			idl_warning(diags, field->place,
				    "the group %s is left out, as protobuf-c can't carry it; make "
				    "it a message and a field of it",
				    field->message->name);
	}
}

static bool is_reached(const reach *r, const char *message)
{
	const idl_message *found = idl_model_message(r->model, message);

	return found != NULL && r->messages[found->index];
}

/* Options are extensions, too, but nobody sends them. */
static bool is_option(const idl_extension *extension)
{
	return strncmp(extension->extendee, "google.protobuf.", 16) == 0;
}

static void check_extension(const reach *r, const idl_extension *extension, bool written,
			    idl_diags *diags)
{
	if (is_option(extension))
		return;
	if (is_reached(r, extension->extendee))
		idl_error(diags, extension->place,
			  "protobuf-c can't carry the extension %s of %s, which a method would "
			  "meet; make it a field of the message",
			  extension->name, extension->extendee);
	else if (written)
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
	r.waiting = idl_arena_array(&arena, model->n_messages, sizeof(const idl_message *));
	mark_services(&r);
	for (size_t i = 0; i < model->n_messages; i++) {
		const idl_message *message = model->messages[i];

		check_fields(message, r.messages[i], files[message->file->index], diags);
	}
	for (size_t i = 0; i < model->n_files; i++) {
		for (size_t j = 0; j < model->files[i].n_extensions; j++)
			check_extension(&r, &model->files[i].extensions[j], files[i], diags);
	}
	idl_arena_done(&arena);
}
