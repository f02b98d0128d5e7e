/*
 * cli.c - the command line of mqcallc.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

static const char help[] =
	"Usage: mqcallc [OPTION]... FILE.proto...\n"
	"Compile services of .proto files to C that calls them over message queues.\n"
	"\n"
	"  -o, --output=DIR        write below DIR, which is made if it is missing (.)\n"
	"  -I, --proto-path=DIR    seek files and imports in DIR; may be repeated\n"
	"      --with-imports      write the messages of all imported files too\n"
	"      --no-comments       leave the comments of the .proto files out\n"
	"      --depfile=FILE      write FILE, a makefile of what was read\n"
	"      --depfile-target=NAME\n"
	"                          what depends on that, instead of all outputs\n"
	"      --list-outputs      print the names of the files, but write none\n"
	"      --skeleton          write a server and a client to start from\n"
	"      --check-compat      compare two versions: mqcallc --check-compat OLD NEW,\n"
	"                          each a .proto file or a descriptor set\n"
	"      --old-path=DIR      seek OLD and its imports in DIR, before -I's; the same\n"
	"      --new-path=DIR      for NEW; both may be repeated\n"
	"  -h, --help              print this\n"
	"      --version           print the version\n"
	"\n"
	"Exit status: 0 success, 1 errors in the input or incompatible versions, 2 wrong\n"
	"usage, 3 protoc or protoc-gen-c is missing or a file can't be written.\n";

enum {
	OPTION_WITH_IMPORTS = 256,
	OPTION_NO_COMMENTS,
	OPTION_DEPFILE,
	OPTION_DEPFILE_TARGET,
	OPTION_LIST_OUTPUTS,
	OPTION_SKELETON,
	OPTION_CHECK_COMPAT,
	OPTION_OLD_PATH,
	OPTION_NEW_PATH,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"output", required_argument, NULL, 'o'},
	{"proto-path", required_argument, NULL, 'I'},
	{"proto_path", required_argument, NULL, 'I'}, /* protoc's spelling */
	{"with-imports", no_argument, NULL, OPTION_WITH_IMPORTS},
	{"no-comments", no_argument, NULL, OPTION_NO_COMMENTS},
	{"depfile", required_argument, NULL, OPTION_DEPFILE},
	{"depfile-target", required_argument, NULL, OPTION_DEPFILE_TARGET},
	{"list-outputs", no_argument, NULL, OPTION_LIST_OUTPUTS},
	{"skeleton", no_argument, NULL, OPTION_SKELETON},
	{"check-compat", no_argument, NULL, OPTION_CHECK_COMPAT},
	{"old-path", required_argument, NULL, OPTION_OLD_PATH},
	{"new-path", required_argument, NULL, OPTION_NEW_PATH},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int usage_error(const char *text)
{
	fprintf(stderr, "mqcallc: %s\nTry 'mqcallc --help'.\n", text);
	return CLI_USAGE;
}

/* protoc takes several paths in one option, with ':' between them. */
static void add_paths(cli *options, const char **list, size_t *count, const char *paths)
{
	for (;;) {
		size_t length = strcspn(paths, ":");

		list[(*count)++] = idl_arena_strndup(&options->arena, paths, length);
		if (paths[length] == '\0')
			return;
		paths += length + 1;
	}
}

static int set_mode(cli *options, cli_mode mode)
{
	if (options->mode != CLI_GENERATE && options->mode != mode)
		return usage_error(
			"--list-outputs, --skeleton and --check-compat exclude each other");
	options->mode = mode;
	return CLI_GO_ON;
}

static int take_option(cli *options, int option)
{
	int version;

	switch (option) {
	case 'o':
		/* As of a variable that is not set; below it would be the root. */
		if (*optarg == '\0')
			return usage_error("--output is empty; the current directory is '.'");
		options->output = optarg;
		return CLI_GO_ON;
	case 'I':
		add_paths(options, options->paths, &options->n_paths, optarg);
		return CLI_GO_ON;
	case OPTION_WITH_IMPORTS:
		options->with_imports = true;
		return CLI_GO_ON;
	case OPTION_NO_COMMENTS:
		options->no_comments = true;
		return CLI_GO_ON;
	case OPTION_DEPFILE:
		options->depfile = optarg;
		return CLI_GO_ON;
	case OPTION_DEPFILE_TARGET:
		options->depfile_target = optarg;
		return CLI_GO_ON;
	case OPTION_LIST_OUTPUTS:
		return set_mode(options, CLI_LIST_OUTPUTS);
	case OPTION_SKELETON:
		return set_mode(options, CLI_SKELETON);
	case OPTION_CHECK_COMPAT:
		return set_mode(options, CLI_CHECK_COMPAT);
	case OPTION_OLD_PATH:
	case OPTION_NEW_PATH:
		version = option == OPTION_NEW_PATH;
		add_paths(options, options->version_paths[version],
			  &options->n_version_paths[version], optarg);
		return CLI_GO_ON;
	case 'h':
		fputs(help, stdout);
		return CLI_OK;
	case OPTION_VERSION:
		puts("mqcallc " PACKAGE_VERSION);
		return CLI_OK;
	default:
		fputs("Try 'mqcallc --help'.\n", stderr);
		return CLI_USAGE;
	}
}

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

/* Room for all: every character of the command line could be a ':' between paths. */
static const char **new_paths(cli *options, int argc, char **argv)
{
	size_t count = 0;

	for (int i = 0; i < argc; i++)
		count += strlen(argv[i]) + 1;
	return idl_arena_array(&options->arena, count, sizeof(const char *));
}

int cli_parse(cli *options, int argc, char **argv)
{
	int option;
	int r;

	*options = (cli){.output = "."};
	options->paths = new_paths(options, argc, argv);
	options->version_paths[0] = new_paths(options, argc, argv);
	options->version_paths[1] = new_paths(options, argc, argv);
	options->protoc = environment("MQCALLC_PROTOC", "protoc");
	options->protoc_gen_c = environment("MQCALLC_PROTOC_GEN_C", "protoc-gen-c");
	while ((option = getopt_long(argc, argv, "o:I:h", long_options, NULL)) != -1) {
		r = take_option(options, option);
		if (r != CLI_GO_ON)
			return r;
	}
	options->inputs = (const char *const *)(argv + optind);
	options->n_inputs = (size_t)(argc - optind);
	if (options->mode == CLI_CHECK_COMPAT && options->n_inputs != 2)
		return usage_error("--check-compat takes two files, the old and the new one");
	if (options->mode != CLI_CHECK_COMPAT &&
	    options->n_version_paths[0] + options->n_version_paths[1] > 0)
		return usage_error("--old-path and --new-path belong to --check-compat");
	if (options->n_inputs == 0)
		return usage_error("no .proto file given");
	return CLI_GO_ON;
}

void cli_done(cli *options)
{
	idl_arena_done(&options->arena);
}
