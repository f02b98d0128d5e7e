/*
 * worker.c - a thread that serves: receives requests, runs handlers, sends replies.
 *
 * Whatever comes out of the queue was written by a client, or by anybody who
 * may write there. What is no frame, or has no valid session, is dropped: there
 * is nobody to answer. A request from a valid session is always answered, if
 * only with a status, as its client keeps room for that; except a one-way one.
 */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "interrupt.h"

/* The call to serve the next request with; NULL without memory. */
static mqc_call *take_call(mqci_worker *worker)
{
	if (worker->call == NULL)
		worker->call = mqci_call_new(worker->point.deferrals);
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

static void execute(mqci_worker *worker, const mqci_origin *origin, const mqci_frame *request,
		    const mqci_entry *entry)
{
	mqc_call *call = take_call(worker);
	ProtobufCMessage *reply = NULL;
	int r;

	if (call == NULL) {
		mqci_answer_refusal(origin, MQC_RESOURCE_EXHAUSTED,
				    "the server has no memory left for a call");
		return;
	}
	mqci_call_init(call, entry->method, origin, request->deadline);
	if (is_allowed(call, entry)) {
		r = mqci_call_execute(call, entry, request->payload, request->size, &reply);
		if (call->deferred) {
			worker->call = NULL;
			mqci_defer_leave(call);
			return;
		}
		(void)mqci_answer_call(call, r, reply);
	}
	mqci_call_done(call);
}

static void serve_request(mqci_worker *worker, const mqci_frame *request)
{
	const mqci_entry *entry;
	mqci_session *session;
	mqci_origin origin;

	session = mqci_sessions_find(worker->point.sessions, request);
	if (session == NULL)
		return;
	origin = mqci_origin_of(session, request);
	mqci_hand_take(worker->hand, request->session, request->call, true);
	entry = mqci_registry_find(worker->point.registry, request->code);
	if (entry == NULL)
		mqci_answer_refusal(&origin, MQC_UNIMPLEMENTED, "");
	else if (request->flags & MQCI_FRAME_ARENA)
		mqci_answer_refusal(&origin, MQC_RESOURCE_EXHAUSTED,
				    "the server takes no requests through shared memory");
	else if (request->deadline <= mqci_clock_now())
		mqci_answer_refusal(&origin, MQC_DEADLINE_EXCEEDED,
				    "the time was over before a server took the request");
	else
		execute(worker, &origin, request, entry);
	mqci_hand_drop(worker->hand);
	mqci_session_release(session);
}

static void greet(mqci_worker *worker, const mqci_frame *hello)
{
	const mqci_queue *requests = &worker->point.endpoint->requests;
	uint8_t message[MQCI_FRAME_HEADER + sizeof(mqci_welcome)];
	mqci_session *session;
	mqci_hello from;

	if (mqci_frame_payload(hello, &from, sizeof from, sizeof from.reply_size) == 0 ||
	    mqci_sessions_open(worker->point.sessions, hello->session, &session) < 0)
		return;
	const mqci_welcome welcome = {
		.key = session->key,
		.request_size = (uint32_t)requests->size,
		.pid = (int32_t)getpid(),
		.lanes = 1,
	};
	const mqci_frame frame = {
		.type = MQCI_WELCOME,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = session->id,
		.key = hello->key,
		.call = hello->call,
		.payload = (const uint8_t *)&welcome,
		.size = sizeof welcome,
	};
	(void)mqci_session_send(session, message, mqci_frame_encode(&frame, message));
	mqci_session_release(session);
}

/* Deal with every frame of a message; the first that makes no sense ends it. */
static void take_message(mqci_worker *worker, const uint8_t *message, size_t size)
{
	mqci_verdict verdict;
	mqci_frame frame;

	while ((verdict = mqci_frame_decode(&message, &size, &frame)) == MQCI_FRAME_OK) {
		switch (frame.type) {
		case MQCI_HELLO:
			greet(worker, &frame);
			break;
		case MQCI_REQUEST:
			serve_request(worker, &frame);
			break;
		case MQCI_GOODBYE:
			mqci_sessions_goodbye(worker->point.sessions, &frame);
			break;
		case MQCI_WELCOME:
		case MQCI_REPLY:
		case MQCI_DATA:
		case MQCI_WAKE:
			break;
		}
	}
	_Static_assert(MQCI_FRAME_VERSION == 1, "the text names the version");
	if (verdict == MQCI_FRAME_BAD_VERSION)
		mqci_answer_stranger(
			&frame, MQC_FAILED_PRECONDITION,
			"the server speaks version 1 of mqcall's protocol only; build client and "
			"server with the same version of mqcall");
}

/* The queue itself failed: keep the reason, and have the server stop. */
static void give_up(mqci_worker *worker)
{
	const mqc_error *error = mqc_error_last();

	worker->status = error->status;
	worker->system_errno = error->system_errno;
	memcpy(worker->text, error->text, strlen(error->text) + 1);
	mqci_stop_request(worker->point.stop);
}

static void *work(void *data)
{
	mqci_worker *worker = data;
	const mqci_queue *requests = &worker->point.endpoint->requests;
	ssize_t size = 0;

	while (size >= 0) {
		atomic_store(&worker->waiting, true);
		if (atomic_load(worker->point.stopping))
			break;
		size = mqci_queue_receive(requests, worker->request, requests->size);
		atomic_store(&worker->waiting, false);
		if (size > 0)
			take_message(worker, worker->request, (size_t)size);
	}
	if (size < 0)
		give_up(worker);
	atomic_store(&worker->ended, true);
	return NULL;
}

int mqci_worker_start(mqci_worker *worker, const mqci_service_point *point, mqci_hand *hand)
{
	sigset_t mask, before;
	int r;

	memset(worker, 0, sizeof *worker);
	worker->point = *point;
	worker->hand = hand;
	worker->request = malloc(point->endpoint->requests.size);
	if (worker->request == NULL)
		return mqci_no_memory("a worker's messages");
	mqci_interrupt_mask(&mask);
	(void)pthread_sigmask(SIG_SETMASK, &mask, &before);
	r = pthread_create(&worker->thread, NULL, work, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		free(worker->request);
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot start a server thread: %s",
				 strerror(r));
	}
	return MQC_OK;
}

void mqci_worker_done(mqci_worker *worker)
{
	free(worker->request);
	(void)mqci_call_free(worker->call);
}

void mqci_worker_tell_lost(uint64_t id, uint64_t call, bool begun, void *sessions)
{
	mqci_origin origin = {.call = call};

	if (mqci_sessions_open(sessions, id, &origin.session) < 0)
		return;
	mqci_answer_status(&origin, begun ? 0 : MQCI_FRAME_NOT_EXECUTED, MQC_UNAVAILABLE,
			   "the server died while it had the call in hand");
	mqci_session_release(origin.session);
}

static void refuse(mqci_sessions *sessions, const mqci_frame *frame)
{
	static const char text[] = "the server has stopped";
	mqci_session *session;
	mqci_origin origin;

	if (frame->type == MQCI_HELLO)
		mqci_answer_stranger(frame, MQC_UNAVAILABLE, text);
	if (frame->type != MQCI_REQUEST)
		return;
	session = mqci_sessions_find(sessions, frame);
	if (session == NULL)
		return;
	origin = mqci_origin_of(session, frame);
	mqci_answer_refusal(&origin, MQC_UNAVAILABLE, text);
	mqci_session_release(session);
}

void mqci_worker_refuse_rest(const mqci_endpoint *endpoint, mqci_sessions *sessions)
{
	const mqci_queue *rest = &endpoint->requests;
	const uint8_t *at;
	size_t left, waiting;
	mqci_frame frame;
	uint8_t *message;
	ssize_t size;

	message = malloc(rest->size);
	if (message == NULL || mqci_queue_waiting(rest, &waiting) < 0 ||
	    mqci_queue_never_block(rest) < 0) {
		free(message);
		return;
	}
	/* What comes later is answered by our goodbye; else callers that try on could hold us. */
	for (; waiting > 0; waiting--) {
		size = mqci_queue_receive(rest, message, rest->size);
		at = message;
		/* An empty message, and there are such, is not the last one. */
		left = size > 0 ? (size_t)size : 0;
		while (mqci_frame_decode(&at, &left, &frame) == MQCI_FRAME_OK)
			refuse(sessions, &frame);
	}
	free(message);
}
