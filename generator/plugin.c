/*
 * plugin.c - mqcallc as a plugin of protoc, by the name of protoc-gen-mqcall.
 *
 * protoc has read the files already and says what is to be generated, with the
 * parameters of --mqcall_opt: a list, with commas, of
 *
 *   no_comments    leave the comments of the .proto files out
 *   with_imports   write the messages of all imported files too
 *   no_messages    leave the messages to protoc-gen-c, run by protoc itself
 */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <google/protobuf/compiler/plugin.pb-c.h>

#include "cli.h"
#include "generate.h"
#include "idl/check.h"
#include "idl/load.h"
#include "idl/unpack.h"
#include "input.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest plugin_request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse plugin_response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File plugin_file;

static void parse_parameter(const char *parameter, generate_options *options, idl_diags *diags)
{
	while (parameter != NULL && *parameter != '\0') {
		size_t length = strcspn(parameter, ",");

		if (length == 11 && memcmp(parameter, "no_comments", length) == 0)
			options->comments = false;
		else if (length == 12 && memcmp(parameter, "with_imports", length) == 0)
			options->with_imports = true;
		else if (length == 11 && memcmp(parameter, "no_messages", length) == 0)
			options->messages = false;
		else if (length > 0)
			idl_error(diags, (idl_place){0},
				  "unknown parameter \"%.*s\"; there are no_comments, with_imports "
				  "and no_messages",
				  (int)length, parameter);
		parameter += length + (parameter[length] == ',');
	}
}

static void generate_response(const plugin_request *request, gen_outputs *outputs, idl_diags *diags)
{
	const char *program = getenv("MQCALLC_PROTOC_GEN_C");
	generate_options options = {
		.protoc_gen_c = program != NULL && *program != '\0' ? program : "protoc-gen-c",
		.comments = true,
		.messages = true,
	};
	idl_model *model;
	gen_plan *plan = NULL;
	int r;

	parse_parameter(request->parameter, &options, diags);
	model = idl_load(request->proto_file, request->n_proto_file,
			 (const char *const *)request->file_to_generate,
			 request->n_file_to_generate, NULL, diags);
	if (diags->n_errors == 0)
		idl_check(model, options.with_imports, diags);
	if (diags->n_errors == 0)
		plan = gen_plan_new(model, diags);
	if (diags->n_errors == 0) {
		r = generate(plan, &options, outputs, diags);
		if (r < 0)
			input_report_program(diags, options.protoc_gen_c, "protobuf-c-compiler", r);
	}
	gen_plan_free(plan);
	idl_model_free(model);
}

/* With errors, their text is the answer, and no file is. */
static void pack_response(gen_outputs *outputs, const idl_diags *diags, idl_text *bytes)
{
	enum {
		PROTO3_OPTIONAL = 1
	};
	plugin_response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
	idl_arena arena = {0};
	idl_text said = {0};

	idl_diags_format(diags, &said);
	response.has_supported_features = true;
	response.supported_features = PROTO3_OPTIONAL;
	if (diags->n_errors > 0) {
		response.error = said.bytes;
	} else {
		fputs(idl_text_string(&said), stderr);
		response.file = idl_arena_array(&arena, outputs->count, sizeof(*response.file));
		for (size_t i = 0; i < outputs->count; i++) {
			plugin_file *file = idl_arena_alloc(&arena, sizeof(*file));

			google__protobuf__compiler__code_generator_response__file__init(file);
			file->name = idl_arena_strdup(&arena, outputs->list[i].name);
			file->content = outputs->list[i].content.bytes;
			response.file[response.n_file++] = file;
		}
	}
	idl_text_reserve(
		bytes,
		google__protobuf__compiler__code_generator_response__get_packed_size(&response));
	bytes->size = google__protobuf__compiler__code_generator_response__pack(
		&response, (uint8_t *)bytes->bytes);
	idl_text_done(&said);
	idl_arena_done(&arena);
}

int plugin_run(void)
{
	enum {
		REQUEST_PROTO_FILE = 15
	};
	plugin_request *request = NULL;
	gen_outputs outputs = {0};
	idl_diags diags = {0};
	idl_text bytes = {0};
	int status = CLI_OK;

	if (idl_text_read(&bytes, STDIN_FILENO) == 0 && bytes.size > 0)
		request = (plugin_request *)idl_unpack(
			&google__protobuf__compiler__code_generator_request__descriptor,
			(const uint8_t *)bytes.bytes, bytes.size, REQUEST_PROTO_FILE);
	if (request == NULL) {
		fputs("protoc-gen-mqcall: this is a plugin of protoc, which runs it; "
		      "the program to run is mqcallc\n",
		      stderr);
		idl_text_done(&bytes);
		return CLI_USAGE;
	}
	bytes.size = 0;
	generate_response(request, &outputs, &diags);
	pack_response(&outputs, &diags, &bytes);
	if (idl_text_write(&bytes, STDOUT_FILENO) < 0)
		status = CLI_ENVIRONMENT;
	google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
	gen_outputs_done(&outputs);
	idl_diags_done(&diags);
	idl_text_done(&bytes);
	return status;
}
