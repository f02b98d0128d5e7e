/*
 * spin.h - whether to poll for a message for a moment, before sleeping until it comes.
 *
 * To wake a thread that sleeps on another CPU takes tens of microseconds; a call
 * whose two sides poll takes three or four. But polling is of use only while the
 * other side runs elsewhere, and answers soon. So it is done only while the other
 * side was last seen on another CPU, for a bounded time, which is longer by what the
 * other side needs to read and write large payloads; and not for a while when it has
 * been in vain.
 */
#ifndef MQCI_SPIN_H
#define MQCI_SPIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

/* How long to poll, in ns, where nobody says other: more than a wake-up of each side takes. */
#define MQCI_SPIN_BUDGET INT64_C(60000)

/* The longest that can be asked for, in us. */
#define MQCI_SPIN_MOST_US 1000

typedef struct mqci_spin {
	int64_t budget;     /* 0: never */
	uint16_t other_cpu; /* where the other side was last, or MQCI_CPU_UNKNOWN */
	size_t bulk;        /* bytes in shared memory that the last message was about */
	int64_t not_before; /* for having been in vain */
	int64_t vain_pause; /* for how long it was then */
	int64_t began, polled, patience; /* while spinning */
} mqci_spin;

/* `spin_us` as options have it: 0 for the default, MQC_SPIN_OFF, or the budget in us. */
void mqci_spin_init(mqci_spin *spin, int spin_us);

/* The CPU to tell the other side, if it may poll for us: MQCI_CPU_UNKNOWN if we do not for it. */
uint16_t mqci_spin_own_cpu(void);
static inline uint16_t mqci_spin_cpu(const mqci_spin *spin)
{
	return spin->budget > 0 ? mqci_spin_own_cpu() : MQCI_CPU_UNKNOWN;
}

/*
 * Whether to poll now, as long as it is for spin->bulk and so many bytes more; then after each
 * poll that was in vain mqci_spin_on() tells whether to go on.
 */
bool mqci_spin_begin_elsewhere(mqci_spin *spin, size_t bulk);
static inline bool mqci_spin_begin(mqci_spin *spin, size_t bulk)
{
	return spin->budget > 0 && spin->other_cpu != MQCI_CPU_UNKNOWN &&
	       mqci_spin_begin_elsewhere(spin, bulk);
}
bool mqci_spin_on(mqci_spin *spin);

/* Do not poll for a while: others wait for the other side, too, which needs the CPUs. */
void mqci_spin_rest(mqci_spin *spin);

/* A poll was not in vain. */
void mqci_spin_hit(mqci_spin *spin);

#endif
