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

/* Sleep until a message comes; its size, or 0 when somebody wants us to look around. */
static ssize_t receive(mqci_worker *worker, unsigned *ret_priority)
{
	mqci_servant *servant = &worker->servant;
	const mqci_queue *requests = servant->lane->requests;
	ssize_t size = 0;

	mqci_interruptible_begin(&worker->interruptible);
	/* Whoever wants us out of it has changed one of these before. */
	if (!atomic_load(servant->point->stopping) &&
	    mqci_backlog_count(&servant->lane->backlog) == 0)
		size = mqci_queue_receive_with(requests, servant->message, requests->size,
					       ret_priority);
	mqci_interruptible_end(&worker->interruptible);
	return size;
}

/* Whether there is no reason to look for anything but a message. */
static bool may_poll_on(mqci_worker *worker)
{
	const mqci_servant *servant = &worker->servant;
	mqci_parking *parking = &servant->lane->parking;
	const unsigned comers = atomic_load_explicit(&parking->comers, memory_order_relaxed);

	/* Another worker was given a message before it came to leave the next ones to us. */
	if (comers != worker->comers)
		worker->spin->began = worker->spin->polled;
	worker->comers = comers;
	return !atomic_load(servant->point->stopping) &&
	       mqci_backlog_count(&servant->lane->backlog) == 0 && mqci_spin_on(worker->spin);
}

/* Poll for a message, as the only one of the lane: its size, 0 if none came, or a status. */
static ssize_t poll_queue(mqci_worker *worker, unsigned *ret_priority)
{
	mqci_servant *servant = &worker->servant;
	const mqci_queue *drain = &servant->lane->drain;
	ssize_t size;

	do
		size = mqci_queue_receive_with(drain, servant->message, drain->size, ret_priority);
	while (size == 0 && may_poll_on(worker));
	if (size > 0)
		mqci_spin_hit(worker->spin);
	else
		mqci_parking_release(&servant->lane->parking, worker);
	return size;
}

/* Have the others come out of mq_receive(), and leave the queue to this one. */
static void call_off_others(mqci_worker *worker)
{
	mqci_lane *lane = worker->servant.lane;

	for (unsigned i = 0; i < lane->workers_count; i++)
		if (&lane->workers[i] != worker &&
		    atomic_load(&lane->workers[i].interruptible.waiting))
			(void)mqci_interrupt(&lane->workers[i].interruptible,
					     lane->workers[i].thread);
}

/*
 * Be the one that polls; or be it, but let the others come here first: then the
 * next message is slept for once more, and false.
 */
static bool claim(mqci_worker *worker)
{
	const mqci_lane *lane = worker->servant.lane;
	mqci_parking *parking = &worker->servant.lane->parking;
	const int64_t now = worker->spin->began;
	const bool is_ours = atomic_load(&parking->spinner) == worker;

	if (lane->workers_count == 1 || is_ours)
		return mqci_parking_claim(parking, worker, now);
	if (mqci_parking_is_lively(parking, now) && mqci_parking_claim(parking, worker, now))
		call_off_others(worker);
	return false;
}

/* Poll, or leave that to another, if it pays. */
static ssize_t spin(mqci_worker *worker, unsigned *ret_priority)
{
	mqci_parking *parking = &worker->servant.lane->parking;

	if (mqci_parking_is_taken(parking, worker)) {
		mqci_parking_park(parking, worker->servant.point->ticker);
		return 0;
	}
	if (!mqci_spin_begin(worker->spin, 0)) {
		mqci_parking_release(parking, worker);
		return 0;
	}
	worker->comers = atomic_load_explicit(&parking->comers, memory_order_relaxed);
	return claim(worker) ? poll_queue(worker, ret_priority) : 0;
}

/* Wait for a message and serve it. A status: the queue failed. */
static int serve_next(mqci_worker *worker)
{
	unsigned priority = 0;
	ssize_t size;

	size = spin(worker, &priority);
	if (size == 0)
		size = receive(worker, &priority);
	if (size > 0) {
		mqci_parking_turn(&worker->servant.lane->parking);
		mqci_servant_take(&worker->servant, (size_t)size, priority);
	}
	return size < 0 ? (int)size : MQC_OK;
}

static void *work(void *data)
{
	mqci_worker *worker = data;
	mqci_servant *servant = &worker->servant;
	mqci_waiting *waiting;
	int r = MQC_OK;

	/* In a forked child, what waits is the parent's. */
	while (r == MQC_OK && !atomic_load(servant->point->stopping) &&
	       !*servant->point->disowned) {
		waiting = mqci_lane_take(servant->lane);
		if (waiting != NULL)
			mqci_servant_take_waiting(servant, waiting);
		else
			r = serve_next(worker);
	}
	mqci_parking_release(&servant->lane->parking, worker);
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
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, r,
			"cannot start a server thread: %s; raise ulimit -u or ulimit -v, or let "
			"the server have fewer threads",
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
	worker->spin = &worker->servant.spin;
	r = start_thread(worker);
	if (r < 0)
		mqci_servant_done(&worker->servant);
	return r;
}

void mqci_worker_done(mqci_worker *worker)
{
	mqci_servant_done(&worker->servant);
}
