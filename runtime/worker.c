/*
 * worker.c - a thread that serves: receives requests and runs handlers.
 */
#include "worker.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "frame.h"
#include "scheduling.h"

/* The call to serve the next request with; NULL without memory. */
static mqc_call *take_call(mqci_worker *worker)
{
	if (worker->call == NULL)
		worker->call = mqci_call_new(worker->point->deferrals);
	return worker->call;
}

/* Ask the service whether this caller may call; what refuses it is answered. */
static bool is_allowed(mqc_call *call, const mqci_entry *entry)
{
	int r;

	if (entry->authorize == NULL)
		return true;
	r = entry->authorize(entry->authorize_data, call);
	if (r == MQC_OK)
		return true;
	(void)mqci_answer_call(call, mqci_call_check_result(call, r), NULL);
	return false;
}

/* Get a request that lies in the client's shared memory: a copy, which nobody can change. */
static int fetch(mqc_call *call, mqci_frame *request, size_t payload_max)
{
	const mqci_session *session = call->origin.session;
	uint8_t *payload;
	int r;

	if (session->region == 0 || request->size > session->region)
		return mqc_call_fail(
			call, MQC_INVALID_ARGUMENT,
			"the request of %s is said to lie in shared memory, and cannot",
			call->method->name);
	if (request->size > payload_max)
		return mqc_call_fail(
			call, MQC_RESOURCE_EXHAUSTED,
			"the request of %s has %zu bytes, and its server takes %zu: send "
			"less, or open the server with a larger payload_max",
			call->method->name, request->size, payload_max);
	payload = mqci_call_reserve(call, request->size);
	if (payload == NULL)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the server has no memory left for a request of %s",
				     call->method->name);
	r = mqci_arena_read(&session->arena, request->arena, payload, request->size);
	if (r < 0)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "the request of %s cannot be read from shared memory: %s",
				     call->method->name, mqc_error_last()->text);
	request->payload = payload;
	return MQC_OK;
}

/* Have the request's message as its payload, and its metadata in the call. */
static int open_request(mqc_call *call, mqci_frame *request, size_t payload_max)
{
	int r = MQC_OK;

	if (request->flags & MQCI_FRAME_ARENA)
		r = fetch(call, request, payload_max);
	if (r == MQC_OK && request->flags & MQCI_FRAME_EXTRAS)
		r = mqci_metadata_receive(call, request);
	return r;
}

static void execute(mqci_worker *worker, const mqci_origin *origin, const mqci_frame *received,
		    const mqci_entry *entry)
{
	mqc_call *call = take_call(worker);
	mqci_frame request = *received;
	ProtobufCMessage *reply = NULL;
	int r;

	if (call == NULL) {
		mqci_answer_refusal(origin, MQC_RESOURCE_EXHAUSTED,
				    "the server has no memory left for a call");
		return;
	}
	mqci_call_init(call, entry->method, origin, request.deadline);
	r = open_request(call, &request, worker->point->payload_max);
	if (r < 0) {
		(void)mqci_answer_call(call, r, NULL);
	} else if (is_allowed(call, entry)) {
		r = mqci_call_execute(call, entry, request.payload, request.size, &reply);
		if (call->deferred) {
			worker->call = NULL;
			mqci_defer_leave(call);
			return;
		}
		(void)mqci_answer_call(call, r, reply);
	}
	mqci_call_done(call);
}

/*
 * The same, as urgently as its caller is scheduled, if it lends that and we may.
 * The caller is the process that its shared memory proves, not the one it names.
 */
static void execute_inherited(mqci_worker *worker, const mqci_origin *origin,
			      const mqci_frame *request, const mqci_entry *entry)
{
	const pid_t pid = origin->session->pid;
	mqci_scheduling callers, own;
	bool raised;

	raised = worker->point->inherit_priority && request->thread != 0 && pid != 0 &&
		 !(request->flags & MQCI_FRAME_ONEWAY) &&
		 mqci_scheduling_of(pid, (pid_t)request->thread, &callers) &&
		 mqci_scheduling_raise(&callers, &own);
	execute(worker, origin, request, entry);
	if (raised)
		mqci_scheduling_restore(&own);
}

/* Whether the caller has given up a request that waited: then nobody hears of it any more. */
static bool is_given_up(const mqci_session *session, const mqci_frame *request)
{
	return !(request->flags & MQCI_FRAME_ONEWAY) && session->pid != 0 &&
	       !mqci_arena_wants(&session->arena, request->call);
}

/* Serve a request, which is in some hand. */
static void serve(mqci_worker *worker, const mqci_frame *request, bool has_waited)
{
	const mqci_entry *entry;
	mqci_session *session;
	mqci_origin origin;

	session = mqci_sessions_find(worker->point->intake.sessions, request);
	if (session == NULL)
		return;
	origin = mqci_origin_of(session, request);
	entry = mqci_registry_find(worker->point->registry, request->code);
	if (entry == NULL)
		mqci_answer_refusal(&origin, MQC_UNIMPLEMENTED, "");
	else if (request->deadline <= mqci_clock_now())
		mqci_answer_refusal(&origin, MQC_DEADLINE_EXCEEDED,
				    "the time was over before a server took the request");
	else if (has_waited && is_given_up(session, request))
		mqci_answer_refusal(&origin, MQC_CANCELLED,
				    "the call was given up before a server took the request");
	else
		execute_inherited(worker, &origin, request, entry);
	mqci_session_release(session);
}

/* Serve one that was just received. */
static void serve_received(mqci_worker *worker, const mqci_frame *request)
{
	mqci_hand_take(worker->hand, request->session, request->call, true);
	serve(worker, request, false);
	mqci_hand_drop(worker->hand);
}

/* Serve one that has waited in the backlog. */
static void serve_waiting(mqci_worker *worker, mqci_waiting *waiting)
{
	const uint8_t *at = waiting->message;
	size_t left = waiting->size;
	mqci_frame request;

	if (mqci_frame_decode(&at, &left, &request) == MQCI_FRAME_OK) {
		mqci_hand_begin(waiting->hand);
		serve(worker, &request, true);
	}
	mqci_lane_give_back(worker->lane, waiting);
}

/* Serve the first request of a message; if there are more, others may. */
static void take_message(mqci_worker *worker, size_t size, unsigned priority)
{
	const mqci_intake *intake = &worker->point->intake;
	const uint8_t *at = worker->message;
	mqci_frame first, other;
	bool more = false;

	if (priority > 0 && !atomic_load(&worker->lane->urgent))
		atomic_store(&worker->lane->urgent, true);
	if (!mqci_intake_next(intake, &at, &size, &first))
		return;
	while (mqci_intake_next(intake, &at, &size, &other)) {
		if (mqci_lane_put(worker->lane, &other, priority))
			more = true;
		else
			serve_received(worker, &other);
	}
	if (more)
		mqci_lane_nudge(worker->lane);
	serve_received(worker, &first);
}

/* The queue itself failed: keep the reason, and have the server stop. */
static void give_up(mqci_worker *worker)
{
	const mqc_error *error = mqc_error_last();

	worker->status = error->status;
	worker->system_errno = error->system_errno;
	memcpy(worker->text, error->text, strlen(error->text) + 1);
	mqci_stop_request(worker->point->stop);
}

/* Wait for a message and serve it. A status: the queue failed. */
static int serve_next(mqci_worker *worker)
{
	const mqci_queue *requests = worker->lane->requests;
	unsigned priority = 0;
	ssize_t size = 0;

	mqci_interruptible_begin(&worker->interruptible);
	/* Whoever wants us out of it has changed one of these before. */
	if (!atomic_load(worker->point->stopping) &&
	    mqci_backlog_count(&worker->lane->backlog) == 0)
		size = mqci_queue_receive_with(requests, worker->message, requests->size,
					       &priority);
	mqci_interruptible_end(&worker->interruptible);
	if (size > 0)
		take_message(worker, (size_t)size, priority);
	return size < 0 ? (int)size : MQC_OK;
}

static void *work(void *data)
{
	mqci_worker *worker = data;
	mqci_waiting *waiting;
	int r = MQC_OK;

	while (r == MQC_OK && !atomic_load(worker->point->stopping)) {
		waiting = mqci_lane_take(worker->lane);
		if (waiting != NULL)
			serve_waiting(worker, waiting);
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
	worker->point = point;
	worker->lane = lane;
	worker->hand = mqci_presence_hand(&point->intake.endpoint->presence);
	if (worker->hand == NULL)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "no server thread can be started: %d calls of this server are "
				 "deferred and not finished",
				 MQCI_HANDS_MAX);
	worker->message = malloc(lane->requests->size);
	r = worker->message != NULL ? start_thread(worker) : mqci_no_memory("a worker's messages");
	if (r < 0)
		mqci_worker_done(worker);
	return r;
}

void mqci_worker_done(mqci_worker *worker)
{
	mqci_presence_return(&worker->point->intake.endpoint->presence, worker->hand);
	free(worker->message);
	(void)mqci_call_free(worker->call);
}
