/*
 * detail.c - the message that came with this thread's last error.
 *
 * lib/error.c keeps it as bytes, with the name of its type.
 */
#include <mqcall/mqcall.h>

#include <string.h>

#include "error.h"
#include "message.h"

/* Records no error of its own: the one that is looked at would be gone. */
int mqc_error_detail(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
		     ProtobufCMessage **ret_detail)
{
	const uint8_t *bytes;
	mqci_unpacked r;
	size_t size;

	bytes = mqci_error_detail(&size);
	if (bytes == NULL || strcmp(mqc_error_last()->detail_type, type->name) != 0)
		return MQC_NOT_FOUND;
	r = mqci_message_unpack_any(type, allocator, bytes, size, ret_detail);
	if (r == MQCI_NO_MEMORY)
		return MQC_RESOURCE_EXHAUSTED;
	return r == MQCI_UNPACKED ? MQC_OK : MQC_INTERNAL;
}
