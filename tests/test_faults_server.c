/*
 * test_faults_server.c - servers for whom functions of the system fail, each in turn.
 *
 * The server is a process of its own, its client, which is well, another. What
 * the server's program gets from the library must be success or a clear error,
 * and so must what the client gets, in time; what calls say of having been
 * executed must be true; a server that has been closed leaves nothing behind;
 * and with the fault over, a new server must work in the same process.
 */
#include <mqcall/mqcall.h>

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <signal.h>

#include "forge.h"
#include "name.h"
#include "support.h"
#include "things.h"
#include "trial_calls.h"

enum {
	STEP_OPEN = 1, /* the server is open, or has failed to */
	STEP_STOP      /* ... and is to stop */
};

/* A thread that is there before anything fails: it stops the server. */
struct stopper {
	pthread_t thread;
	struct trial *trial;
	_Atomic(mqc_server *) server;
};

static void *stop(void *data)
{
	struct stopper *stopper = data;
	mqc_server *server;

	fault_spare_thread(true);
	if (!trial_await(stopper->trial, STEP_STOP))
		trial_complain(stopper->trial, "nobody had the server stop");
	fault_spare_thread(false);
	server = atomic_load(&stopper->server);
	if (server != NULL)
		mqc_server_stop(server);
	return NULL;
}

static const mqc_server_options options = {
	.threads = 2,
	.queue_messages = 4,
	.queue_size = 512,
	.stop_on_signals = true,
};

static int let_in(void *data, mqc_call *call)
{
	(void)data;
	return mqc_call_peer(call).uid == geteuid() ? MQC_OK : MQC_PERMISSION_DENIED;
}

/* The service of things.h, with a lane, and asking who calls. */
static int serve_things(mqc_server *server, things *self)
{
	const mqc_service *service = trial_service_with_lane();
	int r;

	self->server = server;
	r = mqc_server_add(server, service, things_dispatch, NULL, self);
	if (r == MQC_OK)
		r = mqc_server_authorize(server, service, let_in, NULL);
	return r;
}

static void *run_well(void *data)
{
	struct host *host = data;

	host->result = mqc_server_run(host->server);
	return NULL;
}

/* With everything well again: a server of the same process serves a client of it. */
static void serve_well(struct trial *trial)
{
	static struct host host;

	if (mqc_server_open(trial->endpoint, &options, &host.server) < 0 ||
	    serve_things(host.server, &host.self) < 0) {
		trial_complain(trial, "then, with all well again: %s", mqc_error_last()->text);
		mqc_server_close(host.server);
		return;
	}
	if (pthread_create(&host.thread, NULL, run_well, &host) != 0)
		abort();
	trial_call_well(trial);
	mqc_server_stop(host.server);
	(void)pthread_join(host.thread, NULL);
	if (host.result < 0)
		trial_complain(trial, "then, with all well again, mqc_server_run() returned %s",
			       mqc_status_name(host.result));
	mqc_server_close(host.server);
	atomic_fetch_add(&trial->told, atomic_load(&host.self.count));
	trial_check_endpoint(trial);
}

/* The server is driven by a loop of ours. */
static bool in_loop;

/* Until it is to stop, as mqc_server_run() does it; also asking to be told of messages. */
static int run_in_loop(struct trial *trial, mqc_server *server)
{
	const struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
	struct pollfd ready = {.fd = mqc_server_get_fd(server), .events = POLLIN};
	int r = ready.fd;

	if (r >= 0)
		(void)trial_outcome(trial, "mqc_server_notify()", mqc_server_notify(server, &quiet),
				    support_now_ms(), 0);
	while (r >= 0) {
		int timeout_ms = mqc_server_get_timeout(server);

		(void)poll(&ready, 1, timeout_ms < 0 ? 50 : timeout_ms);
		r = mqc_server_process(server);
	}
	return r == MQC_CANCELLED ? MQC_OK : r;
}

/* With data, there is an endpoint already. */
static void serve(struct trial *trial, void *data)
{
	int64_t begun = support_now_ms();
	struct stopper stopper = {.trial = trial};
	mqc_server *server = NULL;
	static things self;
	int r;

	if (pthread_create(&stopper.thread, NULL, stop, &stopper) != 0)
		abort();
	trial_begin(trial);
	trial_arm(trial);
	r = trial_outcome(trial, "mqc_server_open()",
			  mqc_server_open(trial->endpoint, &options, &server), begun, 0);
	if ((server != NULL) != (r == MQC_OK))
		trial_complain(trial, "mqc_server_open() returned %d, and %s server", r,
			       server != NULL ? "a" : "no");
	atomic_store(&stopper.server, server);
	if (r == MQC_OK)
		r = trial_outcome(trial, "mqc_server_add()", serve_things(server, &self), begun, 0);
	atomic_store(&trial->told, r == MQC_OK);
	trial_step(trial, STEP_OPEN);
	if (r == MQC_OK) {
		r = in_loop ? run_in_loop(trial, server) : mqc_server_run(server);
		(void)trial_outcome(trial, in_loop ? "the server's loop" : "mqc_server_run()", r,
				    support_now_ms(), 0);
	}
	/* One that has not been told to stop gave up by itself; its clients hear of it. */
	if (r < 0)
		trial_step(trial, STEP_STOP);
	(void)pthread_join(stopper.thread, NULL);
	mqc_server_close(server);
	trial->threads--;
	trial_end(trial);
	/* One that could not be opened has left things as they were. */
	if (server != NULL || data == NULL)
		trial_check_endpoint(trial);
	atomic_store(&trial->told, atomic_load(&self.count));
	serve_well(trial);
}

/* ------------------------------------------------------------ a new endpoint -- */

static void call(struct trial *trial, void *unused)
{
	mqc_client *client;

	(void)unused;
	if (trial_await(trial, STEP_OPEN) && atomic_load(&trial->told)) {
		client = trial_open_client(trial, &trial_options);
		if (client != NULL) {
			trial_add(trial, client);
			trial_count(trial, client, THINGS_COUNT, "a call that counts");
			trial_echo(trial, client);
			trial_grow(trial, client, 700);
			trial_refused(trial, client);
			trial_count(trial, client, THINGS_COUNT, "a call that counts");
			trial_count(trial, client, THINGS_NOTE, "a one-way call");
			/* When the server stops, it must have been taken. */
			trial_add(trial, client);
		}
		mqc_client_close(client);
	}
	trial_step(trial, STEP_STOP);
}

static void check_left(struct trial *trial, void *unused)
{
	(void)unused;
	trial_check_executed(trial, atomic_load(&trial->told), true);
	trial_check_endpoint(trial);
}

static const struct trial_plan a_new_endpoint_plan = {
	.name = "a new endpoint",
	.sparse = true,
	.beside = call,
	.subject = serve,
	.after = check_left,
};

START_TEST(a_new_endpoint)
{
	trials_run(&a_new_endpoint_plan);
}
END_TEST

/* ---------------------------------------------------------- the program's loop -- */

static void serve_in_loop(struct trial *trial, void *unused)
{
	in_loop = true;
	serve(trial, unused);
}

static const struct trial_plan a_loop_plan = {
	.name = "in a loop",
	.sparse = true,
	.beside = call,
	.subject = serve_in_loop,
	.after = check_left,
};

START_TEST(a_loop)
{
	trials_run(&a_loop_plan);
}
END_TEST

/* -------------------------------------------------------- calls of all kinds -- */

static void *keep_busy(void *client)
{
	(void)things_call(client, THINGS_WAIT, 0, 30, NULL);
	return NULL;
}

/* Requests that come while all who serve are busy. */
static void pile_up(struct trial *trial, mqc_client *client)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_busy, client), 0);
	support_sleep_ms(5);
	for (int i = 0; i < 5; i++)
		trial_count(trial, client, THINGS_NOTE, "a one-way call");
	/* When the server stops, they must have been taken. */
	trial_add(trial, client);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

static void call_in_all_ways(struct trial *trial, void *unused)
{
	mqc_client *client;

	(void)unused;
	if (trial_await(trial, STEP_OPEN) && atomic_load(&trial->told)) {
		client = trial_open_client(trial, &trial_options);
		if (client != NULL) {
			trial_large(trial, client);
			trial_carry(trial, client);
			trial_detail(trial, client);
			trial_deferred(trial, client, 0);
			trial_cancelled(trial, client);
			trial_count_in_lane(trial, client);
			pile_up(trial, client);
		}
		mqc_client_close(client);
	}
	trial_step(trial, STEP_STOP);
}

static const struct trial_plan all_kinds_plan = {
	.name = "calls of all kinds",
	.brief = true,
	.beside = call_in_all_ways,
	.subject = serve,
	.after = check_left,
};

START_TEST(all_kinds)
{
	trials_run(&all_kinds_plan);
}
END_TEST

/* -------------------------------------------------- what a dead server left -- */

static struct forger forger;
static uint64_t first_call;

/* A server is killed with a call in hand, and there are requests in its queue. */
static void leave_behind(struct trial *trial, void *unused)
{
	struct peer dying = peer_start(trial->endpoint, "messages=4 size=512");

	(void)trial;
	(void)unused;
	forger_join(&forger, trial->endpoint, 900, 8);
	first_call = ++forger.calls << 16;
	forger_send(&forger, (mqci_frame){
				     .type = MQCI_REQUEST,
				     .call = first_call,
				     .code = things_methods[THINGS_KILL].id,
				     .deadline = INT64_MAX,
			     });
	ck_assert_int_eq(peer_wait(&dying), 128 + SIGKILL);
	for (int i = 0; i < 2; i++)
		(void)forger_count(&forger, 1);
}

static void receive(struct trial *trial, void *unused)
{
	mqci_frame frame;

	(void)unused;
	if (trial_await(trial, STEP_OPEN) && atomic_load(&trial->told)) {
		for (int i = 0; i < 3 && forger_receive(&forger, TRIAL_MS, &frame); i++) {
			bool in_hand = frame.call == first_call;

			if (frame.type == MQCI_GOODBYE)
				continue;
			if (frame.type != MQCI_REPLY || frame.call > forger.calls << 16)
				trial_complain(trial, "a frame of type %d, call %llx", frame.type,
					       (unsigned long long)frame.call);
			if (in_hand && ((int)(int64_t)frame.code != MQC_UNAVAILABLE ||
					(frame.flags & MQCI_FRAME_NOT_EXECUTED) != 0))
				trial_complain(trial, "the call of the dead is answered with %d",
					       (int)(int64_t)frame.code);
			if (!in_hand && frame.code == 0)
				atomic_fetch_add(&trial->sure, 1);
		}
	}
	trial_step(trial, STEP_STOP);
}

static void check_left_behind(struct trial *trial, void *unused)
{
	int64_t executed = atomic_load(&trial->told), answered = atomic_load(&trial->sure);

	(void)unused;
	/* An answer can be lost with a fault, or come too late for us. */
	if (executed < answered || executed > 2)
		trial_complain(trial, "%lld were executed, %lld answered", (long long)executed,
			       (long long)answered);
	forger_close(&forger);
	trial_check_endpoint(trial);
}

static const struct trial_plan what_a_dead_server_left_plan = {
	.name = "what a dead server left",
	.brief = true,
	.before = leave_behind,
	.beside = receive,
	.subject = serve,
	.after = check_left_behind,
	.data = &forger,
};

START_TEST(what_a_dead_server_left)
{
	trials_run(&what_a_dead_server_left_plan);
}
END_TEST

int main(int argc, char **argv)
{
	static const struct trial_plan *const plans[] = {
		&a_new_endpoint_plan,          &a_loop_plan, &all_kinds_plan,
		&what_a_dead_server_left_plan, NULL,
	};
	Suite *suite = suite_create("faults, server");
	TCase *tests;
	int status;

	trials_prepare(argc, argv, plans);
	tests = support_case(suite, "server");
	tcase_add_test(tests, a_new_endpoint);
	tcase_add_test(tests, a_loop);
	tcase_add_test(tests, all_kinds);
	tcase_add_test(tests, what_a_dead_server_left);
	status = support_run(suite);
	trials_print();
	return status;
}
