/*
 * calc-busy.c - a server without a loop, told by a signal: calc-busy [ENDPOINT]
 *
 * It looks for prime numbers, for which it needs all its time, and serves Calculator's Add on
 * endpoint "calc-busy" between one number and the next, when a signal has told it to.
 */
#include <signal.h>
#include <stdio.h>

#include "calc.mqc.h"

static volatile sig_atomic_t told;

/* Calls are not served here, where next to nothing is allowed: it is only noted that there are. */
static void on_signal(int number)
{
	(void)number;
	told = 1;
}

static int add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	(void)self;
	if (__builtin_add_overflow(a, b, ret_sum))
		return mqc_call_fail(call, MQC_OUT_OF_RANGE, "%d + %d is over 32 bits", a, b);
	return MQC_OK;
}

static bool is_prime(unsigned number)
{
	for (unsigned divisor = 2; divisor <= number / divisor; divisor++)
		if (number % divisor == 0)
			return false;
	return true;
}

/* The program's own work, until it is told to stop. */
static int work(mqc_server *server)
{
	unsigned number, primes = 0;
	int r = 0;

	for (number = 2; number < UINT32_MAX; number++) {
		primes += is_prime(number);
		if (!told)
			continue;
		/* In this order: what comes from here on is told anew. */
		told = 0;
		r = mqc_server_process(server);
		/* If another process is told of the calls, so is this one, a little later. */
		if (r < 0 && r != MQC_ALREADY_EXISTS)
			break;
	}
	printf("%u prime numbers below %u\n", primes, number);
	return r == MQC_CANCELLED ? MQC_OK : r;
}

int main(int argc, char **argv)
{
	static const calc_handlers handlers = {.add = add};
	const mqc_server_options options = {.stop_on_signals = true};
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	mqc_server *server = NULL;
	int r;

	(void)sigaction(SIGUSR1, &action, NULL);
	if ((r = mqc_server_open(argc > 1 ? argv[1] : "calc-busy", &options, &server)) < 0 ||
	    (r = calc_serve(server, &handlers, NULL)) < 0 ||
	    (r = mqc_server_notify(server, &event)) < 0 || (r = work(server)) < 0)
		fprintf(stderr, "calc-busy: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	return r < 0;
}
