/*
 * serve_known.c - the handlers of Known: they answer with what they are asked.
 */
#include "server.h"

#include "known.mqc.h"
#include "messages.h"

static int nothing(void *self, mqc_call *call)
{
	(void)self;
	(void)call;
	return MQC_OK;
}

static int time_by_function(void *self, mqc_call *call, int64_t seconds, int32_t nanos,
			    int64_t *ret_seconds, int32_t *ret_nanos)
{
	(void)self;
	(void)call;
	*ret_seconds = seconds;
	*ret_nanos = nanos;
	return MQC_OK;
}

static int anything_by_function(void *self, mqc_call *call, const char *type_url,
				const uint8_t *value, size_t value_len, const char **ret_type_url,
				const uint8_t **ret_value, size_t *ret_value_len)
{
	(void)self;
	*ret_type_url = mqc_call_strdup(call, type_url);
	*ret_value = bytes_copy(call, value, value_len);
	*ret_value_len = value_len;
	return MQC_OK;
}

/* The types with one field that is a number. */
#define BOX(name, type)                                                                            \
	static int box_of_##name(void *self, mqc_call *call, type value, type *ret_value)          \
	{                                                                                          \
		(void)self;                                                                        \
		(void)call;                                                                        \
		*ret_value = value;                                                                \
		return MQC_OK;                                                                     \
	}

BOX(doubles, double)
BOX(floats, float)
BOX(int64, int64_t)
BOX(uint64, uint64_t)
BOX(int32, int32_t)
BOX(uint32, uint32_t)
BOX(bools, bool)

static int box_of_strings(void *self, mqc_call *call, const char *value, const char **ret_value)
{
	(void)self;
	*ret_value = mqc_call_strdup(call, value);
	return MQC_OK;
}

static int box_of_bytes(void *self, mqc_call *call, const uint8_t *value, size_t value_len,
			const uint8_t **ret_value, size_t *ret_value_len)
{
	(void)self;
	*ret_value = bytes_copy(call, value, value_len);
	*ret_value_len = value_len;
	return MQC_OK;
}

static int
times_by_function(void *self, mqc_call *call, const Google__Protobuf__Timestamp *when,
		  const Google__Protobuf__Duration *length, const Google__Protobuf__Empty *nothing_,
		  const Google__Protobuf__Any *anything,
		  const Google__Protobuf__Timestamp *const *times, size_t n_times,
		  const Google__Protobuf__Empty *const *nothings, size_t n_nothings,
		  Google__Protobuf__Timestamp **ret_when, Google__Protobuf__Duration **ret_length,
		  Google__Protobuf__Empty **ret_nothing, Google__Protobuf__Any **ret_anything,
		  Google__Protobuf__Timestamp ***ret_times, size_t *ret_n_times,
		  Google__Protobuf__Empty ***ret_nothings, size_t *ret_n_nothings)
{
	(void)self;
	*ret_when = message_copy(call, when);
	*ret_length = message_copy(call, length);
	*ret_nothing = message_copy(call, nothing_);
	*ret_anything = message_copy(call, anything);
	*ret_times = messages_copy(call, times, n_times);
	*ret_n_times = n_times;
	*ret_nothings = messages_copy(call, nothings, n_nothings);
	*ret_n_nothings = n_nothings;
	return MQC_OK;
}

/* Answered even before the handler returns. */
static int nothing_finished(void *self, mqc_call *call)
{
	int r = mqc_call_defer(call);

	(void)self;
	return r < 0 ? r : known_nothing_reply(call);
}

static int finish_nothing(mqc_call *call, const void *unused)
{
	(void)unused;
	return known_nothing_reply_msg(call);
}

static int nothing_later(void *self, mqc_call *call)
{
	(void)self;
	return later(call, finish_nothing, NULL);
}

static int later_finished(void *self, mqc_call *call, int64_t seconds, int32_t nanos,
			  int64_t *ret_seconds, int32_t *ret_nanos)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_seconds, ret_nanos);
	return r < 0 ? r : known_later_reply(call, seconds, nanos);
}

static int longer_finished(void *self, mqc_call *call, int64_t seconds, int32_t nanos,
			   int64_t *ret_seconds, int32_t *ret_nanos)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_seconds, ret_nanos);
	return r < 0 ? r : known_longer_reply(call, seconds, nanos);
}

#define BOX_FINISHED(name, type, finisher)                                                         \
	static int box_of_##name##_finished(void *self, mqc_call *call, type value,                \
					    type *ret_value)                                       \
	{                                                                                          \
		int r = mqc_call_defer(call);                                                      \
                                                                                                   \
		UNUSED(self, ret_value);                                                           \
		return r < 0 ? r : finisher(call, value);                                          \
	}

BOX_FINISHED(doubles, double, known_double_reply)
BOX_FINISHED(floats, float, known_float_reply)
BOX_FINISHED(int64, int64_t, known_int64_reply)
BOX_FINISHED(uint64, uint64_t, known_uint64_reply)
BOX_FINISHED(int32, int32_t, known_int32_reply)
BOX_FINISHED(uint32, uint32_t, known_uint32_reply)
BOX_FINISHED(bools, bool, known_bool_reply)

static int box_of_strings_finished(void *self, mqc_call *call, const char *value,
				   const char **ret_value)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_value);
	return r < 0 ? r : known_string_reply(call, value);
}

static int box_of_bytes_finished(void *self, mqc_call *call, const uint8_t *value, size_t value_len,
				 const uint8_t **ret_value, size_t *ret_value_len)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_value, ret_value_len);
	return r < 0 ? r : known_bytes_reply(call, value, value_len);
}

static int anything_finished(void *self, mqc_call *call, const char *type_url, const uint8_t *value,
			     size_t value_len, const char **ret_type_url, const uint8_t **ret_value,
			     size_t *ret_value_len)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_type_url, ret_value, ret_value_len);
	return r < 0 ? r : known_anything_reply(call, type_url, value, value_len);
}

static int
times_finished(void *self, mqc_call *call, const Google__Protobuf__Timestamp *when,
	       const Google__Protobuf__Duration *length, const Google__Protobuf__Empty *nothing_,
	       const Google__Protobuf__Any *anything,
	       const Google__Protobuf__Timestamp *const *times, size_t n_times,
	       const Google__Protobuf__Empty *const *nothings, size_t n_nothings,
	       Google__Protobuf__Timestamp **ret_when, Google__Protobuf__Duration **ret_length,
	       Google__Protobuf__Empty **ret_nothing, Google__Protobuf__Any **ret_anything,
	       Google__Protobuf__Timestamp ***ret_times, size_t *ret_n_times,
	       Google__Protobuf__Empty ***ret_nothings, size_t *ret_n_nothings)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_when, ret_length, ret_nothing, ret_anything, ret_times, ret_n_times,
	       ret_nothings, ret_n_nothings);
	return r < 0 ? r
		     : known_times_reply(call, when, length, nothing_, anything, times, n_times,
					 nothings, n_nothings);
}

ECHO(later_by_message, Google__Protobuf__Timestamp)
ECHO(longer_by_message, Google__Protobuf__Duration)
ECHO(anything_by_message, Google__Protobuf__Any)
ECHO(double_by_message, Google__Protobuf__DoubleValue)
ECHO(float_by_message, Google__Protobuf__FloatValue)
ECHO(int64_by_message, Google__Protobuf__Int64Value)
ECHO(uint64_by_message, Google__Protobuf__UInt64Value)
ECHO(int32_by_message, Google__Protobuf__Int32Value)
ECHO(uint32_by_message, Google__Protobuf__UInt32Value)
ECHO(bool_by_message, Google__Protobuf__BoolValue)
ECHO(string_by_message, Google__Protobuf__StringValue)
ECHO(bytes_by_message, Google__Protobuf__BytesValue)
ECHO(times_by_message, Rt__TimeSet)
ECHO(boxes_by_message, Rt__BoxSet)

ECHO_LATER(later_later, Google__Protobuf__Timestamp, known_later_reply_msg)
ECHO_LATER(longer_later, Google__Protobuf__Duration, known_longer_reply_msg)
ECHO_LATER(anything_later, Google__Protobuf__Any, known_anything_reply_msg)
ECHO_LATER(double_later, Google__Protobuf__DoubleValue, known_double_reply_msg)
ECHO_LATER(float_later, Google__Protobuf__FloatValue, known_float_reply_msg)
ECHO_LATER(int64_later, Google__Protobuf__Int64Value, known_int64_reply_msg)
ECHO_LATER(uint64_later, Google__Protobuf__UInt64Value, known_uint64_reply_msg)
ECHO_LATER(int32_later, Google__Protobuf__Int32Value, known_int32_reply_msg)
ECHO_LATER(uint32_later, Google__Protobuf__UInt32Value, known_uint32_reply_msg)
ECHO_LATER(bool_later, Google__Protobuf__BoolValue, known_bool_reply_msg)
ECHO_LATER(string_later, Google__Protobuf__StringValue, known_string_reply_msg)
ECHO_LATER(bytes_later, Google__Protobuf__BytesValue, known_bytes_reply_msg)
ECHO_LATER(times_later, Rt__TimeSet, known_times_reply_msg)
ECHO_LATER(boxes_later, Rt__BoxSet, known_boxes_reply_msg)

int serve_known(mqc_server *server, enum form form)
{
	static const known_handlers by_function = {
		.nothing = nothing,
		.later = time_by_function,
		.longer = time_by_function,
		.anything = anything_by_function,
		.double_ = box_of_doubles,
		.float_ = box_of_floats,
		.int64 = box_of_int64,
		.uint64 = box_of_uint64,
		.int32 = box_of_int32,
		.uint32 = box_of_uint32,
		.bool_ = box_of_bools,
		.string = box_of_strings,
		.bytes = box_of_bytes,
		.times = times_by_function,
		.boxes = boxes_by_message,
	};
	static const known_msg_handlers by_message = {
		.nothing = nothing,
		.later = later_by_message,
		.longer = longer_by_message,
		.anything = anything_by_message,
		.double_ = double_by_message,
		.float_ = float_by_message,
		.int64 = int64_by_message,
		.uint64 = uint64_by_message,
		.int32 = int32_by_message,
		.uint32 = uint32_by_message,
		.bool_ = bool_by_message,
		.string = string_by_message,
		.bytes = bytes_by_message,
		.times = times_by_message,
		.boxes = boxes_by_message,
	};
	static const known_handlers finished_by_function = {
		.nothing = nothing_finished,
		.later = later_finished,
		.longer = longer_finished,
		.anything = anything_finished,
		.double_ = box_of_doubles_finished,
		.float_ = box_of_floats_finished,
		.int64 = box_of_int64_finished,
		.uint64 = box_of_uint64_finished,
		.int32 = box_of_int32_finished,
		.uint32 = box_of_uint32_finished,
		.bool_ = box_of_bools_finished,
		.string = box_of_strings_finished,
		.bytes = box_of_bytes_finished,
		.times = times_finished,
		.boxes = boxes_later,
	};
	static const known_msg_handlers finished_by_message = {
		.nothing = nothing_later,
		.later = later_later,
		.longer = longer_later,
		.anything = anything_later,
		.double_ = double_later,
		.float_ = float_later,
		.int64 = int64_later,
		.uint64 = uint64_later,
		.int32 = int32_later,
		.uint32 = uint32_later,
		.bool_ = bool_later,
		.string = string_later,
		.bytes = bytes_later,
		.times = times_later,
		.boxes = boxes_later,
	};

	switch (form) {
	case BY_FUNCTION:
		return known_serve(server, &by_function, NULL);
	case BY_MESSAGE:
		return known_serve_msg(server, &by_message, NULL);
	case FINISHED_FUNCTION:
		return known_serve(server, &finished_by_function, NULL);
	case FINISHED_MESSAGE:
		return known_serve_msg(server, &finished_by_message, NULL);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
