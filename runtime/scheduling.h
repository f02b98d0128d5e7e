/*
 * scheduling.h - serving a call at its caller's scheduling priority.
 *
 * An urgent thread that calls a server waits for it: so the server's thread
 * should be as urgent as the caller meanwhile. It is only ever raised, since to
 * come back from a lower priority takes a privilege that few have.
 */
#ifndef MQCI_SCHEDULING_H
#define MQCI_SCHEDULING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct mqci_scheduling {
	int policy;   /* SCHED_* */
	int realtime; /* 1 to 99 with a real-time policy; else 0 */
	int nice;     /* -20, the most urgent, to 19 */
} mqci_scheduling;

/* How a thread of a process is scheduled: false if that has no such thread. */
bool mqci_scheduling_of(pid_t process, pid_t thread, mqci_scheduling *ret_scheduling);

/*
 * Have this thread scheduled at least as urgently as that. True if it is more
 * urgent than before, and `ret_before` is to be restored.
 */
bool mqci_scheduling_raise(const mqci_scheduling *to, mqci_scheduling *ret_before);
void mqci_scheduling_restore(const mqci_scheduling *before);

#endif
