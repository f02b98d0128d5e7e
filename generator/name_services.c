/*
 * name_services.c - the name pass: services and their methods.
 *
 * A service with the prefix `calc` owns calc_service, calc_handlers, calc_serve
 * and so on; its method Add owns calc_add, calc_add_msg, calc_add_start and the
 * others in `derived`, even if it is one-way and has not all of them: so that it
 * may cease to be. IDLs have methods that get into the way of that (Send and
 * SendMsg; one called Serve): such a method gets '_' after its name and a
 * warning tells of the option c_name. Shorter names go first, so Send keeps its
 * own. Two methods that the user gave one and the same name are an error, as
 * nobody but the user knows which is which.
 *
 * calc_add_reply and calc_add_reply_msg, which finish a deferred Add, take what
 * is left: when all else has its name, of this and of imported files, a method
 * of which one of the two is another's (as that of AddReply) goes without both.
 * So they change no other name, and nothing is refused for them.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "cnames.h"
#include "form.h"
#include "words.h"

/* What a name that has been taken belongs to. */
typedef struct owner {
	const char *what; /* for messages: "calc.Calculator/Add" */
	idl_place place;
} owner;

typedef struct naming {
	gen_plan *plan;
	idl_diags *diags;
	gen_service *service;
	idl_table names;   /* in the service, without its prefix */
	idl_table *global; /* with it, in all services */
} naming;

static const char *const derived[] = {"_msg", "_start", "_finish", "_start_msg", "_finish_msg"};

enum {
	N_DERIVED = sizeof(derived) / sizeof(derived[0])
};

static owner *new_owner(naming *in, const char *what, idl_place place)
{
	owner *o = idl_arena_alloc(&in->plan->arena, sizeof(*o));

	*o = (owner){.what = what, .place = place};
	return o;
}

/* ------------------------------------------------------------ prefixes -- */

const char *gen_service_prefix(idl_arena *arena, const idl_service *service)
{
	if (service->prefix.set)
		return service->prefix.text;
	return gen_cname_snake(arena, service->full_name);
}

static void check_prefix(naming *in)
{
	const idl_service *service = in->service->service;
	const char *holder = gen_word_prefix_owner(in->service->prefix);

	if (holder != NULL)
		idl_error(
			in->diags, service->prefix.set ? service->prefix.place : service->place,
			"the prefix %s of C names is taken by %s; give %s another one with option "
			"(mqcall.prefix)",
			in->service->prefix, holder, service->full_name);
}

static const char *support_name(naming *in, const char *name)
{
	idl_table_add(&in->names, &in->plan->arena, name,
		      new_owner(in, in->service->service->full_name, in->service->service->place));
	return idl_arena_printf(&in->plan->arena, "%s_%s", in->service->prefix, name);
}

static void name_support(naming *in)
{
	gen_service *service = in->service;

	service->prefix = gen_service_prefix(&in->plan->arena, service->service);
	check_prefix(in);
	service->table = support_name(in, "service");
	service->handlers = support_name(in, "handlers");
	service->msg_handlers = support_name(in, "msg_handlers");
	service->serve = support_name(in, "serve");
	service->serve_msg = support_name(in, "serve_msg");
}

/* ------------------------------------------------------------- methods -- */

static const char *wanted_name(idl_arena *arena, const idl_method *method)
{
	return method->c_name.set ? method->c_name.text : gen_cname_snake(arena, method->name);
}

static bool method_name_is_free(naming *in, const char *name)
{
	idl_arena *arena = &in->plan->arena;

	if (idl_table_find(&in->names, name) != NULL)
		return false;
	for (size_t i = 0; i < N_DERIVED; i++) {
		if (idl_table_find(&in->names, idl_arena_printf(arena, "%s%s", name, derived[i])))
			return false;
	}
	return !gen_word_is_system_function(
		idl_arena_printf(arena, "%s_%s", in->service->prefix, name));
}

static void take_method_name(naming *in, const char *name, owner *o)
{
	idl_arena *arena = &in->plan->arena;

	idl_table_add(&in->names, arena, name, o);
	for (size_t i = 0; i < N_DERIVED; i++)
		idl_table_add(&in->names, arena, idl_arena_printf(arena, "%s%s", name, derived[i]),
			      o);
}

/* Whatever is in the way: the name's own owner, or that of a name made of it. */
static const char *who_has(naming *in, const char *name)
{
	idl_arena *arena = &in->plan->arena;
	const owner *o = idl_table_find(&in->names, name);

	for (size_t i = 0; o == NULL && i < N_DERIVED; i++)
		o = idl_table_find(&in->names, idl_arena_printf(arena, "%s%s", name, derived[i]));
	return o != NULL ? o->what : "the C library";
}

static void name_method(naming *in, gen_method *method)
{
	idl_arena *arena = &in->plan->arena;
	const idl_method *m = method->method;
	const char *wanted = wanted_name(arena, m);
	const char *name = wanted;

	while (!method_name_is_free(in, name))
		name = idl_arena_printf(arena, "%s_", name);
	if (name != wanted && m->c_name.set)
		idl_error(in->diags, m->c_name.place,
			  "the C name %s_%s is taken by %s; choose another (mqcall.c_name)",
			  in->service->prefix, wanted, who_has(in, wanted));
	else if (name != wanted)
		idl_warning(in->diags, m->place,
			    "%s is %s_%s in C, as %s_%s is taken by %s; choose a name with option "
			    "(mqcall.c_name)",
			    m->name, in->service->prefix, name, in->service->prefix, wanted,
			    who_has(in, wanted));
	take_method_name(in, name, new_owner(in, m->full_name, m->place));
	method->name = idl_arena_printf(arena, "%s_%s", in->service->prefix, name);
	method->msg_name = idl_arena_printf(arena, "%s_msg", method->name);
	if (m->oneway.number == 0) {
		method->start = idl_arena_printf(arena, "%s_start", method->name);
		method->finish = idl_arena_printf(arena, "%s_finish", method->name);
		method->start_msg = idl_arena_printf(arena, "%s_start_msg", method->name);
		method->finish_msg = idl_arena_printf(arena, "%s_finish_msg", method->name);
	}
	method->member = gen_word_is_no_method(name) ? idl_arena_printf(arena, "%s_", name) : name;
}

/* A handler's member may have become another's: `int` is int_, and so is Int_. */
static void name_members(naming *in)
{
	idl_table members = {0};

	for (size_t i = 0; i < in->service->n_methods; i++) {
		gen_method *method = &in->service->methods[i];

		method->member = gen_claim(&in->plan->arena, &members, method->member, method);
	}
}

/* Two methods of one name: GetFoo and Get_Foo. */
static bool report_equal_names(naming *in)
{
	idl_arena *arena = &in->plan->arena;
	idl_table wanted = {0};
	bool good = true;

	for (size_t i = 0; i < in->service->n_methods; i++) {
		const idl_method *method = in->service->methods[i].method;
		const char *name = wanted_name(arena, method);
		const idl_method *other =
			idl_table_add(&wanted, arena, name, (void *)(uintptr_t)method);

		if (other == NULL)
			continue;
		idl_error(in->diags, method->c_name.set ? method->c_name.place : method->place,
			  "%s and %s (%s) are both %s_%s in C; give one of them another name with "
			  "option (mqcall.c_name)",
			  method->name, other->name, idl_place_string(arena, other->place),
			  in->service->prefix, name);
		good = false;
	}
	return good;
}

typedef struct by_length {
	size_t length;
	gen_method *method;
} by_length;

static int compare_lengths(const void *a, const void *b)
{
	const by_length *x = a;
	const by_length *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return x->method->index < y->method->index ? -1 : 1;
}

static void name_methods(naming *in)
{
	gen_service *service = in->service;
	idl_arena *arena = &in->plan->arena;
	by_length *order = idl_arena_array(arena, service->n_methods, sizeof(*order));

	if (!report_equal_names(in))
		return;
	for (size_t i = 0; i < service->n_methods; i++) {
		order[i].method = &service->methods[i];
		order[i].length = strlen(wanted_name(arena, service->methods[i].method));
	}
	qsort(order, service->n_methods, sizeof(*order), compare_lengths);
	for (size_t i = 0; i < service->n_methods; i++)
		name_method(in, order[i].method);
	name_members(in);
}

/* ------------------------------------------------- across the services -- */

/* Returns whether it was free. */
static bool claim_global(naming *in, const char *name, owner *o)
{
	const owner *other = idl_table_add(in->global, &in->plan->arena, name, o);

	if (other != NULL)
		idl_error(in->diags, o->place,
			  "the C name %s belongs to both %s and %s (%s); give one of the services "
			  "another prefix with option (mqcall.prefix), or the method another name "
			  "with option (mqcall.c_name)",
			  name, o->what, other->what,
			  idl_place_string(&in->plan->arena, other->place));
	return other == NULL;
}

/* One collision is reported once, and not for all names that follow from it. */
static void claim_names(naming *in)
{
	const gen_service *service = in->service;
	owner *self = new_owner(in, service->service->full_name, service->service->place);

	if (!claim_global(in, service->table, self) || !claim_global(in, service->handlers, self) ||
	    !claim_global(in, service->msg_handlers, self) ||
	    !claim_global(in, service->serve, self) || !claim_global(in, service->serve_msg, self))
		return;
	for (size_t i = 0; i < service->n_methods; i++) {
		const gen_method *method = &service->methods[i];
		owner *o = new_owner(in, method->method->full_name, method->method->place);
		const char *names[] = {method->name,   method->msg_name,  method->start,
				       method->finish, method->start_msg, method->finish_msg};

		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]) && names[j] != NULL; j++) {
			if (!claim_global(in, names[j], o))
				break;
		}
	}
}

/* ----------------------------------------------------------- finishers -- */

/* What has this name already? NULL: nothing. */
static const char *taker_of(const naming *in, const char *name)
{
	const owner *o = idl_table_find(in->global, name);

	if (o != NULL)
		return o->what;
	return gen_word_is_system_function(name) ? "the C library" : NULL;
}

/* No two methods want the same: their own names differ. */
static void name_finishers(naming *in, gen_method *method)
{
	idl_arena *arena = &in->plan->arena;
	owner *o = new_owner(in, method->method->full_name, method->method->place);
	const char *names[] = {
		idl_arena_printf(arena, "%s_reply", method->name),
		idl_arena_printf(arena, "%s_reply_msg", method->name),
	};

	for (size_t i = 0; i < 2 && method->taken_finisher == NULL; i++) {
		method->finisher_owner = taker_of(in, names[i]);
		if (method->finisher_owner != NULL)
			method->taken_finisher = names[i];
	}
	if (method->taken_finisher != NULL)
		return;
	method->finisher = names[0];
	method->finisher_msg = names[1];
	for (size_t i = 0; i < 2; i++)
		idl_table_add(in->global, arena, names[i], o);
}

static void name_all_finishers(gen_plan *plan, gen_service *service, idl_table *global)
{
	naming in = {.plan = plan, .service = service, .global = global};

	for (size_t i = 0; i < service->n_methods; i++)
		name_finishers(&in, &service->methods[i]);
}

/* The stubs of a service, whether it is compiled or not; streams, too, have their names. */
static void reserve_stubs(gen_plan *plan, const idl_service *service, idl_table *global)
{
	idl_arena *arena = &plan->arena;
	const char *prefix = gen_service_prefix(arena, service);

	for (size_t i = 0; i < service->n_methods; i++) {
		const idl_method *method = &service->methods[i];
		const char *name =
			idl_arena_printf(arena, "%s_%s", prefix, wanted_name(arena, method));
		owner *o = idl_arena_alloc(arena, sizeof(*o));

		*o = (owner){method->full_name, method->place};
		idl_table_add(global, arena, name, o);
		idl_table_add(global, arena, idl_arena_printf(arena, "%s_msg", name), o);
	}
}

/* Those of imported files may come into the same program. */
static void reserve_all_stubs(gen_plan *plan, idl_table *global)
{
	for (size_t i = 0; i < plan->model->n_files; i++) {
		const idl_file *file = &plan->model->files[i];

		for (size_t j = 0; j < file->n_services; j++)
			reserve_stubs(plan, &file->services[j], global);
	}
}

/* ------------------------------------------------------------- statics -- */

/* Static names give way to all others, and to those of the same file that came before. */
static const char *claim_static(gen_plan *plan, const idl_table *global, idl_table *statics,
				const char *name)
{
	idl_arena *arena = &plan->arena;

	while (idl_table_find(global, name) != NULL ||
	       idl_table_add(statics, arena, name, plan) != NULL)
		name = idl_arena_printf(arena, "%s_", name);
	return name;
}

static void name_statics(naming *in, idl_table *statics)
{
	gen_plan *plan = in->plan;
	idl_arena *arena = &plan->arena;
	gen_service *service = in->service;
	const char *prefix = service->prefix;

	service->methods_table = claim_static(plan, in->global, statics,
					      idl_arena_printf(arena, "%s_methods", prefix));
	service->dispatch = claim_static(plan, in->global, statics,
					 idl_arena_printf(arena, "%s_dispatch", prefix));
	service->dispatch_msg = claim_static(plan, in->global, statics,
					     idl_arena_printf(arena, "%s_dispatch_msg", prefix));
	for (size_t i = 0; i < service->n_methods; i++) {
		gen_method *method = &service->methods[i];

		if (method->form_reason != NULL)
			continue;
		method->runner = claim_static(plan, in->global, statics,
					      idl_arena_printf(arena, "run_%s", method->name));
		if (method->method->request->n_fields > 0)
			method->filler =
				claim_static(plan, in->global, statics,
					     idl_arena_printf(arena, "fill_%s", method->name));
		if (method->method->reply->n_fields > 0)
			method->taker =
				claim_static(plan, in->global, statics,
					     idl_arena_printf(arena, "take_%s", method->name));
	}
}

/* All methods of a file have one table of a message; NULL: the message is not of that kind. */
static const char *name_table(gen_plan *plan, gen_file *file, const idl_message *message,
			      const idl_table *global, idl_table *statics)
{
	gen_field_table *table = gen_name_fields(plan, file, message);

	if (table == NULL)
		return NULL;
	if (table->name == NULL)
		table->name = claim_static(
			plan, global, statics,
			idl_arena_printf(&plan->arena, "%s_fields", table->type->lower));
	return table->name;
}

static void name_tables(gen_plan *plan, gen_file *file, const idl_table *global, idl_table *statics)
{
	size_t n_methods = 0;

	for (size_t i = 0; i < file->n_services; i++)
		n_methods += file->services[i].n_methods;
	file->tables = idl_arena_array(&plan->arena, 2 * n_methods, sizeof(*file->tables));
	for (size_t i = 0; i < file->n_services; i++) {
		for (size_t j = 0; j < file->services[i].n_methods; j++) {
			gen_method *method = &file->services[i].methods[j];

			method->request_fields =
				name_table(plan, file, method->method->request, global, statics);
			method->reply_fields =
				name_table(plan, file, method->method->reply, global, statics);
		}
	}
}

/* -------------------------------------------------------------- all -- */

static bool is_flat_value(const idl_field *field)
{
	return field->presence != IDL_REPEATED && field->kind != IDL_STRING &&
	       field->kind != IDL_BYTES && field->kind != IDL_MESSAGE && field->kind != IDL_GROUP;
}

static void add_method(gen_plan *plan, gen_service *service, const idl_method *m)
{
	gen_method *method = &service->methods[service->n_methods];

	*method = (gen_method){.method = m, .index = service->n_methods++};
	method->request = &plan->messages[m->request->index];
	method->reply = &plan->messages[m->reply->index];
	method->request_is_empty = idl_message_is_empty(m->request);
	method->reply_is_empty = idl_message_is_empty(m->reply);
	method->form_reason = gen_form_reason(m);
	method->reply_is_flat = true;
	for (size_t i = 0; i < m->reply->n_fields; i++)
		method->reply_is_flat =
			method->reply_is_flat && is_flat_value(&m->reply->fields[i]);
}

static void add_service(gen_plan *plan, gen_service *service, const idl_service *s,
			idl_table *global, idl_diags *diags)
{
	naming in = {.plan = plan, .diags = diags, .service = service, .global = global};

	*service = (gen_service){.service = s};
	service->methods = idl_arena_array(&plan->arena, s->n_methods, sizeof(*service->methods));
	for (size_t i = 0; i < s->n_methods; i++) {
		if (!s->methods[i].client_streaming && !s->methods[i].server_streaming)
			add_method(plan, service, &s->methods[i]);
	}
	name_support(&in);
	name_methods(&in);
	claim_names(&in);
}

/*
 * protoc-gen-c's functions have "__" in them, as only a service or method with a
 * '_' at its beginning or end can have.
 */
static void claim_message_functions(gen_plan *plan, idl_table *global)
{
	static const char *const functions[] = {
		"init",   "get_packed_size", "pack",       "pack_to_buffer",
		"unpack", "free_unpacked",   "descriptor",
	};
	idl_arena *arena = &plan->arena;

	for (size_t i = 0; i < plan->model->n_messages; i++) {
		owner *o = idl_arena_alloc(arena, sizeof(*o));

		*o = (owner){plan->model->messages[i]->full_name, plan->model->messages[i]->place};
		for (size_t j = 0; j < sizeof(functions) / sizeof(functions[0]); j++)
			idl_table_add(global, arena,
				      idl_arena_printf(arena, "%s__%s", plan->messages[i].lower,
						       functions[j]),
				      o);
	}
}

void gen_name_services(gen_plan *plan, idl_diags *diags)
{
	idl_table global = {0};

	claim_message_functions(plan, &global);

	for (size_t i = 0; i < plan->n_files; i++) {
		gen_file *file = &plan->files[i];

		for (size_t j = 0; j < file->n_services; j++)
			add_service(plan, &file->services[j], &file->file->services[j], &global,
				    diags);
	}
	if (diags->n_errors > 0)
		return;
	reserve_all_stubs(plan, &global);
	for (size_t i = 0; i < plan->n_files; i++) {
		gen_file *file = &plan->files[i];

		for (size_t j = 0; j < file->n_services; j++)
			name_all_finishers(plan, &file->services[j], &global);
	}
	for (size_t i = 0; i < plan->n_files; i++) {
		gen_file *file = &plan->files[i];
		idl_table statics = {0};

		file->descriptor = claim_static(plan, &global, &statics, "descriptor_set");
		for (size_t j = 0; j < file->n_services; j++) {
			naming in = {.plan = plan,
				     .diags = diags,
				     .service = &file->services[j],
				     .global = &global};

			name_statics(&in, &statics);
			for (size_t k = 0; k < file->services[j].n_methods; k++)
				gen_name_params(plan, &file->services[j],
						&file->services[j].methods[k]);
		}
		name_tables(plan, file, &global, &statics);
	}
}
