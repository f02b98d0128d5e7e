/*
 * test_hostile.c - what comes out of a queue was written by anybody.
 *
 * A server gets garbage, forgeries and frames of other versions, a client gets
 * forged replies; all the while another client calls. None of it harms the
 * server or anybody else's call.
 */
#include <mqcall/mqcall.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "forge.h"
#include "metadata.h"
#include "presence.h"
#include "support.h"
#include "things.h"

static const char *endpoint;
static struct peer server;

/* ------------------------------------------------ somebody else's calls -- */

static struct {
	mqc_client *client;
	pthread_t thread;
	atomic_bool enough;
	atomic_int calls;
} other;

static void *call_on(void *unused)
{
	int64_t sum;

	for (int i = 0; !atomic_load(&other.enough); i++) {
		support_ok(things_add(other.client, i, 1, &sum));
		ck_assert_int_eq(sum, i + 1);
		atomic_fetch_add(&other.calls, 1);
	}
	return unused;
}

static void begin(const char *options)
{
	endpoint = support_endpoint();
	server = peer_start(endpoint, options);
	other.client = support_client(endpoint, 2);
	atomic_store(&other.enough, false);
	atomic_store(&other.calls, 0);
	ck_assert_int_eq(pthread_create(&other.thread, NULL, call_on, NULL), 0);
}

static bool has_called(void *before)
{
	return atomic_load(&other.calls) > *(int *)before + 10;
}

/* The others' calls have gone on, and still do; and the server can be stopped. */
static void end(void)
{
	int before = atomic_load(&other.calls);

	ck_assert(support_wait_for(has_called, &before));
	atomic_store(&other.enough, true);
	ck_assert_int_eq(pthread_join(other.thread, NULL), 0);
	mqc_client_close(other.client);
	peer_stop(&server);
}

/* What the server has counted, asked for by a client of its own. */
static int64_t counted(void)
{
	mqc_client *client = support_client(endpoint, 2);
	int64_t count = -1;

	support_ok(things_call(client, THINGS_COUNT, 0, 0, &count));
	mqc_client_close(client);
	return count;
}

/* ----------------------------------------------------- against a server -- */

START_TEST(garbage)
{
	struct forger forger;
	uint8_t bytes[1024];
	unsigned seed = 1;

	begin("signals threads=2");
	forger_open(&forger, endpoint, 900, 4);
	for (int i = 0; i < 1000; i++) {
		size_t size = (size_t)rand_r(&seed) % (sizeof bytes + 1);

		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)rand_r(&seed);
		forger_send_bytes(&forger, bytes, size);
	}
	ck_assert_int_eq(counted(), 0);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(truncated_frames)
{
	uint8_t payload[16], message[128];
	struct forger forger;
	mqci_frame frame;
	size_t space;

	begin("signals");
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
	space = mqci_frame_encode(&frame, message);
	for (size_t size = 0; size < space; size++)
		forger_send_bytes(&forger, message, size);
	ck_assert(!forger_receive(&forger, 20, &frame));
	ck_assert_int_eq(counted(), 0);
	forger_send_bytes(&forger, message, space);
	ck_assert(forger_receive(&forger, 60000, &frame));
	ck_assert_int_eq(counted(), 1);
	forger_close(&forger);
	end();
}
END_TEST

/* Every byte of a good request in turn has every bit of it turned over. */
START_TEST(spoilt_requests)
{
	uint8_t payload[16], message[128];
	struct forger forger;
	mqci_frame frame;
	size_t space;

	begin("signals threads=2");
	forger_join(&forger, endpoint, 900, 4);
	frame = (mqci_frame){
		.type = MQCI_REQUEST,
		.session = forger.session,
		.key = forger.key,
		.call = 0x10000,
		.code = things_methods[THINGS_REMAINING].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = forger_number(1, payload),
	};
	space = mqci_frame_encode(&frame, message);
	for (size_t at = 0; at < space; at++) {
		for (int bit = 0; bit < 8; bit++) {
			/* A turned bit of the method may ask the server to end. */
			if (at >= 40 && at < 48)
				continue;
			message[at] ^= (uint8_t)(1 << bit);
			forger_send_bytes(&forger, message, space);
			message[at] ^= (uint8_t)(1 << bit);
			while (forger_receive(&forger, 0, &frame))
				continue;
		}
	}
	forger_close(&forger);
	end();
}
END_TEST

/* Send a request with metadata in front, said to be there; the code of the answer. */
static int64_t answer_to(struct forger *forger, const uint8_t *payload, size_t size)
{
	mqci_frame frame;

	forger_send(forger, (mqci_frame){
				    .type = MQCI_REQUEST,
				    .flags = MQCI_FRAME_EXTRAS,
				    .call = 0x10000,
				    .code = things_methods[THINGS_CARRY].id,
				    .deadline = INT64_MAX,
				    .payload = payload,
				    .size = size,
			    });
	ck_assert(forger_receive(forger, 60000, &frame));
	ck_assert_uint_eq(frame.call, 0x10000);
	ck_assert((int64_t)frame.code != MQC_INVALID_ARGUMENT ||
		  (frame.flags & MQCI_FRAME_NOT_EXECUTED) != 0);
	return (int64_t)frame.code;
}

/* And every byte of what comes in front of a request. */
START_TEST(spoilt_metadata)
{
	static const mqc_pair pairs[] = {{"trace", "7f3a"}, {"k", ""}, {"k", "\xc3\xbc"}};
	uint8_t payload[128];
	struct forger forger;
	size_t block, size;
	int64_t code;

	begin("signals threads=2");
	forger_join(&forger, endpoint, 900, 4);
	support_ok(mqci_metadata_measure(pairs, 3, &block));
	mqci_metadata_pack(pairs, 3, payload);
	size = block + forger_number(0, payload + block);
	ck_assert_int_eq(answer_to(&forger, payload, size), MQC_OK);
	for (size_t cut = 0; cut < block; cut++)
		ck_assert_int_eq(answer_to(&forger, payload, cut), MQC_INVALID_ARGUMENT);
	for (size_t at = 0; at < block; at++) {
		for (int bit = 0; bit < 8; bit++) {
			payload[at] ^= (uint8_t)(1 << bit);
			code = answer_to(&forger, payload, size);
			ck_assert(code == MQC_OK || code == MQC_INVALID_ARGUMENT);
			payload[at] ^= (uint8_t)(1 << bit);
		}
	}
	ck_assert_int_eq(answer_to(&forger, payload, size), MQC_OK);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(forged_requests)
{
	uint8_t payload[16];
	struct forger forger, victim;
	mqci_frame frame, request = {
				  .type = MQCI_REQUEST,
				  .call = 0x10000,
				  .code = things_methods[THINGS_COUNT].id,
				  .deadline = INT64_MAX,
				  .payload = payload,
				  .size = forger_number(1, payload),
			  };

	begin("signals");
	forger_join(&victim, endpoint, 901, 4);
	forger_open(&forger, endpoint, 900, 4);
	/* No session at all; another's, without its key, or with one that is wrong. */
	forger_send(&forger, request);
	request.session = victim.session;
	forger_send(&forger, request);
	for (int bit = 0; bit < 64; bit += 9) {
		request.key = victim.key ^ UINT64_C(1) << bit;
		forger_send(&forger, request);
	}
	/* Sessions of nobody. */
	request.key = victim.key;
	for (int bit = 0; bit < 64; bit += 3) {
		request.session = victim.session ^ UINT64_C(1) << bit;
		if (request.session != forger.session)
			forger_send(&forger, request);
	}
	request.session = UINT64_MAX;
	forger_send(&forger, request);
	/* A session that is over, whose owner only says what the key does not prove. */
	request.flags = MQCI_FRAME_ONEWAY;
	for (unsigned uid = 0; uid < 3; uid++) {
		mqci_departed_tell((mqci_departed){.uid = uid, .gid = uid, .inode = 7}, &request);
		forger_send(&forger, request);
	}
	request.flags = 0;
	request.thread = 0;
	request.arena = 0;
	ck_assert_int_eq(counted(), 0);
	ck_assert(!forger_receive(&victim, 0, &frame));
	ck_assert(!forger_receive(&forger, 0, &frame));

	/* A goodbye for another is heeded as little. */
	forger_send(&forger, (mqci_frame){.type = MQCI_GOODBYE, .session = victim.session});
	(void)forger_count(&victim, 5);
	ck_assert(forger_receive(&victim, 60000, &frame));
	ck_assert_int_eq(frame.type, MQCI_REPLY);
	ck_assert_uint_eq(frame.code, 0);
	ck_assert_int_eq(counted(), 5);
	forger_close(&victim);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(a_hello_in_anothers_name)
{
	const mqci_hello hello = {.reply_size = 1024};
	struct forger forger, victim;
	mqci_frame frame;
	uint64_t call;

	begin("signals");
	forger_join(&victim, endpoint, 901, 4);
	forger_open(&forger, endpoint, 900, 4);
	forger_send(&forger, (mqci_frame){
				     .type = MQCI_HELLO,
				     .session = victim.session,
				     .key = 0x666,
				     .call = 1,
				     .payload = (const uint8_t *)&hello,
				     .size = sizeof hello,
			     });
	/* Only the victim can read what the answer is, and goes on with the key it has. */
	ck_assert(forger_receive(&victim, 60000, &frame));
	ck_assert_uint_eq(frame.key, 0x666);
	ck_assert(!forger_receive(&forger, 0, &frame));
	call = forger_count(&victim, 1);
	ck_assert(forger_receive(&victim, 60000, &frame));
	ck_assert_uint_eq(frame.call, call);
	ck_assert_uint_eq(frame.code, 0);
	forger_close(&victim);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(frames_that_servers_do_not_take)
{
	static const mqci_frame_type types[] = {MQCI_WELCOME, MQCI_REPLY, MQCI_DATA, MQCI_WAKE};
	struct forger forger;
	mqci_frame frame;

	begin("signals");
	forger_join(&forger, endpoint, 900, 4);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		forger_send(&forger, (mqci_frame){.type = types[i], .call = 0x10000});
	/* A hello too short to be one. */
	forger_send(&forger, (mqci_frame){.type = MQCI_HELLO, .call = 0x10000});
	ck_assert(!forger_receive(&forger, 20, &frame));
	(void)forger_count(&forger, 1);
	ck_assert(forger_receive(&forger, 60000, &frame));
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(many_requests_in_one_message)
{
	uint8_t payload[16], message[1024];
	struct forger forger;
	mqci_frame frame;
	size_t size = 0;

	begin("signals");
	forger_join(&forger, endpoint, 900, 8);
	for (unsigned i = 1; i <= 7; i++) {
		const mqci_frame request = {
			.type = MQCI_REQUEST,
			.session = forger.session,
			.key = forger.key,
			.call = i << 16,
			.code = things_methods[THINGS_COUNT].id,
			.deadline = INT64_MAX,
			.payload = payload,
			.size = forger_number(i, payload),
		};

		size += mqci_frame_encode(&request, message + size);
	}
	memset(message + size, 0xff, 10);
	forger_send_bytes(&forger, message, size + 10);
	for (unsigned i = 1; i <= 7; i++) {
		ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert_uint_eq(frame.call, i << 16);
	}
	ck_assert_int_eq(counted(), 28);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(a_client_that_never_reads_its_replies)
{
	struct forger forger;

	begin("signals");
	forger_join(&forger, endpoint, 900, 1);
	for (int i = 0; i < 200; i++)
		(void)forger_count(&forger, 1);
	ck_assert_int_eq(counted(), 200);
	forger_close(&forger);
	end();
}
END_TEST

START_TEST(a_client_whose_queue_is_gone)
{
	struct forger forger;

	begin("signals");
	forger_join(&forger, endpoint, 900, 1);
	ck_assert(mqci_queue_unlink(forger.replies.name));
	for (int i = 0; i < 20; i++)
		(void)forger_count(&forger, 1);
	ck_assert_int_eq(counted(), 20);
	mqci_queue_close(&forger.replies);
	mqci_queue_close(&forger.requests);
	end();
}
END_TEST

/* --------------------------------------------------------- versions -- */

/* A client of a later version: its frames are as ours but for the version, and more in them. */
START_TEST(a_newer_client)
{
	uint8_t message[128] = {0};
	struct forger forger;
	mqci_frame frame = {.type = MQCI_HELLO, .key = 0x777, .call = 0x70001};

	begin("signals");
	forger_open(&forger, endpoint, 900, 4);
	frame.session = forger.session;
	(void)mqci_frame_encode(&frame, message);
	message[2] = MQCI_FRAME_VERSION + 1;
	memset(message + 8, 0xee, 8);
	forger_send_bytes(&forger, message, sizeof message);
	ck_assert(forger_receive(&forger, 60000, &frame));
	ck_assert_int_eq(frame.type, MQCI_REPLY);
	ck_assert_uint_eq(frame.session, forger.session);
	ck_assert_uint_eq(frame.key, 0x777);
	ck_assert_uint_eq(frame.call, 0x70001);
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_FAILED_PRECONDITION);
	ck_assert_uint_gt(frame.size, 0);
	forger_close(&forger);
	end();
}
END_TEST

/* A server of another version, played by a thread here: it answers in its own way. */
struct stranger {
	mqci_queue requests;
	bool nonsense;
};

static void *answer_strangely(void *data)
{
	struct stranger *stranger = data;
	uint8_t message[1024], answer[128] = {0};
	char name[MQCI_NAME_SIZE];
	const uint8_t *at = message;
	mqci_queue replies;
	mqci_frame frame;
	ssize_t size;
	size_t left;

	size = mqci_queue_receive(&stranger->requests, message, sizeof message);
	ck_assert_int_gt(size, 0);
	left = (size_t)size;
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
	ck_assert_int_eq(frame.type, MQCI_HELLO);
	mqci_name_replies(frame.session, name);
	support_ok(mqci_queue_open(name, MQCI_SEND, &replies));
	if (stranger->nonsense) {
		/* Much that is no welcome: for others, without the nonce, truncated. */
		mqci_frame wrong = frame;

		wrong.type = MQCI_WELCOME;
		wrong.key = 1;
		wrong.payload = NULL;
		wrong.size = 0;
		ck_assert_int_eq(
			mqci_queue_send(&replies, answer, mqci_frame_encode(&wrong, answer), 0), 1);
		ck_assert_int_eq(mqci_queue_send(&replies, "?", 1, 0), 1);
		/* The nonce is right, but there is no key in it. */
		wrong.key = frame.key;
		ck_assert_int_eq(
			mqci_queue_send(&replies, answer, mqci_frame_encode(&wrong, answer), 0), 1);
	} else {
		(void)mqci_frame_encode(&frame, answer);
		answer[2] = MQCI_FRAME_VERSION + 1;
		memset(answer + 4, 0xee, 12);
		ck_assert_int_eq(mqci_queue_send(&replies, answer, 100, 0), 1);
	}
	mqci_queue_close(&replies);
	return NULL;
}

static void open_at_stranger(bool nonsense, int expected)
{
	const mqc_client_options options = {.reply_size = 1024, .open_timeout_ms = 60000};
	struct stranger stranger = {.nonsense = nonsense};
	mqci_presence presence;
	mqc_client *client = NULL;
	pthread_t thread;

	endpoint = support_endpoint();
	support_ok(
		mqci_queue_create(support_queue_name(endpoint), 4, 1024, 0600, &stranger.requests));
	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_strangely, &stranger), 0);
	support_fails(mqc_client_open(endpoint, &options, &client), expected);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqci_presence_close(&presence);
	mqci_queue_unlink(stranger.requests.name);
	mqci_queue_close(&stranger.requests);
}

START_TEST(a_newer_server)
{
	open_at_stranger(false, MQC_FAILED_PRECONDITION);
	support_error_has("version");
}
END_TEST

START_TEST(a_server_that_makes_no_sense)
{
	open_at_stranger(true, MQC_INTERNAL);
}
END_TEST

/* ----------------------------------------------------- against a client -- */

/* Fill a client's reply queue with garbage and forgeries while it calls. */
struct flood {
	mqci_queue replies;
	uint64_t session;
	atomic_bool enough;
};

static void *flood_replies(void *data)
{
	struct flood *flood = data;
	unsigned seed = 7;

	while (!atomic_load(&flood->enough)) {
		uint8_t message[256];
		size_t size = (size_t)rand_r(&seed) % 200, waiting;
		mqci_frame frame = {
			.type = (mqci_frame_type)(1 + rand_r(&seed) % 9),
			.session = flood->session,
			.key = (uint64_t)rand_r(&seed),
			.call = (uint64_t)(rand_r(&seed) % 1000) << 16 |
				(uint64_t)(rand_r(&seed) % 4),
			.code = (uint64_t) - (rand_r(&seed) % 3),
			.payload = (const uint8_t *)"\x08\x07",
			.size = 2,
		};

		for (size_t at = 0; at < sizeof message; at++)
			message[at] = (uint8_t)rand_r(&seed);
		if (rand_r(&seed) % 2)
			size = mqci_frame_encode(&frame, message);
		/* One at a time: a full queue would cost the caller its reply. */
		if (mqci_queue_waiting(&flood->replies, &waiting) == MQC_OK && waiting == 0)
			(void)mqci_queue_send(&flood->replies, message, size, 0);
	}
	return NULL;
}

START_TEST(forged_replies)
{
	struct flood flood = {0};
	char name[MQCI_NAME_SIZE];
	mqc_client *client;
	pthread_t thread;
	uint64_t process;
	int64_t sum;
	unsigned n;

	begin("signals");
	client = support_client(endpoint, 8);
	/* It is the second client of this process; find its queue. */
	support_ok(mqci_process_self(&process));
	for (n = 0; n < 100; n++) {
		flood.session = mqci_party_make(process, n);
		mqci_name_replies(flood.session, name);
		if (mqci_queue_open(name, MQCI_SEND, &flood.replies) < 0)
			continue;
		if (flood.replies.messages == 8)
			break;
		mqci_queue_close(&flood.replies);
	}
	ck_assert_uint_lt(n, 100);
	ck_assert_int_eq(pthread_create(&thread, NULL, flood_replies, &flood), 0);
	for (int i = 0; i < 3000; i++) {
		support_ok(things_add(client, i, -1, &sum));
		ck_assert_int_eq(sum, i - 1);
	}
	atomic_store(&flood.enough, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqci_queue_close(&flood.replies);
	mqc_client_close(client);
	end();
}
END_TEST

/* A server that can take in no more clients says so, and why, and serves the others. */
START_TEST(more_clients_than_descriptors)
{
	enum {
		MOST = 40
	};
	const mqc_client_options options = {.open_timeout_ms = 60000, .timeout_ms = 60000};
	mqc_client *clients[MOST];
	struct rlimit limit, few;
	int64_t began, sum;
	int count = 0, r;

	endpoint = support_endpoint();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 48;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	server = peer_start(endpoint, "signals");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 2; i++) {
		began = support_now_ms();
		while ((r = mqc_client_open(endpoint, &options, &clients[count])) == MQC_OK)
			ck_assert_int_lt(++count, MOST);
		support_fails(r, MQC_RESOURCE_EXHAUSTED);
		support_error_has("the server has no file descriptors");
		ck_assert_int_lt(support_now_ms() - began, 30000);
		for (int j = 0; j < count; j++)
			support_ok(things_add(clients[j], 1, 2, &sum));
		mqc_client_close(clients[--count]);
	}
	while (count > 0)
		mqc_client_close(clients[--count]);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tests;

	tests = support_case(suite, "against a server");
	tcase_add_test(tests, garbage);
	tcase_add_test(tests, truncated_frames);
	tcase_add_test(tests, spoilt_requests);
	tcase_add_test(tests, spoilt_metadata);
	tcase_add_test(tests, forged_requests);
	tcase_add_test(tests, a_hello_in_anothers_name);
	tcase_add_test(tests, frames_that_servers_do_not_take);
	tcase_add_test(tests, many_requests_in_one_message);
	tcase_add_test(tests, a_client_that_never_reads_its_replies);
	tcase_add_test(tests, a_client_whose_queue_is_gone);

	tests = support_case(suite, "versions");
	tcase_add_test(tests, a_newer_client);
	tcase_add_test(tests, a_newer_server);
	tcase_add_test(tests, a_server_that_makes_no_sense);

	tests = support_case(suite, "against a client");
	tcase_add_test(tests, forged_replies);
	tcase_add_test(tests, more_clients_than_descriptors);
	return support_run(suite);
}
