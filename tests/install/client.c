/* client.c - calls Calculator on the endpoint that argv[1] names, and prints the answers. */
#include <stdio.h>
#include <stdlib.h>

#include "calc.mqc.h"

static int call_all(mqc_client *client)
{
	const double values[] = {1.5, 2.5, 3.5};
	Google__Protobuf__Duration window = GOOGLE__PROTOBUF__DURATION__INIT;
	int32_t sum;
	char *text;
	int r;

	if ((r = calc_add(client, 2, 3, &sum)) < 0)
		return r;
	printf("2 + 3 = %d\n", (int)sum);
	r = calc_add(client, -1, 3, &sum);
	if (r != MQC_INVALID_ARGUMENT)
		return r;
	printf("%s: %s\n", mqc_status_name(r), mqc_error_last()->text);
	window.seconds = 60;
	if ((r = calc_describe(client, values, 3, &window, &text)) < 0)
		return r;
	puts(text);
	free(text);
	return MQC_OK;
}

int main(int argc, char **argv)
{
	mqc_client *client = NULL;
	int r;

	if (argc != 2)
		return EXIT_FAILURE;
	if ((r = mqc_client_open(argv[1], NULL, &client)) < 0 || (r = call_all(client)) < 0)
		fprintf(stderr, "client: %s: %s\n", mqc_status_name(r), mqc_error_last()->text);
	mqc_client_close(client);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
