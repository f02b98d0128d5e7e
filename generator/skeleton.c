/*
 * skeleton.c - programs to start from: which there are, and where.
 */
#include "skeleton.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "outputs.h"

enum {
	ENDPOINT_MAX = 64
};

const char *skeleton_endpoint(const gen_file *file)
{
	const char *prefix = file->services[0].prefix;

	return strlen(prefix) <= ENDPOINT_MAX ? prefix : "service";
}

/* Programs are not generated again: nobody wants a day's work overwritten. */
static int refuse_existing(const gen_outputs *outputs, const char *directory, idl_diags *diags)
{
	idl_arena arena = {0};
	int status = CLI_OK;

	for (size_t i = 0; i < outputs->count; i++) {
		const char *path =
			idl_arena_printf(&arena, "%s/%s", directory, outputs->list[i].name);

		if (access(path, F_OK) == 0) {
			idl_error(diags, (idl_place){.file = path},
				  "is there already; --skeleton does not overwrite programs");
			status = CLI_ENVIRONMENT;
		}
	}
	idl_arena_done(&arena);
	return status;
}

int skeleton_write(const gen_plan *plan, const char *directory, idl_diags *diags)
{
	gen_outputs outputs = {0};
	idl_arena arena = {0};
	int status;

	for (size_t i = 0; i < plan->n_files; i++) {
		const gen_file *file = &plan->files[i];

		if (file->n_services == 0)
			continue;
		skeleton_server(gen_outputs_add(&outputs, idl_arena_printf(&arena, "%s_server.c",
									   file->stem)),
				file);
		skeleton_client(gen_outputs_add(&outputs, idl_arena_printf(&arena, "%s_client.c",
									   file->stem)),
				file);
	}
	status = refuse_existing(&outputs, directory, diags);
	if (status == CLI_OK && gen_outputs_write(&outputs, directory, diags) < 0)
		status = CLI_ENVIRONMENT;
	gen_outputs_done(&outputs);
	idl_arena_done(&arena);
	return status;
}
