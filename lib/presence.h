/*
 * presence.h - who serves an endpoint, and what each server has in hand.
 *
 * A request that a server has taken from the queue is nowhere but with it: if
 * it is killed then, its caller must be told, and nobody is left to tell it.
 * So each server writes the calls it has in hand into a small segment of its
 * own, which the endpoint's callers may read and which outlives it. When a
 * caller has waited a while it looks there for servers whose process is gone.
 * On the way of a call this costs two stores.
 */
#ifndef MQCI_PRESENCE_H
#define MQCI_PRESENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "segment.h"

/* What one worker has in hand: a call of a session, or nothing. */
typedef struct mqci_hand {
	_Atomic uint64_t session; /* 0: nothing */
	_Atomic uint64_t call;
} mqci_hand;

typedef struct mqci_presence {
	mqci_segment segment;
	mqci_hand *hands; /* as many as there are workers */
} mqci_presence;

#define MQCI_PRESENCE_CLOSED ((mqci_presence){.segment = MQCI_SEGMENT_CLOSED})

/* As many hands as a server can have: what is read of a segment, at most. */
#define MQCI_HANDS_MAX 256

/* Be present, with `hands` empty hands; whoever is let in by `mode` may read. */
int mqci_presence_open(const char *endpoint, mode_t mode, unsigned hands,
		       mqci_presence *ret_presence);

/* In a forked child: let go of what is the parent's. */
void mqci_presence_disown(mqci_presence *presence);

/* Be present no more. Idempotent. */
void mqci_presence_close(mqci_presence *presence);

static inline void mqci_hand_take(mqci_hand *hand, uint64_t session, uint64_t call)
{
	atomic_store_explicit(&hand->call, call, memory_order_relaxed);
	atomic_store_explicit(&hand->session, session, memory_order_release);
}

static inline void mqci_hand_drop(mqci_hand *hand)
{
	atomic_store_explicit(&hand->session, 0, memory_order_release);
}

/* Whether a server of the endpoint, of user `owner`, lives. In doubt one does. */
bool mqci_presence_any(const char *endpoint, uid_t owner);

/*
 * Wait for something to change in who serves which endpoint, or until the
 * deadline: true if there may be news. `watch` is of mqci_segment_watch(), got
 * before the caller last looked.
 */
bool mqci_presence_wait(int watch, int64_t deadline);

/* Call `lost` for every call that dead servers of the endpoint, of `owner`, have in hand. */
void mqci_presence_lost(const char *endpoint, uid_t owner,
			void (*lost)(uint64_t session, uint64_t call, void *data), void *data);

/*
 * The same for a server of the endpoint, which then removes what the dead left:
 * it must tell the callers, who will not find it any more.
 */
void mqci_presence_sweep(const char *endpoint,
			 void (*lost)(uint64_t session, uint64_t call, void *data), void *data);

#endif
