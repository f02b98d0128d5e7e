/*
 * stop.h - a request to stop that a thread can sleep on, and a signal handler can make.
 */
#ifndef MQCI_STOP_H
#define MQCI_STOP_H

#include <stdbool.h>

typedef struct mqci_stop {
	int fd; /* an eventfd; readable once the request is made */
} mqci_stop;

int mqci_stop_init(mqci_stop *stop);
void mqci_stop_done(mqci_stop *stop);

/* Make the request. Async-signal-safe. */
void mqci_stop_request(const mqci_stop *stop);

/* Sleep until the request is made, and take it: the next wait is for another one. */
int mqci_stop_wait(const mqci_stop *stop);

/*
 * Let SIGINT and SIGTERM make the request, until unhooked. Any number of stops
 * up to 16 may be hooked at once: each is requested. The actions that the
 * signals had before the first are put back after the last; one that was to be
 * ignored is left so. A second signal of a kind does what it did before, for
 * those who are not content with the first.
 */
int mqci_stop_hook_signals(const mqci_stop *stop);
void mqci_stop_unhook_signals(const mqci_stop *stop);

/* In a forked child, where the parent's stop is not to be requested: unhook it. */
void mqci_stop_disown(mqci_stop *stop);

#endif
