/*
 * compile.c - what mqcallc does when it is called by that name: the passes, one
 * after the other, each only if all before it found nothing wrong.
 */
#include "compile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "depfile.h"
#include "generate.h"
#include "idl/check.h"
#include "idl/load.h"
#include "paths.h"

int compile_report_program(idl_diags *diags, const char *program, const char *package, int error)
{
	if (error == -ENOENT)
		idl_error(diags, (idl_place){0},
			  "%s is not installed, or not in PATH; on Debian it is in the package %s",
			  program, package);
	else
		idl_error(diags, (idl_place){0}, "%s can't be run: %s", program, strerror(-error));
	return CLI_ENVIRONMENT;
}

/* protoc's own words about a missing file would not help anybody. */
static bool all_exist(compile_input *input, const char *const *files, size_t n_files,
		      idl_diags *diags)
{
	bool good = true;

	for (size_t i = 0; i < n_files; i++) {
		if (access(files[i], R_OK) < 0 &&
		    idl_protoc_find(&input->protoc, &input->arena, files[i]) == NULL) {
			idl_error(diags, (idl_place){.file = files[i]}, "cannot be read: %s",
				  strerror(errno));
			good = false;
		}
	}
	return good;
}

/* The names of the files as protoc knows them, by which the descriptors go. */
static const char **find_names(compile_input *input, const char *const *files, size_t n_files)
{
	const char **names = idl_arena_array(&input->arena, n_files, sizeof(*names));

	for (size_t i = 0; i < n_files; i++) {
		names[i] = idl_protoc_name(&input->protoc, &input->arena, files[i]);
		if (names[i] == NULL)
			names[i] = files[i];
	}
	return names;
}

int compile_read(compile_input *input, const cli *options, const char *const *files, size_t n_files,
		 idl_diags *diags)
{
	idl_text bytes = {0};
	int r;

	*input = (compile_input){.protoc = {.program = options->protoc}};
	input->protoc.paths =
		paths_choose(&input->arena, options, files, n_files, &input->protoc.n_paths);
	if (!all_exist(input, files, n_files, diags))
		return CLI_INPUT;
	r = idl_protoc_run(&input->protoc, files, n_files, &bytes, diags);
	if (r < 0) {
		idl_text_done(&bytes);
		return compile_report_program(diags, options->protoc, "protobuf-compiler", r);
	}
	if (r == 0)
		input->set =
			idl_parse_set((const uint8_t *)bytes.bytes, bytes.size, files[0], diags);
	idl_text_done(&bytes);
	if (input->set == NULL)
		return CLI_INPUT;
	input->model = idl_load(input->set->file, input->set->n_file,
				find_names(input, files, n_files), n_files, diags);
	if (diags->n_errors == 0)
		idl_check(input->model, options->with_imports, diags);
	return diags->n_errors > 0 ? CLI_INPUT : CLI_OK;
}

void compile_input_done(compile_input *input)
{
	idl_model_free(input->model);
	if (input->set != NULL)
		google__protobuf__file_descriptor_set__free_unpacked(input->set, NULL);
	idl_arena_done(&input->arena);
}

static void print_names(const gen_outputs *names, const char *directory)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(directory, ".") == 0)
			printf("%s\n", names->list[i].name);
		else
			printf("%s/%s\n", directory, names->list[i].name);
	}
}

static int write_outputs(const gen_plan *plan, const cli *options, const generate_options *what,
			 const compile_input *input, idl_diags *diags)
{
	gen_outputs outputs = {0};
	int status = CLI_OK;
	int r;

	r = generate(plan, what, &outputs, diags);
	if (r < 0)
		status = compile_report_program(diags, options->protoc_gen_c, "protobuf-c-compiler",
						r);
	else if (r > 0)
		status = CLI_INPUT;
	else if (gen_outputs_write(&outputs, options->output, diags) < 0)
		status = CLI_ENVIRONMENT;
	else if (options->depfile != NULL && depfile_write(options, &outputs, input, diags) < 0)
		status = CLI_ENVIRONMENT;
	gen_outputs_done(&outputs);
	return status;
}

static int generate_all(const cli *options, const compile_input *input, idl_diags *diags)
{
	const generate_options what = {.protoc_gen_c = options->protoc_gen_c,
				       .comments = !options->no_comments,
				       .messages = true,
				       .with_imports = options->with_imports};
	gen_plan *plan = gen_plan_new(input->model, diags);
	int status = diags->n_errors > 0 ? CLI_INPUT : CLI_OK;

	if (status == CLI_OK && options->mode == CLI_LIST_OUTPUTS) {
		gen_outputs names = {0};

		generate_names(plan, &what, &names);
		print_names(&names, options->output);
		gen_outputs_done(&names);
	} else if (status == CLI_OK) {
		status = write_outputs(plan, options, &what, input, diags);
	}
	gen_plan_free(plan);
	return status;
}

int compile(const cli *options, idl_diags *diags)
{
	compile_input input;
	int status;

	status = compile_read(&input, options, options->inputs, options->n_inputs, diags);
	if (status == CLI_OK)
		status = generate_all(options, &input, diags);
	compile_input_done(&input);
	return status;
}
