/*
 * servant.c - one who serves: takes messages apart, runs handlers, answers.
 */
#include "servant.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "message.h"
#include "frame.h"
#include "scheduling.h"

/* Whether a handler has forked, and this is the child: then the parent answers, and goes on. */
static bool is_disowned(const mqci_servant *servant)
{
	return *servant->point->disowned;
}

/* The call to serve the next request with; NULL without memory. */
static mqc_call *take_call(mqci_servant *servant)
{
	if (servant->call == NULL)
		servant->call = mqci_call_new(servant->point->deferrals);
	return servant->call;
}

/* Ask the service whether this caller may call. */
static int authorize(mqc_call *call, const mqci_entry *entry)
{
	return mqci_call_check_result(call, entry->authorize(entry->authorize_data, call));
}

/* A copy of a request that lies in the client's shared memory, which nobody can change. */
static int copy_request(mqc_call *call, mqci_frame *request)
{
	uint8_t *payload = mqci_call_reserve(call, request->size);
	int r;

	if (payload == NULL)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the server has no memory left for a request of %s",
				     call->method->name);
	r = mqci_arena_read(&call->origin.session->arena, request->arena, payload, request->size);
	if (r < 0)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "the request of %s cannot be read from shared memory: %s",
				     call->method->name, mqc_error_last()->text);
	request->payload = payload;
	return MQC_OK;
}

/* Get a request that lies in the client's shared memory, where it lies if that may be. */
static int fetch(mqc_call *call, mqci_frame *request, size_t payload_max)
{
	mqci_session *session = call->origin.session;

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
	call->bulk = request->size;
	if (mqci_message_is_steady(call->method->request))
		request->payload = mqci_arena_look(&session->arena, request->arena, request->size);
	return request->payload != NULL ? MQC_OK : copy_request(call, request);
}

/* Have the request's message as its payload, and its metadata in the call. */
static int open_request(mqc_call *call, mqci_frame *request, size_t payload_max)
{
	int r = MQC_OK;

	if (request->flags & MQCI_FRAME_ARENA)
		r = fetch(call, request, payload_max);
	if (r == MQC_OK && request->flags & MQCI_FRAME_REFERS)
		r = mqci_loan_receive(call, request, payload_max);
	if (r == MQC_OK && request->flags & MQCI_FRAME_EXTRAS)
		r = mqci_metadata_receive(call, request);
	return r;
}

/* Run the method with what is in the request, if its caller may call. A status. */
static int run(mqci_servant *servant, mqc_call *call, const mqci_entry *entry,
	       const mqci_frame *request, ProtobufCMessage **ret_reply)
{
	const uint16_t enclosed = MQCI_FRAME_ARENA | MQCI_FRAME_REFERS | MQCI_FRAME_EXTRAS;
	mqci_frame opened;
	int r = MQC_OK;

	if (request->flags & enclosed) {
		opened = *request;
		request = &opened;
		r = open_request(call, &opened, servant->point->payload_max);
	}
	if (r == MQC_OK && entry->authorize != NULL)
		r = authorize(call, entry);
	if (r == MQC_OK)
		r = mqci_call_execute(call, entry, request->payload, request->size, ret_reply);
	return r;
}

static void execute(mqci_servant *servant, const mqci_origin *origin, const mqci_frame *request,
		    const mqci_entry *entry)
{
	mqc_call *call = take_call(servant);
	ProtobufCMessage *reply = NULL;
	int r;

	if (call == NULL) {
		mqci_answer_refusal(origin, MQC_RESOURCE_EXHAUSTED,
				    "the server has no memory left for a call");
		return;
	}
	mqci_call_init(call, entry->method, origin, request->deadline);
	r = run(servant, call, entry, request, &reply);
	if (call->deferred) {
		servant->call = NULL;
		mqci_defer_leave(call);
		return;
	}
	if (!is_disowned(servant))
		(void)mqci_answer_call(call, r, reply);
	servant->spin.bulk = call->bulk;
	mqci_call_done(call);
}

/*
 * The same, as urgently as its caller is scheduled, if it lends that and we may.
 * The caller is the process that its shared memory proves, not the one it names.
 */
static void execute_inherited(mqci_servant *servant, const mqci_origin *origin,
			      const mqci_frame *request, const mqci_entry *entry)
{
	const pid_t pid = origin->session->pid;
	mqci_scheduling callers, own;
	bool raised;

	raised = servant->point->inherit_priority && request->thread != 0 && pid != 0 &&
		 !(request->flags & MQCI_FRAME_ONEWAY) &&
		 mqci_scheduling_of(pid, (pid_t)request->thread, &callers) &&
		 mqci_scheduling_raise(&callers, &own);
	execute(servant, origin, request, entry);
	if (raised)
		mqci_scheduling_restore(&own);
}

/* Whether the caller has given up a request that waited: then nobody hears of it any more. */
static bool is_given_up(const mqci_session *session, const mqci_frame *request)
{
	return !(request->flags & MQCI_FRAME_ONEWAY) && session->pid != 0 &&
	       !mqci_arena_wants(&session->arena, request->call);
}

/* The method of a request: mostly that of the one before. NULL: nobody has it. */
static const mqci_entry *entry_of(mqci_servant *servant, const mqci_frame *request)
{
	if (servant->entry == NULL || servant->entry->id != request->code)
		servant->entry = mqci_registry_find(servant->point->registry, request->code);
	return servant->entry;
}

/* Serve a request of this session, which is in some hand; of a batch, or of none. */
static void serve(mqci_servant *servant, mqci_session *session, const mqci_frame *request,
		  mqci_batch *batch, bool has_waited)
{
	const mqci_entry *entry = entry_of(servant, request);
	mqci_origin origin = mqci_origin_of(session, request);

	/* Take note of where the caller is, and let it know where we are. */
	servant->spin.other_cpu = request->cpu;
	origin.cpu = mqci_spin_cpu(&servant->spin);
	origin.batch = batch;
	servant->served++;
	if (entry == NULL)
		mqci_answer_refusal(&origin, MQC_UNIMPLEMENTED, "");
	else if (mqci_deadline_is_over(request->deadline))
		mqci_answer_refusal(&origin, MQC_DEADLINE_EXCEEDED,
				    "the time was over before a server took the request");
	else if (has_waited && is_given_up(session, request))
		mqci_answer_refusal(&origin, MQC_CANCELLED,
				    "the call was given up before a server took the request");
	else
		execute_inherited(servant, &origin, request, entry);
}

/* Serve a single one. */
static void serve_alone(mqci_servant *servant, const mqci_frame *request, bool has_waited)
{
	mqci_session *session = mqci_recent_find(&servant->recent, request);

	if (session == NULL)
		return;
	serve(servant, session, request, NULL, has_waited);
	mqci_recent_keep(&servant->recent, session);
}

/* Serve one that was just received. */
static void serve_received(mqci_servant *servant, const mqci_frame *request)
{
	mqci_hand_take(servant->hand, request->session, request->call, true);
	serve_alone(servant, request, false);
	if (!is_disowned(servant))
		mqci_hand_drop(servant->hand);
}

void mqci_servant_take_waiting(mqci_servant *servant, mqci_waiting *waiting)
{
	const uint8_t *at = waiting->message;
	size_t left = waiting->size;
	mqci_frame request;

	if (mqci_frame_decode(&at, &left, &request) == MQCI_FRAME_OK) {
		mqci_hand_begin(waiting->hand);
		serve_alone(servant, &request, true);
	}
	if (!is_disowned(servant))
		mqci_lane_give_back(servant->lane, waiting);
}

/* The session of a request of the batch: mostly that of the one before. */
static mqci_session *session_of(mqci_servant *servant, const mqci_frame *request,
				mqci_session *before)
{
	if (before != NULL && before->id == request->session && before->key == request->key &&
	    !atomic_load(&before->gone))
		return before;
	if (before != NULL) {
		mqci_batch_flush(&servant->batch);
		mqci_session_release(before);
	}
	return mqci_recent_find(&servant->recent, request);
}

/* Serve a batch, or what is left of it to us. */
static void serve_batch(mqci_servant *servant, int64_t now)
{
	mqci_batch *batch = &servant->batch;
	mqci_session *session = NULL;
	const mqci_frame *request;

	for (; (request = mqci_batch_next(batch, now)) != NULL; now = mqci_clock_now()) {
		session = session_of(servant, request, session);
		if (session == NULL)
			continue;
		serve(servant, session, request, batch, false);
		if (is_disowned(servant))
			return;
		/* What has not begun is not to hold up a stop. */
		if (atomic_load(servant->point->stopping))
			(void)mqci_batch_share(batch, servant->lane);
	}
	mqci_batch_end(batch);
	if (session != NULL)
		mqci_recent_keep(&servant->recent, session);
}

/* Have a request wait in the backlog: false if it cannot. */
static bool put_off(mqci_servant *servant, const mqci_frame *request, unsigned priority,
		    int64_t now)
{
	const mqci_presence *presence = &servant->point->intake.endpoint->presence;
	mqci_hand *hand = mqci_presence_hand(presence);

	if (hand == NULL)
		return false;
	if (mqci_lane_put(servant->lane, request, priority, now, hand))
		return true;
	mqci_presence_return(presence, hand);
	return false;
}

/* The message that is just taken apart. */
struct message {
	const uint8_t *rest; /* that has not been looked at */
	size_t size;
	unsigned priority;
};

static bool next_of(const mqci_servant *servant, struct message *message, mqci_frame *ret_request)
{
	return mqci_intake_next(&servant->point->intake, &message->rest, &message->size,
				ret_request);
}

/* Serve the first request of several; the others wait, or, if they cannot, are served before. */
static __attribute__((__noinline__)) void take_first(mqci_servant *servant, const mqci_frame *first,
						     mqci_frame *other, struct message *message)
{
	const int64_t now = mqci_clock_now();

	do
		if (!put_off(servant, other, message->priority, now))
			serve_received(servant, other);
	while (!is_disowned(servant) && next_of(servant, message, other));
	if (is_disowned(servant))
		return;
	mqci_lane_nudge(servant->lane);
	/* A worker that is about to wait does not notice: the reception nudges again. */
	mqci_ticker_want(servant->point->ticker);
	serve_received(servant, first);
}

/* Serve several requests, of which the first is in the batch already. */
static __attribute__((__noinline__)) void take_batch(mqci_servant *servant, mqci_frame *other,
						     struct message *message)
{
	const int64_t now = mqci_clock_now();

	/* There is room, and memory, for as many as a message can have, or for none. */
	while (mqci_batch_add(&servant->batch, other) && next_of(servant, message, other))
		continue;
	mqci_batch_begin(&servant->batch, message->priority, now);
	mqci_ticker_want(servant->point->ticker);
	serve_batch(servant, now);
}

void mqci_servant_take(mqci_servant *servant, size_t size, unsigned priority)
{
	struct message message = {.rest = servant->message, .size = size, .priority = priority};
	mqci_frame first, other;

	if (priority > 0 && mqci_lane_note_urgent(servant->lane))
		mqci_ticker_want(servant->point->ticker);
	if (!next_of(servant, &message, &first))
		return;
	if (message.size == 0 || !next_of(servant, &message, &other))
		serve_received(servant, &first);
	/* Where only so many may wait, all that do not run are to be counted. */
	else if (servant->lane->limit > 0 || !mqci_batch_add(&servant->batch, &first))
		take_first(servant, &first, &other, &message);
	else
		take_batch(servant, &other, &message);
}

bool mqci_servant_tick(mqci_servant *servant)
{
	const unsigned number = atomic_load(&servant->batch.number);

	if (!atomic_load(&servant->batch.under_way))
		return false;
	if (number == servant->batch_seen && mqci_batch_share(&servant->batch, servant->lane) > 0)
		mqci_lane_nudge(servant->lane);
	servant->batch_seen = number;
	return true;
}

void mqci_servant_hurry(mqci_servant *servant)
{
	if (atomic_load(&servant->batch.under_way))
		(void)mqci_batch_share(&servant->batch, servant->lane);
}

int mqci_servant_init(mqci_servant *servant, const mqci_service_point *point, mqci_lane *lane)
{
	const mqci_presence *presence = &point->intake.endpoint->presence;
	int r;

	memset(servant, 0, sizeof *servant);
	servant->point = point;
	servant->lane = lane;
	mqci_spin_init(&servant->spin, point->spin_us);
	servant->hand = mqci_presence_hand(presence);
	r = mqci_batch_init(&servant->batch, presence, servant->hand, lane->requests->size);
	if (r < 0 && servant->hand != NULL)
		mqci_presence_return(presence, servant->hand);
	if (r < 0)
		return r;
	mqci_recent_init(&servant->recent, point->intake.sessions);
	servant->message = malloc(lane->requests->size);
	if (servant->hand == NULL)
		r = mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
			      "no server thread can be started: %d calls of this server are "
			      "deferred and not finished",
			      MQCI_HANDS_MAX);
	else if (servant->message == NULL)
		r = mqci_no_memory("a worker's messages");
	if (r < 0)
		mqci_servant_done(servant);
	return r;
}

void mqci_servant_done(mqci_servant *servant)
{
	if (servant->hand != NULL)
		mqci_presence_return(&servant->point->intake.endpoint->presence, servant->hand);
	mqci_recent_done(&servant->recent);
	free(servant->message);
	(void)mqci_call_free(servant->call);
	mqci_batch_done(&servant->batch);
}
