/*
 * pending.c - the asynchronous calls of a client.
 *
 * A call that is started has a slot, and a request that lies in the outbox or in
 * the server's queue. What becomes of it stirs its waiter, see waiters.h; whoever
 * is in mqc_client_process() or in one of the functions that wait settles those
 * that are stirred. A call that can do no harm if it is made again has no slot
 * for a while, and its request is kept until it has an answer.
 */
#include "pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "error.h"
#include "outgoing.h"
#include "region.h"
#include "sanitizer.h"
#include "send.h"

/* Requests up to this size are kept in the call itself. */
#define SMALL_REQUEST 128

/* Who has so many calls under way, and begins another, is about to wait for some of them. */
#define CROWD 32

/*
 * So many calls at most stay for others when they have been finished. malloc() would give the
 * memory of many that are finished at once back to the kernel, and fetch it again for the next.
 */
#if MQCI_ADDRESS_SANITIZER
#define SPARES 0 /* who uses one that has been finished is to be found out */
#else
#define SPARES 1024
#endif

/* Messages that are received at a time, before what they brought is looked at. */
#define MESSAGES_AT_ONCE 16

typedef enum pending_state {
	STARTING,  /* its thread waits for room, and sees to it */
	UNDER_WAY, /* it has a slot */
	AGAIN,     /* it is to be sent again */
	OVER       /* it has a reply, or an error */
} pending_state;

struct mqc_pending {
	mqci_outgoing outgoing; /* without the request and the options, which were borrowed */
	_Atomic pending_state state;
	mqc_ended ended;
	void *data;
	mqci_saved_error *error; /* NULL: it has a reply, or there was no memory for it */
	int status;
	atomic_bool cancelled;
	bool executed;   /* by a try before, perhaps */
	uint64_t number; /* the client's calls are numbered as they are started */
	uint64_t parcel; /* that its request was last in */
	int64_t again_at, pause;
	mqci_cancel_link link;
	struct mqc_pending *next, **listed; /* in `again` or `ended`; NULL: in none, or spare */
	uint8_t *request;                   /* packed */
	/* Not set before they are used. */
	mqci_waiter waiter;
	uint8_t small[SMALL_REQUEST];
};

/* A client whose functions this thread is calling; those of others may call ours. */
typedef struct mqci_calling {
	const mqc_client *client;
	mqc_pending *_Atomic pending; /* whose function it is; NULL when that is freed */
	struct mqci_calling *outer;
	struct mqci_calling *next; /* of the client's */
} calling;

static _Thread_local calling *innermost;

/* Whether this thread is in a function of the client's. */
static bool is_calling(const mqc_client *client)
{
	const calling *at = innermost;

	while (at != NULL && at->client != client)
		at = at->outer;
	return at != NULL;
}

int mqci_pendings_init(mqci_pendings *pendings)
{
	int r;

	pendings->ended_link = &pendings->ended;
	atomic_store(&pendings->references, 1);
	r = pthread_mutex_init(&pendings->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	r = mqci_clock_condition(&pendings->called);
	if (r < 0)
		(void)pthread_mutex_destroy(&pendings->lock);
	return r;
}

void mqci_pendings_done(mqci_pendings *pendings)
{
	(void)pthread_cond_destroy(&pendings->called);
	(void)pthread_mutex_destroy(&pendings->lock);
}

static mqc_pending *pending_of(mqci_waiter *waiter)
{
	return (mqc_pending *)(void *)((char *)waiter - offsetof(mqc_pending, waiter));
}

static mqc_client *client_of(const mqc_pending *pending)
{
	return pending->outgoing.client;
}

/* ------------------------------------------------------------- the lists -- */

/* The first of those to be sent again was started after it, or the last one before, mostly. */
static void list_again(mqci_pendings *pendings, mqc_pending *pending)
{
	mqc_pending **at = &pendings->again;

	if (pendings->again_last != NULL && pendings->again_last->number < pending->number)
		at = &pendings->again_last->next;
	while (*at != NULL && (*at)->number < pending->number)
		at = &(*at)->next;
	pending->next = *at;
	pending->listed = at;
	if (pending->next != NULL)
		pending->next->listed = &pending->next;
	else
		pendings->again_last = pending;
	*at = pending;
}

static void list_ended(mqci_pendings *pendings, mqc_pending *pending)
{
	pending->next = NULL;
	pending->listed = pendings->ended_link;
	*pendings->ended_link = pending;
	pendings->ended_link = &pending->next;
}

/* The one whose `next` this is. */
static mqc_pending *listed_before(mqc_pending **next)
{
	return (mqc_pending *)(void *)((char *)next - offsetof(mqc_pending, next));
}

static void unlist(mqci_pendings *pendings, mqc_pending *pending)
{
	if (pending->listed == NULL)
		return;
	*pending->listed = pending->next;
	if (pending->next != NULL)
		pending->next->listed = pending->listed;
	else if (pendings->ended_link == &pending->next)
		pendings->ended_link = pending->listed;
	else
		pendings->again_last =
			pending->listed == &pendings->again ? NULL : listed_before(pending->listed);
	pending->listed = NULL;
}

/* --------------------------------------------------------- their endings -- */

/* It has what it will ever have; its function is to be called. */
static void end(mqc_pending *pending)
{
	mqci_pendings *pendings = &client_of(pending)->pendings;

	mqci_cancel_detach(pending->outgoing.cancel, &pending->link);
	if (pending->ended != NULL)
		list_ended(pendings, pending);
	/* From now on another thread may finish it, and free it. */
	atomic_store_explicit(&pending->state, OVER, memory_order_release);
}

/* Nobody needs its reply, or its try, any more. */
static void finish_waiter(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);

	if (client->closed)
		free(pending->waiter.copy);
	else
		mqci_waiters_finish(&client->waiters, &pending->waiter);
}

/* The last error is what it ends with; say of what call. */
static void fail(mqc_pending *pending, int status)
{
	pending->status = mqci_outgoing_explain(&pending->outgoing, status);
	pending->executed = pending->executed || mqc_error_last()->maybe_executed;
	pending->error = malloc(sizeof *pending->error);
	if (pending->error != NULL)
		mqci_error_save(pending->error);
	end(pending);
}

/* It is made again before long. */
static void repeat(mqc_pending *pending, int64_t now)
{
	pending->pause =
		mqci_clock_longer_pause(pending->pause, MQCI_FIRST_PAUSE, MQCI_LONGEST_PAUSE);
	pending->again_at = now + pending->pause;
	atomic_store(&pending->state, AGAIN);
	list_again(&client_of(pending)->pendings, pending);
}

/* The last try failed so; whether that is its end. */
static bool settle_failed(mqc_pending *pending, int status, int64_t now)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	bool executed = mqc_error_last()->maybe_executed;

	if (!mqci_outgoing_may_repeat(outgoing, status, executed) ||
	    atomic_load(&pending->cancelled) || now >= outgoing->deadline) {
		fail(pending, status);
		return true;
	}
	pending->executed = pending->executed || executed;
	repeat(pending, now);
	return false;
}

static bool settle_replied(mqc_pending *pending, int64_t now)
{
	if (!mqci_outgoing_was_refused(&pending->outgoing, &pending->waiter.reply) ||
	    now >= pending->outgoing.deadline) {
		end(pending);
		return true;
	}
	if (!(pending->waiter.reply.flags & MQCI_FRAME_NOT_EXECUTED))
		pending->executed = true;
	finish_waiter(pending);
	repeat(pending, now);
	return false;
}

/* Whether it is over, or to be made again, after all. */
static bool settle(mqc_pending *pending, int64_t now)
{
	mqc_client *client = client_of(pending);
	mqci_waiter *waiter = &pending->waiter;
	bool unsent;
	int r;

	/* Whoever starts it sees to that. */
	if (atomic_load_explicit(&pending->state, memory_order_relaxed) != UNDER_WAY)
		return false;
	r = waiter->settled ? 1 : mqci_waiters_look(&client->waiters, waiter, now);
	if (r < 0) {
		unsent = mqci_outbox_withdraw(&client->outbox, pending->parcel, waiter->call);
		r = mqci_waiters_abandon(&client->waiters, waiter, r, unsent);
	}
	if (r > 0)
		return settle_replied(pending, now);
	return r < 0 && settle_failed(pending, r, now);
}

/* ------------------------------------------------------------ their ways -- */

static void copy_request(const void *data, uint8_t *to)
{
	const mqc_pending *pending = data;

	memcpy(to, pending->request, pending->outgoing.size);
}

/* Put the request of a call that has a slot on its way. */
static int post(mqc_pending *pending)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	mqci_frame frame = mqci_outgoing_frame(outgoing, pending->waiter.key);
	mqc_client *client = outgoing->client;
	const mqci_posting posting = {
		.lane = mqci_send_lane(client, outgoing->method->lane),
		.queue = mqci_send_queue(client, outgoing->method->lane),
		.priority = outgoing->priority,
		.gather = pending->waiter.crowd >= CROWD || is_calling(client),
	};
	int r = MQC_OK;

	atomic_store_explicit(&pending->waiter.queue, posting.queue, memory_order_relaxed);
	frame.call = pending->waiter.call;
	frame.arena = pending->waiter.place;
	frame.payload = pending->request;
	if (outgoing->lent != NULL)
		r = mqci_loan_bind(client, &pending->waiter, outgoing->lent);
	if (r == MQC_OK && outgoing->size > mqci_outgoing_queue_max(outgoing)) {
		frame.flags |= MQCI_FRAME_ARENA;
		mqci_waiters_use(&client->waiters, &pending->waiter, outgoing->size);
		r = mqci_region_pack(&client->arena, &pending->waiter, outgoing->size, copy_request,
				     pending);
	}
	return r < 0 ? r : mqci_outbox_post(&client->outbox, &posting, &frame, &pending->parcel);
}

/* Begin without waiting: 1, 0 if there is no slot, or a status. */
static int try_to_start(mqc_pending *pending, int64_t now)
{
	mqc_client *client = client_of(pending);
	const mqci_times times = {
		.now = now,
		.deadline = pending->outgoing.deadline,
		.apart = true,
		.at_once = true,
		.again = atomic_load(&pending->state) == AGAIN,
	};
	mqci_waiter *waiter = &pending->waiter;
	int r;

	/* What a try before has left in it is over. */
	if (times.again)
		mqci_waiters_renew(&client->waiters, waiter);
	r = mqci_waiters_begin(&client->waiters, waiter, &times);
	if (r != MQC_OK)
		return r > 0 ? 0 : r;
	r = post(pending);
	if (r < 0) {
		mqci_waiters_undo(&client->waiters, waiter);
		return r;
	}
	atomic_store_explicit(&pending->state, UNDER_WAY, memory_order_relaxed);
	return 1;
}

/*
 * There is no session, for this reason: 0, there may be one soon; or a status. That
 * somebody else has the endpoint now is worth more than why we looked.
 */
static int fail_unjoined(int joined)
{
	if (joined == MQC_UNAVAILABLE)
		return 0;
	return joined == MQC_PERMISSION_DENIED
		       ? joined
		       : mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
}

/* A turn of making calls again. */
typedef struct again_turn {
	int64_t now;
	int joined;                 /* MQC_OK: there is a session; or why not */
	uint32_t stays[MQCI_LANES]; /* the priorities of which one has to wait, a bit each */
} again_turn;

/* Queues know 32 priorities. */
static uint32_t bit_of(const mqci_outgoing *outgoing)
{
	return UINT32_C(1) << (outgoing->priority & 31);
}

/* Start it, if it is time for it, and for those before it: as try_to_start(). */
static int try_again(mqc_pending *pending, const again_turn *turn)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	const unsigned lane = mqci_send_lane(outgoing->client, outgoing->method->lane);

	if (atomic_load(&pending->cancelled))
		return mqci_fail(MQC_CANCELLED, 0, "cancelled");
	if (outgoing->deadline <= turn->now)
		return mqci_fail(MQC_UNAVAILABLE, 0,
				 turn->joined < 0 ? "the server has stopped"
						  : "the server did not take it in time");
	if (turn->joined < 0)
		return fail_unjoined(turn->joined);
	if (pending->again_at > turn->now || turn->stays[lane] & bit_of(outgoing))
		return 0;
	return try_to_start(pending, turn->now);
}

/* It has to wait: those that were started after it, and are as urgent, must not overtake it. */
static void let_wait(const mqc_pending *pending, again_turn *turn)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	const unsigned lane = mqci_send_lane(outgoing->client, outgoing->method->lane);

	turn->stays[lane] |= bit_of(outgoing);
}

/* See to those that are to be made again, as far as it is time: how many have ended. */
static int start_again(mqc_client *client, int64_t now)
{
	mqci_pendings *pendings = &client->pendings;
	again_turn turn = {.now = now};
	mqc_pending *pending, *next;
	mqci_session_now session;
	int count = 0, r;
	bool ended;

	if (pendings->again == NULL)
		return 0;
	if (!mqci_waiters_session(&client->waiters, &session))
		turn.joined = mqci_client_rejoin(client, now);
	for (pending = pendings->again; pending != NULL; pending = next) {
		next = pending->next;
		r = try_again(pending, &turn);
		if (r != 0)
			unlist(pendings, pending);
		ended = r < 0;
		if (r < 0 && turn.joined < 0)
			fail(pending, r);
		else if (r < 0)
			ended = settle_failed(pending, r, now);
		if (r <= 0 && !ended)
			let_wait(pending, &turn);
		count += ended;
	}
	if (pendings->again == NULL)
		mqci_waiters_forgo(&client->waiters);
	return count;
}

int64_t mqci_pendings_next(mqc_client *client, int64_t now)
{
	mqci_pendings *pendings = &client->pendings;
	mqci_session_now session;
	int64_t next = MQCI_NEVER, at = 0;
	bool joined;

	(void)pthread_mutex_lock(&pendings->lock);
	if (pendings->ended != NULL && !is_calling(client))
		next = now;
	joined = pendings->again == NULL || mqci_waiters_session(&client->waiters, &session);
	if (!joined)
		at = mqci_client_rejoins_at(client);
	for (const mqc_pending *pending = pendings->again; pending != NULL;
	     pending = pending->next) {
		if (joined)
			at = pending->again_at;
		if (at <= now)
			at = now + MQCI_FIRST_PAUSE;
		next = at < next ? at : next;
		next = pending->outgoing.deadline < next ? pending->outgoing.deadline : next;
	}
	(void)pthread_mutex_unlock(&pendings->lock);
	return next;
}

void mqci_pendings_sleep(mqci_pendings *pendings, int64_t until)
{
	(void)pthread_mutex_lock(&pendings->lock);
	pendings->asleep_by = &innermost;
	pendings->asleep_until = until;
	(void)pthread_mutex_unlock(&pendings->lock);
}

/* A call has begun that nobody sees to in time, as the loop sleeps, on another thread. */
static bool must_wake_loop(mqc_client *client, int64_t now)
{
	const mqci_pendings *pendings = &client->pendings;

	return client->own_loop && pendings->asleep_by != NULL &&
	       pendings->asleep_by != &innermost &&
	       mqci_waiters_next(&client->waiters, now) < pendings->asleep_until;
}

/* ---------------------------------------------------------- looking after -- */

/* Settle one that was stirred, or, being settled, those behind it, too: how many have ended. */
static int settle_these(mqc_client *client, mqci_waiter *waiter, bool settled, int64_t now)
{
	mqci_waiter *next;
	int count = 0;

	for (; waiter != NULL; waiter = next) {
		/* When it has ended, another thread may free it. */
		next = settled ? waiter->next_in_line : NULL;
		if (waiter == &client->rejoin.waiter)
			(void)mqci_client_rejoin(client, now);
		else
			count += settle(pending_of(waiter), now);
	}
	return count;
}

/*
 * Settle what is stirred, and make again what is to be: how many have ended. Whether
 * functions are to be called.
 */
static int settle_all(mqc_client *client, bool *ret_ended)
{
	mqci_pendings *pendings = &client->pendings;
	mqci_waiter *waiter;
	int64_t now = mqci_clock_now();
	bool settled;
	int count = 0;

	(void)pthread_mutex_lock(&pendings->lock);
	while ((waiter = mqci_waiters_next_stirred(&client->waiters, &settled)) != NULL)
		count += settle_these(client, waiter, settled, now);
	count += start_again(client, now);
	*ret_ended = pendings->ended != NULL;
	if (pendings->again != NULL)
		mqci_waiters_notify_soon(&client->waiters);
	(void)pthread_mutex_unlock(&pendings->lock);
	return count;
}

/* The next one, NULL at the end, when this thread is no longer in the function of the last. */
static mqc_pending *next_ended(mqci_pendings *pendings, calling *self)
{
	mqc_pending *first;

	(void)pthread_mutex_lock(&pendings->lock);
	if (self->pending != NULL)
		(void)pthread_cond_broadcast(&pendings->called);
	first = mqci_pendings_closing(pendings) ? NULL : pendings->ended;
	self->pending = first;
	if (first != NULL)
		unlist(pendings, first);
	(void)pthread_mutex_unlock(&pendings->lock);
	return first;
}

static void enter_functions(mqci_pendings *pendings, calling *self)
{
	(void)pthread_mutex_lock(&pendings->lock);
	self->next = pendings->callings;
	pendings->callings = self;
	(void)pthread_mutex_unlock(&pendings->lock);
	innermost = self;
}

static void leave_functions(mqci_pendings *pendings, const calling *self)
{
	calling **link = &pendings->callings;

	innermost = self->outer;
	(void)pthread_mutex_lock(&pendings->lock);
	while (*link != self)
		link = &(*link)->next;
	*link = self->next;
	(void)pthread_mutex_unlock(&pendings->lock);
}

/* Call the functions of the calls that have ended; not from within another one. */
static void call_functions(mqc_client *client)
{
	mqci_pendings *pendings = &client->pendings;
	calling self = {.client = client, .outer = innermost};
	mqc_pending *pending;

	if (is_calling(client))
		return;
	enter_functions(pendings, &self);
	while ((pending = next_ended(pendings, &self)) != NULL)
		pending->ended(pending, pending->data);
	leave_functions(pendings, &self);
}

/* Do what else the watchdog would do, if it is time. */
static void tend(mqc_client *client, int64_t now)
{
	if (mqci_waiters_next(&client->waiters, now) <= now)
		(void)mqci_waiters_tend(&client->waiters, now);
}

int mqci_pendings_process(mqc_client *client)
{
	mqci_saved_error error;
	bool ended;
	int r, count;

	(void)mqci_outbox_push(&client->outbox);
	if (client->own_loop)
		tend(client, mqci_clock_now());
	r = mqci_waiters_drain(&client->waiters, MESSAGES_AT_ONCE);
	if (r < 0)
		mqci_error_save(&error);
	count = settle_all(client, &ended);
	if (count > 0 && mqci_pendings_crowded(&client->pendings))
		mqci_waiters_alarm(&client->waiters);
	if (ended)
		call_functions(client);
	(void)mqci_outbox_push(&client->outbox);
	return r < 0 ? mqci_error_restore(&error) : count;
}

/*
 * From here to leave() the client is not closed. If it is being closed, it is so first.
 * Who calls a function of the client's stays until that returns, and sees to what it does.
 */
static void enter(mqc_client *client)
{
	mqci_pendings *pendings = &client->pendings;

	if (is_calling(client))
		return;
	if (!(atomic_fetch_add(&pendings->visitors, 1) & MQCI_NO_VISITORS))
		return;
	(void)pthread_mutex_lock(&pendings->lock);
	while (!client->closed)
		(void)pthread_cond_wait(&pendings->called, &pendings->lock);
	(void)pthread_mutex_unlock(&pendings->lock);
}

static void close_left(mqc_client *client)
{
	mqci_saved_error error;

	mqci_error_save(&error);
	mqci_client_shut_down(client);
	(void)mqci_error_restore(&error);
}

/*
 * What a function that was called has closed goes when all have left. Whoever does not
 * leave as the last one must not look at the client any more.
 */
static void leave(mqc_client *client)
{
	mqci_pendings *pendings = &client->pendings;
	unsigned seen, left;

	if (is_calling(client))
		return;
	seen = atomic_load(&pendings->visitors);
	do
		left = seen == (MQCI_CLOSING | 1) ? MQCI_CLOSING | MQCI_NO_VISITORS : seen - 1;
	while (!atomic_compare_exchange_weak(&pendings->visitors, &seen, left));
	if (seen == (MQCI_CLOSING | 1))
		close_left(client);
}

int mqc_client_process(mqc_client *client)
{
	int r;

	if (client->disowned)
		return mqci_client_fail_disowned(client, "mqc_client_process");
	enter(client);
	r = mqci_pendings_process(client);
	leave(client);
	return r;
}

int mqc_client_flush(mqc_client *client)
{
	int r;

	if (client->disowned)
		return mqci_client_fail_disowned(client, "mqc_client_flush");
	r = mqci_outbox_flush(&client->outbox);
	return r < 0 ? r : MQC_OK;
}

/* Who goes away leaves to others what is still to be done in time. */
void mqci_pendings_pass_on(mqc_client *client)
{
	bool any;

	(void)pthread_mutex_lock(&client->pendings.lock);
	any = client->pendings.again != NULL ||
	      (client->pendings.ended != NULL && !is_calling(client));
	(void)pthread_mutex_unlock(&client->pendings.lock);
	if (any)
		mqci_waiters_alarm(&client->waiters);
}

/*
 * Look after the calls until `is_done` says so: MQC_OK; MQC_DEADLINE_EXCEEDED,
 * without an error recorded; or what makes it impossible.
 */
static int look_until(mqc_client *client, bool (*is_done)(const void *data), const void *data,
		      int64_t deadline)
{
	int64_t now, until, room;
	unsigned alarms;
	int r;

	for (;;) {
		alarms = mqci_waiters_alarms(&client->waiters);
		r = mqci_pendings_process(client);
		/* The program's loop may wait for what we have seen to. */
		if (r > 0 && atomic_load(&client->loop) >= 0)
			mqci_waiters_alarm(&client->waiters);
		if (is_done(data) || mqci_pendings_closing(&client->pendings))
			return MQC_OK;
		/* That another process is told of our messages does not keep us from anything. */
		if (r < 0 && r != MQC_ALREADY_EXISTS)
			return r;
		now = mqci_clock_now();
		if (deadline <= now)
			return MQC_DEADLINE_EXCEEDED;
		until = mqci_pendings_next(client, now);
		room = mqci_outbox_next(&client->outbox, now);
		until = room < until ? room : until;
		r = mqci_waiters_watch(&client->waiters, alarms,
				       until < deadline ? until : deadline);
		if (r < 0)
			return r;
	}
}

static int look_after(mqc_client *client, bool (*is_done)(const void *data), const void *data,
		      int64_t deadline)
{
	int r = look_until(client, is_done, data, deadline);

	mqci_pendings_pass_on(client);
	return r;
}

/* ------------------------------------------------------------- starting -- */

/* The client is not closed meanwhile. */
static void cancel(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);

	if (mqc_pending_is_over(pending))
		return;
	atomic_store(&pending->cancelled, true);
	mqci_waiters_cancel(&client->waiters, &pending->waiter);
	mqci_waiters_alarm(&client->waiters);
}

/* Who closes the client waits for this, to take the call off the list it is in. */
static void cancel_linked(mqci_cancel_link *link)
{
	mqc_pending *pending = (mqc_pending *)(void *)((char *)link - offsetof(mqc_pending, link));

	if (!client_of(pending)->disowned)
		cancel(pending);
}

/* What it refers to is given back, unless that has gone with the client. */
static void drop_loan(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);

	if (pending->outgoing.lent != NULL && !client->closed)
		mqci_loan_drop(client, pending->outgoing.lent);
}

/* So many more have the client, with the lock held: how many do. */
static unsigned refer(mqci_pendings *pendings, int more)
{
	unsigned references =
		atomic_load_explicit(&pendings->references, memory_order_relaxed) + (unsigned)more;

	atomic_store_explicit(&pendings->references, references, memory_order_relaxed);
	return references;
}

/* Memory for a call, which has the client from now on; NULL: there is none, and it has it still. */
static mqc_pending *take_memory(mqci_pendings *pendings)
{
	mqc_pending *spare;

	(void)pthread_mutex_lock(&pendings->lock);
	(void)refer(pendings, 1);
	spare = pendings->spare;
	if (spare != NULL) {
		pendings->spare = spare->next;
		pendings->spares--;
	}
	(void)pthread_mutex_unlock(&pendings->lock);
	return spare != NULL ? spare : malloc(sizeof *spare);
}

/* Keep the memory of a call for another one, if there is not enough such; with the lock held. */
static bool keep_memory(mqci_pendings *pendings, mqc_pending *memory)
{
	if (memory == NULL || pendings->spares == SPARES)
		return false;
	memory->next = pendings->spare;
	pendings->spare = memory;
	pendings->spares++;
	return true;
}

/* One less has the client; whether that was the last. What memory it had is kept, or freed. */
static bool release(mqc_client *client, mqc_pending *memory)
{
	mqci_pendings *pendings = &client->pendings;
	bool last;

	/* In a child, another thread of the parent's may have the lock for ever. */
	if (client->disowned) {
		free(memory);
		return atomic_fetch_sub(&pendings->references, 1) == 1;
	}
	(void)pthread_mutex_lock(&pendings->lock);
	if (!client->closed && keep_memory(pendings, memory))
		memory = NULL;
	last = refer(pendings, -1) == 0;
	(void)pthread_mutex_unlock(&pendings->lock);
	free(memory);
	return last;
}

void mqci_client_release(mqc_client *client, mqc_pending *memory)
{
	if (!release(client, memory))
		return;
	/* In a child, those whom the parent's threads wait for never come. */
	if (!client->disowned)
		mqci_pendings_done(&client->pendings);
	free(client);
}

static void pending_free(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);

	free(pending->error);
	free(pending->outgoing.lent);
	if (pending->request != pending->small)
		free(pending->request);
	mqci_client_release(client, pending);
}

static void free_spares(mqci_pendings *pendings)
{
	mqc_pending *spare;

	while ((spare = pendings->spare) != NULL) {
		pendings->spare = spare->next;
		free(spare);
	}
}

void mqci_pendings_forked(const mqc_client *client)
{
	/* When it is closed, another one may be where it was. */
	for (calling *at = innermost; at != NULL; at = at->outer)
		if (at->client == client)
			at->client = NULL;
}

void mqci_pendings_disown(mqci_pendings *pendings)
{
	/* What another thread did at fork() is never finished. */
	if (pthread_mutex_trylock(&pendings->lock) != 0)
		return;
	free_spares(pendings);
	(void)pthread_mutex_unlock(&pendings->lock);
}

/* Keep the request, for as often as it is sent. */
static int keep_request(mqc_pending *pending)
{
	mqci_outgoing *outgoing = &pending->outgoing;

	pending->request = pending->small;
	if (outgoing->size > sizeof pending->small)
		pending->request = malloc(outgoing->size);
	if (pending->request == NULL)
		return mqci_no_memory("a request");
	if (outgoing->packed == NULL)
		mqci_outgoing_pack(outgoing, pending->request);
	outgoing->packed = NULL;
	outgoing->request = NULL;
	outgoing->options = NULL;
	return MQC_OK;
}

/* There is no slot: wait for one, as long as the call is to wait. */
static int wait_to_start(mqc_pending *pending)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	mqc_client *client = outgoing->client;
	const mqci_times times = {
		.now = mqci_clock_now(),
		.turn = outgoing->room_deadline,
		.deadline = outgoing->deadline,
		.apart = true,
	};
	int r;

	r = mqci_waiters_begin(&client->waiters, &pending->waiter, &times);
	if (r < 0)
		return mqci_outgoing_explain(outgoing, r);
	r = post(pending);
	if (r < 0)
		mqci_waiters_undo(&client->waiters, &pending->waiter);
	return r;
}

/* Nobody has seen to what became of it meanwhile. */
static void hand_over(mqc_pending *pending, mqc_pending **ret_pending)
{
	mqc_client *client = client_of(pending);
	mqci_pendings *pendings = &client->pendings;
	bool changed;

	(void)pthread_mutex_lock(&pendings->lock);
	*ret_pending = pending;
	atomic_store(&pending->state, UNDER_WAY);
	(void)settle(pending, mqci_clock_now());
	changed = atomic_load(&pending->state) != UNDER_WAY;
	(void)pthread_mutex_unlock(&pendings->lock);
	if (changed)
		mqci_waiters_alarm(&client->waiters);
}

/* There is no session: it is made when there is one. */
static int put_off(mqc_pending *pending, mqc_pending **ret_pending)
{
	mqc_client *client = client_of(pending);

	(void)pthread_mutex_lock(&client->pendings.lock);
	*ret_pending = pending;
	pending->again_at = mqci_clock_now();
	atomic_store(&pending->state, AGAIN);
	list_again(&client->pendings, pending);
	(void)pthread_mutex_unlock(&client->pendings.lock);
	/* Whoever waits for something else is to know of this. */
	mqci_waiters_alarm(&client->waiters);
	return MQC_OK;
}

/*
 * Whoever is told of its end finds it where the program wants it: so that is written
 * before anybody can see to it. Once it is started, it may be gone any moment.
 */
static int start(mqc_pending *pending, mqc_pending **ret_pending)
{
	const mqci_outgoing *outgoing = &pending->outgoing;
	mqc_client *client = outgoing->client;
	mqci_pendings *pendings = &client->pendings;
	bool wake = false;
	int r;

	(void)pthread_mutex_lock(&pendings->lock);
	pending->number = ++pendings->number;
	r = try_to_start(pending, outgoing->begun);
	if (r > 0) {
		*ret_pending = pending;
		wake = must_wake_loop(client, outgoing->begun);
	}
	(void)pthread_mutex_unlock(&pendings->lock);
	if (wake)
		mqci_waiters_alarm(&client->waiters);
	if (r == MQC_UNAVAILABLE)
		return put_off(pending, ret_pending);
	if (r != 0)
		return r;
	if (client->own_loop || outgoing->room_deadline == 0) {
		(void)mqci_outbox_flush(&client->outbox);
		return mqci_outgoing_fail_window(outgoing);
	}
	r = wait_to_start(pending);
	if (r == MQC_UNAVAILABLE)
		return put_off(pending, ret_pending);
	if (r == MQC_OK)
		hand_over(pending, ret_pending);
	return r;
}

static int check_start(const mqci_outgoing *outgoing)
{
	const mqc_method *method = outgoing->method;
	mqci_answer answer = {.again = false};
	int r;

	if (method->flags & MQC_METHOD_ONEWAY)
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"%s is a one-way method: there is no end of it to wait for; call it",
			method->name);
	r = mqci_outgoing_check_size(outgoing, &answer);
	return r < 0 && !answer.again ? r : MQC_OK;
}

static int prepare(mqc_pending *pending, const mqci_wanted_call *wanted)
{
	mqc_client *client = client_of(pending);
	int r;

	r = mqci_outgoing_prepare(client, wanted, pending->small, sizeof pending->small,
				  &pending->outgoing);
	if (r == MQC_OK)
		r = check_start(&pending->outgoing);
	return r < 0 ? r : keep_request(pending);
}

static int prepare_and_start(mqc_pending *pending, const mqci_wanted_call *wanted,
			     mqc_pending **ret_pending)
{
	int r = prepare(pending, wanted);

	if (r < 0)
		return r;
	mqci_cancel_attach(pending->outgoing.cancel, &pending->link);
	r = start(pending, ret_pending);
	if (r < 0)
		mqci_cancel_detach(pending->outgoing.cancel, &pending->link);
	return r;
}

int mqc_client_start(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		     const ProtobufCMessage *request, mqc_ended ended, void *data,
		     mqc_pending **ret_pending)
{
	const mqci_wanted_call wanted = {
		.method = method,
		.options = options != NULL ? options : &mqci_outgoing_defaults,
		.request = request,
	};
	mqc_pending *pending;
	int r;

	if (wanted.options->ret_metadata != NULL)
		*wanted.options->ret_metadata = NULL;
	if (client->disowned)
		return mqci_client_fail_disowned(client, method->name);
	pending = take_memory(&client->pendings);
	if (pending == NULL) {
		mqci_client_release(client, NULL);
		return mqci_no_memory("a call");
	}
	memset(pending, 0, offsetof(mqc_pending, waiter));
	mqci_waiter_init(&pending->waiter);
	pending->outgoing.client = client;
	pending->ended = ended;
	pending->data = data;
	pending->link.wake = cancel_linked;
	enter(client);
	r = prepare_and_start(pending, &wanted, ret_pending);
	if (r < 0)
		drop_loan(pending);
	leave(client);
	if (r < 0)
		pending_free(pending);
	return r < 0 ? r : MQC_OK;
}

/* ------------------------------------------------------------- finishing -- */

bool mqc_pending_is_over(const mqc_pending *pending)
{
	return atomic_load_explicit(&pending->state, memory_order_acquire) == OVER;
}

void mqc_pending_cancel(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);

	if (client->disowned)
		return;
	enter(client);
	cancel(pending);
	leave(client);
}

/* The error that it ended with is the last one again. */
static int tell_error(const mqc_pending *pending)
{
	if (pending->error != NULL)
		(void)mqci_error_restore(pending->error);
	else
		(void)mqci_fail(pending->status, 0, "%s on endpoint %s failed: %s",
				pending->outgoing.method->name, client_of(pending)->endpoint,
				mqc_status_name(pending->status));
	return pending->executed ? mqci_maybe_executed() : pending->status;
}

static int take_reply(mqc_pending *pending, mqci_answer *answer)
{
	const mqci_waiter *waiter = &pending->waiter;

	if (waiter->no_memory)
		(void)mqci_no_memory("a reply");
	else if (waiter->owns_slot && client_of(pending)->closed)
		(void)mqci_fail(
			MQC_CANCELLED, 0,
			"%s on endpoint %s: its client was closed before the reply was read",
			pending->outgoing.method->name, client_of(pending)->endpoint);
	else
		return mqci_outgoing_take_reply(&pending->outgoing, &pending->waiter, answer);
	return mqci_maybe_executed();
}

/* If this thread is in its function: it is not any more, as that will be freed. Whether it was. */
static bool leave_function(const mqc_pending *pending)
{
	calling *at = innermost;

	while (at != NULL && atomic_load_explicit(&at->pending, memory_order_relaxed) != pending)
		at = at->outer;
	if (at != NULL)
		atomic_store_explicit(&at->pending, NULL, memory_order_relaxed);
	return at != NULL;
}

/* Whether some thread is; with the lock held. */
static bool is_being_called(const mqci_pendings *pendings, const mqc_pending *pending)
{
	const calling *at = pendings->callings;

	while (at != NULL && at->pending != pending)
		at = at->next;
	return at != NULL;
}

/*
 * It is going to be freed: it may be on the list of those whose function is to be
 * called, or another thread is in that. With the lock held, and not from its function.
 */
static void take_off_locked(mqci_pendings *pendings, mqc_pending *pending)
{
	unlist(pendings, pending);
	while (is_being_called(pendings, pending))
		(void)pthread_cond_wait(&pendings->called, &pendings->lock);
}

static void take_off(mqc_pending *pending)
{
	mqci_pendings *pendings = &client_of(pending)->pendings;

	/* From its function it has been taken off already, without a lock. */
	if (pending->ended == NULL || leave_function(pending))
		return;
	(void)pthread_mutex_lock(&pendings->lock);
	take_off_locked(pendings, pending);
	(void)pthread_mutex_unlock(&pendings->lock);
}

static bool is_over(const void *pending)
{
	return mqc_pending_is_over(pending);
}

/* What it has come to. */
static int conclude(mqc_pending *pending, mqci_answer *answer)
{
	int r;

	take_off(pending);
	if (pending->status < 0)
		return tell_error(pending);
	r = take_reply(pending, answer);
	finish_waiter(pending);
	return r < 0 && pending->executed ? mqci_maybe_executed() : r;
}

/* It is to be freed, whatever has become of it; whether it may have been executed. */
static bool give_up(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);
	mqci_waiter *waiter = &pending->waiter;
	bool executed = pending->executed, unsent;

	(void)leave_function(pending);
	(void)pthread_mutex_lock(&client->pendings.lock);
	if (atomic_load(&pending->state) == UNDER_WAY) {
		unsent = mqci_outbox_withdraw(&client->outbox, pending->parcel, waiter->call);
		executed = executed || !unsent;
		if (mqci_waiters_abandon(&client->waiters, waiter, MQC_CANCELLED, unsent) > 0)
			finish_waiter(pending);
	} else if (mqc_pending_is_over(pending) && pending->status == MQC_OK) {
		executed = true;
		finish_waiter(pending);
	}
	take_off_locked(&client->pendings, pending);
	if (atomic_load(&pending->state) == AGAIN && client->pendings.again == NULL)
		mqci_waiters_forgo(&client->waiters);
	(void)pthread_mutex_unlock(&client->pendings.lock);
	if (!mqc_pending_is_over(pending))
		mqci_cancel_detach(pending->outgoing.cancel, &pending->link);
	return executed;
}

/* It could not be waited for, as the last error tells. */
static int give_up_failed(mqc_pending *pending, int status)
{
	mqci_saved_error error;
	bool executed;

	mqci_error_save(&error);
	executed = give_up(pending);
	(void)mqci_error_restore(&error);
	return executed ? mqci_maybe_executed() : status;
}

int mqc_pending_finish(mqc_pending *pending, ProtobufCAllocator *allocator,
		       ProtobufCMessage **ret_reply)
{
	mqci_answer answer = {.allocator = allocator};
	mqc_client *client = client_of(pending);
	mqci_saved_error error;
	int r = MQC_OK;

	if (client->disowned) {
		r = mqci_client_fail_disowned(client, pending->outgoing.method->name);
		pending_free(pending);
		return r;
	}
	enter(client);
	if (!mqc_pending_is_over(pending))
		r = look_after(client, is_over, pending, MQCI_NEVER);
	if (r == MQC_OK && !mqc_pending_is_over(pending))
		r = mqci_fail(MQC_CANCELLED, 0, "the client was closed");
	r = r < 0 ? give_up_failed(pending, r) : conclude(pending, &answer);
	if (r < 0)
		mqci_error_save(&error);
	drop_loan(pending);
	leave(client);
	pending_free(pending);
	if (r < 0)
		return mqci_error_restore(&error);
	*ret_reply = answer.reply;
	return r;
}

mqc_pending *mqc_pending_drop(mqc_pending *pending)
{
	mqc_client *client;

	if (pending == NULL)
		return NULL;
	client = client_of(pending);
	if (client->disowned) {
		pending_free(pending);
		return NULL;
	}
	enter(client);
	(void)give_up(pending);
	drop_loan(pending);
	leave(client);
	pending_free(pending);
	return NULL;
}

/* --------------------------------------------------------------- waiting -- */

/* Some calls, of which one is to be over, or all. */
typedef struct some {
	mqc_pending *const *pendings;
	size_t n;
	size_t *at; /* the first that is; or the first that is not */
} some;

static bool one_is_over(const void *data)
{
	const some *calls = data;

	for (*calls->at = 0; *calls->at < calls->n; ++*calls->at)
		if (mqc_pending_is_over(calls->pendings[*calls->at]))
			return true;
	return false;
}

static bool all_are_over(const void *data)
{
	const some *calls = data;

	while (*calls->at < calls->n && mqc_pending_is_over(calls->pendings[*calls->at]))
		++*calls->at;
	return *calls->at == calls->n;
}

static int wait_for_some(const some *calls, bool (*is_done)(const void *data), int timeout_ms)
{
	const int64_t deadline = mqci_deadline_after_ms(timeout_ms);
	mqc_client *client;
	int r;

	if (calls->n == 0)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0, "there is no call to wait for");
	client = client_of(calls->pendings[0]);
	for (size_t i = 1; i < calls->n; i++)
		if (client_of(calls->pendings[i]) != client)
			return mqci_fail(
				MQC_INVALID_ARGUMENT, 0,
				"calls of different clients cannot be waited for together: "
				"poll() their descriptors, see mqc_client_get_fd()");
	if (timeout_ms < MQC_TIMEOUT_INFINITE)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "calls cannot be waited for for %d ms; %d means without a limit",
				 timeout_ms, MQC_TIMEOUT_INFINITE);
	if (client->disowned)
		return mqci_client_fail_disowned(client, "waiting for calls");
	enter(client);
	r = is_done(calls) ? MQC_OK : look_after(client, is_done, calls, deadline);
	leave(client);
	if (r == MQC_DEADLINE_EXCEEDED)
		return mqci_fail(r, 0, "the calls have not ended within %d ms", timeout_ms);
	/* A function closes the client: we were the last in there, and they have ended, or others
	 * are. */
	if (r == MQC_OK && !is_done(calls))
		return mqci_fail(MQC_CANCELLED, 0, "the client of the calls is being closed");
	return r;
}

int mqc_wait_any(mqc_pending *const *pendings, size_t n, int timeout_ms, size_t *ret_index)
{
	size_t at = 0;
	const some calls = {.pendings = pendings, .n = n, .at = &at};
	int r = wait_for_some(&calls, one_is_over, timeout_ms);

	if (r == MQC_OK)
		*ret_index = at;
	return r;
}

int mqc_wait_all(mqc_pending *const *pendings, size_t n, int timeout_ms)
{
	size_t at = 0;
	const some calls = {.pendings = pendings, .n = n, .at = &at};

	return n == 0 ? MQC_OK : wait_for_some(&calls, all_are_over, timeout_ms);
}

/* --------------------------------------------------------------- closing -- */

static void end_closed(mqc_pending *pending)
{
	mqc_client *client = client_of(pending);
	mqci_waiter *waiter = &pending->waiter;
	bool unsent;
	int r = mqci_fail(MQC_CANCELLED, 0, "the client was closed");

	if (atomic_load(&pending->state) == UNDER_WAY) {
		unsent = mqci_outbox_withdraw(&client->outbox, pending->parcel, waiter->call);
		r = mqci_waiters_abandon(&client->waiters, waiter, r, unsent);
	}
	if (r > 0)
		end(pending);
	else
		fail(pending, r);
}

bool mqci_pendings_shut(mqci_pendings *pendings)
{
	unsigned nobody = MQCI_CLOSING;

	/* First, so that whoever is in there sees it when he leaves. */
	atomic_fetch_or(&pendings->visitors, MQCI_CLOSING);
	return atomic_compare_exchange_strong(&pendings->visitors, &nobody,
					      MQCI_CLOSING | MQCI_NO_VISITORS);
}

void mqci_pendings_open_up(mqc_client *client)
{
	(void)pthread_mutex_lock(&client->pendings.lock);
	client->closed = true;
	free_spares(&client->pendings);
	(void)pthread_cond_broadcast(&client->pendings.called);
	(void)pthread_mutex_unlock(&client->pendings.lock);
}

void mqci_pendings_end(mqc_client *client)
{
	mqci_pendings *pendings = &client->pendings;
	mqci_waiter *waiter;
	mqc_pending *pending;

	(void)pthread_mutex_lock(&pendings->lock);
	while ((waiter = mqci_waiters_first_apart(&client->waiters)) != NULL)
		if (waiter == &client->rejoin.waiter)
			(void)mqci_waiters_abandon(&client->waiters, waiter, MQC_CANCELLED, false);
		else
			end_closed(pending_of(waiter));
	while ((pending = pendings->again) != NULL) {
		unlist(pendings, pending);
		end_closed(pending);
	}
	while ((pending = pendings->ended) != NULL)
		unlist(pendings, pending);
	(void)pthread_mutex_unlock(&pendings->lock);
}
