/*
 * notify.c - telling a program that waits for nothing that a message has come: mq_notify().
 */
#include "notify.h"

#include <errno.h>
#include <string.h>

#include "error.h"

/* While another process is told of the queue's messages, ours looks so often, in ns. */
#define LOOK 10000000L

static void tell_in(const mqci_notify *notify, long ns)
{
	const struct itimerspec when = {.it_value = {.tv_nsec = ns}};

	/* It fails only for times that are none. */
	(void)timer_settime(notify->timer, 0, &when, NULL);
}

int mqci_notify_begin(mqci_notify *notify, const mqci_queue *queue, const struct sigevent *event)
{
	struct sigevent copy = *event;
	size_t waiting;
	int r;

	if (event->sigev_notify == SIGEV_THREAD && event->sigev_notify_function == NULL)
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"nobody can be told of messages in queue %s by SIGEV_THREAD without a "
			"sigev_notify_function",
			queue->name);
	if (timer_create(CLOCK_MONOTONIC, &copy, &notify->timer) < 0)
		return errno == EINVAL
			       ? mqci_fail(MQC_INVALID_ARGUMENT, errno,
					   "nobody can be told of messages in queue %s by "
					   "sigev_notify %d and sigev_signo %d: give SIGEV_SIGNAL "
					   "and a signal, or SIGEV_THREAD and a function",
					   queue->name, event->sigev_notify, event->sigev_signo)
			       : mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
					   "cannot make a timer for queue %s: %s; raise ulimit -i",
					   queue->name, strerror(errno));
	r = mqci_queue_notify(queue, event);
	if (r < 0) {
		(void)timer_delete(notify->timer);
		return r;
	}
	notify->event = *event;
	notify->queue = queue;
	/* Of what is there already the kernel does not tell. */
	if (mqci_queue_waiting(queue, &waiting) < 0 || waiting > 0)
		mqci_notify_fire(notify);
	return MQC_OK;
}

int mqci_notify_renew(const mqci_notify *notify)
{
	int r;

	/* There is no telling whether the last request stands; nobody may have two. */
	r = mqci_queue_notify(notify->queue, NULL);
	if (r == MQC_OK)
		r = mqci_queue_notify(notify->queue, &notify->event);
	if (r < 0)
		tell_in(notify, LOOK);
	return r;
}

void mqci_notify_fire(const mqci_notify *notify)
{
	tell_in(notify, 1);
}

void mqci_notify_soon(const mqci_notify *notify)
{
	tell_in(notify, LOOK);
}

void mqci_notify_end(mqci_notify *notify)
{
	if (notify->queue == NULL)
		return;
	(void)mqci_queue_notify(notify->queue, NULL);
	(void)timer_delete(notify->timer);
	notify->queue = NULL;
}

void mqci_notify_disown(mqci_notify *notify)
{
	notify->queue = NULL;
}
