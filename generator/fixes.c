/*
 * fixes.c - what protoc-gen-c writes that does not compile cleanly.
 *
 * Most of its troubles are avoided by what it is told (rewrite.c). Some are not:
 * there, a piece of its text, which is known to the letter, gives way to
 * another. Where a version of it writes something else, nothing is replaced.
 *
 * - A oneof is initialised with {0}; where its first member is bytes, which is a
 *   struct, gcc misses braces (-Wmissing-braces).
 * - A default value of proto2 that is infinite, no number or the least integer
 *   is written as `inf`, `nan` and a constant that has no type. protoc-gen-c is
 *   told of an unlikely number instead, which gives way to the right macro.
 * - A trigraph in a default value would change it.
 */
#include "fixes.h"

#include <string.h>

#include "cnames.h"

typedef struct stand_in {
	idl_kind kind;
	const char *value;   /* as a descriptor has it */
	const char *told;    /* what protoc-gen-c is told */
	const char *written; /* and writes */
	const char *by;      /* and what replaces that */
} stand_in;

static const stand_in stand_ins[] = {
	{IDL_FLOAT, "inf", "8.25919e+37", "8.25919e+37", "INFINITY"},
	{IDL_FLOAT, "-inf", "-8.25917e+37", "-8.25917e+37", "-INFINITY"},
	{IDL_FLOAT, "nan", "8.25913e+37", "8.25913e+37", "NAN"},
	{IDL_DOUBLE, "inf", "8.25919237846219e+297", "8.25919237846219e+297", "INFINITY"},
	{IDL_DOUBLE, "-inf", "-8.25917237846219e+297", "-8.25917237846219e+297", "-INFINITY"},
	{IDL_DOUBLE, "nan", "8.25913237846219e+297", "8.25913237846219e+297", "NAN"},
	{IDL_INT64, "-9223372036854775808", "-9223372036854711259", "-9223372036854711259ll",
	 "INT64_MIN"},
};

enum {
	N_STAND_INS = sizeof(stand_ins) / sizeof(stand_ins[0])
};

const char *fixes_default_value(const idl_field *field)
{
	if (field->default_text == NULL)
		return NULL;
	for (size_t i = 0; i < N_STAND_INS; i++) {
		if (field->kind == stand_ins[i].kind &&
		    strcmp(field->default_text, stand_ins[i].value) == 0)
			return stand_ins[i].told;
	}
	return field->default_text;
}

/* Replace every occurrence. Returns whether there was one. */
static bool replace(idl_text *text, const char *piece, const char *by)
{
	idl_text result = {0};
	const char *rest = idl_text_string(text);
	const char *found = strstr(rest, piece);

	if (found == NULL)
		return false;
	for (; found != NULL; found = strstr(rest, piece)) {
		idl_text_add_bytes(&result, rest, (size_t)(found - rest));
		idl_text_add(&result, by);
		rest = found + strlen(piece);
	}
	idl_text_add(&result, rest);
	idl_text_done(text);
	*text = result;
	return true;
}

static const idl_field *first_of(const idl_message *message, const idl_oneof *oneof)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		if (message->fields[i].oneof == oneof)
			return &message->fields[i];
	}
	return NULL;
}

/* The constants that stand before the {0} of unions which begin with a struct. */
static void find_oneofs(const gen_plan *plan, const idl_file *file, idl_arena *arena,
			idl_table *constants)
{
	const idl_model *model = plan->model;

	for (size_t i = 0; i < model->n_messages; i++) {
		const idl_message *message = model->messages[i];
		const gen_type_name *name = &plan->messages[i];

		for (size_t j = 0; message->file == file && j < message->n_oneofs; j++) {
			const idl_field *first = first_of(message, &message->oneofs[j]);

			if (first != NULL && first->kind == IDL_BYTES)
				idl_table_add(
					constants, arena,
					idl_arena_printf(arena, "%s__%s__NOT_SET", name->upper,
							 gen_cname_upper(arena, name->oneofs[j])),
					constants);
		}
	}
}

/* One way through the text: there may be thousands of them. */
static void fix_oneofs(idl_text *header, idl_arena *arena, const idl_table *constants)
{
	static const char end[] = "__NOT_SET, {0}";
	const size_t constant_end = strlen("__NOT_SET");
	idl_text result = {0};
	const char *rest = idl_text_string(header);
	const char *found;

	while ((found = strstr(rest, end)) != NULL) {
		const char *begin = found;
		const char *constant;

		while (begin > rest && begin[-1] != ' ')
			begin--;
		constant = idl_arena_strndup(arena, begin, (size_t)(found - begin) + constant_end);
		idl_text_add_bytes(&result, rest, (size_t)(found - rest) + constant_end);
		idl_text_add(&result, idl_table_find(constants, constant) != NULL ? ", {{0, NULL}}"
										  : ", {0}");
		rest = found + strlen(end);
	}
	idl_text_add(&result, rest);
	idl_text_done(header);
	*header = result;
}

static void fix_default_values(idl_text *header, idl_text *source)
{
	static const char include[] = "#include <protobuf-c/protobuf-c.h>\n";
	bool math = false;

	for (size_t i = 0; i < N_STAND_INS; i++) {
		bool found = replace(header, stand_ins[i].written, stand_ins[i].by);

		found = replace(source, stand_ins[i].written, stand_ins[i].by) || found;
		math = math || (found && stand_ins[i].kind != IDL_INT64);
	}
	if (math)
		replace(header, include, "#include <math.h>\n#include <protobuf-c/protobuf-c.h>\n");
	/* The source has no comments, so two question marks are in a string. */
	replace(source, "?\?", "?\\?");
}

void fixes_apply(const gen_plan *plan, const idl_file *file, gen_outputs *outputs)
{
	idl_arena arena = {0};
	idl_table constants = {0};
	const char *stem = gen_cname_stem(&arena, file->name);
	gen_output *header = gen_outputs_find(outputs, idl_arena_printf(&arena, "%s.pb-c.h", stem));
	gen_output *source = gen_outputs_find(outputs, idl_arena_printf(&arena, "%s.pb-c.c", stem));

	if (header != NULL && source != NULL) {
		find_oneofs(plan, file, &arena, &constants);
		if (constants.count > 0)
			fix_oneofs(&header->content, &arena, &constants);
		if (!file->proto3)
			fix_default_values(&header->content, &source->content);
	}
	idl_arena_done(&arena);
}
