/* server.c - serves Calculator on the endpoint that argv[1] names. */
#include <stdio.h>
#include <stdlib.h>

#include "calc.mqc.h"

static int add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	(void)self;
	if (a < 0)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT, "%d is below zero", (int)a);
	*ret_sum = a + b;
	return MQC_OK;
}

static int describe(void *self, mqc_call *call, const double *values, size_t n_values,
		    const Google__Protobuf__Duration *window, const char **ret_text)
{
	char text[80];

	(void)self;
	snprintf(text, sizeof text, "%d values in %d s", (int)n_values,
		 window != NULL ? (int)window->seconds : 0);
	(void)values;
	*ret_text = mqc_call_strdup(call, text);
	return *ret_text != NULL ? MQC_OK : MQC_RESOURCE_EXHAUSTED;
}

int main(int argc, char **argv)
{
	static const calc_handlers handlers = {.add = add, .describe = describe};
	const mqc_server_options options = {.stop_on_signals = true};
	mqc_server *server = NULL;
	int r;

	if (argc != 2)
		return EXIT_FAILURE;
	if ((r = mqc_server_open(argv[1], &options, &server)) < 0 ||
	    (r = calc_serve(server, &handlers, NULL)) < 0 || (r = mqc_server_run(server)) < 0)
		fprintf(stderr, "server: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
