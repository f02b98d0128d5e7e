/*
 * session.c - the clients of a server.
 *
 * A hash table under one lock. Workers hold references, so that a session may
 * be forgotten while a call of it is being served.
 *
 * A client that is killed is told of by its pidfd. A goodbye may find no room,
 * or reach another server process, and there may be no descriptor left for a
 * pidfd: so every newcomer also pays for a look at a few of the others, and
 * those whose process or queue is gone are removed.
 *
 * Replies that find no room in their client's queue are kept, and sent by the
 * thread that tends the sessions, when epoll tells that there is room.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/*
 * So many of a client's replies that are kept are in hand, and of all clients' together, until the
 * end: there are hands for others, too, and for calls that are executed.
 */
#define HANDS 512
#define HANDS_OF_ALL (MQCI_HANDS_MAX / 2)

/* How many sessions are looked at, at least, when a client comes. */
#define SWEEP 16

/* At the end, kept replies are given so long, in ms. */
#define LAST_CHANCE_MS 1000

/* A message is made so large, to take further replies, as far as the client has room for it. */
#define KEPT_ROOM 8192

/* A message that is kept. */
typedef struct mqci_kept {
	struct mqci_kept *next;
	size_t size, room;
	bool of_frames;    /* so that others may follow them */
	mqci_hand **hands; /* say that these calls have no answer yet, should we die */
	unsigned hands_count;
	uint8_t message[];
} mqci_kept;

static void drop_spare(mqci_sessions *sessions)
{
	for (unsigned i = 0; i < 2; i++) {
		if (sessions->spare[i] >= 0)
			(void)close(sessions->spare[i]);
		sessions->spare[i] = -1;
	}
}

static void close_descriptors(mqci_sessions *sessions)
{
	if (sessions->deaths >= 0)
		(void)close(sessions->deaths);
	if (sessions->rooms >= 0)
		(void)close(sessions->rooms);
	drop_spare(sessions);
}

void mqci_sessions_use_spare(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
	drop_spare(sessions);
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_sessions_have_spare(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
	/* Where there is none, there may be another time. */
	for (unsigned i = 0; i < 2; i++)
		if (sessions->spare[i] < 0)
			sessions->spare[i] = fcntl(sessions->deaths, F_DUPFD_CLOEXEC, 0);
	(void)pthread_mutex_unlock(&sessions->lock);
}

static mqci_session **bucket_of(mqci_sessions *sessions, uint64_t id)
{
	/* Neighbouring ids differ in pid and number: fold both into the low bits. */
	uint64_t hash = id * UINT64_C(0x9e3779b97f4a7c15);

	return &sessions->buckets[hash >> 58];
}

_Static_assert(MQCI_SESSION_BUCKETS == 1 << (64 - 58), "a hash selects a bucket");

static int epoll_new(int *ret_fd)
{
	*ret_fd = epoll_create1(EPOLL_CLOEXEC);
	if (*ret_fd < 0)
		return mqci_no_descriptor("an epoll instance");
	return MQC_OK;
}

int mqci_sessions_init(mqci_sessions *sessions, const mqci_record *record,
		       const mqci_queue *requests)
{
	int r;

	memset(sessions, 0, sizeof *sessions);
	sessions->record = record;
	sessions->requests = requests;
	sessions->deaths = sessions->rooms = -1;
	sessions->spare[0] = sessions->spare[1] = -1;
	r = epoll_new(&sessions->deaths);
	if (r == MQC_OK)
		r = epoll_new(&sessions->rooms);
	if (r < 0) {
		close_descriptors(sessions);
		return r;
	}
	r = pthread_mutex_init(&sessions->lock, NULL);
	if (r != 0) {
		close_descriptors(sessions);
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	}
	mqci_sessions_have_spare(sessions);
	return MQC_OK;
}

/* While a reply is kept, its call stays in hand: if we die, or close, it has had no answer. */
static void take_hand(mqci_session *session, mqci_kept *kept, const mqci_frame *frame)
{
	mqci_hand *hand = NULL;

	if (session->table->presence != NULL && frame->type == MQCI_REPLY)
		hand = mqci_presence_hand(session->table->presence);
	if (hand == NULL)
		return;
	kept->hands[kept->hands_count++] = hand;
	session->kept_hands++;
	session->table->kept_hands++;
	mqci_hand_take(hand, frame->session, frame->call,
		       (frame->flags & MQCI_FRAME_NOT_EXECUTED) == 0);
}

static void drop_hands(mqci_session *session, mqci_kept *kept)
{
	for (unsigned i = 0; i < kept->hands_count; i++)
		mqci_hand_drop(kept->hands[i]);
	mqci_presence_return_all(session->table->presence, kept->hands, kept->hands_count);
	session->kept_hands -= kept->hands_count;
	session->table->kept_hands -= kept->hands_count;
	kept->hands_count = 0;
}

static mqci_kept *kept_new(const mqci_session *session, size_t size)
{
	size_t room = session->replies.size < KEPT_ROOM ? session->replies.size : KEPT_ROOM;
	mqci_kept *kept;

	if (room < size)
		room = size;
	kept = malloc(sizeof *kept + room);
	if (kept == NULL)
		return NULL;
	*kept = (mqci_kept){
		.room = room,
		.hands = calloc(room / MQCI_FRAME_HEADER + 1, sizeof(mqci_hand *)),
	};
	if (kept->hands == NULL) {
		free(kept);
		return NULL;
	}
	return kept;
}

static void kept_free(mqci_kept *kept)
{
	free(kept->hands);
	free(kept);
}

/* Put a message behind what a message that is kept has already. */
static void append(mqci_session *session, mqci_kept *kept, const uint8_t *message, size_t size)
{
	mqci_verdict verdict;
	mqci_frame frame;
	size_t left = size;

	memcpy(kept->message + kept->size, message, size);
	kept->size += size;
	while ((verdict = mqci_frame_decode(&message, &left, &frame)) == MQCI_FRAME_OK)
		if (session->kept_hands < HANDS && session->table->kept_hands < HANDS_OF_ALL)
			take_hand(session, kept, &frame);
	kept->of_frames = verdict == MQCI_FRAME_END;
}

static void drop_kept(mqci_session *session)
{
	mqci_kept *kept = session->kept;

	drop_hands(session, kept);
	session->kept = kept->next;
	if (session->kept == NULL) {
		session->kept_last = NULL;
		session->table->waiting--;
	}
	atomic_fetch_sub(&session->kept_bytes, sizeof *kept + kept->size);
	kept_free(kept);
}

/* Replies may be kept still, in a forked child: they are in the parent's hands. */
static void session_free(mqci_session *session)
{
	mqci_kept *kept;

	while ((kept = session->kept) != NULL) {
		session->kept = kept->next;
		kept_free(kept);
	}
	if (session->process >= 0)
		(void)close(session->process);
	mqci_arena_view_close(&session->arena);
	mqci_queue_close(&session->replies);
	free(session);
}

static void drop_all_kept(mqci_session *session)
{
	while (session->kept != NULL)
		drop_kept(session);
}

static void release_locked(mqci_session *session)
{
	if (--session->references > 0)
		return;
	drop_all_kept(session);
	session_free(session);
}

/* Whoever keeps a session at hand, while it is not in use, keeps it no longer. */
static void take_from_recent(mqci_session *session)
{
	for (mqci_recent *recent = session->table->recent; recent != NULL; recent = recent->next) {
		mqci_session *kept = session;

		if (atomic_compare_exchange_strong(&recent->session, &kept, NULL))
			session->references--;
	}
}

/* Take the session at *link out of the table. */
static void forget(mqci_session **link)
{
	mqci_session *session = *link;

	*link = session->next;
	/* Who puts it back after this sees it, and lets go of it. */
	atomic_store(&session->gone, true);
	atomic_fetch_add(&session->table->forgotten, 1);
	take_from_recent(session);
	release_locked(session);
}

static mqci_session **find_link(mqci_sessions *sessions, uint64_t id)
{
	mqci_session **link = bucket_of(sessions, id);

	while (*link != NULL && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/* Remove what a dead client has left: its reply queue, and its shared memory. */
static void remove_leftovers(const char *name)
{
	(void)mqci_queue_unlink(name);
	mqci_segment_unlink(name);
}

/* Forget a session that is gone, and remove what its process left, if that is gone, too. */
static void remove_session(mqci_session **link)
{
	if (!mqci_queue_is_removed(&(*link)->replies))
		remove_leftovers((*link)->replies.name);
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

/* Look at its shared memory, if it has any; what is not the client's own is no reason to stay. */
static int look_at_arena(mqci_session *session)
{
	int r = mqci_arena_open(session->id, session->uid, &session->arena);

	if (r == MQC_OK) {
		session->pid = session->arena.pid;
		session->region = mqci_arena_region(&session->arena);
	}
	return r == MQC_NOT_FOUND ? MQC_OK : r;
}

static mqci_session *blank_session(mqci_sessions *sessions, uint64_t id)
{
	mqci_session *session = calloc(1, sizeof *session);

	if (session == NULL)
		return NULL;
	session->id = id;
	session->table = sessions;
	session->process = -1;
	session->replies = MQCI_QUEUE_CLOSED;
	session->arena = MQCI_ARENA_VIEW_CLOSED;
	return session;
}

/* Open the reply queue of a session and compute its key. */
static int session_new(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session)
{
	char name[MQCI_NAME_SIZE];
	mqci_session *session;
	mode_t mode;
	ino_t inode;
	int r;

	session = blank_session(sessions, id);
	if (session == NULL)
		return mqci_no_memory("a session");
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
	if (r == MQC_OK)
		r = look_at_arena(session);
	if (r != MQC_OK) {
		release_locked(session);
		return r;
	}
	session->key = mqci_record_key(sessions->record, id, session->uid, session->gid, inode);
	*ret_session = session;
	return MQC_OK;
}

/* Be told, once, when a descriptor of a session is ready for that. */
static int watch(int epoll, int operation, int descriptor, uint32_t events, uint64_t session)
{
	struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = session};

	return epoll_ctl(epoll, operation, descriptor, &event);
}

/* Be told when the client's process ends. Without, it is found by the sweep. */
static void watch_process(mqci_sessions *sessions, mqci_session *session)
{
	pid_t pid = mqci_process_pid(mqci_party_process(session->id));

	session->process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (session->process >= 0)
		(void)watch(sessions->deaths, EPOLL_CTL_ADD, session->process, EPOLLIN,
			    session->id);
}

static void insert(mqci_sessions *sessions, mqci_session *session)
{
	mqci_session **bucket = bucket_of(sessions, session->id);

	watch_process(sessions, session);
	session->next = *bucket;
	*bucket = session;
}

/* Whether it is this client who said hello, and nobody in his name. */
static int check_hello(const mqci_session *session, uint64_t nonce)
{
	ino_t requests;

	if (session->pid == 0 || (mqci_queue_inode(session->table->requests, &requests) == MQC_OK &&
				  mqci_arena_says_hello(&session->arena, nonce, requests)))
		return MQC_OK;
	return mqci_fail(MQC_UNAUTHENTICATED, 0, "the client %s has not said this hello",
			 session->replies.name);
}

int mqci_sessions_peek(mqci_sessions *sessions, uint64_t id, uint64_t nonce,
		       mqci_session **ret_session)
{
	mqci_session *session;
	int r;

	r = session_new(sessions, id, &session);
	if (r != MQC_OK)
		return r;
	r = check_hello(session, nonce);
	if (r < 0)
		release_locked(session);
	else
		*ret_session = session;
	return r;
}

int mqci_sessions_open(mqci_sessions *sessions, uint64_t id, uint64_t nonce,
		       mqci_session **ret_session)
{
	mqci_session *session, **link;
	int r;

	(void)pthread_mutex_lock(&sessions->lock);
	sweep(sessions);
	r = mqci_sessions_peek(sessions, id, nonce, &session);
	if (r == MQC_OK) {
		link = find_link(sessions, id);
		if (*link != NULL)
			forget(link);
		insert(sessions, session);
		session->references++;
		*ret_session = session;
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return r;
}

int mqci_sessions_reach(mqci_sessions *sessions, uint64_t id, mqci_session **ret_session)
{
	mqci_session *session, **link;
	int r = MQC_OK;

	(void)pthread_mutex_lock(&sessions->lock);
	link = find_link(sessions, id);
	session = *link;
	/* Who is known stays: replies may be kept for him. */
	if (session == NULL || mqci_queue_is_removed(&session->replies))
		r = session_new(sessions, id, &session);
	if (r == MQC_OK) {
		if (session != *link) {
			if (*link != NULL)
				forget(link);
			insert(sessions, session);
		}
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

/*
 * The session of a one-way request whose client has gone, for that request alone:
 * who its owner was it says itself, and the key proves it. Else NULL.
 */
static mqci_session *recall(mqci_sessions *sessions, const mqci_frame *frame)
{
	const mqci_departed owner = mqci_departed_of(frame);
	const uint64_t key = mqci_record_key(sessions->record, frame->session, owner.uid, owner.gid,
					     owner.inode);
	mqci_session *session = NULL;

	if (frame->flags & MQCI_FRAME_ONEWAY && key == frame->key)
		session = blank_session(sessions, frame->session);
	if (session != NULL) {
		session->key = key;
		session->uid = owner.uid;
		session->gid = owner.gid;
		/* Nor is it kept at hand: what comes next may want an answer. */
		atomic_store(&session->gone, true);
	}
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
	if (session == NULL)
		session = recall(sessions, frame);
	if (session != NULL)
		session->references++;
	(void)pthread_mutex_unlock(&sessions->lock);
	return session;
}

void mqci_recent_init(mqci_recent *recent, mqci_sessions *sessions)
{
	atomic_init(&recent->session, NULL);
	recent->table = sessions;
	(void)pthread_mutex_lock(&sessions->lock);
	recent->next = sessions->recent;
	sessions->recent = recent;
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_recent_done(mqci_recent *recent)
{
	mqci_session *session = atomic_exchange(&recent->session, NULL);
	mqci_sessions *sessions = recent->table;
	mqci_recent **link = &sessions->recent;

	(void)pthread_mutex_lock(&sessions->lock);
	if (session != NULL)
		release_locked(session);
	while (*link != recent)
		link = &(*link)->next;
	*link = recent->next;
	(void)pthread_mutex_unlock(&sessions->lock);
}

/* It is another session's turn. */
static __attribute__((__noinline__)) mqci_session *
find_instead(mqci_recent *recent, mqci_session *session, const mqci_frame *frame)
{
	if (session != NULL)
		mqci_session_release(session);
	return mqci_sessions_find(recent->table, frame);
}

mqci_session *mqci_recent_find(mqci_recent *recent, const mqci_frame *frame)
{
	mqci_session *session = atomic_exchange(&recent->session, NULL);

	if (session != NULL && session->id == frame->session && session->key == frame->key &&
	    !atomic_load_explicit(&session->gone, memory_order_relaxed))
		return session;
	return find_instead(recent, session, frame);
}

void mqci_recent_keep(mqci_recent *recent, mqci_session *session)
{
	const unsigned forgotten = atomic_load(&recent->table->forgotten);

	if (!atomic_load(&session->gone)) {
		/* Who forgets it from now on may have taken it, and freed it: it is not looked at.
		 */
		atomic_store(&recent->session, session);
		if (atomic_load(&recent->table->forgotten) == forgotten ||
		    atomic_exchange(&recent->session, NULL) == NULL)
			return;
	}
	mqci_session_release(session);
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

void mqci_session_hold(mqci_session *session)
{
	mqci_sessions *sessions = session->table;

	(void)pthread_mutex_lock(&sessions->lock);
	session->references++;
	(void)pthread_mutex_unlock(&sessions->lock);
}

__attribute__((__noinline__)) void mqci_session_release(mqci_session *session)
{
	mqci_sessions *sessions = session->table;

	(void)pthread_mutex_lock(&sessions->lock);
	release_locked(session);
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_session_outlive(mqci_session *session)
{
	mqci_sessions *sessions = session->table;

	(void)pthread_mutex_lock(&sessions->lock);
	/* Nobody will send it: it is in no table. */
	if (atomic_load(&session->gone))
		drop_all_kept(session);
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_session_leave(mqci_session *session)
{
	if (--session->references == 0)
		session_free(session);
}

/* There is one client more for whom replies are kept. */
static void begin_waiting(mqci_sessions *sessions)
{
	sessions->waiting++;
	if (sessions->notify != NULL)
		mqci_notify_fire(sessions->notify);
}

/* Keep a message behind the others, if we can be told of room for it. */
static bool keep_behind(mqci_session *session, const uint8_t *message, size_t size)
{
	int operation = session->kept_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	mqci_kept *kept = kept_new(session, size);

	if (kept == NULL)
		return false;
	if (session->kept == NULL &&
	    watch(session->table->rooms, operation, session->replies.descriptor, EPOLLOUT,
		  session->id) < 0) {
		kept_free(kept);
		return false;
	}
	session->kept_watched = true;
	append(session, kept, message, size);
	if (session->kept == NULL) {
		session->kept = kept;
		begin_waiting(session->table);
	} else {
		session->kept_last->next = kept;
	}
	session->kept_last = kept;
	atomic_fetch_add(&session->kept_bytes, sizeof *kept + size);
	return true;
}

/* Keep replies that found no room: in a message with others, if there is one with room. */
static bool keep(mqci_session *session, const uint8_t *message, size_t size)
{
	const size_t most = size <= MQCI_KEPT_SMALL ? 2 * MQCI_KEPT_MAX : MQCI_KEPT_MAX;
	mqci_kept *last = session->kept_last;

	if (atomic_load(&session->kept_bytes) + sizeof *last + size > most)
		return false;
	if (last == NULL || !last->of_frames || size > last->room - last->size)
		return keep_behind(session, message, size);
	append(session, last, message, size);
	atomic_fetch_add(&session->kept_bytes, size);
	return true;
}

/* Instead of answers that were lost, as the client leaves no room for so many, say so. */
static bool keep_losses(mqci_session *session, const uint8_t *message, size_t size)
{
	static const char text[] = "the answer was lost: the client left too many unread";
	uint8_t notice[MQCI_KEPT_SMALL];
	mqci_frame frame, lost;
	bool kept = true;

	_Static_assert(MQCI_FRAME_HEADER + sizeof text + 7 <= sizeof notice, "it has room");
	while (mqci_frame_decode(&message, &size, &frame) == MQCI_FRAME_OK) {
		if (frame.type != MQCI_REPLY)
			continue;
		lost = (mqci_frame){
			.type = MQCI_REPLY,
			.flags = frame.flags & MQCI_FRAME_NOT_EXECUTED,
			.cpu = frame.cpu,
			.session = frame.session,
			.key = frame.key,
			.call = frame.call,
			.code = (uint64_t)(int64_t)MQC_RESOURCE_EXHAUSTED,
			.payload = (const uint8_t *)text,
			.size = sizeof text - 1,
		};
		kept = keep(session, notice, mqci_frame_encode(&lost, notice)) && kept;
	}
	return kept;
}

/* A message that finds no room now is sent later; false: it is lost. */
static __attribute__((__cold__, __noinline__)) bool send_later(mqci_session *session,
							       const uint8_t *message, size_t size)
{
	mqci_sessions *sessions = session->table;
	bool kept;

	(void)pthread_mutex_lock(&sessions->lock);
	kept = keep(session, message, size);
	if (!kept) {
		atomic_store(&session->incomplete, true);
		(void)keep_losses(session, message, size);
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return kept;
}

bool mqci_session_send(mqci_session *session, const uint8_t *message, size_t size)
{
	/* Behind what is kept already, so that nothing is overtaken for ever. */
	if (atomic_load(&session->kept_bytes) == 0 &&
	    mqci_queue_send(&session->replies, message, size, 0) == 1)
		return true;
	/* No room; or no memory: then it is tried once more, when epoll tells of room. */
	return send_later(session, message, size);
}

/* Send what was kept, as far as there is room. */
static void send_kept(mqci_session *session)
{
	int r;

	while (session->kept != NULL &&
	       (r = mqci_queue_send(&session->replies, session->kept->message, session->kept->size,
				    0)) != 0) {
		if (r < 0)
			atomic_store(&session->incomplete, true);
		drop_kept(session);
	}
}

static void tend_rooms(mqci_sessions *sessions)
{
	struct epoll_event events[16];
	mqci_session *session;
	int count;

	count = epoll_wait(sessions->rooms, events, 16, 0);
	for (int i = 0; i < count; i++) {
		session = *find_link(sessions, events[i].data.u64);
		if (session == NULL || session->kept == NULL)
			continue;
		send_kept(session);
		if (session->kept != NULL)
			(void)watch(sessions->rooms, EPOLL_CTL_MOD, session->replies.descriptor,
				    EPOLLOUT, session->id);
	}
}

static void tend_deaths(mqci_sessions *sessions)
{
	struct epoll_event events[16];
	mqci_session **link;
	int count;

	count = epoll_wait(sessions->deaths, events, 16, 0);
	for (int i = 0; i < count; i++) {
		link = find_link(sessions, events[i].data.u64);
		if (*link != NULL && is_gone(*link))
			remove_session(link);
	}
}

void mqci_sessions_tend(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
	tend_rooms(sessions);
	tend_deaths(sessions);
	(void)pthread_mutex_unlock(&sessions->lock);
}

void mqci_sessions_tell(mqci_sessions *sessions, const mqci_notify *notify)
{
	(void)pthread_mutex_lock(&sessions->lock);
	sessions->notify = notify;
	if (notify != NULL && sessions->waiting > 0)
		mqci_notify_fire(notify);
	(void)pthread_mutex_unlock(&sessions->lock);
}

bool mqci_sessions_keep_any(mqci_sessions *sessions)
{
	bool any;

	(void)pthread_mutex_lock(&sessions->lock);
	any = sessions->waiting > 0;
	(void)pthread_mutex_unlock(&sessions->lock);
	return any;
}

void mqci_sessions_before_fork(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
}

void mqci_sessions_after_fork(mqci_sessions *sessions)
{
	(void)pthread_mutex_unlock(&sessions->lock);
}

static bool is_in_hand(const mqci_kept *kept, uint64_t call)
{
	for (unsigned i = 0; i < kept->hands_count; i++)
		if (atomic_load(&kept->hands[i]->call) == call)
			return true;
	return false;
}

/* At the end the hands are free: have in hand what was more than a client could have there. */
static void take_rest_in_hand(mqci_session *session)
{
	mqci_frame frame;

	for (mqci_kept *kept = session->kept; kept != NULL; kept = kept->next) {
		const uint8_t *at = kept->message;
		size_t left = kept->size;

		while (mqci_frame_decode(&at, &left, &frame) == MQCI_FRAME_OK)
			if (!is_in_hand(kept, frame.call))
				take_hand(session, kept, &frame);
	}
}

/* What is kept stays in hand, for others to tell; whether anything was kept. */
static bool leave_in_hand(mqci_session *session)
{
	for (mqci_kept *kept = session->kept; kept != NULL; kept = kept->next)
		kept->hands_count = 0;
	return session->kept != NULL;
}

void mqci_sessions_disown(mqci_sessions *sessions)
{
	for (unsigned i = 0; i < MQCI_SESSION_BUCKETS; i++)
		while (sessions->buckets[i] != NULL) {
			/* In the parent's hands. */
			(void)leave_in_hand(sessions->buckets[i]);
			forget(&sessions->buckets[i]);
		}
	close_descriptors(sessions);
	mqci_sessions_after_fork(sessions);
}

/* Without room for it, it is kept: who hears none asks on where nobody answers. */
static void say_goodbye(mqci_session *session)
{
	const mqci_frame frame = {
		.type = MQCI_GOODBYE,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = session->id,
		.key = session->key,
	};
	uint8_t message[MQCI_FRAME_HEADER];
	size_t size = mqci_frame_encode(&frame, message);

	session->parted = true;
	if (mqci_queue_send(&session->replies, message, size, 0) == 0)
		(void)keep(session, message, size);
}

/* It says that all is answered: to those for whom that is so, and who have not heard it yet. */
static void say_goodbyes(mqci_sessions *sessions)
{
	(void)pthread_mutex_lock(&sessions->lock);
	for (unsigned i = 0; i < MQCI_SESSION_BUCKETS; i++)
		for (mqci_session *session = sessions->buckets[i]; session != NULL;
		     session = session->next)
			if (session->kept == NULL && !session->parted &&
			    !atomic_load(&session->incomplete))
				say_goodbye(session);
	(void)pthread_mutex_unlock(&sessions->lock);
}

/* Send what is kept, to those who make room in time; and, if `goodbye`, that this is all. */
static void give_last_chance(mqci_sessions *sessions, bool goodbye, int64_t deadline)
{
	for (;;) {
		struct pollfd rooms = {.fd = sessions->rooms, .events = POLLIN};
		int left = mqci_deadline_remaining_ms(deadline);

		/* Nobody is to wait for those who leave no room for their replies. */
		if (goodbye)
			say_goodbyes(sessions);
		if (left == 0 || !mqci_sessions_keep_any(sessions))
			return;
		(void)poll(&rooms, 1, left);
		mqci_sessions_tend(sessions);
	}
}

bool mqci_sessions_done(mqci_sessions *sessions, bool goodbye)
{
	bool left = false;

	goodbye = goodbye && !atomic_load(&sessions->untold);
	give_last_chance(sessions, goodbye, mqci_deadline_after_ms(LAST_CHANCE_MS));
	for (unsigned i = 0; i < MQCI_SESSION_BUCKETS; i++) {
		mqci_session **link = &sessions->buckets[i];

		while (*link != NULL) {
			take_rest_in_hand(*link);
			if (!mqci_process_alive(mqci_party_process((*link)->id)))
				remove_leftovers((*link)->replies.name);
			else if (leave_in_hand(*link))
				left = true;
			drop_all_kept(*link);
			forget(link);
		}
	}
	close_descriptors(sessions);
	(void)pthread_mutex_destroy(&sessions->lock);
	return left;
}
