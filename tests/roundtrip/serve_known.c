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

int serve_known(mqc_server *server, bool messages)
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

	if (messages)
		return known_serve_msg(server, &by_message, NULL);
	return known_serve(server, &by_function, NULL);
}
