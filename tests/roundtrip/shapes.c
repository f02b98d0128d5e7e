/*
 * shapes.c - messages in messages: imported, nested, recursive, chosen and mapped.
 */
#include "topics.h"

#include <math.h>

#include "shapes.mqc.h"

static char empty[] = "", name[] = "name", foreign[] = "\346\227\245\346\234\254";
static uint8_t zeros[3], some[] = {0, 1, 0, 255};

/* ---------------------------------------------------- labels of a message -- */

#define POINT(...) PART(Rt__Parts__V1__Point, rt__parts__v1__point__descriptor, __VA_ARGS__)
#define LEG(...) PART(Rt__Parts__V1__Leg, rt__parts__v1__leg__descriptor, __VA_ARGS__)
#define DEEP(...) PART(Rt__Outer__Inner__Deep, rt__outer__inner__deep__descriptor, __VA_ARGS__)
#define INNER(...) PART(Rt__Outer__Inner, rt__outer__inner__descriptor, __VA_ARGS__)
#define SET(...) SAMPLE(Rt__MessageSet, rt__message_set__descriptor, __VA_ARGS__)
#define MAYBE ._maybe_case = RT__MESSAGE_SET___MAYBE_MAYBE, .maybe

#define FAR POINT(.x = INT64_MIN, .y = INT64_MAX)
#define EMPTY_INNER INNER(.deep = NULL)
#define FULL_INNER                                                                                 \
	INNER(.deep = DEEP(.data = {sizeof some, some}, .mood = RT__OUTER__MOOD__CROSS),           \
	      LIST(more, Rt__Outer__Inner__Deep *, DEEP(.data = {sizeof zeros, zeros}),            \
		   DEEP(.mood = RT__OUTER__MOOD__CROSS), DEEP(.mood = RT__OUTER__MOOD__CALM)),     \
	      .mood = RT__OUTER__MOOD__CROSS, .name = foreign)

static const ProtobufCMessage *const sets[] = {
	SET(.one = NULL),
	SET(.one = LEG(.from = NULL)),
	SET(.one = LEG(.from = POINT(.x = 0), .unit = RT__PARTS__V1__UNIT__UNIT_BELOW)),
	SET(.one = LEG(.from = FAR, .to = FAR)),
	SET(MAYBE = POINT(.x = 0)),
	SET(MAYBE = FAR),
	SET(LIST(many, Rt__Outer__Inner *, EMPTY_INNER)),
	SET(LIST(many, Rt__Outer__Inner *, EMPTY_INNER, FULL_INNER, EMPTY_INNER, FULL_INNER)),
	SET(.one = LEG(.to = FAR), MAYBE = FAR, LIST(many, Rt__Outer__Inner *, FULL_INNER)),
};
#undef MAYBE

static const ProtobufCMessage *const legs[] = {
	&LEG(.from = NULL)->base,
	&LEG(.from = POINT(.x = 0), .to = POINT(.y = -1))->base,
	&LEG(.to = FAR, .unit = RT__PARTS__V1__UNIT__UNIT_METRE)->base,
};

static const ProtobufCMessage *const inners[] = {
	&EMPTY_INNER->base,
	&FULL_INNER->base,
	&INNER(.deep = DEEP(.mood = 0), .name = empty)->base,
};

/* -------------------------------------------------------------- recursive -- */

#define NODE(...) PART(Rt__Node, rt__node__descriptor, __VA_ARGS__)
#define FOREST(...) PART(Rt__Forest, rt__forest__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const nodes[] = {
	&NODE(.value = 0)->base,
	&NODE(.left = NODE(.value = 0))->base,
	&NODE(.value = INT64_MIN, .left = NODE(.value = 1), .right = NODE(.value = 2))->base,
	&NODE(.below = FOREST(.best = NULL))->base,
	&NODE(.below = FOREST(LIST(nodes, Rt__Node *, NODE(.value = 1),
				   NODE(.below = FOREST(.best = NODE(.value = 3))))))
		 ->base,
	&NODE(.left = NODE(.right = NODE(.left = NODE(.right = NODE(.value = -5)))))->base,
};

static const ProtobufCMessage *const forests[] = {
	&FOREST(.best = NULL)->base,
	&FOREST(.best = NODE(.value = 7))->base,
	&FOREST(LIST(nodes, Rt__Node *, NODE(.value = 0), NODE(.left = NODE(.value = INT64_MAX)),
		     NODE(.below = FOREST(LIST(nodes, Rt__Node *, NODE(.value = 0))))),
		.best = NODE(.value = 1))
		 ->base,
};

/* ----------------------------------------------------------------- oneofs -- */

#define CHOICE(...) SAMPLE(Rt__Choice, rt__choice__descriptor, __VA_ARGS__)
#define NUMBER(NAME, member, number)                                                               \
	CHOICE(.value_case = RT__CHOICE__VALUE_##NAME, .member = (number))

static const ProtobufCMessage *const choices[] = {
	CHOICE(.beside = NULL),
	CHOICE(.beside = name),
	NUMBER(DOUBLE, double_, 0),
	NUMBER(DOUBLE, double_, -0.0),
	NUMBER(DOUBLE, double_, NAN),
	NUMBER(FLOAT, float_, -0.0F),
	NUMBER(FLOAT, float_, -INFINITY),
	NUMBER(INT32, int32, 0),
	NUMBER(INT32, int32, INT32_MIN),
	NUMBER(INT64, int64, INT64_MIN),
	NUMBER(UINT32, uint32, UINT32_MAX),
	NUMBER(UINT64, uint64, UINT64_MAX),
	NUMBER(SINT32, sint32, INT32_MIN),
	NUMBER(SINT64, sint64, INT64_MIN),
	NUMBER(FIXED32, fixed32, UINT32_MAX),
	NUMBER(FIXED64, fixed64, UINT64_MAX),
	NUMBER(SFIXED32, sfixed32, INT32_MIN),
	NUMBER(SFIXED64, sfixed64, INT64_MIN),
	NUMBER(BOOL, bool_, 0),
	NUMBER(BOOL, bool_, 1),
	NUMBER(STRING, string, empty),
	NUMBER(STRING, string, foreign),
	CHOICE(.value_case = RT__CHOICE__VALUE_BYTES, .bytes = {0, zeros}),
	CHOICE(.value_case = RT__CHOICE__VALUE_BYTES, .bytes = {sizeof some, some}),
	NUMBER(SIGNED, signed_, RT__SIGNED__ZERO),
	NUMBER(SIGNED, signed_, RT__SIGNED__LEAST),
	NUMBER(MESSAGE, message, EMPTY_INNER),
	NUMBER(MESSAGE, message, FULL_INNER),
	CHOICE(.second_case = RT__CHOICE__SECOND_A, .a = 0),
	CHOICE(.second_case = RT__CHOICE__SECOND_B, .b = name, .beside = name,
	       .value_case = RT__CHOICE__VALUE_STRING, .string = name),
};

/* ------------------------------------------------------------------- maps -- */

#define ENTRY(Name, name, ...)                                                                     \
	PART(Rt__Maps__##Name##Entry, rt__maps__##name##_entry__descriptor, __VA_ARGS__)
#define MAPS(...) SAMPLE(Rt__Maps, rt__maps__descriptor, __VA_ARGS__)

static const ProtobufCMessage *const maps[] = {
	MAPS(.n_names = 0),
	MAPS(LIST(names, Rt__Maps__NamesEntry *,
		  ENTRY(Names, names, .key = empty, .value = empty))),
	MAPS(LIST(names, Rt__Maps__NamesEntry *, ENTRY(Names, names, .key = name, .value = foreign),
		  ENTRY(Names, names, .key = foreign, .value = name))),
	MAPS(LIST(numbers, Rt__Maps__NumbersEntry *, ENTRY(Numbers, numbers, .key = 0, .value = 0),
		  ENTRY(Numbers, numbers, .key = INT32_MIN, .value = INT64_MIN),
		  ENTRY(Numbers, numbers, .key = INT32_MAX, .value = INT64_MAX))),
	MAPS(LIST(flags, Rt__Maps__FlagsEntry *, ENTRY(Flags, flags, .key = 0, .value = {0, zeros}),
		  ENTRY(Flags, flags, .key = 1, .value = {sizeof some, some}))),
	MAPS(LIST(large, Rt__Maps__LargeEntry *,
		  ENTRY(Large, large, .key = UINT64_MAX, .value = -INFINITY))),
	MAPS(LIST(signs, Rt__Maps__SignsEntry *,
		  ENTRY(Signs, signs, .key = INT64_MIN, .value = RT__SIGNED__LEAST),
		  ENTRY(Signs, signs, .key = -1, .value = RT__SIGNED__ZERO))),
	MAPS(LIST(points, Rt__Maps__PointsEntry *,
		  ENTRY(Points, points, .key = INT32_MIN, .value = FAR),
		  ENTRY(Points, points, .key = 0, .value = POINT(.x = 0)))),
	MAPS(LIST(trees, Rt__Maps__TreesEntry *,
		  ENTRY(Trees, trees, .key = name, .value = NODE(.left = NODE(.value = 1))))),
};

/* ------------------------------------------------------------------ stubs -- */

static int call_messages(mqc_client *client, const ProtobufCMessage *request,
			 ProtobufCMessage *reply)
{
	const Rt__MessageSet *in = (const Rt__MessageSet *)(const void *)request;
	Rt__MessageSet *out = (Rt__MessageSet *)(void *)reply;
	Rt__Parts__V1__Point *ret_maybe;
	int r;

	r = STUB(shapes_messages,
		 FIELDS(in->one,
			in->_maybe_case == RT__MESSAGE_SET___MAYBE_MAYBE ? in->maybe : NULL,
			(const Rt__Outer__Inner *const *)in->many, in->n_many),
		 FIELDS(&out->one, &ret_maybe, &out->many, &out->n_many));
	if (r < 0)
		return r;
	out->_maybe_case = ret_maybe != NULL ? RT__MESSAGE_SET___MAYBE_MAYBE
					     : RT__MESSAGE_SET___MAYBE__NOT_SET;
	out->maybe = ret_maybe;
	return r;
}

static int call_leg(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Rt__Parts__V1__Leg *in = (const Rt__Parts__V1__Leg *)(const void *)request;
	Rt__Parts__V1__Leg *out = (Rt__Parts__V1__Leg *)(void *)reply;

	return STUB(shapes_leg, FIELDS(in->from, in->to, in->unit),
		    FIELDS(&out->from, &out->to, &out->unit));
}

static int call_nested(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Rt__Outer__Inner *in = (const Rt__Outer__Inner *)(const void *)request;
	Rt__Outer__Inner *out = (Rt__Outer__Inner *)(void *)reply;

	return STUB(shapes_nested,
		    FIELDS(in->deep, (const Rt__Outer__Inner__Deep *const *)in->more, in->n_more,
			   in->mood, in->name),
		    FIELDS(&out->deep, &out->more, &out->n_more, &out->mood, &out->name));
}

static int call_grove(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	const Rt__Forest *in = (const Rt__Forest *)(const void *)request;
	Rt__Forest *out = (Rt__Forest *)(void *)reply;

	return STUB(shapes_grove, FIELDS((const Rt__Node *const *)in->nodes, in->n_nodes, in->best),
		    FIELDS(&out->nodes, &out->n_nodes, &out->best));
}

FORM(message_messages, shapes_messages, Rt__MessageSet)
FORM(message_plain, shapes_plain, Rt__MessageSet)
FORM(message_leg, shapes_leg, Rt__Parts__V1__Leg)
FORM(message_nested, shapes_nested, Rt__Outer__Inner)
FORM(message_tree, shapes_tree, Rt__Node)
FORM(message_grove, shapes_grove, Rt__Forest)
FORM(message_choose, shapes_choose, Rt__Choice)
FORM(message_map, shapes_map, Rt__Maps)

static const struct method methods[] = {
	METHOD(messages, rt__message_set__descriptor, sets),
	WIDE_METHOD(plain, rt__message_set__descriptor, sets),
	METHOD(leg, rt__parts__v1__leg__descriptor, legs),
	METHOD(nested, rt__outer__inner__descriptor, inners),
	WIDE_METHOD(tree, rt__node__descriptor, nodes),
	METHOD(grove, rt__forest__descriptor, forests),
	WIDE_METHOD(choose, rt__choice__descriptor, choices),
	WIDE_METHOD(map, rt__maps__descriptor, maps),
};

const struct topic shapes_topic = {"Shapes", methods, COUNT(methods)};
