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

#if defined(__SANITIZE_THREAD__)
#define MQCI_ORDER_IS_TOLD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MQCI_ORDER_IS_TOLD 1
#endif
#endif

#ifdef MQCI_ORDER_IS_TOLD
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif

/* Before what is sent. */
static inline void mqci_order_release(void *of)
{
#ifdef MQCI_ORDER_IS_TOLD
	__tsan_release(of);
#else
	(void)of;
#endif
}

/* After what was received. */
static inline void mqci_order_acquire(void *of)
{
#ifdef MQCI_ORDER_IS_TOLD
	__tsan_acquire(of);
#else
	(void)of;
#endif
}

#endif
