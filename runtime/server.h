/*
 * server.h - a server, as its parts have it: opened and run by server.c, or served by the
 * program's own loop, server_loop.c.
 */
#ifndef MQCI_SERVER_H
#define MQCI_SERVER_H

#include <mqcall/mqcall.h>

#include <stdatomic.h>

#include "endpoint.h"
#include "fork.h"
#include "notify.h"
#include "reception.h"
#include "registry.h"
#include "session.h"
#include "stop.h"
#include "worker.h"

/* A server that is served by the program's loop. */
typedef struct mqci_server_loop {
	int epoll; /* stands for all that can happen; -1: it is not served so */
	int alarm; /* an eventfd, readable while something is left to do that no other tells of */
	bool alarmed;
	mqci_servant servants[MQCI_LANES]; /* one for each lane */
	unsigned servants_count;
	atomic_uint wanted;   /* calls of mqc_server_process() that nothing was done for yet */
	pthread_t thread;     /* which is in it */
	bool closing;         /* a handler has closed the server */
	pthread_mutex_t lock; /* guards: */
	mqci_notify notifies[MQCI_LANES];
	bool notified; /* the program is to be told */
} mqci_server_loop;

struct mqc_server {
	mqci_endpoint endpoint;
	mqci_registry registry;
	mqci_sessions sessions;
	mqci_deferrals deferrals;
	mqci_stop stop;
	unsigned threads, lane_threads;
	mqci_lane_policy policy;
	bool stop_on_signals, inherit_priority;
	int spin_us;
	size_t payload_max;
	atomic_bool running;
	uid_t uid;     /* who has opened it */
	bool disowned; /* we are a forked child: it is the parent's */
	atomic_bool stopping;
	mqci_forked forked;
	/* While it runs, or is in a loop: */
	mqci_ticker ticker;
	mqci_reception reception;
	mqci_service_point point;
	mqci_lane lanes[MQCI_LANES];
	unsigned lanes_count;
	mqci_worker *workers;
	unsigned workers_count;
	mqci_server_loop loop;
};

/* Whether this process may serve it: else a status. */
int mqci_server_check(const mqc_server *server);

/* Have all lanes, and what those who serve in them share; on failure as many as could be had. */
int mqci_server_open_lanes(mqc_server *server);
void mqci_server_close_lanes(mqc_server *server);

int mqci_server_loop_init(mqci_server_loop *loop);

/*
 * Let go of the loop, if the server is in one, before it is closed. False: it is
 * a handler that closes it, and mqc_server_process() will, as soon as it can.
 */
bool mqci_server_leave_loop(mqc_server *server);

/* In a forked child. */
void mqci_server_disown_loop(mqc_server *server);

#endif
