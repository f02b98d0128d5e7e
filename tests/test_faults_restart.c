/*
 * test_faults_restart.c - clients whose server changes while functions of the system fail for them.
 *
 * A server stops and comes back, is killed with a call in hand, or comes only
 * when it is waited for; see test_faults_client.c for what must hold.
 */
#include <mqcall/mqcall.h>

#include <signal.h>

#include "support.h"
#include "things.h"
#include "trial_calls.h"

static struct peer server;

static void begin(struct trial *trial, void *unused)
{
	(void)unused;
	server = peer_start(trial->endpoint, "signals");
}

static void end(struct trial *trial, void *unused)
{
	(void)trial;
	(void)unused;
	peer_stop(&server);
}

enum {
	STEP_CALLED = 1, /* the client has called: its server may go */
	STEP_CHANGED     /* there is another one */
};

static void call_both(struct trial *trial, void *unused)
{
	mqc_client *client;

	(void)unused;
	trial_begin(trial);
	client = trial_open_client(trial, &trial_options);
	trial_step(trial, STEP_CALLED);
	if (!trial_await(trial, STEP_CHANGED))
		trial_complain(trial, "the other server did not come");
	trial_arm(trial);
	if (client != NULL) {
		trial_add(trial, client);
		trial_count(trial, client, THINGS_NOTE, "a one-way call");
	}
	mqc_client_close(client);
	trial_end(trial);
	trial_call_well(trial);
}

static void restart_server(struct trial *trial, void *unused)
{
	(void)unused;
	(void)trial_await(trial, STEP_CALLED);
	peer_stop(&server);
	server = peer_start(trial->endpoint, "signals");
	trial_step(trial, STEP_CHANGED);
}

static const struct trial_plan a_server_that_restarts_plan = {
	.name = "a server that restarts",
	.begin = begin,
	.end = end,
	.beside = restart_server,
	.subject = call_both,
};

START_TEST(a_server_that_restarts)
{
	trials_run(&a_server_that_restarts_plan);
}
END_TEST

static void call_the_dying(struct trial *trial, void *unused)
{
	int64_t begun;
	mqc_client *client;
	int r;

	(void)unused;
	trial_begin(trial);
	client = trial_open_client(trial, &trial_options);
	trial_arm(trial);
	if (client != NULL) {
		begun = support_now_ms();
		r = things_call(client, THINGS_KILL, 0, 0, NULL);
		if (r == MQC_UNAVAILABLE && mqc_error_last()->maybe_executed)
			r = MQC_OK;
		(void)trial_outcome(trial, "the server's last call", r, begun, TRIAL_MS);
	}
	mqc_client_close(client);
	trial_end(trial);
	trial_step(trial, STEP_CALLED);
	if (!trial_await(trial, STEP_CHANGED))
		trial_complain(trial, "the other server did not come");
	trial_call_well(trial);
}

static void replace_server(struct trial *trial, void *unused)
{
	(void)unused;
	(void)trial_await(trial, STEP_CALLED);
	/* It may be alive, if it has not been called. */
	(void)kill(server.pid, SIGKILL);
	(void)peer_wait(&server);
	server = peer_start(trial->endpoint, "signals");
	trial_step(trial, STEP_CHANGED);
}

static const struct trial_plan a_server_that_dies_plan = {
	.name = "a server that dies",
	.begin = begin,
	.end = end,
	.brief = true,
	.beside = replace_server,
	.subject = call_the_dying,
};

START_TEST(a_server_that_dies)
{
	trials_run(&a_server_that_dies_plan);
}
END_TEST

static void call_when_there_is_one(struct trial *trial, void *unused)
{
	mqc_client_options options = trial_options;
	mqc_client *client;

	(void)unused;
	options.wait_for_server = true;
	trial_begin(trial);
	trial_arm(trial);
	trial_step(trial, STEP_CALLED);
	client = trial_open_client(trial, &options);
	if (client != NULL)
		trial_add(trial, client);
	mqc_client_close(client);
	trial_end(trial);
	trial_call_well(trial);
	trial_step(trial, STEP_CHANGED);
}

static void start_late(struct trial *trial, void *unused)
{
	(void)unused;
	(void)trial_await(trial, STEP_CALLED);
	support_sleep_ms(5);
	server = peer_start(trial->endpoint, "signals");
	(void)trial_await(trial, STEP_CHANGED);
	peer_stop(&server);
}

static const struct trial_plan a_server_that_comes_late_plan = {
	.name = "a server that comes late",
	.beside = start_late,
	.subject = call_when_there_is_one,
};

START_TEST(a_server_that_comes_late)
{
	trials_run(&a_server_that_comes_late_plan);
}
END_TEST

int main(int argc, char **argv)
{
	static const struct trial_plan *const plans[] = {
		&a_server_that_restarts_plan,
		&a_server_that_dies_plan,
		&a_server_that_comes_late_plan,
		NULL,
	};
	Suite *suite = suite_create("faults, restart");
	TCase *tests;
	int status;

	trials_prepare(argc, argv, plans);
	tests = support_case(suite, "servers that change");
	tcase_add_test(tests, a_server_that_restarts);
	tcase_add_test(tests, a_server_that_dies);
	tcase_add_test(tests, a_server_that_comes_late);
	status = support_run(suite);
	trials_print();
	return status;
}
