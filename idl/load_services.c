/*
 * load_services.c - descriptors in, a model out: services, methods and their
 * options.
 */
#include "load_parts.h"

#include "options.h"

#include <string.h>

typedef Google__Protobuf__MethodDescriptorProto method_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;

/* The options message that belongs to a path, and how to report about it. */
typedef struct options_at {
	idl_loader *loader;
	const ProtobufCMessage *options;
	const idl_source *source;
	const idl_path *path;
	int32_t field; /* of the options in their owner */
} options_at;

static idl_option option_found(const options_at *at, int32_t number, const char *name, int found)
{
	idl_option option = {.set = found > 0};

	option.place = idl_source_option_place(at->source, at->path, at->field, number);
	if (found < 0)
		idl_error(at->loader->diags, option.place,
			  "malformed option (mqcall.%s): import \"mqcall/options.proto\" and no "
			  "other file that claims its numbers",
			  name);
	return option;
}

static idl_option number_option(const options_at *at, int32_t number, const char *name)
{
	int64_t value = 0;
	int found = idl_options_number(at->options, (uint32_t)number, &value);
	idl_option option = option_found(at, number, name, found);

	option.number = value;
	return option;
}

static idl_option text_option(const options_at *at, int32_t number, const char *name)
{
	const char *text = NULL;
	int found =
		idl_options_text(at->options, (uint32_t)number, &at->loader->model->arena, &text);
	idl_option option = option_found(at, number, name, found);

	option.text = text;
	return option;
}

static void load_method_options(idl_method *method, const method_proto *proto, const options_at *at)
{
	const Google__Protobuf__MethodOptions *options = proto->options;

	method->c_name = text_option(at, IDL_OPTION_C_NAME, "c_name");
	method->oneway = number_option(at, IDL_OPTION_ONEWAY, "oneway");
	method->timeout_ms = number_option(at, IDL_OPTION_TIMEOUT_MS, "timeout_ms");
	method->priority = number_option(at, IDL_OPTION_PRIORITY, "priority");
	method->lane = number_option(at, IDL_OPTION_LANE, "lane");
	method->form = number_option(at, IDL_OPTION_FORM, "form");
	if (options == NULL)
		return;
	method->deprecated = options->deprecated;
	method->no_side_effects =
		options->idempotency_level ==
		GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS;
	method->idempotent =
		method->no_side_effects ||
		options->idempotency_level ==
			GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT;
}

static void load_method(idl_loader *loader, const idl_service *service, idl_method *method,
			const method_proto *proto, const idl_path *path)
{
	const idl_source *source = &loader->sources[service->file->index];
	options_at at = {.loader = loader,
			 .options = (const ProtobufCMessage *)proto->options,
			 .source = source,
			 .path = path,
			 .field = IDL_METHOD_OPTIONS};

	*method = (idl_method){
		.name = proto->name,
		.request = idl_load_find_message(loader, proto->input_type),
		.reply = idl_load_find_message(loader, proto->output_type),
		.client_streaming = proto->client_streaming,
		.server_streaming = proto->server_streaming,
		.place = idl_source_place(source, path),
		.comment = idl_source_comment(source, path),
	};
	if (!idl_is_identifier(method->name) || method->request == NULL || method->reply == NULL) {
		idl_error(loader->diags, method->place,
			  "malformed descriptor: a method of %s has no proper name or types",
			  service->full_name);
		method->name = "?";
	}
	method->full_name =
		idl_arena_printf(&loader->model->arena, "%s/%s", service->full_name, method->name);
	method->id = idl_hash(method->full_name);
	load_method_options(method, proto, &at);
	method->deprecated = method->deprecated || service->deprecated;
}

static void load_service(idl_loader *loader, const idl_file *file, idl_service *service,
			 const service_proto *proto, const idl_path *path)
{
	const idl_source *source = &loader->sources[file->index];
	idl_arena *arena = &loader->model->arena;
	options_at at = {.loader = loader,
			 .options = (const ProtobufCMessage *)proto->options,
			 .source = source,
			 .path = path,
			 .field = IDL_SERVICE_OPTIONS};

	*service = (idl_service){
		.name = proto->name,
		.file = file,
		.deprecated = proto->options != NULL && proto->options->deprecated,
		.place = idl_source_place(source, path),
		.comment = idl_source_comment(source, path),
	};
	if (!idl_is_identifier(service->name)) {
		idl_error(loader->diags, service->place,
			  "malformed descriptor: a service without a name");
		service->name = "?";
	}
	service->full_name =
		*file->package == '\0'
			? service->name
			: idl_arena_printf(arena, "%s.%s", file->package, service->name);
	service->prefix = text_option(&at, IDL_OPTION_PREFIX, "prefix");
	service->n_methods = proto->n_method;
	service->methods = idl_arena_array(arena, service->n_methods, sizeof(*service->methods));
	for (size_t i = 0; i < service->n_methods; i++) {
		idl_path method_path = idl_path_add(path, IDL_SERVICE_METHOD, (int32_t)i);

		load_method(loader, service, &service->methods[i], proto->method[i], &method_path);
	}
}

void idl_load_services(idl_loader *loader, idl_file *file)
{
	const idl_path root = {.length = 0};

	file->n_services = file->proto->n_service;
	file->services =
		idl_arena_array(&loader->model->arena, file->n_services, sizeof(*file->services));
	for (size_t i = 0; i < file->n_services; i++) {
		idl_path path = idl_path_add(&root, IDL_FILE_SERVICE, (int32_t)i);

		load_service(loader, file, &file->services[i], file->proto->service[i], &path);
	}
}
