/*
 * peer.c - the server process: peer ENDPOINT FORM, the latter as a number: see server.h
 *
 * It hosts all services here, with handlers of that form, as support.h's
 * peer_start() expects of a peer: prints "ready", and ends with 0 after a
 * SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>

#include "server.h"

static int open_server(const char *endpoint, enum form form, mqc_server **ret_server)
{
	/* Strings of 4 KiB come, and not much at once. */
	const mqc_server_options options = {
		.queue_messages = 4, .queue_size = 8192, .stop_on_signals = true};
	mqc_server *server = NULL;
	int r;

	if ((r = mqc_server_open(endpoint, &options, &server)) < 0)
		return r;
	if ((r = serve_numbers(server, form)) < 0 || (r = serve_texts(server, form)) < 0 ||
	    (r = serve_shapes(server, form)) < 0 || (r = serve_legacy(server, form)) < 0 ||
	    (r = serve_known(server, form)) < 0 || (r = serve_failures(server, form)) < 0) {
		mqc_server_close(server);
		return r;
	}
	*ret_server = server;
	return MQC_OK;
}

int main(int argc, char **argv)
{
	mqc_server *server = NULL;
	long form;
	int r;

	if (argc != 3)
		return EXIT_FAILURE;
	form = strtol(argv[2], NULL, 10);
	if (form < 0 || form >= FORMS)
		return EXIT_FAILURE;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	r = open_server(argv[1], (enum form)form, &server);
	if (r == MQC_OK) {
		puts("ready");
		r = mqc_server_run(server);
	}
	if (r < 0)
		printf("%s: %s\n", mqc_status_name(r), mqc_error_last()->text);
	mqc_server_close(server);
	return r == MQC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
