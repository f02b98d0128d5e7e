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

/* ------------------------------------------------------ two versions -- */

/* What both end in, in whole names; NULL where they are the same or share none. */
static const char *common_end(const char *a, const char *b)
{
	const char *x = a + strlen(a);
	const char *y = b + strlen(b);
	const char *end = NULL;

	while (x > a && y > b && x[-1] == y[-1]) {
		x--;
		y--;
		if ((x == a || x[-1] == '/') && (y == b || y[-1] == '/'))
			end = x;
	}
	return x == a && y == b ? NULL : end;
}

static bool ends_in(const char *path, const char *end)
{
	size_t length = strlen(path);

	return strlen(end) <= length && strcmp(path + length - strlen(end), end) == 0;
}

/* The name that both files have below their roots; a -I that one lies below tells best. */
static const char *name_in_both(idl_arena *arena, const cli *options, const char *const *absolute)
{
	const char *end = common_end(absolute[0], absolute[1]);

	for (size_t i = 0; end != NULL && i < options->n_paths; i++) {
		const idl_protoc one = {.paths = &options->paths[i], .n_paths = 1};

		for (int j = 0; j < 2; j++) {
			const char *name = idl_protoc_name(&one, arena, options->inputs[j]);

			if (name != NULL && ends_in(end, name))
				return name;
		}
	}
	return end;
}

/* What leads to `name`, as the user put it, if that is possible. */
static const char *root_of(idl_arena *arena, const char *file, const char *absolute,
			   const char *name)
{
	size_t length;

	if (strcmp(file, name) == 0)
		return ".";
	if (ends_in(file, name)) {
		length = strlen(file) - strlen(name) - 1;
		if (length > 0 && file[length] == '/')
			return idl_arena_strndup(arena, file, length);
	}
	return idl_arena_printf(arena, "/%.*s", (int)(strlen(absolute) - strlen(name)), absolute);
}

static const char *version_root(idl_arena *arena, const cli *options, int version)
{
	static const char *const top[] = {"/"};
	const idl_protoc all = {.paths = top, .n_paths = 1};
	const char *absolute[2];
	const char *name;

	for (int i = 0; i < 2; i++) {
		absolute[i] = idl_protoc_name(&all, arena, options->inputs[i]);
		if (absolute[i] == NULL || access(options->inputs[i], F_OK) < 0)
			return NULL;
	}
	name = name_in_both(arena, options, absolute);
	return name != NULL ? root_of(arena, options->inputs[version], absolute[version], name)
			    : NULL;
}

const char **paths_of_version(idl_arena *arena, const cli *options, int version, size_t *ret_count)
{
	size_t n = options->n_version_paths[version];
	const char **paths = idl_arena_array(arena, n + 1 + options->n_paths, sizeof(*paths));
	const char *root = n == 0 ? version_root(arena, options, version) : NULL;

	for (size_t i = 0; i < n; i++)
		paths[i] = options->version_paths[version][i];
	if (root != NULL)
		paths[n++] = root;
	for (size_t i = 0; i < options->n_paths; i++)
		paths[n++] = options->paths[i];
	*ret_count = n;
	return paths;
}
