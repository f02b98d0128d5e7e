/*
 * defer.c - calls whose handlers have returned, and that are answered later.
 *
 * One lock for all servers of the process: a call may outlive its server, so
 * what guards the two cannot belong to either.
 */
#include "defer.h"

#include <stdlib.h>

#include "answer.h"
#include "call.h"
#include "fork.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;

static void before_fork(mqci_forked *forked)
{
	(void)forked;
	(void)pthread_mutex_lock(&lock);
}

static void after_fork(mqci_forked *forked)
{
	(void)forked;
	(void)pthread_mutex_unlock(&lock);
}

static mqci_forked at_fork = {.before = before_fork, .after = after_fork, .child = after_fork};

int mqci_defer_init(void)
{
	return mqci_fork_register(&at_fork);
}

static void enlist(mqc_call *call)
{
	mqci_deferrals *deferrals = call->deferrals;

	call->previous = NULL;
	call->next = deferrals->list;
	if (call->next != NULL)
		call->next->previous = call;
	deferrals->list = call;
}

static void delist(mqc_call *call)
{
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		call->deferrals->list = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
}

/* It is answered, and in hand no more. */
static void drop_hand(const mqc_call *call)
{
	mqci_hand_drop(call->hand);
	mqci_presence_return(call->deferrals->presence, call->hand);
}

void mqci_defer_leave(mqc_call *call)
{
	if (atomic_fetch_sub(&call->holders, 1) == 1)
		(void)mqci_call_free(call);
}

int mqc_call_defer(mqc_call *call)
{
	mqci_hand *hand;

	if (call->deferred)
		return MQC_OK;
	if (!call->dispatched)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s cannot be deferred: only its handler can do that",
				 call->method->name);
	hand = mqci_presence_hand(call->deferrals->presence);
	if (hand == NULL)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "%s cannot be deferred: the server has %d calls in hand, which is "
				 "as many as it can have",
				 call->method->name, MQCI_HANDS_MAX);
	mqci_hand_take(hand, call->origin.session->id, call->origin.call, true);
	mqci_session_hold(call->origin.session);
	call->hand = hand;
	/* It is not bound to the end of a batch, nor to this thread. */
	call->origin.batch = NULL;
	call->origin.cpu = MQCI_CPU_UNKNOWN;
	call->deferred = true;
	atomic_store(&call->holders, 2);
	(void)pthread_mutex_lock(&lock);
	enlist(call);
	(void)pthread_mutex_unlock(&lock);
	return MQC_OK;
}

/* Take a call off its list, to answer it; false if its server was closed. */
static bool take(mqc_call *call)
{
	bool ours;

	(void)pthread_mutex_lock(&lock);
	ours = !call->abandoned;
	if (ours) {
		delist(call);
		call->deferrals->finishing++;
	}
	(void)pthread_mutex_unlock(&lock);
	return ours;
}

/* It is answered. */
static void put_away(mqc_call *call)
{
	drop_hand(call);
	mqci_session_release(call->origin.session);
	(void)pthread_mutex_lock(&lock);
	if (--call->deferrals->finishing == 0)
		(void)pthread_cond_broadcast(&finished);
	(void)pthread_mutex_unlock(&lock);
}

/* The status of an answer, which must be one, and have a reply if it is OK. */
static int check_answer(mqc_call *call, int status, const ProtobufCMessage *reply)
{
	if (status > MQC_OK || status < MQC_UNAUTHENTICATED ||
	    (status == MQC_OK && (reply == NULL || reply->descriptor != call->method->reply)))
		return mqc_call_fail(call, MQC_INTERNAL,
				     "%s was finished with what is no answer to it: status %d, "
				     "reply %s, which should be a %s",
				     call->method->name, status,
				     reply != NULL ? reply->descriptor->name : "NULL",
				     call->method->reply->name);
	return MQC_OK;
}

int mqc_call_finish(mqc_call *call, int status, const ProtobufCMessage *reply)
{
	int r;

	if (!call->deferred)
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s cannot be finished: it was not deferred, by mqc_call_defer(), "
				 "and is answered when its handler returns",
				 call->method->name);
	if (take(call)) {
		r = check_answer(call, status, reply);
		if (r == MQC_OK)
			r = mqci_answer_call(call, status, reply);
		else
			(void)mqci_answer_call(call, r, NULL);
		if (r < 0)
			r = mqci_fail(r, 0, "%s", call->text);
		put_away(call);
	} else {
		r = mqci_fail(MQC_FAILED_PRECONDITION, 0,
			      "%s cannot be finished: its server was closed, and has told the "
			      "caller so",
			      call->method->name);
		mqci_session_leave(call->origin.session);
	}
	mqci_defer_leave(call);
	return r;
}

/* Take the calls off the list, one at a time; NULL when there are none, nor any being answered. */
static mqc_call *next_to_abandon(mqci_deferrals *deferrals)
{
	mqc_call *call;

	(void)pthread_mutex_lock(&lock);
	while (deferrals->list == NULL && deferrals->finishing > 0)
		(void)pthread_cond_wait(&finished, &lock);
	call = deferrals->list;
	if (call != NULL) {
		delist(call);
		call->abandoned = true;
		mqci_answer_status(&call->origin, MQCI_FRAME_LOST, MQC_UNAVAILABLE,
				   "the server has stopped with the call in hand");
		drop_hand(call);
		/* The call is valid until it is finished, and so is its client. */
		mqci_session_outlive(call->origin.session);
	}
	(void)pthread_mutex_unlock(&lock);
	return call;
}

void mqci_defer_abandon(mqci_deferrals *deferrals)
{
	while (next_to_abandon(deferrals) != NULL)
		continue;
}

void mqci_defer_disown(mqci_deferrals *deferrals)
{
	for (mqc_call *call = deferrals->list; call != NULL; call = call->next)
		call->abandoned = true;
	deferrals->list = NULL;
	deferrals->finishing = 0;
}
