/*
 * quick.h - messages as most of them are, packed and unpacked without the generality of protobuf-c.
 *
 * mqcallc writes down what there is to know of a message of a few numbers, texts
 * and bytes: a table of its fields. What is packed and unpacked here by such a
 * table is what it would be by protobuf-c, to the bit, and whatever is unusual is
 * left to it.
 */
#ifndef MQCI_QUICK_H
#define MQCI_QUICK_H

#include <mqcall/mqcall.h>
#include <stdlib.h>

typedef enum mqci_unpacked {
	MQCI_UNPACKED,
	MQCI_NOT_UNPACKED, /* it is no message of the type; or, here, unusual */
	MQCI_NO_MEMORY
} mqci_unpacked;

/* Memory from `allocator`, NULL for malloc(). */
static inline void *mqci_quick_alloc(ProtobufCAllocator *allocator, size_t size)
{
	return allocator != NULL ? allocator->alloc(allocator->allocator_data, size) : malloc(size);
}

/*
 * Unpack into a message that has just been initialized, what text and bytes it has into
 * memory from `allocator`, NULL for malloc(). If it fails, the message is to be freed.
 */
mqci_unpacked mqci_quick_unpack(const mqc_field *fields, const uint8_t *at, const uint8_t *end,
				ProtobufCAllocator *allocator, ProtobufCMessage *message);

/*
 * Pack a message into `room` bytes at `to`. False: it is unusual, as one that is not of
 * the type or for which `fields` is NULL, or does not fit there.
 */
bool mqci_quick_pack(const ProtobufCMessageDescriptor *type, const mqc_field *fields,
		     const ProtobufCMessage *message, uint8_t *to, size_t room, size_t *ret_size);

#endif
