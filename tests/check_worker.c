/*
 * check_worker.c - tests of runtime/worker.h: what a request is answered with, frame by frame.
 */
#include "worker.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "support.h"
#include "things.h"

static struct host host;
static struct forger forger;

static void begin(void)
{
	host_start(&host, support_endpoint(), NULL);
	forger_join(&forger, support_last_endpoint(), 900, 4);
}

static void end(void)
{
	forger_close(&forger);
	host_stop(&host);
}

/* Send a request of that method and flags, with `size` bytes of payload; await its answer. */
static mqci_frame ask(uint64_t method, uint16_t flags, const uint8_t *payload, size_t size)
{
	mqci_frame frame;

	forger_send(&forger, (mqci_frame){
				     .type = MQCI_REQUEST,
				     .flags = flags,
				     .call = ++forger.calls << 16,
				     .code = method,
				     .deadline = INT64_MAX,
				     .payload = payload,
				     .size = size,
			     });
	ck_assert(forger_receive(&forger, 60000, &frame));
	ck_assert_int_eq(frame.type, MQCI_REPLY);
	ck_assert_uint_eq(frame.session, forger.session);
	ck_assert_uint_eq(frame.key, forger.key);
	ck_assert_uint_eq(frame.call, forger.calls << 16);
	return frame;
}

START_TEST(success)
{
	uint8_t payload[16], expected[16];
	mqci_frame frame;
	size_t size;

	begin();
	size = forger_number(5, payload);
	frame = ask(things_methods[THINGS_COUNT].id, 0, payload, size);
	ck_assert_uint_eq(frame.code, 0);
	ck_assert_uint_eq(frame.flags, 0);
	ck_assert_uint_eq(frame.size, forger_number(5, expected));
	ck_assert_mem_eq(frame.payload, expected, frame.size);
	end();
}
END_TEST

START_TEST(failure)
{
	static const char text[] = "failed with -5, as asked for";
	uint8_t payload[16];
	mqci_frame frame;
	size_t size;

	begin();
	size = forger_number(MQC_NOT_FOUND, payload);
	frame = ask(things_methods[THINGS_FAIL].id, 0, payload, size);
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_NOT_FOUND);
	ck_assert_uint_eq(frame.flags, 0);
	ck_assert_uint_eq(frame.size, sizeof text - 1);
	ck_assert_mem_eq(frame.payload, text, frame.size);
	end();
}
END_TEST

START_TEST(what_is_not_executed)
{
	const uint8_t bad[] = {0x08};
	mqci_frame frame;

	begin();
	frame = ask(things_methods[THINGS_ABSENT].id, 0, NULL, 0);
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_UNIMPLEMENTED);
	ck_assert_uint_eq(frame.flags, MQCI_FRAME_NOT_EXECUTED);
	frame = ask(0, 0, NULL, 0);
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_UNIMPLEMENTED);
	frame = ask(things_methods[THINGS_COUNT].id, 0, bad, sizeof bad);
	ck_assert_int_eq((int)(int64_t)frame.code, MQC_INVALID_ARGUMENT);
	ck_assert_uint_eq(frame.flags, MQCI_FRAME_NOT_EXECUTED);
	ck_assert_uint_gt(frame.size, 0);
	end();
}
END_TEST

START_TEST(one_way_is_never_answered)
{
	const uint8_t bad[] = {0x08};
	uint8_t payload[16];
	mqci_frame frame;
	size_t size;

	begin();
	size = forger_number(3, payload);
	for (int i = 0; i < 3; i++)
		forger_send(&forger, (mqci_frame){
					     .type = MQCI_REQUEST,
					     .flags = MQCI_FRAME_ONEWAY,
					     .code = i == 1 ? 99 : things_methods[THINGS_COUNT].id,
					     .deadline = i == 0 ? 1 : INT64_MAX,
					     .payload = i == 2 ? bad : payload,
					     .size = i == 2 ? sizeof bad : size,
				     });
	forger_send(&forger, (mqci_frame){
				     .type = MQCI_REQUEST,
				     .flags = MQCI_FRAME_ONEWAY,
				     .code = things_methods[THINGS_COUNT].id,
				     .deadline = INT64_MAX,
				     .payload = payload,
				     .size = size,
			     });
	frame = ask(things_methods[THINGS_COUNT].id, 0, payload, size);
	ck_assert_uint_eq(frame.code, 0);
	ck_assert_int_eq(atomic_load(&host.self.count), 6);
	ck_assert(!forger_receive(&forger, 0, &frame));
	end();
}
END_TEST

/* The key that the server would give a session: as another server process, we can compute it. */
static uint64_t key_of(uint64_t session, ino_t inode)
{
	mqci_record record;
	uint64_t key;

	support_ok(mqci_record_open(support_queue_name(support_last_endpoint()), &record));
	key = mqci_record_key(&record, session, geteuid(), getegid(), inode);
	mqci_record_close(&record);
	return key;
}

/* Reply queues in which there is hardly room for a header, or not even that. */
START_TEST(tiny_reply_queues)
{
	static const size_t sizes[] = {1, 63, 64, 71, 72, 80};
	uint8_t payload[16];
	size_t size;

	begin();
	size = forger_number(MQC_NOT_FOUND, payload);
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint64_t session = forger.session + 1 + i;
		char name[MQCI_NAME_SIZE], buffer[128];
		mqci_queue replies;
		ino_t inode;
		ssize_t got;

		mqci_name_replies(session, name);
		support_ok(mqci_queue_create(name, 2, sizes[i], 0600, &replies));
		support_ok(mqci_queue_never_block(&replies));
		support_ok(mqci_queue_inode(&replies, &inode));
		forger_send(&forger, (mqci_frame){
					     .type = MQCI_REQUEST,
					     .session = session,
					     .key = key_of(session, inode),
					     .call = 0x10000,
					     .code = things_methods[THINGS_FAIL].id,
					     .deadline = INT64_MAX,
					     .payload = payload,
					     .size = size,
				     });
		/* When this is answered, so is that. */
		(void)ask(things_methods[THINGS_CODE].id, 0, NULL, 0);
		got = mqci_queue_receive(&replies, buffer, sizeof buffer);
		ck_assert_int_eq(got, sizes[i] < 64 ? 0 : (ssize_t)(sizes[i] & ~(size_t)7));
		if (got > 64)
			ck_assert_mem_eq(buffer + 64, "failed with -5, ", (size_t)got - 64);
		mqci_queue_unlink(name);
		mqci_queue_close(&replies);
	}
	end();
}
END_TEST

/* A handler that crashes: the program's own handler must hear of it, as in any thread. */
static int crash(const void *handlers, void *self, uint32_t method, mqc_call *call,
		 const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)handlers, (void)self, (void)method, (void)call, (void)request, (void)reply;
	__builtin_trap();
}

static void on_crash(int signal)
{
	(void)signal;
	_exit(42);
}

static int serve_crashing(void *endpoint)
{
	const mqc_server_options small = {.queue_messages = 4, .queue_size = 512};
	const struct sigaction action = {.sa_handler = on_crash};
	struct host crashing = {0};
	mqc_client *client;

	/* What a trap is differs from one processor to the next. */
	if (sigaction(SIGSEGV, &action, NULL) < 0 || sigaction(SIGILL, &action, NULL) < 0 ||
	    sigaction(SIGTRAP, &action, NULL) < 0 ||
	    mqc_server_open(endpoint, &small, &crashing.server) < 0 ||
	    mqc_server_add(crashing.server, &things_service, crash, NULL, NULL) < 0)
		return 10;
	host_run(&crashing);
	client = support_client(endpoint, 2);
	(void)things_call(client, THINGS_COUNT, 60000, 1, NULL);
	return 11;
}

START_TEST(a_handler_crashes)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	struct peer server;
	int status;

	(void)strcpy(endpoint, support_endpoint());
	status = support_in_child(serve_crashing, endpoint);
	ck_assert_int_eq(status, 42);
	server = peer_start(endpoint, "messages=4 size=512 signals");
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tests = support_case(suite, "answers");

	tcase_add_test(tests, success);
	tcase_add_test(tests, failure);
	tcase_add_test(tests, what_is_not_executed);
	tcase_add_test(tests, one_way_is_never_answered);
	tcase_add_test(tests, tiny_reply_queues);
	tcase_add_test(tests, a_handler_crashes);
	return support_run(suite);
}
