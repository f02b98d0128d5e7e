/*
 * fixes.c - what protoc-gen-c writes that does not compile cleanly.
 *
 * Most of its troubles are avoided by what it is told (rewrite.c). Some are not:
 * there, a piece of its text, which is known to the letter, gives way to
 * another. Where a version of it writes something else, nothing is replaced.
 *
 * - A oneof is initialised with {0}; where its first member is bytes, which is a
 *   struct, gcc misses braces (-Wmissing-braces).
 */
#include "fixes.h"

#include <string.h>

#include "cnames.h"

/* Replace every occurrence. */
static void replace(idl_text *text, const char *piece, const char *by)
{
	idl_text result = {0};
	const char *rest = idl_text_string(text);
	const char *found = strstr(rest, piece);

	if (found == NULL)
		return;
	for (; found != NULL; found = strstr(rest, piece)) {
		idl_text_add_bytes(&result, rest, (size_t)(found - rest));
		idl_text_add(&result, by);
		rest = found + strlen(piece);
	}
	idl_text_add(&result, rest);
	idl_text_done(text);
	*text = result;
}

static const idl_field *first_of(const idl_message *message, const idl_oneof *oneof)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		if (message->fields[i].oneof == oneof)
			return &message->fields[i];
	}
	return NULL;
}

static void fix_oneofs(idl_text *header, idl_arena *arena, const idl_message *message,
		       const gen_type_name *name)
{
	for (size_t i = 0; i < message->n_oneofs; i++) {
		const idl_field *first = first_of(message, &message->oneofs[i]);
		const char *not_set;

		if (first == NULL || first->kind != IDL_BYTES)
			continue;
		not_set = idl_arena_printf(arena, ", %s__%s__NOT_SET, {", name->upper,
					   gen_cname_upper(arena, name->oneofs[i]));
		replace(header, idl_arena_printf(arena, "%s0}", not_set),
			idl_arena_printf(arena, "%s{0, NULL}}", not_set));
	}
}

void fixes_apply(const gen_plan *plan, const idl_file *file, gen_outputs *outputs)
{
	const idl_model *model = plan->model;
	idl_arena arena = {0};
	const char *stem = gen_cname_stem(&arena, file->name);
	gen_output *header = gen_outputs_find(outputs, idl_arena_printf(&arena, "%s.pb-c.h", stem));

	for (size_t i = 0; header != NULL && i < model->n_messages; i++) {
		if (model->messages[i]->file == file)
			fix_oneofs(&header->content, &arena, model->messages[i],
				   &plan->messages[i]);
	}
	idl_arena_done(&arena);
}
