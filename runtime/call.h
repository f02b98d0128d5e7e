/*
 * call.h - one call in the hands of a server.
 *
 * A worker uses the same mqc_call for one call after another, unless its
 * handler defers it: then the call goes its own way, see defer.h.
 */
#ifndef MQCI_CALL_H
#define MQCI_CALL_H

#include <mqcall/mqcall.h>

#include "answer.h"
#include "error.h"
#include "loan.h"
#include "metadata.h"
#include "registry.h"

struct mqc_call {
	const mqc_method *method;
	mqci_origin origin;
	int64_t deadline;
	bool dispatched;                 /* the handler has been called */
	bool deferred;                   /* it will be finished by mqc_call_finish() */
	mqc_scratch memory;              /* the request, the reply and what the handler allocates */
	const mqc_pairs *metadata;       /* what came with the request; NULL: nothing */
	mqci_enclosed *enclosed;         /* what goes with the answer; NULL: nothing */
	mqci_call_loans loans;           /* what of it lies in the caller's shared memory */
	size_t bulk;                     /* bytes there, of request and reply */
	char text[MQCI_ERROR_TEXT_SIZE]; /* of the error, "" if the handler gave none */
	uint8_t *message;                /* room for a large payload, and how much that is */
	size_t message_size;
	struct mqci_deferrals *deferrals; /* where it is listed while deferred */
	struct mqci_hand *hand;
	struct mqc_call *next, *previous;
	atomic_uint holders; /* the handler, and whoever finishes it; the last one frees it */
	bool abandoned;      /* its server was closed */
};

/*
 * The deadline of the call that this thread is serving, or MQCI_NEVER: calls
 * that its handler makes end no later.
 */
int64_t mqci_call_inherited(void);

/* Where deferred calls are listed may be NULL: then none can be. */
mqc_call *mqci_call_new(struct mqci_deferrals *deferrals);
mqc_call *mqci_call_free(mqc_call *call);

void mqci_call_init(mqc_call *call, const mqc_method *method, const mqci_origin *origin,
		    int64_t deadline);
void mqci_call_done(mqc_call *call);

/* Memory of the call for a large payload; it is kept for the next ones. NULL: there is none. */
uint8_t *mqci_call_reserve(mqc_call *call, size_t size);

/* Set the text of the error, which has no detail so far. */
void mqci_call_say(mqc_call *call, const char *format, va_list arguments) MQC_PRINTF(2, 0);

/* What a handler returned, as a status: anything that is none is the handler's mistake. */
int mqci_call_check_result(mqc_call *call, int result);

/*
 * Run the method: unpack `size` bytes of request, dispatch, and give the reply
 * message, in memory of the call; or a status, its text in call->text. When the
 * call was deferred, it is not ours any more; MQC_OK.
 */
int mqci_call_execute(mqc_call *call, const mqci_entry *entry, const uint8_t *request, size_t size,
		      ProtobufCMessage **ret_reply);

#endif
