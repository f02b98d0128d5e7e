/*
 * trial_calls.c - what a client on trial does: open, call, and look at what it got.
 */
#include "trial_calls.h"

#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "support.h"
#include "things.h"

const mqc_client_options trial_options = {
	.reply_messages = 4,
	.reply_size = 1024,
	.timeout_ms = TRIAL_MS,
	.open_timeout_ms = TRIAL_MS,
};

mqc_client *trial_open_client(struct trial *trial, const mqc_client_options *options)
{
	int64_t begun = support_now_ms();
	mqc_client *client = NULL;
	int r;

	r = trial_outcome(trial, "mqc_client_open()",
			  mqc_client_open(trial->endpoint, options, &client), begun, TRIAL_MS);
	if ((client != NULL) != (r == MQC_OK))
		trial_complain(trial, "mqc_client_open() returned %d, and %s client", r,
			       client != NULL ? "a" : "no");
	return client;
}

/* A call that adds 1 to the server's count. */
void trial_count(struct trial *trial, mqc_client *client, int method, const char *what)
{
	int64_t begun = support_now_ms();
	int r;

	r = trial_outcome(trial, what, things_call(client, method, 0, 1, NULL), begun, TRIAL_MS);
	if (r == MQC_OK) {
		atomic_fetch_add(&trial->sure, 1);
		if (things_methods[method].flags & MQC_METHOD_ONEWAY)
			atomic_fetch_add(&trial->oneway, 1);
	} else if (mqc_error_last()->maybe_executed) {
		atomic_fetch_add(&trial->doubtful, 1);
	}
}

void trial_add(struct trial *trial, mqc_client *client)
{
	int64_t begun = support_now_ms(), sum = 0;
	int r;

	r = trial_outcome(trial, "a call", things_add(client, 2, 3, &sum), begun, TRIAL_MS);
	if (r == MQC_OK && sum != 5)
		trial_complain(trial, "2 + 3 is %lld", (long long)sum);
}

/* A reply from malloc(), and a string taken from it. */
void trial_echo(struct trial *trial, mqc_client *client)
{
	static char text[] = "the time is out of joint";
	int64_t begun = support_now_ms();
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	char *taken = NULL;
	int r;

	shapes__text__init(&request);
	request.text = text;
	r = mqc_client_call(client, &things_methods[THINGS_ECHO], NULL, &request.base, NULL,
			    &reply);
	r = trial_outcome(trial, "a call with a text", r, begun, TRIAL_MS);
	if (r < 0) {
		if (reply != NULL)
			trial_complain(trial, "a reply to a call that failed");
		return;
	}
	r = trial_outcome(trial, "mqc_take_string()",
			  mqc_take_string(&((Shapes__Text *)(void *)reply)->text, NULL, &taken),
			  begun, TRIAL_MS);
	if (r == MQC_OK && strcmp(taken, text) != 0)
		trial_complain(trial, "\"%s\" came back as \"%s\"", text, taken);
	free(taken);
	protobuf_c_message_free_unpacked(reply, NULL);
}

void trial_grow(struct trial *trial, mqc_client *client, int64_t size)
{
	int64_t begun = support_now_ms();
	size_t grown = 0;
	int r;

	r = things_grow(client, size, &grown);
	r = trial_outcome(trial, "a call with a large reply", r, begun, TRIAL_MS);
	if (r == MQC_OK && grown != (size_t)size)
		trial_complain(trial, "%zu bytes came instead of %zu", grown, (size_t)size);
}

/* A handler's error comes as it is, if nothing else is in its way. */
void trial_refused(struct trial *trial, mqc_client *client)
{
	int64_t begun = support_now_ms();
	int r = things_call(client, THINGS_FAIL, 0, MQC_OUT_OF_RANGE, NULL);

	if (r == MQC_OUT_OF_RANGE)
		r = MQC_OK;
	(void)trial_outcome(trial, "a call that fails", r, begun, TRIAL_MS);
}

void trial_large(struct trial *trial, mqc_client *client)
{
	static uint8_t data[30000];
	int64_t begun = support_now_ms();
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	int r;

	memset(data, 'x', sizeof data);
	shapes__text__init(&request);
	request.data = (ProtobufCBinaryData){.data = data, .len = sizeof data};
	r = mqc_client_call(client, &things_methods[THINGS_ECHO], NULL, &request.base, NULL,
			    &reply);
	r = trial_outcome(trial, "a call with large payloads", r, begun, TRIAL_MS);
	if (r < 0)
		return;
	if (((Shapes__Text *)(void *)reply)->data.len != sizeof data ||
	    memcmp(((Shapes__Text *)(void *)reply)->data.data, data, sizeof data) != 0)
		trial_complain(trial, "a large payload came back as another");
	protobuf_c_message_free_unpacked(reply, NULL);
}

void trial_carry(struct trial *trial, mqc_client *client)
{
	static const mqc_pair pairs[] = {{"user", "somebody"}, {"trace", "0af7651916cd43dd"}};
	int64_t begun = support_now_ms(), count = 0;
	mqc_pairs *came = NULL;
	int r;

	r = trial_outcome(trial, "a call with metadata",
			  carry_call(client, 0, pairs, 2, &came, &count), begun, TRIAL_MS);
	if (r == MQC_OK && (count != 2 || came == NULL || came->n != 2))
		trial_complain(trial, "metadata was lost");
	free(came);
}

void trial_detail(struct trial *trial, mqc_client *client)
{
	static const mqc_pair pairs[] = {{"detail", "pair"}};
	int64_t begun = support_now_ms();
	ProtobufCMessage *detail = NULL;
	int r;

	r = carry_call(client, MQC_ABORTED, pairs, 1, NULL, NULL);
	if (r != MQC_ABORTED) {
		(void)trial_outcome(trial, "a call that fails with a detail", r, begun, TRIAL_MS);
		return;
	}
	/* Without memory it is left out; or it cannot be unpacked. */
	r = mqc_error_detail(&shapes__pair__descriptor, NULL, &detail);
	if (r != MQC_OK && r != MQC_NOT_FOUND && r != MQC_RESOURCE_EXHAUSTED)
		trial_complain(trial, "mqc_error_detail() returned %s", mqc_status_name(r));
	if ((detail != NULL) != (r == MQC_OK))
		trial_complain(trial, "mqc_error_detail() returned %d, and %s detail", r,
			       detail != NULL ? "a" : "no");
	if (mqc_error_last()->status != MQC_ABORTED)
		trial_complain(trial, "mqc_error_detail() changed the last error");
	if (detail != NULL)
		protobuf_c_message_free_unpacked(detail, NULL);
}

void trial_deferred(struct trial *trial, mqc_client *client, int64_t ms)
{
	int64_t begun = support_now_ms(), value = -1;
	int r;

	r = trial_outcome(trial, "a call that is answered later",
			  things_call(client, THINGS_DEFER, 0, ms, &value), begun, TRIAL_MS);
	if (r == MQC_OK && value != ms)
		trial_complain(trial, "the wrong answer from later");
}

static int call_number(mqc_client *client, const mqc_method *method,
		       const mqc_call_options *options, int64_t value)
{
	Shapes__Number request;
	ProtobufCMessage *reply;
	mqc_scratch scratch;
	int r;

	shapes__number__init(&request);
	request.value = value;
	mqc_scratch_init(&scratch);
	r = mqc_client_call(client, method, options, &request.base, &scratch.allocator, &reply);
	mqc_scratch_done(&scratch);
	return r;
}

void trial_cancelled(struct trial *trial, mqc_client *client)
{
	mqc_call_options options = {0};
	int64_t begun = support_now_ms();
	int r;

	r = trial_outcome(trial, "mqc_cancel_new()", mqc_cancel_new(&options.cancel), begun, 0);
	if (r < 0)
		return;
	mqc_cancel_request(options.cancel);
	r = call_number(client, &things_methods[THINGS_WAIT], &options, 60000);
	if (r == MQC_CANCELLED)
		r = MQC_OK;
	(void)trial_outcome(trial, "a call that is cancelled", r, begun, TRIAL_MS);
	options.cancel = mqc_cancel_free(options.cancel);
}

static mqc_method methods_with_lane[THINGS_METHODS];

const mqc_service *trial_service_with_lane(void)
{
	static mqc_service service;

	memcpy(methods_with_lane, things_methods, sizeof methods_with_lane);
	methods_with_lane[THINGS_COUNT].lane = 1;
	methods_with_lane[THINGS_COUNT].priority = 7;
	service = things_service;
	service.methods = methods_with_lane;
	return &service;
}

void trial_count_in_lane(struct trial *trial, mqc_client *client)
{
	const mqc_method *method = &trial_service_with_lane()->methods[THINGS_COUNT];
	int64_t begun = support_now_ms();
	int r;

	r = trial_outcome(trial, "a call in a lane", call_number(client, method, NULL, 1), begun,
			  TRIAL_MS);
	if (r == MQC_OK)
		atomic_fetch_add(&trial->sure, 1);
	else if (mqc_error_last()->maybe_executed)
		atomic_fetch_add(&trial->doubtful, 1);
}

/* With everything well again: a new client of the same process works. */
void trial_call_well(struct trial *trial)
{
	const mqc_client_options patient = {.reply_messages = 2,
					    .reply_size = 1024,
					    .wait_for_server = true,
					    .timeout_ms = 60000,
					    .open_timeout_ms = 60000};
	mqc_client *client = NULL;
	int64_t sum = 0;

	if (mqc_client_open(trial->endpoint, &patient, &client) < 0 ||
	    things_add(client, 20, 3, &sum) < 0 || sum != 23)
		trial_complain(trial, "then, with all well again: %s", mqc_error_last()->text);
	mqc_client_close(client);
}
