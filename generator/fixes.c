/*
 * fixes.c - what protoc-gen-c writes that does not compile cleanly.
 *
 * Most of its troubles are avoided by what it is told (rewrite.c). Some are not:
 * there, a piece of its text, which is known to the letter, gives way to
 * another. Where a version of it writes something else, nothing is replaced.
 *
 * - A oneof is initialised with {0}; where its first member is bytes, which is a
 *   struct, gcc misses braces (-Wmissing-braces).
 * - Default values of proto2 have a file of their own, defaults.c.
 */
#include "fixes.h"

#include <string.h>

#include "cnames.h"
#include "defaults.h"

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
			defaults_fix(plan->model, file, &header->content, &source->content);
	}
	idl_arena_done(&arena);
}
