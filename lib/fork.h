/*
 * fork.h - what a forked child must not touch.
 *
 * A child has its parent's memory and descriptors, but none of its threads, and
 * the queues stay the parent's. So whatever owns queues is told in the child,
 * and lets go of them: it closes its descriptors and fails from then on, and
 * what the parent made stays in place.
 */
#ifndef MQCI_FORK_H
#define MQCI_FORK_H

#include <stdbool.h>

typedef struct mqci_forked mqci_forked;

struct mqci_forked {
	/* Around fork(), in the parent's thread that forks; either may be NULL. */
	void (*before)(mqci_forked *forked);
	void (*after)(mqci_forked *forked);
	/* In the child, instead of `after`; in its children, again. */
	void (*child)(mqci_forked *forked);
	mqci_forked *next;
	bool listed;
};

/* To be told from now on; once is enough. */
int mqci_fork_register(mqci_forked *forked);

void mqci_fork_unregister(mqci_forked *forked);

#endif
