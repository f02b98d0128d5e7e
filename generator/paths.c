/*
 * paths.c - where .proto files are sought.
 */
#include "paths.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "idl/protoc.h"

static bool contains_options(idl_arena *arena, const char *directory)
{
	return access(idl_arena_printf(arena, "%s/mqcall/options.proto", directory), R_OK) == 0;
}

static const char *folder_of(idl_arena *arena, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash == NULL)
		return ".";
	return idl_arena_strndup(arena, file, slash == file ? 1 : (size_t)(slash - file));
}

/* Where mqcallc runs from: in the prefix that it was installed to, wherever moved. */
static const char *installed_directory(idl_arena *arena)
{
	char program[4096];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program));
	char *slash;

	if (length <= 0 || length == (ssize_t)sizeof(program))
		return NULL;
	program[length] = '\0';
	slash = strrchr(program, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return idl_arena_printf(arena, "%s/../include", program);
}

static const char *find_options(idl_arena *arena, const char *const *paths, size_t n_paths)
{
	const char *installed = installed_directory(arena);

	for (size_t i = 0; i < n_paths; i++) {
		if (contains_options(arena, *paths[i] == '\0' ? "." : paths[i]))
			return NULL;
	}
	if (installed != NULL && contains_options(arena, installed))
		return installed;
	return contains_options(arena, MQCALL_INCLUDEDIR) ? MQCALL_INCLUDEDIR : NULL;
}

/* A path below which the file lies: the current directory, or the file's own. */
static const char *path_for(idl_arena *arena, const char *file, bool own)
{
	static const char *const here[] = {"."};
	const idl_protoc current = {.paths = here, .n_paths = 1};

	if (!own && idl_protoc_name(&current, arena, file) != NULL)
		return ".";
	return folder_of(arena, file);
}

/* The file that is named must be the first of its name that protoc finds. */
static void add_first(const char **paths, size_t *count, const char *path)
{
	memmove(paths + 1, paths, *count * sizeof(*paths));
	paths[0] = path;
	(*count)++;
}

const char *const *paths_choose(idl_arena *arena, const cli *options, const char *const *files,
				size_t n_files, size_t *ret_count)
{
	const char **paths = idl_arena_array(arena, options->n_paths + n_files + 3, sizeof(*paths));
	/* Two versions to compare lie in two places, as two roots with the same names. */
	const bool own_folder = options->mode == CLI_CHECK_COMPAT;
	const char *own;
	size_t n = 0;

	for (size_t i = 0; i < options->n_paths; i++)
		paths[n++] = options->paths[i];
	if (n == 0 && !own_folder)
		paths[n++] = ".";
	for (size_t i = 0; i < n_files; i++) {
		const idl_protoc so_far = {.paths = paths, .n_paths = n};

		if (idl_protoc_name(&so_far, arena, files[i]) == NULL)
			add_first(paths, &n, path_for(arena, files[i], own_folder));
	}
	own = find_options(arena, paths, n);
	if (own != NULL)
		paths[n++] = own;
	*ret_count = n;
	return paths;
}
