/*
 * paths.h - where .proto files are sought.
 */
#ifndef MQCALL_GENERATOR_PATHS_H
#define MQCALL_GENERATOR_PATHS_H

#include "cli.h"

/*
 * The user's own paths, or the current directory where there are none. For each
 * file that lies below none of them, the current directory or, if it does not
 * lie there either, its own. At last the one in which mqcallc has its
 * mqcall/options.proto, unless that is to be found already.
 */
const char *const *paths_choose(idl_arena *arena, const cli *options, const char *const *files,
				size_t n_files, size_t *ret_count);

/*
 * Where a version that --check-compat compares, 0 or 1, and its imports are sought
 * first: --old-path or --new-path; or else, where both files lie below a root of
 * their own by the same name, that root. Then come the paths that both share.
 */
const char **paths_of_version(idl_arena *arena, const cli *options, int version, size_t *ret_count);

#endif
