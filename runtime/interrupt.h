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

/* Interrupt the system call that the thread is in, if it is in one. */
void mqci_interrupt(pthread_t thread);

#endif
