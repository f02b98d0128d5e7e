/*
 * extras.h - what travels in front of a payload: metadata, and the detail of a status.
 *
 * The payload of a frame with MQCI_FRAME_EXTRAS begins with a block,
 *
 *	 0  u32 size        of the block: this word, the entries, the padding
 *	 4  entries         one or more, without anything between them
 *	    padding         zeroes, to a multiple of 8
 *
 * and what the payload is without it comes behind. An entry is
 *
 *	 0  u8  kind        1: a pair of metadata; 2: the detail of a status
 *	 1  u8  0
 *	 2  u16 key size
 *	 4  u32 value size
 *	 8  key, value      neither ends with a zero
 *
 * A pair is text: its key a token as HTTP's header names are, its value UTF-8.
 * Keys may come again, and pairs keep their order. A detail is a message, its
 * key the full name of the type; there is one at most.
 *
 * The decoder is given whatever somebody wrote and believes none of it.
 */
#ifndef MQCI_EXTRAS_H
#define MQCI_EXTRAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits, in bytes but for the first. */
#define MQCI_PAIRS_MAX 64
#define MQCI_KEY_MAX 256
#define MQCI_VALUE_MAX 4096
#define MQCI_TYPE_MAX 1024
#define MQCI_DETAIL_MAX 65536

/* Before the entries of a block, and before the key of an entry. */
#define MQCI_EXTRAS_HEAD 4
#define MQCI_EXTRA_HEAD 8

typedef enum mqci_extra_kind {
	MQCI_PAIR = 1,
	MQCI_DETAIL = 2
} mqci_extra_kind;

typedef struct mqci_extra {
	mqci_extra_kind kind;
	const char *key; /* neither this nor the value ends with a zero */
	size_t key_size;
	const uint8_t *value;
	size_t value_size;
} mqci_extra;

/*
 * MQC_INVALID_ARGUMENT unless this is a pair of metadata as a program gives it,
 * with zeroes at the ends; the text says what is wrong with it.
 */
int mqci_extras_pair(const char *key, const char *value, mqci_extra *ret_extra);

/* The same of a detail. */
int mqci_extras_detail(const char *type, const uint8_t *bytes, size_t size, mqci_extra *ret_extra);

/* ------------------------------------------------------------- writing -- */

static inline size_t mqci_extra_space(const mqci_extra *extra)
{
	return MQCI_EXTRA_HEAD + extra->key_size + extra->value_size;
}

/* The size of a block whose entries take `entries` bytes; 0 for no entries. */
static inline size_t mqci_extras_space(size_t entries)
{
	return entries == 0 ? 0 : (MQCI_EXTRAS_HEAD + entries + 7) & ~(size_t)7;
}

/* Write an entry at `to`; returns its end. The first one is at block + MQCI_EXTRAS_HEAD. */
uint8_t *mqci_extras_put(uint8_t *to, const mqci_extra *extra);

/* Write the size of a block whose entries end at `end`, and its padding. Returns the size. */
size_t mqci_extras_close(uint8_t *block, uint8_t *end);

/* ------------------------------------------------------------- reading -- */

/* A block that has been checked; it points into the payload that it was read from. */
typedef struct mqci_extras {
	size_t size; /* of the block */
	const uint8_t *entries;
	size_t entries_size; /* with the padding */
	size_t n_pairs;
	size_t pairs_size; /* of their keys and values */
	mqci_extra detail; /* its key is NULL where there is none */
} mqci_extras;

/* Read the block that a payload of `size` bytes begins with. False when it is none. */
bool mqci_extras_decode(const uint8_t *payload, size_t size, mqci_extras *ret_extras);

/*
 * Give the entry at `*at`, which begins as 0, and move on. False when there is
 * none; nor is what it gives outside the block, even if that changes meanwhile.
 */
bool mqci_extras_next(const mqci_extras *extras, size_t *at, mqci_extra *ret_extra);

#endif
