/* calc-server.c - the calculator of the README: serves Calculator on endpoint "calc". */
#include <stdio.h>

#include "calc.mqc.h"

static int add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	(void)self;
	if (__builtin_add_overflow(a, b, ret_sum))
		return mqc_call_fail(call, MQC_OUT_OF_RANGE, "%d + %d is over 32 bits", a, b);
	return MQC_OK;
}

static int divide(void *self, mqc_call *call, int32_t dividend, int32_t divisor,
		  int32_t *ret_quotient, int32_t *ret_remainder)
{
	(void)self;
	if (divisor == 0 || (dividend == INT32_MIN && divisor == -1))
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT, "cannot divide %d by %d", dividend,
				     divisor);
	*ret_quotient = dividend / divisor;
	*ret_remainder = dividend % divisor;
	return MQC_OK;
}

int main(void)
{
	static const calc_handlers handlers = {.add = add, .divide = divide};
	const mqc_server_options options = {.stop_on_signals = true};
	mqc_server *server = NULL;
	int r;

	if ((r = mqc_server_open("calc", &options, &server)) < 0 ||
	    (r = calc_serve(server, &handlers, NULL)) < 0 || (r = mqc_server_run(server)) < 0)
		fprintf(stderr, "calc-server: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	return r < 0;
}
