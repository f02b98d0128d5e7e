/* server.c - the calculator as a service of protobuf-c. */
#include <stdio.h>

#include "calc.pb-c.h"
#include "transport.h"

static void calc__add(Calculator_Service *service, const AddRequest *request,
		      AddReply_Closure closure, void *data)
{
	AddReply reply = ADD_REPLY__INIT;
	char error[64];

	(void)service;
	if (__builtin_add_overflow(request->a, request->b, &reply.sum)) {
		snprintf(error, sizeof(error), "%d + %d is over 32 bits", request->a, request->b);
		reply.error = error;
	}
	closure(&reply, data);
}

static void calc__divide(Calculator_Service *service, const DivideRequest *request,
			 DivideReply_Closure closure, void *data)
{
	DivideReply reply = DIVIDE_REPLY__INIT;
	char error[64];

	(void)service;
	if (request->divisor == 0 || (request->dividend == INT32_MIN && request->divisor == -1)) {
		snprintf(error, sizeof(error), "cannot divide %d by %d", request->dividend,
			 request->divisor);
		reply.error = error;
	} else {
		reply.quotient = request->dividend / request->divisor;
		reply.remainder = request->dividend % request->divisor;
	}
	closure(&reply, data);
}

int main(int argc, char **argv)
{
	static Calculator_Service service = CALCULATOR__INIT(calc__);

	if (argc != 2) {
		fprintf(stderr, "usage: server SOCKET\n");
		return 2;
	}
	transport_serve(&service.base, argv[1]);
	perror(argv[1]);
	return 1;
}
