/*
 * frame.c - the wire: encoding and decoding of frames.
 *
 * Fields are moved by memcpy between a header struct and the message, so that
 * alignment never matters; the compiler turns that into plain loads and stores.
 */
#include "frame.h"

#include <string.h>

#define MAGIC 0x716d

struct header {
	uint16_t magic;
	uint8_t version;
	uint8_t type;
	uint16_t flags;
	uint16_t cpu;
	uint32_t size;
	uint32_t reserved;
	uint64_t session;
	uint64_t key;
	uint64_t call;
	uint64_t code;
	int64_t deadline;
	uint64_t arena;
};

_Static_assert(sizeof(struct header) == MQCI_FRAME_HEADER, "the header has no padding");

size_t mqci_frame_encode(const mqci_frame *frame, uint8_t *to)
{
	const struct header header = {
		.magic = MAGIC,
		.version = MQCI_FRAME_VERSION,
		.type = (uint8_t)frame->type,
		.flags = frame->flags,
		.cpu = frame->cpu,
		.size = (uint32_t)frame->size,
		.session = frame->session,
		.key = frame->key,
		.call = frame->call,
		.code = frame->code,
		.deadline = frame->deadline,
	};
	size_t space = mqci_frame_space(frame->size);
	uint8_t *payload = to + MQCI_FRAME_HEADER;

	memcpy(to, &header, sizeof header);
	if (frame->payload != NULL && frame->payload != payload)
		memcpy(payload, frame->payload, frame->size);
	memset(payload + frame->size, 0, space - MQCI_FRAME_HEADER - frame->size);
	return space;
}

mqci_verdict mqci_frame_decode(const uint8_t **at, size_t *left, mqci_frame *ret_frame)
{
	struct header header;
	size_t space;

	if (*left == 0)
		return MQCI_FRAME_END;
	if (*left < sizeof header)
		return MQCI_FRAME_TRUNCATED;
	memcpy(&header, *at, sizeof header);
	if (header.magic != MAGIC)
		return MQCI_FRAME_BAD_MAGIC;
	*ret_frame = (mqci_frame){
		.type = (mqci_frame_type)header.type,
		.flags = header.flags,
		.cpu = header.cpu,
		.session = header.session,
		.key = header.key,
		.call = header.call,
		.code = header.code,
		.deadline = header.deadline,
		.payload = *at + sizeof header,
		.size = header.size,
	};
	if (header.version != MQCI_FRAME_VERSION)
		return MQCI_FRAME_BAD_VERSION;
	if (header.type < MQCI_HELLO || header.type > MQCI_WAKE || header.reserved != 0 ||
	    header.arena != 0)
		return MQCI_FRAME_BAD_FIELD;
	/* Compared before it is rounded up: a size near the top must not wrap. */
	if (header.size > *left - sizeof header)
		return MQCI_FRAME_TRUNCATED;
	space = mqci_frame_space(header.size);
	if (space > *left)
		return MQCI_FRAME_TRUNCATED;
	*at += space;
	*left -= space;
	return MQCI_FRAME_OK;
}

size_t mqci_frame_payload(const mqci_frame *frame, void *to, size_t to_size, size_t least)
{
	size_t size = frame->size < to_size ? frame->size : to_size;

	if (frame->size < least)
		return 0;
	memset(to, 0, to_size);
	memcpy(to, frame->payload, size);
	return size;
}
