/*
 * defer.h - calls whose handlers have returned, and that are answered later.
 *
 * Such a call belongs to whoever is to finish it, which may be any thread, at
 * any time: also before its handler has returned, or after its server was
 * closed. It has a hand in the server's presence, as if a worker served it.
 */
#ifndef MQCI_DEFER_H
#define MQCI_DEFER_H

#include <mqcall/mqcall.h>

#include "presence.h"

typedef struct mqci_deferrals {
	const mqci_presence *presence;
	mqc_call *list;
	unsigned finishing; /* how many are just being answered */
} mqci_deferrals;

/* The dispatch of a deferred call has returned: its worker is done with it. */
void mqci_defer_leave(mqc_call *call);

/* Answer, as lost, all calls that are deferred: their server is closed. */
void mqci_defer_abandon(mqci_deferrals *deferrals);

/* In a forked child: forget them; they are the parent's to finish. */
void mqci_defer_disown(mqci_deferrals *deferrals);

/* To be called once before anything else here; and it is safe to fork then. */
int mqci_defer_init(void);

#endif
