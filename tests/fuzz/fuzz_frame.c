/*
 * fuzz_frame.c - any bytes as a message from a queue: its frames, and their payloads.
 *
 * As a worker and a client's receiver take a message apart, with a recursive message
 * type for requests and replies. Besides that nothing crashes or leaks, what was read
 * must come out the same when it is written again. Then a live server and a live client
 * receive it, see live.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "live.h"
#include "message.h"
#include "target.h"
#include "tests/shapes.pb-c.h"

const char fuzz_target[] = "frame";

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_frame: %s\n", what);
	abort();
}

static ProtobufCMessage *unpack(const uint8_t *bytes, size_t size)
{
	ProtobufCMessage *message = NULL;
	mqci_unpacked r;

	r = mqci_message_unpack_any(&shapes__tree__descriptor, NULL, bytes, size, &message);
	must(r != MQCI_NO_MEMORY, "too little memory for a message of this size");
	must((r == MQCI_UNPACKED) == (message != NULL),
	     "a message, or none, against what was said");
	return message;
}

static void try_message(const uint8_t *bytes, size_t size)
{
	ProtobufCMessage *message = unpack(bytes, size);
	ProtobufCMessage *again;
	size_t packed_size;
	uint8_t *packed;

	if (message == NULL)
		return;
	must(protobuf_c_message_check(message), "an incomplete message");
	packed_size = protobuf_c_message_get_packed_size(message);
	packed = malloc(packed_size > 0 ? packed_size : 1);
	must(packed != NULL, "no memory");
	must(protobuf_c_message_pack(message, packed) == packed_size, "another size when packed");
	again = unpack(packed, packed_size);
	/*
	 * Not so with unknown fields, which come out as they came in: protobuf-c reads the field
	 * number 0 when it is written in two bytes, writes it in one, and does not read that.
	 */
	must(again == NULL || protobuf_c_message_get_packed_size(again) == packed_size,
	     "another size when repeated");
	protobuf_c_message_free_unpacked(again, NULL);
	protobuf_c_message_free_unpacked(message, NULL);
	free(packed);
}

static void try_payload(const mqci_frame *frame)
{
	mqci_hello hello;
	mqci_welcome welcome;

	switch (frame->type) {
	case MQCI_HELLO:
		mqci_frame_payload(frame, &hello, sizeof(hello), 1);
		break;
	case MQCI_WELCOME:
		mqci_frame_payload(frame, &welcome, sizeof(welcome), 1);
		break;
	default:
		if (frame->payload != NULL)
			try_message(frame->payload, frame->size);
		break;
	}
}

/* Written and read again it is the same frame, even if its padding was not zero. */
static void try_again(const mqci_frame *frame)
{
	size_t space = frame->payload == NULL ? MQCI_FRAME_HEADER : mqci_frame_space(frame->size);
	uint8_t *bytes = malloc(space);
	const uint8_t *at = bytes;
	size_t left = space;
	mqci_frame copy;

	must(bytes != NULL, "no memory");
	must(mqci_frame_encode(frame, bytes) == space, "another space when written");
	must(mqci_frame_decode(&at, &left, &copy) == MQCI_FRAME_OK && left == 0,
	     "what was written cannot be read");
	must(copy.type == frame->type && copy.session == frame->session && copy.key == frame->key &&
		     copy.call == frame->call && copy.code == frame->code &&
		     copy.deadline == frame->deadline && copy.size == frame->size &&
		     copy.thread == frame->thread && copy.arena == frame->arena &&
		     (frame->payload == NULL
			      ? copy.payload == NULL
			      : memcmp(copy.payload, frame->payload, frame->size) == 0),
	     "another frame when read again");
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *at = bytes;
	size_t left = size;
	mqci_frame frame;

	while (mqci_frame_decode(&at, &left, &frame) == MQCI_FRAME_OK) {
		must(at <= bytes + size && left <= size && at + left == bytes + size,
		     "the place in the message is wrong");
		must(frame.size == 0 || frame.payload == NULL ||
			     (frame.payload >= bytes && frame.payload + frame.size <= at),
		     "a payload outside its frame");
		try_payload(&frame);
		try_again(&frame);
	}
	/* And as a payload alone, which finds more in less time. */
	try_message(bytes, size);
	live_try(bytes, size);
	return 0;
}
