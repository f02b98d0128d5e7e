/*
 * loan.h - bytes of messages that cross without a copy: those that lie in memory that was lent.
 *
 * Only fields of the message itself count, of type bytes and not repeated; those of
 * messages within it are copied, as are small ones, for which that is cheaper.
 */
#ifndef MQCI_LOAN_H
#define MQCI_LOAN_H

#include <mqcall/mqcall.h>

#include "reference.h"
#include "waiters.h"

/* Fewer bytes are copied. */
#define MQCI_LOAN_WORTH 256

/* A message, and what is sent instead of it: references, and the message without those bytes. */
typedef struct mqci_lent {
	mqci_references references;
	max_align_t message[];
} mqci_lent;

static inline const ProtobufCMessage *mqci_lent_message(const mqci_lent *lent)
{
	return (const ProtobufCMessage *)(const void *)lent->message;
}

/* The bytes in front of the payload. */
static inline size_t mqci_lent_space(const mqci_lent *lent)
{
	return lent != NULL ? mqci_references_space(lent->references.n) : 0;
}

/* Whether these bytes lie in memory that can be referred to, and at what offset. */
typedef bool (*mqci_loan_find)(void *data, const void *memory, size_t size, uint64_t *ret_offset);

/*
 * Make of a message one with references, to be freed; NULL: there is nothing to
 * refer to, or no memory, so that all is copied.
 */
mqci_lent *mqci_loan_lend(const ProtobufCMessage *message, mqci_loan_find find, void *data);

/* Get the bytes of a reference: a status, or where they are. */
typedef int (*mqci_loan_get)(void *data, const mqci_reference *reference, uint8_t **ret_memory);

/*
 * Put the bytes into a message that came without them. A field that the message
 * does not have is left out, as unknown ones are. MQC_INTERNAL: a field cannot
 * have any; others: as `get` says.
 */
int mqci_loan_attach(const mqci_references *references, ProtobufCMessage *message,
		     mqci_loan_get get, void *data);

/* ------------------------------------------------------------- callers -- */

/* Make client->loans. */
void mqci_loan_init(mqc_client *client);

/*
 * What of a request can be referred to, where something is lent; NULL: nothing.
 * It is held, whatever the program returns, until it is dropped.
 */
mqci_lent *mqci_loan_of_request(mqc_client *client, const ProtobufCMessage *request);
void mqci_loan_drop(mqc_client *client, const mqci_lent *lent);
void mqci_loan_free(mqc_client *client, mqci_lent *lent); /* ... and freed */

/* The call is going to refer to that: it is there until the call is over, too. */
int mqci_loan_bind(mqc_client *client, mqci_waiter *waiter, const mqci_lent *lent);

/*
 * Put the bytes of references into the reply of a call, which was sent with `lent`,
 * or NULL. Where they lie, if that is wanted by its allocator; else copies.
 */
int mqci_loan_of_reply(mqc_client *client, const mqci_waiter *waiter, const mqci_lent *lent,
		       const mqci_references *references, ProtobufCAllocator *allocator,
		       ProtobufCMessage *reply);

/* ------------------------------------------------------------- servers -- */

/* What a server's call has of its caller's shared memory. */
typedef struct mqci_call_loans {
	const mqci_references *request; /* what the request refers to, or NULL; and where it is */
	uint8_t *at[MQCI_REFERENCES_MAX];
	uint8_t *room;   /* where the handler has memory for the reply; NULL: it has none */
	size_t used;     /* bytes of that; where the reply itself can lie is behind them */
	size_t referred; /* ... that the reply refers to, from the beginning on */
} mqci_call_loans;

/* Take the block of references off a request that has one. The text of a failure is in the call. */
int mqci_loan_receive(mqc_call *call, mqci_frame *request, size_t payload_max);

/* Put the bytes that a request refers to into its message. */
int mqci_loan_open(mqc_call *call, ProtobufCMessage *request);

/* What of a reply can be referred to; NULL: nothing. */
mqci_lent *mqci_loan_answer(mqc_call *call, const ProtobufCMessage *reply);

/*
 * Before an answer is sent that does not lie there itself: give back the memory
 * for the reply that it does not refer to.
 */
void mqci_loan_give_back(mqc_call *call);

#endif
