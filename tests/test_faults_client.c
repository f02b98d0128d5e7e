/*
 * test_faults_client.c - clients for whom functions of the system fail, each in turn.
 *
 * The client is a process of its own; the server, another one, is well. Each
 * call must succeed or give a clear error, in time; what it says of having been
 * executed must be true; nothing may be left behind; and with the fault over, a
 * new client must work in the same process.
 */
#include <mqcall/mqcall.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "support.h"
#include "things.h"
#include "trial_calls.h"

static struct peer server;
static mqc_client *observer; /* in the test's process: it asks what has been counted */

static int64_t count_before;

/* ------------------------------------------------------------- one thread -- */

static void call_alone(struct trial *trial, void *unused)
{
	mqc_client *client;

	(void)unused;
	trial_begin(trial);
	trial_arm(trial);
	client = trial_open_client(trial, &trial_options);
	if (client != NULL) {
		trial_add(trial, client);
		trial_count(trial, client, THINGS_COUNT, "a call that counts");
		trial_echo(trial, client);
		trial_grow(trial, client, 700);
		trial_refused(trial, client);
		trial_count(trial, client, THINGS_NOTE, "a one-way call");
	}
	mqc_client_close(client);
	trial_end(trial);
	trial_call_well(trial);
}

static int64_t counted(void)
{
	int64_t count = -1;

	support_ok(things_call(observer, THINGS_COUNT, 0, 0, &count));
	return count;
}

/* A one-way call is executed some time: ours comes back before. */
static bool has_been_counted(void *data)
{
	struct trial *trial = data;

	return counted() - count_before >= (int64_t)atomic_load(&trial->sure);
}

static void note_count(struct trial *trial, void *unused)
{
	(void)unused;
	(void)trial;
	count_before = counted();
}

/* What calls say of having been executed is true. */
static void check_count(struct trial *trial, void *unused)
{
	int64_t executed;

	(void)unused;
	(void)support_wait_for(has_been_counted, trial);
	executed = counted() - count_before;
	trial_check_executed(trial, executed, false);
}

static void begin(struct trial *trial, void *options)
{
	server = peer_start(trial->endpoint, options);
	observer = support_client(trial->endpoint, 2);
}

static void end(struct trial *trial, void *unused)
{
	(void)trial;
	(void)unused;
	mqc_client_close(observer);
	peer_stop(&server);
}

static const struct trial_plan one_thread_plan = {
	.name = "one thread",
	.begin = begin,
	.end = end,
	.before = note_count,
	.subject = call_alone,
	.after = check_count,
	.data = (char[]){"signals"},
};

START_TEST(one_thread)
{
	trials_run(&one_thread_plan);
}
END_TEST

/* ---------------------------------------------------------- several threads -- */

#define HELPERS 3

/* They are there before anything fails. */
struct helper {
	pthread_t thread;
	struct trial *trial;
	_Atomic(mqc_client *) client;
	atomic_bool go;
};

static void *help(void *data)
{
	struct helper *helper = data;
	mqc_client *client;

	fault_spare_thread(true);
	while (!atomic_load(&helper->go))
		support_sleep_ms(1);
	fault_spare_thread(false);
	client = atomic_load(&helper->client);
	for (int i = 0; client != NULL && i < 2; i++) {
		int64_t begun = support_now_ms();

		(void)trial_outcome(helper->trial, "a call beside others",
				    things_call(client, THINGS_WAIT, 0, 5, NULL), begun, TRIAL_MS);
	}
	return NULL;
}

static void call_together(struct trial *trial, void *unused)
{
	struct helper helpers[HELPERS];
	mqc_client *client;

	(void)unused;
	for (int i = 0; i < HELPERS; i++) {
		helpers[i].trial = trial;
		atomic_init(&helpers[i].client, NULL);
		atomic_init(&helpers[i].go, false);
		if (pthread_create(&helpers[i].thread, NULL, help, &helpers[i]) != 0)
			abort();
	}
	trial_begin(trial);
	trial_arm(trial);
	client = trial_open_client(trial, &trial_options);
	for (int i = 0; i < HELPERS; i++) {
		atomic_store(&helpers[i].client, client);
		atomic_store(&helpers[i].go, true);
	}
	if (client != NULL)
		trial_add(trial, client);
	for (int i = 0; i < HELPERS; i++)
		(void)pthread_join(helpers[i].thread, NULL);
	mqc_client_close(client);
	trial_end(trial);
	trial_call_well(trial);
}

static const struct trial_plan several_threads_plan = {
	.name = "several threads",
	.begin = begin,
	.end = end,
	.subject = call_together,
	.data = (char[]){"signals threads=4"},
};

START_TEST(several_threads)
{
	trials_run(&several_threads_plan);
}
END_TEST

/* ------------------------------------------------- calls that are not waited for -- */

#define STARTED 3

/* See to the client's calls, as a program's loop does, until those that were started are over. */
static void run_loop(struct trial *trial, mqc_client *client, mqc_pending *const *pendings)
{
	struct pollfd ready = {.fd = mqc_client_get_fd(client), .events = POLLIN};
	int64_t begun = support_now_ms();
	bool over = false;

	if (ready.fd < 0)
		(void)trial_outcome(trial, "mqc_client_get_fd()", ready.fd, begun, 0);
	while (!over && support_now_ms() < begun + TRIAL_MS) {
		int timeout_ms = mqc_client_get_timeout(client), r;

		if (ready.fd >= 0)
			(void)poll(&ready, 1, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
		r = mqc_client_process(client);
		(void)trial_outcome(trial, "mqc_client_process()", r < 0 ? r : MQC_OK, begun, 0);
		over = true;
		for (int i = 0; i < STARTED; i++)
			over = over && (pendings[i] == NULL || mqc_pending_is_over(pendings[i]));
	}
}

static void finish_call(struct trial *trial, mqc_pending *pending)
{
	int64_t begun = support_now_ms();
	ProtobufCMessage *reply = NULL;
	int r;

	r = trial_outcome(trial, "a call that was started",
			  mqc_pending_finish(pending, NULL, &reply), begun, TRIAL_MS);
	if (r == MQC_OK) {
		if (((const Shapes__Number *)(void *)reply)->value != 5)
			trial_complain(trial, "2 + 3 is not 5");
		protobuf_c_message_free_unpacked(reply, NULL);
	}
}

static void start_calls(struct trial *trial, mqc_client *client)
{
	const struct sigevent quiet = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCHLD};
	mqc_pending *pendings[STARTED] = {NULL}, *dropped = NULL;
	int64_t begun = support_now_ms();
	Shapes__Pair request;

	shapes__pair__init(&request);
	request.a = 2;
	request.b = 3;
	(void)trial_outcome(trial, "mqc_client_notify()", mqc_client_notify(client, &quiet), begun,
			    0);
	for (int i = 0; i < STARTED; i++)
		(void)trial_outcome(trial, "mqc_client_start()",
				    mqc_client_start(client, &things_methods[THINGS_ADD], NULL,
						     &request.base, NULL, NULL, &pendings[i]),
				    begun, 0);
	if (mqc_client_start(client, &things_methods[THINGS_ADD], NULL, &request.base, NULL, NULL,
			     &dropped) == MQC_OK)
		dropped = mqc_pending_drop(dropped);
	(void)trial_outcome(trial, "mqc_client_flush()", mqc_client_flush(client), begun, 0);
	run_loop(trial, client, pendings);
	for (int i = 0; i < STARTED; i++)
		if (pendings[i] != NULL)
			finish_call(trial, pendings[i]);
}

static void call_without_waiting(struct trial *trial, void *unused)
{
	mqc_client_options options = trial_options;
	mqc_client *client;

	(void)unused;
	/* Once with the library's thread, once without. */
	trial_begin(trial);
	trial_arm(trial);
	for (int own_loop = 0; own_loop < 2; own_loop++) {
		options.own_loop = own_loop != 0;
		client = trial_open_client(trial, &options);
		if (client != NULL)
			start_calls(trial, client);
		mqc_client_close(client);
	}
	trial_end(trial);
	trial_call_well(trial);
}

static const struct trial_plan not_waited_for_plan = {
	.name = "calls that are not waited for",
	.begin = begin,
	.end = end,
	.subject = call_without_waiting,
	.data = (char[]){"signals threads=2"},
};

START_TEST(not_waited_for)
{
	trials_run(&not_waited_for_plan);
}
END_TEST

/* ------------------------------------------------------- all that there is -- */

static struct host host;

static void begin_with_lane(struct trial *trial, void *unused)
{
	const mqc_server_options options = {.threads = 2, .queue_messages = 4, .queue_size = 512};

	(void)unused;
	support_ok(mqc_server_open(trial->endpoint, &options, &host.server));
	host.self.server = host.server;
	support_ok(mqc_server_add(host.server, trial_service_with_lane(), things_dispatch, NULL,
				  &host.self));
	host_run(&host);
	observer = support_client(trial->endpoint, 2);
}

static void end_with_lane(struct trial *trial, void *unused)
{
	(void)trial;
	(void)unused;
	mqc_client_close(observer);
	host_stop(&host);
}

static void call_in_all_ways(struct trial *trial, void *unused)
{
	mqc_client *client;

	(void)unused;
	trial_begin(trial);
	trial_arm(trial);
	client = trial_open_client(trial, &trial_options);
	if (client != NULL) {
		trial_large(trial, client);
		trial_grow(trial, client, 50000);
		trial_carry(trial, client);
		trial_detail(trial, client);
		trial_deferred(trial, client, 2);
		trial_cancelled(trial, client);
		trial_count_in_lane(trial, client);
	}
	mqc_client_close(client);
	trial_end(trial);
	trial_call_well(trial);
}

static const struct trial_plan all_ways_plan = {
	.name = "all ways of calling",
	.begin = begin_with_lane,
	.end = end_with_lane,
	.before = note_count,
	.subject = call_in_all_ways,
	.after = check_count,
};

START_TEST(all_ways)
{
	trials_run(&all_ways_plan);
}
END_TEST

int main(int argc, char **argv)
{
	static const struct trial_plan *const plans[] = {
		&one_thread_plan, &several_threads_plan, &not_waited_for_plan, &all_ways_plan, NULL,
	};
	Suite *suite = suite_create("faults, client");
	TCase *tests;
	int status;

	trials_prepare(argc, argv, plans);
	tests = support_case(suite, "client");
	tcase_add_test(tests, one_thread);
	tcase_add_test(tests, several_threads);
	tcase_add_test(tests, not_waited_for);
	tcase_add_test(tests, all_ways);
	status = support_run(suite);
	trials_print();
	return status;
}
