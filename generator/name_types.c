/*
 * name_types.c - the name pass: messages, enums and their fields.
 *
 * These are named by protoc-gen-c, so this has to foresee what it will do. Where
 * that would not compile (a field called `restrict`, two messages whose names
 * differ in case only), protoc-gen-c is told another name: for fields one with
 * '_' at its end, for types and oneofs one with a number. That depends on
 * nothing but the file itself, so that every file that imports it agrees.
 */
#include "plan.h"

#include <string.h>

#include "cnames.h"
#include "idl/options.h"
#include "idl/wire.h"
#include "words.h"

/* The names of one file, or of one message; a name leads to what has it. */
typedef struct naming {
	gen_plan *plan;
	idl_diags *diags;
	idl_table *taken; /* in C */
	idl_table *words; /* of the file: no other name that protoc-gen-c is told can be one */
} naming;

static bool is_free(const naming *in, const char *name)
{
	return idl_table_find(in->taken, name) == NULL;
}

/* May protoc-gen-c be told this name of what is called `name`? */
static bool can_be_told(const naming *in, const char *proto_name, const char *name)
{
	return strcmp(proto_name, name) == 0 || idl_table_find(in->words, proto_name) == NULL;
}

static void take(const naming *in, const char *name)
{
	idl_table_add(in->taken, &in->plan->arena, name, in->plan);
}

/* ------------------------------------------------------------- fields -- */

static bool has_flag(const idl_field *field)
{
	return field->presence == IDL_OPTIONAL && field->kind != IDL_STRING &&
	       field->kind != IDL_MESSAGE && field->kind != IDL_GROUP;
}

/* A field of a message that is being named; `oneof` is its oneof's name, or NULL. */
typedef struct subject {
	const naming *in;      /* the struct's members */
	const naming *in_file; /* constants are the file's */
	const gen_type_name *type;
	const idl_field *field;
	const char *oneof;
} subject;

/* The identifiers that the field would give, if it were called `proto_name`. */
typedef struct claims {
	const char *member;
	const char *companion; /* n_MEMBER or has_MEMBER; NULL: none */
	const char *constant;  /* of a field in a oneof; NULL: none */
} claims;

static claims claims_of(const subject *of, const char *proto_name)
{
	idl_arena *arena = &of->in->plan->arena;
	claims c = {.member = gen_cname_member(arena, proto_name)};

	if (of->field->presence == IDL_REPEATED)
		c.companion = idl_arena_printf(arena, "n_%s", c.member);
	if (has_flag(of->field))
		c.companion = idl_arena_printf(arena, "has_%s", c.member);
	if (of->oneof != NULL)
		c.constant = idl_arena_printf(arena, "%s__%s_%s", of->type->upper,
					      gen_cname_upper(arena, of->oneof),
					      gen_cname_upper(arena, proto_name));
	return c;
}

static bool claims_are_free(const subject *of, const claims *c)
{
	return !gen_word_is_keyword(c->member) && is_free(of->in, c->member) &&
	       (c->companion == NULL || is_free(of->in, c->companion)) &&
	       (c->constant == NULL || is_free(of->in_file, c->constant));
}

/* The object that protobuf-c shares between messages where the field is absent. */
static const char *default_of(const subject *of, const char *proto_name)
{
	idl_arena *arena = &of->in->plan->arena;
	const char *full_name;

	if (of->field->default_text == NULL ||
	    (of->field->kind != IDL_STRING && of->field->kind != IDL_BYTES))
		return NULL;
	full_name = idl_arena_printf(arena, "%s.%s", of->type->full_name, proto_name);
	return idl_arena_printf(arena,
				of->field->kind == IDL_STRING ? "%s__default_value"
							      : "%s__default_value_data",
				gen_cname_lower(arena, full_name));
}

static void name_field(const subject *of, gen_field_name *name)
{
	idl_arena *arena = &of->in->plan->arena;
	const char *proto_name = of->field->name;
	claims c = claims_of(of, proto_name);

	while (!claims_are_free(of, &c) || !can_be_told(of->in, proto_name, of->field->name)) {
		proto_name = idl_arena_printf(arena, "%s_", proto_name);
		c = claims_of(of, proto_name);
	}
	take(of->in, c.member);
	if (c.companion != NULL)
		take(of->in, c.companion);
	if (c.constant != NULL)
		take(of->in_file, c.constant);
	*name = (gen_field_name){.proto_name = proto_name, .member = c.member};
	name->default_value = default_of(of, proto_name);
	if (of->oneof != NULL) {
		name->case_member =
			idl_arena_printf(arena, "%s_case", gen_cname_lower(arena, of->oneof));
		name->case_value = c.constant;
	}
}

/*
 * A oneof gives the struct a member NAME_case, and the file a type and a
 * constant; `in_file` holds the file's names.
 */
static const char *name_oneof(const naming *in, const naming *in_file, const gen_type_name *type,
			      const idl_oneof *oneof)
{
	idl_arena *arena = &in->plan->arena;
	const char *proto_name = oneof->name;

	for (int i = 2;; i++) {
		const char *member =
			idl_arena_printf(arena, "%s_case", gen_cname_lower(arena, proto_name));
		const char *case_type = idl_arena_printf(arena, "%s__%sCase", type->type,
							 gen_cname_type(arena, proto_name));
		const char *not_set = idl_arena_printf(arena, "%s__%s__NOT_SET", type->upper,
						       gen_cname_upper(arena, proto_name));

		if (can_be_told(in, proto_name, oneof->name) && is_free(in, member) &&
		    is_free(in_file, not_set) && is_free(in_file, case_type)) {
			take(in, member);
			take(in_file, not_set);
			take(in_file, case_type);
			return proto_name;
		}
		proto_name = idl_arena_printf(arena, "%s_%d", oneof->name, i);
	}
}

static void name_fields(const naming *in_file, const idl_message *message, gen_type_name *type)
{
	idl_arena *arena = &in_file->plan->arena;
	idl_table members = {0};
	naming in = {in_file->plan, in_file->diags, &members, in_file->words};

	take(&in, "base");
	type->oneofs = idl_arena_array(arena, message->n_oneofs, sizeof(*type->oneofs));
	for (size_t i = 0; i < message->n_oneofs; i++)
		type->oneofs[i] = name_oneof(&in, in_file, type, &message->oneofs[i]);
	type->fields = idl_arena_array(arena, message->n_fields, sizeof(*type->fields));
	for (size_t i = 0; i < message->n_fields; i++) {
		const idl_field *field = &message->fields[i];
		subject of = {.in = &in, .in_file = in_file, .type = type, .field = field};

		if (field->oneof != NULL)
			of.oneof = type->oneofs[field->oneof - message->oneofs];
		name_field(&of, &type->fields[i]);
	}
}

/* -------------------------------------------------------------- types -- */

/* What protobuf-c's own option (pb_c_file).c_package puts in place of the package. */
static const char *package_of(idl_arena *arena, const idl_file *file, idl_diags *diags)
{
	enum {
		PB_C_FILE = 1019, /* the extension of FileOptions, and its field */
		C_PACKAGE = 6,
		MAX_C_PACKAGE = 100
	};
	const char *package = file->package;
	idl_wire_field field;
	idl_wire wire;

	if (file->proto->options == NULL ||
	    idl_options_bytes((const ProtobufCMessage *)file->proto->options, PB_C_FILE,
			      &wire.bytes, &wire.size) <= 0)
		return package;
	while (idl_wire_next(&wire, &field) > 0) {
		if (field.number == C_PACKAGE && field.type == IDL_WIRE_LENGTH)
			package = idl_arena_strndup(arena, (const char *)field.content.bytes,
						    field.content.size);
	}
	if (!idl_is_package(package) || strlen(package) > MAX_C_PACKAGE) {
		idl_error(diags, (idl_place){.file = file->name},
			  "(pb_c_file).c_package = \"%s\" can't begin C names; use at most %d "
			  "characters: letters, digits and '_', with dots between them",
			  package, MAX_C_PACKAGE);
		package = file->package;
	}
	return package;
}

/* What a type is declared in, by both of its names. */
typedef struct scope {
	const char *proto_name;
	const char *name;
} scope;

static const char *join(idl_arena *arena, const char *outer, const char *name)
{
	return *outer == '\0' ? name : idl_arena_printf(arena, "%s.%s", outer, name);
}

static void set_type_name(idl_arena *arena, gen_type_name *name, const scope *outer,
			  const char *proto_name)
{
	name->proto_name = proto_name;
	name->proto_full_name = join(arena, outer->proto_name, proto_name);
	name->full_name = join(arena, outer->name, proto_name);
	name->type = gen_cname_type(arena, name->full_name);
	name->lower = gen_cname_lower(arena, name->full_name);
	name->upper = gen_cname_upper(arena, name->full_name);
}

/* The constants of an enum. */
static const char *constant_of(const naming *in, const gen_type_name *name,
			       const idl_enum_value *value)
{
	return idl_arena_printf(&in->plan->arena, "%s__%s", name->upper, value->name);
}

/* A type that is being named: a message, or an enum. */
typedef struct type_subject {
	const char *proto_name;
	const idl_enum *enumeration; /* NULL: a message */
	const idl_place *place;
} type_subject;

/* The identifiers by which two types of a file can get into each other's way. */
static bool type_is_free(const naming *in, const type_subject *of, const gen_type_name *name)
{
	idl_arena *arena = &in->plan->arena;

	if (!is_free(in, name->type) || gen_word_is_system_type(name->type) ||
	    !is_free(in, idl_arena_printf(arena, "%s__descriptor", name->lower)) ||
	    !is_free(in, idl_arena_printf(arena, "%s__INIT", name->upper)))
		return false;
	if (of->enumeration == NULL)
		return true;
	for (size_t i = 0; i < of->enumeration->n_values; i++) {
		if (!is_free(in, constant_of(in, name, &of->enumeration->values[i])))
			return false;
	}
	return !gen_word_is_tag(idl_arena_printf(arena, "_%s", name->type));
}

static void take_type(const naming *in, const type_subject *of, const gen_type_name *name)
{
	idl_arena *arena = &in->plan->arena;

	take(in, name->type);
	take(in, idl_arena_printf(arena, "%s__descriptor", name->lower));
	take(in, idl_arena_printf(arena, "%s__INIT", name->upper));
	for (size_t i = 0; of->enumeration != NULL && i < of->enumeration->n_values; i++)
		take(in, constant_of(in, name, &of->enumeration->values[i]));
}

static void name_type(const naming *in, const type_subject *of, gen_type_name *name,
		      const scope *outer)
{
	idl_arena *arena = &in->plan->arena;

	set_type_name(arena, name, outer, of->proto_name);
	for (int i = 2;
	     !type_is_free(in, of, name) || !can_be_told(in, name->proto_name, of->proto_name); i++)
		set_type_name(arena, name, outer,
			      idl_arena_printf(arena, "%s%d", of->proto_name, i));
	take_type(in, of, name);
	if (name->type[0] == '\0')
		idl_error(in->diags, *of->place,
			  "%s would be nothing at all as a C type; rename it, or put it into a "
			  "package",
			  name->full_name);
	if (name->type[0] >= '0' && name->type[0] <= '9')
		idl_error(in->diags, *of->place,
			  "%s would be the C type %s, which begins with a digit; rename it, or put "
			  "it into a package",
			  name->full_name, name->type);
	if (strcmp(name->proto_name, of->proto_name) != 0)
		idl_warning(in->diags, *of->place,
			    "%s is called %s in C, as its own name is taken there; rename it to "
			    "choose for yourself",
			    of->proto_name, name->type);
}

static scope scope_of(const gen_plan *plan, const idl_message *parent, const idl_file *file)
{
	const gen_type_name *outer = parent != NULL ? &plan->messages[parent->index] : NULL;

	if (outer != NULL)
		return (scope){outer->proto_full_name, outer->full_name};
	return (scope){file->package, plan->packages[file->index]};
}

static void add_word(const naming *in, const char *word)
{
	idl_table_add(in->words, &in->plan->arena, word, in->plan);
}

/*
 * Whatever has a name in the file, whose first message and enum are these: protobuf
 * lets few of them be equal.
 */
static void collect_words(const naming *in, const idl_file *file, size_t m, size_t e)
{
	const idl_model *model = in->plan->model;

	for (; m < model->n_messages && model->messages[m]->file == file; m++) {
		const idl_message *message = model->messages[m];

		add_word(in, message->name);
		for (size_t j = 0; j < message->n_fields; j++)
			add_word(in, message->fields[j].name);
		for (size_t j = 0; j < message->n_oneofs; j++)
			add_word(in, message->oneofs[j].name);
	}
	for (; e < model->n_enums && model->enums[e]->file == file; e++) {
		const idl_enum *type = model->enums[e];

		add_word(in, type->name);
		for (size_t j = 0; j < type->n_values; j++)
			add_word(in, type->values[j].name);
	}
}

static void name_file_types(gen_plan *plan, const idl_file *file, size_t *message, size_t *e,
			    idl_diags *diags)
{
	const idl_model *model = plan->model;
	size_t first = *message;
	idl_table taken = {0};
	idl_table words = {0};
	naming in = {plan, diags, &taken, &words};

	collect_words(&in, file, *message, *e);
	for (; *message < model->n_messages && model->messages[*message]->file == file;
	     (*message)++) {
		const idl_message *m = model->messages[*message];

		const type_subject of = {.proto_name = m->name, .place = &m->place};
		const scope outer = scope_of(plan, m->parent, file);

		name_type(&in, &of, &plan->messages[*message], &outer);
	}
	for (; *e < model->n_enums && model->enums[*e]->file == file; (*e)++) {
		const idl_enum *type = model->enums[*e];

		const type_subject of = {type->name, type, &type->place};
		const scope outer = scope_of(plan, type->parent, file);

		name_type(&in, &of, &plan->enums[*e], &outer);
	}
	for (size_t i = first; i < *message; i++)
		name_fields(&in, model->messages[i], &plan->messages[i]);
}

void gen_name_types(gen_plan *plan, idl_diags *diags)
{
	const idl_model *model = plan->model;
	size_t message = 0;
	size_t e = 0;

	plan->messages = idl_arena_array(&plan->arena, model->n_messages, sizeof(*plan->messages));
	plan->enums = idl_arena_array(&plan->arena, model->n_enums, sizeof(*plan->enums));
	plan->packages = idl_arena_array(&plan->arena, model->n_files, sizeof(*plan->packages));
	for (size_t i = 0; i < model->n_files; i++) {
		plan->packages[i] = package_of(&plan->arena, &model->files[i], diags);
		name_file_types(plan, &model->files[i], &message, &e, diags);
	}
}
