/*
 * test_faults_client.c - clients for whom functions of the system fail, each in turn.
 *
 * The client is a process of its own; the server, another one, is well. Each
 * call must succeed or give a clear error, in time; what it says of having been
 * executed must be true; nothing may be left behind; and with the fault over, a
 * new client must work in the same process.
 */
#include <mqcall/mqcall.h>

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
		&one_thread_plan,
		&several_threads_plan,
		&all_ways_plan,
		NULL,
	};
	Suite *suite = suite_create("faults, client");
	TCase *tests;
	int status;

	trials_prepare(argc, argv, plans);
	tests = support_case(suite, "client");
	tcase_add_test(tests, one_thread);
	tcase_add_test(tests, several_threads);
	tcase_add_test(tests, all_ways);
	status = support_run(suite);
	trials_print();
	return status;
}
