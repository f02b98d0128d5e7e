/*
 * outgoing.h - a call of a client's, whichever way it is sent and waited for.
 */
#ifndef MQCI_OUTGOING_H
#define MQCI_OUTGOING_H

#include <unistd.h>

#include "client.h"
#include "loan.h"
#include "send.h"

typedef struct mqci_outgoing {
	mqc_client *client;
	const mqc_method *method;
	const ProtobufCMessage *request; /* borrowed, as are the options */
	const mqc_call_options *options;
	uint8_t *packed; /* the request, if it is packed already; else NULL */
	mqci_lent *lent; /* what the request refers to; then that is sent instead; or NULL */
	size_t extras;   /* of the block of metadata that goes with it; 0: none */
	size_t size;     /* of that, the block of references and the packed request */
	int timeout_ms;
	int64_t begun; /* when it was prepared */
	int64_t deadline;
	int64_t room_deadline; /* for waiting for room: 0 if that is not wanted */
	unsigned priority;
	mqc_cancel *cancel;
	mqc_pairs **ret_metadata;
} mqci_outgoing;

/* What came of a try. */
typedef struct mqci_answer {
	ProtobufCAllocator *allocator;
	ProtobufCMessage *reply;
	bool again; /* it failed, and can do no harm if it is tried again */
} mqci_answer;

/* The options of a call for which there are none. */
extern const mqc_call_options mqci_outgoing_defaults;

/* What somebody wants to be called, and how. */
typedef struct mqci_wanted_call {
	const mqc_method *method;
	const mqc_call_options *options; /* not NULL */
	const ProtobufCMessage *request;
} mqci_wanted_call;

/*
 * Check a call and measure it; or pack it at once, if it is small, into `room` bytes
 * at `to`. To be dropped and freed: lent.
 */
int mqci_outgoing_prepare(mqc_client *client, const mqci_wanted_call *wanted, uint8_t *to,
			  size_t room, mqci_outgoing *ret_outgoing);

/* What a request says, without what differs between ways to send it. */
static inline mqci_frame mqci_outgoing_frame(const mqci_outgoing *outgoing, uint64_t key)
{
	const mqc_client *client = outgoing->client;

	return (mqci_frame){
		.type = MQCI_REQUEST,
		.flags = (outgoing->extras > 0 ? MQCI_FRAME_EXTRAS : 0) |
			 (outgoing->lent != NULL ? MQCI_FRAME_REFERS : 0),
		.cpu = mqci_spin_cpu(&client->waiters.spin),
		.thread = client->lend_priority ? (uint32_t)gettid() : 0,
		.session = client->session,
		.key = key,
		.code = outgoing->method->id,
		.deadline = outgoing->deadline,
		.size = outgoing->size,
	};
}

/* Pack the request, and what goes with it in front, as outgoing->size bytes. */
void mqci_outgoing_pack(const void *outgoing, uint8_t *to);

/* The largest payload that the queue takes which is the method's. */
static inline size_t mqci_outgoing_queue_max(const mqci_outgoing *outgoing)
{
	const mqc_client *client = outgoing->client;

	return mqci_send_lane(client, outgoing->method->lane) == 0 ? client->request_max
								   : client->lane_max;
}

/* Whether a request of this size can be carried; a new server may take another one. */
int mqci_outgoing_check_large(const mqci_outgoing *outgoing, mqci_answer *answer);
static inline int mqci_outgoing_check_size(const mqci_outgoing *outgoing, mqci_answer *answer)
{
	return outgoing->size <= mqci_outgoing_queue_max(outgoing)
		       ? MQC_OK
		       : mqci_outgoing_check_large(outgoing, answer);
}

/* Say more of the last error than that the time is over, or the server gone: of what call. */
int mqci_outgoing_explain(const mqci_outgoing *outgoing, int status);

/* The error of a call for which the client's window has no room, and which is not to wait. */
int mqci_outgoing_fail_window(const mqci_outgoing *outgoing);

/* The error of a call for which the server's queue has no room. */
int mqci_outgoing_fail_room(const mqci_outgoing *outgoing);

/* Whether a call that failed so may be made again. */
bool mqci_outgoing_may_repeat(const mqci_outgoing *outgoing, int status, bool maybe_executed);

/*
 * Whether a reply says that the call was not executed, as its server is gone, and
 * may be made again; what a handler says itself is no such reply.
 */
bool mqci_outgoing_was_refused(const mqci_outgoing *outgoing, const mqci_frame *reply);

/* Make a message of the bytes of a reply. */
int mqci_outgoing_unpack(const mqci_outgoing *outgoing, const uint8_t *bytes, size_t size,
			 mqci_answer *answer);

/* Make of a reply that has come what the caller gets. */
int mqci_outgoing_take_reply(const mqci_outgoing *outgoing, mqci_waiter *waiter,
			     mqci_answer *answer);

#endif
