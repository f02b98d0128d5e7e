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

#include "frame.h"
#include "queue.h"
#include "record.h"

typedef struct mqci_session {
	uint64_t id;
	uint64_t key; /* what frames carry, both ways */
	uid_t uid;    /* the owner of its reply queue */
	gid_t gid;
	mqci_queue replies;
	unsigned references; /* under the table's lock */
	struct mqci_session *next;
} mqci_session;

#define MQCI_SESSION_BUCKETS 64

typedef struct mqci_sessions {
	pthread_mutex_t lock;
	mqci_session *buckets[MQCI_SESSION_BUCKETS];
	const mqci_record *record;
	unsigned sweep_at; /* the bucket to look through next for the dead */
} mqci_sessions;

/* Around fork(); in the child, `disown` lets go of the clients. */
void mqci_sessions_before_fork(mqci_sessions *sessions);
void mqci_sessions_after_fork(mqci_sessions *sessions);
void mqci_sessions_disown(mqci_sessions *sessions);

int mqci_sessions_init(mqci_sessions *sessions, const mqci_record *record);

/* Close every session, telling the clients goodbye if `goodbye`. */
void mqci_sessions_done(mqci_sessions *sessions, bool goodbye);

/*
 * Take in the client with this id, that says hello; what was known under the
 * id is forgotten. Give it back with mqci_session_release().
 */
int mqci_sessions_open(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session);

/*
 * The session of a frame, if its key is right, or NULL. One that this process
 * has not met is opened. Give it back with mqci_session_release().
 */
mqci_session *mqci_sessions_find(mqci_sessions *sessions, const mqci_frame *frame);

/* Forget the session of a frame, if its key is right. */
void mqci_sessions_goodbye(mqci_sessions *sessions, const mqci_frame *frame);

void mqci_session_release(mqci_sessions *sessions, mqci_session *session);

/*
 * Send a frame to a client, never waiting: a client that leaves no room for
 * its replies loses them. True when it was sent.
 */
bool mqci_session_send(const mqci_session *session, const uint8_t *message, size_t size);

#endif
