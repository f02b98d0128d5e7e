/*
 * generate.c - a model in, all output files out.
 *
 * For each file that the user named there are four: NAME.pb-c.h and NAME.pb-c.c
 * with its messages, NAME.mqc.h and NAME.mqc.c with its services. Of what these
 * import, protobuf's own files (google/protobuf/timestamp.proto and the like)
 * get the first two as well, as no library has them.
 */
#include "generate.h"

#include "cnames.h"
#include "emit.h"
#include "idl/closure.h"
#include "rewrite.h"

/* The files whose messages are written. */
static const bool *choose_files(const gen_plan *plan, const generate_options *options,
				idl_arena *arena)
{
	idl_closure chosen = idl_closure_new(arena, plan->model);

	if (options->messages)
		idl_closure_add_written(&chosen, options->with_imports);
	return chosen.files;
}

static void add_name(gen_outputs *names, idl_arena *arena, const char *stem, const char *ending)
{
	gen_outputs_add(names, idl_arena_printf(arena, "%s.%s", stem, ending));
}

void generate_names(const gen_plan *plan, const generate_options *options, gen_outputs *names)
{
	idl_arena arena = {0};
	const bool *chosen = choose_files(plan, options, &arena);

	for (size_t i = 0; i < plan->n_files; i++) {
		add_name(names, &arena, plan->files[i].stem, "mqc.h");
		add_name(names, &arena, plan->files[i].stem, "mqc.c");
	}
	for (size_t i = 0; i < plan->model->n_files; i++) {
		const char *stem = gen_cname_stem(&arena, plan->model->files[i].name);

		if (chosen[i]) {
			add_name(names, &arena, stem, "pb-c.h");
			add_name(names, &arena, stem, "pb-c.c");
		}
	}
	idl_arena_done(&arena);
}

static void generate_services(const gen_plan *plan, const gen_file *file,
			      const generate_options *options, gen_outputs *outputs)
{
	const emit_options emit = {.comments = options->comments};
	idl_arena arena = {0};
	idl_text reflection = {0};

	if (file->n_services > 0)
		rewrite_for_reflection(plan->model, file->file, options->comments, &reflection);
	emit_header(gen_outputs_add(outputs, idl_arena_printf(&arena, "%s.mqc.h", file->stem)),
		    file, &emit);
	emit_source(gen_outputs_add(outputs, idl_arena_printf(&arena, "%s.mqc.c", file->stem)),
		    file, &reflection);
	idl_text_done(&reflection);
	idl_arena_done(&arena);
}

int generate(const gen_plan *plan, const generate_options *options, gen_outputs *outputs,
	     idl_diags *diags)
{
	const gen_messages_options messages = {.program = options->protoc_gen_c,
					       .comments = options->comments};
	idl_arena arena = {0};
	const bool *chosen = choose_files(plan, options, &arena);
	int r = 0;

	for (size_t i = 0; i < plan->n_files; i++)
		generate_services(plan, &plan->files[i], options, outputs);
	if (options->messages)
		r = gen_messages(plan, chosen, &messages, outputs, diags);
	idl_arena_done(&arena);
	return r;
}
