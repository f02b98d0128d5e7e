/*
 * known.c - protobuf's own types: as what a method takes and gives, and as fields.
 */
#include "topics.h"

#include <math.h>

#include "known.mqc.h"

static char empty[] = "", foreign[] = "\346\227\245\346\234\254";
static char url[] = "type.googleapis.com/google.protobuf.Duration";
static uint8_t zeros[3], some[] = {0, 1, 0, 255};

#define KNOWN(Name, name, ...)                                                                     \
	PART(Google__Protobuf__##Name, google__protobuf__##name##__descriptor, __VA_ARGS__)
#define KNOWN_SAMPLE(Name, name, ...)                                                              \
	SAMPLE(Google__Protobuf__##Name, google__protobuf__##name##__descriptor, __VA_ARGS__)

/* ----------------------------------------------------- a type by itself -- */

#define NOTHING                                                                                    \
	(&(Google__Protobuf__Empty){PROTOBUF_C_MESSAGE_INIT(&google__protobuf__empty__descriptor)})

static const ProtobufCMessage *const nothing[] = {&NOTHING->base};

static const ProtobufCMessage *const later[] = {
	KNOWN_SAMPLE(Timestamp, timestamp, .seconds = 0),
	KNOWN_SAMPLE(Timestamp, timestamp, .seconds = -62135596800, .nanos = 999999999),
	KNOWN_SAMPLE(Timestamp, timestamp, .seconds = INT64_MAX, .nanos = INT32_MIN),
};
static const ProtobufCMessage *const longer[] = {
	KNOWN_SAMPLE(Duration, duration, .seconds = 0),
	KNOWN_SAMPLE(Duration, duration, .seconds = -315576000000, .nanos = -999999999),
};
static const ProtobufCMessage *const anything[] = {
	KNOWN_SAMPLE(Any, any, .type_url = empty),
	KNOWN_SAMPLE(Any, any, .type_url = url, .value = {sizeof some, some}),
};

/* The types with one field, `value`: X(method, Type, type). */
#define EACH_BOX(X)                                                                                \
	X(double, DoubleValue, double_value)                                                       \
	X(float, FloatValue, float_value)                                                          \
	X(int64, Int64Value, int64_value)                                                          \
	X(uint64, UInt64Value, uint64_value)                                                       \
	X(int32, Int32Value, int32_value)                                                          \
	X(uint32, UInt32Value, uint32_value)                                                       \
	X(bool, BoolValue, bool_value)                                                             \
	X(string, StringValue, string_value)                                                       \
	X(bytes, BytesValue, bytes_value)

#define BOX(Name, name, ...) KNOWN_SAMPLE(Name##Value, name##_value, .value = __VA_ARGS__)

static const ProtobufCMessage *const boxes_of_double[] = {
	BOX(Double, double, 0), BOX(Double, double, NAN), BOX(Double, double, -INFINITY),
	BOX(Double, double, 0x1p-1074)};
static const ProtobufCMessage *const boxes_of_float[] = {
	BOX(Float, float, 0), BOX(Float, float, -NAN), BOX(Float, float, 0x1p-149F)};
static const ProtobufCMessage *const boxes_of_int64[] = {BOX(Int64, int64, 0),
							 BOX(Int64, int64, INT64_MIN)};
static const ProtobufCMessage *const boxes_of_uint64[] = {BOX(UInt64, uint64, 0),
							  BOX(UInt64, uint64, UINT64_MAX)};
static const ProtobufCMessage *const boxes_of_int32[] = {BOX(Int32, int32, 0),
							 BOX(Int32, int32, INT32_MIN)};
static const ProtobufCMessage *const boxes_of_uint32[] = {BOX(UInt32, uint32, 0),
							  BOX(UInt32, uint32, UINT32_MAX)};
static const ProtobufCMessage *const boxes_of_bool[] = {BOX(Bool, bool, 0), BOX(Bool, bool, 1)};
static const ProtobufCMessage *const boxes_of_string[] = {
	BOX(String, string, NULL), BOX(String, string, empty), BOX(String, string, foreign)};
static const ProtobufCMessage *const boxes_of_bytes[] = {
	BOX(Bytes, bytes, {0, NULL}), BOX(Bytes, bytes, {0, zeros}), BOX(Bytes, bytes, {1, zeros}),
	BOX(Bytes, bytes, {sizeof some, some})};

/* ------------------------------------------------------------- as fields -- */

#define TIMES(...) SAMPLE(Rt__TimeSet, rt__time_set__descriptor, __VA_ARGS__)
#define TIME(...) KNOWN(Timestamp, timestamp, __VA_ARGS__)

static const ProtobufCMessage *const times[] = {
	TIMES(.when = NULL),
	TIMES(.when = TIME(.seconds = 0), .length = KNOWN(Duration, duration, .nanos = -1),
	      .nothing = NOTHING, .anything = KNOWN(Any, any, .type_url = url)),
	TIMES(LIST(times, Google__Protobuf__Timestamp *, TIME(.nanos = 1), TIME(.nanos = 0)),
	      LIST(nothings, Google__Protobuf__Empty *, NOTHING, NOTHING, NOTHING)),
};

#define BOXES(...) SAMPLE(Rt__BoxSet, rt__box_set__descriptor, __VA_ARGS__)
#define IN(Name, name, ...) KNOWN(Name##Value, name##_value, .value = __VA_ARGS__)

/* A box that is there and holds zero is not one that is absent. */
static const ProtobufCMessage *const boxes[] = {
	BOXES(.double_ = NULL),
	BOXES(.double_ = IN(Double, double, 0), .float_ = IN(Float, float, 0),
	      .int64 = IN(Int64, int64, 0), .uint64 = IN(UInt64, uint64, 0),
	      .int32 = IN(Int32, int32, 0), .uint32 = IN(UInt32, uint32, 0),
	      .bool_ = IN(Bool, bool, 0), .string = IN(String, string, empty),
	      .bytes = IN(Bytes, bytes, {0, NULL})),
	BOXES(.uint64 = IN(UInt64, uint64, UINT64_MAX), .string = IN(String, string, foreign)),
};

/* ----------------------------------------------------------------- stubs -- */

static int call_nothing(mqc_client *client, const ProtobufCMessage *request,
			ProtobufCMessage *reply)
{
	(void)request;
	(void)reply;
	if (!stubs_start)
		return known_nothing(client);
	return started(known_nothing_start(client, NULL, NULL, &stub_pending))
		       ? known_nothing_finish(stub_pending)
		       : mqc_error_last()->status;
}

static int message_nothing(mqc_client *client, const ProtobufCMessage *request,
			   ProtobufCMessage *reply)
{
	(void)request;
	(void)reply;
	if (!stubs_start)
		return known_nothing_msg(client, NULL);
	return started(known_nothing_start_msg(client, NULL, NULL, NULL, &stub_pending))
		       ? known_nothing_finish_msg(stub_pending)
		       : mqc_error_last()->status;
}

static int call_later(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Google__Protobuf__Timestamp *in = (const void *)request;
	Google__Protobuf__Timestamp *out = (void *)reply;

	return STUB(known_later, FIELDS(in->seconds, in->nanos),
		    FIELDS(&out->seconds, &out->nanos));
}

static int call_longer(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Google__Protobuf__Duration *in = (const void *)request;
	Google__Protobuf__Duration *out = (void *)reply;

	return STUB(known_longer, FIELDS(in->seconds, in->nanos),
		    FIELDS(&out->seconds, &out->nanos));
}

static int call_anything(mqc_client *client, const ProtobufCMessage *request,
			 ProtobufCMessage *reply)
{
	const Google__Protobuf__Any *in = (const void *)request;
	Google__Protobuf__Any *out = (void *)reply;

	return STUB(known_anything, FIELDS(in->type_url, in->value.data, in->value.len),
		    FIELDS(&out->type_url, &out->value.data, &out->value.len));
}

#define CALL(method, type)                                                                         \
	static int call_##method(mqc_client *client, const ProtobufCMessage *request,              \
				 ProtobufCMessage *reply)                                          \
	{                                                                                          \
		const Google__Protobuf__##type *in = (const void *)request;                        \
		Google__Protobuf__##type *out = (void *)reply;                                     \
                                                                                                   \
		return STUB(known_##method, FIELDS(in->value), FIELDS(&out->value));               \
	}

CALL(double, DoubleValue)
CALL(float, FloatValue)
CALL(int64, Int64Value)
CALL(uint64, UInt64Value)
CALL(int32, Int32Value)
CALL(uint32, UInt32Value)
CALL(string, StringValue)

static int call_bool(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Google__Protobuf__BoolValue *in = (const void *)request;
	Google__Protobuf__BoolValue *out = (void *)reply;
	bool ret_value;
	int r;

	r = STUB(known_bool, FIELDS(in->value), FIELDS(&ret_value));
	if (r == MQC_OK)
		out->value = ret_value;
	return r;
}

static int call_bytes(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Google__Protobuf__BytesValue *in = (const void *)request;
	Google__Protobuf__BytesValue *out = (void *)reply;

	return STUB(known_bytes, FIELDS(in->value.data, in->value.len),
		    FIELDS(&out->value.data, &out->value.len));
}

static int call_times(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Rt__TimeSet *in = (const void *)request;
	Rt__TimeSet *out = (void *)reply;

	return STUB(known_times,
		    FIELDS(in->when, in->length, in->nothing, in->anything,
			   (const Google__Protobuf__Timestamp *const *)in->times, in->n_times,
			   (const Google__Protobuf__Empty *const *)in->nothings, in->n_nothings),
		    FIELDS(&out->when, &out->length, &out->nothing, &out->anything, &out->times,
			   &out->n_times, &out->nothings, &out->n_nothings));
}

FORM(message_later, known_later, Google__Protobuf__Timestamp)
FORM(message_longer, known_longer, Google__Protobuf__Duration)
FORM(message_anything, known_anything, Google__Protobuf__Any)
#define BOX_FORM(method, Type, type)                                                               \
	FORM(message_##method, known_##method, Google__Protobuf__##Type)
EACH_BOX(BOX_FORM)
FORM(message_times, known_times, Rt__TimeSet)
FORM(message_boxes, known_boxes, Rt__BoxSet)

#define BOX_METHOD(method_, Type, type_)                                                           \
	{                                                                                          \
		.name = #method_,                                                                  \
		.type = &google__protobuf__##type_##__descriptor,                                  \
		.function = call_##method_,                                                        \
		.message = message_##method_,                                                      \
		.n_samples = COUNT(boxes_of_##method_),                                            \
		.samples = boxes_of_##method_,                                                     \
	},

/* clang-format off */
static const struct method methods[] = {
	METHOD(nothing, google__protobuf__empty__descriptor, nothing),
	METHOD(later, google__protobuf__timestamp__descriptor, later),
	METHOD(longer, google__protobuf__duration__descriptor, longer),
	METHOD(anything, google__protobuf__any__descriptor, anything),
	EACH_BOX(BOX_METHOD)
	METHOD(times, rt__time_set__descriptor, times),
	WIDE_METHOD(boxes, rt__box_set__descriptor, boxes),
};
/* clang-format on */

const struct topic known_topic = {"Known", methods, COUNT(methods)};
