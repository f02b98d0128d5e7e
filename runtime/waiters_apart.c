/*
 * waiters_apart.c - calls that no thread waits for, and those who look after them.
 *
 * What happens to such a call stirs it. Who looks after them watches, as another
 * kind of waiter; when nobody does, whoever stirs one raises the alarm.
 */
#include "waiters_inside.h"

#include <limits.h>
#include <sys/eventfd.h>

#include "clock.h"
#include "error.h"

/* Somebody is to come and watch. */
static void sound(mqci_waiters *waiters)
{
	if (waiters->notify.queue != NULL)
		mqci_notify_fire(&waiters->notify);
	if (waiters->alarm >= 0 && !waiters->alarmed)
		waiters->alarmed = eventfd_write(waiters->alarm, 1) == 0;
}

/* There is something to be looked at, by whoever watches; or somebody is to come. */
void mqci_waiters_raise_alarm(mqci_waiters *waiters)
{
	bool heard = waiters->draining;

	waiters->alarms++;
	for (mqci_waiter *waiter = waiters->list; waiter != NULL; waiter = waiter->next)
		if (waiter->watches) {
			mqci_waiters_wake(waiters, waiter);
			heard = true;
		}
	if (!heard)
		sound(waiters);
}

void mqci_waiters_stir(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (waiter->stirred)
		return;
	waiter->stirred = true;
	waiter->next_in_line = NULL;
	*waiters->stirred_end = waiter;
	waiters->stirred_end = &waiter->next_in_line;
	mqci_waiters_raise_alarm(waiters);
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
	r = mqci_waiters_take(waiters, messages);
	waiters->draining = false;
	if (!waiters->receiving)
		mqci_waiters_hand_over(waiters);
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

/* It is over: nobody is to look at it any more. */
void mqci_waiters_settle(mqci_waiters *waiters, mqci_waiter *waiter)
{
	mqci_waiter **link = &waiters->stirred;

	mqci_waiters_delist(waiter);
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

void mqci_waiters_notify_soon(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	if (waiters->notify.queue != NULL)
		mqci_notify_soon(&waiters->notify);
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

/* Take the first one off the list, which is not empty. */
static mqci_waiter *take_stirred(mqci_waiters *waiters)
{
	mqci_waiter *first = waiters->stirred;

	waiters->stirred = first->next_in_line;
	if (waiters->stirred == NULL)
		waiters->stirred_end = &waiters->stirred;
	first->stirred = false;
	first->next_in_line = NULL;
	if (first->replied)
		mqci_waiters_settle(waiters, first);
	return first;
}

mqci_waiter *mqci_waiters_next_stirred(mqci_waiters *waiters, bool *ret_settled)
{
	mqci_waiter *first = NULL, **end = &first;

	(void)pthread_mutex_lock(&waiters->lock);
	/* What is settled is never stirred again, so it can be linked to others. */
	while (waiters->stirred != NULL && waiters->stirred->replied &&
	       !waiters->stirred->handshake) {
		*end = take_stirred(waiters);
		end = &(*end)->next_in_line;
	}
	*ret_settled = first != NULL;
	if (first == NULL && waiters->stirred != NULL)
		first = take_stirred(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
	return first;
}

int mqci_waiters_look(mqci_waiters *waiters, mqci_waiter *waiter, int64_t now)
{
	int r = 1;

	(void)pthread_mutex_lock(&waiters->lock);
	if (waiter->replied && !waiter->settled)
		mqci_waiters_settle(waiters, waiter);
	else if (!waiter->replied)
		r = mqci_waiters_despair(waiters, waiter, now);
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
		mqci_waiters_settle(waiters, waiter);
	executed = !unsent && mqci_waiters_may_be_executed(waiters, waiter, status);
	if (waiter->replied)
		r = 1;
	else if (!unsent)
		left = mqci_waiters_leave_slot(waiters, waiter);
	(void)pthread_mutex_unlock(&waiters->lock);
	if (left != NULL)
		mqci_arena_give_up(waiters->arena, waiter->call);
	if (r < 0 && unsent)
		mqci_waiters_return_slot(waiters, waiter);
	return r < 0 && executed ? mqci_maybe_executed() : r;
}

void mqci_waiters_alarm(mqci_waiters *waiters)
{
	(void)pthread_mutex_lock(&waiters->lock);
	mqci_waiters_raise_alarm(waiters);
	/* Whoever has heard it may be none whom it concerns. */
	sound(waiters);
	(void)pthread_mutex_unlock(&waiters->lock);
}

/* Wait for something to be stirred. */
static int watch(mqci_waiters *waiters, mqci_waiter *watcher)
{
	int r;

	mqci_waiters_enlist(waiters, watcher);
	r = waiters->receiving ? mqci_waiters_sleep(waiters, watcher)
			       : mqci_waiters_receive_one(waiters, watcher);
	mqci_waiters_leave(waiters, watcher);
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
