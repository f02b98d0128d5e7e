/*
 * name_clashes.c - the name pass: C names that two files have in common.
 *
 * Within a file the other steps see to it that all names differ. That two files
 * agree on a name that is not the same in protobuf (fooBar.M and foo_bar.M, or M
 * of one and m of the other) nobody prevents. It is an error
 *
 *   - where one C file includes the headers of both, as it would not compile;
 *   - where the name is a function's, and both files are the user's, or what the
 *     user's need: no program could have both.
 *
 * Services of imported files may never become C, so that a prefix that two of
 * them share is only worth a warning.
 */
#include "plan.h"

#include <string.h>

#include "cnames.h"
#include "idl/closure.h"

/* What has a name. */
typedef struct owner {
	const char *full_name;
	const idl_file *file;
	idl_place place;
} owner;

typedef struct search {
	gen_plan *plan;
	idl_diags *diags;
	idl_closure seen;   /* what the user's files are, and need */
	idl_arena arena;    /* of the names that were put together for this */
	idl_table names;    /* of C, to owners */
	const owner *about; /* what has been reported already */
} search;

static bool has_both(const idl_closure *c, const idl_file *a, const idl_file *b)
{
	return c->files[a->index] && c->files[b->index];
}

/* Does a C file that is written for this one include the headers of both? */
static bool includes_both(const gen_plan *plan, const gen_file *file, const idl_file *a,
			  const idl_file *b)
{
	idl_arena arena = {0};
	idl_closure messages = idl_closure_new(&arena, plan->model);
	idl_closure services = idl_closure_new(&arena, plan->model);
	bool both;

	idl_closure_add_all(&messages, file->file, false);
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			const idl_method *method = file->services[i].methods[j].method;

			idl_closure_add_all(&services, method->request->file, false);
			idl_closure_add_all(&services, method->reply->file, false);
		}
	}
	both = has_both(&messages, a, b) || has_both(&services, a, b);
	idl_arena_done(&arena);
	return both;
}

/* Does a program that has this file's C have that of both? */
static bool links_both(const gen_plan *plan, const gen_file *file, const idl_file *a,
		       const idl_file *b)
{
	idl_arena arena = {0};
	idl_closure needed = idl_closure_new(&arena, plan->model);
	bool both;

	idl_closure_add_all(&needed, file->file, true);
	both = has_both(&needed, a, b);
	idl_arena_done(&arena);
	return both;
}

static bool meet(const gen_plan *plan, const idl_file *a, const idl_file *b, bool function)
{
	if (function && a->named && b->named)
		return true;
	for (size_t i = 0; i < plan->n_files; i++) {
		if (includes_both(plan, &plan->files[i], a, b) ||
		    (function && links_both(plan, &plan->files[i], a, b)))
			return true;
	}
	return false;
}

/* One collision of a type is reported, and not all that follow from it. */
static void claim(search *in, const owner *o, const char *name, bool function)
{
	const owner *other = idl_table_add(&in->names, &in->arena, name, (void *)(uintptr_t)o);

	if (other == NULL || other->file == o->file || in->about == o ||
	    !meet(in->plan, o->file, other->file, function))
		return;
	in->about = o;
	idl_error(in->diags, o->place,
		  "the C name %s belongs to both %s and %s (%s); rename one of them, or give the "
		  "types of its file another package in C with option (pb_c_file).c_package",
		  name, o->full_name, other->full_name, idl_place_string(&in->arena, other->place));
}

static const owner *new_owner(search *in, const char *full_name, const idl_file *file,
			      idl_place place)
{
	owner *o = idl_arena_alloc(&in->arena, sizeof(*o));

	*o = (owner){full_name, file, place};
	return o;
}

/* What messages and enums both have; all functions of a type begin as its descriptor does. */
static void claim_type(search *in, const owner *o, const gen_type_name *name)
{
	claim(in, o, name->type, false);
	claim(in, o, idl_arena_printf(&in->arena, "%s__descriptor", name->lower), true);
}

static void claim_message(search *in, const idl_message *message)
{
	const gen_type_name *name = &in->plan->messages[message->index];
	const owner *o = new_owner(in, message->full_name, message->file, message->place);

	claim_type(in, o, name);
	claim(in, o, idl_arena_printf(&in->arena, "%s__INIT", name->upper), false);
	for (size_t i = 0; i < message->n_oneofs; i++) {
		const char *oneof = name->oneofs[i];

		claim(in, o,
		      idl_arena_printf(&in->arena, "%s__%sCase", name->type,
				       gen_cname_type(&in->arena, oneof)),
		      false);
		claim(in, o,
		      idl_arena_printf(&in->arena, "%s__%s__NOT_SET", name->upper,
				       gen_cname_upper(&in->arena, oneof)),
		      false);
	}
	for (size_t i = 0; i < message->n_fields; i++) {
		if (name->fields[i].case_value != NULL)
			claim(in, o, name->fields[i].case_value, false);
	}
}

static void claim_enum(search *in, const idl_enum *e)
{
	const gen_type_name *name = &in->plan->enums[e->index];
	const owner *o = new_owner(in, e->full_name, e->file, e->place);

	claim_type(in, o, name);
	for (size_t i = 0; i < e->n_values; i++)
		claim(in, o, idl_arena_printf(&in->arena, "%s__%s", name->upper, e->values[i].name),
		      false);
}

static void claim_types(search *in)
{
	const idl_model *model = in->plan->model;

	for (size_t i = 0; i < model->n_messages; i++) {
		if (in->seen.files[model->messages[i]->file->index])
			claim_message(in, model->messages[i]);
	}
	for (size_t i = 0; i < model->n_enums; i++) {
		if (in->seen.files[model->enums[i]->file->index])
			claim_enum(in, model->enums[i]);
	}
}

/* All files are imported by the user's, or are theirs. */
static void compare_prefixes(search *in)
{
	const idl_model *model = in->plan->model;
	idl_table prefixes = {0};

	for (size_t i = 0; i < model->n_files; i++) {
		const idl_file *file = &model->files[i];

		for (size_t j = 0; j < file->n_services; j++) {
			const idl_service *service = &file->services[j];
			const char *prefix = gen_service_prefix(&in->arena, service);
			const owner *o = new_owner(in, service->full_name, file, service->place);
			const owner *other =
				idl_table_add(&prefixes, &in->arena, prefix, (void *)(uintptr_t)o);

			/* Of two that are the user's, all names are compared elsewhere. */
			if (other == NULL || (file->named && other->file->named))
				continue;
			idl_warning(in->diags, service->place,
				    "C names of both %s and %s (%s) begin with %s, so that no "
				    "program can have both; give one of them another prefix with "
				    "option (mqcall.prefix)",
				    service->full_name, other->full_name,
				    idl_place_string(&in->arena, other->place), prefix);
		}
	}
}

void gen_name_clashes(gen_plan *plan, idl_diags *diags)
{
	search in = {.plan = plan, .diags = diags};
	bool *named = idl_arena_array(&in.arena, plan->model->n_files, sizeof(*named));

	for (size_t i = 0; i < plan->n_files; i++)
		named[plan->files[i].file->index] = true;
	in.seen = idl_closure_new(&in.arena, plan->model);
	idl_closure_add_several(&in.seen, named, true);
	if (idl_closure_count(&in.seen) > 1)
		claim_types(&in);
	compare_prefixes(&in);
	idl_arena_done(&in.arena);
}
