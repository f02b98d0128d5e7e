/*
 * waiters.h - the threads of one client that wait for replies.
 *
 * There is one reply queue and no thread of our own to read it: one of the
 * waiting threads receives, for all of them, and hands to each what is its. A
 * thread alone so reads its own reply straight from the kernel; when it leaves
 * while others wait, the next one receives.
 *
 * As many calls as the window is wide can be under way at once; others wait for
 * a slot, in the order in which they came. See slots.h. Calls that are made again,
 * for which nobody waits there, have one place in that line: whoever makes one next gets
 * the slot that comes with it.
 *
 * A call that no thread waits for stands apart: what happens to it stirs it, and
 * whoever comes to look after such calls is given those that are stirred.
 */
#ifndef MQCI_WAITERS_H
#define MQCI_WAITERS_H

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "frame.h"
#include "lookout.h"
#include "notify.h"
#include "outbox.h"
#include "queue.h"
#include "slots.h"
#include "spin.h"
#include "watchdog.h"

/* A reply's payload of so many bytes is copied out of the receive buffer at once. */
#define MQCI_REPLY_SMALL 256

typedef struct mqci_waiter {
	uint64_t call;                   /* 0 until it has a slot */
	size_t used;                     /* 0: its regions were not used, that we know */
	const mqci_queue *_Atomic queue; /* of its request, NULL: the ordinary one; others look */
	uint8_t *copy;    /* the reply's payload, if it lies neither in `small` nor in ...: */
	bool owns_buffer; /* ... the receive buffer */
	bool owns_slot;   /* ... the region of the slot, which is still its own */
	bool no_memory;   /* it had to be copied, and could not be */
	bool replied;
	bool handshake;  /* it is the one that opens the session */
	bool cancelled;  /* its caller does not want it any more */
	bool lost;       /* a server died with the call in hand */
	bool lost_begun; /* ... and had begun to execute it */
	bool bereft;     /* ... and its slot and its place may be the next call's */
	bool sought;     /* it is looked for in the servers' hands */
	bool apart;      /* no thread waits for it */
	bool stirred;    /* ... and it is to be looked at */
	bool settled;    /* ... and has been: it is in no list any more */
	bool watches;    /* it waits for such ones to be stirred */
	bool receives;   /* it is the one to receive, from before its request is sent */
	bool asleep;     /* while another thread receives */
	unsigned missed; /* how often it was in no hand, one after the other */
	/* Not set before it is used, as what follows is. */
	int64_t deadline;
	int64_t begun;  /* when it got its slot, or began to wait for one */
	uint64_t place; /* where its regions are in the shared memory; 0: it has none */
	unsigned crowd; /* how many calls are under way since it has a slot, with this one */
	unsigned epoch; /* and in what session */
	uint64_t key;   /* the key of that, for the request */
	struct mqci_waiter *next, **link;
	struct mqci_waiter *next_in_line; /* of those who wait for a slot; or are stirred */
	mqci_frame reply;                 /* once it has come */
	pthread_cond_t woken;             /* while it sleeps */
	uint8_t small[MQCI_REPLY_SMALL];
} mqci_waiter;

typedef struct mqci_waiters {
	pthread_mutex_t lock;
	mqci_queue replies;         /* to receive from, blocking */
	mqci_queue drain;           /* the same queue, never blocking */
	mqci_queue self;            /* the same queue, to send a wake frame to */
	uint8_t *buffer;            /* one message; of the thread that receives */
	const mqci_queue *requests; /* where calls go */
	mqci_outbox *outbox;        /* of asynchronous calls; or NULL */
	mqci_arena *arena;          /* where payloads go that do not fit there */
	const char *endpoint;       /* whose servers are looked after */
	uid_t server_uid;
	uint64_t session;
	uint64_t key;  /* what frames must carry to be for us */
	bool welcomed; /* a frame of another version is an answer until then */
	mqci_slots slots;
	mqci_waiter *line, **line_end; /* who waits for a slot: the first, and where to join */
	mqci_waiter place;             /* ... for calls that are made again; of no thread */
	bool placed;                   /* it is in the line */
	uint64_t kept;                 /* the slot that came with it; 0: none */
	int64_t kept_until;
	mqci_waiter *list;  /* who waits for anything */
	mqci_waiter *apart; /* ... without a thread that does */
	mqci_waiter *stirred, **stirred_end;
	int alarm; /* an eventfd, to tell of those when nobody watches; or -1 */
	mqci_notify notify;
	bool alarmed;    /* it is readable */
	unsigned alarms; /* how often somebody was to look */
	/* Before these times, none of those that stand apart is impatient, or late. */
	int64_t apart_impatient, apart_late;
	mqci_spin spin;          /* of the thread that receives */
	atomic_bool was_full;    /* a server's queue was: polling is to rest */
	bool draining;           /* somebody receives who looks at those that he stirs */
	bool tending;            /* some thread does what the watchdog does */
	int64_t looked;          /* when servers were last looked after */
	bool own_loop;           /* there is no watchdog: who waits does it */
	bool receiving;          /* some thread receives, or still uses the buffer */
	mqci_waiter *receiver;   /* who is in mq_receive(), or just before or after it */
	int64_t receiving_until; /* its deadline */
	bool wake_sent;          /* a wake frame is in the queue */
	bool ended;              /* there is no session: none yet, or the server stopped */
	bool closing;            /* the client is being closed: nobody may stand in line */
	int64_t removal_seen;    /* when the requests' queue had no name; 0: it has */
	int64_t hope_seen;       /* ... and when something might still be said after that */
	int64_t leavers_met;     /* ... by servers that had been met by then */
	bool cut_off;            /* it had none for long: nobody answers any more */
	unsigned epoch;          /* of the session: which one it is */
	/*
	 * The session that a goodbye ended. A server says it when all that it
	 * executed is answered and nothing more will be: so a call that has no
	 * answer then was not executed.
	 */
	unsigned goodbye_epoch;
	mqci_watch watch;
	mqci_lookout lookout; /* of the watchdog's thread */
} mqci_waiters;

typedef struct mqci_waiters_options {
	const char *endpoint;
	uid_t server_uid;
	unsigned window;
	mqci_outbox *outbox; /* what who waits has sent on with own_loop; or NULL */
	bool own_loop;       /* use no thread of the library's */
	int spin_us;         /* as in the client's options */
} mqci_waiters_options;

/*
 * Begin with a reply queue that is ours: takes it over, and closes it in the
 * end, or when this fails. There is no session yet. `requests`, `arena`, and what
 * the options point to, are borrowed.
 */
int mqci_waiters_init(mqci_waiters *waiters, const mqci_queue *requests, mqci_arena *arena,
		      mqci_queue *replies, const mqci_waiters_options *options);
void mqci_waiters_done(mqci_waiters *waiters);

/* In a forked child: let go of the queues, and then of the memory. */
void mqci_waiters_disown(mqci_waiters *waiters);
void mqci_waiters_free(mqci_waiters *waiters);

/* To be called before all that follows. */
static inline void mqci_waiter_init(mqci_waiter *waiter)
{
	memset(waiter, 0, offsetof(mqci_waiter, deadline));
}

/* The same for one that has been settled, and may be cancelled meanwhile: that stays. */
void mqci_waiters_renew(mqci_waiters *waiters, mqci_waiter *waiter);

/* From any thread, between this and the end of its wait: it is to wait no more. */
void mqci_waiters_cancel(mqci_waiters *waiters, mqci_waiter *waiter);

/* The client is being closed: who waits for a slot gets none, nor does who comes. */
void mqci_waiters_end_line(mqci_waiters *waiters);

/*
 * Take a slot for the hello of a new session, in which frames carry `nonce`;
 * calls of the one before get no answer any more. Goes on as a call does.
 */
void mqci_waiters_begin_session(mqci_waiters *waiters, mqci_waiter *waiter, uint64_t nonce,
				int64_t deadline);

/* The session is agreed on: calls can begin, unless a goodbye has come right behind the welcome. */
void mqci_waiters_welcome(mqci_waiters *waiters);

/* The session that there is: its epoch and its key; false if it has ended. */
typedef struct mqci_session_now {
	unsigned epoch;
	uint64_t key;
} mqci_session_now;
bool mqci_waiters_session(mqci_waiters *waiters, mqci_session_now *ret_now);

/* The epoch of the session that there is, or was, or is being opened. */
unsigned mqci_waiters_epoch(mqci_waiters *waiters);

/* Receive what has come, without waiting; those that are stirred are for others to look at. */
void mqci_waiters_hear(mqci_waiters *waiters);

/*
 * The queue of this session's server has been removed, and we must not wait for
 * room in it. What the server still says is heard; the session ends when it says
 * nothing for long.
 */
void mqci_waiters_queue_removed(mqci_waiters *waiters, unsigned epoch);

/* Of a call that begins. */
typedef struct mqci_times {
	int64_t now;
	int64_t turn;     /* until when to wait for a slot; 0: not at all */
	int64_t deadline; /* of the call */
	bool apart;       /* no thread is going to wait for it */
	bool at_once;     /* if no slot is free, say so: 1, and there is nothing to undo */
	bool again;       /* ... but have one kept, when it is its turn: until it is tried soon */
} mqci_times;

/*
 * Take a slot for a call, waiting for one. Then waiter->call is set, the request
 * can be sent, and mqci_waiters_undo() or mqci_waiters_await() must follow, soon:
 * replies may be left for this thread to receive.
 * MQC_DEADLINE_EXCEEDED; MQC_CANCELLED; MQC_UNAVAILABLE, there is no session:
 * then there is nothing to undo.
 */
int mqci_waiters_begin(mqci_waiters *waiters, mqci_waiter *waiter, const mqci_times *times);

/* No call is to be made again any more: others get what was kept, or to be kept, for such. */
void mqci_waiters_forgo(mqci_waiters *waiters);

/* The request cannot be sent soon: let others receive meanwhile. */
void mqci_waiters_yield(mqci_waiters *waiters, mqci_waiter *waiter);

/* The call is going to use so many bytes of its region for the request. */
void mqci_waiters_use(mqci_waiters *waiters, mqci_waiter *waiter, size_t size);

/* The request could not be sent: give the slot back. */
void mqci_waiters_undo(mqci_waiters *waiters, mqci_waiter *waiter);

/*
 * Wait for the reply. When it has come, waiter->reply is valid until
 * mqci_waiters_finish(), which must follow, and with MQCI_FRAME_ARENA what lies
 * in the call's region, too; else there is nothing to do.
 * MQC_DEADLINE_EXCEEDED; MQC_CANCELLED; MQC_UNAVAILABLE, its server stopped or
 * died: maybe executed, as the error tells.
 */
int mqci_waiters_await(mqci_waiters *waiters, mqci_waiter *waiter);

/* Let go of a reply, and of what it lies in: mostly in the waiter itself. */
void mqci_waiters_let_go(mqci_waiters *waiters, mqci_waiter *waiter);
static inline void mqci_waiters_finish(mqci_waiters *waiters, mqci_waiter *waiter)
{
	if (waiter->copy != NULL || waiter->owns_slot || waiter->owns_buffer)
		mqci_waiters_let_go(waiters, waiter);
}

/* ----------------------------------------------- calls that stand apart -- */

/*
 * One begins with times->apart, and stays until mqci_waiters_look() or
 * mqci_waiters_abandon() says that it is over; then comes mqci_waiters_finish()
 * if it has a reply.
 */

/*
 * One that is stirred, NULL if none is; it is the caller's to settle. `*ret_settled`:
 * it is a call with a reply, is settled, and has others behind it that are, too
 * (next_in_line). If not, it may be stirred again any moment.
 */
mqci_waiter *mqci_waiters_next_stirred(mqci_waiters *waiters, bool *ret_settled);

/* One that stands apart, NULL if none does. */
mqci_waiter *mqci_waiters_first_apart(mqci_waiters *waiters);

/*
 * What has become of it: 1, the reply has come; 0, nothing yet; or why none will,
 * as mqci_waiters_await() tells, which is not final before mqci_waiters_abandon().
 */
int mqci_waiters_look(mqci_waiters *waiters, mqci_waiter *waiter, int64_t now);

/*
 * Give it up, for the reason that mqci_waiters_look() gave; `unsent` if its request
 * has not been sent and will not be. 1 if the reply has come after all.
 */
int mqci_waiters_abandon(mqci_waiters *waiters, mqci_waiter *waiter, int status, bool unsent);

/*
 * Receive what has come, at most so many messages, without waiting, and look at those
 * that are stirred then: nobody else is told of them. How many; or a status.
 */
int mqci_waiters_drain(mqci_waiters *waiters, unsigned messages);

/* From now on the program is told of what is to be looked at, as `event` says; NULL: no more. */
int mqci_waiters_notify(mqci_waiters *waiters, const struct sigevent *event);

/* If the program is told so: it is to come again soon, though nothing may come. */
void mqci_waiters_notify_soon(mqci_waiters *waiters);

/* From now on an eventfd tells of what is to be looked at when nobody watches; or no more, -1. */
void mqci_waiters_set_alarm(mqci_waiters *waiters, int alarm);

/* Whether there is something to look at. */
bool mqci_waiters_are_stirred(mqci_waiters *waiters);

/* Have those who watch come back, and look. */
void mqci_waiters_alarm(mqci_waiters *waiters);

/*
 * Wait for something to look at that was not there when there had been so many
 * alarms; until the deadline, and sometimes less.
 */
unsigned mqci_waiters_alarms(mqci_waiters *waiters);
int mqci_waiters_watch(mqci_waiters *waiters, unsigned alarms, int64_t deadline);

/* When mqci_waiters_tend() is to be called next, for want of a watchdog. */
int64_t mqci_waiters_next(mqci_waiters *waiters, int64_t now);

/*
 * Stir those whose time is over, and look whether the servers of those live that
 * have waited for long. The watchdog does it; without, who waits. When it is to
 * be done again.
 */
int64_t mqci_waiters_tend(mqci_waiters *waiters, int64_t now);

#endif
