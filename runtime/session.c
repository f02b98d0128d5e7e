/*
 * session.c - the clients of a server.
 *
 * A hash table under one lock. Workers hold references, so that a session may
 * be forgotten while a call of it is being served. Nobody tells a server that
 * a client was killed, and a goodbye may find no room, or reach another server
 * process: every newcomer pays for a look at a few of the others, and those
 * whose process or queue is gone are removed.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

/* How many sessions are looked at, at least, when a client comes. */
#define SWEEP 16

static mqci_session **bucket_of(mqci_sessions *sessions, uint64_t id)
{
	/* Neighbouring ids differ in pid and number: fold both into the low bits. */
	uint64_t hash = id * UINT64_C(0x9e3779b97f4a7c15);

	return &sessions->buckets[hash >> 58];
}

_Static_assert(MQCI_SESSION_BUCKETS == 1 << (64 - 58), "a hash selects a bucket");

int mqci_sessions_init(mqci_sessions *sessions, const mqci_record *record)
{
	int r;

	memset(sessions, 0, sizeof *sessions);
	sessions->record = record;
	r = pthread_mutex_init(&sessions->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	return MQC_OK;
}

static void release_locked(mqci_session *session)
{
	if (--session->references > 0)
		return;
	mqci_queue_close(&session->replies);
	free(session);
}

/* Take the session at *link out of the table. */
static void forget(mqci_session **link)
{
	mqci_session *session = *link;

	*link = session->next;
	release_locked(session);
}

static mqci_session **find_link(mqci_sessions *sessions, uint64_t id)
{
	mqci_session **link = bucket_of(sessions, id);

	while (*link != NULL && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/* Forget a session that is gone, and remove what its process left, if that is gone, too. */
static void remove_session(mqci_session **link)
{
	if (!mqci_queue_is_removed(&(*link)->replies))
		(void)mqci_queue_unlink((*link)->replies.name);
	forget(link);
}

/* Whether nobody reads the replies of a session any more. */
static bool is_gone(const mqci_session *session)
{
	return mqci_queue_is_removed(&session->replies) ||
	       !mqci_process_alive(mqci_party_process(session->id));
}

static void sweep(mqci_sessions *sessions)
{
	unsigned looked_at = 0;

	for (unsigned n = 0; n < MQCI_SESSION_BUCKETS && looked_at < SWEEP; n++) {
		mqci_session **link = &sessions->buckets[sessions->sweep_at];

		sessions->sweep_at = (sessions->sweep_at + 1) % MQCI_SESSION_BUCKETS;
		while (*link != NULL) {
			looked_at++;
			if (is_gone(*link))
				remove_session(link);
			else
				link = &(*link)->next;
		}
	}
}

/* Open the reply queue of a session and compute its key. */
static int session_new(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session)
{
	char name[MQCI_NAME_SIZE];
	mqci_session *session;
	mode_t mode;
	ino_t inode;
	int r;

	session = calloc(1, sizeof *session);
	if (session == NULL)
		return mqci_no_memory("a session");
	session->id = id;
	session->references = 1;
	mqci_name_replies(id, name);
	r = mqci_queue_open(name, MQCI_SEND, &session->replies);
	if (r < 0) {
		free(session);
		return r;
	}
	r = mqci_queue_owner(&session->replies, &session->uid, &session->gid, &mode);
	if (r == MQC_OK)
		r = mqci_queue_inode(&session->replies, &inode);
	if (r != MQC_OK) {
		release_locked(session);
		return r;
	}
	session->key = mqci_record_key(sessions->record, id, session->uid, inode);
	*ret_session = session;
	return MQC_OK;
}

static void insert(mqci_sessions *sessions, mqci_session *session)
{
	mqci_session **bucket = bucket_of(sessions, session->id);

	session->next = *bucket;
	*bucket = session;
}

int mqci_sessions_open(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session)
{
	mqci_session *session, **link;
	int r;

	(void)pthread_mutex_lock(&sessions->lock);
	sweep(sessions);
	link = find_link(sessions, id);
	if (*link != NULL)
		forget(link);
	r = session_new(sessions, id, &session);
	if (r == MQC_OK) {
		insert(sessions, session);
		session->references++;
		*ret_session = session;
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return r;
}

/* Take in the client that a frame names, if the frame has the right key; else NULL. */
static mqci_session *meet(mqci_sessions *sessions, const mqci_frame *frame)
{
	mqci_session *session, **link;

	if (session_new(sessions, frame->session, &session) != MQC_OK)
		return NULL;
	if (session->key != frame->key) {
		release_locked(session);
		return NULL;
	}
	sweep(sessions);
	link = find_link(sessions, frame->session);
	if (*link != NULL)
		forget(link);
	insert(sessions, session);
	return session;
}

mqci_session *mqci_sessions_find(mqci_sessions *sessions, const mqci_frame *frame)
{
	mqci_session *session;

	(void)pthread_mutex_lock(&sessions->lock);
	session = *find_link(sessions, frame->session);
	/* Not met yet; or a former client had the number, and this is not its key. */
	if (session == NULL || session->key != frame->key)
		session = meet(sessions, frame);
	if (session != NULL)
		session->references++;
	(void)pthread_mutex_unlock(&sessions->lock);
	return session;
}

void mqci_sessions_goodbye(mqci_sessions *sessions, const mqci_frame *frame)
{
	mqci_session **link;

	(void)pthread_mutex_lock(&sessions->lock);
	link = find_link(sessions, frame->session);
	if (*link != NULL && (*link)->key == frame->key)
		forget(link);
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_session_release(mqci_sessions *sessions, mqci_session *session)
{
	(void)pthread_mutex_lock(&sessions->lock);
	release_locked(session);
	(void)pthread_mutex_unlock(&sessions->lock);
}

bool mqci_session_send(const mqci_session *session, const uint8_t *message, size_t size)
{
	return mqci_queue_send(&session->replies, message, size, 0) == 1;
}

void mqci_sessions_before_fork(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
}

void mqci_sessions_after_fork(mqci_sessions *sessions)
{
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_sessions_disown(mqci_sessions *sessions)
{
	for (unsigned i = 0; i < MQCI_SESSION_BUCKETS; i++)
		while (sessions->buckets[i] != NULL)
			forget(&sessions->buckets[i]);
	mqci_sessions_after_fork(sessions);
}

static void say_goodbye(const mqci_session *session)
{
	const mqci_frame frame = {
		.type = MQCI_GOODBYE,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = session->id,
		.key = session->key,
	};
	uint8_t message[MQCI_FRAME_HEADER];

	(void)mqci_session_send(session, message, mqci_frame_encode(&frame, message));
}

void mqci_sessions_done(mqci_sessions *sessions, bool goodbye)
{
	for (unsigned i = 0; i < MQCI_SESSION_BUCKETS; i++) {
		mqci_session **link = &sessions->buckets[i];

		while (*link != NULL) {
			if (goodbye)
				say_goodbye(*link);
			if (!mqci_process_alive(mqci_party_process((*link)->id)))
				(void)mqci_queue_unlink((*link)->replies.name);
			forget(link);
		}
	}
	(void)pthread_mutex_destroy(&sessions->lock);
}
