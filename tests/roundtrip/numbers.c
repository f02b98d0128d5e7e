/*
 * numbers.c - every number there is, to the ends of its range.
 */
#include "topics.h"

#include <math.h>
#include <string.h>

#include "number_list.h"
#include "numbers.mqc.h"

static const int32_t values_int32[] = {0, 1, -1, 127, 128, -128, 16383, INT32_MAX, INT32_MIN};
static const uint32_t values_uint32[] = {0, 1, 127, 128, INT32_MAX, UINT32_MAX};
static const int64_t values_int64[] = {0, 1, -1, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN};
static const uint64_t values_uint64[] = {0, 1, UINT32_MAX, INT64_MAX, UINT64_MAX};
static const protobuf_c_boolean values_bool[] = {0, 1};
static const Rt__Signed values_enum[] = {
	RT__SIGNED__ZERO,  RT__SIGNED__NOTHING, RT__SIGNED__ONE,  RT__SIGNED__MINUS_ONE,
	RT__SIGNED__LEAST, RT__SIGNED__MOST,    (Rt__Signed)12345 /* no constant of it */};

#define values_sint32 values_int32
#define values_sfixed32 values_int32
#define values_fixed32 values_uint32
#define values_sint64 values_int64
#define values_sfixed64 values_int64
#define values_fixed64 values_uint64

/* The least and the largest normal, the least and the largest denormal; NaNs of both signs. */
static const double values_double[] = {
	0.0,        1.0,
	-1.0,       0.1,
	1e300,      0x1p-1022,
	-0x1p-1022, 0x1.fffffffffffffp+1023,
	0x1p-1074,  0x0.fffffffffffffp-1022,
	INFINITY,   -INFINITY,
	NAN,        -NAN,
	-0.0,
};
static const float values_float[] = {
	0.0F,
	1.0F,
	-1.0F,
	0.1F,
	0x1p-126F,
	-0x1p-126F,
	0x1.fffffep+127F,
	0x1p-149F,
	0x0.fffffep-126F,
	INFINITY,
	-INFINITY,
	NAN,
	-NAN,
	-0.0F,
};

/*
 * Sample number i has value number i alone, and amid all of them; those behind
 * the values have nothing at all, and optional zero.
 */
#define MAKE(method, Message, lower, UPPER, type, element)                                         \
	static void make_##method(size_t sample, ProtobufCMessage *request)                        \
	{                                                                                          \
		static element all[COUNT(values_##method)], one;                                   \
		Rt__##Message *message = (Rt__##Message *)(void *)request;                         \
                                                                                                   \
		memcpy(all, values_##method, sizeof all);                                          \
		if (sample != COUNT(all))                                                          \
			message->_maybe_case = RT__##UPPER##___MAYBE_MAYBE;                        \
		if (sample >= COUNT(all))                                                          \
			return;                                                                    \
		one = all[sample];                                                                 \
		message->one = one;                                                                \
		message->maybe = one;                                                              \
		message->n_many = 1;                                                               \
		message->many = &one;                                                              \
		message->n_loose = COUNT(all);                                                     \
		message->loose = all;                                                              \
	}

#define CALL(method, Message, lower, UPPER, type, element)                                         \
	static int call_##method(mqc_client *client, const ProtobufCMessage *request,              \
				 ProtobufCMessage *reply)                                          \
	{                                                                                          \
		const Rt__##Message *in = (const Rt__##Message *)(const void *)request;            \
		Rt__##Message *out = (Rt__##Message *)(void *)reply;                               \
		type maybe = (type)in->maybe, ret_one, ret_maybe;                                  \
		bool ret_has_maybe;                                                                \
		int r;                                                                             \
                                                                                                   \
		r = STUB(numbers_##method,                                                         \
			 FIELDS((type)in->one,                                                     \
				in->_maybe_case == RT__##UPPER##___MAYBE_MAYBE ? &maybe : NULL,    \
				in->many, in->n_many, in->loose, in->n_loose),                     \
			 FIELDS(&ret_one, &ret_has_maybe, &ret_maybe, &out->many, &out->n_many,    \
				&out->loose, &out->n_loose));                                      \
		if (r < 0)                                                                         \
			return r;                                                                  \
		out->one = ret_one;                                                                \
		out->_maybe_case = ret_has_maybe ? RT__##UPPER##___MAYBE_MAYBE                     \
						 : RT__##UPPER##___MAYBE__NOT_SET;                 \
		out->maybe = ret_maybe;                                                            \
		return r;                                                                          \
	}

/* clang-format off */
EACH_NUMBER(MAKE)
EACH_NUMBER(CALL)
#define BY_MESSAGE(method, Message, lower, UPPER, type, element) FORM(message_##method, numbers_##method, Rt__##Message)
EACH_NUMBER(BY_MESSAGE)
/* clang-format on */

#define ENTRY(method_, Message, lower, UPPER, type_, element)                                      \
	{                                                                                          \
		.name = #method_,                                                                  \
		.type = &rt__##lower##__descriptor,                                                \
		.function = call_##method_,                                                        \
		.message = message_##method_,                                                      \
		.n_samples = COUNT(values_##method_) + 2,                                          \
		.make = make_##method_,                                                            \
	},

/* clang-format off */
static const struct method methods[] = {
	EACH_NUMBER(ENTRY)
};
/* clang-format on */

const struct topic numbers_topic = {"Numbers", methods, COUNT(methods)};
