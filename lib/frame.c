/*
 * frame.c - the wire: encoding and decoding of frames.
 *
 * Fields are moved by memcpy between a header struct and the message, so that
 * alignment never matters; the compiler turns that into plain loads and stores.
 */
#include "frame.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC 0x716d

struct header {
	uint16_t magic;
	uint8_t version;
	uint8_t type;
	uint16_t flags;
	uint16_t cpu;
	uint32_t size;
	uint32_t thread;
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
		.thread = frame->thread,
		.session = frame->session,
		.key = frame->key,
		.call = frame->call,
		.code = frame->code,
		.deadline = frame->deadline,
		.arena = frame->arena,
	};
	size_t space = mqci_frame_space(frame->size);
	uint8_t *payload = to + MQCI_FRAME_HEADER;

	memcpy(to, &header, sizeof header);
	if (frame->flags & MQCI_FRAME_ARENA)
		return sizeof header;
	if (frame->payload != NULL && frame->payload != payload)
		memcpy(payload, frame->payload, frame->size);
	memset(payload + frame->size, 0, space - MQCI_FRAME_HEADER - frame->size);
	return space;
}

/* Whether a frame is of a type that there is, and has only the fields that the type has. */
static bool is_sound(const struct header *header)
{
	const uint16_t with_payload = MQCI_FRAME_EXTRAS | MQCI_FRAME_ARENA;

	switch (header->type) {
	case MQCI_REQUEST:
		return true;
	case MQCI_REPLY:
		return header->thread == 0 &&
		       (header->arena == 0 || header->flags & MQCI_FRAME_ARENA);
	case MQCI_HELLO:
	case MQCI_WELCOME:
	case MQCI_DATA:
	case MQCI_GOODBYE:
	case MQCI_WAKE:
		return header->thread == 0 && header->arena == 0 &&
		       (header->flags & with_payload) == 0;
	default:
		return false;
	}
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
		.thread = header.thread,
		.session = header.session,
		.key = header.key,
		.call = header.call,
		.code = header.code,
		.deadline = header.deadline,
		.arena = header.arena,
		.payload = *at + sizeof header,
		.size = header.size,
	};
	if (header.version != MQCI_FRAME_VERSION)
		return MQCI_FRAME_BAD_VERSION;
	if (!is_sound(&header))
		return MQCI_FRAME_BAD_FIELD;
	if (header.flags & MQCI_FRAME_ARENA) {
		ret_frame->payload = NULL;
		space = sizeof header;
	} else {
		/* Compared before it is rounded up: a size near the top must not wrap. */
		if (header.size > *left - sizeof header)
			return MQCI_FRAME_TRUNCATED;
		space = mqci_frame_space(header.size);
		if (space > *left)
			return MQCI_FRAME_TRUNCATED;
	}
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
