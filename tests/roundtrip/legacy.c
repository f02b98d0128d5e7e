/*
 * legacy.c - proto2: what is required, what has a default, and what is absent.
 */
#include "topics.h"

#include <math.h>

#include "legacy.mqc.h"

static char empty[] = "", name[] = "name", nameless[] = "nameless";
static uint8_t zeros[3], some[] = {0, 1, 0, 255};

#define PIECE(...) PART(Rt__Legacy__Part, rt__legacy__part__descriptor, __VA_ARGS__)

/* --------------------------------------------------------------- samples -- */

#define REQUIRED(...)                                                                              \
	SAMPLE(Rt__Legacy__RequiredSet, rt__legacy__required_set__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const required[] = {
	REQUIRED(.number = -0.0, .level = RT__LEGACY__LEVEL__LOW, .text = empty,
		 .part = PIECE(.id = 0)),
	REQUIRED(.number = NAN, .whole = INT64_MIN, .flag = 1, .level = RT__LEGACY__LEVEL__HIGH,
		 .text = name, .data = {sizeof some, some},
		 .part = PIECE(.id = INT32_MIN, .name = nameless)),
	REQUIRED(.number = 0x1p-1074, .whole = INT64_MAX, .level = RT__LEGACY__LEVEL__LOW,
		 .text = name, .data = {sizeof zeros, zeros}, .part = PIECE(.name = empty)),
};

#define OPTIONAL(...)                                                                              \
	SAMPLE(Rt__Legacy__OptionalSet, rt__legacy__optional_set__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const optional[] = {
	OPTIONAL(.has_number = 0),
	OPTIONAL(.has_number = 1),
	OPTIONAL(.has_number = 1, .number = -0.0),
	OPTIONAL(.has_whole = 1),
	OPTIONAL(.has_whole = 1, .whole = INT64_MIN),
	OPTIONAL(.has_flag = 1),
	OPTIONAL(.has_flag = 1, .flag = 1),
	OPTIONAL(.has_level = 1, .level = RT__LEGACY__LEVEL__LOW),
	OPTIONAL(.has_level = 1, .level = RT__LEGACY__LEVEL__HIGH),
	OPTIONAL(.text = empty),
	OPTIONAL(.text = name),
	OPTIONAL(.has_data = 1, .data = {0, zeros}),
	OPTIONAL(.has_data = 1, .data = {sizeof some, some}),
	OPTIONAL(.part = PIECE(.id = 0)),
	OPTIONAL(.part = PIECE(.id = -1, .name = empty)),
};

#define DEFAULT(...)                                                                               \
	SAMPLE(Rt__Legacy__DefaultSet, rt__legacy__default_set__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const defaults[] = {
	DEFAULT(.has_number = 0),
	DEFAULT(.has_number = 1, .has_whole = 1, .has_natural = 1, .has_flag = 1, .has_level = 1,
		.level = RT__LEGACY__LEVEL__LOW, .text = empty, .has_data = 1, .data = {0, zeros}),
	DEFAULT(.has_number = 1, .number = -INFINITY, .has_whole = 1, .whole = INT64_MIN),
	DEFAULT(.has_natural = 1, .natural = UINT64_MAX, .has_flag = 1, .flag = 1),
	DEFAULT(.text = name, .has_data = 1, .data = {sizeof some, some}),
};

#define CERTAIN(...)                                                                               \
	SAMPLE(Rt__Legacy__CertainSet, rt__legacy__certain_set__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const certain[] = {
	CERTAIN(.number = 0, .level = RT__LEGACY__LEVEL__LOW, .text = empty),
	CERTAIN(.number = 1.5F, .whole = INT32_MIN, .flag = 1, .level = RT__LEGACY__LEVEL__HIGH,
		.text = name, .data = {sizeof some, some}),
};

#define REPEATED(...)                                                                              \
	SAMPLE(Rt__Legacy__RepeatedSet, rt__legacy__repeated_set__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const repeated[] = {
	REPEATED(.n_numbers = 0),
	REPEATED(LIST(numbers, double, -0.0), LIST(wholes, int64_t, 0),
		 LIST(flags, protobuf_c_boolean, 0),
		 LIST(levels, Rt__Legacy__Level, RT__LEGACY__LEVEL__LOW),
		 LIST(texts, char *, empty), LIST(data, ProtobufCBinaryData, {0, NULL}),
		 LIST(parts, Rt__Legacy__Part *, PIECE(.id = 0))),
	REPEATED(LIST(numbers, double, 0, NAN, INFINITY, -INFINITY, -0.0),
		 LIST(wholes, int64_t, INT64_MIN, 0, INT64_MAX),
		 LIST(flags, protobuf_c_boolean, 0, 1, 1, 0)),
	REPEATED(LIST(levels, Rt__Legacy__Level, RT__LEGACY__LEVEL__HIGH, RT__LEGACY__LEVEL__LOW),
		 LIST(texts, char *, name, empty, name),
		 LIST(data, ProtobufCBinaryData, {sizeof some, some}, {0, NULL}, {1, zeros}),
		 LIST(parts, Rt__Legacy__Part *, PIECE(.id = 1, .name = name), PIECE(.id = 2))),
};

/* ----------------------------------------------------------------- stubs -- */

static int call_required(mqc_client *client, const ProtobufCMessage *request,
			 ProtobufCMessage *reply)
{
	const Rt__Legacy__RequiredSet *in = (const Rt__Legacy__RequiredSet *)(const void *)request;
	Rt__Legacy__RequiredSet *out = (Rt__Legacy__RequiredSet *)(void *)reply;
	bool ret_flag;
	int r;

	r = STUB(legacy_required,
		 FIELDS(in->number, in->whole, in->flag, in->level, in->text, in->data.data,
			in->data.len, in->part),
		 FIELDS(&out->number, &out->whole, &ret_flag, &out->level, &out->text,
			&out->data.data, &out->data.len, &out->part));
	if (r == MQC_OK)
		out->flag = ret_flag;
	return r;
}

#define MAYBE(member) (in->has_##member ? &in->member : NULL)
#define MAYBE_BYTES (in->has_data ? in->data.data : NULL), in->data.len

static int call_optional(mqc_client *client, const ProtobufCMessage *request,
			 ProtobufCMessage *reply)
{
	const Rt__Legacy__OptionalSet *in = (const Rt__Legacy__OptionalSet *)(const void *)request;
	Rt__Legacy__OptionalSet *out = (Rt__Legacy__OptionalSet *)(void *)reply;
	bool flag = in->flag, has_number, has_whole, has_flag, ret_flag, has_level, has_data;
	int r;

	r = STUB(legacy_optional,
		 FIELDS(MAYBE(number), MAYBE(whole), in->has_flag ? &flag : NULL, MAYBE(level),
			in->text, MAYBE_BYTES, in->part),
		 FIELDS(&has_number, &out->number, &has_whole, &out->whole, &has_flag, &ret_flag,
			&has_level, &out->level, &out->text, &has_data, &out->data.data,
			&out->data.len, &out->part));
	if (r < 0)
		return r;
	out->has_number = has_number;
	out->has_whole = has_whole;
	out->has_flag = has_flag;
	out->flag = ret_flag;
	out->has_level = has_level;
	out->has_data = has_data;
	return r;
}

static int call_default(mqc_client *client, const ProtobufCMessage *request,
			ProtobufCMessage *reply)
{
	const Rt__Legacy__DefaultSet *in = (const Rt__Legacy__DefaultSet *)(const void *)request;
	Rt__Legacy__DefaultSet *out = (Rt__Legacy__DefaultSet *)(void *)reply;
	bool flag = in->flag, has_number, has_whole, has_natural, has_flag, ret_flag, has_level,
	     has_data;
	int r;

	r = STUB(legacy_default,
		 FIELDS(MAYBE(number), MAYBE(whole), MAYBE(natural), in->has_flag ? &flag : NULL,
			MAYBE(level), in->text, MAYBE_BYTES),
		 FIELDS(&has_number, &out->number, &has_whole, &out->whole, &has_natural,
			&out->natural, &has_flag, &ret_flag, &has_level, &out->level, &out->text,
			&has_data, &out->data.data, &out->data.len));
	if (r < 0)
		return r;
	out->has_number = has_number;
	out->has_whole = has_whole;
	out->has_natural = has_natural;
	out->has_flag = has_flag;
	out->flag = ret_flag;
	out->has_level = has_level;
	out->has_data = has_data;
	return r;
}

static int call_certain(mqc_client *client, const ProtobufCMessage *request,
			ProtobufCMessage *reply)
{
	const Rt__Legacy__CertainSet *in = (const Rt__Legacy__CertainSet *)(const void *)request;
	Rt__Legacy__CertainSet *out = (Rt__Legacy__CertainSet *)(void *)reply;
	bool ret_flag;
	int r;

	r = STUB(legacy_certain,
		 FIELDS(in->number, in->whole, in->flag, in->level, in->text, in->data.data,
			in->data.len),
		 FIELDS(&out->number, &out->whole, &ret_flag, &out->level, &out->text,
			&out->data.data, &out->data.len));
	if (r == MQC_OK)
		out->flag = ret_flag;
	return r;
}

static int call_repeated(mqc_client *client, const ProtobufCMessage *request,
			 ProtobufCMessage *reply)
{
	const Rt__Legacy__RepeatedSet *in = (const Rt__Legacy__RepeatedSet *)(const void *)request;
	Rt__Legacy__RepeatedSet *out = (Rt__Legacy__RepeatedSet *)(void *)reply;

	return STUB(legacy_repeated,
		    FIELDS(in->numbers, in->n_numbers, in->wholes, in->n_wholes, in->flags,
			   in->n_flags, in->levels, in->n_levels, (const char *const *)in->texts,
			   in->n_texts, in->data, in->n_data,
			   (const Rt__Legacy__Part *const *)in->parts, in->n_parts),
		    FIELDS(&out->numbers, &out->n_numbers, &out->wholes, &out->n_wholes,
			   &out->flags, &out->n_flags, &out->levels, &out->n_levels, &out->texts,
			   &out->n_texts, &out->data, &out->n_data, &out->parts, &out->n_parts));
}

FORM(message_required, legacy_required, Rt__Legacy__RequiredSet)
FORM(message_optional, legacy_optional, Rt__Legacy__OptionalSet)
FORM(message_default, legacy_default, Rt__Legacy__DefaultSet)
FORM(message_certain, legacy_certain, Rt__Legacy__CertainSet)
FORM(message_repeated, legacy_repeated, Rt__Legacy__RepeatedSet)

static const struct method methods[] = {
	METHOD(required, rt__legacy__required_set__descriptor, required),
	METHOD(optional, rt__legacy__optional_set__descriptor, optional),
	METHOD(default, rt__legacy__default_set__descriptor, defaults),
	METHOD(certain, rt__legacy__certain_set__descriptor, certain),
	METHOD(repeated, rt__legacy__repeated_set__descriptor, repeated),
};

const struct topic legacy_topic = {"Legacy", methods, COUNT(methods)};
