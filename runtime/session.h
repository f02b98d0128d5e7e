/*
 * session.h - the clients of a server.
 *
 * A session ties requests to the owner of a reply queue. HELLO opens one: the
 * server opens the queue it names, asks the kernel who owns that, and sends
 * the session key into it, where only the owner can read. The key is computed
 * from the endpoint's secret, so a server process that has never met a client
 * can check its key, open its queue and answer it.
 */
#ifndef MQCI_SESSION_H
#define MQCI_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "arena.h"
#include "frame.h"
#include "notify.h"
#include "presence.h"
#include "queue.h"
#include "record.h"

typedef struct mqci_session {
	uint64_t id;
	uint64_t key; /* what frames carry, both ways */
	uid_t uid;    /* the owner of its reply queue */
	gid_t gid;
	mqci_queue replies;
	mqci_arena_view arena;  /* its shared memory; closed if it has none */
	pid_t pid;              /* the process that holds that, as the kernel tells; 0: none does */
	uint64_t region;        /* of a payload there; 0: there are none */
	int process;            /* a pidfd, or -1 */
	atomic_bool gone;       /* the client has closed, or its process has ended */
	atomic_bool incomplete; /* a reply to it was lost */
	/* The rest under the table's lock; but whether there is a reply, for anyone to look at. */
	struct mqci_kept *kept, *kept_last; /* replies that found no room, the oldest first */
	_Atomic size_t kept_bytes;
	unsigned kept_hands; /* how many of them are in hand */
	bool kept_watched;   /* the reply queue is in the table's `rooms` */
	bool parted;         /* it was said goodbye to */
	atomic_uint references;
	struct mqci_sessions *table; /* as long as its server is open */
	struct mqci_session *next;
} mqci_session;

#define MQCI_SESSION_BUCKETS 64

/*
 * Replies of so many bytes are kept for a client that leaves no room; what is more
 * is lost. There is as much room again for small ones, which tell what was lost.
 */
#define MQCI_KEPT_MAX (1024 * 1024)
#define MQCI_KEPT_SMALL 192

/*
 * The session that a thread has served last, kept at hand for its next request:
 * then no lock is needed to find it. One that is forgotten is taken away.
 */
typedef struct mqci_recent {
	_Atomic(mqci_session *) session; /* a reference; NULL: none, or it is in use */
	struct mqci_sessions *table;
	struct mqci_recent *next; /* under the table's lock */
} mqci_recent;

typedef struct mqci_sessions {
	pthread_mutex_t lock;
	mqci_session *buckets[MQCI_SESSION_BUCKETS];
	mqci_recent *recent;   /* of all threads */
	atomic_uint forgotten; /* how many sessions were */
	const mqci_record *record;
	const mqci_queue *requests;    /* that hellos come to */
	const mqci_presence *presence; /* where replies that are kept are in hand; or NULL */
	unsigned sweep_at;             /* the bucket to look through next for the dead */
	/* Epoll instances, readable when there is something to tend. */
	int deaths;          /* of clients' processes */
	int rooms;           /* in reply queues for which replies are kept */
	unsigned waiting;    /* clients for whom replies are kept */
	unsigned kept_hands; /* ... and how many of these are in hand */
	const mqci_notify
		*notify; /* by which a program hears of the first one of a client; or NULL */
	atomic_bool
		untold; /* a client could not be told what it has lost: nobody is said goodbye */
	/* Of no use but to be closed, when there are no descriptors left to say so with. */
	int spare[2];
} mqci_sessions;

/* Around fork(); in the child, `disown` lets go of the clients. */
void mqci_sessions_before_fork(mqci_sessions *sessions);
void mqci_sessions_after_fork(mqci_sessions *sessions);
void mqci_sessions_disown(mqci_sessions *sessions);

int mqci_sessions_init(mqci_sessions *sessions, const mqci_record *record,
		       const mqci_queue *requests);

/*
 * Close every session, telling the clients goodbye if `goodbye`. Replies that
 * are kept get a second to find room. Whether there were some that did not: then
 * their calls are in hand still.
 */
bool mqci_sessions_done(mqci_sessions *sessions, bool goodbye);

/*
 * Take in the client with this id, if it is saying hello with this nonce, else
 * MQC_UNAUTHENTICATED; what was known under the id is forgotten. One that has no
 * shared memory cannot tell, and is believed. Give it back with
 * mqci_session_release().
 */
int mqci_sessions_open(mqci_sessions *sessions, uint64_t id, uint64_t nonce,
		       mqci_session **ret_session);

/*
 * The client with this id, known already or not; for what it did not ask us for.
 * Give it back with mqci_session_release().
 */
int mqci_sessions_reach(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session);

/*
 * Look at the client with this id, without taking it in, if it says hello with
 * the nonce, which 0 is not. Give it back with mqci_session_release().
 */
int mqci_sessions_peek(mqci_sessions *sessions, uint64_t id, uint64_t nonce,
		       mqci_session **ret_session);

/*
 * The session of a frame, if its key is right, or NULL. One that this process
 * has not met is opened; a one-way request is as good when its client has gone.
 * Give it back with mqci_session_release().
 */
mqci_session *mqci_sessions_find(mqci_sessions *sessions, const mqci_frame *frame);

/*
 * The same, with what the calling thread has kept; and, instead of a release, the
 * way back. Only the thread that it belongs to uses it.
 */
void mqci_recent_init(mqci_recent *recent, mqci_sessions *sessions);
void mqci_recent_done(mqci_recent *recent);
mqci_session *mqci_recent_find(mqci_recent *recent, const mqci_frame *frame);
void mqci_recent_keep(mqci_recent *recent, mqci_session *session);

/* Forget the session of a frame, if its key is right. */
void mqci_sessions_goodbye(mqci_sessions *sessions, const mqci_frame *frame);

/* Let go of the spare descriptors, for as long as it takes to say that there are no others; and
 * have some again. */
void mqci_sessions_use_spare(mqci_sessions *sessions);
void mqci_sessions_have_spare(mqci_sessions *sessions);

void mqci_session_hold(mqci_session *session);
void mqci_session_release(mqci_session *session);

/*
 * For what is left of a call when its server is closed, which may still ask for the
 * client and look at its memory: from mqci_session_outlive() on the reference that
 * it holds may outlive the table, and is given back by mqci_session_leave(), at any
 * time, from any thread.
 */
void mqci_session_outlive(mqci_session *session);
void mqci_session_leave(mqci_session *session);

/*
 * Send a message of one frame or more to a client, never waiting: what finds no
 * room is kept, together with what is kept already, until mqci_sessions_tend()
 * finds some. False when it is lost, as the client has let MQCI_KEPT_MAX bytes
 * pile up: then it will be told that, as far as that finds room.
 */
bool mqci_session_send(mqci_session *session, const uint8_t *message, size_t size);

/*
 * Have a program that waits for nothing be told of replies that are kept, which
 * nobody tells it when to tend; NULL: no more.
 */
void mqci_sessions_tell(mqci_sessions *sessions, const mqci_notify *notify);

/* Whether there are any. */
bool mqci_sessions_keep_any(mqci_sessions *sessions);

/* Forget clients whose process has ended, and send what was kept to those that have room. */
void mqci_sessions_tend(mqci_sessions *sessions);

#endif
