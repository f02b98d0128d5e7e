/*
 * client.c - the synchronous call.
 *
 * A call is packed behind its header on the stack, or, if it is too large, into
 * the client's shared memory, see region.h; sent, see send.h; and waited for, see
 * waiters.h. What surely was not executed is tried again.
 */
#include "client.h"

#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "outgoing.h"
#include "region.h"
#include "send.h"

/* Requests up to this size, with their header, are packed on the stack. */
#define SMALL_REQUEST 2048
#define SMALL_ROOM (SMALL_REQUEST - MQCI_FRAME_HEADER)

/* What was started before goes before, if it is as urgent: wait for room for it. */
static int send_started(const mqci_outgoing *outgoing, const mqci_sending *sending)
{
	mqc_client *client = outgoing->client;
	const unsigned lane = mqci_send_lane(client, outgoing->method->lane);
	int r = 1;

	while (r > 0 && mqci_outbox_flush(&client->outbox) == 0 &&
	       mqci_outbox_precedes(&client->outbox, lane, outgoing->priority))
		r = mqci_send_await_room(client, sending);
	return r;
}

/* Put a message into a queue that may have no room now, or where others go before. */
static __attribute__((__cold__, __noinline__)) int send_in_turn(const mqci_outgoing *outgoing,
								mqci_waiter *waiter,
								const mqci_queue *queue,
								const uint8_t *message, size_t size)
{
	const mqci_sending sending = {
		.queue = queue,
		.priority = outgoing->priority,
		.deadline = outgoing->room_deadline,
		.epoch = waiter->epoch,
		.cancel = outgoing->cancel,
		.waiter = waiter,
	};
	int r = 1;

	if (mqci_outbox_is_filled(&outgoing->client->outbox))
		r = send_started(outgoing, &sending);
	if (r > 0)
		r = mqci_send(outgoing->client, &sending, message, size);
	return r != 0 ? r : mqci_outgoing_fail_room(outgoing);
}

/* Put a message into the queue that is the method's. */
static int send_message(const mqci_outgoing *outgoing, mqci_waiter *waiter, const uint8_t *message,
			size_t size)
{
	const mqci_queue *queue = atomic_load_explicit(&waiter->queue, memory_order_relaxed);
	int r = 0;

	if (!mqci_outbox_is_filled(&outgoing->client->outbox))
		r = mqci_queue_send(queue, message, size, outgoing->priority);
	if (r == 0)
		r = send_in_turn(outgoing, waiter, queue, message, size);
	return r < 0 ? r : MQC_OK;
}

/* Pack the request behind the header, and send it; the queue carries it. */
static int pack_and_send(const mqci_outgoing *outgoing, mqci_waiter *waiter,
			 const mqci_frame *frame)
{
	uint8_t small[SMALL_REQUEST], *message = small;
	size_t space = mqci_frame_space(outgoing->size);
	int r;

	if (space > sizeof small) {
		message = malloc(space);
		if (message == NULL)
			return mqci_no_memory("a request");
	}
	mqci_outgoing_pack(outgoing, message + MQCI_FRAME_HEADER);
	r = send_message(outgoing, waiter, message, mqci_frame_encode(frame, message));
	if (message != small)
		free(message);
	return r;
}

/* The same for one that may be packed already, in mqc_client_call(). */
static int send_inline(const mqci_outgoing *outgoing, mqci_waiter *waiter, const mqci_frame *frame)
{
	uint8_t *message;

	if (outgoing->packed == NULL)
		return pack_and_send(outgoing, waiter, frame);
	message = outgoing->packed - MQCI_FRAME_HEADER;
	return send_message(outgoing, waiter, message, mqci_frame_encode(frame, message));
}

/*
 * Send the request of a call that has begun. With the key of the session that it
 * began in: if another thread has opened a new one meanwhile, the new server must
 * not take it, for it will be sent again.
 */
static int send_request(const mqci_outgoing *outgoing, mqci_waiter *waiter)
{
	mqc_client *client = outgoing->client;
	mqci_frame frame = mqci_outgoing_frame(outgoing, waiter->key);
	uint8_t header[MQCI_FRAME_HEADER];
	int r;

	frame.call = waiter->call;
	frame.arena = waiter->place;
	if (outgoing->lent != NULL) {
		r = mqci_loan_bind(client, waiter, outgoing->lent);
		if (r < 0)
			return r;
	}
	if (outgoing->size <= mqci_outgoing_queue_max(outgoing))
		return send_inline(outgoing, waiter, &frame);
	frame.flags |= MQCI_FRAME_ARENA;
	/* That takes a while. */
	mqci_waiters_yield(&client->waiters, waiter);
	mqci_waiters_use(&client->waiters, waiter, outgoing->size);
	r = mqci_region_pack(&client->arena, waiter, outgoing->size, mqci_outgoing_pack, outgoing);
	if (r < 0)
		return r;
	return send_message(outgoing, waiter, header, mqci_frame_encode(&frame, header));
}

/* Send a request that has no reply; what comes instead is an empty one. */
static int try_oneway(const mqci_outgoing *outgoing, mqci_answer *answer)
{
	mqc_client *client = outgoing->client;
	mqci_session_now now;
	mqci_waiter nobody;
	mqci_frame frame;
	int r;

	/* Nobody receives for us, so nobody hears a goodbye. */
	if (!mqci_waiters_session(&client->waiters, &now) ||
	    mqci_send_is_cut_off(client, now.epoch)) {
		answer->again = true;
		return mqci_outgoing_explain(
			outgoing, mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped"));
	}
	r = mqci_outgoing_unpack(outgoing, (const uint8_t *)"", 0, answer);
	if (r < 0)
		return r;
	frame = mqci_outgoing_frame(outgoing, now.key);
	frame.flags |= MQCI_FRAME_ONEWAY;
	mqci_departed_tell(client->self, &frame);
	mqci_waiter_init(&nobody);
	nobody.epoch = now.epoch;
	nobody.queue = mqci_send_queue(client, outgoing->method->lane);
	r = send_inline(outgoing, &nobody, &frame);
	if (r == MQC_OK)
		return MQC_OK;
	protobuf_c_message_free_unpacked(answer->reply, answer->allocator);
	answer->again = r == MQC_UNAVAILABLE;
	return answer->again || r == MQC_CANCELLED ? mqci_outgoing_explain(outgoing, r) : r;
}

/* Send the request and wait for the reply, once. */
static int do_call(const mqci_outgoing *outgoing, mqci_waiter *waiter, mqci_answer *answer)
{
	const mqci_times times = {
		.now = outgoing->begun,
		.turn = outgoing->room_deadline,
		.deadline = outgoing->deadline,
	};
	mqc_client *client = outgoing->client;
	int r;

	r = mqci_waiters_begin(&client->waiters, waiter, &times);
	if (r < 0) {
		answer->again = r == MQC_UNAVAILABLE;
		return mqci_outgoing_explain(outgoing, r);
	}
	atomic_store_explicit(&waiter->queue, mqci_send_queue(client, outgoing->method->lane),
			      memory_order_relaxed);
	r = send_request(outgoing, waiter);
	if (r < 0) {
		mqci_waiters_undo(&client->waiters, waiter);
		answer->again = r == MQC_UNAVAILABLE;
		return answer->again || r == MQC_CANCELLED ? mqci_outgoing_explain(outgoing, r) : r;
	}
	r = mqci_waiters_await(&client->waiters, waiter);
	if (r < 0) {
		answer->again =
			mqci_outgoing_may_repeat(outgoing, r, mqc_error_last()->maybe_executed);
		return mqci_outgoing_explain(outgoing, r);
	}
	r = mqci_outgoing_take_reply(outgoing, waiter, answer);
	mqci_waiters_finish(&client->waiters, waiter);
	return r;
}

static int try_call(const mqci_outgoing *outgoing, mqci_answer *answer)
{
	mqci_client_wait wait;
	int r;

	mqci_client_wait_begin(&wait, outgoing->client, outgoing->cancel);
	r = do_call(outgoing, &wait.waiter, answer);
	mqci_client_wait_end(&wait);
	return r;
}

/* Get ready to try once more: with a new session if the old one is over, else after a pause. */
static int recover(const mqci_outgoing *outgoing, int64_t pause)
{
	mqc_client *client = outgoing->client;
	mqci_session_now now;
	int r = MQC_UNAVAILABLE;

	if (!mqci_waiters_session(&client->waiters, &now))
		r = mqci_client_reconnect(client, outgoing->deadline, outgoing->cancel);
	if (r != MQC_UNAVAILABLE)
		return r;
	pause += mqci_clock_now();
	if (pause >= outgoing->deadline)
		return MQC_UNAVAILABLE;
	mqci_cancel_sleep(outgoing->cancel, pause);
	return MQC_OK;
}

/* What came with the answer to a former try does not belong to the next one. */
static void drop_metadata(const mqci_outgoing *outgoing)
{
	mqc_pairs **pairs = outgoing->ret_metadata;

	if (pairs == NULL)
		return;
	free(*pairs);
	*pairs = NULL;
}

/* Try once, and say whether another time would do no harm. */
static int try_once(const mqci_outgoing *outgoing, mqci_answer *answer)
{
	int r;

	answer->again = false;
	if (mqci_cancel_is_requested(outgoing->cancel))
		return mqci_outgoing_explain(outgoing, mqci_fail(MQC_CANCELLED, 0, "cancelled"));
	r = mqci_outgoing_check_size(outgoing, answer);
	if (r < 0)
		return r;
	return outgoing->method->flags & MQC_METHOD_ONEWAY ? try_oneway(outgoing, answer)
							   : try_call(outgoing, answer);
}

/* What a call has been through that is made again. */
struct tries {
	int64_t pause; /* before the next */
	bool executed; /* one may have been */
};

/*
 * A try has failed: get ready for another one, as long as that does no harm and there is time.
 * Else the status of the call.
 */
static __attribute__((__cold__, __noinline__)) int
try_again(mqci_outgoing *outgoing, const mqci_answer *answer, struct tries *tries)
{
	mqci_saved_error error;
	int r;

	mqci_error_save(&error);
	tries->executed = tries->executed || error.error.maybe_executed;
	error.error.maybe_executed = tries->executed;
	if (!answer->again)
		return mqci_error_restore(&error);
	tries->pause = mqci_clock_longer_pause(tries->pause, MQCI_FIRST_PAUSE, MQCI_LONGEST_PAUSE);
	r = recover(outgoing, tries->pause);
	/* Somebody else has the endpoint now: that is worth more than why we looked. */
	if (r == MQC_PERMISSION_DENIED)
		return tries->executed ? mqci_maybe_executed() : r;
	/* If it is cancelled meanwhile, that is what the next try tells. */
	if (r < 0 && !mqci_cancel_is_requested(outgoing->cancel))
		return mqci_error_restore(&error);
	outgoing->begun = mqci_clock_now();
	drop_metadata(outgoing);
	return MQC_OK;
}

int mqc_client_call(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		    const ProtobufCMessage *request, ProtobufCAllocator *allocator,
		    ProtobufCMessage **ret_reply)
{
	const mqci_wanted_call wanted = {
		.method = method,
		.options = options != NULL ? options : &mqci_outgoing_defaults,
		.request = request,
	};
	mqci_answer answer = {.allocator = allocator};
	uint8_t small[SMALL_REQUEST];
	struct tries tries = {0};
	mqci_outgoing outgoing;
	int r;

	if (wanted.options->ret_metadata != NULL)
		*wanted.options->ret_metadata = NULL;
	r = mqci_outgoing_prepare(client, &wanted, small + MQCI_FRAME_HEADER, SMALL_ROOM,
				  &outgoing);
	if (r < 0)
		return r;
	while ((r = try_once(&outgoing, &answer)) < 0) {
		r = try_again(&outgoing, &answer, &tries);
		if (r < 0)
			break;
	}
	if (outgoing.lent != NULL)
		mqci_loan_free(client, outgoing.lent);
	if (r == MQC_OK)
		*ret_reply = answer.reply;
	return r;
}
