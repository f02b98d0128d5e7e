/*
 * server.c - opening, running and closing a server.
 *
 * Each worker is a thread that blocks in mq_receive() on the endpoint's queue
 * and runs the handler itself: the kernel hands a request straight to it, with
 * no thread between. The thread in mqc_server_run() sees to all else, see
 * reception.h, until it is told to stop; then it interrupts the workers that are
 * waiting until all have ended.
 */

#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"

#define THREADS_MAX 256
#define WAITING_MAX 512

/* Requests age by a level of priority in so many ms. */
#define DEFAULT_AGING_MS 10

/* As much as a client sends by default. */
#define DEFAULT_PAYLOAD_MAX ((size_t)16 << 20)

static int check_range(const char *what, int value, int least, int most)
{
	if (value >= least && value <= most)
		return MQC_OK;
	return mqci_fail(MQC_INVALID_ARGUMENT, 0,
			 "a server with %s %d is not possible: %d to %d are; 0 means the default",
			 what, value, least, most);
}

static int check_options(const mqc_server_options *options)
{
	int r;

	r = check_range("threads", options->threads, 0, THREADS_MAX);
	if (r == MQC_OK)
		r = check_range("lane_threads", options->lane_threads, 0, THREADS_MAX);
	if (r == MQC_OK)
		r = check_range("aging_ms", options->aging_ms, MQC_AGING_OFF, 1000000);
	if (r == MQC_OK)
		r = check_range("max_waiting", options->max_waiting, 0, WAITING_MAX);
	if (r == MQC_OK)
		r = check_range("spin_us", options->spin_us, MQC_SPIN_OFF, MQCI_SPIN_MOST_US);
	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		if (r == MQC_OK && options->reserved[i] != 0)
			r = mqci_fail(MQC_INVALID_ARGUMENT, 0,
				      "reserved server options must be zero: initialize them "
				      "with { 0 }");
	return r;
}

static void take_options(mqc_server *server, const mqc_server_options *options)
{
	const int aging_ms = options->aging_ms != 0 ? options->aging_ms : DEFAULT_AGING_MS;

	server->threads = options->threads > 0 ? (unsigned)options->threads : 1;
	server->lane_threads = options->lane_threads > 0 ? (unsigned)options->lane_threads : 1;
	server->policy.step = aging_ms > 0 ? aging_ms * INT64_C(1000000) : 0;
	server->policy.limit = (unsigned)options->max_waiting;
	server->spin_us = options->spin_us;
	server->stop_on_signals = options->stop_on_signals;
	server->inherit_priority = options->inherit_priority;
	server->payload_max = options->payload_max > 0 ? options->payload_max : DEFAULT_PAYLOAD_MAX;
}

static mqc_server *server_of(mqci_forked *forked)
{
	return (mqc_server *)(void *)((char *)forked - offsetof(mqc_server, forked));
}

static void before_fork(mqci_forked *forked)
{
	mqci_sessions_before_fork(&server_of(forked)->sessions);
}

static void after_fork(mqci_forked *forked)
{
	mqci_sessions_after_fork(&server_of(forked)->sessions);
}

/* In a forked child: the server, its endpoint and its clients are the parent's. */
static void disown(mqci_forked *forked)
{
	mqc_server *server = server_of(forked);

	server->disowned = true;
	mqci_sessions_disown(&server->sessions);
	mqci_defer_disown(&server->deferrals);
	for (unsigned i = 0; i < server->lanes_count; i++)
		mqci_lane_disown(&server->lanes[i]);
	mqci_endpoint_disown(&server->endpoint);
	mqci_reception_close(&server->reception);
	mqci_server_loop_disown(&server->loop);
	mqci_ticker_done(&server->ticker);
	mqci_stop_disown(&server->stop);
}

int mqc_server_open(const char *endpoint, const mqc_server_options *options,
		    mqc_server **ret_server)
{
	static const mqc_server_options defaults;
	mqc_server *server;
	int r;

	if (options == NULL)
		options = &defaults;
	r = check_options(options);
	if (r == MQC_OK)
		r = mqci_interrupt_init();
	if (r == MQC_OK)
		r = mqci_defer_init();
	if (r < 0)
		return r;
	server = calloc(1, sizeof *server);
	if (server == NULL)
		return mqci_no_memory("a server");
	take_options(server, options);
	server->uid = geteuid();
	server->reception.epoll = server->ticker.fd = -1;
	server->deferrals.presence = &server->endpoint.presence;
	r = mqci_server_loop_init(&server->loop);
	if (r < 0)
		goto fail_server;
	r = mqci_stop_init(&server->stop);
	if (r < 0)
		goto fail_loop;
	r = server->stop_on_signals ? mqci_stop_hook_signals(&server->stop) : MQC_OK;
	if (r < 0)
		goto fail_stop;
	r = mqci_sessions_init(&server->sessions, &server->endpoint.record,
			       &server->endpoint.lanes[0]);
	if (r < 0)
		goto fail_signals;
	server->sessions.presence = &server->endpoint.presence;
	r = mqci_endpoint_open(endpoint, options, &server->endpoint);
	if (r < 0)
		goto fail_sessions;
	server->forked = (mqci_forked){.before = before_fork, .after = after_fork, .child = disown};
	r = mqci_fork_register(&server->forked);
	if (r < 0) {
		(void)mqc_server_close(server);
		return r;
	}
	mqci_arena_sweep();
	(void)mqci_endpoint_sweep(&server->endpoint, mqci_answer_lost, &server->sessions);
	*ret_server = server;
	return MQC_OK;

fail_sessions:
	(void)mqci_sessions_done(&server->sessions, false);
fail_signals:
	if (server->stop_on_signals)
		mqci_stop_unhook_signals(&server->stop);
fail_stop:
	mqci_stop_done(&server->stop);
fail_loop:
	mqci_server_loop_done(&server->loop);
fail_server:
	free(server);
	return r;
}

/* Have a queue for each lane that methods of the service are in. */
static int open_lanes(mqc_server *server, const mqc_service *service)
{
	int r = MQC_OK;

	for (uint32_t i = 0; r == MQC_OK && i < service->n_methods; i++)
		if (service->methods[i].lane > 0 && service->methods[i].lane < MQCI_LANES)
			r = mqci_endpoint_open_lane(&server->endpoint, service->methods[i].lane);
	return r;
}

int mqc_server_add(mqc_server *server, const mqc_service *service, mqc_dispatch dispatch,
		   const void *handlers, void *self)
{
	int r;

	if (server->running)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is served already: add %s before mqc_server_run(), or before "
				 "the program's loop drives it",
				 server->endpoint.name, service->name);
	r = mqci_registry_check(&server->registry, service);
	if (r == MQC_OK)
		r = open_lanes(server, service);
	if (r == MQC_OK)
		r = mqci_registry_add(&server->registry, service, dispatch, handlers, self);
	return r;
}

int mqc_server_authorize(mqc_server *server, const mqc_service *service, mqc_authorize authorize,
			 void *data)
{
	if (server->running)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is served already: say who may call %s before "
				 "mqc_server_run(), or before the program's loop drives it",
				 server->endpoint.name, service->name);
	return mqci_registry_authorize(&server->registry, service, authorize, data);
}

void mqc_server_stop(mqc_server *server)
{
	mqci_stop_request(&server->stop);
}

/* Replies that are there do not wait for the handlers that we wait for, from this worker on. */
static void hurry_workers(mqc_server *server, unsigned first)
{
	for (unsigned i = first; i < server->workers_count; i++)
		mqci_servant_hurry(&server->workers[i].servant);
}

/* Interrupt the workers that wait for a request, again and again: one may be just about to. */
static void end_workers(mqc_server *server)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	atomic_store(&server->stopping, true);
	for (unsigned i = 0; i < server->workers_count; i++) {
		mqci_worker *worker = &server->workers[i];

		while (!atomic_load(&worker->ended)) {
			mqci_parking_wake(&worker->servant.lane->parking);
			mqci_lane_interrupt(worker->servant.lane, worker);
			hurry_workers(server, i);
			(void)nanosleep(&pause, NULL);
		}
		(void)pthread_join(worker->thread, NULL);
	}
}

static int start_workers(mqc_server *server, mqci_lane *lane, unsigned count)
{
	int r = MQC_OK;

	lane->workers = &server->workers[server->workers_count];
	lane->workers_count = count;
	for (unsigned i = 0; r == MQC_OK && i < count; i++) {
		r = mqci_worker_start(&lane->workers[i], &server->point, lane);
		server->workers_count += r == MQC_OK;
	}
	return r;
}

static int open_lane(mqc_server *server, const mqci_queue *requests)
{
	mqci_lane *lane = &server->lanes[server->lanes_count];
	int r;

	r = mqci_lane_open(lane, &server->point.intake, requests, &server->policy);
	server->lanes_count += r == MQC_OK;
	return r;
}

int mqci_server_open_lanes(mqc_server *server, const atomic_bool *stopping)
{
	int r = MQC_OK;

	server->point = (mqci_service_point){
		.intake = {.endpoint = &server->endpoint, .sessions = &server->sessions},
		.registry = &server->registry,
		.deferrals = &server->deferrals,
		.ticker = &server->ticker,
		.inherit_priority = server->inherit_priority,
		.spin_us = server->spin_us,
		.payload_max = server->payload_max,
		.stopping = stopping,
		.disowned = &server->disowned,
		.stop = &server->stop,
	};
	for (unsigned i = 0; r == MQC_OK && i < MQCI_LANES; i++)
		if (mqci_queue_is_open(&server->endpoint.lanes[i]))
			r = open_lane(server, &server->endpoint.lanes[i]);
	return r;
}

void mqci_server_close_lanes(mqc_server *server)
{
	for (unsigned i = 0; i < server->lanes_count; i++)
		mqci_lane_close(&server->lanes[i]);
	server->lanes_count = 0;
}

/* Have lanes, with their workers, and the reception: or as much of it as can be had. */
static int begin(mqc_server *server)
{
	int r;

	r = mqci_server_open_lanes(server, &server->stopping);
	if (r < 0)
		return r;
	server->workers = calloc(server->threads + (server->lanes_count - 1) * server->lane_threads,
				 sizeof *server->workers);
	if (server->workers == NULL)
		return mqci_no_memory("the server's threads");
	r = mqci_ticker_init(&server->ticker);
	if (r == MQC_OK)
		r = mqci_reception_open(&server->reception, &server->stop, &server->sessions,
					&server->ticker, server->lanes, server->lanes_count);
	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++)
		r = start_workers(server, &server->lanes[i],
				  i == 0 ? server->threads : server->lane_threads);
	return r;
}

/* What ended a worker that was not told to, if any was. */
static int worst_of_workers(const mqc_server *server)
{
	for (unsigned i = 0; i < server->workers_count; i++)
		if (server->workers[i].status < 0)
			return mqci_fail(server->workers[i].status, server->workers[i].system_errno,
					 "%s", server->workers[i].text);
	return MQC_OK;
}

static int finish(mqc_server *server)
{
	int r;

	end_workers(server);
	r = worst_of_workers(server);
	mqci_reception_close(&server->reception);
	mqci_ticker_done(&server->ticker);
	for (unsigned i = 0; i < server->workers_count; i++)
		mqci_worker_done(&server->workers[i]);
	mqci_server_close_lanes(server);
	server->workers_count = 0;
	free(server->workers);
	server->workers = NULL;
	return r;
}

static int serve(mqc_server *server)
{
	mqci_saved_error error;
	int r, finished;

	atomic_store(&server->stopping, false);
	r = begin(server);
	if (r == MQC_OK)
		r = mqci_reception_run(&server->reception);
	mqci_error_save(&error);
	finished = finish(server);
	return r < 0 ? mqci_error_restore(&error) : finished;
}

int mqci_server_check(const mqc_server *server)
{
	if (server->disowned)
		return mqci_fail(
			MQC_FAILED_PRECONDITION, 0,
			"the server of endpoint %s was opened before fork() and belongs to "
			"the parent process; open another one in the child",
			server->endpoint.name);
	if (geteuid() != server->uid)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "the server of endpoint %s was opened by uid %ld, and this "
				 "process is uid %ld's now, who has no part in it: change the "
				 "user first, and open it then",
				 server->endpoint.name, (long)server->uid, (long)geteuid());
	return MQC_OK;
}

int mqc_server_run(mqc_server *server)
{
	int r;

	r = mqci_server_check(server);
	if (r < 0)
		return r;
	if (atomic_exchange(&server->running, true))
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is being served already, by mqc_server_run() or by the "
				 "program's own loop",
				 server->endpoint.name);
	r = serve(server);
	atomic_store(&server->running, false);
	return r;
}

mqc_server *mqc_server_close(mqc_server *server)
{
	bool last, goodbye;

	if (server == NULL || mqci_server_loop_puts_off_close(server))
		return NULL;
	mqci_fork_unregister(&server->forked);
	if (server->disowned) {
		mqci_registry_done(&server->registry);
		free(server->workers);
		free(server);
		return NULL;
	}
	mqci_server_loop_end(server);
	mqci_defer_abandon(&server->deferrals);
	last = mqci_endpoint_leave(&server->endpoint, mqci_answer_lost, &server->sessions);
	if (last)
		mqci_intake_refuse_rest(&(const mqci_intake){.endpoint = &server->endpoint,
							     .sessions = &server->sessions});
	goodbye = last && !server->endpoint.doubtful;
	/* Without us, and with another server, nobody would tell what became of these calls. */
	if (mqci_sessions_done(&server->sessions, goodbye) && !last)
		mqci_presence_leave_behind(&server->endpoint.presence);
	mqci_endpoint_close(&server->endpoint);
	mqci_registry_done(&server->registry);
	if (server->stop_on_signals)
		mqci_stop_unhook_signals(&server->stop);
	mqci_stop_done(&server->stop);
	mqci_server_loop_done(&server->loop);
	free(server);
	return NULL;
}
