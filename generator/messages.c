/*
 * messages.c - the messages' own C, written by protoc-gen-c.
 *
 * It is a plugin of protoc: a CodeGeneratorRequest goes in, a
 * CodeGeneratorResponse comes out. It is run once for all files.
 */
#include "messages.h"

#include <string.h>

#include <google/protobuf/compiler/plugin.pb-c.h>

#include "cnames.h"
#include "fixes.h"
#include "idl/closure.h"
#include "idl/process.h"
#include "rewrite.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest plugin_request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse plugin_response;

static void build_request(const gen_plan *plan, const bool *marked,
			  const gen_messages_options *options, idl_text *bytes)
{
	plugin_request request = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_REQUEST__INIT;
	const idl_model *model = plan->model;
	idl_arena arena = {0};
	idl_closure needed = idl_closure_new(&arena, model);

	idl_closure_add_several(&needed, marked, false);
	request.file_to_generate =
		idl_arena_array(&arena, model->n_files, sizeof(*request.file_to_generate));
	request.proto_file = idl_arena_array(&arena, model->n_files, sizeof(*request.proto_file));
	for (size_t i = 0; i < model->n_files; i++) {
		const idl_file *file = &model->files[i];

		if (marked[i])
			request.file_to_generate[request.n_file_to_generate++] = file->proto->name;
		if (needed.files[i])
			request.proto_file[request.n_proto_file++] =
				rewrite_for_messages(plan, &arena, file, options->comments);
	}
	idl_text_reserve(bytes, google__protobuf__compiler__code_generator_request__get_packed_size(
					&request));
	bytes->size = google__protobuf__compiler__code_generator_request__pack(
		&request, (uint8_t *)bytes->bytes);
	idl_arena_done(&arena);
}

/* Its own words, line by line. */
static void report(const gen_messages_options *options, const char *said, idl_diags *diags)
{
	while (*said != '\0') {
		size_t length = strcspn(said, "\n");

		if (length > 0)
			idl_error(diags, (idl_place){0}, "%s: %.*s", options->program, (int)length,
				  said);
		said += length + (said[length] == '\n');
	}
}

static void take_response(const idl_text *bytes, const gen_messages_options *options,
			  gen_outputs *outputs, idl_diags *diags)
{
	plugin_response *response = google__protobuf__compiler__code_generator_response__unpack(
		NULL, bytes->size, (const uint8_t *)bytes->bytes);

	if (response == NULL) {
		report(options, "its answer is no CodeGeneratorResponse", diags);
		return;
	}
	if (response->error != NULL)
		report(options, response->error, diags);
	for (size_t i = 0; i < response->n_file; i++) {
		if (response->file[i]->name != NULL && response->file[i]->content != NULL)
			idl_text_add(gen_outputs_add(outputs, response->file[i]->name),
				     response->file[i]->content);
	}
	google__protobuf__compiler__code_generator_response__free_unpacked(response, NULL);
}

/* What was asked for must have come. */
static void check_complete(const gen_plan *plan, const bool *marked,
			   const gen_messages_options *options, const gen_outputs *outputs,
			   idl_diags *diags)
{
	static const char *const endings[] = {"h", "c"};
	idl_arena arena = {0};

	for (size_t i = 0; i < plan->model->n_files; i++) {
		const char *stem = gen_cname_stem(&arena, plan->model->files[i].name);

		for (size_t j = 0; marked[i] && j < 2; j++) {
			const char *name = idl_arena_printf(&arena, "%s.pb-c.%s", stem, endings[j]);

			if (gen_outputs_find(outputs, name) == NULL)
				idl_error(diags, (idl_place){0}, "%s did not write %s",
					  options->program, name);
		}
	}
	idl_arena_done(&arena);
}

int gen_messages(const gen_plan *plan, const bool *marked, const gen_messages_options *options,
		 gen_outputs *outputs, idl_diags *diags)
{
	size_t n_errors = diags->n_errors;
	idl_text request = {0};
	idl_text response = {0};
	idl_text said = {0};
	idl_arena arena = {0};
	char *argv[] = {idl_arena_strdup(&arena, options->program), NULL};
	int r;

	build_request(plan, marked, options, &request);
	r = idl_process_run(argv, request.bytes, request.size, &response, &said);
	if (r == 0) {
		take_response(&response, options, outputs, diags);
		if (diags->n_errors == n_errors)
			check_complete(plan, marked, options, outputs, diags);
	} else if (r >= 128) {
		idl_error(diags, (idl_place){0}, "%s was killed by signal %d", options->program,
			  r - 128);
	} else if (r > 0) {
		report(options, said.size > 0 ? said.bytes : "failed and said nothing", diags);
	}
	for (size_t i = 0; i < plan->model->n_files; i++) {
		if (marked[i])
			fixes_apply(plan, &plan->model->files[i], outputs);
	}
	idl_text_done(&request);
	idl_text_done(&response);
	idl_text_done(&said);
	idl_arena_done(&arena);
	if (r < 0)
		return r;
	return diags->n_errors > n_errors ? 1 : 0;
}
