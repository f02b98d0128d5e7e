/*
 * peer.c - a server process for the tests: peer ENDPOINT [OPTION...]
 *
 *	threads=N  messages=N  size=BYTES  access=0..2   as in mqc_server_options
 *	aging=MS  waiting=N  lane_threads=N              the same
 *	spin=US                                          spin_us
 *	signals                                          stop_on_signals
 *	inherit                                          inherit_priority
 *	tells                                            see peer_await_begun()
 *	defaults                                         the library's queue, not a small one
 *
 * It hosts the service of things.h, prints "ready" when the endpoint is open,
 * "stopped" when mqc_server_run() has returned, and ends with 0 if all went
 * well; else it prints the error and ends with 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "things.h"

static int number_of(const char *option, const char *name, int otherwise)
{
	size_t length = strlen(name);

	if (strncmp(option, name, length) != 0 || option[length] != '=')
		return otherwise;
	return (int)strtol(option + length + 1, NULL, 10);
}

static mqc_server_options options_of(char **words)
{
	mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};

	for (; *words != NULL; words++) {
		options.threads = number_of(*words, "threads", options.threads);
		options.queue_messages = number_of(*words, "messages", options.queue_messages);
		options.queue_size = number_of(*words, "size", options.queue_size);
		options.aging_ms = number_of(*words, "aging", options.aging_ms);
		options.max_waiting = number_of(*words, "waiting", options.max_waiting);
		options.lane_threads = number_of(*words, "lane_threads", options.lane_threads);
		options.spin_us = number_of(*words, "spin", options.spin_us);
		options.access = (mqc_access)number_of(*words, "access", (int)options.access);
		if (strcmp(*words, "signals") == 0)
			options.stop_on_signals = true;
		else if (strcmp(*words, "inherit") == 0)
			options.inherit_priority = true;
		else if (strcmp(*words, "defaults") == 0)
			options.queue_messages = options.queue_size = 0;
	}
	return options;
}

static int tell(const char *what, int status)
{
	printf("%s: %s: %s\n", what, mqc_status_name(status), mqc_error_last()->text);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	mqc_server_options options;
	mqc_server *server;
	static things self;
	int r;

	if (argc < 2)
		return EXIT_FAILURE;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	options = options_of(argv + 2);
	r = mqc_server_open(argv[1], &options, &server);
	if (r < 0)
		return tell("open", r);
	r = things_serve(server, &self);
	if (r < 0)
		return tell("add", r);
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "tells") == 0)
			self.tells = STDOUT_FILENO;
	puts("ready");
	r = mqc_server_run(server);
	if (r < 0)
		return tell("run", r);
	puts("stopped");
	mqc_server_close(server);
	return EXIT_SUCCESS;
}
