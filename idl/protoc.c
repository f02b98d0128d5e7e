/*
 * protoc.c - .proto files in, descriptors out.
 *
 * protoc writes the descriptor set to its standard output, a pipe, so there is
 * no temporary file.
 */
#include "protoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edition.h"
#include "process.h"

/* Drop "./" and doubled slashes, as they say nothing. */
static char *tidy(idl_arena *arena, const char *path)
{
	char *result = idl_arena_alloc(arena, strlen(path) + 1);
	char *end = result;

	while (*path != '\0') {
		bool fresh = end == result || end[-1] == '/';

		if (fresh && path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
			path += path[1] == '/' ? 2 : 1;
		else if (path[0] == '/' && fresh && end != result)
			path++;
		else
			*end++ = *path++;
	}
	*end = '\0';
	return result;
}

/* The absolute path of a directory without links in it, or what was given. */
static const char *resolve_directory(idl_arena *arena, const char *directory)
{
	char *real = realpath(*directory != '\0' ? directory : ".", NULL);
	const char *copy = idl_arena_strdup(arena, real != NULL ? real : directory);

	free(real);
	return copy;
}

/* The same of a file, which may be a link itself: its name is what counts. */
static const char *resolve_file(idl_arena *arena, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *directory;

	if (slash == NULL)
		directory = ".";
	else if (slash == file)
		directory = "/";
	else
		directory = idl_arena_strndup(arena, file, (size_t)(slash - file));
	directory = resolve_directory(arena, directory);
	return idl_arena_printf(arena, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory,
				slash != NULL ? slash + 1 : file);
}

/* What is left of `path` below `root`, or NULL. */
static const char *below(const char *path, const char *root)
{
	size_t length = strlen(root);

	if (strncmp(path, root, length) != 0)
		return NULL;
	if (length > 0 && root[length - 1] == '/')
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

const char *idl_protoc_name(const idl_protoc *protoc, idl_arena *arena, const char *file)
{
	const char *real = resolve_file(arena, file);

	for (size_t i = 0; i < protoc->n_paths; i++) {
		const char *name = below(real, resolve_directory(arena, protoc->paths[i]));

		if (name != NULL)
			return name;
	}
	return NULL;
}

const char *idl_protoc_find(const idl_protoc *protoc, idl_arena *arena, const char *name)
{
	if (*name == '/')
		return NULL;
	for (size_t i = 0; i < protoc->n_paths; i++) {
		const char *root = tidy(arena, protoc->paths[i]);
		const char *path = *root == '\0' ? idl_arena_strdup(arena, name)
						 : idl_arena_printf(arena, "%s/%s", root, name);

		if (access(path, R_OK) == 0)
			return path;
	}
	return NULL;
}

/* protoc names files as it knows them; say where they lie. */
static void show_files(const idl_protoc *protoc, idl_arena *arena, idl_diags *diags)
{
	for (const idl_diag *diag = diags->first; diag != NULL; diag = diag->next) {
		const char *file = diag->place.file;
		const char *path = file != NULL ? idl_protoc_find(protoc, arena, file) : NULL;

		if (path != NULL && strcmp(path, file) != 0)
			idl_diags_rename(diags, file, path);
	}
}

/* The next file that has an error in it and an edition, which the error is about. */
static bool find_edition(const idl_protoc *protoc, idl_arena *arena, const idl_diags *diags,
			 idl_place *ret_place)
{
	for (const idl_diag *diag = diags->first; diag != NULL; diag = diag->next) {
		const char *file = diag->place.file;
		const char *path = file != NULL ? idl_protoc_find(protoc, arena, file) : NULL;

		if (path == NULL || diag->severity != IDL_ERROR ||
		    strcmp(diag->text, IDL_EDITION_REFUSED) == 0)
			continue;
		*ret_place = (idl_place){.file = file};
		if (idl_edition_find(path, &ret_place->line, &ret_place->column))
			return true;
	}
	return false;
}

static void explain_editions(const idl_protoc *protoc, idl_arena *arena, idl_diags *diags)
{
	idl_place place;

	while (find_edition(protoc, arena, diags, &place))
		idl_diags_replace(diags, place, IDL_EDITION_REFUSED);
}

/*
 * protoc wants a file to begin with a path, letter for letter; it is given both
 * as absolute ones.
 */
static char **arguments_of(const idl_protoc *protoc, idl_arena *arena, const char *const *files,
			   size_t n_files)
{
	char **argv = idl_arena_array(arena, protoc->n_paths + n_files + 8, sizeof(*argv));
	size_t n = 0;

	argv[n++] = idl_arena_strdup(arena, protoc->program);
	argv[n++] = idl_arena_strdup(arena, "--descriptor_set_out=/dev/stdout");
	argv[n++] = idl_arena_strdup(arena, "--include_imports");
	argv[n++] = idl_arena_strdup(arena, "--include_source_info");
	for (size_t i = 0; i < protoc->n_paths; i++)
		argv[n++] = idl_arena_printf(arena, "--proto_path=%s",
					     resolve_directory(arena, protoc->paths[i]));
	for (size_t i = 0; i < n_files; i++)
		argv[n++] = idl_arena_strdup(arena, resolve_file(arena, files[i]));
	argv[n] = NULL;
	return argv;
}

int idl_protoc_run(const idl_protoc *protoc, const char *const *files, size_t n_files,
		   idl_text *set, idl_diags *diags)
{
	idl_arena arena = {0};
	idl_text said = {0};
	char **argv = arguments_of(protoc, &arena, files, n_files);
	int r;

	r = idl_process_run(argv, NULL, 0, set, &said);
	if (r >= 0) {
		idl_diags_add_protoc(diags, idl_text_string(&said), r == 0);
		if (r > 0)
			explain_editions(protoc, &arena, diags);
		show_files(protoc, &arena, diags);
	}
	if (r >= 128) {
		idl_error(diags, (idl_place){0}, "%s was killed by signal %d", protoc->program,
			  r - 128);
	} else if (r > 0 && diags->n_errors == 0) {
		idl_error(diags, (idl_place){0}, "%s failed with status %d and said nothing",
			  protoc->program, r);
	}
	idl_text_done(&said);
	idl_arena_done(&arena);
	return r > 0 ? 1 : r;
}
