/*
 * forge.h - speaking the protocol by hand: what no client of the library would send.
 *
 * A forger is a client without the library: it has a reply queue of its own,
 * says hello, and sends whatever frames the test wants.
 */
#ifndef FORGE_H
#define FORGE_H

#include "frame.h"
#include "queue.h"

struct forger {
	mqci_queue requests; /* the endpoint's, to send to */
	mqci_queue replies;  /* its own, never blocking */
	uint64_t session;
	uint64_t key; /* once welcomed */
	uint64_t calls;
	uint8_t received[1024]; /* the message that the last frame came from */
	const uint8_t *rest;    /* what is left of it */
	size_t rest_size;
	unsigned messages; /* that have been received */
};

/* Make a forger with a reply queue of `messages`, and client number `number` of this process. */
void forger_open(struct forger *forger, const char *endpoint, unsigned number, size_t messages);

/* Say hello: false if no welcome comes for `ms`. */
bool forger_greet(struct forger *forger, int ms);

/* Both. */
void forger_join(struct forger *forger, const char *endpoint, unsigned number, size_t messages);

/* Without a goodbye. */
void forger_close(struct forger *forger);

/* Send bytes, waiting for room. */
void forger_send_bytes(const struct forger *forger, const void *bytes, size_t size);

/* Put a request behind others at `message`, of *size bytes; session and key as below. */
void forger_add(struct forger *forger, int method, int64_t number, uint8_t *message, size_t *size);

/* Send a frame; session and key, where 0, are the forger's. */
void forger_send(const struct forger *forger, mqci_frame frame);

/* Send a request of the service of things.h, method Count, with this number; gives its call. */
uint64_t forger_count(struct forger *forger, int64_t number);

/* The request's payload for that, at `to`; gives its size. */
size_t forger_number(int64_t number, uint8_t *to);

/* Wait for a frame: false if none comes for `ms`. */
bool forger_receive(struct forger *forger, int ms, mqci_frame *ret_frame);

#endif
