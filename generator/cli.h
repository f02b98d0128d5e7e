/*
 * cli.h - the command line of mqcallc.
 */
#ifndef MQCALL_GENERATOR_CLI_H
#define MQCALL_GENERATOR_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "idl/arena.h"

/* Exit statuses; mqcallc(1) documents them. */
enum {
	CLI_OK = 0,
	CLI_INPUT = 1,       /* errors in the input; or incompatible */
	CLI_USAGE = 2,       /* the command line makes no sense */
	CLI_ENVIRONMENT = 3, /* a program is missing, a file can't be written */
	CLI_GO_ON = -1       /* of cli_parse(): there is something to do */
};

typedef enum cli_mode {
	CLI_GENERATE,
	CLI_LIST_OUTPUTS,
	CLI_CHECK_COMPAT,
	CLI_SKELETON
} cli_mode;

typedef struct cli {
	idl_arena arena;
	cli_mode mode;
	const char *output; /* directory */
	const char *depfile;
	const char *depfile_target; /* NULL: all outputs */
	const char **paths;         /* -I */
	size_t n_paths;
	const char **version_paths[2]; /* --old-path, --new-path */
	size_t n_version_paths[2];
	const char *const *inputs;
	size_t n_inputs;
	bool with_imports;
	bool no_comments;
	const char *protoc;       /* MQCALLC_PROTOC, or "protoc" */
	const char *protoc_gen_c; /* MQCALLC_PROTOC_GEN_C, or "protoc-gen-c" */
} cli;

/* Parse the command line. Returns CLI_GO_ON, or the exit status. */
int cli_parse(cli *options, int argc, char **argv);

void cli_done(cli *options);

#endif
