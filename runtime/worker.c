/*
 * worker.c - a thread that serves: receives requests and runs handlers.
 */
#include "worker.h"

#include <string.h>

#include "clock.h"
#include "error.h"

/* The queue itself failed: keep the reason, and have the server stop. */
static void give_up(mqci_worker *worker)
{
	const mqc_error *error = mqc_error_last();

	worker->status = error->status;
	worker->system_errno = error->system_errno;
	memcpy(worker->text, error->text, strlen(error->text) + 1);
	mqci_stop_request(worker->servant.point->stop);
}

/* Wait for a message and serve it. A status: the queue failed. */
static int serve_next(mqci_worker *worker)
{
	mqci_servant *servant = &worker->servant;
	const mqci_queue *requests = servant->lane->requests;
	unsigned priority = 0;
	ssize_t size = 0;

	mqci_interruptible_begin(&worker->interruptible);
	/* Whoever wants us out of it has changed one of these before. */
	if (!atomic_load(servant->point->stopping) &&
	    mqci_backlog_count(&servant->lane->backlog) == 0)
		size = mqci_queue_receive_with(requests, servant->message, requests->size,
					       &priority);
	mqci_interruptible_end(&worker->interruptible);
	if (size > 0)
		mqci_servant_take(servant, (size_t)size, priority);
	return size < 0 ? (int)size : MQC_OK;
}

static void *work(void *data)
{
	mqci_worker *worker = data;
	mqci_servant *servant = &worker->servant;
	mqci_waiting *waiting;
	int r = MQC_OK;

	while (r == MQC_OK && !atomic_load(servant->point->stopping)) {
		waiting = mqci_lane_take(servant->lane);
		if (waiting != NULL)
			mqci_servant_take_waiting(servant, waiting);
		else
			r = serve_next(worker);
	}
	if (r < 0)
		give_up(worker);
	atomic_store(&worker->ended, true);
	return NULL;
}

static int start_thread(mqci_worker *worker)
{
	sigset_t mask, before;
	int r;

	mqci_interrupt_mask(&mask);
	(void)pthread_sigmask(SIG_SETMASK, &mask, &before);
	r = pthread_create(&worker->thread, NULL, work, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot start a server thread: %s",
				 strerror(r));
	return MQC_OK;
}

int mqci_worker_start(mqci_worker *worker, const mqci_service_point *point, mqci_lane *lane)
{
	int r;

	memset(worker, 0, sizeof *worker);
	r = mqci_servant_init(&worker->servant, point, lane);
	if (r < 0)
		return r;
	r = start_thread(worker);
	if (r < 0)
		mqci_servant_done(&worker->servant);
	return r;
}

void mqci_worker_done(mqci_worker *worker)
{
	mqci_servant_done(&worker->servant);
}
