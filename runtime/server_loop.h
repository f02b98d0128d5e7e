/*
 * server_loop.h - a server that is driven by the program's own loop.
 */
#ifndef MQCI_SERVER_LOOP_H
#define MQCI_SERVER_LOOP_H

#include <mqcall/mqcall.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lane.h"
#include "notify.h"
#include "servant.h"

typedef struct mqci_server_loop {
	pthread_mutex_t lock; /* guards all but what only the thread in process() uses */
	int epoll;            /* what the program waits for; -1: it has not asked for it */
	int alarm;            /* an eventfd in there, readable while something is left to do */
	bool alarmed;
	mqci_notify notifies[MQCI_LANES]; /* the first one stands for all that is no message */
	unsigned notifies_count;
	bool inside; /* some thread is in process(), namely: */
	pthread_t thread;
	bool again;  /* somebody has come meanwhile */
	bool closed; /* by a handler: to be done when process() returns */
	/* The one in process() alone: */
	mqci_servant servants[MQCI_LANES]; /* of each lane */
	unsigned servants_count;
	int64_t since[MQCI_LANES]; /* requests have been there ever since; MQCI_NEVER: none are */
	unsigned turn;             /* the lane to serve next, ... */
	unsigned left;             /* ... and so many messages of it */
} mqci_server_loop;

int mqci_server_loop_init(mqci_server_loop *loop);

/* Nobody drives the server any more. Idempotent, as far as it is not `done`. */
void mqci_server_loop_end(mqc_server *server);
void mqci_server_loop_done(mqci_server_loop *loop);

/* Whether a handler, or who it calls, asks; then the server is closed when process() returns. */
bool mqci_server_loop_puts_off_close(mqc_server *server);

/* In a forked child. */
void mqci_server_loop_disown(mqci_server_loop *loop);

#endif
