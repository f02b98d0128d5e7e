/*
 * connect.c - opening and closing a client.
 *
 * First the endpoint's queue, and a sign that somebody serves it; then a reply
 * queue of our own, which tells the server who we are; then HELLO, and WELCOME
 * with the session key. What we send carries that key from then on.
 */
#include "client.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "loan.h"
#include "presence.h"
#include "region.h"
#include "send.h"

#define DEFAULT_REPLY_MESSAGES 4
/* 200 clients and a server of one user have room on a stock system. */
#define DEFAULT_REPLY_SIZE 816
/* Where nothing else carries larger ones. */
#define LONE_REPLY_SIZE (4096 + 4 * MQCI_FRAME_HEADER)
#define DEFAULT_PAYLOAD_MAX ((size_t)16 << 20)
#define DEFAULT_WINDOW 64
#define SMALLEST_REPLY_SIZE (4 * MQCI_FRAME_HEADER)

static int check_options(const mqc_client_options *options)
{
	if (options->timeout_ms < MQC_TIMEOUT_INFINITE ||
	    options->open_timeout_ms < MQC_TIMEOUT_INFINITE)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a time limit of %d ms is not possible; 0 means the default, %d "
				 "means none",
				 options->timeout_ms < MQC_TIMEOUT_INFINITE
					 ? options->timeout_ms
					 : options->open_timeout_ms,
				 MQC_TIMEOUT_INFINITE);
	if (options->window < 0 || options->window > MQCI_WINDOW_MAX)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a window of %d calls is not possible: 1 to %d are; 0 means the "
				 "default",
				 options->window, MQCI_WINDOW_MAX);
	if (options->spin_us < MQC_SPIN_OFF || options->spin_us > MQCI_SPIN_MOST_US)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "polling for %d us is not possible: 1 to %d are; 0 means the "
				 "default, %d means never",
				 options->spin_us, MQCI_SPIN_MOST_US, MQC_SPIN_OFF);
	if (options->payload_max > MQCI_REGION_MAX)
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"a payload_max of %zu bytes is not possible: up to %zu are; 0 means "
			"the default",
			options->payload_max, MQCI_REGION_MAX);
	if (options->reply_messages != 0 && options->reply_messages < 2)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a reply queue of %d messages is not possible: it needs 2 at "
				 "least; 0 means the default",
				 options->reply_messages);
	if (options->reply_size != 0 && options->reply_size < SMALLEST_REPLY_SIZE)
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"a reply queue for messages of %d bytes is not possible: they need "
			"%d at least; 0 means the default",
			options->reply_size, SMALLEST_REPLY_SIZE);
	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		if (options->reserved[i] != 0)
			return mqci_fail(MQC_INVALID_ARGUMENT, 0,
					 "reserved client options must be zero: initialize them "
					 "with { 0 }");
	return MQC_OK;
}

int mqci_client_check_requests(const mqci_queue *requests, uid_t *ret_uid)
{
	mode_t mode;
	gid_t gid;
	int r;

	r = mqci_queue_owner(requests, ret_uid, &gid, &mode);
	if (r == MQC_OK && (mode & 0155) != 0)
		r = mqci_fail(MQC_PERMISSION_DENIED, 0,
			      "queue %s was not made by mqcall: others than uid %ld can read it "
			      "(mode %03o), and could take what is sent to the endpoint",
			      requests->name, (long)*ret_uid, (unsigned)mode);
	return r;
}

/* Open the endpoint's queue, if there is one, and a server behind it. */
static int open_requests(const char *endpoint, mqci_queue *ret_requests, uid_t *ret_uid)
{
	char name[MQCI_NAME_SIZE];
	int r;

	mqci_name_endpoint(endpoint, name);
	r = mqci_queue_open(name, MQCI_SEND, ret_requests);
	if (r == MQC_NOT_FOUND)
		return mqci_fail(
			MQC_NOT_FOUND, ENOENT,
			"nobody serves endpoint %s: there is no queue %s; start the server "
			"first, or wait for it with wait_for_server",
			endpoint, name);
	if (r == MQC_PERMISSION_DENIED)
		return mqci_fail(
			MQC_PERMISSION_DENIED, EACCES,
			"not permitted to call endpoint %s: its queue, %s, is another "
			"user's, and private or its group's; run as that user, or have the "
			"server opened with another access mode",
			endpoint, name);
	if (r < 0)
		return r;
	r = mqci_client_check_requests(ret_requests, ret_uid);
	if (r == MQC_OK && !mqci_presence_any(endpoint, *ret_uid))
		r = mqci_fail(MQC_NOT_FOUND, 0,
			      "nobody serves endpoint %s: its queue %s is what a dead server left; "
			      "start the server again, or wait for it with wait_for_server",
			      endpoint, name);
	if (r < 0)
		mqci_queue_close(ret_requests);
	return r;
}

/*
 * A queue is its owner's alone for a moment when it is new, and opened up then.
 * Whether to wait for that, `*closed` being when we first met it, or 0.
 */
static bool may_open_up(int64_t *closed)
{
	const int64_t moment = 200 * INT64_C(1000000);
	int64_t now = mqci_clock_now();

	if (*closed == 0)
		*closed = now;
	return now - *closed < moment;
}

/* The same, waiting for a server until the deadline. */
static int await_requests(const char *endpoint, int64_t deadline, const mqc_cancel *cancel,
			  mqci_queue *ret_requests, uid_t *ret_uid)
{
	int watch = mqci_segment_watch(), r;
	int64_t closed = 0;

	do
		r = open_requests(endpoint, ret_requests, ret_uid);
	while ((r == MQC_NOT_FOUND || (r == MQC_PERMISSION_DENIED && may_open_up(&closed))) &&
	       mqci_presence_wait(watch, deadline, mqci_cancel_descriptor(cancel)) &&
	       !mqci_cancel_is_requested(cancel));
	if (watch >= 0)
		(void)close(watch);
	return r;
}

/* What the reply queue is to be like. */
struct wanted {
	size_t messages, size;
	mode_t mode;
};

/* `regions`: there is another way for large replies. */
static struct wanted want(const mqc_client_options *options, bool regions, uid_t server_uid)
{
	const size_t default_size = regions ? DEFAULT_REPLY_SIZE : LONE_REPLY_SIZE;
	struct wanted wanted;

	mqci_queue_limits(&wanted.messages, &wanted.size);
	if (wanted.messages > DEFAULT_REPLY_MESSAGES)
		wanted.messages = DEFAULT_REPLY_MESSAGES;
	if (wanted.size > default_size)
		wanted.size = default_size;
	if (options->reply_messages > 0)
		wanted.messages = (size_t)options->reply_messages;
	if (options->reply_size > 0)
		wanted.size = (size_t)options->reply_size;
	/* Our replies are for our eyes only; another user's server must be able to send them. */
	wanted.mode = server_uid == geteuid() || server_uid == 0 ? 0600 : 0622;
	return wanted;
}

/* How much there is still to take, and by whom it has been taken. */
static int fail_over_limit(void)
{
	mqci_saved_error error;
	unsigned clients;

	mqci_error_save(&error);
	/* Without the one that is being made. */
	clients = mqci_arena_count() - 1;
	return mqci_fail(error.error.status, error.error.system_errno,
			 "%s (mqcall clients of this user now: %u, with a reply queue each)",
			 error.text, clients);
}

/* Create a reply queue; if there is no room for it, remove first what dead clients have left. */
static int create_queue(const char *name, const struct wanted *wanted, mqci_queue *ret_replies)
{
	int r;

	r = mqci_queue_create(name, wanted->messages, wanted->size, wanted->mode, ret_replies);
	if (r != MQC_RESOURCE_EXHAUSTED)
		return r;
	mqci_arena_sweep();
	r = mqci_queue_create(name, wanted->messages, wanted->size, wanted->mode, ret_replies);
	return r == MQC_RESOURCE_EXHAUSTED ? fail_over_limit() : r;
}

/* Create both of this client's own under a number: MQC_ALREADY_EXISTS if one is there. */
static int create_own(mqc_client *client, const mqc_client_options *options, uid_t server_uid,
		      uint64_t session, mqci_queue *ret_replies)
{
	struct wanted wanted;
	int r;

	/* The shared memory first, by which others find the queue when we have died. */
	r = mqci_arena_create(session, mqci_slots_for(client->window), client->payload_max,
			      server_uid, &client->arena);
	if (r < 0)
		return r;
	if (options->memory_kept > 0)
		mqci_arena_keep(&client->arena, options->memory_kept);
	if (options->loan_max > 0)
		mqci_arena_limit(&client->arena, options->loan_max);
	wanted = want(options, mqci_region_max(&client->arena) > 0, server_uid);
	r = create_queue(client->arena.segment.name, &wanted, ret_replies);
	if (r < 0) {
		mqci_arena_unlink(&client->arena);
		mqci_arena_close(&client->arena);
	}
	return r;
}

/* The same, under the first number that is free. */
static int create_replies(mqc_client *client, const mqc_client_options *options, uid_t server_uid,
			  mqci_queue *ret_replies)
{
	static atomic_uint next_number;
	uint64_t process;
	int r;

	r = mqci_process_self(&process);
	if (r < 0)
		return r;
	for (unsigned tries = 0; tries < MQCI_PARTIES_MAX; tries++) {
		client->session = mqci_party_make(process, atomic_fetch_add(&next_number, 1));
		r = create_own(client, options, server_uid, client->session, ret_replies);
		if (r != MQC_ALREADY_EXISTS)
			return r;
	}
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
			 "all %d names that clients of this process can have are taken; close some "
			 "clients, or have removed what is not theirs: %s",
			 MQCI_PARTIES_MAX, mqc_error_last()->text);
}

/*
 * Remove what create_replies() has made; others look for both as long as the second is there.
 * What may be the reason stays the last error.
 */
static void remove_own(mqc_client *client)
{
	mqci_saved_error error;

	mqci_error_save(&error);
	(void)mqci_queue_unlink(client->arena.segment.name);
	mqci_arena_unlink(&client->arena);
	mqci_arena_close(&client->arena);
	(void)mqci_error_restore(&error);
}

static int make_nonce(uint64_t *ret_nonce)
{
	while (getrandom(ret_nonce, sizeof *ret_nonce, 0) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot get random bytes: %s",
					 strerror(errno));
	return MQC_OK;
}

static int read_welcome(mqc_client *client, const mqci_frame *frame)
{
	mqci_welcome welcome;
	int r;

	if (frame->type != MQCI_WELCOME) {
		r = mqci_client_status(client, "opening a client", frame);
		if (r < 0)
			return r;
	}
	if (mqci_frame_payload(frame, &welcome, sizeof welcome, offsetof(mqci_welcome, lanes)) == 0)
		return mqci_fail(MQC_INTERNAL, 0,
				 "the server of endpoint %s gave a welcome that makes no sense",
				 client->endpoint);
	client->request_max = mqci_frame_payload_max(welcome.request_size);
	if (client->request_max > mqci_frame_payload_max(client->requests.size))
		client->request_max = mqci_frame_payload_max(client->requests.size);
	mqci_send_open_lanes(client, welcome.lanes);
	return MQC_OK;
}

/* What to say when nobody answered the hello in time. */
static int fail_handshake(const mqc_client *client, int status)
{
	if (status != MQC_DEADLINE_EXCEEDED)
		return status;
	return mqci_fail(MQC_UNAVAILABLE, 0,
			 "no server of endpoint %s answered in time: they are overloaded or stuck",
			 client->endpoint);
}

/*
 * Say hello, as the beginning of a session: 1 when said, 0 if there was no room
 * until the deadline, or a status; with anything but 1, there is no session.
 */
static int say_hello(mqc_client *client, mqci_waiter *waiter, const mqci_sending *how,
		     int64_t deadline)
{
	const mqci_hello hello = {
		.reply_size = (uint32_t)client->waiters.replies.size,
		.slots = client->arena.slots,
		.region = mqci_region_max(&client->arena),
	};
	mqci_frame frame = {
		.type = MQCI_HELLO,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = client->session,
		.deadline = deadline,
		.payload = (const uint8_t *)&hello,
		.size = sizeof hello,
	};
	uint8_t message[MQCI_FRAME_HEADER + sizeof hello];
	mqci_sending sending = *how;
	ino_t requests;
	int r;

	r = make_nonce(&frame.key);
	if (r == MQC_OK)
		r = mqci_queue_inode(&client->requests, &requests);
	if (r == MQC_OK)
		r = mqci_arena_say_hello(&client->arena, frame.key, requests);
	if (r < 0)
		return r;
	mqci_waiters_begin_session(&client->waiters, waiter, frame.key, deadline);
	frame.call = waiter->call;
	sending.queue = &client->requests;
	sending.epoch = waiter->epoch;
	r = mqci_send(client, &sending, message, mqci_frame_encode(&frame, message));
	if (r <= 0)
		mqci_waiters_undo(&client->waiters, waiter);
	return r;
}

/* The answer to the hello has come. */
static int hear_welcome(mqc_client *client, mqci_waiter *waiter)
{
	int r = read_welcome(client, &waiter->reply);

	mqci_waiters_finish(&client->waiters, waiter);
	if (r == MQC_OK)
		mqci_waiters_welcome(&client->waiters);
	return r;
}

/* Say hello, and wait for the answer. */
static int greet(mqc_client *client, mqci_client_wait *wait, int64_t deadline)
{
	const mqci_sending how = {.deadline = deadline, .cancel = wait->cancel};
	int r;

	r = say_hello(client, &wait->waiter, &how, deadline);
	if (r <= 0)
		return fail_handshake(client, r < 0 ? r : MQC_DEADLINE_EXCEEDED);
	r = mqci_waiters_await(&client->waiters, &wait->waiter);
	return r < 0 ? fail_handshake(client, r) : hear_welcome(client, &wait->waiter);
}

static void cancel_wait(mqci_cancel_link *link)
{
	mqci_client_wait *wait =
		(mqci_client_wait *)(void *)((char *)link - offsetof(mqci_client_wait, link));

	mqci_waiters_cancel(wait->waiters, &wait->waiter);
}

void mqci_client_wait_hear(mqci_client_wait *wait, mqc_client *client)
{
	wait->waiters = &client->waiters;
	wait->link.wake = cancel_wait;
	mqci_cancel_attach(wait->cancel, &wait->link);
}

static int shake_hands(mqc_client *client, int64_t deadline, mqc_cancel *cancel)
{
	mqci_client_wait wait;
	mqci_saved_error error;
	int r;

	mqci_client_wait_begin(&wait, client, cancel);
	r = greet(client, &wait, deadline);
	mqci_client_wait_end(&wait);

	mqci_error_save(&error);
	/* If it cannot be taken back, it is of no use to anybody else: it is used up. */
	(void)mqci_arena_say_hello(&client->arena, 0, 0);
	return r < 0 ? mqci_error_restore(&error) : r;
}

/* What the server will say of us when it looks at our reply queue. */
static int look_at_self(mqc_client *client, const mqci_queue *replies)
{
	mode_t mode;
	ino_t inode;
	uid_t uid;
	gid_t gid;
	int r;

	r = mqci_queue_owner(replies, &uid, &gid, &mode);
	if (r == MQC_OK)
		r = mqci_queue_inode(replies, &inode);
	if (r == MQC_OK)
		client->self = (mqci_departed){.uid = uid, .gid = gid, .inode = (uint32_t)inode};
	return r;
}

/* With the endpoint's queue open: make the reply queue, and agree with a server. */
static int join(mqc_client *client, const mqc_client_options *options, uid_t server_uid,
		int64_t deadline)
{
	const mqci_waiters_options waiting = {
		.endpoint = client->endpoint,
		.server_uid = server_uid,
		.window = client->window,
		.outbox = &client->outbox,
		.own_loop = options->own_loop,
		.spin_us = options->spin_us,
	};
	mqci_queue replies;
	int r;

	r = create_replies(client, options, server_uid, &replies);
	if (r < 0)
		return r;
	r = look_at_self(client, &replies);
	if (r == MQC_OK)
		r = mqci_waiters_init(&client->waiters, &client->requests, &client->arena, &replies,
				      &waiting);
	else
		mqci_queue_close(&replies);
	if (r == MQC_OK) {
		r = shake_hands(client, deadline, NULL);
		if (r < 0)
			mqci_waiters_done(&client->waiters);
	}
	if (r < 0)
		remove_own(client);
	return r;
}

static int find_server(const mqc_client *client, int64_t deadline, const mqc_cancel *cancel,
		       mqci_queue *ret_requests, uid_t *ret_uid)
{
	if (client->wait_for_server)
		return await_requests(client->endpoint, deadline, cancel, ret_requests, ret_uid);
	return open_requests(client->endpoint, ret_requests, ret_uid);
}

static int connect_client(mqc_client *client, const mqc_client_options *options)
{
	int timeout_ms =
		options->open_timeout_ms != 0 ? options->open_timeout_ms : MQC_DEFAULT_TIMEOUT_MS;
	int64_t deadline = mqci_deadline_after_ms(timeout_ms);
	uid_t uid;
	int r;

	/* A server that we find may just be stopping: then there may be another one. */
	do {
		r = find_server(client, deadline, NULL, &client->requests, &uid);
		if (r < 0)
			return r;
		r = join(client, options, uid, deadline);
		if (r < 0)
			mqci_queue_close(&client->requests);
	} while (r == MQC_UNAVAILABLE && client->wait_for_server &&
		 mqci_deadline_remaining_ms(deadline) != 0);
	return r;
}

/* Replace the queue of the server that stopped with that of the one that is back; takes it over. */
static int switch_queue(mqc_client *client, mqci_queue *requests, uid_t uid)
{
	if (uid == client->waiters.server_uid)
		return mqci_queue_replace(&client->requests, requests);
	mqci_queue_close(requests);
	return mqci_fail(MQC_PERMISSION_DENIED, 0,
			 "endpoint %s is now uid %ld's, and was uid %ld's; if that is meant, "
			 "open a new client",
			 client->endpoint, (long)uid, (long)client->waiters.server_uid);
}

static int join_again(mqc_client *client, int64_t deadline, mqc_cancel *cancel)
{
	mqci_queue requests;
	uid_t uid;
	int r;

	r = find_server(client, deadline, cancel, &requests, &uid);
	if (r == MQC_OK)
		r = switch_queue(client, &requests, uid);
	return r < 0 ? r : shake_hands(client, deadline, cancel);
}

int mqci_client_reconnect(mqc_client *client, int64_t deadline, mqc_cancel *cancel)
{
	mqci_session_now now;
	int r = MQC_OK;

	if (atomic_exchange(&client->connecting, true)) {
		/* Or nobody is in there, and an answer to its hello is for us to hear. */
		mqci_waiters_hear(&client->waiters);
		(void)mqci_client_rejoin(client, mqci_clock_now());
		return mqci_fail(MQC_UNAVAILABLE, 0, "another thread is opening a new session");
	}
	if (!mqci_waiters_session(&client->waiters, &now))
		r = join_again(client, deadline, cancel);
	atomic_store(&client->connecting, false);
	/* Calls that were started and wait for this are made by others. */
	if (r == MQC_OK)
		mqci_pendings_pass_on(client);
	return r;
}

/* Not yet: try again after a pause, which grows. */
static int pause_rejoin(mqci_rejoin *rejoin, int64_t now)
{
	rejoin->pause =
		mqci_clock_longer_pause(rejoin->pause, MQCI_FIRST_PAUSE, MQCI_LONGEST_PAUSE);
	rejoin->at = now + rejoin->pause;
	return MQC_UNAVAILABLE;
}

/* The hello has an answer, or none will come. */
static int end_rejoin(mqc_client *client, int64_t now, int status)
{
	mqci_rejoin *rejoin = &client->rejoin;
	int r = status;

	if (r < 0)
		r = mqci_waiters_abandon(&client->waiters, &rejoin->waiter, r, false);
	if (r > 0)
		r = hear_welcome(client, &rejoin->waiter);
	(void)mqci_arena_say_hello(&client->arena, 0, 0);
	rejoin->greeting = false;
	atomic_store(&client->connecting, false);
	if (r == MQC_OK) {
		rejoin->pause = 0;
		return r;
	}
	/* Whoever did not answer in time may be gone by now. */
	return r == MQC_UNAVAILABLE || r == MQC_DEADLINE_EXCEEDED ? pause_rejoin(rejoin, now) : r;
}

/* Say hello to a server, if there is one. */
static int begin_rejoin(mqc_client *client, int64_t now)
{
	const int64_t longest_silence = INT64_C(1000000000);
	const mqci_sending how = {.deadline = 0};
	mqci_rejoin *rejoin = &client->rejoin;
	mqci_queue requests;
	uid_t uid;
	int r;

	r = open_requests(client->endpoint, &requests, &uid);
	if (client->wait_for_server &&
	    (r == MQC_NOT_FOUND || (r == MQC_PERMISSION_DENIED && may_open_up(&rejoin->closed))))
		return pause_rejoin(rejoin, now);
	rejoin->closed = 0;
	if (r == MQC_OK)
		r = switch_queue(client, &requests, uid);
	if (r < 0)
		return r;
	mqci_waiter_init(&rejoin->waiter);
	rejoin->waiter.apart = true;
	rejoin->at = now + longest_silence;
	rejoin->greeting = true;
	r = say_hello(client, &rejoin->waiter, &how, rejoin->at);
	if (r == 1)
		return MQC_UNAVAILABLE;
	rejoin->greeting = false;
	(void)mqci_arena_say_hello(&client->arena, 0, 0);
	return r == 0 ? pause_rejoin(rejoin, now) : r;
}

static int rejoin(mqc_client *client, int64_t now)
{
	mqci_session_now session;
	int r;

	if (client->rejoin.greeting) {
		r = mqci_waiters_look(&client->waiters, &client->rejoin.waiter, now);
		return r == 0 ? MQC_UNAVAILABLE : end_rejoin(client, now, r);
	}
	if (mqci_waiters_session(&client->waiters, &session))
		return MQC_OK;
	if (now < client->rejoin.at)
		return MQC_UNAVAILABLE;
	if (atomic_exchange(&client->connecting, true))
		return pause_rejoin(&client->rejoin, now);
	/* Another thread may have opened one just before; nobody else does now. */
	r = mqci_waiters_session(&client->waiters, &session) ? MQC_OK : begin_rejoin(client, now);
	if (!client->rejoin.greeting)
		atomic_store(&client->connecting, false);
	return r;
}

int mqci_client_rejoin(mqc_client *client, int64_t now)
{
	int r;

	/* Nobody has it for long, and what has come must not be overlooked. */
	(void)pthread_mutex_lock(&client->rejoin.lock);
	r = rejoin(client, now);
	(void)pthread_mutex_unlock(&client->rejoin.lock);
	return r;
}

int64_t mqci_client_rejoins_at(mqc_client *client)
{
	int64_t at;

	(void)pthread_mutex_lock(&client->rejoin.lock);
	at = client->rejoin.at;
	(void)pthread_mutex_unlock(&client->rejoin.lock);
	return at;
}

static void close_requests(mqc_client *client)
{
	mqci_queue_close(&client->requests);
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		mqci_queue_close(&client->lanes[lane]);
	atomic_store(&client->lanes_open, 0);
}

/* In a forked child: the client and its queues are the parent's. */
static void disown(mqci_forked *forked)
{
	mqc_client *client = (mqc_client *)(void *)((char *)forked - offsetof(mqc_client, forked));

	client->disowned = true;
	mqci_pendings_forked(client);
	mqci_client_leave_loop(client);
	close_requests(client);
	mqci_waiters_disown(&client->waiters);
	mqci_arena_disown(&client->arena);
}

static void take_options(mqc_client *client, const char *endpoint,
			 const mqc_client_options *options)
{
	(void)snprintf(client->endpoint, sizeof client->endpoint, "%s", endpoint);
	client->timeout_ms =
		options->timeout_ms != 0 ? options->timeout_ms : MQC_DEFAULT_TIMEOUT_MS;
	client->wait_for_server = options->wait_for_server;
	client->no_wait = options->no_wait;
	client->own_loop = options->own_loop;
	client->window = options->window > 0 ? (unsigned)options->window : DEFAULT_WINDOW;
	client->lend_priority = options->lend_priority;
	client->payload_max = options->payload_max > 0 ? options->payload_max : DEFAULT_PAYLOAD_MAX;
	client->arena = MQCI_ARENA_CLOSED;
	mqci_loan_init(client);
	client->requests = MQCI_QUEUE_CLOSED;
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		client->lanes[lane] = MQCI_QUEUE_CLOSED;
	client->loop = -1;
	client->forked.child = disown;
}

int mqc_client_open(const char *endpoint, const mqc_client_options *options,
		    mqc_client **ret_client)
{
	static const mqc_client_options defaults;
	mqc_client *client;
	int r;

	if (options == NULL)
		options = &defaults;
	r = mqci_name_check(endpoint);
	if (r == MQC_OK)
		r = check_options(options);
	if (r < 0)
		return r;
	client = calloc(1, sizeof *client);
	if (client == NULL)
		return mqci_no_memory("a client");
	take_options(client, endpoint, options);
	r = mqci_pendings_init(&client->pendings);
	if (r < 0) {
		free(client);
		return r;
	}
	r = pthread_mutex_init(&client->rejoin.lock, NULL);
	if (r != 0) {
		r = mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
		goto fail_pendings;
	}
	r = mqci_outbox_init(&client->outbox, !client->own_loop);
	if (r < 0)
		goto fail_rejoin;
	r = connect_client(client, options);
	if (r < 0)
		goto fail_outbox;
	r = mqci_fork_register(&client->forked);
	if (r < 0) {
		(void)mqc_client_close(client);
		return r;
	}
	*ret_client = client;
	return MQC_OK;

fail_outbox:
	mqci_outbox_done(&client->outbox);
fail_rejoin:
	(void)pthread_mutex_destroy(&client->rejoin.lock);
fail_pendings:
	mqci_pendings_done(&client->pendings);
	free(client);
	return r;
}

/* In a forked child: free the memory, but for what calls that were started have. */
static void forget(mqc_client *client)
{
	mqci_waiters_free(&client->waiters);
	mqci_arena_free(&client->arena);
	mqci_outbox_disown(&client->outbox);
	mqci_pendings_disown(&client->pendings);
	mqci_client_release(client, NULL);
}

static void say_goodbye(mqc_client *client)
{
	uint8_t message[MQCI_FRAME_HEADER];
	mqci_session_now now;

	(void)mqci_waiters_session(&client->waiters, &now);
	const mqci_frame goodbye = {
		.type = MQCI_GOODBYE,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = client->session,
		.key = now.key,
	};
	/* With no room for it, the server finds out by itself. */
	(void)mqci_queue_send(&client->requests, message, mqci_frame_encode(&goodbye, message), 0);
}

void mqci_client_shut_down(mqc_client *client)
{
	mqci_fork_unregister(&client->forked);
	mqci_pendings_end(client);
	mqci_client_leave_loop(client);
	say_goodbye(client);
	mqci_outbox_done(&client->outbox);
	mqci_waiters_done(&client->waiters);
	remove_own(client);
	close_requests(client);
	(void)pthread_mutex_destroy(&client->rejoin.lock);
	mqci_pendings_open_up(client);
	mqci_client_release(client, NULL);
}

mqc_client *mqc_client_close(mqc_client *client)
{
	if (client == NULL)
		return NULL;
	if (client->disowned) {
		mqci_fork_unregister(&client->forked);
		forget(client);
	} else if (mqci_pendings_shut(&client->pendings)) {
		mqci_client_shut_down(client);
	} else {
		/* Whoever has called what calls us is still at work; others are to leave. */
		mqci_waiters_end_line(&client->waiters);
		mqci_waiters_alarm(&client->waiters);
	}
	return NULL;
}
