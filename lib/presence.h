/*
 * presence.h - who serves an endpoint, and what each server has in hand.
 *
 * A request that a server has taken from the queue is nowhere but with it: if
 * it is killed then, its caller must be told, and nobody is left to tell it.
 * So each server writes the calls it has in hand into a small segment of its
 * own, which the endpoint's callers may read and which outlives it. When a
 * caller has waited a while it looks there for servers whose process is gone.
 * On the way of a call this costs four stores.
 */
#ifndef MQCI_PRESENCE_H
#define MQCI_PRESENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "segment.h"

/* One call of a session that a server has in hand, or none. */
typedef struct mqci_hand {
	_Atomic uint64_t session; /* 0: nothing */
	_Atomic uint64_t call;
	_Atomic uint64_t begun; /* 0: it waits for a worker; 1: it is being executed */
} mqci_hand;

/* As many hands as a server has; all its workers, waiting requests and deferred calls. */
#define MQCI_HANDS_MAX 8192

/* A server's segment, as it lies there for others to read. */
typedef struct mqci_hands {
	_Atomic uint64_t used;   /* beyond this one, no hand was ever taken */
	_Atomic uint64_t closed; /* not 0: the server is, and what it has in hand is lost */
	mqci_hand hands[MQCI_HANDS_MAX];
} mqci_hands;

typedef struct mqci_presence {
	mqci_segment segment;
	mqci_hands *shared;
	_Atomic uint64_t *taken; /* a bit for each hand */
} mqci_presence;

#define MQCI_PRESENCE_CLOSED ((mqci_presence){.segment = MQCI_SEGMENT_CLOSED})

/* Be present, with nothing in hand; whoever is let in by `mode` may read. */
int mqci_presence_open(const char *endpoint, mode_t mode, mqci_presence *ret_presence);

/*
 * A hand to take calls with, until it is given back, empty; NULL if all are
 * out. From any thread.
 */
mqci_hand *mqci_presence_hand(const mqci_presence *presence);
void mqci_presence_return(const mqci_presence *presence, const mqci_hand *hand);

/*
 * The same for many: as many as there are, `most` at most; and back, up to the
 * first NULL. It is quick where they were got together.
 */
unsigned mqci_presence_hands(const mqci_presence *presence, mqci_hand **ret_hands, unsigned most);
void mqci_presence_return_all(const mqci_presence *presence, mqci_hand *const *hands,
			      unsigned count);

/* In a forked child: let go of what is the parent's. */
void mqci_presence_disown(mqci_presence *presence);

/* Be present no more. Idempotent. */
void mqci_presence_close(mqci_presence *presence);

/*
 * Be present no more, leaving behind what is in hand: the next server that sweeps
 * tells of it, though the process lives.
 */
void mqci_presence_leave_behind(mqci_presence *presence);

/* Whether any other server of the endpoint, of this user, is there and not known to be dead. */
bool mqci_presence_others(const mqci_presence *presence, const char *endpoint);

static inline void mqci_hand_take(mqci_hand *hand, uint64_t session, uint64_t call, bool begun)
{
	atomic_store_explicit(&hand->call, call, memory_order_relaxed);
	atomic_store_explicit(&hand->begun, begun, memory_order_relaxed);
	atomic_store_explicit(&hand->session, session, memory_order_release);
}

/* The call that waited is now executed. */
static inline void mqci_hand_begin(mqci_hand *hand)
{
	atomic_store_explicit(&hand->begun, 1, memory_order_release);
}

static inline void mqci_hand_drop(mqci_hand *hand)
{
	atomic_store_explicit(&hand->session, 0, memory_order_release);
}

/* Whether the server of a presence, of user `owner`, lives, and is what it was. In doubt it does.
 */
bool mqci_presence_is_alive(const char *endpoint, uint64_t party, uid_t owner);

/* Only whether its process has certainly let go of it, be it that it is another program now. */
bool mqci_presence_is_forsaken(const char *endpoint, uint64_t party, uid_t owner);

/* Whether a server of the endpoint, of user `owner`, lives. In doubt one does. */
bool mqci_presence_any(const char *endpoint, uid_t owner);

/*
 * Wait for something to change in who serves which endpoint, or until the
 * deadline: true if there may be news. `watch` is of mqci_segment_watch(), got
 * before the caller last looked; `news` becomes readable when there is another
 * reason to look, unless it is -1.
 */
bool mqci_presence_wait(int watch, int64_t deadline, int news);

/* Told of a call that a server has, or had, in hand, and whether it has begun to execute it. */
typedef void (*mqci_lost)(uint64_t session, uint64_t call, bool begun, void *data);

/* Call `see` for every server whose presence is there, living or dead, until it returns false. */
int mqci_presence_list(const char *endpoint, bool (*see)(uint64_t party, void *data), void *data);

/* Whether a presence is of this user, and no stranger's in a server's name. */
bool mqci_presence_is_of(const char *endpoint, uint64_t party, uid_t owner);

/*
 * Call `tell` for what a server of `owner` has in hand, first for what it has
 * begun. While it lives, that may change under our eyes.
 */
void mqci_presence_in_hand(const char *endpoint, uint64_t party, uid_t owner, mqci_lost tell,
			   void *data);

/*
 * For a server of the endpoint: call `lost` for what dead ones had in hand, and
 * remove what they left. It must tell the callers, who will not find it any more.
 */
void mqci_presence_sweep(const char *endpoint, mqci_lost lost, void *data);

#endif
