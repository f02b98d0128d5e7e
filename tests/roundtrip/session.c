/*
 * session.c - a test's server process and its client; the messages that go between them.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

#define POISON 0xa5

static struct peer server;

bool stubs_start;
mqc_pending *stub_pending;

mqc_client *session_begin(int kind)
{
	const mqc_client_options options = {
		.reply_messages = 2,
		.reply_size = 8192,
		.open_timeout_ms = 60000,
		.timeout_ms = 60000,
	};
	static const char *const forms[SESSION_KINDS] = {"0", "1", "2", "3"};
	const char *endpoint = support_endpoint();
	mqc_client *client = NULL;

	server = peer_start(endpoint, forms[kind]);
	support_ok(mqc_client_open(endpoint, &options, &client));
	return client;
}

void session_end(mqc_client *client)
{
	ck_assert_ptr_null(mqc_client_close(client));
	peer_stop(&server);
}

/* ------------------------------------------------------------- samples -- */

ProtobufCMessage *sample_empty(const struct method *method)
{
	ProtobufCMessage *message = malloc(method->type->sizeof_message);

	ck_assert_ptr_nonnull(message);
	protobuf_c_message_init(method->type, message);
	return message;
}

ProtobufCMessage *sample_make(const struct method *method, size_t sample)
{
	ProtobufCMessage *message = sample_empty(method);

	if (method->make != NULL)
		method->make(sample, message);
	else
		memcpy(message, method->samples[sample], method->type->sizeof_message);
	return message;
}

/* The poison begins behind what is not the stub's. */
ProtobufCMessage *reply_poisoned(const struct method *method)
{
	ProtobufCMessage *reply = sample_empty(method);

	memset(reply + 1, POISON, method->type->sizeof_message - sizeof *reply);
	return reply;
}

bool reply_is_poisoned(const ProtobufCMessage *reply)
{
	const uint8_t *bytes = (const uint8_t *)reply;

	for (size_t i = sizeof *reply; i < reply->descriptor->sizeof_message; i++) {
		if (bytes[i] != POISON)
			return false;
	}
	return true;
}

/* No assertion of Check's here: it takes memory, of which there may be none. */
void unwrap(ProtobufCMessage *reply, ProtobufCMessage *came)
{
	if (came->descriptor != reply->descriptor)
		abort();
	memcpy(reply, came, came->descriptor->sizeof_message);
	free(came);
}
