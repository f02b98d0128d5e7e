/*
 * depfile.c - what was written depends on what was read, as make reads it.
 *
 * One rule with all outputs, or with the stamp that stands for them, and one
 * without prerequisites for each input, so that make does not stop when one is
 * deleted. protoc's own files, which lie in none of the user's paths, are left
 * out.
 */
#include "depfile.h"

#include <string.h>

/* A name with what make would take apart escaped. */
static void add_name(idl_text *text, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ' ' || *name == '#' || *name == ':')
			idl_text_add(text, "\\");
		else if (*name == '$')
			idl_text_add(text, "$");
		idl_text_add_bytes(text, name, 1);
	}
}

/* What make takes for the begin of a recipe, or of something else, whatever stands before it. */
static bool check_text(const idl_text *text, const cli *options, idl_diags *diags)
{
	const char *rule = idl_text_string(text);
	const size_t at = strcspn(rule, ";|");

	if (rule[at] == '\0')
		return true;
	idl_error(diags, (idl_place){.file = options->depfile},
		  "cannot be written: there is no way to tell make of a file with '%c' in its "
		  "name; rename it, or do without --depfile",
		  rule[at]);
	return false;
}

static void add_targets(idl_text *text, const cli *options, const gen_outputs *outputs)
{
	if (options->depfile_target != NULL) {
		add_name(text, options->depfile_target);
		idl_text_add(text, ":");
		return;
	}
	for (size_t i = 0; i < outputs->count; i++) {
		if (i > 0)
			idl_text_add(text, " \\\n ");
		if (strcmp(options->output, ".") != 0) {
			add_name(text, options->output);
			idl_text_add(text, "/");
		}
		add_name(text, outputs->list[i].name);
	}
	idl_text_add(text, ":");
}

int depfile_write(const cli *options, const gen_outputs *outputs, const input *in, idl_diags *diags)
{
	idl_arena arena = {0};
	idl_text text = {0};
	idl_text rules = {0};
	int r;

	add_targets(&text, options, outputs);
	for (size_t i = 0; i < in->model->n_files; i++) {
		const char *path = idl_protoc_find(&in->protoc, &arena, in->model->files[i].name);

		if (path == NULL)
			continue;
		idl_text_add(&text, " \\\n ");
		add_name(&text, path);
		idl_text_add(&rules, "\n");
		add_name(&rules, path);
		idl_text_add(&rules, ":\n");
	}
	idl_text_addf(&text, "\n%s", idl_text_string(&rules));
	r = check_text(&text, options, diags) ? gen_output_write(options->depfile, &text, diags)
					      : -1;
	idl_text_done(&rules);
	idl_text_done(&text);
	idl_arena_done(&arena);
	return r;
}
