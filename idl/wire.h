/*
 * wire.h - protobuf's encoding, as far as it is read without a descriptor.
 */
#ifndef MQCALL_IDL_WIRE_H
#define MQCALL_IDL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IDL_WIRE_VARINT = 0,
	IDL_WIRE_64BIT = 1,
	IDL_WIRE_LENGTH = 2,
	IDL_WIRE_GROUP = 3,
	IDL_WIRE_32BIT = 5
};

/* A stretch of encoded fields. */
typedef struct idl_wire {
	const uint8_t *bytes;
	size_t size;
} idl_wire;

typedef struct idl_wire_field {
	uint32_t number;
	int type;
	uint64_t varint;  /* of IDL_WIRE_VARINT */
	idl_wire content; /* of the others; of a group with the tag at its end */
} idl_wire_field;

/* Returns how many bytes the varint at the beginning takes, 0 if there is none. */
size_t idl_wire_varint(const uint8_t *bytes, size_t size, uint64_t *ret_value);

/* Take the next field off. Returns 1, 0 at the end, -1 where it is malformed. */
int idl_wire_next(idl_wire *wire, idl_wire_field *ret_field);

/*
 * Do the file descriptors that are field `file_number` of a message nest their
 * types no deeper than a parser that recurses can bear? Malformed is not sane.
 */
bool idl_wire_nesting_is_sane(const uint8_t *bytes, size_t size, uint32_t file_number);

#endif
