/*
 * call.h - one call in the hands of a server.
 */
#ifndef MQCI_CALL_H
#define MQCI_CALL_H

#include <mqcall/mqcall.h>

#include "error.h"

struct mqc_call {
	const mqc_method *method;
	int64_t deadline;
	bool dispatched;                 /* the handler has been called */
	mqc_scratch memory;              /* the request, the reply and what the handler allocates */
	char text[MQCI_ERROR_TEXT_SIZE]; /* of the error, "" if the handler gave none */
};

/*
 * The deadline of the call that this thread is serving, or MQCI_NEVER: calls
 * that its handler makes end no later.
 */
int64_t mqci_call_inherited(void);

void mqci_call_init(mqc_call *call, const mqc_method *method, int64_t deadline);
void mqci_call_done(mqc_call *call);

/*
 * Run the method: unpack `size` bytes of request, dispatch, and give the reply
 * message, in memory of the call; or a status, its text in call->text.
 */
int mqci_call_execute(mqc_call *call, mqc_dispatch dispatch, const void *handlers, void *self,
		      uint32_t method, const uint8_t *request, size_t size,
		      ProtobufCMessage **ret_reply);

#endif
