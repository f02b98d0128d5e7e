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

ECHO(strings_by_message, Rt__StringSet)
ECHO(bytes_by_message, Rt__BytesSet)

int serve_texts(mqc_server *server, bool messages)
{
	static const texts_handlers by_function = {
		.strings = strings_by_function,
		.bytes = bytes_by_function,
	};
	static const texts_msg_handlers by_message = {
		.strings = strings_by_message,
		.bytes = bytes_by_message,
	};

	if (messages)
		return texts_serve_msg(server, &by_message, NULL);
	return texts_serve(server, &by_function, NULL);
}
