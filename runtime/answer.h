/*
 * answer.h - what a server answers to requests.
 */
#ifndef MQCI_ANSWER_H
#define MQCI_ANSWER_H

#include <mqcall/mqcall.h>

#include "frame.h"
#include "session.h"

/* Where an answer goes. */
typedef struct mqci_origin {
	mqci_session *session;
	uint64_t call;
	uint64_t arena; /* where the call's regions begin, in the client's shared memory; or 0 */
	bool oneway;    /* nobody waits for one */
	uint16_t cpu;   /* where it comes from; MQCI_CPU_UNKNOWN: that is not told */
	struct mqci_batch *batch; /* of requests that it goes together with; or NULL */
} mqci_origin;

static inline mqci_origin mqci_origin_of(mqci_session *session, const mqci_frame *request)
{
	return (mqci_origin){
		.session = session,
		.call = request->call,
		.cpu = MQCI_CPU_UNKNOWN,
		.arena = request->arena,
		.oneway = (request->flags & MQCI_FRAME_ONEWAY) != 0,
	};
}

/* A status, which is not OK, and its text, of which as much goes as there is room for. */
void mqci_answer_status(const mqci_origin *origin, uint16_t flags, int status, const char *text);

/* The same for a request whose method is not run. */
void mqci_answer_refusal(const mqci_origin *origin, int status, const char *text);

/*
 * What a handler gave: `reply`, if `status` is OK; else the status and the
 * call's text. MQC_RESOURCE_EXHAUSTED: the caller got that instead of the
 * reply, which is too large, or for which there was no memory; MQC_INTERNAL: as the
 * reply lacks what is required. call->text says.
 */
int mqci_answer_call(mqc_call *call, int status, const ProtobufCMessage *reply);

/* Tell a client, of the mqci_sessions at `data`, that a server died with its call in hand. */
void mqci_answer_lost(uint64_t session, uint64_t call, bool begun, void *data);

/*
 * Answer a client that has no session here, a status and its text: only if it is
 * this client who says hello, as anybody may have written the frame.
 */
void mqci_answer_stranger(mqci_sessions *sessions, const mqci_frame *frame, int status,
			  const char *text);

#endif
