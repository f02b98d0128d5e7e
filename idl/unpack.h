/*
 * unpack.h - descriptors of arbitrary origin, unpacked by protobuf-c.
 */
#ifndef MQCALL_IDL_UNPACK_H
#define MQCALL_IDL_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/*
 * Unpack a message that has FileDescriptorProtos as its field `file_number`.
 * Returns NULL where it is none. Free it as what it is.
 */
ProtobufCMessage *idl_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			     size_t size, uint32_t file_number);

#endif
