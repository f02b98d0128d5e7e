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
#include <sys/eventfd.h>

#include "clock.h"
#include "error.h"

/* After this time, in ns, a caller begins to look whether its server lives. */
#define PATIENCE (50 * INT64_C(1000000))

/* A call that is nowhere in so many looks in a row, which takes a second, is lost. */
#define MISSED 20

/* Wake the thread that receives. No room: then there are messages, and they wake as well. */
static void wake_receiver(mqci_waiters *waiters)
{
	const mqci_frame wake = {
		.type = MQCI_WAKE, .cpu = MQCI_CPU_UNKNOWN, .session = waiters->session};
	uint8_t message[MQCI_FRAME_HEADER];

	if (!waiters->wake_sent)
		waiters->wake_sent = mqci_queue_send(&waiters->self, message,
						     mqci_frame_encode(&wake, message), 0) == 1;
}

static void stir(mqci_waiters *waiters, mqci_waiter *waiter);

/* Have a waiter look again whether what it waits for has come. */
static void wake(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (waiter->apart)
		stir(waiters, waiter);
	else if (waiter->asleep)
		(void)pthread_cond_signal(&waiter->woken);
	else if (waiter == waiters->receiver)
		wake_receiver(waiters);
}

/* There is something to be looked at, by whoever watches; or somebody is to come and watch. */
static void raise_alarm(mqci_waiters *waiters)
{
	bool heard = waiters->draining;

	waiters->alarms++;
	for (mqci_waiter *waiter = waiters->list; waiter != NULL; waiter = waiter->next)
		if (waiter->watches) {
			wake(waiters, waiter);
			heard = true;
		}
	if (!heard && waiters->notify.queue != NULL)
		mqci_notify_fire(&waiters->notify);
	if (!heard && waiters->alarm >= 0 && !waiters->alarmed)
		waiters->alarmed = eventfd_write(waiters->alarm, 1) == 0;
}

static void stir(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (waiter->stirred)
		return;
	waiter->stirred = true;
	waiter->next_in_line = NULL;
	*waiters->stirred_end = waiter;
	waiters->stirred_end = &waiter->next_in_line;
	raise_alarm(waiters);
}

/* All of them, those who stand apart last. */
static mqci_waiter *first_of_all(const mqci_waiters *waiters)
{
	return waiters->list != NULL ? waiters->list : waiters->apart;
}

static mqci_waiter *next_of_all(const mqci_waiters *waiters, const mqci_waiter *waiter)
{
	return waiter->next != NULL || waiter->apart ? waiter->next : waiters->apart;
}

static void enlist(mqci_waiters *waiters, mqci_waiter *waiter)
{
	waiter->link = waiter->apart ? &waiters->apart : &waiters->list;
	waiter->next = *waiter->link;
	if (waiter->next != NULL)
		waiter->next->link = &waiter->next;
	*waiter->link = waiter;
	if (!waiter->apart)
		return;
	if (waiter->begun + PATIENCE < waiters->apart_impatient)
		waiters->apart_impatient = waiter->begun + PATIENCE;
	if (waiter->deadline < waiters->apart_late)
		waiters->apart_late = waiter->deadline;
}

static void delist(mqci_waiter *waiter)
{
	*waiter->link = waiter->next;
	if (waiter->next != NULL)
		waiter->next->link = waiter->link;
}

/* Nobody receives: have somebody who sleeps do it. Who is awake finds out. */
static void hand_over(mqci_waiters *waiters)
{
	mqci_waiter *waiter = waiters->list;

	while (waiter != NULL && !waiter->asleep)
		waiter = waiter->next;
	if (waiter != NULL)
		wake(waiters, waiter);
}

/* The slot is the waiter's. */
static void begin_call(mqci_waiters *waiters, mqci_slot *slot, mqci_waiter *waiter, int64_t now)
{
	waiter->begun = now;
	waiter->epoch = waiters->epoch;
	waiter->key = waiters->key;
	waiter->call = slot->call;
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

/* Give the slots that are free to those who wait for one, in their order. */
static void serve_line(mqci_waiters *waiters)
{
	mqci_waiter *first;
	mqci_slot *slot;

	while ((first = waiters->line) != NULL && !waiters->ended &&
	       (slot = mqci_slots_take(&waiters->slots, first)) != NULL) {
		leave_line(waiters, first);
		begin_call(waiters, slot, first, mqci_clock_now());
		wake(waiters, first);
	}
}

static void release_slot(mqci_waiters *waiters, mqci_slot *slot)
{
	mqci_slots_free(&waiters->slots, slot);
	serve_line(waiters);
}

/* No call of the session gets an answer any more. */
static void end_session(mqci_waiters *waiters)
{
	mqci_waiter *waiter;

	waiters->ended = true;
	for (waiter = first_of_all(waiters); waiter != NULL; waiter = next_of_all(waiters, waiter))
		wake(waiters, waiter);
}

/* The server's queue has no name: it may be just about to say what became of our calls. */
static void note_removal(mqci_waiters *waiters, int64_t now)
{
	if (waiters->removal_seen == 0)
		waiters->removal_seen = now;
	else if (now - waiters->removal_seen >= PATIENCE) {
		waiters->cut_off = true;
		end_session(waiters);
	}
}

/* The call gets no answer. */
static void lose(mqci_waiters *waiters, mqci_slot *slot, bool begun)
{
	mqci_waiter *waiter = slot->waiter;
	unsigned index = mqci_slot_of_call(slot->call);

	/* It may have been answered at the last moment. */
	if (waiter != NULL && waiter->replied)
		return;
	/* Nobody writes into its regions any more. */
	mqci_arena_lose(waiters->arena, index);
	release_slot(waiters, slot);
	if (waiter == NULL)
		return;
	waiter->lost = true;
	waiter->lost_begun = begun;
	wake(waiters, waiter);
}

/* A server died with this call in hand. */
static void lose_call(uint64_t session, uint64_t call, bool begun, void *data)
{
	mqci_waiters *waiters = data;
	mqci_slot *slot;

	if (session != waiters->session)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	slot = mqci_slots_find(&waiters->slots, call);
	if (slot != NULL)
		lose(waiters, slot, begun);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/*
 * When the first of those who wait has waited so long that a server may be
 * dead: that of its call, or of one given up whose slot it waits for.
 */
static int64_t first_impatient_of(const mqci_waiter *list)
{
	int64_t first = MQCI_NEVER;

	for (const mqci_waiter *waiter = list; waiter != NULL; waiter = waiter->next)
		if (!waiter->watches && waiter->begun + PATIENCE < first)
			first = waiter->begun + PATIENCE;
	return first;
}

static int64_t first_impatient(mqci_waiters *waiters, int64_t now)
{
	int64_t first = first_impatient_of(waiters->list);

	if (waiters->apart_impatient <= now)
		waiters->apart_impatient = first_impatient_of(waiters->apart);
	return first < waiters->apart_impatient ? first : waiters->apart_impatient;
}

/* Use the slots of calls given up so long ago that their replies must have been lost. */
static void use_stale_slots(mqci_waiters *waiters, int64_t now)
{
	if (waiters->line == NULL)
		return;
	/* If there is none left, a new session begins with all of them. */
	if (mqci_slots_retire(&waiters->slots, now))
		end_session(waiters);
	serve_line(waiters);
}

/* Whether no request waits in the queue that a call's went to. */
static bool queue_is_empty(const mqci_waiters *waiters, const mqci_waiter *waiter)
{
	const mqci_queue *queue = waiter->queue != NULL ? waiter->queue : waiters->requests;
	size_t waiting;

	return mqci_queue_waiting(queue, &waiting) == MQC_OK && waiting == 0;
}

/*
 * Choose the calls to look for in the servers' hands: those that were under way
 * when a server died, and are in no queue. Whether there are any.
 */
static bool seek_calls(mqci_waiters *waiters, int64_t now)
{
	mqci_waiter *waiter;
	bool any = false;

	(void)pthread_mutex_lock(&waiters->lock);
	for (waiter = first_of_all(waiters); waiter != NULL;
	     waiter = next_of_all(waiters, waiter)) {
		waiter->sought = waiter->call != 0 && !waiter->replied && !waiter->lost &&
				 waiter->begun <= waiters->lookout.last_death &&
				 waiter->begun + PATIENCE <= now && queue_is_empty(waiters, waiter);
		if (!waiter->sought)
			waiter->missed = 0;
		any = any || waiter->sought;
	}
	(void)pthread_mutex_unlock(&waiters->lock);
	return any;
}

/* A server has it in hand. */
static void find_call(uint64_t session, uint64_t call, bool begun, void *data)
{
	mqci_waiters *waiters = data;
	mqci_slot *slot;

	(void)begun;
	if (session != waiters->session)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	slot = mqci_slots_find(&waiters->slots, call);
	if (slot != NULL && slot->waiter != NULL) {
		slot->waiter->sought = false;
		slot->waiter->missed = 0;
	}
	(void)pthread_mutex_unlock(&waiters->lock);
}

/*
 * Those that were not found, again and again: one may be changing hands, and a
 * worker that was given a request may be slow to run on a busy machine.
 */
static void lose_missing(mqci_waiters *waiters)
{
	mqci_waiter *waiter;

	(void)pthread_mutex_lock(&waiters->lock);
	for (waiter = first_of_all(waiters); waiter != NULL;
	     waiter = next_of_all(waiters, waiter)) {
		if (!waiter->sought || waiter->replied || ++waiter->missed < MISSED)
			continue;
		/* Its slot is its own still: a server that was just frozen may write there. */
		waiter->lost = waiter->lost_begun = true;
		wake(waiters, waiter);
	}
	(void)pthread_mutex_unlock(&waiters->lock);
}

/*
 * A server may die with a reply that it kept, as there was no room for it: then
 * the call is nowhere. So after a death, calls are looked for everywhere.
 */
static void look_for_missing(mqci_waiters *waiters, int64_t now)
{
	if (waiters->lookout.last_death == 0 || !seek_calls(waiters, now))
		return;
	mqci_lookout_hands(&waiters->lookout, find_call, waiters);
	lose_missing(waiters);
}

/* Callers wait for long: look whether their servers live. Without the lock, for it takes a while.
 */
static void look_after_servers(mqci_waiters *waiters, int64_t now)
{
	unsigned epoch = mqci_waiters_epoch(waiters);
	bool removed = mqci_queue_is_removed(waiters->requests);

	mqci_lookout_look(&waiters->lookout, now, lose_call, waiters);
	look_for_missing(waiters, now);
	(void)pthread_mutex_lock(&waiters->lock);
	if (removed && waiters->epoch == epoch)
		note_removal(waiters, now);
	use_stale_slots(waiters, now);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Stir those that stand apart whose time is over; when the time of the next is. */
static int64_t stir_late(mqci_waiters *waiters, int64_t now)
{
	mqci_waiter *waiter;

	if (waiters->apart_late > now)
		return waiters->apart_late;
	waiters->apart_late = MQCI_NEVER;
	for (waiter = waiters->apart; waiter != NULL; waiter = waiter->next)
		if (waiter->deadline <= now)
			stir(waiters, waiter);
		else if (waiter->deadline < waiters->apart_late)
			waiters->apart_late = waiter->deadline;
	return waiters->apart_late;
}

/* Look after the servers if a call has waited for long; when it is to be done again. */
static int64_t look_after_calls(mqci_waiters *waiters, int64_t now)
{
	int64_t next;

	(void)pthread_mutex_lock(&waiters->lock);
	next = first_impatient(waiters, now);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (next <= now) {
		look_after_servers(waiters, now);
		next = now + PATIENCE;
	} else if (next == MQCI_NEVER) {
		mqci_lookout_rest(&waiters->lookout);
	}
	return next;
}

int64_t mqci_waiters_tend(mqci_waiters *waiters, int64_t now)
{
	int64_t next = now + PATIENCE, late;
	bool tended;

	(void)pthread_mutex_lock(&waiters->lock);
	tended = waiters->tending;
	waiters->tending = true;
	(void)pthread_mutex_unlock(&waiters->lock);
	if (!tended)
		next = look_after_calls(waiters, now);
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->tending = tended;
	waiters->tended = now;
	late = stir_late(waiters, now);
	(void)pthread_mutex_unlock(&waiters->lock);
	return late < next ? late : next;
}

int64_t mqci_waiters_next(mqci_waiters *waiters, int64_t now)
{
	int64_t next;

	(void)pthread_mutex_lock(&waiters->lock);
	next = first_impatient(waiters, now);
	if (waiters->apart_late < next)
		next = waiters->apart_late;
	/* While somebody is impatient, now and then. */
	if (next <= now)
		next = waiters->tended + PATIENCE;
	(void)pthread_mutex_unlock(&waiters->lock);
	return next;
}

/* On the watchdog's thread: tend, and wake the thread that receives if its time is up. */
static int64_t check_time(mqci_watch *watch, int64_t now)
{
	mqci_waiters *waiters =
		(mqci_waiters *)(void *)((char *)watch - offsetof(mqci_waiters, watch));
	int64_t next = mqci_waiters_tend(waiters, now);

	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->receiving && waiters->receiving_until <= now)
		wake_receiver(waiters);
	else if (waiters->receiving && waiters->receiving_until < next)
		next = waiters->receiving_until;
	(void)pthread_mutex_unlock(&waiters->lock);
	return next;
}

/* Have the watchdog look at the time for a thread that waits from now on. */
static void expect_check(int64_t now, int64_t deadline)
{
	mqci_watchdog_expect(deadline < now + PATIENCE ? deadline : now + PATIENCE);
}

/* The reply to a call that was given up: nobody reads it. */
static void drop_reply(mqci_waiters *waiters, const mqci_frame *frame, mqci_slot *slot)
{
	unsigned index = mqci_slot_of_call(slot->call);
	uint64_t place = mqci_arena_place(waiters->arena, index);

	if (frame->flags & MQCI_FRAME_ARENA)
		mqci_arena_drop(waiters->arena, place,
				(size_t)(frame->arena - place - waiters->arena->region) +
					frame->size);
	if (frame->flags & MQCI_FRAME_REFERS)
		mqci_arena_lose(waiters->arena, index);
	else if (frame->flags & MQCI_FRAME_ARENA || slot->used > 0)
		mqci_arena_rest(waiters->arena, index, place);
	release_slot(waiters, slot);
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
	waiters->spin.other_cpu = frame->cpu;
	waiter->reply = *frame;
	waiter->replied = true;
	if (frame->flags & (MQCI_FRAME_ARENA | MQCI_FRAME_REFERS) && waiter->used == 0)
		waiter->used = 1;
	waiter->owns_slot = waiter->used > 0;
	if (!waiter->owns_slot)
		release_slot(waiters, slot);
	if (!(frame->flags & MQCI_FRAME_ARENA))
		keep_reply(waiter, receiver);
	wake(waiters, waiter);
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
		end_session(waiters);
	}
}

/* A server of another version answers in its own; all we read is which call it means. */
static void deliver_other_version(mqci_waiters *waiters, const mqci_frame *frame,
				  mqci_waiter *receiver)
{
	static const char text[] = "the server speaks another version of mqcall's protocol; build "
				   "client and server with the same version of mqcall";
	const mqci_frame refusal = {
		.type = MQCI_REPLY,
		.session = waiters->session,
		.key = waiters->key,
		.call = frame->call,
		.code = (uint64_t)(int64_t)MQC_FAILED_PRECONDITION,
		.payload = (const uint8_t *)text,
		.size = sizeof text - 1,
	};

	/* The key is the nonce still: who cannot read that cannot turn us away. */
	if (!waiters->welcomed && frame->session == waiters->session && frame->key == waiters->key)
		deliver(waiters, &refusal, receiver);
}

static void deliver_message(mqci_waiters *waiters, size_t size, mqci_waiter *receiver)
{
	const uint8_t *at = waiters->buffer;
	mqci_verdict verdict;
	mqci_frame frame;

	while ((verdict = mqci_frame_decode(&at, &size, &frame)) == MQCI_FRAME_OK)
		deliver(waiters, &frame, receiver);
	if (verdict == MQCI_FRAME_BAD_VERSION)
		deliver_other_version(waiters, &frame, receiver);
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
	int64_t until = mqci_waiters_tend(waiters, mqci_clock_now());
	int r;

	if (waiter->deadline < until)
		until = waiter->deadline;
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

/* Poll for a message, if that pays: its size; 0, there was none; or a status. */
static ssize_t spin(mqci_waiters *waiters)
{
	size_t size = 0;
	int r = 0;

	if (!mqci_spin_begin(&waiters->spin))
		return 0;
	do
		r = mqci_queue_take(&waiters->drain, waiters->buffer, waiters->drain.size, &size);
	while (r == 0 && mqci_spin_on(&waiters->spin));
	if (r > 0)
		mqci_spin_hit(&waiters->spin);
	return r < 0 ? r : (ssize_t)size;
}

/*
 * Receive one message for everybody, without the lock, which is held when this
 * returns. Who waits since `since` has claimed to.
 */
static int receive_claimed(mqci_waiters *waiters, mqci_waiter *waiter, int64_t since)
{
	ssize_t size = spin(waiters);

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

static int receive(mqci_waiters *waiters, mqci_waiter *waiter)
{
	claim(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	return receive_claimed(waiters, waiter, mqci_clock_now());
}

/* Sleep while another thread receives: until woken, or the deadline. */
static int follow(mqci_waiters *waiters, mqci_waiter *waiter)
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
static int despair(const mqci_waiters *waiters, const mqci_waiter *waiter, int64_t now)
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
	int r = despair(waiters, waiter, mqci_clock_now());

	if (r < 0)
		return r;
	return waiters->receiving ? follow(waiters, waiter) : receive(waiters, waiter);
}

void mqci_waiter_init(mqci_waiter *waiter)
{
	memset(waiter, 0, offsetof(mqci_waiter, woken));
}

void mqci_waiters_cancel(mqci_waiters *waiters, mqci_waiter *waiter)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiter->cancelled = true;
	wake(waiters, waiter);
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
static int drain(mqci_waiters *waiters, unsigned messages)
{
	unsigned count = 0;
	int r = 1;

	while (count < messages && r > 0 && !waiters->receiving) {
		r = drain_one(waiters);
		count += r > 0;
	}
	return r < 0 ? r : (int)count;
}

/* Somebody has come to look. */
static void quieten(mqci_waiters *waiters)
{
	eventfd_t count;

	if (waiters->alarmed)
		(void)eventfd_read(waiters->alarm, &count);
	waiters->alarmed = false;
}

int mqci_waiters_drain(mqci_waiters *waiters, unsigned messages)
{
	mqci_saved_error error;
	int told = MQC_OK, r;

	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->notify.queue != NULL) {
		told = mqci_notify_renew(&waiters->notify);
		if (told < 0)
			mqci_error_save(&error);
		messages = UINT_MAX;
	}
	waiters->draining = true;
	quieten(waiters);
	r = drain(waiters, messages);
	waiters->draining = false;
	if (!waiters->receiving)
		hand_over(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
	return told < 0 ? mqci_error_restore(&error) : r;
}

int mqci_waiters_notify(mqci_waiters *waiters, const struct sigevent *event)
{
	int r = MQC_OK;

	(void)pthread_mutex_lock(&waiters->lock);
	mqci_notify_end(&waiters->notify);
	if (event != NULL)
		r = mqci_notify_begin(&waiters->notify, &waiters->drain, event);
	if (r == MQC_OK && event != NULL && waiters->stirred != NULL)
		mqci_notify_fire(&waiters->notify);
	(void)pthread_mutex_unlock(&waiters->lock);
	return r;
}

/* Wait no more: if nobody receives now, another waiter must. */
static void leave(mqci_waiters *waiters, mqci_waiter *waiter)
{
	delist(waiter);
	if (waiter->receives)
		unclaim(waiters, waiter);
	if (!waiters->receiving)
		hand_over(waiters);
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
	mqci_spin_init(&waiters->spin, options->spin_us);
	waiters->session = arena->session;
	waiters->arena = arena;
	waiters->requests = requests;
	waiters->line_end = &waiters->line;
	waiters->stirred_end = &waiters->stirred;
	waiters->apart_impatient = waiters->apart_late = MQCI_NEVER;
	waiters->alarm = -1;
	waiters->ended = true;
	waiters->watch.check = check_time;
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

void mqci_waiters_welcome(mqci_waiters *waiters, uint64_t key)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->key = key;
	waiters->welcomed = true;
	waiters->ended = false;
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_end(mqci_waiters *waiters, unsigned epoch)
{
	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->epoch == epoch)
		end_session(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_queue_removed(mqci_waiters *waiters, unsigned epoch)
{
	(void)pthread_mutex_lock(&waiters->lock);
	(void)drain(waiters, UINT_MAX);
	if (waiters->epoch == epoch)
		note_removal(waiters, mqci_clock_now());
	(void)pthread_mutex_unlock(&waiters->lock);
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
	abandon_regions(waiters);
	mqci_slots_reset(&waiters->slots);
	begin_call(waiters, mqci_slots_take(&waiters->slots, waiter), waiter, mqci_clock_now());
	enlist(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Wait for a slot, in the line. */
static int await_slot(mqci_waiters *waiters, mqci_waiter *waiter, int64_t now)
{
	mqci_slot *slot;
	int r = MQC_OK;

	waiter->begun = now;
	enlist(waiters, waiter);
	join_line(waiters, waiter);
	(void)drain(waiters, UINT_MAX);
	use_stale_slots(waiters, now);
	while (r == MQC_OK && waiter->call == 0)
		r = pass_time(waiters, waiter);
	leave_line(waiters, waiter);
	leave(waiters, waiter);
	/* It may have come just as the time was over; or as the session was. */
	if (waiter->call == 0)
		return r;
	if (waiter->epoch == waiters->epoch && !waiters->ended)
		return MQC_OK;
	slot = mqci_slots_find(&waiters->slots, waiter->call);
	if (slot != NULL)
		mqci_slots_free(&waiters->slots, slot);
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
	else if (waiters->line == NULL)
		slot = mqci_slots_take(&waiters->slots, waiter);
	if (slot != NULL)
		begin_call(waiters, slot, waiter, times->now);
	else if (r == MQC_OK && times->at_once)
		r = 1;
	else if (r == MQC_OK)
		r = await_slot(waiters, waiter, times->now);
	if (r == MQC_OK) {
		waiter->deadline = times->deadline;
		waiter->apart = times->apart;
		enlist(waiters, waiter);
		if (!waiter->apart && !waiters->receiving)
			claim(waiters, waiter);
	}
	(void)pthread_mutex_unlock(&waiters->lock);
	/* Nobody will say so before waiting. */
	if (r == MQC_OK && times->apart && !waiters->own_loop)
		expect_check(times->now, times->deadline);
	return r;
}

void mqci_waiters_yield(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (!waiter->receives)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	unclaim(waiters, waiter);
	hand_over(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Give the slot back that the waiter has had to itself. */
static void return_slot(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	mqci_slot *slot;

	/* Before another call can have it. */
	if (waiter->used > 0)
		mqci_arena_rest(waiters->arena, mqci_slot_of_call(waiter->call), waiter->place);
	(void)pthread_mutex_lock(&waiters->lock);
	slot = mqci_slots_find(&waiters->slots, waiter->call);
	if (slot != NULL)
		release_slot(waiters, slot);
	else
		mqci_arena_leave(waiters->arena, waiter->place);
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_use(mqci_waiters *waiters, mqci_waiter *waiter, size_t size)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiter->used = size;
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* It is over: nobody is to look at it any more. */
static void settle(mqci_waiters *waiters, mqci_waiter *waiter)
{
	mqci_waiter **link = &waiters->stirred;

	delist(waiter);
	if (waiters->apart == NULL)
		waiters->apart_impatient = waiters->apart_late = MQCI_NEVER;
	waiter->apart = false;
	waiter->settled = true;
	if (!waiter->stirred)
		return;
	while (*link != waiter)
		link = &(*link)->next_in_line;
	*link = waiter->next_in_line;
	if (*link == NULL)
		waiters->stirred_end = link;
	waiter->stirred = false;
}

void mqci_waiters_undo(mqci_waiters *waiters, mqci_waiter *waiter)
{
	(void)pthread_mutex_lock(&waiters->lock);
	if (waiter->apart)
		settle(waiters, waiter);
	else
		leave(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	return_slot(waiters, waiter);
	free(waiter->copy);
}

/* The wait is over, well or not: leave a slot that has no reply for when one comes. */
static mqci_slot *leave_slot(mqci_waiters *waiters, const mqci_waiter *waiter)
{
	mqci_slot *slot;

	if (waiter->replied)
		return NULL;
	slot = mqci_slots_find(&waiters->slots, waiter->call);
	if (slot == NULL) {
		mqci_arena_leave(waiters->arena, waiter->place);
		return NULL;
	}
	slot->waiter = NULL;
	slot->given_up = mqci_clock_now();
	slot->used = waiter->used;
	return slot;
}

/* Whether a call may have been executed that failed so. */
static bool may_be_executed(const mqci_waiters *waiters, const mqci_waiter *waiter, int status)
{
	if (status != MQC_UNAVAILABLE)
		return true;
	return waiter->lost ? waiter->lost_begun : waiter->epoch != waiters->goodbye_epoch;
}

int mqci_waiters_await(mqci_waiters *waiters, mqci_waiter *waiter)
{
	const mqci_slot *left;
	bool executed;
	int r = MQC_OK;

	if (waiter->receives)
		r = receive_claimed(waiters, waiter, waiter->begun);
	else
		(void)pthread_mutex_lock(&waiters->lock);
	while (r == MQC_OK && !waiter->replied)
		r = pass_time(waiters, waiter);
	if (waiter->replied)
		r = MQC_OK;
	executed = may_be_executed(waiters, waiter, r);
	left = leave_slot(waiters, waiter);
	leave(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (left != NULL)
		mqci_arena_give_up(waiters->arena, waiter->call);
	if (waiter->no_memory) {
		mqci_waiters_finish(waiters, waiter);
		r = mqci_no_memory("a reply");
	}
	return r < 0 && executed ? mqci_maybe_executed() : r;
}

mqci_waiter *mqci_waiters_first_apart(mqci_waiters *waiters)
{
	mqci_waiter *first;

	(void)pthread_mutex_lock(&waiters->lock);
	first = waiters->apart;
	(void)pthread_mutex_unlock(&waiters->lock);
	return first;
}

void mqci_waiters_set_alarm(mqci_waiters *waiters, int alarm)
{
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->alarm = alarm;
	waiters->alarmed = false;
	(void)pthread_mutex_unlock(&waiters->lock);
}

bool mqci_waiters_are_stirred(mqci_waiters *waiters)
{
	bool stirred;

	(void)pthread_mutex_lock(&waiters->lock);
	stirred = waiters->stirred != NULL;
	(void)pthread_mutex_unlock(&waiters->lock);
	return stirred;
}

mqci_waiter *mqci_waiters_next_stirred(mqci_waiters *waiters)
{
	mqci_waiter *first;

	(void)pthread_mutex_lock(&waiters->lock);
	first = waiters->stirred;
	if (first != NULL) {
		waiters->stirred = first->next_in_line;
		if (waiters->stirred == NULL)
			waiters->stirred_end = &waiters->stirred;
		first->stirred = false;
		if (first->replied)
			settle(waiters, first);
	}
	(void)pthread_mutex_unlock(&waiters->lock);
	return first;
}

int mqci_waiters_look(mqci_waiters *waiters, mqci_waiter *waiter, int64_t now)
{
	int r = 1;

	(void)pthread_mutex_lock(&waiters->lock);
	if (waiter->replied && !waiter->settled)
		settle(waiters, waiter);
	else if (!waiter->replied)
		r = despair(waiters, waiter, now);
	(void)pthread_mutex_unlock(&waiters->lock);
	return r;
}

int mqci_waiters_abandon(mqci_waiters *waiters, mqci_waiter *waiter, int status, bool unsent)
{
	const mqci_slot *left = NULL;
	bool executed;
	int r = status;

	(void)pthread_mutex_lock(&waiters->lock);
	if (!waiter->settled)
		settle(waiters, waiter);
	executed = !unsent && may_be_executed(waiters, waiter, status);
	if (waiter->replied)
		r = 1;
	else if (!unsent)
		left = leave_slot(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (left != NULL)
		mqci_arena_give_up(waiters->arena, waiter->call);
	if (r < 0 && unsent)
		return_slot(waiters, waiter);
	return r < 0 && executed ? mqci_maybe_executed() : r;
}

void mqci_waiters_alarm(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	raise_alarm(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Wait for something to be stirred. */
static int watch(mqci_waiters *waiters, mqci_waiter *watcher)
{
	int r;

	enlist(waiters, watcher);
	r = waiters->receiving ? follow(waiters, watcher) : receive(waiters, watcher);
	leave(waiters, watcher);
	return r;
}

unsigned mqci_waiters_alarms(mqci_waiters *waiters)
{
	unsigned alarms;

	(void)pthread_mutex_lock(&waiters->lock);
	alarms = waiters->alarms;
	(void)pthread_mutex_unlock(&waiters->lock);
	return alarms;
}

int mqci_waiters_watch(mqci_waiters *waiters, unsigned alarms, int64_t deadline)
{
	mqci_waiter watcher;
	int r = MQC_OK;

	mqci_waiter_init(&watcher);
	watcher.watches = true;
	watcher.deadline = deadline;
	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->alarms == alarms)
		r = watch(waiters, &watcher);
	(void)pthread_mutex_unlock(&waiters->lock);
	return r;
}

void mqci_waiters_finish(mqci_waiters *waiters, mqci_waiter *waiter)
{
	free(waiter->copy);
	if (waiter->owns_slot)
		return_slot(waiters, waiter);
	if (!waiter->owns_buffer)
		return;
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->receiving = false;
	hand_over(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}
