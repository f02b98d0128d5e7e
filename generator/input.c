/*
 * input.c - .proto files or descriptor sets in, a checked model out.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "idl/check.h"
#include "idl/load.h"
#include "paths.h"

int input_report_program(idl_diags *diags, const char *program, const char *package, int error)
{
	/* Where PATH has a directory that is closed to the user, that is told instead. */
	if (error == -ENOENT || (error == -EACCES && strchr(program, '/') == NULL))
		idl_error(diags, (idl_place){0},
			  "%s is not installed, or not in PATH; on Debian it is in the package %s",
			  program, package);
	else
		idl_error(diags, (idl_place){0}, "%s can't be run: %s", program, strerror(-error));
	return CLI_ENVIRONMENT;
}

/*
 * protoc takes a file by its name below a path too, if there is none of that name
 * in the current directory: "-I dir name.proto" is dir/name.proto.
 */
static const char *const *locate(input *in, const cli *options, const char *const *files,
				 size_t n_files)
{
	const idl_protoc given = {.paths = options->paths, .n_paths = options->n_paths};
	const char **located = idl_arena_array(&in->arena, n_files, sizeof(*located));

	for (size_t i = 0; i < n_files; i++) {
		const char *found = access(files[i], F_OK) < 0
					    ? idl_protoc_find(&given, &in->arena, files[i])
					    : NULL;

		located[i] = found != NULL ? found : files[i];
	}
	return located;
}

/* Why protoc, which opens files by their paths and gets no input of ours, can't read it; NULL: it
 * can. */
static const char *find_obstacle(const char *file)
{
	struct stat status;

	if (access(file, R_OK) < 0 || stat(file, &status) < 0)
		return strerror(errno);
	if (S_ISDIR(status.st_mode))
		return strerror(EISDIR);
	return S_ISREG(status.st_mode) ? NULL : "it is no regular file";
}

/* protoc's own words about a missing file would not help anybody. */
static bool all_exist(const char *const *files, size_t n_files, idl_diags *diags)
{
	bool good = true;

	for (size_t i = 0; i < n_files; i++) {
		const char *obstacle = find_obstacle(files[i]);

		if (obstacle != NULL) {
			idl_error(diags, (idl_place){.file = files[i]}, "cannot be read: %s",
				  obstacle);
			good = false;
		}
	}
	return good;
}

/* The names of the files as protoc knows them, by which the descriptors go. */
static const char **find_names(input *in, const char *const *files, size_t n_files)
{
	const char **names = idl_arena_array(&in->arena, n_files, sizeof(*names));

	for (size_t i = 0; i < n_files; i++) {
		names[i] = idl_protoc_name(&in->protoc, &in->arena, files[i]);
		if (names[i] == NULL)
			names[i] = files[i];
	}
	return names;
}

/* Errors name files so that an editor finds them, from where mqcallc was called. */
static const char **find_shown(input *in)
{
	const char **shown = idl_arena_array(&in->arena, in->set->n_file, sizeof(*shown));

	for (size_t i = 0; i < in->set->n_file; i++) {
		const char *name = in->set->file[i]->name;
		const char *path =
			name != NULL ? idl_protoc_find(&in->protoc, &in->arena, name) : NULL;

		shown[i] = path != NULL ? path : name;
	}
	return shown;
}

static int build_model(input *in, const cli *options, const char *const *names, size_t n_names,
		       idl_diags *diags)
{
	in->model = idl_load(in->set->file, in->set->n_file, names, n_names, find_shown(in), diags);
	if (diags->n_errors > 0)
		in->model = idl_model_free(in->model);
	else
		idl_check(in->model, options->with_imports, diags);
	return diags->n_errors > 0 ? CLI_INPUT : CLI_OK;
}

int input_read(input *in, const cli *options, const char *const *files, size_t n_files,
	       idl_diags *diags)
{
	idl_text bytes = {0};
	int r;

	*in = (input){.protoc = {.program = options->protoc}};
	files = locate(in, options, files, n_files);
	in->protoc.paths = paths_choose(&in->arena, options, files, n_files, &in->protoc.n_paths);
	if (!all_exist(files, n_files, diags))
		return CLI_INPUT;
	r = idl_protoc_run(&in->protoc, files, n_files, &bytes, diags);
	if (r < 0) {
		idl_text_done(&bytes);
		return input_report_program(diags, options->protoc, "protobuf-compiler", r);
	}
	if (r == 0)
		in->set = idl_parse_set((const uint8_t *)bytes.bytes, bytes.size, files[0], diags);
	idl_text_done(&bytes);
	if (in->set == NULL)
		return CLI_INPUT;
	return build_model(in, options, find_names(in, files, n_files), n_files, diags);
}

/*
 * The files of a set that count as named by the user: those with a service, or
 * all where none has one.
 */
static const char **names_of_set(input *in, size_t *ret_count)
{
	const char **names = idl_arena_array(&in->arena, in->set->n_file, sizeof(*names));
	bool services = false;

	for (size_t i = 0; i < in->set->n_file; i++)
		services = services || in->set->file[i]->n_service > 0;
	*ret_count = 0;
	for (size_t i = 0; i < in->set->n_file; i++) {
		const idl_file_proto *file = in->set->file[i];

		if ((file->n_service > 0 || !services) && file->name != NULL)
			names[(*ret_count)++] = file->name;
	}
	return names;
}

static int read_file(const char *path, idl_text *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = idl_text_read(bytes, fd);
	close(fd);
	return r;
}

static int read_set(input *in, const cli *options, const char *file, idl_diags *diags)
{
	idl_text bytes = {0};
	const char **names;
	size_t n_names;
	int r;

	*in = (input){.set = NULL};
	r = read_file(file, &bytes);
	if (r < 0)
		idl_error(diags, (idl_place){.file = file}, "cannot be read: %s", strerror(-r));
	else
		in->set = idl_parse_set((const uint8_t *)bytes.bytes, bytes.size, file, diags);
	idl_text_done(&bytes);
	if (in->set == NULL)
		return CLI_INPUT;
	if (in->set->n_file == 0) {
		idl_error(diags, (idl_place){.file = file}, "this descriptor set has no files");
		return CLI_INPUT;
	}
	names = names_of_set(in, &n_names);
	return build_model(in, options, names, n_names, diags);
}

int input_read_any(input *in, const cli *options, const char *file, idl_diags *diags)
{
	size_t length = strlen(file);

	if (length > 6 && strcmp(file + length - 6, ".proto") == 0)
		return input_read(in, options, &file, 1, diags);
	return read_set(in, options, file, diags);
}

void input_done(input *in)
{
	idl_model_free(in->model);
	if (in->set != NULL)
		google__protobuf__file_descriptor_set__free_unpacked(in->set, NULL);
	idl_arena_done(&in->arena);
}
