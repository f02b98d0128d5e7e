/*
 * interrupt.h - getting a thread out of mq_receive() without a message.
 *
 * Server processes share a request queue, so a message that is to wake a
 * certain thread could wake any other. A signal to the thread reaches it alone:
 * a real-time one that the program leaves unused gets a handler that does
 * nothing, and does not restart system calls.
 */
#ifndef MQCI_INTERRUPT_H
#define MQCI_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Reserve the signal, once for the process: the highest real-time signal whose
 * action is the default one. MQC_RESOURCE_EXHAUSTED if the program uses all.
 */
int mqci_interrupt_init(void);

/*
 * All signals blocked but the interrupt, and those of a crash, which a
 * program's own handler is to hear of: the mask for threads of our own.
 */
void mqci_interrupt_mask(sigset_t *ret_mask);

/*
 * What a thread that can be interrupted says of itself: it is in mq_receive(),
 * or just before or after it. A signal that comes later than that would have a
 * system call of somebody else's code fail, so none does.
 */
typedef struct mqci_interruptible {
	atomic_bool waiting;
	atomic_uint interrupting; /* so many threads may just be sending a signal */
} mqci_interruptible;

/*
 * Interrupt the thread's mq_receive(), if it is there; it may be only about to: try again.
 * False if it is there and no signal can be sent: a real-time one takes room among those
 * that are pending for the user (RLIMIT_SIGPENDING), which others may have used up.
 */
bool mqci_interrupt(mqci_interruptible *interruptible, pthread_t thread);

/* Wait until a signal that was sent has come. */
void mqci_interrupt_pass(const mqci_interruptible *interruptible);

/* It may be seen a moment later: a signal just before mq_receive() comes in vain, too. */
static inline void mqci_interruptible_begin(mqci_interruptible *interruptible)
{
	atomic_store_explicit(&interruptible->waiting, true, memory_order_release);
}

static inline void mqci_interruptible_end(mqci_interruptible *interruptible)
{
	atomic_store(&interruptible->waiting, false);
	if (atomic_load(&interruptible->interrupting) > 0)
		mqci_interrupt_pass(interruptible);
}

#endif
