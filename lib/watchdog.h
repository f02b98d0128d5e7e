/*
 * watchdog.h - one thread a process that wakes waiters when their time is up.
 *
 * A thread in mq_receive() hears only messages. So that it need not look at
 * the clock itself, it tells the watchdog its deadline, which costs one load
 * of a word as long as the watchdog will be awake by then anyway; and when the
 * time comes the watchdog calls it, which wakes it in its own way. With nobody
 * waiting, the watchdog sleeps for good.
 */
#ifndef MQCI_WATCHDOG_H
#define MQCI_WATCHDOG_H

#include <stdint.h>

typedef struct mqci_watch mqci_watch;

struct mqci_watch {
	/*
	 * Wake those whose deadline is not after `now`, and return the earliest
	 * deadline of the others, or MQCI_NEVER. Called on the watchdog's thread.
	 */
	int64_t (*check)(mqci_watch *watch, int64_t now);
	mqci_watch *next;
};

/* Have a watch checked; the first one starts the thread. */
int mqci_watchdog_add(mqci_watch *watch);

/* No check runs, or will run, once this has returned; the last one ends the thread. */
void mqci_watchdog_remove(mqci_watch *watch);

/*
 * Be checked by `deadline`: to be called after check() can see it. May be
 * called with a lock held that check() takes.
 */
void mqci_watchdog_expect(int64_t deadline);

#endif
