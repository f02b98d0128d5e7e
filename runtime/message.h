/*
 * message.h - protobuf messages as payloads: sizes, packing and unpacking.
 */
#ifndef MQCI_MESSAGE_H
#define MQCI_MESSAGE_H

#include <mqcall/mqcall.h>

/* True when `message` can be packed: nothing that is required is missing. */
bool mqci_message_is_complete(const ProtobufCMessage *message);

/*
 * Read a message of `type`; the result is allocated with `allocator`, NULL for
 * malloc(). False when these bytes are not one; where the reason is memory,
 * *ret_no_memory is true.
 */
bool mqci_message_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
			 const uint8_t *bytes, size_t size, ProtobufCMessage **ret_message,
			 bool *ret_no_memory);

#endif
