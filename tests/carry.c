/*
 * carry.c - THINGS_CARRY, the method for tests of metadata and details, and how to call it.
 */
#include "carry.h"

#include <stdlib.h>
#include <string.h>

#include "things.h"

static int number_in(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static int fail_with_pair(mqc_call *call, int status, int32_t a)
{
	Shapes__Pair detail;

	shapes__pair__init(&detail);
	detail.a = a;
	detail.b = status;
	return mqc_call_fail_with(call, status, &detail.base, "failed with a pair, %d", status);
}

static int fail_with_text(mqc_call *call, int status, size_t size)
{
	Shapes__Text detail;

	shapes__text__init(&detail);
	detail.text = mqc_call_alloc(call, size + 1);
	if (detail.text == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	memset(detail.text, 'x', size);
	return mqc_call_fail_with(call, status, &detail.base, "failed with %zu bytes", size);
}

static int fail(mqc_call *call, int status, size_t n)
{
	const char *kind = mqc_call_metadata(call, "detail");
	Shapes__Number number;

	shapes__number__init(&number);
	if (kind == NULL)
		return mqc_call_fail(call, status, "failed without a detail, %d", status);
	if (strcmp(kind, "pair") == 0)
		return fail_with_pair(call, status, (int32_t)n);
	if (strcmp(kind, "number") != 0)
		return fail_with_text(call, status, (size_t)number_in(kind));
	number.value = (int64_t)n;
	return mqc_call_fail_with(call, status, &number.base, "failed with a number, %d", status);
}

/* Call another endpoint, and fail as it does if that comes with a pair. */
static int call_nested(mqc_call *call, const char *endpoint)
{
	const mqc_pair inner[] = {{"from", "nested"}, {"detail", "pair"}};
	mqc_client *client = NULL;
	ProtobufCMessage *detail;
	int64_t count = 0;
	int r, added;

	r = mqc_client_open(endpoint, NULL, &client);
	if (r < 0)
		return mqc_call_fail(call, r, "%s", mqc_error_last()->text);
	r = carry_call(client, MQC_ABORTED, inner, 2, NULL, &count);
	added = mqc_call_add_metadata(call, "inner", mqc_status_name(r));
	if (added == MQC_OK &&
	    mqc_error_detail(&shapes__pair__descriptor, NULL, &detail) == MQC_OK) {
		r = mqc_call_fail_with(call, r, detail, "passed on: %s", mqc_error_last()->text);
		protobuf_c_message_free_unpacked(detail, NULL);
	}
	(void)mqc_client_close(client);
	return added < 0 ? added : r;
}

int carry(mqc_call *call, int64_t value, Shapes__Number *reply)
{
	const char *more = mqc_call_metadata(call, "more");
	const char *nested = mqc_call_metadata(call, "nested");
	const mqc_pair *pairs;
	size_t n;
	int r = MQC_OK;

	pairs = mqc_call_pairs(call, &n);
	for (size_t i = 0; i < n && r == MQC_OK; i++)
		r = mqc_call_add_metadata(call, pairs[i].key, pairs[i].value);
	for (int i = 0; r == MQC_OK && more != NULL && i < number_in(more); i++)
		r = mqc_call_add_metadata(call, "more", "");
	if (r < 0)
		return mqc_call_fail(call, r, "%s", mqc_error_last()->text);
	if (nested != NULL)
		return call_nested(call, nested);
	if (value < 0)
		return fail(call, (int)value, n);
	reply->value = (int64_t)n;
	return MQC_OK;
}

int carry_call(mqc_client *client, int64_t value, const mqc_pair *pairs, size_t n,
	       mqc_pairs **ret_pairs, int64_t *ret_value)
{
	const mqc_call_options options = {
		.metadata = pairs, .n_metadata = n, .ret_metadata = ret_pairs};
	Shapes__Number request;
	ProtobufCMessage *reply;
	mqc_scratch scratch;
	int r;

	shapes__number__init(&request);
	request.value = value;
	mqc_scratch_init(&scratch);
	r = mqc_client_call(client, &things_methods[THINGS_CARRY], &options, &request.base,
			    &scratch.allocator, &reply);
	if (r == MQC_OK && ret_value != NULL)
		*ret_value = ((const Shapes__Number *)(const void *)reply)->value;
	mqc_scratch_done(&scratch);
	return r;
}
