/*
 * compile.c - what mqcallc does when it is called by that name: the passes, one
 * after the other, each only if all before it found nothing wrong.
 */
#include "compile.h"

#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "depfile.h"
#include "generate.h"
#include "input.h"
#include "skeleton.h"

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
			 const input *in, idl_diags *diags)
{
	gen_outputs outputs = {0};
	int status = CLI_OK;
	int r;

	r = generate(plan, what, &outputs, diags);
	if (r < 0)
		status = input_report_program(diags, options->protoc_gen_c, "protobuf-c-compiler",
					      r);
	else if (r > 0)
		status = CLI_INPUT;
	else if (gen_outputs_write(&outputs, options->output, diags) < 0)
		status = CLI_ENVIRONMENT;
	else if (options->depfile != NULL && depfile_write(options, &outputs, in, diags) < 0)
		status = CLI_ENVIRONMENT;
	gen_outputs_done(&outputs);
	return status;
}

static int generate_all(const cli *options, const input *in, idl_diags *diags)
{
	const generate_options what = {.protoc_gen_c = options->protoc_gen_c,
				       .comments = !options->no_comments,
				       .messages = true,
				       .with_imports = options->with_imports};
	gen_plan *plan = gen_plan_new(in->model, diags);
	int status = diags->n_errors > 0 ? CLI_INPUT : CLI_OK;

	if (status == CLI_OK && options->mode == CLI_LIST_OUTPUTS) {
		gen_outputs names = {0};

		generate_names(plan, &what, &names);
		print_names(&names, options->output);
		gen_outputs_done(&names);
	} else if (status == CLI_OK && options->mode == CLI_SKELETON) {
		status = skeleton_write(plan, options->output, diags);
	} else if (status == CLI_OK) {
		status = write_outputs(plan, options, &what, in, diags);
	}
	gen_plan_free(plan);
	return status;
}

int compile(const cli *options, idl_diags *diags)
{
	input in;
	int status;

	if (options->mode == CLI_CHECK_COMPAT)
		return compat_check(options, diags);
	status = input_read(&in, options, options->inputs, options->n_inputs, diags);
	if (in.model != NULL)
		status = generate_all(options, &in, diags);
	input_done(&in);
	return status;
}
