/*
 * texts.c - strings and bytes: empty, absent, large, of any content.
 */
#include "topics.h"

#include <string.h>

#include "texts.mqc.h"

/* ------------------------------------------------------------- samples -- */

#define X16(text) text text text text text text text text text text text text text text text text
#define X4096(text) X16(X16(X16(text)))

#define RUSSIAN "\320\234\320\270\321\200"
#define KANJI "\346\227\245\346\234\254"
#define EMOJI "\360\237\246\200"
#define LAST_CODE_POINT "\364\217\277\277"

static char empty[] = "", plain[] = "plain", large[] = X4096("4"),
	    controls[] = "\001\t\n\r\033\177", foreign[] = RUSSIAN KANJI EMOJI LAST_CODE_POINT;

#define STRINGS(...) SAMPLE(Rt__StringSet, rt__string_set__descriptor, __VA_ARGS__)
#define MAYBE ._maybe_case = RT__STRING_SET___MAYBE_MAYBE, .maybe

#define plain_and plain,

static const ProtobufCMessage *const strings[] = {
	STRINGS(.one = NULL),
	STRINGS(.one = empty),
	STRINGS(.one = plain),
	STRINGS(.one = large),
	STRINGS(.one = controls),
	STRINGS(.one = foreign),
	STRINGS(MAYBE = empty),
	STRINGS(MAYBE = plain),
	STRINGS(MAYBE = large),
	STRINGS(.one = foreign, MAYBE = foreign, LIST(many, char *, foreign)),
	STRINGS(LIST(many, char *, empty)),
	STRINGS(LIST(many, char *, empty, plain, empty, controls, foreign, empty)),
	STRINGS(LIST(many, char *, X16(plain_and) plain)),
	STRINGS(.one = plain, LIST(many, char *, large)),
};

#undef MAYBE

static uint8_t zero[1], mixed[] = {0, 1, 0, 255, 128, 0}, block[4096] = {[1] = 1, [4095] = 255};

#define NO_BYTES                                                                                   \
	{                                                                                          \
		0, NULL                                                                            \
	}
#define EMPTY_BYTES                                                                                \
	{                                                                                          \
		0, zero                                                                            \
	}
#define ZERO_BYTE                                                                                  \
	{                                                                                          \
		1, zero                                                                            \
	}
#define MIXED                                                                                      \
	{                                                                                          \
		sizeof mixed, mixed                                                                \
	}
#define BLOCK                                                                                      \
	{                                                                                          \
		sizeof block, block                                                                \
	}

#define BYTES(...) SAMPLE(Rt__BytesSet, rt__bytes_set__descriptor, __VA_ARGS__)
#define MAYBE ._maybe_case = RT__BYTES_SET___MAYBE_MAYBE, .maybe

static const ProtobufCMessage *const bytes[] = {
	BYTES(.one = NO_BYTES),
	BYTES(.one = EMPTY_BYTES),
	BYTES(.one = ZERO_BYTE),
	BYTES(.one = MIXED),
	BYTES(.one = BLOCK),
	BYTES(MAYBE = EMPTY_BYTES),
	BYTES(MAYBE = ZERO_BYTE),
	BYTES(MAYBE = MIXED),
	BYTES(MAYBE = BLOCK),
	BYTES(LIST(many, ProtobufCBinaryData, NO_BYTES)),
	BYTES(LIST(many, ProtobufCBinaryData, ZERO_BYTE, EMPTY_BYTES, NO_BYTES, MIXED, ZERO_BYTE)),
	BYTES(.one = MIXED, MAYBE = MIXED, LIST(many, ProtobufCBinaryData, BLOCK)),
};
#undef MAYBE

/* --------------------------------------------------------------- stubs -- */

static int call_strings(mqc_client *client, const ProtobufCMessage *request,
			ProtobufCMessage *reply)
{
	const Rt__StringSet *in = (const Rt__StringSet *)(const void *)request;
	Rt__StringSet *out = (Rt__StringSet *)(void *)reply;
	char *ret_maybe;
	int r;

	r = STUB(texts_strings,
		 FIELDS(in->one, in->_maybe_case == RT__STRING_SET___MAYBE_MAYBE ? in->maybe : NULL,
			(const char *const *)in->many, in->n_many),
		 FIELDS(&out->one, &ret_maybe, &out->many, &out->n_many));
	if (r < 0)
		return r;
	out->_maybe_case =
		ret_maybe != NULL ? RT__STRING_SET___MAYBE_MAYBE : RT__STRING_SET___MAYBE__NOT_SET;
	out->maybe = ret_maybe;
	return r;
}

/* An address says that bytes are there, even if there are none of them. */
static int call_bytes(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Rt__BytesSet *in = (const Rt__BytesSet *)(const void *)request;
	Rt__BytesSet *out = (Rt__BytesSet *)(void *)reply;
	bool maybe = in->_maybe_case == RT__BYTES_SET___MAYBE_MAYBE, ret_has_maybe;
	ProtobufCBinaryData ret_maybe;
	int r;

	r = STUB(texts_bytes,
		 FIELDS(in->one.data, in->one.len, maybe ? in->maybe.data : NULL,
			maybe ? in->maybe.len : 0, in->many, in->n_many),
		 FIELDS(&out->one.data, &out->one.len, &ret_has_maybe, &ret_maybe.data,
			&ret_maybe.len, &out->many, &out->n_many));
	if (r < 0)
		return r;
	out->_maybe_case =
		ret_has_maybe ? RT__BYTES_SET___MAYBE_MAYBE : RT__BYTES_SET___MAYBE__NOT_SET;
	out->maybe = ret_maybe;
	return r;
}

FORM(message_strings, texts_strings, Rt__StringSet)
FORM(message_bytes, texts_bytes, Rt__BytesSet)

static const struct method methods[] = {
	METHOD(strings, rt__string_set__descriptor, strings),
	METHOD(bytes, rt__bytes_set__descriptor, bytes),
};

const struct topic texts_topic = {"Text", methods, COUNT(methods)};
