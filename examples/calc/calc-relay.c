/*
 * calc-relay.c - a program of one thread, with one loop: calc-relay [ENDPOINT [CALLED]]
 *
 * It serves Calculator's Add on endpoint "calc-relay" by calling the calculator on "calc", up to
 * 64 calls at once; tells every ten seconds how many those were; and adds what is typed, such as
 * "2 3", until the input ends.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "calc.mqc.h"

static mqc_client *client;
static unsigned relayed, asked;

/* ------------------------------------------------------------- relaying -- */

/* The other calculator has answered: so do we. */
static void added(mqc_pending *pending, void *data)
{
	mqc_call *call = data;
	int32_t sum;
	int r = calc_add_finish(pending, &sum);

	relayed++;
	if (r == MQC_OK)
		(void)calc_add_reply(call, sum);
	else
		(void)mqc_call_finish(call, mqc_call_fail(call, r, "%s", mqc_error_last()->text),
				      NULL);
}

static int add(void *self, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	mqc_pending *pending;
	int r;

	(void)self, (void)ret_sum;
	if ((r = calc_add_start(client, a, b, added, call, &pending)) < 0)
		return mqc_call_fail(call, r, "%s", mqc_error_last()->text);
	if ((r = mqc_call_defer(call)) < 0)
		mqc_pending_drop(pending);
	return r;
}

/* ---------------------------------------------------- the timer, the terminal -- */

static void count(int timer)
{
	unsigned long long expirations;

	if (read(timer, &expirations, sizeof expirations) == (ssize_t)sizeof expirations)
		printf("%u calls relayed\n", relayed);
}

static void added_line(mqc_pending *pending, void *data)
{
	int32_t sum;

	(void)data;
	asked--;
	if (calc_add_finish(pending, &sum) == MQC_OK)
		printf("%d\n", sum);
	else
		printf("%s\n", mqc_error_last()->text);
}

/* False at the end of the input. */
static bool take_line(void)
{
	mqc_pending *pending;
	char line[80];
	int32_t a, b;
	ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	if (sscanf(line, "%d %d", &a, &b) != 2)
		printf("type two numbers\n");
	else if (calc_add_start(client, a, b, added_line, NULL, &pending) < 0)
		printf("%s\n", mqc_error_last()->text);
	else
		asked++;
	return true;
}

/* ------------------------------------------------------------- the loop -- */

/* The sooner of two limits, of which -1 is none. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int loop(mqc_server *server, int timer)
{
	struct pollfd ready[] = {
		{.fd = mqc_server_get_fd(server), .events = mqc_server_get_events(server)},
		{.fd = mqc_client_get_fd(client), .events = mqc_client_get_events(client)},
		{.fd = timer, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};
	bool input = true;
	int r;

	if (ready[0].fd < 0 || ready[1].fd < 0)
		return ready[0].fd < 0 ? ready[0].fd : ready[1].fd;
	/* At the end of the input, go on until what was typed is answered. */
	while (input || asked > 0) {
		(void)poll(ready, 4,
			   sooner(mqc_server_get_timeout(server), mqc_client_get_timeout(client)));
		if (ready[2].revents != 0)
			count(timer);
		if (ready[3].revents != 0 && !(input = take_line()))
			ready[3].fd = -1;
		if ((r = mqc_server_process(server)) < 0 || (r = mqc_client_process(client)) < 0)
			return r == MQC_CANCELLED ? MQC_OK : r;
	}
	return MQC_OK;
}

int main(int argc, char **argv)
{
	static const calc_handlers handlers = {.add = add};
	const mqc_server_options server_options = {.stop_on_signals = true};
	const mqc_client_options client_options = {.own_loop = true, .wait_for_server = true};
	const struct itimerspec often = {.it_interval.tv_sec = 10, .it_value.tv_sec = 10};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), r;
	mqc_server *server = NULL;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (timer < 0 || timerfd_settime(timer, 0, &often, NULL) < 0) {
		perror("calc-relay: a timer");
		return 1;
	}
	if ((r = mqc_client_open(argc > 2 ? argv[2] : "calc", &client_options, &client)) < 0 ||
	    (r = mqc_server_open(argc > 1 ? argv[1] : "calc-relay", &server_options, &server)) <
		    0 ||
	    (r = calc_serve(server, &handlers, NULL)) < 0 || (r = loop(server, timer)) < 0)
		fprintf(stderr, "calc-relay: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	mqc_client_close(client);
	(void)close(timer);
	return r < 0;
}
