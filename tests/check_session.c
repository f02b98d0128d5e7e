/*
 * check_session.c - tests of runtime/session.h: the clients of a server, and how they are told
 * apart.
 */
#include "session.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "support.h"

static mqci_record record;
static mqci_sessions sessions;
static uint64_t process;

static void begin(void)
{
	support_ok(mqci_process_self(&process));
	support_ok(mqci_record_open(support_queue_name(support_endpoint()), &record));
	support_ok(mqci_sessions_init(&sessions, &record, NULL));
}

static void end(bool goodbye)
{
	(void)mqci_sessions_done(&sessions, goodbye);
	mqci_record_remove(&record);
	mqci_record_close(&record);
}

/* The reply queue of client number `n` of this process. */
static mqci_queue replies_of(unsigned n)
{
	char name[MQCI_NAME_SIZE];
	mqci_queue queue;

	mqci_name_replies(mqci_party_make(process, n), name);
	support_ok(mqci_queue_create(name, 2, 256, 0600, &queue));
	support_ok(mqci_queue_never_block(&queue));
	return queue;
}

static void remove_queue(mqci_queue *queue)
{
	ck_assert(mqci_queue_unlink(queue->name));
	mqci_queue_close(queue);
}

static mqci_frame frame_of(unsigned n, uint64_t key)
{
	return (mqci_frame){
		.type = MQCI_REQUEST, .session = mqci_party_make(process, n), .key = key};
}

START_TEST(a_session)
{
	mqci_session *session = NULL, *found;
	mqci_queue replies;
	mqci_frame frame;
	char buffer[256];

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	ck_assert_uint_eq(session->id, mqci_party_make(process, 1));
	ck_assert_uint_eq(session->uid, geteuid());
	ck_assert_uint_ne(session->key, 0);
	ck_assert_uint_eq(session->replies.size, 256);
	ck_assert(mqci_session_send(session, (const uint8_t *)"hi", 2));
	ck_assert_int_eq(mqci_queue_receive(&replies, buffer, sizeof buffer), 2);

	frame = frame_of(1, session->key);
	found = mqci_sessions_find(&sessions, &frame);
	ck_assert_ptr_eq(found, session);
	mqci_session_release(found);
	frame.key++;
	ck_assert_ptr_null(mqci_sessions_find(&sessions, &frame));
	frame.key = 0;
	ck_assert_ptr_null(mqci_sessions_find(&sessions, &frame));
	mqci_session_release(session);
	end(false);
	remove_queue(&replies);
}
END_TEST

START_TEST(sending_never_waits)
{
	mqci_session *session = NULL;
	char buffer[256];
	mqci_queue replies;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	ck_assert(mqci_session_send(session, (const uint8_t *)"1", 1));
	ck_assert(mqci_session_send(session, (const uint8_t *)"2", 1));
	/* What finds no room is kept, and sent in its turn when there is some. */
	ck_assert(mqci_session_send(session, (const uint8_t *)"3", 1));
	ck_assert(mqci_session_send(session, (const uint8_t *)"4", 1));
	for (int expected = '1'; expected <= '4'; expected++) {
		ck_assert_int_eq(mqci_queue_receive(&replies, buffer, sizeof buffer), 1);
		ck_assert_int_eq(buffer[0], expected);
		mqci_sessions_tend(&sessions);
	}
	ck_assert(mqci_session_send(session, (const uint8_t *)"5", 1));
	ck_assert_int_eq(mqci_queue_receive(&replies, buffer, sizeof buffer), 1);
	mqci_session_release(session);
	end(true);
	remove_queue(&replies);
}
END_TEST

/* A client that never reads costs so much memory, and no more. */
START_TEST(what_is_kept_is_bounded)
{
	mqci_session *session = NULL;
	uint8_t message[200] = {0};
	mqci_queue replies;
	size_t kept = 0;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	while (mqci_session_send(session, message, sizeof message))
		ck_assert_uint_lt(kept++, MQCI_KEPT_MAX / sizeof message + 2);
	ck_assert_uint_gt(kept, MQCI_KEPT_MAX / 2 / sizeof message);
	mqci_session_release(session);
	/* The end waits for it for a while, and not for ever. */
	end(true);
	remove_queue(&replies);
}
END_TEST

/* What would not be so: that all was answered. */
START_TEST(no_goodbye_after_a_loss)
{
	mqci_session *session = NULL;
	uint8_t message[256] = {0};
	mqci_queue replies;
	mqci_frame frame;
	ssize_t size;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	while (mqci_session_send(session, message, 200))
		continue;
	/* There is room for a word about it. */
	ck_assert(mqci_session_send(session, message, MQCI_KEPT_SMALL));
	mqci_session_release(session);
	while (mqci_queue_receive(&replies, message, 256) > 0)
		mqci_sessions_tend(&sessions);
	end(true);
	while ((size = mqci_queue_receive(&replies, message, 256)) > 0) {
		const uint8_t *at = message;
		size_t left = (size_t)size;

		ck_assert(mqci_frame_decode(&at, &left, &frame) != MQCI_FRAME_OK ||
			  frame.type != MQCI_GOODBYE);
	}
	remove_queue(&replies);
}
END_TEST

/* Nor if somebody could not be told of a loss, for want of descriptors. */
START_TEST(no_goodbye_after_a_loss_untold)
{
	mqci_session *session = NULL;
	struct rlimit before, none;
	mqci_queue replies;
	char buffer[256];

	begin();
	replies = replies_of(1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	mqci_answer_lost(mqci_party_make(process, 1), 7, true, &sessions);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	mqci_session_release(session);
	end(true);
	ck_assert_int_eq(mqci_queue_receive(&replies, buffer, sizeof buffer), 0);
	remove_queue(&replies);
}
END_TEST

/* What a server has in hand, by what another one finds when it is closed. */
static void count_lost(uint64_t session, uint64_t call, bool begun, void *data)
{
	unsigned *lost = data;

	ck_assert_uint_eq(session, mqci_party_make(process, 1));
	ck_assert_uint_eq(call, 1000 + *lost);
	ck_assert(begun);
	++*lost;
}

/* As begin(), of a server that is present. */
static void begin_present(mqci_presence *presence)
{
	begin();
	support_ok(mqci_presence_open(support_last_endpoint(), 0600, presence));
	sessions.presence = presence;
}

/* The call of a reply that is kept is in hand until the reply is sent. */
START_TEST(what_is_kept_is_in_hand)
{
	mqci_frame frame = {.type = MQCI_REPLY};
	mqci_session *session = NULL;
	uint8_t message[MQCI_FRAME_HEADER];
	mqci_presence presence;
	mqci_queue replies;
	unsigned lost = 0;

	begin_present(&presence);
	replies = replies_of(1);
	frame.session = mqci_party_make(process, 1);
	support_ok(mqci_sessions_open(&sessions, frame.session, 0, &session));
	for (unsigned i = 0; i < 5; i++) {
		frame.call = 998 + i;
		ck_assert(mqci_session_send(session, message, mqci_frame_encode(&frame, message)));
	}
	mqci_session_release(session);
	/* Two were sent, three are kept; but we live. */
	mqci_presence_sweep(support_last_endpoint(), count_lost, &lost);
	ck_assert_uint_eq(lost, 0);
	ck_assert(mqci_sessions_done(&sessions, true));
	mqci_presence_leave_behind(&presence);
	mqci_presence_sweep(support_last_endpoint(), count_lost, &lost);
	ck_assert_uint_eq(lost, 3);
	mqci_record_remove(&record);
	mqci_record_close(&record);
	remove_queue(&replies);
}
END_TEST

static void count_calls(uint64_t session, uint64_t call, bool begun, void *data)
{
	bool *lost = data;

	ck_assert_uint_eq(session, mqci_party_make(process, 1));
	ck_assert_uint_lt(call, 2000);
	ck_assert(begun && !lost[call]);
	lost[call] = true;
}

/*
 * When a server is closed, all of it is, however much a client has under way: what is not, another
 * server would tell as not executed.
 */
START_TEST(all_that_is_left_is_in_hand)
{
	static bool lost[2000];
	mqci_frame frame = {.type = MQCI_REPLY};
	mqci_session *session = NULL;
	uint8_t message[MQCI_FRAME_HEADER];
	mqci_presence presence;
	mqci_queue replies;

	begin_present(&presence);
	replies = replies_of(1);
	frame.session = mqci_party_make(process, 1);
	support_ok(mqci_sessions_open(&sessions, frame.session, 0, &session));
	for (frame.call = 0; frame.call < 2000; frame.call++)
		ck_assert(mqci_session_send(session, message, mqci_frame_encode(&frame, message)));
	mqci_session_release(session);
	ck_assert(mqci_sessions_done(&sessions, false));
	mqci_presence_leave_behind(&presence);
	mqci_presence_sweep(support_last_endpoint(), count_calls, lost);
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_msg(lost[i] == (i >= 2), "call %u", i);
	mqci_record_remove(&record);
	mqci_record_close(&record);
	remove_queue(&replies);
}
END_TEST

/* Clients that never read leave hands for others, however many they are. */
START_TEST(hands_are_left_for_others)
{
	enum {
		CLIENTS = 18
	};
	static mqci_hand *hands[MQCI_HANDS_MAX];
	mqci_frame frame = {.type = MQCI_REPLY};
	mqci_session *session = NULL;
	mqci_queue replies[CLIENTS];
	uint8_t message[MQCI_FRAME_HEADER];
	mqci_presence presence;

	begin_present(&presence);
	for (unsigned n = 0; n < CLIENTS; n++) {
		replies[n] = replies_of(n);
		frame.session = mqci_party_make(process, n);
		support_ok(mqci_sessions_open(&sessions, frame.session, 0, &session));
		for (frame.call = 0; frame.call < 600; frame.call++)
			ck_assert(mqci_session_send(session, message,
						    mqci_frame_encode(&frame, message)));
		mqci_session_release(session);
	}
	ck_assert_uint_eq(mqci_presence_hands(&presence, hands, MQCI_HANDS_MAX),
			  MQCI_HANDS_MAX / 2);
	mqci_presence_return_all(&presence, hands, MQCI_HANDS_MAX / 2);
	end(false);
	mqci_presence_close(&presence);
	for (unsigned n = 0; n < CLIENTS; n++)
		remove_queue(&replies[n]);
}
END_TEST

/* And not any longer. */
START_TEST(what_was_sent_is_not_in_hand)
{
	mqci_frame frame = {.type = MQCI_REPLY};
	mqci_session *session = NULL;
	uint8_t message[MQCI_FRAME_HEADER];
	mqci_presence presence;
	mqci_queue replies;
	char buffer[256];
	unsigned lost = 0;

	begin_present(&presence);
	replies = replies_of(1);
	frame.session = mqci_party_make(process, 1);
	support_ok(mqci_sessions_open(&sessions, frame.session, 0, &session));
	for (frame.call = 1; frame.call <= 5; frame.call++)
		ck_assert(mqci_session_send(session, message, mqci_frame_encode(&frame, message)));
	mqci_session_release(session);
	while (mqci_queue_receive(&replies, buffer, sizeof buffer) > 0)
		mqci_sessions_tend(&sessions);
	ck_assert(!mqci_sessions_done(&sessions, true));
	mqci_presence_leave_behind(&presence);
	mqci_presence_sweep(support_last_endpoint(), count_lost, &lost);
	ck_assert_uint_eq(lost, 0);
	mqci_record_remove(&record);
	mqci_record_close(&record);
	remove_queue(&replies);
}
END_TEST

/* To tell a client of a call that another server lost, nothing is forgotten of it. */
START_TEST(reaching_leaves_what_is_kept)
{
	mqci_session *session = NULL, *same = NULL;
	char buffer[256];
	mqci_queue replies;
	int got = 0;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_reach(&sessions, mqci_party_make(process, 1), &session));
	for (int i = 0; i < 5; i++)
		ck_assert(mqci_session_send(session, (const uint8_t *)"x", 1));
	mqci_session_release(session);
	support_ok(mqci_sessions_reach(&sessions, mqci_party_make(process, 1), &same));
	ck_assert_ptr_eq(same, session);
	ck_assert(!atomic_load(&same->gone));
	mqci_session_release(same);
	while (mqci_queue_receive(&replies, buffer, sizeof buffer) == 1) {
		got++;
		mqci_sessions_tend(&sessions);
	}
	ck_assert_int_eq(got, 5);
	remove_queue(&replies);
	/* With another queue it is another client. */
	replies = replies_of(1);
	support_ok(mqci_sessions_reach(&sessions, mqci_party_make(process, 1), &same));
	ck_assert(mqci_session_send(same, (const uint8_t *)"x", 1));
	mqci_session_release(same);
	ck_assert_int_eq(mqci_queue_receive(&replies, buffer, sizeof buffer), 1);
	end(false);
	remove_queue(&replies);
}
END_TEST

static void *read_late(void *data)
{
	char buffer[256];
	intptr_t got = 0;

	support_sleep_ms(100);
	for (int i = 0; i < 2000 && got < 10; i++) {
		got += mqci_queue_receive(data, buffer, sizeof buffer) == 1;
		support_sleep_ms(1);
	}
	return (void *)got;
}

/* Give how many of ten messages were. */
static int end_with_a_late_reader(void)
{
	mqci_session *session = NULL;
	mqci_queue replies;
	pthread_t thread;
	void *got = NULL;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	for (int i = 0; i < 10; i++)
		ck_assert(mqci_session_send(session, (const uint8_t *)"x", 1));
	mqci_session_release(session);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_late, &replies), 0);
	end(true);
	ck_assert_int_eq(pthread_join(thread, &got), 0);
	remove_queue(&replies);
	return (int)(intptr_t)got;
}

/* The end waits for a second: on a busy machine who reads may be too late, now and then. */
START_TEST(what_is_kept_is_sent_before_the_end)
{
	int got = 0;

	for (int i = 0; got < 10 && i < 5; i++)
		got = end_with_a_late_reader();
	ck_assert_int_eq(got, 10);
}
END_TEST

START_TEST(one_that_was_never_met)
{
	mqci_session *session = NULL;
	mqci_queue replies;
	mqci_frame frame;
	uint64_t key;

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	key = session->key;
	mqci_session_release(session);
	(void)mqci_sessions_done(&sessions, false);

	/* Another server process of the endpoint. */
	support_ok(mqci_sessions_init(&sessions, &record, NULL));
	frame = frame_of(1, key + 1);
	ck_assert_ptr_null(mqci_sessions_find(&sessions, &frame));
	frame = frame_of(1, key);
	session = mqci_sessions_find(&sessions, &frame);
	ck_assert_ptr_nonnull(session);
	mqci_session_release(session);
	end(false);
	remove_queue(&replies);
}
END_TEST

START_TEST(one_that_has_no_queue)
{
	mqci_session *session = NULL;
	mqci_frame frame;

	begin();
	support_fails(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session),
		      MQC_NOT_FOUND);
	support_fails(mqci_sessions_open(&sessions, 0, 0, &session), MQC_NOT_FOUND);
	support_fails(mqci_sessions_open(&sessions, UINT64_MAX, 0, &session), MQC_NOT_FOUND);
	frame = frame_of(1, 1);
	ck_assert_ptr_null(mqci_sessions_find(&sessions, &frame));
	ck_assert_ptr_null(session);
	end(true);
}
END_TEST

/* Of a session: for the reply queue, and for the process. */
static unsigned descriptors_of_one(void)
{
	return support_has_pidfds() ? 2 : 1;
}

START_TEST(goodbye_from_a_client)
{
	unsigned before;
	mqci_session *session = NULL;
	mqci_queue replies;
	mqci_frame frame;

	begin();
	replies = replies_of(1);
	before = support_descriptors();
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	frame = frame_of(1, session->key + 1);
	mqci_sessions_goodbye(&sessions, &frame);
	mqci_session_release(session);
	ck_assert_uint_eq(support_descriptors(), before + descriptors_of_one());
	frame.key--;
	session = mqci_sessions_find(&sessions, &frame);
	mqci_sessions_goodbye(&sessions, &frame);
	/* A call of it that is being served keeps it until its end. */
	ck_assert(mqci_session_send(session, (const uint8_t *)"hi", 2));
	mqci_session_release(session);
	ck_assert_uint_eq(support_descriptors(), before);
	mqci_sessions_goodbye(&sessions, &frame);
	end(false);
	remove_queue(&replies);
}
END_TEST

/* What a thread keeps at hand is found without the table, and holds up nothing. */
START_TEST(kept_at_hand)
{
	mqci_recent recent, other;
	mqci_session *session;
	mqci_queue first, second;
	mqci_frame frames[2];
	unsigned before, open;

	begin();
	mqci_recent_init(&recent, &sessions);
	mqci_recent_init(&other, &sessions);
	first = replies_of(1);
	second = replies_of(2);
	for (unsigned n = 0; n < 2; n++) {
		before = support_descriptors();
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, n + 1), 0,
					      &session));
		frames[n] = frame_of(n + 1, session->key);
		mqci_session_release(session);
		ck_assert_ptr_eq(mqci_recent_find(&recent, &frames[n]), session);
		ck_assert_ptr_eq(mqci_recent_find(&other, &frames[n]), session);
		mqci_recent_keep(&other, session);
		open = support_descriptors() - before;
		/* In use: it is let go of when it is put back. */
		before = support_descriptors();
		if (n == 1)
			mqci_sessions_goodbye(&sessions, &frames[n]);
		mqci_recent_keep(&recent, session);
	}
	ck_assert_uint_eq(support_descriptors(), before - open);
	/* At hand: it is taken away. */
	session = mqci_recent_find(&other, &frames[0]);
	mqci_recent_keep(&other, session);
	mqci_recent_keep(&recent, mqci_recent_find(&recent, &frames[0]));
	mqci_sessions_goodbye(&sessions, &frames[0]);
	ck_assert_uint_eq(support_descriptors(), before - 2 * open);
	ck_assert_ptr_null(atomic_load(&recent.session));
	ck_assert_ptr_null(atomic_load(&other.session));
	/* A wrong key finds nothing, and what is at hand is another's. */
	frames[0].key++;
	ck_assert_ptr_null(mqci_recent_find(&recent, &frames[0]));
	mqci_recent_keep(&recent, mqci_recent_find(&recent, &frames[1]));
	ck_assert_ptr_null(mqci_recent_find(&recent, &frames[0]));
	mqci_recent_done(&recent);
	mqci_recent_done(&other);
	remove_queue(&first);
	remove_queue(&second);
	end(false);
}
END_TEST

/*
 * One that could not be met, for want of descriptors, is served its one-way request, and met for
 * the next one, which is to be answered.
 */
START_TEST(met_for_the_next_request)
{
	struct rlimit before, none;
	mqci_departed owner;
	mqci_session *session;
	mqci_queue replies;
	mqci_recent recent;
	mqci_frame frame;
	ino_t inode = 0;

	begin();
	mqci_recent_init(&recent, &sessions);
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	frame = frame_of(1, session->key);
	support_ok(mqci_queue_inode(&replies, &inode));
	owner = (mqci_departed){.uid = session->uid, .gid = session->gid, .inode = (uint32_t)inode};
	mqci_session_release(session);
	mqci_sessions_goodbye(&sessions, &frame);

	frame.flags = MQCI_FRAME_ONEWAY;
	mqci_departed_tell(owner, &frame);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	session = mqci_recent_find(&recent, &frame);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_ptr_nonnull(session);
	mqci_recent_keep(&recent, session);

	frame = frame_of(1, frame.key);
	session = mqci_recent_find(&recent, &frame);
	ck_assert_ptr_nonnull(session);
	ck_assert(mqci_session_send(session, (const uint8_t *)"hi", 2));
	mqci_recent_keep(&recent, session);
	mqci_recent_done(&recent);
	end(false);
	remove_queue(&replies);
}
END_TEST

START_TEST(goodbye_to_clients)
{
	mqci_queue replies[3];
	mqci_session *session = NULL;
	uint64_t keys[3];
	uint8_t buffer[256];
	mqci_frame frame;

	begin();
	for (unsigned n = 0; n < 3; n++) {
		replies[n] = replies_of(n);
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, n), 0, &session));
		keys[n] = session->key;
		mqci_session_release(session);
	}
	end(true);
	for (unsigned n = 0; n < 3; n++) {
		const uint8_t *at = buffer;
		size_t left;

		left = (size_t)mqci_queue_receive(&replies[n], buffer, sizeof buffer);
		ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
		ck_assert_int_eq(frame.type, MQCI_GOODBYE);
		ck_assert_uint_eq(frame.key, keys[n]);
		ck_assert_int_eq(mqci_queue_receive(&replies[n], buffer, sizeof buffer), 0);
		remove_queue(&replies[n]);
	}
}
END_TEST

/* What comes next; 0: nothing for longer than the end may take. */
static mqci_frame_type next_type(const mqci_queue *replies)
{
	uint8_t buffer[256];
	const uint8_t *at = buffer;
	mqci_frame frame;
	size_t left;

	if (mqci_queue_wait_message(replies, mqci_deadline_after_ms(5000)) != 1)
		return 0;
	left = (size_t)mqci_queue_receive(replies, buffer, sizeof buffer);
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
	return frame.type;
}

static void *end_with_goodbyes(void *unused)
{
	(void)unused;
	end(true);
	return NULL;
}

/* Of three clients two have left no room, one of which makes some: whether all others hear it. */
static bool end_with_one_who_never_reads(void)
{
	const mqci_frame reply = {.type = MQCI_REPLY};
	mqci_session *session = NULL;
	mqci_queue replies[3];
	uint8_t message[256];
	pthread_t ending;
	int64_t began;
	bool heard;

	begin();
	for (unsigned n = 0; n < 3; n++) {
		replies[n] = replies_of(n);
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, n), 0, &session));
		/* One more than there is room for. */
		for (int i = 0; n != 1 && i < 3; i++)
			ck_assert(mqci_session_send(session, message,
						    mqci_frame_encode(&reply, message)));
		mqci_session_release(session);
	}
	began = support_now_ms();
	ck_assert_int_eq(pthread_create(&ending, NULL, end_with_goodbyes, NULL), 0);
	heard = next_type(&replies[1]) == MQCI_GOODBYE;
	for (int i = 0; heard && i < 3; i++)
		heard = next_type(&replies[0]) == MQCI_REPLY;
	heard = heard && next_type(&replies[0]) == MQCI_GOODBYE && support_now_ms() - began < 900;
	ck_assert_int_eq(pthread_join(ending, NULL), 0);
	for (unsigned n = 0; heard && n < 2; n++)
		ck_assert_int_eq(mqci_queue_receive(&replies[n], message, sizeof message), 0);
	for (unsigned n = 0; n < 3; n++)
		remove_queue(&replies[n]);
	return heard;
}

/*
 * Nor for who has left no room, who hears it when there is some; whoever else has none. The end
 * waits for a second: on a busy machine that may be too short, now and then.
 */
START_TEST(goodbyes_wait_for_nobody_else)
{
	bool heard = false;

	for (int i = 0; !heard && i < 5; i++)
		heard = end_with_one_who_never_reads();
	ck_assert(heard);
}
END_TEST

/* A child that makes a reply queue, and dies: gives the session. */
static uint64_t dead_client(void)
{
	uint64_t session = 0;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		support_ok(mqci_process_self(&process));
		(void)replies_of(1);
		session = mqci_party_make(process, 1);
		_exit(write(ends[1], &session, sizeof session) == sizeof session ? 0 : 1);
	}
	ck_assert_int_eq(read(ends[0], &session, sizeof session), sizeof session);
	(void)close(ends[0]);
	(void)close(ends[1]);
	ck_assert_int_gt(wait(NULL), 0);
	return session;
}

START_TEST(clients_that_died)
{
	mqci_session *session = NULL;
	mqci_queue replies;
	unsigned before;
	char name[MQCI_NAME_SIZE];
	uint64_t dead;

	begin();
	replies = replies_of(1);
	before = support_descriptors();
	dead = dead_client();
	mqci_name_replies(dead, name);
	/* Its hello was still in the queue. */
	support_ok(mqci_sessions_open(&sessions, dead, 0, &session));
	mqci_session_release(session);
	ck_assert(support_queue_exists(name));
	/* Whoever comes next has it looked after. */
	for (int i = 0; i < 10; i++) {
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
		mqci_session_release(session);
	}
	ck_assert(!support_queue_exists(name));
	ck_assert_uint_eq(support_descriptors(), before + descriptors_of_one());
	end(true);
	remove_queue(&replies);
}
END_TEST

START_TEST(clients_that_went_without_a_word)
{
	mqci_session *session = NULL;
	mqci_queue replies;
	unsigned before;

	before = support_descriptors();
	begin();
	for (unsigned n = 0; n < 300; n++) {
		replies = replies_of(n);
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, n), 0, &session));
		mqci_session_release(session);
		/* There was no room for its goodbye; or another server process got it. */
		remove_queue(&replies);
	}
	/* Each holds a descriptor, and its queue's bytes of its user's quota. */
	ck_assert_uint_lt(support_descriptors(), before + 100);
	end(false);
	ck_assert_uint_eq(support_descriptors(), before);
}
END_TEST

START_TEST(a_number_used_again)
{
	mqci_session *session = NULL;
	mqci_queue replies, again;
	mqci_sessions elsewhere;
	mqci_frame frame;
	char buffer[256];

	begin();
	replies = replies_of(1);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 1), 0, &session));
	mqci_session_release(session);
	remove_queue(&replies);

	/* The 1024th client after it has its number, and says hello to another server process. */
	again = replies_of(1);
	support_ok(mqci_sessions_init(&elsewhere, &record, NULL));
	support_ok(mqci_sessions_open(&elsewhere, mqci_party_make(process, 1), 0, &session));
	frame = frame_of(1, session->key);
	mqci_session_release(session);
	(void)mqci_sessions_done(&elsewhere, false);

	/* Whoever serves its requests has to answer it, not the one that was. */
	session = mqci_sessions_find(&sessions, &frame);
	ck_assert_ptr_nonnull(session);
	ck_assert(mqci_session_send(session, (const uint8_t *)"hi", 2));
	ck_assert_int_eq(mqci_queue_receive(&again, buffer, sizeof buffer), 2);
	mqci_session_release(session);
	end(false);
	remove_queue(&again);
}
END_TEST

static int make_queue_as_nobody(void *unused)
{
	mqci_queue queue;
	char name[MQCI_NAME_SIZE];

	(void)unused;
	if (setuid(65534) < 0)
		return 77;
	mqci_name_replies(mqci_party_make(process, 2), name);
	return mqci_queue_create(name, 2, 256, 0622, &queue) == MQC_OK ? 0 : 10;
}

START_TEST(the_key_is_of_the_owner)
{
	mqci_session *mine = NULL, *his = NULL;
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;
	uint64_t key;
	int status;

	begin();
	status = geteuid() == 0 ? support_in_child(make_queue_as_nobody, NULL) : 77;
	if (status == 77) {
		support_skip("only root can make a queue of another user");
		end(false);
		return;
	}
	ck_assert_int_eq(status, 0);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 2), 0, &his));
	ck_assert_uint_eq(his->uid, 65534);
	key = his->key;
	mqci_session_release(his);
	mqci_name_replies(mqci_party_make(process, 2), name);
	ck_assert(mqci_queue_unlink(name));
	replies = replies_of(2);
	support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, 2), 0, &mine));
	ck_assert_uint_ne(mine->key, key);
	mqci_session_release(mine);
	end(false);
	remove_queue(&replies);
}
END_TEST

START_TEST(many)
{
	mqci_session *session = NULL;
	mqci_queue replies[60];
	mqci_frame frame;
	uint64_t keys[60];

	begin();
	for (unsigned n = 0; n < 60; n++) {
		replies[n] = replies_of(n);
		support_ok(mqci_sessions_open(&sessions, mqci_party_make(process, n), 0, &session));
		keys[n] = session->key;
		for (unsigned other = 0; other < n; other++)
			ck_assert_uint_ne(keys[n], keys[other]);
		mqci_session_release(session);
	}
	for (unsigned n = 0; n < 60; n++) {
		frame = frame_of(n, keys[n]);
		session = mqci_sessions_find(&sessions, &frame);
		ck_assert_ptr_nonnull(session);
		ck_assert_uint_eq(session->id, frame.session);
		mqci_session_release(session);
		frame = frame_of(n, keys[(n + 1) % 60]);
		ck_assert_ptr_null(mqci_sessions_find(&sessions, &frame));
	}
	end(false);
	for (unsigned n = 0; n < 60; n++)
		remove_queue(&replies[n]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tests;

	tests = support_case(suite, "use");
	tcase_add_test(tests, a_session);
	tcase_add_test(tests, sending_never_waits);
	tcase_add_test(tests, what_is_kept_is_bounded);
	tcase_add_test(tests, no_goodbye_after_a_loss);
	tcase_add_test(tests, no_goodbye_after_a_loss_untold);
	tcase_add_test(tests, kept_at_hand);
	tcase_add_test(tests, met_for_the_next_request);
	tcase_add_test(tests, what_is_kept_is_in_hand);
	tcase_add_test(tests, all_that_is_left_is_in_hand);
	tcase_add_test(tests, hands_are_left_for_others);
	tcase_add_test(tests, what_was_sent_is_not_in_hand);
	tcase_add_test(tests, reaching_leaves_what_is_kept);
	tcase_add_test(tests, what_is_kept_is_sent_before_the_end);
	tcase_add_test(tests, one_that_was_never_met);
	tcase_add_test(tests, one_that_has_no_queue);
	tcase_add_test(tests, many);
	tcase_add_test(tests, the_key_is_of_the_owner);

	tests = support_case(suite, "ends");
	tcase_add_test(tests, goodbye_from_a_client);
	tcase_add_test(tests, goodbye_to_clients);
	tcase_add_test(tests, goodbyes_wait_for_nobody_else);
	tcase_add_test(tests, clients_that_died);
	tcase_add_test(tests, clients_that_went_without_a_word);
	tcase_add_test(tests, a_number_used_again);
	return support_run(suite);
}
