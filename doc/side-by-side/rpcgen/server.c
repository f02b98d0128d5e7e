/* server.c - the procedures; rpcgen writes main(). Results outlive the call, so they are static. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "calc.h"

add_reply *add_1_svc(add_request *request, struct svc_req *call)
{
	static add_reply reply;
	static char error[64];

	(void)call;
	reply.status = 0;
	if (__builtin_add_overflow(request->a, request->b, &reply.add_reply_u.sum)) {
		snprintf(error, sizeof(error), "%d + %d is over 32 bits", request->a, request->b);
		reply.status = ERANGE;
		reply.add_reply_u.error = error;
	}
	return &reply;
}

divide_reply *divide_1_svc(divide_request *request, struct svc_req *call)
{
	static divide_reply reply;
	static char error[64];

	(void)call;
	if (request->divisor == 0 || (request->dividend == INT_MIN && request->divisor == -1)) {
		snprintf(error, sizeof(error), "cannot divide %d by %d", request->dividend,
			 request->divisor);
		reply.status = EINVAL;
		reply.divide_reply_u.error = error;
		return &reply;
	}
	reply.status = 0;
	reply.divide_reply_u.result.quotient = request->dividend / request->divisor;
	reply.divide_reply_u.result.remainder = request->dividend % request->divisor;
	return &reply;
}
