/*
 * closure.c - which files need which others.
 */
#include "closure.h"

closure closure_new(idl_arena *arena, const idl_model *model)
{
	closure c = {.model = model};

	c.files = idl_arena_array(arena, model->n_files, sizeof(*c.files));
	return c;
}

static void mark(closure *c, const idl_file *from, const idl_file *to)
{
	if (to != from)
		c->files[to->index] = true;
}

static void add_message(closure *c, const idl_message *message)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const idl_field *field = &message->fields[i];

		if (field->message != NULL)
			mark(c, message->file, field->message->file);
		if (field->enumeration != NULL)
			mark(c, message->file, field->enumeration->file);
	}
}

static void add_service(closure *c, const idl_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		mark(c, service->file, service->methods[i].request->file);
		mark(c, service->file, service->methods[i].reply->file);
	}
}

/* The messages of a file stand together, from its first one on. */
static void add_messages(closure *c, const idl_file *file)
{
	size_t i = file->n_messages > 0 ? file->messages[0]->index : c->model->n_messages;

	for (; i < c->model->n_messages && c->model->messages[i]->file == file; i++)
		add_message(c, c->model->messages[i]);
}

void closure_add_needed(closure *c, const idl_file *file, bool by_methods)
{
	add_messages(c, file);
	for (size_t i = 0; by_methods && i < file->n_services; i++)
		add_service(c, &file->services[i]);
}

void closure_add_all(closure *c, const idl_file *file, bool by_methods)
{
	c->files[file->index] = true;
	closure_add_needed(c, file, by_methods);
	/* Files stand after those they import: going back once reaches all. */
	for (size_t i = file->index; i > 0; i--) {
		if (c->files[i - 1])
			closure_add_needed(c, &c->model->files[i - 1], false);
	}
}

size_t closure_count(const closure *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->model->n_files; i++)
		count += c->files[i];
	return count;
}
