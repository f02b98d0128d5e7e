/*
 * main.c - mqcallc: compiles services of .proto files to C.
 *
 * Named protoc-gen-mqcall it is a plugin of protoc instead.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "compile.h"
#include "plugin.h"

static int run(int argc, char **argv)
{
	idl_diags diags = {0};
	idl_text text = {0};
	cli options;
	int status;

	status = cli_parse(&options, argc, argv);
	if (status == CLI_GO_ON)
		status = compile(&options, &diags);
	idl_diags_format(&diags, &text);
	fputs(idl_text_string(&text), stderr);
	idl_text_done(&text);
	idl_diags_done(&diags);
	cli_done(&options);
	if (status == CLI_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		perror("mqcallc: standard output");
		status = CLI_ENVIRONMENT;
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "mqcallc";

	return strcmp(name, "protoc-gen-mqcall") == 0 ? plugin_run() : run(argc, argv);
}
