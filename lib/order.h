/*
 * order.h - what orders two threads by way of another process, said to ThreadSanitizer.
 *
 * A server's thread writes into a client's memory and sends a reply; the client
 * takes it, and sends its next request; another thread of the server receives
 * that, and writes there again. The messages order the two, but ThreadSanitizer
 * sees one process only. Elsewhere this is nothing.
 */
#ifndef MQCI_ORDER_H
#define MQCI_ORDER_H

#include "sanitizer.h"

#if MQCI_THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif

/* Before what is sent. */
static inline void mqci_order_release(void *of)
{
#if MQCI_THREAD_SANITIZER
	__tsan_release(of);
#else
	(void)of;
#endif
}

/* After what was received. */
static inline void mqci_order_acquire(void *of)
{
#if MQCI_THREAD_SANITIZER
	__tsan_acquire(of);
#else
	(void)of;
#endif
}

#endif
