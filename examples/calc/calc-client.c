/* calc-client.c - the calculator of the README: calls Calculator on endpoint "calc". */
#include <stdio.h>

#include "calc.mqc.h"

int main(int argc, char **argv)
{
	int32_t a, b, sum, quotient, remainder;
	mqc_client *client = NULL;
	int r;

	if (argc != 3 || sscanf(argv[1], "%d", &a) != 1 || sscanf(argv[2], "%d", &b) != 1) {
		fprintf(stderr, "usage: calc-client NUMBER NUMBER\n");
		return 2;
	}
	if ((r = mqc_client_open("calc", NULL, &client)) < 0 ||
	    (r = calc_add(client, a, b, &sum)) < 0)
		goto done;
	printf("%d + %d = %d\n", a, b, sum);
	if ((r = calc_divide(client, a, b, &quotient, &remainder)) < 0)
		goto done;
	printf("%d / %d = %d, remainder %d\n", a, b, quotient, remainder);
done:
	if (r < 0)
		fprintf(stderr, "calc-client: %s: %s\n", mqc_status_name(r),
			mqc_error_last()->text);
	mqc_client_close(client);
	return r < 0;
}
