/*
 * serve_texts.c - the handlers of Text: they answer with what they are asked.
 */
#include "server.h"

#include <string.h>

#include "messages.h"
#include "texts.mqc.h"

static int strings_by_function(void *self, mqc_call *call, const char *one, const char *maybe,
			       const char *const *many, size_t n_many, const char **ret_one,
			       const char **ret_maybe, char ***ret_many, size_t *ret_n_many)
{
	(void)self;
	*ret_one = mqc_call_strdup(call, one);
	*ret_maybe = mqc_call_strdup(call, maybe);
	*ret_many = bytes_copy(call, many, n_many * sizeof *many);
	for (size_t i = 0; i < n_many; i++)
		(*ret_many)[i] = mqc_call_strdup(call, many[i]);
	*ret_n_many = n_many;
	/* What need not be there is there, if empty. */
	return one != NULL ? MQC_OK : mqc_call_fail(call, MQC_INTERNAL, "`one` is NULL");
}

static int bytes_by_function(void *self, mqc_call *call, const uint8_t *one, size_t one_len,
			     const uint8_t *maybe, size_t maybe_len,
			     const ProtobufCBinaryData *many, size_t n_many,
			     const uint8_t **ret_one, size_t *ret_one_len, bool *ret_has_maybe,
			     const uint8_t **ret_maybe, size_t *ret_maybe_len,
			     ProtobufCBinaryData **ret_many, size_t *ret_n_many)
{
	(void)self;
	*ret_one = bytes_copy(call, one, one_len);
	*ret_one_len = one_len;
	*ret_has_maybe = maybe != NULL;
	*ret_maybe = bytes_copy(call, maybe, maybe_len);
	*ret_maybe_len = maybe_len;
	*ret_many = bytes_copy(call, many, n_many * sizeof *many);
	for (size_t i = 0; i < n_many; i++)
		(*ret_many)[i].data = bytes_copy(call, many[i].data, many[i].len);
	*ret_n_many = n_many;
	return MQC_OK;
}

/* The parameters go through the memory of the call: what they point to must still be there. */
struct strings {
	const char *one, *maybe;
	const char *const *many;
	size_t n_many;
};

static int finish_strings(mqc_call *call, const void *what)
{
	const struct strings *in = what;

	return texts_strings_reply(call, in->one, in->maybe, in->many, in->n_many);
}

static int strings_finished(void *self, mqc_call *call, const char *one, const char *maybe,
			    const char *const *many, size_t n_many, const char **ret_one,
			    const char **ret_maybe, char ***ret_many, size_t *ret_n_many)
{
	const struct strings in = {one, maybe, many, n_many};

	UNUSED(self, ret_one, ret_maybe, ret_many, ret_n_many);
	return later(call, finish_strings, bytes_copy(call, &in, sizeof in));
}

struct bytes {
	const uint8_t *one, *maybe;
	size_t one_len, maybe_len;
	const ProtobufCBinaryData *many;
	size_t n_many;
};

static int finish_bytes(mqc_call *call, const void *what)
{
	const struct bytes *in = what;

	return texts_bytes_reply(call, in->one, in->one_len, in->maybe, in->maybe_len, in->many,
				 in->n_many);
}

static int bytes_finished(void *self, mqc_call *call, const uint8_t *one, size_t one_len,
			  const uint8_t *maybe, size_t maybe_len, const ProtobufCBinaryData *many,
			  size_t n_many, const uint8_t **ret_one, size_t *ret_one_len,
			  bool *ret_has_maybe, const uint8_t **ret_maybe, size_t *ret_maybe_len,
			  ProtobufCBinaryData **ret_many, size_t *ret_n_many)
{
	const struct bytes in = {one, maybe, one_len, maybe_len, many, n_many};

	UNUSED(self, ret_one, ret_one_len, ret_has_maybe, ret_maybe, ret_maybe_len, ret_many,
	       ret_n_many);
	return later(call, finish_bytes, bytes_copy(call, &in, sizeof in));
}

ECHO(strings_by_message, Rt__StringSet)
ECHO(bytes_by_message, Rt__BytesSet)

ECHO_LATER(strings_later, Rt__StringSet, texts_strings_reply_msg)
ECHO_LATER(bytes_later, Rt__BytesSet, texts_bytes_reply_msg)

int serve_texts(mqc_server *server, enum form form)
{
	static const texts_handlers by_function = {
		.strings = strings_by_function,
		.bytes = bytes_by_function,
	};
	static const texts_msg_handlers by_message = {
		.strings = strings_by_message,
		.bytes = bytes_by_message,
	};
	static const texts_handlers finished_by_function = {
		.strings = strings_finished,
		.bytes = bytes_finished,
	};
	static const texts_msg_handlers finished_by_message = {
		.strings = strings_later,
		.bytes = bytes_later,
	};

	switch (form) {
	case BY_FUNCTION:
		return texts_serve(server, &by_function, NULL);
	case BY_MESSAGE:
		return texts_serve_msg(server, &by_message, NULL);
	case FINISHED_FUNCTION:
		return texts_serve(server, &finished_by_function, NULL);
	case FINISHED_MESSAGE:
		return texts_serve_msg(server, &finished_by_message, NULL);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
