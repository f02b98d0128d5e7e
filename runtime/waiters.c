/*
 * waiters.c - the threads of one client that wait for replies.
 *
 * Who waits has a place on its own stack, in the list; in the line, too, while it
 * waits for a slot. It is woken by its condition variable, or, if it is the one
 * that receives, by a message to ourselves.
 */
#include "waiters.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "reference.h"
#include "waiters_inside.h"

/*
 * A slot is kept so long, in ns, for who makes a call again, and may not be looking any more; but
 * nobody is woken for that: those in line look around after MQCI_PATIENCE.
 */
#define KEPT (10 * INT64_C(1000000))

/* Wake the thread that receives. No room: then there are messages, and they wake as well. */
void mqci_waiters_wake_receiver(mqci_waiters *waiters)
{
	const mqci_frame wake = {
		.type = MQCI_WAKE, .cpu = MQCI_CPU_UNKNOWN, .session = waiters->session};
	uint8_t message[MQCI_FRAME_HEADER];

	if (!waiters->wake_sent)
		waiters->wake_sent = mqci_queue_send(&waiters->self, message,
						     mqci_frame_encode(&wake, message), 0) == 1;
}

/* Have a waiter look again whether what it waits for has come. */
void mqci_waiters_wake(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (waiter->apart)
		mqci_waiters_stir(waiters, waiter);
	else if (waiter->asleep)
		(void)pthread_cond_signal(&waiter->woken);
	else if (waiter == waiters->receiver)
		mqci_waiters_wake_receiver(waiters);
}

/* All of them, those who stand apart last. */
mqci_waiter *mqci_waiters_first_of_all(const mqci_waiters *waiters)
{
	return waiters->list != NULL ? waiters->list : waiters->apart;
}

mqci_waiter *mqci_waiters_next_of_all(const mqci_waiters *waiters, const mqci_waiter *waiter)
{
	return waiter->next != NULL || waiter->apart ? waiter->next : waiters->apart;
}

void mqci_waiters_enlist(mqci_waiters *waiters, mqci_waiter *waiter)
{
	waiter->link = waiter->apart ? &waiters->apart : &waiters->list;
	waiter->next = *waiter->link;
	if (waiter->next != NULL)
		waiter->next->link = &waiter->next;
	*waiter->link = waiter;
	if (!waiter->apart)
		return;
	if (waiter->begun + MQCI_PATIENCE < waiters->apart_impatient)
		waiters->apart_impatient = waiter->begun + MQCI_PATIENCE;
	if (waiter->deadline < waiters->apart_late)
		waiters->apart_late = waiter->deadline;
}

void mqci_waiters_delist(mqci_waiter *waiter)
{
	*waiter->link = waiter->next;
	if (waiter->next != NULL)
		waiter->next->link = waiter->link;
}

/* Nobody receives: have somebody who sleeps do it. Who is awake finds out. */
void mqci_waiters_hand_over(mqci_waiters *waiters)
{
	mqci_waiter *waiter = waiters->list;

	while (waiter != NULL && !waiter->asleep)
		waiter = waiter->next;
	if (waiter != NULL)
		mqci_waiters_wake(waiters, waiter);
}

/* The slot is the waiter's. */
static void begin_call(mqci_waiters *waiters, mqci_slot *slot, mqci_waiter *waiter, int64_t now)
{
	waiter->begun = now;
	waiter->epoch = waiters->epoch;
	waiter->key = waiters->key;
	waiter->call = slot->call;
	waiter->crowd = waiters->slots.active;
	waiter->place = mqci_arena_place(waiters->arena, mqci_slot_of_call(slot->call));
}

static void join_line(mqci_waiters *waiters, mqci_waiter *waiter)
{
	waiter->next_in_line = NULL;
	*waiters->line_end = waiter;
	waiters->line_end = &waiter->next_in_line;
}

static void leave_line(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	mqci_waiter **link = &waiters->line;

	while (*link != NULL && *link != waiter)
		link = &(*link)->next_in_line;
	if (*link == NULL)
		return;
	*link = waiter->next_in_line;
	if (*link == NULL)
		waiters->line_end = link;
}

/* It is the turn of the calls that are made again. */
static void keep_slot(mqci_waiters *waiters, mqci_slot *slot, int64_t now)
{
	/* As if given up, but never stale. */
	slot->waiter = NULL;
	slot->given_up = MQCI_NEVER;
	waiters->placed = false;
	waiters->kept = slot->call;
	waiters->kept_until = now + KEPT;
	mqci_waiters_raise_alarm(waiters);
}

/* The slot that is kept, which is so no longer; or NULL. */
static mqci_slot *take_kept(mqci_waiters *waiters)
{
	mqci_slot *slot = mqci_slots_find(&waiters->slots, waiters->kept);

	waiters->kept = 0;
	return slot;
}

static void free_kept(mqci_waiters *waiters)
{
	mqci_slot *slot = take_kept(waiters);

	if (slot != NULL)
		mqci_slots_free(&waiters->slots, slot);
}

/* No call is to be made again: there is no place for such, and nothing is kept. */
static void forgo(mqci_waiters *waiters)
{
	free_kept(waiters);
	leave_line(waiters, &waiters->place);
	waiters->placed = false;
}

/* Give the slots that are free to those who wait for one, in their order. */
void mqci_waiters_serve_line(mqci_waiters *waiters)
{
	mqci_waiter *first;
	mqci_slot *slot;

	if (waiters->kept != 0 && waiters->kept_until <= mqci_clock_now())
		free_kept(waiters);
	while ((first = waiters->line) != NULL && !waiters->ended &&
	       (slot = mqci_slots_take(&waiters->slots, first)) != NULL) {
		leave_line(waiters, first);
		if (first == &waiters->place) {
			keep_slot(waiters, slot, mqci_clock_now());
			continue;
		}
		begin_call(waiters, slot, first, mqci_clock_now());
		mqci_waiters_wake(waiters, first);
	}
}

/* A slot for a call that begins, if it is its turn; else NULL. */
static mqci_slot *take_slot(mqci_waiters *waiters, mqci_waiter *waiter, const mqci_times *times)
{
	mqci_slot *slot = NULL;

	/* However late: nobody has got it meanwhile. */
	if (times->again && waiters->kept != 0)
		slot = take_kept(waiters);
	else if (waiters->kept != 0)
		mqci_waiters_serve_line(waiters);
	if (slot != NULL)
		slot->waiter = waiter;
	else if (waiters->line == NULL)
		slot = mqci_slots_take(&waiters->slots, waiter);
	if (slot == NULL && times->again && !waiters->placed) {
		join_line(waiters, &waiters->place);
		waiters->placed = true;
	}
	return slot;
}

void mqci_waiters_release_slot(mqci_waiters *waiters, mqci_slot *slot)
{
	mqci_slots_free(&waiters->slots, slot);
	if (waiters->line != NULL || waiters->kept != 0)
		mqci_waiters_serve_line(waiters);
}

/* No call of the session gets an answer any more. */
void mqci_waiters_end_session(mqci_waiters *waiters)
{
	mqci_waiter *waiter;

	waiters->ended = true;
	/* Their queues may be others' before those who stand apart are looked at. */
	if (waiters->outbox != NULL)
		mqci_outbox_end_session(waiters->outbox);
	for (waiter = mqci_waiters_first_of_all(waiters); waiter != NULL;
	     waiter = mqci_waiters_next_of_all(waiters, waiter))
		mqci_waiters_wake(waiters, waiter);
}

/* Have the watchdog look at the time for a thread that waits from now on. */
static void expect_check(int64_t now, int64_t deadline)
{
	mqci_watchdog_expect(deadline < now + MQCI_PATIENCE ? deadline : now + MQCI_PATIENCE);
}

/* The reply to a call that was given up: nobody reads it. */
static __attribute__((__cold__, __noinline__)) void
drop_reply(mqci_waiters *waiters, const mqci_frame *frame, mqci_slot *slot)
{
	unsigned index = mqci_slot_of_call(slot->call);
	uint64_t place = mqci_arena_place(waiters->arena, index);

	if (frame->flags & MQCI_FRAME_ARENA)
		mqci_arena_drop(waiters->arena, place,
				(size_t)(frame->arena - place - waiters->arena->region) +
					frame->size);
	if (frame->flags & (MQCI_FRAME_REFERS | MQCI_FRAME_LOST))
		mqci_arena_lose(waiters->arena, index);
	else if (frame->flags & MQCI_FRAME_ARENA || slot->used > 0)
		mqci_arena_rest(waiters->arena, index, place);
	mqci_waiters_release_slot(waiters, slot);
}

/* Have the payload of a reply outlast the buffer that it lies in; or own that. */
static void keep_reply(mqci_waiter *waiter, const mqci_waiter *receiver)
{
	mqci_frame *reply = &waiter->reply;
	uint8_t *to = waiter->small;

	if (reply->size > sizeof waiter->small && waiter == receiver) {
		waiter->owns_buffer = true;
		return;
	}
	if (reply->size > sizeof waiter->small)
		to = waiter->copy = malloc(reply->size);
	if (to != NULL)
		reply->payload = memcpy(to, reply->payload, reply->size);
	else
		waiter->no_memory = true;
}

/* What comes behind a welcome carries its key: a goodbye, if the server stops at once. */
static void take_key(mqci_waiters *waiters, const mqci_frame *frame)
{
	mqci_welcome welcome;

	if (mqci_frame_payload(frame, &welcome, sizeof welcome, offsetof(mqci_welcome, lanes)) > 0)
		waiters->key = welcome.key;
}

/* How many bytes a reply refers to. */
static size_t referred_of(const mqci_frame *frame)
{
	mqci_references references;

	if (mqci_references_decode(frame->payload, frame->size, &references) == 0)
		return 0;
	return mqci_references_total(&references);
}

/* How many bytes of a reply lie in shared memory. */
static size_t bulk_of(const mqci_frame *frame)
{
	if (frame->flags & MQCI_FRAME_ARENA)
		return frame->size;
	return frame->flags & MQCI_FRAME_REFERS ? referred_of(frame) : 0;
}

/* Give a frame to the call that it answers. `receiver` may keep it in the buffer. */
static void deliver_reply(mqci_waiters *waiters, const mqci_frame *frame, mqci_waiter *receiver)
{
	mqci_slot *slot = mqci_slots_find(&waiters->slots, frame->call);
	mqci_waiter *waiter;

	if (slot == NULL)
		return;
	waiter = slot->waiter;
	if (waiter == NULL) {
		drop_reply(waiters, frame, slot);
		return;
	}
	/* Its answer lies in the slot's region; who tells that its server died comes too late. */
	if (waiter->replied)
		return;
	if (waiter->handshake && frame->type == MQCI_WELCOME)
		take_key(waiters, frame);
	/* Who is dead may have written there, and nobody knows how much. */
	if (frame->flags & MQCI_FRAME_LOST) {
		mqci_arena_lose(waiters->arena, mqci_slot_of_call(slot->call));
		waiter->used = 0;
	}
	waiters->spin.other_cpu = frame->cpu;
	waiters->spin.bulk = bulk_of(frame);
	waiter->reply = *frame;
	waiter->replied = true;
	if (frame->flags & (MQCI_FRAME_ARENA | MQCI_FRAME_REFERS) && waiter->used == 0)
		waiter->used = 1;
	waiter->owns_slot = waiter->used > 0;
	if (!waiter->owns_slot)
		mqci_waiters_release_slot(waiters, slot);
	if (!(frame->flags & MQCI_FRAME_ARENA))
		keep_reply(waiter, receiver);
	mqci_waiters_wake(waiters, waiter);
}

static void deliver(mqci_waiters *waiters, const mqci_frame *frame, mqci_waiter *receiver)
{
	if (frame->type == MQCI_WAKE) {
		waiters->wake_sent = false;
		return;
	}
	if (frame->session != waiters->session || frame->key != waiters->key)
		return;
	if (frame->type == MQCI_REPLY || frame->type == MQCI_WELCOME) {
		deliver_reply(waiters, frame, receiver);
	} else if (frame->type == MQCI_GOODBYE) {
		waiters->goodbye_epoch = waiters->epoch;
		mqci_waiters_end_session(waiters);
	}
}

/*
 * A server of another version answers in its own; all we read is whom it answers, and which call.
 * Whether that is to be taken for a refusal, which then is in the frame's place.
 */
static __attribute__((__cold__, __noinline__)) bool refuses_version(const mqci_waiters *waiters,
								    mqci_frame *frame)
{
	static const char text[] = "the server speaks another version of mqcall's protocol; build "
				   "client and server with the same version of mqcall";

	*frame = (mqci_frame){
		.type = MQCI_REPLY,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = frame->session,
		.key = frame->key,
		.call = frame->call,
		.code = (uint64_t)(int64_t)MQC_FAILED_PRECONDITION,
		.payload = (const uint8_t *)text,
		.size = sizeof text - 1,
	};
	/* The key is the nonce still: who cannot read that cannot turn us away. */
	return !waiters->welcomed;
}

static void deliver_message(mqci_waiters *waiters, size_t size, mqci_waiter *receiver)
{
	const uint8_t *at = waiters->buffer;
	mqci_verdict verdict;
	mqci_frame frame;

	do {
		verdict = mqci_frame_decode(&at, &size, &frame);
		if (verdict == MQCI_FRAME_OK ||
		    (verdict == MQCI_FRAME_BAD_VERSION && refuses_version(waiters, &frame)))
			deliver(waiters, &frame, receiver);
	} while (verdict == MQCI_FRAME_OK && size > 0);
}

/* From now on it is this one who receives. */
static void claim(mqci_waiters *waiters, mqci_waiter *waiter)
{
	waiter->receives = true;
	waiters->receiving = true;
	waiters->receiver = waiter;
	waiters->receiving_until = waiter->deadline;
}

static void unclaim(mqci_waiters *waiters, mqci_waiter *waiter)
{
	waiter->receives = false;
	waiters->receiving = waiter->owns_buffer;
	waiters->receiver = NULL;
	waiters->receiving_until = MQCI_NEVER;
}

/* Wait for a message, as nobody else tells when it has been long enough, for a while. */
static ssize_t receive_tending(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	const int64_t now = mqci_clock_now();
	int64_t until = mqci_waiters_tend(waiters, now), room = MQCI_NEVER;
	int r;

	if (waiters->outbox != NULL) {
		(void)mqci_outbox_flush(waiters->outbox);
		room = mqci_outbox_next(waiters->outbox, now);
	}
	if (waiter->deadline < until)
		until = waiter->deadline;
	if (room < until)
		until = room;
	r = mqci_queue_wait_message(&waiters->drain, until);
	if (r <= 0)
		return r;
	return mqci_queue_receive(&waiters->drain, waiters->buffer, waiters->drain.size);
}

static ssize_t receive_watched(mqci_waiters *waiters, const mqci_waiter *waiter, int64_t since)
{
	expect_check(since, waiter->deadline);
	return mqci_queue_receive(&waiters->replies, waiters->buffer, waiters->replies.size);
}

/* Poll for a message, as long as that pays: its size; 0, none has come; or a status. */
static __attribute__((__noinline__)) ssize_t poll_queue(mqci_waiters *waiters)
{
	size_t size = 0;
	int r;

	do
		r = mqci_queue_take(&waiters->drain, waiters->buffer, waiters->drain.size, &size);
	while (r == 0 && mqci_spin_on(&waiters->spin));
	if (r > 0)
		mqci_spin_hit(&waiters->spin);
	return r < 0 ? r : (ssize_t)size;
}

/* The same, if it pays at all. */
static ssize_t spin(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	if (atomic_load_explicit(&waiters->was_full, memory_order_relaxed)) {
		atomic_store_explicit(&waiters->was_full, false, memory_order_relaxed);
		mqci_spin_rest(&waiters->spin);
	}
	return mqci_spin_begin(&waiters->spin, waiter->used) ? poll_queue(waiters) : 0;
}

/*
 * Receive one message for everybody, without the lock, which is held when this
 * returns. Who waits since `since` has claimed to.
 */
static int receive_claimed(mqci_waiters *waiters, mqci_waiter *waiter, int64_t since)
{
	ssize_t size = spin(waiters, waiter);

	if (size == 0)
		size = waiters->own_loop ? receive_tending(waiters, waiter)
					 : receive_watched(waiters, waiter, since);
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->receiver = NULL;
	if (size > 0)
		deliver_message(waiters, (size_t)size, waiter);
	unclaim(waiters, waiter);
	return size < 0 ? (int)size : MQC_OK;
}

int mqci_waiters_receive_one(mqci_waiters *waiters, mqci_waiter *waiter)
{
	claim(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	return receive_claimed(waiters, waiter, mqci_clock_now());
}

/* Sleep while another thread receives: until woken, or the deadline. */
int mqci_waiters_sleep(mqci_waiters *waiters, mqci_waiter *waiter)
{
	struct timespec until = mqci_clock_timespec(waiter->deadline);
	int r;

	r = mqci_clock_condition(&waiter->woken);
	if (r < 0)
		return r;
	waiter->asleep = true;
	if (waiter->deadline == MQCI_NEVER)
		(void)pthread_cond_wait(&waiter->woken, &waiters->lock);
	else
		(void)pthread_cond_timedwait(&waiter->woken, &waiters->lock, &until);
	waiter->asleep = false;
	(void)pthread_cond_destroy(&waiter->woken);
	return MQC_OK;
}

/* Why what the waiter waits for will not come any more; MQC_OK: it may. */
int mqci_waiters_despair(const mqci_waiters *waiters, const mqci_waiter *waiter, int64_t now)
{
	if (waiter->lost)
		return mqci_fail(MQC_UNAVAILABLE, 0,
				 "the server died while it had the call in hand");
	/* There is no session yet for a hello; but it may have come too late for the server. */
	if (waiter->handshake ? waiters->cut_off
			      : waiters->ended || waiter->epoch != waiters->epoch)
		return mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
	if (waiter->cancelled)
		return mqci_fail(MQC_CANCELLED, 0, "cancelled");
	if (waiter->deadline <= now)
		return mqci_fail(MQC_DEADLINE_EXCEEDED, 0, "the time is over");
	return MQC_OK;
}

/* Let time pass for one event; MQC_OK: look again whether it has come. */
static int pass_time(mqci_waiters *waiters, mqci_waiter *waiter)
{
	int r = mqci_waiters_despair(waiters, waiter, mqci_clock_now());

	if (r < 0)
		return r;
	return waiters->receiving ? mqci_waiters_sleep(waiters, waiter)
				  : mqci_waiters_receive_one(waiters, waiter);
}

void mqci_waiters_renew(mqci_waiters *waiters, mqci_waiter *waiter)
{
	bool cancelled;

	(void)pthread_mutex_lock(&waiters->lock);
	cancelled = waiter->cancelled;
	mqci_waiter_init(waiter);
	waiter->cancelled = cancelled;
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_cancel(mqci_waiters *waiters, mqci_waiter *waiter)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiter->cancelled = true;
	mqci_waiters_wake(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_end_line(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->closing = true;
	for (mqci_waiter *waiter = waiters->line; waiter != NULL; waiter = waiter->next_in_line) {
		waiter->cancelled = true;
		mqci_waiters_wake(waiters, waiter);
	}
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* One message, if there is one: 1, 0 or a status. Nobody receives now. */
static int drain_one(mqci_waiters *waiters)
{
	size_t size = 0;
	int r;

	waiters->receiving = true;
	(void)pthread_mutex_unlock(&waiters->lock);
	r = mqci_queue_take(&waiters->drain, waiters->buffer, waiters->drain.size, &size);
	(void)pthread_mutex_lock(&waiters->lock);
	if (r > 0)
		deliver_message(waiters, size, NULL);
	waiters->receiving = false;
	return r;
}

/* Receive what is there already, without waiting, at most so many messages. */
int mqci_waiters_take(mqci_waiters *waiters, unsigned messages)
{
	unsigned count = 0;
	int r = 1;

	while (count < messages && r > 0 && !waiters->receiving) {
		r = drain_one(waiters);
		count += r > 0;
	}
	return r < 0 ? r : (int)count;
}

/* Wait no more: if nobody receives now, another waiter must. */
void mqci_waiters_leave(mqci_waiters *waiters, mqci_waiter *waiter)
{
	mqci_waiters_delist(waiter);
	if (waiter->receives)
		unclaim(waiters, waiter);
	if (!waiters->receiving && waiters->list != NULL)
		mqci_waiters_hand_over(waiters);
}

int mqci_waiters_init(mqci_waiters *waiters, const mqci_queue *requests, mqci_arena *arena,
		      mqci_queue *replies, const mqci_waiters_options *options)
{
	int r;

	memset(waiters, 0, sizeof *waiters);
	waiters->replies = *replies;
	waiters->drain = waiters->self = MQCI_QUEUE_CLOSED;
	waiters->endpoint = options->endpoint;
	waiters->server_uid = options->server_uid;
	waiters->own_loop = options->own_loop;
	waiters->outbox = options->outbox;
	mqci_spin_init(&waiters->spin, options->spin_us);
	waiters->session = arena->session;
	waiters->arena = arena;
	waiters->requests = requests;
	waiters->line_end = &waiters->line;
	waiters->stirred_end = &waiters->stirred;
	waiters->apart_impatient = waiters->apart_late = MQCI_NEVER;
	waiters->alarm = -1;
	waiters->ended = true;
	waiters->watch.check = mqci_waiters_check_time;
	mqci_lookout_init(&waiters->lookout, options->endpoint, options->server_uid);
	r = mqci_slots_init(&waiters->slots, options->window);
	if (r < 0)
		goto fail;
	waiters->buffer = malloc(replies->size);
	if (waiters->buffer == NULL) {
		r = mqci_no_memory("a client's replies");
		goto fail;
	}
	r = mqci_queue_open(replies->name, MQCI_SEND, &waiters->self);
	if (r == MQC_OK)
		r = mqci_queue_open(replies->name, MQCI_DRAIN, &waiters->drain);
	if (r < 0)
		goto fail;
	r = pthread_mutex_init(&waiters->lock, NULL);
	if (r != 0) {
		r = mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
		goto fail;
	}
	r = waiters->own_loop ? MQC_OK : mqci_watchdog_add(&waiters->watch);
	if (r == MQC_OK)
		return MQC_OK;
	(void)pthread_mutex_destroy(&waiters->lock);
fail:
	mqci_waiters_disown(waiters);
	mqci_waiters_free(waiters);
	return r;
}

void mqci_waiters_disown(mqci_waiters *waiters)
{
	mqci_notify_disown(&waiters->notify);
	mqci_queue_close(&waiters->self);
	mqci_queue_close(&waiters->drain);
	mqci_queue_close(&waiters->replies);
	mqci_lookout_rest(&waiters->lookout);
}

void mqci_waiters_free(mqci_waiters *waiters)
{
	free(waiters->buffer);
	mqci_slots_done(&waiters->slots);
}

void mqci_waiters_done(mqci_waiters *waiters)
{
	mqci_notify_end(&waiters->notify);
	if (!waiters->own_loop)
		mqci_watchdog_remove(&waiters->watch);
	(void)pthread_mutex_destroy(&waiters->lock);
	mqci_waiters_disown(waiters);
	mqci_waiters_free(waiters);
}

void mqci_waiters_welcome(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->welcomed = true;
	waiters->ended = waiters->goodbye_epoch == waiters->epoch;
	if (!waiters->ended && waiters->outbox != NULL)
		mqci_outbox_begin_session(waiters->outbox);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Receive what has come, whomever it is for: with the lock held. */
static void hear(mqci_waiters *waiters)
{
	(void)mqci_waiters_take(waiters, UINT_MAX);
	if (!waiters->receiving)
		mqci_waiters_hand_over(waiters);
}

void mqci_waiters_hear(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	hear(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_queue_removed(mqci_waiters *waiters, unsigned epoch)
{
	bool current;

	(void)pthread_mutex_lock(&waiters->lock);
	hear(waiters);
	current = waiters->epoch == epoch && !waiters->ended;
	/* With nobody waiting, there is nothing to hear. */
	if (current && mqci_waiters_first_of_all(waiters) == NULL) {
		mqci_waiters_end_session(waiters);
		current = false;
	}
	(void)pthread_mutex_unlock(&waiters->lock);
	/* Callers that try again and again are never impatient. */
	if (current)
		mqci_waiters_look_after_servers(waiters, mqci_clock_now());
}

bool mqci_waiters_session(mqci_waiters *waiters, mqci_session_now *ret_now)
{
	bool ended;

	(void)pthread_mutex_lock(&waiters->lock);
	ended = waiters->ended;
	*ret_now = (mqci_session_now){.epoch = waiters->epoch, .key = waiters->key};
	(void)pthread_mutex_unlock(&waiters->lock);
	return !ended;
}

unsigned mqci_waiters_epoch(mqci_waiters *waiters)
{
	mqci_session_now now;

	(void)mqci_waiters_session(waiters, &now);
	return now.epoch;
}

/* Calls that are under way have no answer any more, and their regions may still be written to. */
static void abandon_regions(mqci_waiters *waiters)
{
	for (unsigned i = 0; i < waiters->slots.count; i++) {
		const mqci_slot *slot = &waiters->slots.all[i];

		if (slot->call != 0)
			mqci_arena_abandon(waiters->arena, i, slot->waiter != NULL);
	}
}

void mqci_waiters_begin_session(mqci_waiters *waiters, mqci_waiter *waiter, uint64_t nonce,
				int64_t deadline)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiter->deadline = deadline;
	waiter->handshake = true;
	waiters->key = nonce;
	waiters->welcomed = false;
	waiters->removal_seen = 0;
	waiters->cut_off = false;
	waiters->epoch++;
	/* No call has had what is kept: its region needs not be abandoned. */
	forgo(waiters);
	abandon_regions(waiters);
	mqci_slots_reset(&waiters->slots);
	begin_call(waiters, mqci_slots_take(&waiters->slots, waiter), waiter, mqci_clock_now());
	mqci_waiters_enlist(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Wait for a slot, in the line. */
static __attribute__((__cold__, __noinline__)) int await_slot(mqci_waiters *waiters,
							      mqci_waiter *waiter, int64_t now)
{
	mqci_slot *slot;
	int r = MQC_OK;

	if (waiters->closing)
		return mqci_fail(MQC_CANCELLED, 0, "the client is being closed");
	waiter->begun = now;
	mqci_waiters_enlist(waiters, waiter);
	join_line(waiters, waiter);
	/* The requests of those who have the slots may not have gone yet. */
	if (waiters->outbox != NULL)
		(void)mqci_outbox_flush(waiters->outbox);
	(void)mqci_waiters_take(waiters, UINT_MAX);
	mqci_waiters_use_stale_slots(waiters, now);
	while (r == MQC_OK && waiter->call == 0)
		r = pass_time(waiters, waiter);
	leave_line(waiters, waiter);
	mqci_waiters_leave(waiters, waiter);
	/* It may have come just as the time was over; or as the session was. */
	if (waiter->call == 0)
		return r;
	if (waiter->epoch == waiters->epoch && !waiters->ended)
		return MQC_OK;
	slot = mqci_slots_find(&waiters->slots, waiter->call);
	if (slot != NULL)
		mqci_slots_free(&waiters->slots, slot);
	else
		mqci_arena_leave(waiters->arena, waiter->place);
	return mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
}

int mqci_waiters_begin(mqci_waiters *waiters, mqci_waiter *waiter, const mqci_times *times)
{
	mqci_slot *slot = NULL;
	int r = MQC_OK;

	(void)pthread_mutex_lock(&waiters->lock);
	waiter->deadline = times->turn;
	waiter->epoch = waiters->epoch;
	if (waiter->cancelled)
		r = mqci_fail(MQC_CANCELLED, 0, "cancelled");
	else if (waiters->ended)
		r = mqci_fail(MQC_UNAVAILABLE, 0, "the server has stopped");
	else
		slot = take_slot(waiters, waiter, times);
	if (slot != NULL)
		begin_call(waiters, slot, waiter, times->now);
	else if (r == MQC_OK && times->at_once)
		r = 1;
	else if (r == MQC_OK)
		r = await_slot(waiters, waiter, times->now);
	if (r == MQC_OK) {
		waiter->deadline = times->deadline;
		waiter->apart = times->apart;
		mqci_waiters_enlist(waiters, waiter);
		if (!waiter->apart && !waiters->receiving)
			claim(waiters, waiter);
	}
	(void)pthread_mutex_unlock(&waiters->lock);
	/* Nobody will say so before waiting. */
	if (r == MQC_OK && times->apart && !waiters->own_loop)
		expect_check(times->now, times->deadline);
	return r;
}

void mqci_waiters_forgo(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	forgo(waiters);
	mqci_waiters_serve_line(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_yield(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (!waiter->receives)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	unclaim(waiters, waiter);
	mqci_waiters_hand_over(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Give the slot back that the waiter has had to itself. */
void mqci_waiters_return_slot(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	mqci_slot *slot;

	/* Before another call can have it. */
	if (waiter->used > 0)
		mqci_arena_rest(waiters->arena, mqci_slot_of_call(waiter->call), waiter->place);
	(void)pthread_mutex_lock(&waiters->lock);
	slot = mqci_slots_find(&waiters->slots, waiter->call);
	if (slot != NULL)
		mqci_waiters_release_slot(waiters, slot);
	else if (!waiter->bereft)
		mqci_arena_leave(waiters->arena, waiter->place);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_use(mqci_waiters *waiters, mqci_waiter *waiter, size_t size)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiter->used = size;
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_undo(mqci_waiters *waiters, mqci_waiter *waiter)
{
	(void)pthread_mutex_lock(&waiters->lock);
	if (waiter->apart)
		mqci_waiters_settle(waiters, waiter);
	else
		mqci_waiters_leave(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	mqci_waiters_return_slot(waiters, waiter);
	free(waiter->copy);
}

/* The wait is over without a reply: leave the slot for when one comes. */
mqci_slot *mqci_waiters_leave_slot(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	mqci_slot *slot = mqci_slots_find(&waiters->slots, waiter->call);

	if (slot == NULL) {
		if (!waiter->bereft)
			mqci_arena_leave(waiters->arena, waiter->place);
		return NULL;
	}
	slot->waiter = NULL;
	slot->given_up = mqci_clock_now();
	slot->used = waiter->used;
	return slot;
}

/* Whether a call may have been executed that failed so. */
bool mqci_waiters_may_be_executed(const mqci_waiters *waiters, const mqci_waiter *waiter,
				  int status)
{
	if (status != MQC_UNAVAILABLE)
		return true;
	return waiter->lost ? waiter->lost_begun : waiter->epoch != waiters->goodbye_epoch;
}

/* Wait no more, though there is no reply, for this reason; and without the lock. */
static __attribute__((__cold__, __noinline__)) int leave_unanswered(mqci_waiters *waiters,
								    mqci_waiter *waiter, int status)
{
	const bool executed = mqci_waiters_may_be_executed(waiters, waiter, status);
	const mqci_slot *left = mqci_waiters_leave_slot(waiters, waiter);

	mqci_waiters_leave(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (left != NULL)
		mqci_arena_give_up(waiters->arena, waiter->call);
	return executed ? mqci_maybe_executed() : status;
}

int mqci_waiters_await(mqci_waiters *waiters, mqci_waiter *waiter)
{
	int r = MQC_OK;

	if (waiter->receives)
		r = receive_claimed(waiters, waiter, waiter->begun);
	else
		(void)pthread_mutex_lock(&waiters->lock);
	while (r == MQC_OK && !waiter->replied)
		r = pass_time(waiters, waiter);
	if (!waiter->replied)
		return leave_unanswered(waiters, waiter, r);
	mqci_waiters_leave(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (!waiter->no_memory)
		return MQC_OK;
	mqci_waiters_finish(waiters, waiter);
	(void)mqci_no_memory("a reply");
	return mqci_maybe_executed();
}

void mqci_waiters_let_go(mqci_waiters *waiters, mqci_waiter *waiter)
{
	free(waiter->copy);
	if (waiter->owns_slot)
		mqci_waiters_return_slot(waiters, waiter);
	if (!waiter->owns_buffer)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->receiving = false;
	mqci_waiters_hand_over(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}
