/*
 * serve_legacy.c - the handlers of Legacy: they answer with what they are asked.
 */
#include "server.h"

#include "legacy.mqc.h"
#include "messages.h"

static int required_by_function(void *self, mqc_call *call, double number, int64_t whole, bool flag,
				Rt__Legacy__Level level, const char *text, const uint8_t *data,
				size_t data_len, const Rt__Legacy__Part *part, double *ret_number,
				int64_t *ret_whole, bool *ret_flag, Rt__Legacy__Level *ret_level,
				const char **ret_text, const uint8_t **ret_data,
				size_t *ret_data_len, Rt__Legacy__Part **ret_part)
{
	(void)self;
	*ret_number = number;
	*ret_whole = whole;
	*ret_flag = flag;
	*ret_level = level;
	*ret_text = mqc_call_strdup(call, text);
	*ret_data = bytes_copy(call, data, data_len);
	*ret_data_len = data_len;
	*ret_part = message_copy(call, part);
	return MQC_OK;
}

/* Hand out what is behind a pointer, if there is anything. */
#define GIVE(name)                                                                                 \
	do {                                                                                       \
		*ret_has_##name = (name) != NULL;                                                  \
		if ((name) != NULL)                                                                \
			*ret_##name = *(name);                                                     \
	} while (0)

static int optional_by_function(void *self, mqc_call *call, const double *number,
				const int64_t *whole, const bool *flag,
				const Rt__Legacy__Level *level, const char *text,
				const uint8_t *data, size_t data_len, const Rt__Legacy__Part *part,
				bool *ret_has_number, double *ret_number, bool *ret_has_whole,
				int64_t *ret_whole, bool *ret_has_flag, bool *ret_flag,
				bool *ret_has_level, Rt__Legacy__Level *ret_level,
				const char **ret_text, bool *ret_has_data, const uint8_t **ret_data,
				size_t *ret_data_len, Rt__Legacy__Part **ret_part)
{
	(void)self;
	GIVE(number);
	GIVE(whole);
	GIVE(flag);
	GIVE(level);
	*ret_text = mqc_call_strdup(call, text);
	*ret_has_data = data != NULL;
	*ret_data = bytes_copy(call, data, data_len);
	*ret_data_len = data_len;
	*ret_part = message_copy(call, part);
	return MQC_OK;
}

static int default_by_function(void *self, mqc_call *call, const double *number,
			       const int64_t *whole, const uint64_t *natural, const bool *flag,
			       const Rt__Legacy__Level *level, const char *text,
			       const uint8_t *data, size_t data_len, bool *ret_has_number,
			       double *ret_number, bool *ret_has_whole, int64_t *ret_whole,
			       bool *ret_has_natural, uint64_t *ret_natural, bool *ret_has_flag,
			       bool *ret_flag, bool *ret_has_level, Rt__Legacy__Level *ret_level,
			       const char **ret_text, bool *ret_has_data, const uint8_t **ret_data,
			       size_t *ret_data_len)
{
	(void)self;
	GIVE(number);
	GIVE(whole);
	GIVE(natural);
	GIVE(flag);
	GIVE(level);
	*ret_text = mqc_call_strdup(call, text);
	*ret_has_data = data != NULL;
	*ret_data = bytes_copy(call, data, data_len);
	*ret_data_len = data_len;
	return MQC_OK;
}

static int certain_by_function(void *self, mqc_call *call, float number, int32_t whole, bool flag,
			       Rt__Legacy__Level level, const char *text, const uint8_t *data,
			       size_t data_len, float *ret_number, int32_t *ret_whole,
			       bool *ret_flag, Rt__Legacy__Level *ret_level, const char **ret_text,
			       const uint8_t **ret_data, size_t *ret_data_len)
{
	(void)self;
	*ret_number = number;
	*ret_whole = whole;
	*ret_flag = flag;
	*ret_level = level;
	*ret_text = mqc_call_strdup(call, text);
	*ret_data = bytes_copy(call, data, data_len);
	*ret_data_len = data_len;
	return MQC_OK;
}

static int
repeated_by_function(void *self, mqc_call *call, const double *numbers, size_t n_numbers,
		     const int64_t *wholes, size_t n_wholes, const protobuf_c_boolean *flags,
		     size_t n_flags, const Rt__Legacy__Level *levels, size_t n_levels,
		     const char *const *texts, size_t n_texts, const ProtobufCBinaryData *data,
		     size_t n_data, const Rt__Legacy__Part *const *parts, size_t n_parts,
		     double **ret_numbers, size_t *ret_n_numbers, int64_t **ret_wholes,
		     size_t *ret_n_wholes, protobuf_c_boolean **ret_flags, size_t *ret_n_flags,
		     Rt__Legacy__Level **ret_levels, size_t *ret_n_levels, char ***ret_texts,
		     size_t *ret_n_texts, ProtobufCBinaryData **ret_data, size_t *ret_n_data,
		     Rt__Legacy__Part ***ret_parts, size_t *ret_n_parts)
{
	(void)self;
	*ret_numbers = bytes_copy(call, numbers, n_numbers * sizeof *numbers);
	*ret_n_numbers = n_numbers;
	*ret_wholes = bytes_copy(call, wholes, n_wholes * sizeof *wholes);
	*ret_n_wholes = n_wholes;
	*ret_flags = bytes_copy(call, flags, n_flags * sizeof *flags);
	*ret_n_flags = n_flags;
	*ret_levels = bytes_copy(call, levels, n_levels * sizeof *levels);
	*ret_n_levels = n_levels;
	*ret_texts = bytes_copy(call, texts, n_texts * sizeof *texts);
	for (size_t i = 0; i < n_texts; i++)
		(*ret_texts)[i] = mqc_call_strdup(call, texts[i]);
	*ret_n_texts = n_texts;
	*ret_data = bytes_copy(call, data, n_data * sizeof *data);
	for (size_t i = 0; i < n_data; i++)
		(*ret_data)[i].data = bytes_copy(call, data[i].data, data[i].len);
	*ret_n_data = n_data;
	*ret_parts = messages_copy(call, parts, n_parts);
	*ret_n_parts = n_parts;
	return MQC_OK;
}

static int untouched_by_function(void *self, mqc_call *call, float *ret_number, int32_t *ret_whole,
				 bool *ret_flag, Rt__Legacy__Level *ret_level,
				 const char **ret_text, const uint8_t **ret_data,
				 size_t *ret_data_len)
{
	(void)self;
	(void)call;
	(void)ret_number;
	(void)ret_whole;
	(void)ret_flag;
	(void)ret_level;
	(void)ret_text;
	(void)ret_data;
	(void)ret_data_len;
	return MQC_OK;
}

static int untouched_by_message(void *self, mqc_call *call, Rt__Legacy__CertainSet *reply)
{
	(void)self;
	(void)call;
	(void)reply;
	return MQC_OK;
}

/* Answered even before the handler returns. */
static int required_finished(void *self, mqc_call *call, double number, int64_t whole, bool flag,
			     Rt__Legacy__Level level, const char *text, const uint8_t *data,
			     size_t data_len, const Rt__Legacy__Part *part, double *ret_number,
			     int64_t *ret_whole, bool *ret_flag, Rt__Legacy__Level *ret_level,
			     const char **ret_text, const uint8_t **ret_data, size_t *ret_data_len,
			     Rt__Legacy__Part **ret_part)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_whole, ret_flag, ret_level, ret_text, ret_data, ret_data_len,
	       ret_part);
	return r < 0 ? r
		     : legacy_required_reply(call, number, whole, flag, level, text, data, data_len,
					     part);
}

static int optional_finished(void *self, mqc_call *call, const double *number, const int64_t *whole,
			     const bool *flag, const Rt__Legacy__Level *level, const char *text,
			     const uint8_t *data, size_t data_len, const Rt__Legacy__Part *part,
			     bool *ret_has_number, double *ret_number, bool *ret_has_whole,
			     int64_t *ret_whole, bool *ret_has_flag, bool *ret_flag,
			     bool *ret_has_level, Rt__Legacy__Level *ret_level,
			     const char **ret_text, bool *ret_has_data, const uint8_t **ret_data,
			     size_t *ret_data_len, Rt__Legacy__Part **ret_part)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_has_number, ret_number, ret_has_whole, ret_whole, ret_has_flag, ret_flag,
	       ret_has_level, ret_level, ret_text, ret_has_data, ret_data, ret_data_len, ret_part);
	return r < 0 ? r
		     : legacy_optional_reply(call, number, whole, flag, level, text, data, data_len,
					     part);
}

static int default_finished(void *self, mqc_call *call, const double *number, const int64_t *whole,
			    const uint64_t *natural, const bool *flag,
			    const Rt__Legacy__Level *level, const char *text, const uint8_t *data,
			    size_t data_len, bool *ret_has_number, double *ret_number,
			    bool *ret_has_whole, int64_t *ret_whole, bool *ret_has_natural,
			    uint64_t *ret_natural, bool *ret_has_flag, bool *ret_flag,
			    bool *ret_has_level, Rt__Legacy__Level *ret_level,
			    const char **ret_text, bool *ret_has_data, const uint8_t **ret_data,
			    size_t *ret_data_len)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_has_number, ret_number, ret_has_whole, ret_whole, ret_has_natural,
	       ret_natural, ret_has_flag, ret_flag, ret_has_level, ret_level, ret_text,
	       ret_has_data, ret_data, ret_data_len);
	return r < 0 ? r
		     : legacy_default_reply(call, number, whole, natural, flag, level, text, data,
					    data_len);
}

static int certain_finished(void *self, mqc_call *call, float number, int32_t whole, bool flag,
			    Rt__Legacy__Level level, const char *text, const uint8_t *data,
			    size_t data_len, float *ret_number, int32_t *ret_whole, bool *ret_flag,
			    Rt__Legacy__Level *ret_level, const char **ret_text,
			    const uint8_t **ret_data, size_t *ret_data_len)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_whole, ret_flag, ret_level, ret_text, ret_data, ret_data_len);
	return r < 0 ? r
		     : legacy_certain_reply(call, number, whole, flag, level, text, data, data_len);
}

static int
repeated_finished(void *self, mqc_call *call, const double *numbers, size_t n_numbers,
		  const int64_t *wholes, size_t n_wholes, const protobuf_c_boolean *flags,
		  size_t n_flags, const Rt__Legacy__Level *levels, size_t n_levels,
		  const char *const *texts, size_t n_texts, const ProtobufCBinaryData *data,
		  size_t n_data, const Rt__Legacy__Part *const *parts, size_t n_parts,
		  double **ret_numbers, size_t *ret_n_numbers, int64_t **ret_wholes,
		  size_t *ret_n_wholes, protobuf_c_boolean **ret_flags, size_t *ret_n_flags,
		  Rt__Legacy__Level **ret_levels, size_t *ret_n_levels, char ***ret_texts,
		  size_t *ret_n_texts, ProtobufCBinaryData **ret_data, size_t *ret_n_data,
		  Rt__Legacy__Part ***ret_parts, size_t *ret_n_parts)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_numbers, ret_n_numbers, ret_wholes, ret_n_wholes, ret_flags, ret_n_flags,
	       ret_levels, ret_n_levels, ret_texts, ret_n_texts, ret_data, ret_n_data, ret_parts,
	       ret_n_parts);
	return r < 0 ? r
		     : legacy_repeated_reply(call, numbers, n_numbers, wholes, n_wholes, flags,
					     n_flags, levels, n_levels, texts, n_texts, data,
					     n_data, parts, n_parts);
}

static int untouched_finished(void *self, mqc_call *call, float *ret_number, int32_t *ret_whole,
			      bool *ret_flag, Rt__Legacy__Level *ret_level, const char **ret_text,
			      const uint8_t **ret_data, size_t *ret_data_len)
{
	static const uint8_t data[] = {0, 'd', 'a', 't', 'a'};
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_whole, ret_flag, ret_level, ret_text, ret_data, ret_data_len);
	return r < 0 ? r
		     : legacy_untouched_reply(call, 1.5F, INT32_MIN, true, RT__LEGACY__LEVEL__HIGH,
					      "text", data, sizeof data);
}

static int finish_untouched(mqc_call *call, const void *unused)
{
	Rt__Legacy__CertainSet reply;

	(void)unused;
	rt__legacy__certain_set__init(&reply);
	return legacy_untouched_reply_msg(call, &reply);
}

static int untouched_later(void *self, mqc_call *call, Rt__Legacy__CertainSet *reply)
{
	UNUSED(self, reply);
	return later(call, finish_untouched, NULL);
}

ECHO(required_by_message, Rt__Legacy__RequiredSet)
ECHO(optional_by_message, Rt__Legacy__OptionalSet)
ECHO(default_by_message, Rt__Legacy__DefaultSet)
ECHO(certain_by_message, Rt__Legacy__CertainSet)
ECHO(repeated_by_message, Rt__Legacy__RepeatedSet)

ECHO_LATER(required_later, Rt__Legacy__RequiredSet, legacy_required_reply_msg)
ECHO_LATER(optional_later, Rt__Legacy__OptionalSet, legacy_optional_reply_msg)
ECHO_LATER(default_later, Rt__Legacy__DefaultSet, legacy_default_reply_msg)
ECHO_LATER(certain_later, Rt__Legacy__CertainSet, legacy_certain_reply_msg)
ECHO_LATER(repeated_later, Rt__Legacy__RepeatedSet, legacy_repeated_reply_msg)

int serve_legacy(mqc_server *server, enum form form)
{
	static const legacy_handlers by_function = {
		.required = required_by_function,
		.optional = optional_by_function,
		.default_ = default_by_function,
		.certain = certain_by_function,
		.repeated = repeated_by_function,
		.untouched = untouched_by_function,
	};
	static const legacy_msg_handlers by_message = {
		.required = required_by_message,
		.optional = optional_by_message,
		.default_ = default_by_message,
		.certain = certain_by_message,
		.repeated = repeated_by_message,
		.untouched = untouched_by_message,
	};
	static const legacy_handlers finished_by_function = {
		.required = required_finished,
		.optional = optional_finished,
		.default_ = default_finished,
		.certain = certain_finished,
		.repeated = repeated_finished,
		.untouched = untouched_finished,
	};
	static const legacy_msg_handlers finished_by_message = {
		.required = required_later,
		.optional = optional_later,
		.default_ = default_later,
		.certain = certain_later,
		.repeated = repeated_later,
		.untouched = untouched_later,
	};

	switch (form) {
	case BY_FUNCTION:
		return legacy_serve(server, &by_function, NULL);
	case BY_MESSAGE:
		return legacy_serve_msg(server, &by_message, NULL);
	case FINISHED_FUNCTION:
		return legacy_serve(server, &finished_by_function, NULL);
	case FINISHED_MESSAGE:
		return legacy_serve_msg(server, &finished_by_message, NULL);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
