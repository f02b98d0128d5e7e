/* client.c - calls the calculator of this machine. */
#include <stdio.h>
#include <stdlib.h>

#include "calc.h"

static int call_add(CLIENT *client, int a, int b)
{
	add_request request = {a, b};
	add_reply *reply = add_1(&request, client);

	if (reply == NULL) {
		clnt_perror(client, "client: add");
		return 1;
	}
	if (reply->status != 0) {
		fprintf(stderr, "client: %s\n", reply->add_reply_u.error);
		xdr_free((xdrproc_t)xdr_add_reply, reply);
		return 1;
	}
	printf("%d + %d = %d\n", a, b, reply->add_reply_u.sum);
	return 0;
}

static int call_divide(CLIENT *client, int a, int b)
{
	divide_request request = {a, b};
	divide_reply *reply = divide_1(&request, client);

	if (reply == NULL) {
		clnt_perror(client, "client: divide");
		return 1;
	}
	if (reply->status != 0) {
		fprintf(stderr, "client: %s\n", reply->divide_reply_u.error);
		xdr_free((xdrproc_t)xdr_divide_reply, reply);
		return 1;
	}
	printf("%d / %d = %d, remainder %d\n", a, b, reply->divide_reply_u.result.quotient,
	       reply->divide_reply_u.result.remainder);
	return 0;
}

int main(int argc, char **argv)
{
	CLIENT *client;
	int a, b;
	int r;

	if (argc != 3 || sscanf(argv[1], "%d", &a) != 1 || sscanf(argv[2], "%d", &b) != 1) {
		fprintf(stderr, "usage: client NUMBER NUMBER\n");
		return 2;
	}
	client = clnt_create("localhost", CALC_PROGRAM, CALC_VERSION, "tcp");
	if (client == NULL) {
		clnt_pcreateerror("client: localhost");
		return 1;
	}
	r = call_add(client, a, b);
	if (r == 0)
		r = call_divide(client, a, b);
	clnt_destroy(client);
	return r;
}
