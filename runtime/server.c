/*
 * server.c - opening, running and closing a server.
 *
 * Each worker is a thread that blocks in mq_receive() on the endpoint's queue
 * and runs the handler itself: the kernel hands a request straight to it, with
 * no thread between. The thread in mqc_server_run() sleeps until it is told to
 * stop, then interrupts the workers that are waiting until all have ended.
 */

#include <mqcall/mqcall.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "endpoint.h"
#include "error.h"
#include "fork.h"
#include "interrupt.h"
#include "reception.h"
#include "registry.h"
#include "session.h"
#include "stop.h"
#include "worker.h"

#define THREADS_MAX 256

struct mqc_server {
	mqci_endpoint endpoint;
	mqci_registry registry;
	mqci_sessions sessions;
	mqci_deferrals deferrals;
	mqci_stop stop;
	mqci_reception reception;
	mqci_worker *workers;
	unsigned threads;
	bool stop_on_signals;
	atomic_bool running;
	bool disowned; /* we are a forked child: it is the parent's */
	atomic_bool stopping;
	mqci_forked forked;
};

static int check_options(const mqc_server_options *options)
{
	if (options->threads < 0 || options->threads > THREADS_MAX)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a server with %d threads is not possible: 1 to %d are",
				 options->threads, THREADS_MAX);
	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		if (options->reserved[i] != 0)
			return mqci_fail(MQC_INVALID_ARGUMENT, 0,
					 "reserved server options must be zero: initialize them "
					 "with { 0 }");
	return MQC_OK;
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
	mqci_endpoint_disown(&server->endpoint);
	mqci_reception_done(&server->reception);
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
	server->threads = options->threads > 0 ? (unsigned)options->threads : 1;
	server->stop_on_signals = options->stop_on_signals;
	server->deferrals.presence = &server->endpoint.presence;
	r = mqci_stop_init(&server->stop);
	if (r < 0)
		goto fail_server;
	r = mqci_sessions_init(&server->sessions, &server->endpoint.record);
	if (r < 0)
		goto fail_stop;
	r = mqci_reception_init(&server->reception, &server->stop, &server->sessions);
	if (r < 0)
		goto fail_sessions;
	r = mqci_endpoint_open(endpoint, options, &server->endpoint);
	if (r < 0)
		goto fail_reception;
	server->forked = (mqci_forked){.before = before_fork, .after = after_fork, .child = disown};
	r = mqci_fork_register(&server->forked);
	if (r < 0) {
		(void)mqc_server_close(server);
		return r;
	}
	(void)mqci_endpoint_sweep(&server->endpoint, mqci_worker_tell_lost, &server->sessions);
	*ret_server = server;
	return MQC_OK;

fail_reception:
	mqci_reception_done(&server->reception);
fail_sessions:
	mqci_sessions_done(&server->sessions, false);
fail_stop:
	mqci_stop_done(&server->stop);
fail_server:
	free(server);
	return r;
}

int mqc_server_add(mqc_server *server, const mqc_service *service, mqc_dispatch dispatch,
		   const void *handlers, void *self)
{
	if (server->running)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is served already: add %s before mqc_server_run()",
				 server->endpoint.name, service->name);
	return mqci_registry_add(&server->registry, service, dispatch, handlers, self);
}

int mqc_server_authorize(mqc_server *server, const mqc_service *service, mqc_authorize authorize,
			 void *data)
{
	if (server->running)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is served already: say who may call %s before "
				 "mqc_server_run()",
				 server->endpoint.name, service->name);
	return mqci_registry_authorize(&server->registry, service, authorize, data);
}

void mqc_server_stop(mqc_server *server)
{
	mqci_stop_request(&server->stop);
}

/* Interrupt the workers that wait for a request, again and again: one may be just about to. */
static void end_workers(mqc_server *server, unsigned count)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	atomic_store(&server->stopping, true);
	for (unsigned i = 0; i < count; i++) {
		mqci_worker *worker = &server->workers[i];

		while (!atomic_load(&worker->ended)) {
			if (atomic_load(&worker->waiting))
				mqci_interrupt(worker->thread);
			(void)nanosleep(&pause, NULL);
		}
		(void)pthread_join(worker->thread, NULL);
		mqci_presence_return(&server->endpoint.presence, worker->hand);
		mqci_worker_done(worker);
	}
}

static int start_workers(mqc_server *server, unsigned *ret_count)
{
	const mqci_presence *presence = &server->endpoint.presence;
	const mqci_service_point point = {
		.endpoint = &server->endpoint,
		.registry = &server->registry,
		.sessions = &server->sessions,
		.deferrals = &server->deferrals,
		.stopping = &server->stopping,
		.stop = &server->stop,
	};
	int r = MQC_OK;

	for (*ret_count = 0; *ret_count < server->threads; ++*ret_count) {
		/* There are more hands than threads. */
		mqci_hand *hand = mqci_presence_hand(presence);

		r = mqci_worker_start(&server->workers[*ret_count], &point, hand);
		if (r < 0) {
			mqci_presence_return(presence, hand);
			break;
		}
	}
	return r;
}

static int serve(mqc_server *server)
{
	unsigned count;
	int r;

	server->workers = calloc(server->threads, sizeof *server->workers);
	if (server->workers == NULL)
		return mqci_no_memory("the server's threads");
	atomic_store(&server->stopping, false);
	r = start_workers(server, &count);
	if (r == MQC_OK)
		r = mqci_reception_run(&server->reception);
	end_workers(server, count);
	for (unsigned i = 0; i < count && r == MQC_OK; i++)
		if (server->workers[i].status < 0)
			r = mqci_fail(server->workers[i].status, server->workers[i].system_errno,
				      "%s", server->workers[i].text);
	free(server->workers);
	server->workers = NULL;
	return r;
}

int mqc_server_run(mqc_server *server)
{
	int r;

	if (server->disowned)
		return mqci_fail(
			MQC_FAILED_PRECONDITION, 0,
			"the server of endpoint %s was opened before fork() and belongs to "
			"the parent process; open another one in the child",
			server->endpoint.name);
	if (atomic_exchange(&server->running, true))
		return mqci_fail(MQC_FAILED_PRECONDITION, 0, "%s is being served already",
				 server->endpoint.name);
	r = server->stop_on_signals ? mqci_stop_hook_signals(&server->stop) : MQC_OK;
	if (r == MQC_OK) {
		r = serve(server);
		if (server->stop_on_signals)
			mqci_stop_unhook_signals(&server->stop);
	}
	atomic_store(&server->running, false);
	return r;
}

mqc_server *mqc_server_close(mqc_server *server)
{
	bool last;

	if (server == NULL)
		return NULL;
	mqci_fork_unregister(&server->forked);
	if (server->disowned) {
		mqci_registry_done(&server->registry);
		free(server->workers);
		free(server);
		return NULL;
	}
	mqci_defer_abandon(&server->deferrals);
	last = mqci_endpoint_leave(&server->endpoint, mqci_worker_tell_lost, &server->sessions);
	if (last)
		mqci_worker_refuse_rest(&server->endpoint, &server->sessions);
	mqci_sessions_done(&server->sessions, last);
	mqci_endpoint_close(&server->endpoint);
	mqci_registry_done(&server->registry);
	mqci_reception_done(&server->reception);
	mqci_stop_done(&server->stop);
	free(server);
	return NULL;
}
