/*
 * check.c - the rules that a model must obey: what concerns it as a whole.
 */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "closure.h"

/* All methods, of all services, that the user named. */
static const idl_method **list_methods(const idl_model *model, size_t *ret_count)
{
	const idl_method **list;
	size_t count = 0;

	for (size_t i = 0; i < model->n_files; i++) {
		for (size_t j = 0; j < model->files[i].n_services; j++)
			count += model->files[i].services[j].n_methods;
	}
	list = idl_realloc(NULL, count * sizeof(*list));
	count = 0;
	for (size_t i = 0; i < model->n_files; i++) {
		const idl_file *file = &model->files[i];

		for (size_t j = 0; file->named && j < file->n_services; j++) {
			for (size_t k = 0; k < file->services[j].n_methods; k++)
				list[count++] = &file->services[j].methods[k];
		}
	}
	*ret_count = count;
	return list;
}

static int compare_ids(const void *a, const void *b)
{
	const idl_method *x = *(const idl_method *const *)a;
	const idl_method *y = *(const idl_method *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->full_name, y->full_name);
}

/* On the wire a method is its hash. */
static void check_hashes(const idl_model *model, idl_diags *diags)
{
	size_t count;
	const idl_method **list = list_methods(model, &count);

	qsort(list, count, sizeof(*list), compare_ids);
	for (size_t i = 1; i < count; i++) {
		if (list[i]->id == list[i - 1]->id)
			idl_error(diags, list[i]->place,
				  "%s and %s have the same hash, 0x%016" PRIx64
				  ", by which they are told apart on the wire; rename one of them",
				  list[i]->full_name, list[i - 1]->full_name, list[i]->id);
	}
	free(list);
}

void idl_check(const idl_model *model, bool with_imports, idl_diags *diags)
{
	idl_arena arena = {0};
	idl_closure written = idl_closure_new(&arena, model);

	idl_closure_add_written(&written, with_imports);
	for (size_t i = 0; i < model->n_files; i++) {
		const idl_file *file = &model->files[i];

		for (size_t j = 0; file->named && j < file->n_services; j++)
			idl_check_service(&file->services[j], diags);
	}
	idl_check_types(model, written.files, diags);
	check_hashes(model, diags);
	idl_arena_done(&arena);
}
