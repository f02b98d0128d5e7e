/*
 * closure.c - which files need which others.
 */
#include "closure.h"

idl_closure idl_closure_new(idl_arena *arena, const idl_model *model)
{
	idl_closure c = {.model = model};

	c.files = idl_arena_array(arena, model->n_files, sizeof(*c.files));
	return c;
}

static void mark(idl_closure *c, const idl_file *from, const idl_file *to)
{
	if (to != from)
		c->files[to->index] = true;
}

static void add_message(idl_closure *c, const idl_message *message)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const idl_field *field = &message->fields[i];

		if (field->message != NULL)
			mark(c, message->file, field->message->file);
		if (field->enumeration != NULL)
			mark(c, message->file, field->enumeration->file);
	}
}

static void add_service(idl_closure *c, const idl_service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		mark(c, service->file, service->methods[i].request->file);
		mark(c, service->file, service->methods[i].reply->file);
	}
}

/* The messages of a file stand together, from its first one on. */
static void add_messages(idl_closure *c, const idl_file *file)
{
	size_t i = file->n_messages > 0 ? file->messages[0]->index : c->model->n_messages;

	for (; i < c->model->n_messages && c->model->messages[i]->file == file; i++)
		add_message(c, c->model->messages[i]);
}

void idl_closure_add_needed(idl_closure *c, const idl_file *file, bool by_methods)
{
	add_messages(c, file);
	for (size_t i = 0; by_methods && i < file->n_services; i++)
		add_service(c, &file->services[i]);
}

/* Files stand after those they import: going back once, from `end` on, reaches all. */
static void add_what_these_need(idl_closure *c, size_t end)
{
	for (size_t i = end; i > 0; i--) {
		if (c->files[i - 1])
			idl_closure_add_needed(c, &c->model->files[i - 1], false);
	}
}

void idl_closure_add_all(idl_closure *c, const idl_file *file, bool by_methods)
{
	c->files[file->index] = true;
	idl_closure_add_needed(c, file, by_methods);
	add_what_these_need(c, file->index);
}

void idl_closure_add_several(idl_closure *c, const bool *files, bool by_methods)
{
	for (size_t i = 0; i < c->model->n_files; i++) {
		if (files[i]) {
			c->files[i] = true;
			idl_closure_add_needed(c, &c->model->files[i], by_methods);
		}
	}
	add_what_these_need(c, c->model->n_files);
}

/* Those that `file` needs, of those that are to be written. */
static void add_written(idl_closure *c, const idl_file *file, bool with_imports)
{
	idl_arena arena = {0};
	idl_closure needed = idl_closure_new(&arena, c->model);

	idl_closure_add_needed(&needed, file, file->named);
	for (size_t i = 0; i < c->model->n_files; i++) {
		if (needed.files[i] &&
		    (with_imports || idl_file_is_well_known(&c->model->files[i])))
			c->files[i] = true;
	}
	idl_arena_done(&arena);
}

void idl_closure_add_written(idl_closure *c, bool with_imports)
{
	for (size_t i = c->model->n_files; i > 0; i--) {
		const idl_file *file = &c->model->files[i - 1];

		if (file->named)
			c->files[file->index] = true;
		if (c->files[file->index])
			add_written(c, file, with_imports);
	}
}

size_t idl_closure_count(const idl_closure *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->model->n_files; i++)
		count += c->files[i];
	return count;
}
