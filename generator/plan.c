/*
 * plan.c - the name pass: a model in, a plan out.
 *
 * Types first, as protoc-gen-c names them; then services and methods, and then
 * the parameters of each method. Here are the steps around those.
 */
#include "plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cnames.h"

const char *gen_claim(idl_arena *arena, idl_table *table, const char *name, void *value)
{
	while (idl_table_add(table, arena, name, value) != NULL)
		name = idl_arena_printf(arena, "%s_", name);
	return name;
}

/* Two files never have the same guard: what is no letter or digit goes by its number. */
static const char *guard_of(idl_arena *arena, const char *file)
{
	char *guard = idl_arena_alloc(arena, 3 * strlen(file) + 32);
	char *end = guard;

	memcpy(end, "MQCALL_", 7);
	end += 7;
	for (; *file != '\0'; file++) {
		if (isalnum((unsigned char)*file)) {
			*end++ = *file;
		} else {
			*end++ = '_';
			*end++ = "0123456789abcdef"[(unsigned char)*file >> 4];
			*end++ = "0123456789abcdef"[(unsigned char)*file & 15];
		}
	}
	memcpy(end, "_INCLUDED", 10);
	return guard;
}

/* The stems of files, each once, in the order in which they are added. */
typedef struct stems {
	idl_table seen;
	const char **list;
	size_t count;
} stems;

static void add_stem(gen_plan *plan, stems *list, const stems *but, const idl_message *message)
{
	const char *stem = gen_cname_stem(&plan->arena, message->file->name);

	if (but != NULL && idl_table_find(&but->seen, stem) != NULL)
		return;
	if (idl_table_add(&list->seen, &plan->arena, stem, list) == NULL)
		list->list[list->count++] = stem;
}

/*
 * The header mentions the messages of the methods. Empty is mentioned in the
 * source only, as it gives no parameter.
 */
static void find_includes(gen_plan *plan, gen_file *file)
{
	stems header = {0};
	stems source = {0};
	size_t n_methods = 0;

	for (size_t i = 0; i < file->n_services; i++)
		n_methods += file->services[i].n_methods;
	header.list = idl_arena_array(&plan->arena, 2 * n_methods, sizeof(*header.list));
	source.list = idl_arena_array(&plan->arena, 2 * n_methods, sizeof(*source.list));
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			const gen_method *method = &file->services[i].methods[j];

			if (!method->request_is_empty)
				add_stem(plan, &header, NULL, method->method->request);
			if (!method->reply_is_empty)
				add_stem(plan, &header, NULL, method->method->reply);
		}
	}
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			const gen_method *method = &file->services[i].methods[j];

			add_stem(plan, &source, &header, method->method->request);
			add_stem(plan, &source, &header, method->method->reply);
		}
	}
	file->includes = header.list;
	file->n_includes = header.count;
	file->source_includes = source.list;
	file->n_source_includes = source.count;
}

static void add_file(gen_plan *plan, const idl_file *from)
{
	gen_file *file = &plan->files[plan->n_files++];

	*file = (gen_file){.file = from};
	file->stem = gen_cname_stem(&plan->arena, from->name);
	file->guard = guard_of(&plan->arena, idl_arena_printf(&plan->arena, "%s.mqc", file->stem));
	file->n_services = from->n_services;
	file->services = idl_arena_array(&plan->arena, file->n_services, sizeof(*file->services));
}

gen_plan *gen_plan_new(const idl_model *model, idl_diags *diags)
{
	gen_plan *plan = idl_realloc(NULL, sizeof(*plan));

	*plan = (gen_plan){.model = model};
	gen_name_types(plan, diags);
	plan->files = idl_arena_array(&plan->arena, model->n_files, sizeof(*plan->files));
	for (size_t i = 0; i < model->n_files; i++) {
		if (model->files[i].named)
			add_file(plan, &model->files[i]);
	}
	gen_name_services(plan, diags);
	gen_name_clashes(plan, diags);
	for (size_t i = 0; i < plan->n_files; i++)
		find_includes(plan, &plan->files[i]);
	return plan;
}

gen_plan *gen_plan_free(gen_plan *plan)
{
	if (plan != NULL) {
		idl_arena_done(&plan->arena);
		free(plan);
	}
	return NULL;
}
