/*
 * frame.h - the wire: how frames lie in a queue message.
 *
 * A message is one frame or more, each a fixed header of 64 bytes, then its
 * payload, padded with zeroes to a multiple of 8. All integers are in host
 * byte order: both sides are on one machine.
 *
 *	 0  u16 magic       0x716d, "mq"
 *	 2  u8  version     1
 *	 3  u8  type
 *	 4  u16 flags       MQCI_FRAME_*
 *	 6  u16 cpu         the sender's CPU, MQCI_CPU_UNKNOWN if it does not tell
 *	 8  u32 size        of the payload that follows, in bytes
 *	12  u32 reserved    0; for the size of call metadata
 *	16  u64 session     the client, see name.h
 *	24  u64 key         the session key; in HELLO 0, in WELCOME the HELLO's nonce
 *	32  u64 call        chosen by the client; a reply repeats it
 *	40  u64 code        REQUEST: the method; REPLY, WELCOME: the status
 *	48  i64 deadline    CLOCK_MONOTONIC, ns; INT64_MAX: never
 *	56  u64 arena       0; for the place of a payload in shared memory
 *
 * Of another version, only the first 4 bytes and `session` and `call` mean
 * the same, which is enough to refuse a client politely.
 *
 * The decoder is given whatever somebody wrote into the queue and believes
 * none of it.
 */
#ifndef MQCI_FRAME_H
#define MQCI_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define MQCI_FRAME_VERSION 1
#define MQCI_FRAME_HEADER 64
#define MQCI_CPU_UNKNOWN 0xffff

typedef enum mqci_frame_type {
	MQCI_HELLO = 1,   /* client: here I am; payload mqci_hello */
	MQCI_WELCOME = 2, /* server: come in, mqci_welcome; or a status and its text */
	MQCI_REQUEST = 3, /* client: a call; payload the request message */
	MQCI_REPLY = 4,   /* server: its reply message; or a status and its text */
	MQCI_CANCEL = 5,  /* client: give the call up */
	MQCI_CREDIT = 6,  /* client: there is room again */
	MQCI_DATA = 7,    /* either: an element of a stream */
	MQCI_GOODBYE = 8, /* either: the session is over */
	MQCI_WAKE = 9     /* to oneself: look at the clock */
} mqci_frame_type;

enum {
	MQCI_FRAME_ONEWAY = 1 << 0,      /* REQUEST: no reply is awaited */
	MQCI_FRAME_NOT_EXECUTED = 1 << 1 /* REPLY: the method was not run */
};

typedef struct mqci_frame {
	mqci_frame_type type;
	uint16_t flags;
	uint16_t cpu;
	uint64_t session;
	uint64_t key;
	uint64_t call;
	uint64_t code;
	int64_t deadline;
	const uint8_t *payload; /* within the message it was read from */
	size_t size;
} mqci_frame;

/* Payloads of the handshake. They may grow at the end: a longer one is understood. */
typedef struct mqci_hello {
	uint64_t nonce;      /* only who can read the request queue can repeat it */
	uint32_t reply_size; /* largest message of the reply queue */
	uint32_t reserved;
} mqci_hello;

typedef struct mqci_welcome {
	uint64_t key;          /* the session key */
	uint32_t request_size; /* largest message of the request queue */
	int32_t pid;           /* the server process that answered */
} mqci_welcome;

/* The bytes that a frame with a payload of `size` takes in a message. */
static inline size_t mqci_frame_space(size_t size)
{
	return MQCI_FRAME_HEADER + ((size + 7) & ~(size_t)7);
}

/* The largest payload that fits into a message alone. */
static inline size_t mqci_frame_payload_max(size_t message_size)
{
	return message_size < MQCI_FRAME_HEADER ? 0
						: (message_size - MQCI_FRAME_HEADER) & ~(size_t)7;
}

/*
 * Write the header of `frame` and the padding behind its payload to `to`,
 * which holds mqci_frame_space(frame->size) bytes. The payload itself belongs
 * at to + MQCI_FRAME_HEADER; it is copied there unless frame->payload is NULL
 * or points there. Returns the frame's space.
 */
size_t mqci_frame_encode(const mqci_frame *frame, uint8_t *to);

typedef enum mqci_verdict {
	MQCI_FRAME_OK,
	MQCI_FRAME_END,         /* the message is used up */
	MQCI_FRAME_TRUNCATED,   /* it ends within a frame */
	MQCI_FRAME_BAD_MAGIC,   /* not a frame */
	MQCI_FRAME_BAD_VERSION, /* of another version; session and call are set */
	MQCI_FRAME_BAD_FIELD    /* an unknown type, or reserved fields in use */
} mqci_verdict;

/*
 * Read the frame at *at, of *left bytes, and move both past it. Anything but
 * MQCI_FRAME_OK ends the message. `at` may have any alignment.
 */
mqci_verdict mqci_frame_decode(const uint8_t **at, size_t *left, mqci_frame *ret_frame);

/*
 * Read a handshake payload of `size` bytes into `to`, of `to_size`: what is
 * missing of `to` is zero. Returns its size, or 0 if less than `least` came.
 */
size_t mqci_frame_payload(const mqci_frame *frame, void *to, size_t to_size, size_t least);

#endif
