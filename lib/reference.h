/*
 * reference.h - bytes of a message that lie in the client's shared memory, and not in the payload.
 *
 * A payload with MQCI_FRAME_REFERS begins with a block of them, before extras and
 * message: a u32, how many there are, a u32 that is 0, and then these. Each names a
 * field of the message, of type bytes, and where its bytes are. In the message that
 * field is empty.
 */
#ifndef MQCI_REFERENCE_H
#define MQCI_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/* In one message. */
#define MQCI_REFERENCES_MAX 8

typedef struct mqci_reference {
	uint32_t field; /* its number in the .proto */
	uint32_t zero;
	uint64_t offset;
	uint64_t size; /* never 0 */
} mqci_reference;

typedef struct mqci_references {
	uint32_t n;
	uint32_t zero;
	mqci_reference all[MQCI_REFERENCES_MAX];
} mqci_references;

/* The size of a block: a multiple of 8. */
static inline size_t mqci_references_space(unsigned n)
{
	return offsetof(mqci_references, all) + n * sizeof(mqci_reference);
}

/* How many bytes they refer to, in all. */
static inline size_t mqci_references_total(const mqci_references *references)
{
	size_t total = 0;

	for (unsigned i = 0; i < references->n; i++)
		total += (size_t)references->all[i].size;
	return total;
}

void mqci_references_encode(const mqci_references *references, uint8_t *to);

/*
 * Read the block that a payload of `size` bytes begins with: its size, or 0 when it
 * is none. Where the bytes are said to be is sound in itself; whether they are
 * there is for others to find out.
 */
size_t mqci_references_decode(const uint8_t *payload, size_t size, mqci_references *ret_references);

#endif
