/*
 * intake.c - what comes out of a request queue, frame by frame.
 *
 * Whatever it is was written by a client, or by anybody who may write there.
 * What is no frame, or has no valid session, is dropped: there is nobody to
 * answer. A request from a valid session is always answered, if only with a
 * status; except a one-way one.
 */
#include "intake.h"

#include <stdlib.h>
#include <unistd.h>

#include "answer.h"

/* The lanes that a client can send to, as bits. */
static uint32_t lanes_of(const mqci_endpoint *endpoint)
{
	uint32_t lanes = 0;

	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		if (mqci_queue_is_open(&endpoint->lanes[lane]))
			lanes |= UINT32_C(1) << lane;
	return lanes;
}

static void greet(const mqci_intake *intake, const mqci_frame *hello)
{
	uint8_t message[MQCI_FRAME_HEADER + sizeof(mqci_welcome)];
	mqci_session *session;
	mqci_hello from;
	int r;

	/* Without a nonce it would prove nothing. */
	if (hello->key == 0 ||
	    mqci_frame_payload(hello, &from, sizeof from, sizeof from.reply_size) == 0)
		return;
	r = mqci_sessions_open(intake->sessions, hello->session, hello->key, &session);
	if (r == MQC_RESOURCE_EXHAUSTED)
		mqci_answer_stranger(
			intake->sessions, hello, r,
			"the server has no file descriptors, or no memory, left for "
			"another client, of which each takes 3: raise its ulimit -n, or "
			"close other clients");
	if (r < 0)
		return;
	const mqci_welcome welcome = {
		.key = session->key,
		.request_size = (uint32_t)intake->endpoint->lanes[0].size,
		.pid = (int32_t)getpid(),
		.lanes = lanes_of(intake->endpoint),
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

/* What is no request. */
static void deal_with(const mqci_intake *intake, const mqci_frame *frame)
{
	if (frame->type == MQCI_HELLO)
		greet(intake, frame);
	else if (frame->type == MQCI_GOODBYE)
		mqci_sessions_goodbye(intake->sessions, frame);
}

static void refuse_version(const mqci_intake *intake, const mqci_frame *frame)
{
	_Static_assert(MQCI_FRAME_VERSION == 1, "the text names the version");
	mqci_answer_stranger(
		intake->sessions, frame, MQC_FAILED_PRECONDITION,
		"the server speaks version 1 of mqcall's protocol only; build client and "
		"server with the same version of mqcall");
}

bool mqci_intake_pass(const mqci_intake *intake, mqci_verdict verdict, const uint8_t **at,
		      size_t *left, mqci_frame *ret_request)
{
	while (verdict == MQCI_FRAME_OK && ret_request->type != MQCI_REQUEST) {
		deal_with(intake, ret_request);
		verdict = mqci_frame_decode(at, left, ret_request);
	}
	if (verdict == MQCI_FRAME_OK)
		return true;
	*left = 0;
	if (verdict == MQCI_FRAME_BAD_VERSION)
		refuse_version(intake, ret_request);
	return false;
}

void mqci_intake_refuse(const mqci_intake *intake, const mqci_frame *request, int status,
			const char *text)
{
	mqci_session *session = mqci_sessions_find(intake->sessions, request);
	mqci_origin origin;

	if (session == NULL)
		return;
	origin = mqci_origin_of(session, request);
	mqci_answer_refusal(&origin, status, text);
	mqci_session_release(session);
}

static void refuse_message(const mqci_intake *intake, const uint8_t *at, size_t left)
{
	static const char text[] = "the server has stopped";
	mqci_frame frame;

	while (mqci_frame_decode(&at, &left, &frame) == MQCI_FRAME_OK) {
		if (frame.type == MQCI_HELLO)
			mqci_answer_stranger(intake->sessions, &frame, MQC_UNAVAILABLE, text);
		else if (frame.type == MQCI_REQUEST)
			mqci_intake_refuse(intake, &frame, MQC_UNAVAILABLE, text);
	}
}

static void refuse_lane(const mqci_intake *intake, const mqci_queue *rest)
{
	uint8_t *message = malloc(rest->size);
	size_t waiting;
	ssize_t size;

	if (message != NULL && mqci_queue_waiting(rest, &waiting) == MQC_OK &&
	    mqci_queue_never_block(rest) == MQC_OK) {
		/* What comes later is answered by our goodbye; else callers that try on could
		 * hold us. An empty message, and there are such, is not the last one. */
		for (; waiting > 0; waiting--) {
			size = mqci_queue_receive(rest, message, rest->size);
			refuse_message(intake, message, size > 0 ? (size_t)size : 0);
		}
	}
	free(message);
}

void mqci_intake_refuse_rest(const mqci_intake *intake)
{
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		if (mqci_queue_is_open(&intake->endpoint->lanes[lane]))
			refuse_lane(intake, &intake->endpoint->lanes[lane]);
}
