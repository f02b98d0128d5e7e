/*
 * number_list.h - the methods of Numbers, for what is to be written for each of them.
 */
#ifndef ROUNDTRIP_NUMBER_LIST_H
#define ROUNDTRIP_NUMBER_LIST_H

/*
 * X(method, Messages, messages, MESSAGES, type of a parameter, type of an array's elements),
 * where the message is Rt__Messages and its descriptor rt__messages__descriptor.
 */
#define EACH_NUMBER(X)                                                                             \
	X(double, Doubles, doubles, DOUBLES, double, double)                                       \
	X(float, Floats, floats, FLOATS, float, float)                                             \
	X(int32, Int32s, int32s, INT32S, int32_t, int32_t)                                         \
	X(int64, Int64s, int64s, INT64S, int64_t, int64_t)                                         \
	X(uint32, Uint32s, uint32s, UINT32S, uint32_t, uint32_t)                                   \
	X(uint64, Uint64s, uint64s, UINT64S, uint64_t, uint64_t)                                   \
	X(sint32, Sint32s, sint32s, SINT32S, int32_t, int32_t)                                     \
	X(sint64, Sint64s, sint64s, SINT64S, int64_t, int64_t)                                     \
	X(fixed32, Fixed32s, fixed32s, FIXED32S, uint32_t, uint32_t)                               \
	X(fixed64, Fixed64s, fixed64s, FIXED64S, uint64_t, uint64_t)                               \
	X(sfixed32, Sfixed32s, sfixed32s, SFIXED32S, int32_t, int32_t)                             \
	X(sfixed64, Sfixed64s, sfixed64s, SFIXED64S, int64_t, int64_t)                             \
	X(bool, Bools, bools, BOOLS, bool, protobuf_c_boolean)                                     \
	X(enum, Enums, enums, ENUMS, Rt__Signed, Rt__Signed)

#endif
