/*
 * stop.h - a request to stop that a thread can sleep on, and a signal handler can make.
 */
#ifndef MQCI_STOP_H
#define MQCI_STOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "notify.h"

typedef struct mqci_stop {
	int fd;            /* an eventfd; readable once the request is made */
	atomic_bool asked; /* the same, at a glance; a moment later */
	_Atomic(const mqci_notify *) notify;
} mqci_stop;

int mqci_stop_init(mqci_stop *stop);
void mqci_stop_done(mqci_stop *stop);

/* Make the request. Async-signal-safe. */
void mqci_stop_request(mqci_stop *stop);

/* Have a program be told of it, too, that waits for nothing; NULL: no more. */
void mqci_stop_tell(mqci_stop *stop, const mqci_notify *notify);

/* Sleep until the request is made, and take it: the next wait is for another one. */
int mqci_stop_wait(mqci_stop *stop);

/* Take the request, if it is made. */
bool mqci_stop_take(mqci_stop *stop);

/*
 * Let SIGINT and SIGTERM make the request, until unhooked. Any number of stops
 * up to 16 may be hooked at once: each is requested. The actions that the
 * signals had before the first are put back after the last; one that was to be
 * ignored is left so. A second signal of a kind does what it did before, for
 * those who are not content with the first.
 */
int mqci_stop_hook_signals(mqci_stop *stop);
void mqci_stop_unhook_signals(const mqci_stop *stop);

/* In a forked child, where the parent's stop is not to be requested: unhook it. */
void mqci_stop_disown(mqci_stop *stop);

#endif
