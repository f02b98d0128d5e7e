/*
 * message.h - protobuf messages as payloads: sizes, packing and unpacking.
 */
#ifndef MQCI_MESSAGE_H
#define MQCI_MESSAGE_H

#include <mqcall/mqcall.h>
#include <stdlib.h>

#include "quick.h"

/*
 * Whether messages of a type can be read where somebody else may be writing: then
 * what comes out may be anything, but nothing is read or written that must not be.
 * protobuf-c counts the elements of packed arrays before it reads them, and
 * believes that there will be as many: types in which there may be any cannot.
 */
bool mqci_message_is_steady(const ProtobufCMessageDescriptor *type);

/* A message with nothing in it, from `allocator`, NULL for malloc(). NULL: no memory. */
static inline ProtobufCMessage *mqci_message_new(const ProtobufCMessageDescriptor *type,
						 ProtobufCAllocator *allocator)
{
	ProtobufCMessage *message = mqci_quick_alloc(allocator, type->sizeof_message);

	if (message != NULL)
		type->message_init(message);
	return message;
}

/* Read a message of any type; it is allocated with `allocator`, NULL for malloc(). */
mqci_unpacked mqci_message_unpack_any(const ProtobufCMessageDescriptor *type,
				      ProtobufCAllocator *allocator, const uint8_t *bytes,
				      size_t size, ProtobufCMessage **ret_message);

/* The same, where there may be a table of its fields, or NULL. */
static inline mqci_unpacked mqci_message_unpack(const ProtobufCMessageDescriptor *type,
						const mqc_field *fields,
						ProtobufCAllocator *allocator, const uint8_t *bytes,
						size_t size, ProtobufCMessage **ret_message)
{
	ProtobufCMessage *message;
	mqci_unpacked r;

	if (fields == NULL || type->message_init == NULL)
		return mqci_message_unpack_any(type, allocator, bytes, size, ret_message);
	message = mqci_message_new(type, allocator);
	if (message == NULL)
		return MQCI_NO_MEMORY;
	r = mqci_quick_unpack(fields, bytes, bytes + size, allocator, message);
	if (r == MQCI_UNPACKED) {
		*ret_message = message;
		return r;
	}
	protobuf_c_message_free_unpacked(message, allocator);
	if (r == MQCI_NO_MEMORY)
		return r;
	return mqci_message_unpack_any(type, allocator, bytes, size, ret_message);
}

#endif
