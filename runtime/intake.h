/*
 * intake.h - what comes out of a request queue, frame by frame.
 */
#ifndef MQCI_INTAKE_H
#define MQCI_INTAKE_H

#include "endpoint.h"
#include "frame.h"
#include "session.h"

typedef struct mqci_intake {
	const mqci_endpoint *endpoint;
	mqci_sessions *sessions;
} mqci_intake;

/* The same as below, from a frame on that was decoded, or not, and is no request. */
bool mqci_intake_pass(const mqci_intake *intake, mqci_verdict verdict, const uint8_t **at,
		      size_t *left, mqci_frame *ret_request);

/*
 * The next request in what is left of a message. All other frames on the way
 * are dealt with, by the same memory; one that makes no sense ends the message. False at
 * its end.
 */
static inline bool mqci_intake_next(const mqci_intake *intake, const uint8_t **at, size_t *left,
				    mqci_frame *ret_request)
{
	const mqci_verdict verdict = mqci_frame_decode(at, left, ret_request);

	return (verdict == MQCI_FRAME_OK && ret_request->type == MQCI_REQUEST) ||
	       mqci_intake_pass(intake, verdict, at, left, ret_request);
}

/* Answer a request that will not be executed; one without a valid session is not answered. */
void mqci_intake_refuse(const mqci_intake *intake, const mqci_frame *request, int status,
			const char *text);

/* Answer everything that is still queued: nobody serves here any more. */
void mqci_intake_refuse_rest(const mqci_intake *intake);

#endif
