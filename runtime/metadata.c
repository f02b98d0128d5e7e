/*
 * metadata.c - what travels with a call beside its messages: metadata, and the detail of a status.
 *
 * Calls without any never come here. What comes with a request is copied to
 * memory of the call, as the message that it lies in does not live as long.
 * What a handler gives is kept there in a list, and written into the answer.
 */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "error.h"

/* One pair that a handler gives. */
struct given {
	mqci_extra pair;
	struct given *next;
};

struct mqci_enclosed {
	struct given *first;
	struct given **end; /* where the next one goes */
	size_t n_pairs;
	size_t pairs_space; /* of their entries */
	mqci_extra detail;  /* its key is NULL where there is none */
};

/* ------------------------------------------------------- pairs of a block -- */

static size_t pairs_space(const mqci_extras *extras)
{
	return sizeof(mqc_pairs) + extras->n_pairs * (sizeof(mqc_pair) + 2) + extras->pairs_size;
}

/* Append bytes and a zero at *at, of which there are *left. NULL where that is not enough. */
static const char *put_string(char **at, size_t *left, const void *bytes, size_t size)
{
	char *string = *at;

	if (size >= *left)
		return NULL;
	if (size > 0)
		memcpy(string, bytes, size);
	string[size] = '\0';
	*at += size + 1;
	*left -= size + 1;
	return string;
}

/*
 * Write the pairs of a block, with their strings behind them, to pairs_space().
 * The block may lie where its writer can still reach it: room is looked after.
 */
static mqc_pairs *read_pairs(const mqci_extras *extras, void *memory)
{
	mqc_pairs *pairs = memory;
	mqc_pair *pair = (mqc_pair *)(void *)(pairs + 1);
	char *strings = (char *)(pair + extras->n_pairs);
	size_t left = extras->pairs_size + 2 * extras->n_pairs, at = 0;
	mqci_extra extra;

	*pairs = (mqc_pairs){.pairs = pair};
	while (pairs->n < extras->n_pairs && mqci_extras_next(extras, &at, &extra)) {
		if (extra.kind != MQCI_PAIR)
			continue;
		pair->key = put_string(&strings, &left, extra.key, extra.key_size);
		pair->value = put_string(&strings, &left, extra.value, extra.value_size);
		if (pair->key == NULL || pair->value == NULL)
			break;
		pair++;
		pairs->n++;
	}
	return pairs;
}

/* --------------------------------------------------------------- callers -- */

int mqci_metadata_measure(const mqc_pair *pairs, size_t n, size_t *ret_size)
{
	size_t entries = 0;
	mqci_extra pair;
	int r;

	if (n > MQCI_PAIRS_MAX)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a call with %zu pairs of metadata is not possible: it can have "
				 "%d",
				 n, MQCI_PAIRS_MAX);
	if (n > 0 && pairs == NULL)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a call is to have %zu pairs of metadata, but metadata is NULL",
				 n);
	for (size_t i = 0; i < n; i++) {
		r = mqci_extras_pair(pairs[i].key, pairs[i].value, &pair);
		if (r < 0)
			return r;
		entries += mqci_extra_space(&pair);
	}
	*ret_size = mqci_extras_space(entries);
	return MQC_OK;
}

void mqci_metadata_pack(const mqc_pair *pairs, size_t n, uint8_t *block)
{
	uint8_t *end = block + MQCI_EXTRAS_HEAD;

	for (size_t i = 0; i < n; i++) {
		const mqci_extra pair = {
			.kind = MQCI_PAIR,
			.key = pairs[i].key,
			.key_size = strlen(pairs[i].key),
			.value = (const uint8_t *)pairs[i].value,
			.value_size = strlen(pairs[i].value),
		};

		end = mqci_extras_put(end, &pair);
	}
	(void)mqci_extras_close(block, end);
}

int mqci_metadata_take(const char *method, mqci_frame *reply, mqc_pairs **ret_pairs,
		       mqci_extra *ret_detail)
{
	mqci_extras extras;
	void *memory;

	if (!mqci_extras_decode(reply->payload, reply->size, &extras)) {
		(void)mqci_fail(MQC_INTERNAL, 0,
				"the reply of %s comes with metadata that makes no sense", method);
		return mqci_maybe_executed();
	}
	if (ret_pairs != NULL && extras.n_pairs > 0) {
		memory = malloc(pairs_space(&extras));
		if (memory == NULL) {
			(void)mqci_no_memory("the metadata of a reply");
			return mqci_maybe_executed();
		}
		*ret_pairs = read_pairs(&extras, memory);
	}
	reply->payload += extras.size;
	reply->size -= extras.size;
	*ret_detail = extras.detail;
	return MQC_OK;
}

/* --------------------------------------------------------------- servers -- */

int mqci_metadata_receive(mqc_call *call, mqci_frame *request)
{
	mqci_extras extras;
	void *memory;

	if (!mqci_extras_decode(request->payload, request->size, &extras))
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "the request of %s comes with metadata that makes no sense",
				     call->method->name);
	if (extras.n_pairs > 0) {
		memory = mqc_call_alloc(call, pairs_space(&extras));
		if (memory == NULL)
			return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
					     "the server has no memory left for the metadata of "
					     "a request of %s",
					     call->method->name);
		call->metadata = read_pairs(&extras, memory);
	}
	request->payload += extras.size;
	request->size -= extras.size;
	return MQC_OK;
}

const mqc_pair *mqc_call_pairs(const mqc_call *call, size_t *ret_n)
{
	*ret_n = call->metadata != NULL ? call->metadata->n : 0;
	return call->metadata != NULL ? call->metadata->pairs : NULL;
}

const char *mqc_call_metadata(const mqc_call *call, const char *key)
{
	const mqc_pair *pairs;
	size_t n;

	pairs = mqc_call_pairs(call, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(pairs[i].key, key) == 0)
			return pairs[i].value;
	return NULL;
}

/* What the handler has given already; NULL where there is no memory for that. */
static mqci_enclosed *enclosed_of(mqc_call *call)
{
	if (call->enclosed == NULL) {
		call->enclosed = mqc_call_alloc(call, sizeof *call->enclosed);
		if (call->enclosed != NULL)
			call->enclosed->end = &call->enclosed->first;
	}
	return call->enclosed;
}

/* A pair of the handler's, with its strings behind it. */
static struct given *keep_pair(mqc_call *call, const mqci_extra *pair)
{
	struct given *given;
	char *strings;

	given = mqc_call_alloc(call, sizeof *given + pair->key_size + pair->value_size);
	if (given == NULL)
		return NULL;
	strings = (char *)(given + 1);
	given->pair = *pair;
	given->pair.key = memcpy(strings, pair->key, pair->key_size);
	given->pair.value = memcpy(strings + pair->key_size, pair->value, pair->value_size);
	return given;
}

int mqc_call_add_metadata(mqc_call *call, const char *key, const char *value)
{
	mqci_enclosed *enclosed;
	struct given *given;
	mqci_extra pair;
	int r;

	r = mqci_extras_pair(key, value, &pair);
	if (r < 0)
		return r;
	enclosed = enclosed_of(call);
	if (enclosed != NULL && enclosed->n_pairs == MQCI_PAIRS_MAX)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "the answer of %s has %d pairs of metadata already, and cannot "
				 "have more",
				 call->method->name, MQCI_PAIRS_MAX);
	given = enclosed != NULL ? keep_pair(call, &pair) : NULL;
	if (given == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	*enclosed->end = given;
	enclosed->end = &given->next;
	enclosed->n_pairs++;
	enclosed->pairs_space += mqci_extra_space(&pair);
	return MQC_OK;
}

static int add_detail(mqc_call *call, const ProtobufCMessage *detail)
{
	const char *type = detail->descriptor->name;
	mqci_enclosed *enclosed;
	mqci_extra extra;
	uint8_t *packed;
	int r;

	if (!protobuf_c_message_check(detail))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a detail of type %s lacks a required field, or has an element "
				 "that is NULL; the error of %s goes without it",
				 type, call->method->name);
	r = mqci_extras_detail(type, NULL, protobuf_c_message_get_packed_size(detail), &extra);
	if (r < 0)
		return r;
	enclosed = enclosed_of(call);
	packed = enclosed != NULL ? mqc_call_alloc(call, extra.value_size) : NULL;
	if (packed == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	(void)protobuf_c_message_pack(detail, packed);
	extra.value = packed;
	enclosed->detail = extra;
	return MQC_OK;
}

int mqc_call_fail_with(mqc_call *call, int status, const ProtobufCMessage *detail,
		       const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	mqci_call_say(call, format, arguments);
	va_end(arguments);
	/* Without what is best of it an error is still an error; why, the handler can look up. */
	if (detail != NULL)
		(void)add_detail(call, detail);
	return status;
}

void mqci_metadata_drop_detail(mqc_call *call)
{
	if (call->enclosed != NULL)
		call->enclosed->detail = (mqci_extra){0};
}

static size_t enclosed_space(const mqci_enclosed *enclosed)
{
	size_t entries = enclosed->pairs_space;

	if (enclosed->detail.key != NULL)
		entries += mqci_extra_space(&enclosed->detail);
	return mqci_extras_space(entries);
}

size_t mqci_metadata_of_reply(mqc_call *call)
{
	if (call->enclosed == NULL)
		return 0;
	mqci_metadata_drop_detail(call);
	return enclosed_space(call->enclosed);
}

size_t mqci_metadata_of_error(mqc_call *call, size_t room)
{
	if (call->enclosed == NULL)
		return 0;
	if (enclosed_space(call->enclosed) > room)
		mqci_metadata_drop_detail(call);
	if (enclosed_space(call->enclosed) > room)
		call->enclosed = NULL;
	return call->enclosed != NULL ? enclosed_space(call->enclosed) : 0;
}

void mqci_metadata_write(const mqc_call *call, uint8_t *block)
{
	const mqci_enclosed *enclosed = call->enclosed;
	uint8_t *end = block + MQCI_EXTRAS_HEAD;

	if (enclosed == NULL || enclosed_space(enclosed) == 0)
		return;
	for (const struct given *given = enclosed->first; given != NULL; given = given->next)
		end = mqci_extras_put(end, &given->pair);
	if (enclosed->detail.key != NULL)
		end = mqci_extras_put(end, &enclosed->detail);
	(void)mqci_extras_close(block, end);
}
