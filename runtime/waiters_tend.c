/*
 * waiters_tend.c - what is done in time for those that wait: their time limits, and
 * whether their servers live.
 *
 * By the watchdog's thread; or, for a client that has none, by whoever waits.
 */
#include "waiters_inside.h"

#include <mqcall/status.h>

#include "clock.h"

/* A call that is nowhere in so many looks in a row, which takes a second, is lost. */
#define MISSED 20

/* A server that stops has said goodbye in so many ns, or says none. */
#define FAREWELL (2000 * INT64_C(1000000))

/* Whether a server whose queue has no name may still say, or has said, what became of our calls. */
static bool may_hear(const mqci_waiters *waiters, int64_t now)
{
	size_t unread;

	if (mqci_queue_waiting(&waiters->drain, &unread) == MQC_OK && unread > 0)
		return true;
	return now - waiters->removal_seen < FAREWELL &&
	       mqci_lookout_sees_any(&waiters->lookout, waiters->leavers_met);
}

/* Whether the name of our requests' queue is that of another one, of the next servers. */
static bool name_is_taken(const mqci_waiters *waiters)
{
	mqci_queue other;
	int r = mqci_queue_open(waiters->requests->name, MQCI_SEND, &other);

	if (r == MQC_OK)
		mqci_queue_close(&other);
	return r != MQC_NOT_FOUND;
}

/*
 * The server's queue has no name: it stops, or nobody answers any more. If the name
 * is taken, who was not seen before is one of the next servers.
 */
static void note_removal(mqci_waiters *waiters, int64_t now, bool taken)
{
	if (waiters->removal_seen == 0) {
		waiters->removal_seen = waiters->hope_seen = now;
		waiters->leavers_met = taken ? now - 1 : now;
	}
	if (may_hear(waiters, now))
		waiters->hope_seen = now;
	/* What was taken out of the queue may be on its way to its caller. */
	if (now - waiters->hope_seen >= MQCI_PATIENCE) {
		waiters->cut_off = true;
		mqci_waiters_end_session(waiters);
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
	mqci_waiters_release_slot(waiters, slot);
	if (waiter == NULL)
		return;
	waiter->bereft = true;
	waiter->lost = true;
	waiter->lost_begun = begun;
	mqci_waiters_wake(waiters, waiter);
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
		if (!waiter->watches && waiter->begun + MQCI_PATIENCE < first)
			first = waiter->begun + MQCI_PATIENCE;
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
void mqci_waiters_use_stale_slots(mqci_waiters *waiters, int64_t now)
{
	if (waiters->line == NULL)
		return;
	/* If there is none left, a new session begins with all of them. */
	if (mqci_slots_retire(&waiters->slots, now))
		mqci_waiters_end_session(waiters);
	mqci_waiters_serve_line(waiters);
}

/* Whether no request waits in the queue that a call's went to. */
static bool queue_is_empty(const mqci_waiters *waiters, const mqci_waiter *waiter)
{
	const mqci_queue *queue = atomic_load_explicit(&waiter->queue, memory_order_relaxed);
	size_t waiting;

	if (queue == NULL)
		queue = waiters->requests;
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
	for (waiter = mqci_waiters_first_of_all(waiters); waiter != NULL;
	     waiter = mqci_waiters_next_of_all(waiters, waiter)) {
		waiter->sought = waiter->call != 0 && !waiter->replied && !waiter->lost &&
				 waiter->begun <= waiters->lookout.last_death &&
				 waiter->begun + MQCI_PATIENCE <= now &&
				 queue_is_empty(waiters, waiter);
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
	for (waiter = mqci_waiters_first_of_all(waiters); waiter != NULL;
	     waiter = mqci_waiters_next_of_all(waiters, waiter)) {
		if (!waiter->sought || waiter->replied || ++waiter->missed < MISSED)
			continue;
		/* Its slot is its own still: a server that was just frozen may write there. */
		waiter->lost = waiter->lost_begun = true;
		mqci_waiters_wake(waiters, waiter);
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

/* One thread at a time tends: whether this one may, until it says that it tends no more. */
static bool begin_to_tend(mqci_waiters *waiters)
{
	bool tended;

	(void)pthread_mutex_lock(&waiters->lock);
	tended = waiters->tending;
	waiters->tending = true;
	(void)pthread_mutex_unlock(&waiters->lock);
	return !tended;
}

/* Callers wait for long: look whether their servers live. Without the lock: it takes a while. */
static void look_after_servers(mqci_waiters *waiters, int64_t now)
{
	unsigned epoch = mqci_waiters_epoch(waiters);
	bool removed = mqci_queue_is_removed(waiters->requests), taken;

	mqci_lookout_look(&waiters->lookout, now, lose_call, waiters);
	/* Servers have a queue before they are seen. */
	taken = removed && name_is_taken(waiters);
	look_for_missing(waiters, now);
	(void)pthread_mutex_lock(&waiters->lock);
	if (removed && waiters->epoch == epoch)
		note_removal(waiters, now, taken);
	mqci_waiters_use_stale_slots(waiters, now);
	waiters->looked = now;
	(void)pthread_mutex_unlock(&waiters->lock);
}

void mqci_waiters_look_after_servers(mqci_waiters *waiters, int64_t now)
{
	if (!begin_to_tend(waiters))
		return;
	look_after_servers(waiters, now);
	(void)pthread_mutex_lock(&waiters->lock);
	waiters->tending = false;
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
			mqci_waiters_stir(waiters, waiter);
		else if (waiter->deadline < waiters->apart_late)
			waiters->apart_late = waiter->deadline;
	return waiters->apart_late;
}

/* Look after the servers if a call has waited for long; when it is to be done again. */
static int64_t look_after_calls(mqci_waiters *waiters, int64_t now)
{
	int64_t next;

	(void)pthread_mutex_lock(&waiters->lock);
	/* The watchdog may come more often, for something else. */
	next = waiters->looked + MQCI_PATIENCE;
	if (next <= now)
		next = first_impatient(waiters, now);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (next <= now) {
		look_after_servers(waiters, now);
		next = now + MQCI_PATIENCE;
	} else if (next == MQCI_NEVER) {
		mqci_lookout_rest(&waiters->lookout);
	}
	return next;
}

int64_t mqci_waiters_tend(mqci_waiters *waiters, int64_t now)
{
	int64_t next = now + MQCI_PATIENCE, late;
	const bool mine = begin_to_tend(waiters);

	if (mine)
		next = look_after_calls(waiters, now);
	(void)pthread_mutex_lock(&waiters->lock);
	if (mine)
		waiters->tending = false;
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
		next = waiters->looked + MQCI_PATIENCE;
	(void)pthread_mutex_unlock(&waiters->lock);
	return next;
}

/* On the watchdog's thread: tend, and wake the thread that receives if its time is up. */
int64_t mqci_waiters_check_time(mqci_watch *watch, int64_t now)
{
	mqci_waiters *waiters =
		(mqci_waiters *)(void *)((char *)watch - offsetof(mqci_waiters, watch));
	int64_t next = mqci_waiters_tend(waiters, now);

	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->receiving && waiters->receiving_until <= now)
		mqci_waiters_wake_receiver(waiters);
	else if (waiters->receiving && waiters->receiving_until < next)
		next = waiters->receiving_until;
	(void)pthread_mutex_unlock(&waiters->lock);
	return next;
}
