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

#endif
