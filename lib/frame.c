/*
 * frame.c - the wire: encoding and decoding of frames.
 *
 * A header is moved as a whole, as a frame has nearly everything where the wire has
 * it; by memcpy, so that alignment never matters.
 */
#include "frame.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC 0x716d

/* Where a header has what a frame has elsewhere, or not at all. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 2,
	AT_TYPE = 3,
	AT_SIZE = 8
};

_Static_assert(sizeof(mqci_frame_type) == 4 && offsetof(mqci_frame, flags) == 4 &&
		       offsetof(mqci_frame, cpu) == 6 && offsetof(mqci_frame, unused) == AT_SIZE &&
		       offsetof(mqci_frame, thread) == 12 && offsetof(mqci_frame, session) == 16 &&
		       offsetof(mqci_frame, key) == 24 && offsetof(mqci_frame, call) == 32 &&
		       offsetof(mqci_frame, code) == 40 && offsetof(mqci_frame, deadline) == 48 &&
		       offsetof(mqci_frame, arena) == 56 &&
		       offsetof(mqci_frame, payload) == MQCI_FRAME_HEADER,
	       "a frame has its fields where the wire has them");

size_t mqci_frame_encode(const mqci_frame *frame, uint8_t *to)
{
	const uint16_t magic = MAGIC;
	const uint32_t size = (uint32_t)frame->size;
	uint8_t *payload = to + MQCI_FRAME_HEADER;
	size_t end = frame->size;

	memcpy(to, frame, MQCI_FRAME_HEADER);
	memcpy(to + AT_MAGIC, &magic, sizeof magic);
	to[AT_VERSION] = MQCI_FRAME_VERSION;
	to[AT_TYPE] = (uint8_t)frame->type;
	memcpy(to + AT_SIZE, &size, sizeof size);
	if (frame->flags & MQCI_FRAME_ARENA)
		return MQCI_FRAME_HEADER;
	if (frame->payload != NULL && frame->payload != payload)
		memcpy(payload, frame->payload, frame->size);
	while (end % 8 != 0)
		payload[end++] = 0;
	return MQCI_FRAME_HEADER + end;
}

/* Whether a frame is of a type that there is, and has only the fields that the type has. */
static bool is_sound(const mqci_frame *frame)
{
	const uint16_t with_payload = MQCI_FRAME_EXTRAS | MQCI_FRAME_ARENA;

	switch (frame->type) {
	case MQCI_REQUEST:
		return true;
	case MQCI_REPLY:
		return frame->thread == 0 && (frame->arena == 0 || frame->flags & MQCI_FRAME_ARENA);
	case MQCI_HELLO:
	case MQCI_WELCOME:
	case MQCI_DATA:
	case MQCI_GOODBYE:
	case MQCI_WAKE:
		return frame->thread == 0 && frame->arena == 0 &&
		       (frame->flags & with_payload) == 0;
	default:
		return false;
	}
}

mqci_verdict mqci_frame_decode(const uint8_t **at, size_t *left, mqci_frame *ret_frame)
{
	const uint8_t *header = *at;
	size_t space = MQCI_FRAME_HEADER;
	uint16_t magic;
	uint32_t size;

	if (*left == 0)
		return MQCI_FRAME_END;
	if (*left < MQCI_FRAME_HEADER)
		return MQCI_FRAME_TRUNCATED;
	memcpy(&magic, header + AT_MAGIC, sizeof magic);
	if (magic != MAGIC)
		return MQCI_FRAME_BAD_MAGIC;
	memcpy(&size, header + AT_SIZE, sizeof size);
	memcpy(ret_frame, header, MQCI_FRAME_HEADER);
	ret_frame->type = (mqci_frame_type)header[AT_TYPE];
	ret_frame->payload = header + MQCI_FRAME_HEADER;
	ret_frame->size = size;
	if (header[AT_VERSION] != MQCI_FRAME_VERSION)
		return MQCI_FRAME_BAD_VERSION;
	if (!is_sound(ret_frame))
		return MQCI_FRAME_BAD_FIELD;
	if (ret_frame->flags & MQCI_FRAME_ARENA) {
		ret_frame->payload = NULL;
	} else {
		/* Compared before it is rounded up: a size near the top must not wrap. */
		if (size > *left - MQCI_FRAME_HEADER)
			return MQCI_FRAME_TRUNCATED;
		space = mqci_frame_space(size);
		if (space > *left)
			return MQCI_FRAME_TRUNCATED;
	}
	*at = header + space;
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
