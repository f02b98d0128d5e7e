/*
 * frame.h - the wire: how frames lie in a queue message.
 *
 * A message is one frame or more, each a fixed header of 64 bytes, then its
 * payload, padded with zeroes to a multiple of 8; or, with MQCI_FRAME_ARENA,
 * the header alone, and the payload lies in the client's shared memory. All
 * integers are in host byte order: both sides are on one machine.
 *
 *	 0  u16 magic       0x716d, "mq"
 *	 2  u8  version     1
 *	 3  u8  type
 *	 4  u16 flags       MQCI_FRAME_*
 *	 6  u16 cpu         the sender's CPU, MQCI_CPU_UNKNOWN if it does not tell
 *	 8  u32 size        of the payload, in bytes
 *	12  u32 thread      REQUEST: the caller's thread id, if it lends its
 *	                    scheduling priority; one-way, see mqci_departed;
 *	                    else 0
 *	16  u64 session     the client, see name.h
 *	24  u64 key         the session key; in HELLO a nonce, in its answer the same
 *	32  u64 call        chosen by the client; a reply repeats it
 *	40  u64 code        REQUEST: the method; REPLY: the status
 *	48  i64 deadline    CLOCK_MONOTONIC, ns; INT64_MAX: never
 *	56  u64 arena       REQUEST: where the call's region begins in the client's
 *	                    shared memory, 0: it has none; one-way, see
 *	                    mqci_departed; REPLY, with
 *	                    MQCI_FRAME_ARENA: where the payload lies there; else 0
 *
 * Of another version, only the first 4 bytes and `session`, `key` and `call`
 * mean the same, which is enough to refuse a client politely.
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
	MQCI_WELCOME = 2, /* server: come in, mqci_welcome */
	MQCI_REQUEST = 3, /* client: a call; payload the request message */
	MQCI_REPLY = 4,   /* server: its reply message; or a status and its text */
	/* 5 and 6 are not used */
	MQCI_DATA = 7,    /* the number is taken; ignored */
	MQCI_GOODBYE = 8, /* either: the session is over */
	MQCI_WAKE = 9     /* to oneself: look at the clock */
} mqci_frame_type;

enum {
	MQCI_FRAME_ONEWAY = 1 << 0,       /* REQUEST: no reply is awaited */
	MQCI_FRAME_NOT_EXECUTED = 1 << 1, /* REPLY: the method was not run */
	MQCI_FRAME_EXTRAS = 1 << 2,       /* REQUEST, REPLY: the payload begins with extras */
	MQCI_FRAME_ARENA = 1 << 3,        /* REQUEST, REPLY: the payload is not in the message */
	MQCI_FRAME_LOST = 1 << 4,         /* REPLY: its server has gone with the call in hand */
	/* REQUEST, REPLY: the payload begins with references to the client's shared memory, see
	   reference.h */
	MQCI_FRAME_REFERS = 1 << 5
};

/*
 * Who a one-way request's key was made for, the owner of the reply queue: the
 * request says it itself, so that it can be checked when the client has gone.
 */
typedef struct mqci_departed {
	uint32_t uid;
	uint32_t gid;
	uint32_t inode; /* as the kernel numbers queues */
} mqci_departed;

/* From the flags on, what has a place in the header is in the same place here. */
typedef struct mqci_frame {
	mqci_frame_type type;
	uint16_t flags;
	uint16_t cpu;
	uint32_t unused; /* where the header has the size */
	uint32_t thread;
	uint64_t session;
	uint64_t key;
	uint64_t call;
	uint64_t code;
	int64_t deadline;
	uint64_t arena;
	const uint8_t *payload; /* within the message it was read from; MQCI_FRAME_ARENA: NULL */
	size_t size;
} mqci_frame;

/*
 * Payloads of the handshake. HELLO's key is a nonce, which only who can read the
 * request queue can repeat; its answer has the same. They may grow at the
 * end: a longer one is understood.
 */
typedef struct mqci_hello {
	uint32_t reply_size; /* largest message of the reply queue */
	uint32_t slots;      /* of the client's shared memory; 0: it has none */
	uint64_t region;     /* the bytes of one region for payloads there; 0: it has none */
} mqci_hello;

typedef struct mqci_welcome {
	uint64_t key;          /* the session key */
	uint32_t request_size; /* largest message of the request queue */
	int32_t pid;           /* the server process that answered */
	uint32_t lanes;        /* bit n: the endpoint has lane n; bit 0 always */
	uint32_t reserved;
} mqci_welcome;

static inline void mqci_departed_tell(mqci_departed owner, mqci_frame *frame)
{
	frame->thread = owner.uid;
	frame->arena = (uint64_t)owner.gid << 32 | owner.inode;
}

static inline mqci_departed mqci_departed_of(const mqci_frame *frame)
{
	return (mqci_departed){
		.uid = frame->thread,
		.gid = (uint32_t)(frame->arena >> 32),
		.inode = (uint32_t)frame->arena,
	};
}

/* The bytes that a frame with a payload of `size`, not in an arena, takes in a message. */
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
 * or points there. With MQCI_FRAME_ARENA there is only the header. Returns the
 * frame's space.
 */
size_t mqci_frame_encode(const mqci_frame *frame, uint8_t *to);

typedef enum mqci_verdict {
	MQCI_FRAME_OK,
	MQCI_FRAME_END,         /* the message is used up */
	MQCI_FRAME_TRUNCATED,   /* it ends within a frame */
	MQCI_FRAME_BAD_MAGIC,   /* not a frame */
	MQCI_FRAME_BAD_VERSION, /* of another version; session, key and call are set */
	MQCI_FRAME_BAD_FIELD    /* an unknown type, or fields in use that it has not */
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
