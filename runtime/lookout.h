/*
 * lookout.h - whether the servers of an endpoint live: for those who wait for them.
 *
 * Used while calls wait for long, by one thread at a time. It holds a descriptor
 * for each server process, by which the kernel tells its end at once; new ones
 * are found by looking at the names of all, which is done less often.
 */
#ifndef MQCI_LOOKOUT_H
#define MQCI_LOOKOUT_H

#include <pthread.h>

#include "presence.h"

typedef struct mqci_watched {
	uint64_t party;
	int64_t met; /* when it was first seen */
	int process; /* a pidfd; -1: there was none to be had */
	bool dead;
	bool there; /* when names were last looked at */
	bool fresh; /* ... for the first time */
} mqci_watched;

typedef struct mqci_lookout {
	const char *endpoint; /* borrowed */
	uid_t owner;
	pthread_mutex_t lock; /* while a descriptor, or one of these, changes: for children */
	mqci_watched *servers;
	unsigned count, room;
	int64_t listed;           /* when the names were last looked at; 0: never */
	mqci_segment_stamp stamp; /* what the directory was like then */
	bool settled;             /* ... and some time before */
	int64_t last_death;       /* when a server was last found dead; 0: never */
} mqci_lookout;

void mqci_lookout_init(mqci_lookout *lookout, const char *endpoint, uid_t owner);

/* Look now, and tell of the calls that servers had in hand which have died since. */
void mqci_lookout_look(mqci_lookout *lookout, int64_t now, mqci_lost lost, void *data);

/* Whether a server that was met until then was there, and alive, when it was last looked. */
bool mqci_lookout_sees_any(const mqci_lookout *lookout, int64_t met);

/* Tell of every call that any server has in hand, living or dead. */
void mqci_lookout_hands(const mqci_lookout *lookout, mqci_lost tell, void *data);

/*
 * Nobody waits: let go of all descriptors. Looking begins anew then. In a forked child
 * they stay if another thread was just at it.
 */
void mqci_lookout_rest(mqci_lookout *lookout);

#endif
