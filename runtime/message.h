/*
 * message.h - protobuf messages as payloads: sizes, packing and unpacking.
 */
#ifndef MQCI_MESSAGE_H
#define MQCI_MESSAGE_H

#include <mqcall/mqcall.h>

/* True when `message` can be packed: nothing that is required is missing. */
bool mqci_message_is_complete(const ProtobufCMessage *message);

/*
 * Whether messages of a type can be read where somebody else may be writing: then
 * what comes out may be anything, but nothing is read or written that must not be.
 * protobuf-c counts the elements of packed arrays before it reads them, and
 * believes that there will be as many: types in which there may be any cannot.
 */
bool mqci_message_is_steady(const ProtobufCMessageDescriptor *type);

/*
 * Read a message of `type`; the result is allocated with `allocator`, NULL for
 * malloc(). False when these bytes are not one; where the reason is memory,
 * *ret_no_memory is true.
 */
bool mqci_message_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
			 const uint8_t *bytes, size_t size, ProtobufCMessage **ret_message,
			 bool *ret_no_memory);

#endif
