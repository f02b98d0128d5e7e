/*
 * forge.c - speaking the protocol by hand: what no client of the library would send.
 */
#include "forge.h"

#include <string.h>
#include <unistd.h>

#include "support.h"
#include "things.h"

#define NONCE UINT64_C(0xabcdef)

void forger_open(struct forger *forger, const char *endpoint, unsigned number, size_t messages)
{
	char name[MQCI_NAME_SIZE];
	uint64_t process;

	memset(forger, 0, sizeof *forger);
	support_ok(mqci_process_self(&process));
	forger->session = mqci_party_make(process, number);
	mqci_name_replies(forger->session, name);
	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &forger->requests));
	/* Servers of other users are to answer, too. */
	support_ok(
		mqci_queue_create(name, messages, sizeof forger->received, 0622, &forger->replies));
	support_ok(mqci_queue_never_block(&forger->replies));
}

void forger_join(struct forger *forger, const char *endpoint, unsigned number, size_t messages)
{
	forger_open(forger, endpoint, number, messages);
	ck_assert(forger_greet(forger, 60000));
}

bool forger_greet(struct forger *forger, int ms)
{
	const mqci_hello hello = {.reply_size = sizeof forger->received};
	mqci_welcome welcome;
	mqci_frame frame;

	forger_send(forger, (mqci_frame){
				    .type = MQCI_HELLO,
				    .key = NONCE,
				    .call = 1,
				    .payload = (const uint8_t *)&hello,
				    .size = sizeof hello,
			    });
	if (!forger_receive(forger, ms, &frame))
		return false;
	ck_assert_int_eq(frame.type, MQCI_WELCOME);
	ck_assert_uint_eq(frame.key, NONCE);
	ck_assert_uint_eq(frame.call, 1);
	ck_assert_uint_eq(mqci_frame_payload(&frame, &welcome, sizeof welcome, sizeof welcome),
			  sizeof welcome);
	forger->key = welcome.key;
	return true;
}

void forger_close(struct forger *forger)
{
	ck_assert(mqci_queue_unlink(forger->replies.name));
	mqci_queue_close(&forger->replies);
	mqci_queue_close(&forger->requests);
}

void forger_send_bytes(const struct forger *forger, const void *bytes, size_t size)
{
	int r;

	while ((r = mqci_queue_send(&forger->requests, bytes, size, 0)) == 0)
		support_sleep_ms(1);
	ck_assert_int_eq(r, 1);
}

void forger_send(const struct forger *forger, mqci_frame frame)
{
	uint8_t message[1024];

	if (frame.session == 0)
		frame.session = forger->session;
	if (frame.key == 0)
		frame.key = forger->key;
	forger_send_bytes(forger, message, mqci_frame_encode(&frame, message));
}

size_t forger_number(int64_t number, uint8_t *to)
{
	Shapes__Number request;

	shapes__number__init(&request);
	request.value = number;
	return shapes__number__pack(&request, to);
}

uint64_t forger_count(struct forger *forger, int64_t number)
{
	uint8_t payload[16];
	size_t size = forger_number(number, payload);
	uint64_t call = ++forger->calls << 16;

	forger_send(forger, (mqci_frame){
				    .type = MQCI_REQUEST,
				    .call = call,
				    .code = things_methods[THINGS_COUNT].id,
				    .deadline = INT64_MAX,
				    .payload = payload,
				    .size = size,
			    });
	return call;
}

void forger_add(struct forger *forger, int method, int64_t number, uint8_t *message, size_t *size)
{
	uint8_t payload[16];
	const mqci_frame frame = {
		.type = MQCI_REQUEST,
		.cpu = MQCI_CPU_UNKNOWN,
		.session = forger->session,
		.key = forger->key,
		.call = ++forger->calls << 16,
		.code = things_methods[method].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = forger_number(number, payload),
	};

	*size += mqci_frame_encode(&frame, message + *size);
}

static bool receive_message(struct forger *forger, int ms)
{
	int64_t until = support_now_ms() + ms;
	ssize_t size;

	while ((size = mqci_queue_receive(&forger->replies, forger->received,
					  sizeof forger->received)) == 0) {
		if (support_now_ms() >= until)
			return false;
		support_sleep_ms(1);
	}
	ck_assert_int_gt(size, 0);
	forger->rest = forger->received;
	forger->rest_size = (size_t)size;
	forger->messages++;
	return true;
}

bool forger_receive(struct forger *forger, int ms, mqci_frame *ret_frame)
{
	if (forger->rest_size == 0 && !receive_message(forger, ms))
		return false;
	ck_assert_int_eq(mqci_frame_decode(&forger->rest, &forger->rest_size, ret_frame),
			 MQCI_FRAME_OK);
	return true;
}
