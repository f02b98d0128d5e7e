/*
 * server.h - a server, whoever drives it: mqc_server_run(), or the program's own loop.
 */
#ifndef MQCI_SERVER_H
#define MQCI_SERVER_H

#include <mqcall/mqcall.h>

#include <stdatomic.h>

#include "defer.h"
#include "endpoint.h"
#include "fork.h"
#include "reception.h"
#include "registry.h"
#include "server_loop.h"
#include "session.h"
#include "stop.h"
#include "worker.h"

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
	atomic_bool running; /* by whatever drives it: no service is added any more */
	uid_t uid;           /* who has opened it */
	bool disowned;       /* we are a forked child: it is the parent's */
	atomic_bool stopping;
	mqci_forked forked;
	/* While it runs: */
	mqci_ticker ticker;
	mqci_service_point point;
	mqci_lane lanes[MQCI_LANES];
	unsigned lanes_count;
	/* ... by mqc_server_run(): */
	mqci_reception reception;
	mqci_worker *workers;
	unsigned workers_count;
	/* ... or in the program's own loop: */
	mqci_server_loop loop;
};

/* Whether this process, as whom it is now, may drive the server. */
int mqci_server_check(const mqc_server *server);

/*
 * Have what requests are served with, but for those who serve: the lanes. No more
 * are begun while `stopping` is true. Lanes that are open when this fails are closed
 * with the others.
 */
int mqci_server_open_lanes(mqc_server *server, const atomic_bool *stopping);
void mqci_server_close_lanes(mqc_server *server);

#endif
