/*
 * test_security.c - who may do what: servers, callers and intruders of different users.
 *
 * Person 0 serves; 2 is of the same group; 1 and 3 are strangers, and 1 is up
 * to no good: mostly at the cost of 3, who calls as anybody would.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "forge.h"
#include "people.h"
#include "presence.h"

static const char *endpoint;
static struct person owner, intruder, member, victim;
static struct peer server;

static void name_people(void)
{
	owner = person(0);
	intruder = person(1);
	member = person(2);
	victim = person(3);
	endpoint = support_endpoint();
}

static void begin(mqc_access access)
{
	const mqc_server_options options = {.access = access, .threads = 2};

	name_people();
	server = person_serves(&owner, endpoint, &options);
}

static void end(void)
{
	peer_stop(&server);
}

/* ---------------------------------------------------------- access modes -- */

static void check_denied(const char *what, const char *name, int result)
{
	ck_assert_msg(result < 0 && (errno == EACCES || errno == EPERM), "%s %s: %s", what, name,
		      result < 0 ? strerror(errno) : "permitted");
}

static void touch_queue(const char *name, bool may_send)
{
	mqd_t queue = mq_open(name, O_WRONLY | O_NONBLOCK);

	if (may_send) {
		ck_assert_int_ge(queue, 0);
		(void)mq_close(queue);
	} else {
		check_denied("send to", name, queue);
	}
	check_denied("read", name, mq_open(name, O_RDONLY | O_NONBLOCK));
	check_denied("read and write", name, mq_open(name, O_RDWR | O_NONBLOCK));
	check_denied("unlink", name, mq_unlink(name));
}

static void touch_segment(const char *file, bool may_read)
{
	char path[300], away[310];
	int fd;

	(void)snprintf(path, sizeof path, "/dev/shm/%s", file);
	(void)snprintf(away, sizeof away, "%s.away", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (may_read) {
		ck_assert_int_ge(fd, 0);
		(void)close(fd);
	} else {
		check_denied("read", path, fd);
	}
	check_denied("write", path, open(path, O_RDWR | O_CLOEXEC));
	check_denied("cut", path, truncate(path, 0));
	check_denied("unlink", path, unlink(path));
	check_denied("rename", path, rename(path, away));
	check_denied("open up", path, chmod(path, 0666));
}

/* All segments whose names begin with that of the endpoint; how many there are. */
static int touch_segments(bool may_send)
{
	const char *prefix = support_queue_name(endpoint) + 1;
	DIR *directory = opendir("/dev/shm");
	struct dirent *entry;
	int count = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		/* The record has a secret in it; a presence is for those who call. */
		touch_segment(entry->d_name, may_send && strcmp(entry->d_name, prefix) != 0);
		count++;
	}
	(void)closedir(directory);
	return count;
}

static void imitate(void)
{
	mqc_server *imitation = NULL;
	char uid[32];

	(void)snprintf(uid, sizeof uid, "uid %ld", (long)owner.uid);
	support_fails(mqc_server_open(endpoint, NULL, &imitation), MQC_PERMISSION_DENIED);
	support_error_has(uid);
	ck_assert_ptr_null(imitation);
}

static int is_let_in(void *unused)
{
	mqc_client *client = NULL;
	int64_t sum = 0;

	(void)unused;
	touch_queue(support_queue_name(endpoint), true);
	ck_assert_int_ge(touch_segments(true), 2);
	imitate();
	support_ok(mqc_client_open(endpoint, NULL, &client));
	support_ok(things_add(client, 2, 3, &sum));
	ck_assert_int_eq(sum, 5);
	mqc_client_close(client);
	return 0;
}

static int is_shut_out(void *unused)
{
	mqc_client *client = NULL;

	(void)unused;
	touch_queue(support_queue_name(endpoint), false);
	ck_assert_int_ge(touch_segments(false), 2);
	imitate();
	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_PERMISSION_DENIED);
	support_error_has(endpoint);
	ck_assert_ptr_null(client);
	return 0;
}

static void check_access(mqc_access access, bool lets_member_in, bool lets_strangers_in)
{
	struct caller caller;

	begin(access);
	caller = caller_start(&owner, endpoint, NULL);
	ck_assert_int_eq(person_does(&member, lets_member_in ? is_let_in : is_shut_out, NULL), 0);
	ck_assert_int_eq(person_does(&intruder, lets_strangers_in ? is_let_in : is_shut_out, NULL),
			 0);
	ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 1), 1);
	caller_end(&caller);
	end();
}

START_TEST(a_private_endpoint)
{
	check_access(MQC_ACCESS_PRIVATE, false, false);
}
END_TEST

START_TEST(an_endpoint_of_a_group)
{
	check_access(MQC_ACCESS_GROUP, true, false);
}
END_TEST

START_TEST(a_public_endpoint)
{
	check_access(MQC_ACCESS_PUBLIC, true, true);
}
END_TEST

/* A client goes on with the next server of its endpoint, but not with somebody else's. */
START_TEST(another_users_server_afterwards)
{
	const mqc_server_options options = {.access = MQC_ACCESS_PUBLIC};
	const mqc_client_options patient = {.wait_for_server = true, .timeout_ms = 20000};
	struct caller caller;
	struct answer answer;
	struct peer imitation;

	begin(MQC_ACCESS_PUBLIC);
	caller = caller_start(&victim, endpoint, &patient);
	(void)caller_gets(&caller, THINGS_COUNT, 1);
	end();
	imitation = person_serves(&intruder, endpoint, &options);
	answer = caller_does(&caller, THINGS_COUNT, 1);
	ck_assert_int_eq(answer.status, MQC_PERMISSION_DENIED);
	ck_assert(!answer.maybe_executed);
	caller_end(&caller);
	caller = caller_start(&intruder, endpoint, &patient);
	ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 0), 0);
	caller_end(&caller);
	peer_stop(&imitation);
}
END_TEST

/* --------------------------------------------------------- who is calling -- */

static void check_peer(const struct caller *caller, const struct person *who)
{
	ck_assert_int_eq(caller_gets(caller, THINGS_PEER, 0), who->uid);
	ck_assert_int_eq(caller_gets(caller, THINGS_PEER, 1), who->gid);
	ck_assert_int_eq(caller_gets(caller, THINGS_PEER, 2), caller->pid);
}

START_TEST(callers_are_told_apart)
{
	struct caller first, second, third;

	begin(MQC_ACCESS_PUBLIC);
	first = caller_start(&intruder, endpoint, NULL);
	second = caller_start(&victim, endpoint, NULL);
	third = caller_start(&owner, endpoint, NULL);
	check_peer(&first, &intruder);
	check_peer(&second, &victim);
	check_peer(&third, &owner);
	check_peer(&first, &intruder);
	caller_end(&first);
	caller_end(&second);
	caller_end(&third);
	end();
}
END_TEST

/* What a method Number -> Number gives to a forger. */
static int64_t ask(struct forger *forger, int method, int64_t number)
{
	uint8_t payload[16];
	Shapes__Number *reply;
	mqci_frame frame;
	int64_t value;

	forger_send(forger, (mqci_frame){
				    .type = MQCI_REQUEST,
				    .call = ++forger->calls << 16,
				    .code = things_methods[method].id,
				    .deadline = INT64_MAX,
				    .payload = payload,
				    .size = forger_number(number, payload),
			    });
	ck_assert(forger_receive(forger, 60000, &frame));
	ck_assert_uint_eq(frame.code, MQC_OK);
	reply = shapes__number__unpack(NULL, frame.size, frame.payload);
	ck_assert_ptr_nonnull(reply);
	value = reply->value;
	shapes__number__free_unpacked(reply, NULL);
	return value;
}

/* A forger whose reply queue is named as if it were of the caller's process. */
static void open_as(struct forger *forger, uint64_t session)
{
	char name[MQCI_NAME_SIZE];

	memset(forger, 0, sizeof *forger);
	forger->session = session;
	mqci_name_replies(session, name);
	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &forger->requests));
	support_ok(mqci_queue_create(name, 4, sizeof forger->received, 0622, &forger->replies));
	support_ok(mqci_queue_never_block(&forger->replies));
}

static int pose_by_name(void *data)
{
	const struct caller *caller = data;
	mqci_arena arena = MQCI_ARENA_CLOSED;
	struct forger forger;

	/* Without shared memory, nothing is believed of the name. */
	open_as(&forger, caller->session + 5);
	ck_assert(forger_greet(&forger, 60000));
	ck_assert_int_eq(ask(&forger, THINGS_PEER, 0), intruder.uid);
	ck_assert_int_eq(ask(&forger, THINGS_PEER, 1), intruder.gid);
	ck_assert_int_eq(ask(&forger, THINGS_PEER, 2), 0);
	forger_close(&forger);

	/* With some, the kernel says that the process is another. */
	support_ok(mqci_arena_create(caller->session + 6, 4, 0, owner.uid, &arena));
	open_as(&forger, caller->session + 6);
	ck_assert(!forger_greet(&forger, 300));
	forger_close(&forger);
	mqci_arena_unlink(&arena);
	mqci_arena_close(&arena);
	return 0;
}

START_TEST(posing_by_a_name)
{
	struct caller caller;

	begin(MQC_ACCESS_PUBLIC);
	caller = caller_start(&victim, endpoint, NULL);
	ck_assert_int_eq(person_does(&intruder, pose_by_name, &caller), 0);
	check_peer(&caller, &victim);
	caller_end(&caller);
	end();
}
END_TEST

/* Frames that say they are the caller's; `first` is a good key of the intruder's own. */
static void pose_with_frames(struct forger *forger, const struct caller *caller, uint64_t first)
{
	uint8_t payload[16], bytes[128];
	const mqci_hello hello = {.reply_size = 1024, .slots = 4};
	mqci_frame frame = {
		.type = MQCI_REQUEST,
		.session = caller->session,
		.key = first,
		.call = 0x10000,
		.code = things_methods[THINGS_COUNT].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = forger_number(1, payload),
	};
	size_t size;

	for (int bit = 0; bit < 64; bit++) {
		forger_send(forger, frame);
		frame.key = first ^ UINT64_C(1) << bit;
	}
	frame.type = MQCI_GOODBYE;
	forger_send(forger, frame);
	frame = (mqci_frame){
		.type = MQCI_HELLO,
		.session = caller->session,
		.call = 0x10000,
		.payload = (const uint8_t *)&hello,
		.size = sizeof hello,
	};
	/* Without a nonce, with some, and of another version. */
	for (int i = 0; i < 3; i++) {
		frame.key = (uint64_t)i;
		size = mqci_frame_encode(&frame, bytes);
		forger_send_bytes(forger, bytes, size);
		bytes[2] = MQCI_FRAME_VERSION + 1;
		forger_send_bytes(forger, bytes, size);
	}
}

static int pose(void *data)
{
	struct forger forger;

	forger_join(&forger, endpoint, 900, 4);
	pose_with_frames(&forger, data, forger.key);
	/* Whatever two workers have in hand, they are done with it after some more calls. */
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask(&forger, THINGS_COUNT, 0), 0);
	forger_close(&forger);
	return 0;
}

START_TEST(posing_with_frames)
{
	struct caller caller;

	begin(MQC_ACCESS_PUBLIC);
	caller = caller_start(&victim, endpoint, NULL);
	(void)caller_gets(&caller, THINGS_COUNT, 0);
	ck_assert_int_eq(person_does(&intruder, pose, &caller), 0);
	ck_assert_int_eq(caller_gets(&caller, CALLER_WAITING, 0), 0);
	check_peer(&caller, &victim);
	ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 0), 0);
	caller_end(&caller);
	end();
}
END_TEST

static int pose_briefly(void *data)
{
	const struct caller *caller = data;
	const mqci_hello hello = {.reply_size = 1024};
	struct forger forger;

	forger_open(&forger, endpoint, 900, 2);
	for (unsigned i = 1; i <= 3; i++)
		forger_send(&forger, (mqci_frame){
					     .type = MQCI_HELLO,
					     .session = caller->session,
					     .key = i,
					     .call = 1,
					     .payload = (const uint8_t *)&hello,
					     .size = sizeof hello,
				     });
	forger_close(&forger);
	return 0;
}

/* A server that stops answers what it leaves. */
START_TEST(posing_at_the_end)
{
	struct caller caller;

	begin(MQC_ACCESS_PUBLIC);
	caller = caller_start(&victim, endpoint, NULL);
	peer_freeze(&server);
	ck_assert_int_eq(person_does(&intruder, pose_briefly, &caller), 0);
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	peer_thaw(&server);
	ck_assert_int_eq(peer_wait(&server), 0);
	/* The goodbye, and nothing else. */
	ck_assert_int_eq(caller_gets(&caller, CALLER_WAITING, 0), 1);
	caller_end(&caller);
}
END_TEST

/* ---------------------------------------------------------------- replies -- */

static mqci_queue replies_of(uint64_t session)
{
	char name[MQCI_NAME_SIZE];
	mqci_queue replies;

	mqci_name_replies(session, name);
	support_ok(mqci_queue_open(name, MQCI_SEND, &replies));
	return replies;
}

/* Until killed: replies to calls that the caller may just be making, with keys that are wrong. */
static int forge_replies(void *data)
{
	const struct caller *caller = data;
	mqci_queue replies = replies_of(caller->session);
	mqci_arena_view view;
	uint8_t message[128];
	unsigned seed = 3;
	size_t waiting;

	touch_queue(replies.name, true);
	touch_segment(replies.name + 1, false);
	ck_assert_int_lt(mqci_arena_open(caller->session, victim.uid, &view), 0);
	for (;;) {
		const mqci_frame frame = {
			.type = (mqci_frame_type)(1 + rand_r(&seed) % 9),
			.flags = (uint16_t)(rand_r(&seed) % 16),
			.session = caller->session,
			.key = (uint64_t)rand_r(&seed) << 32 | (uint64_t)rand_r(&seed),
			.call = (uint64_t)(rand_r(&seed) % 1000) << 16 |
				(uint64_t)(rand_r(&seed) % 4),
			.code = (uint64_t) - (rand_r(&seed) % 3),
			.payload = (const uint8_t *)"\x08\x63",
			.size = 2,
		};
		size_t size = mqci_frame_encode(&frame, message);

		if (rand_r(&seed) % 4 == 0)
			message[rand_r(&seed) % 64] ^= (uint8_t)(1 << rand_r(&seed) % 8);
		if (mqci_queue_waiting(&replies, &waiting) == MQC_OK && waiting < replies.messages)
			(void)mqci_queue_send(&replies, message, size, 31);
	}
}

START_TEST(forged_replies)
{
	struct caller caller;
	pid_t forger;

	begin(MQC_ACCESS_PUBLIC);
	caller = caller_start(&victim, endpoint, NULL);
	forger = person_begins(&intruder, forge_replies, &caller);
	for (int i = 1; i <= 500; i++)
		ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 1), i);
	ck_assert_int_eq(kill(forger, SIGKILL), 0);
	ck_assert_int_eq(person_waits(forger), 128 + SIGKILL);
	caller_end(&caller);
	end();
}
END_TEST

/* -------------------------------------------------------------- replaying -- */

#define ROGUE_KEY UINT64_C(0x123456789)

/*
 * Somebody who serves an endpoint of his own, by hand: he passes all that he
 * gets on to a good one, in the name of the caller, and answers like a server.
 */
struct rogue {
	const char *name;
	int ready;
	uint64_t other_session; /* of the same caller, at the good endpoint */
};

static void pass_on(const struct rogue *rogue, const mqci_queue *good, uint8_t *message,
		    size_t size, const mqci_frame *frame)
{
	mqci_frame altered = *frame;
	uint8_t other[1024];

	for (int i = 0; i < 3; i++)
		while (mqci_queue_send(good, message, size, 0) == 0)
			support_sleep_ms(1);
	altered.session = rogue->other_session;
	while (mqci_queue_send(good, other, mqci_frame_encode(&altered, other), 0) == 0)
		support_sleep_ms(1);
	/* What comes of it comes before our answer. */
	support_sleep_ms(200);
}

static void answer_caller(const mqci_frame *frame)
{
	const mqci_welcome welcome = {.key = ROGUE_KEY, .request_size = 1024, .pid = getpid()};
	mqci_frame answer = {
		.type = MQCI_WELCOME,
		.session = frame->session,
		.key = frame->key,
		.call = frame->call,
		.payload = (const uint8_t *)&welcome,
		.size = sizeof welcome,
	};
	mqci_queue replies = replies_of(frame->session);
	uint8_t message[128];

	if (frame->type == MQCI_REQUEST) {
		answer.type = MQCI_REPLY;
		answer.payload = (const uint8_t *)"\x08\x07";
		answer.size = 2;
	}
	ck_assert_int_eq(mqci_queue_send(&replies, message, mqci_frame_encode(&answer, message), 0),
			 1);
	mqci_queue_close(&replies);
}

static int be_rogue(void *data)
{
	const struct rogue *rogue = data;
	mqci_queue requests, good;
	mqci_presence presence;
	uint8_t message[1024];
	mqci_frame frame;

	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &good));
	support_ok(mqci_presence_open(rogue->name, 0644, &presence));
	support_ok(mqci_queue_create(support_queue_name(rogue->name), 4, 1024, 0622, &requests));
	ck_assert_int_eq(write(rogue->ready, "r", 1), 1);
	/* A hello, two requests, and the goodbye. */
	for (int i = 0; i < 4; i++) {
		ssize_t size = mqci_queue_receive(&requests, message, sizeof message);
		const uint8_t *at = message;
		size_t left = (size_t)size;

		ck_assert_int_gt(size, 0);
		ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
		/* No key but ours has been given away. */
		if (frame.type != MQCI_HELLO)
			ck_assert_uint_eq(frame.key, ROGUE_KEY);
		pass_on(rogue, &good, message, (size_t)size, &frame);
		if (frame.type != MQCI_GOODBYE)
			answer_caller(&frame);
	}
	mqci_presence_close(&presence);
	ck_assert(mqci_queue_unlink(requests.name));
	return 0;
}

/* The good endpoint's server is one who may look into what the caller shares with the rogue. */
static void replay(const struct person *good)
{
	const mqc_server_options options = {.access = MQC_ACCESS_PUBLIC};
	struct rogue rogue;
	struct caller caller, other;
	int ends[2];
	pid_t pid;
	char byte;

	name_people();
	server = person_serves(good, endpoint, &options);
	other = caller_start(&victim, endpoint, NULL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	rogue = (struct rogue){
		.name = support_endpoint(), .ready = ends[1], .other_session = other.session};
	pid = person_begins(&intruder, be_rogue, &rogue);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	caller = caller_start(&victim, rogue.name, NULL);
	ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 1), 7);
	ck_assert_int_eq(caller_gets(&caller, THINGS_COUNT, 1), 7);
	ck_assert_int_eq(caller_gets(&caller, CALLER_WAITING, 0), 0);
	caller_end(&caller);
	ck_assert_int_eq(person_waits(pid), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);

	ck_assert_int_eq(caller_gets(&other, CALLER_WAITING, 0), 0);
	ck_assert_int_eq(caller_gets(&other, THINGS_COUNT, 0), 0);
	caller_end(&other);
	end();
}

START_TEST(replayed_at_a_server_of_the_caller)
{
	name_people();
	replay(&victim);
}
END_TEST

START_TEST(replayed_at_a_server_of_root)
{
	const struct person root = {0, 0, 0};

	replay(&root);
}
END_TEST

/* One's own frames, of a session that is over. */
START_TEST(replayed_from_an_earlier_session)
{
	uint8_t payload[16], bytes[128];
	struct forger forger, next;
	mqci_frame frame;
	size_t size;

	begin(MQC_ACCESS_PUBLIC);
	forger_join(&forger, endpoint, 900, 4);
	frame = (mqci_frame){
		.type = MQCI_REQUEST,
		.session = forger.session,
		.key = forger.key,
		.call = 0x10000,
		.code = things_methods[THINGS_COUNT].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = forger_number(1, payload),
	};
	size = mqci_frame_encode(&frame, bytes);
	forger_send_bytes(&forger, bytes, size);
	ck_assert(forger_receive(&forger, 60000, &frame));
	forger_close(&forger);

	/* The same number, and so the same session, but another queue. */
	forger_join(&next, endpoint, 900, 4);
	ck_assert_uint_eq(next.session, forger.session);
	ck_assert_uint_ne(next.key, forger.key);
	for (int i = 0; i < 5; i++)
		forger_send_bytes(&next, bytes, size);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask(&next, THINGS_COUNT, 0), 1);
	forger_close(&next);
	end();
}
END_TEST

/* --------------------------------------------------------- large payloads -- */

START_TEST(large_payloads_between_users)
{
	mqci_segment segment;
	struct caller caller;
	struct answer answer;
	int64_t size = 1000000;
	int admitted;

	begin(MQC_ACCESS_PUBLIC);
	support_ok(mqci_segment_create("/mqcall-test-acl", 4096, 0600, &segment));
	admitted = mqci_segment_admit(&segment, owner.uid);
	mqci_segment_close(&segment);
	mqci_segment_unlink("/mqcall-test-acl");
	caller = caller_start(&victim, endpoint, NULL);
	answer = caller_does(&caller, CALLER_ECHO, size);
	if (admitted == MQC_OK) {
		ck_assert_msg(answer.status == MQC_OK, "%s", answer.text);
		ck_assert_int_eq(answer.value, size);
	} else {
		printf("no access control lists in /dev/shm: %s\n", answer.text);
		ck_assert_int_eq(answer.status, MQC_RESOURCE_EXHAUSTED);
		ck_assert_ptr_nonnull(strstr(answer.text, "access control lists"));
	}
	ck_assert_int_eq(caller_gets(&caller, CALLER_ECHO, 100), 100);
	caller_end(&caller);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("security");
	TCase *tests;

	if (!people_possible())
		return 77;
	tests = support_case(suite, "access");
	tcase_add_test(tests, a_private_endpoint);
	tcase_add_test(tests, an_endpoint_of_a_group);
	tcase_add_test(tests, a_public_endpoint);
	tcase_add_test(tests, another_users_server_afterwards);

	tests = support_case(suite, "who is calling");
	tcase_add_test(tests, callers_are_told_apart);
	tcase_add_test(tests, posing_by_a_name);
	tcase_add_test(tests, posing_with_frames);
	tcase_add_test(tests, posing_at_the_end);

	tests = support_case(suite, "replies");
	tcase_add_test(tests, forged_replies);

	tests = support_case(suite, "replaying");
	tcase_add_test(tests, replayed_at_a_server_of_the_caller);
	tcase_add_test(tests, replayed_at_a_server_of_root);
	tcase_add_test(tests, replayed_from_an_earlier_session);

	tests = support_case(suite, "large payloads");
	tcase_add_test(tests, large_payloads_between_users);
	return support_run(suite);
}
