/*
 * quick.h - messages as most of them are, packed and unpacked without the generality of protobuf-c.
 *
 * A small call spends more time in protobuf-c than anywhere else of the library.
 * What is packed and unpacked here is what it would be there, to the bit, and
 * whatever is not a few numbers, texts or bytes is left to it.
 */
#ifndef MQCI_QUICK_H
#define MQCI_QUICK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mqci_quick {
	MQCI_QUICK_DONE,
	MQCI_QUICK_UNUSUAL, /* protobuf-c must see to it; also if it is no message of the type */
	MQCI_QUICK_NO_MEMORY
} mqci_quick;

/* `allocator` may be NULL, for malloc(). */
mqci_quick mqci_quick_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
			     const uint8_t *bytes, size_t size, ProtobufCMessage **ret_message);

/* Pack a message into `room` bytes at `to`; unusual is what does not fit there, too. */
mqci_quick mqci_quick_pack(const ProtobufCMessage *message, uint8_t *to, size_t room,
			   size_t *ret_size);

/* Whether messages of the type are always complete. */
bool mqci_quick_is_complete(const ProtobufCMessageDescriptor *type);

#endif
