/*
 * notify.h - telling a program that waits for nothing that a message has come: mq_notify().
 *
 * The kernel tells of a message once, and only if the queue was empty; and one
 * process a queue is told, the first that asks. So whoever is told asks again,
 * and then takes out all that is there: what comes later is told of. If another
 * process has asked in between, the program is told by a timer, again and again,
 * until its turn has come; and of the other things that there are to see to, too.
 */
#ifndef MQCI_NOTIFY_H
#define MQCI_NOTIFY_H

#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "queue.h"

typedef struct mqci_notify {
	const mqci_queue *queue; /* NULL: nobody is to be told */
	struct sigevent event;
	timer_t timer;
} mqci_notify;

/*
 * Tell the program of messages in the queue, and of what is there now, if
 * anything is. The queue is borrowed. MQC_ALREADY_EXISTS: another process is told
 * of them, and there is nothing to end.
 */
int mqci_notify_begin(mqci_notify *notify, const mqci_queue *queue, const struct sigevent *event);

/* Ask again, before the queue is emptied. MQC_ALREADY_EXISTS: the timer does it meanwhile. */
int mqci_notify_renew(const mqci_notify *notify);

/* Tell the program now, of something else. From any thread. */
void mqci_notify_fire(const mqci_notify *notify);

/* Tell the program in a moment, to look whether something has come for which it cannot be told. */
void mqci_notify_soon(const mqci_notify *notify);

/* Tell it no more. Idempotent. */
void mqci_notify_end(mqci_notify *notify);

/* In a forked child: timers are the parent's, and so is what it has asked for. */
void mqci_notify_disown(mqci_notify *notify);

#endif
