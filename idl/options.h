/*
 * options.h - the options of mqcall/options.proto.
 *
 * To a program that does not know an extension, it is an unknown field of the
 * options message. These functions find it there; what values are allowed is
 * not their business.
 */
#ifndef MQCALL_IDL_OPTIONS_H
#define MQCALL_IDL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "arena.h"

/* The field numbers in mqcall/options.proto. */
enum {
	IDL_OPTION_PREFIX = 51880, /* of a service */
	IDL_OPTION_C_NAME = 51880, /* and the rest of a method */
	IDL_OPTION_ONEWAY = 51881,
	IDL_OPTION_TIMEOUT_MS = 51882,
	IDL_OPTION_PRIORITY = 51883,
	IDL_OPTION_LANE = 51884,
	IDL_OPTION_FORM = 51885
};

/*
 * Look an option up in an options message, which may be NULL. Returns 1 when it
 * is there, 0 when not, -1 when it is malformed. The last one counts.
 */
int idl_options_number(const ProtobufCMessage *options, uint32_t number, int64_t *ret_value);
int idl_options_text(const ProtobufCMessage *options, uint32_t number, idl_arena *arena,
		     const char **ret_text);

/* The same of a message: its bytes. */
int idl_options_bytes(const ProtobufCMessage *options, uint32_t number, const uint8_t **ret_bytes,
		      size_t *ret_size);

#endif
