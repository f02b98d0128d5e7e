/*
 * extras.c - what travels in front of a payload: metadata, and the detail of a status.
 *
 * One set of rules is for what a program gives and for what comes out of a
 * message, so that neither side can send what the other one refuses.
 */
#include "extras.h"

#include <string.h>

#include "error.h"

struct entry {
	uint8_t kind;
	uint8_t zero;
	uint16_t key_size;
	uint32_t value_size;
};

_Static_assert(sizeof(struct entry) == MQCI_EXTRA_HEAD, "the head of an entry has no padding");

static bool is_alphanumeric(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether a key is one character or more, each a letter, a digit or one of `others`. */
static bool is_made_of(const char *key, size_t size, const char *others)
{
	for (size_t i = 0; i < size; i++)
		if (key[i] == '\0' ||
		    (!is_alphanumeric((unsigned char)key[i]) && strchr(others, key[i]) == NULL))
			return false;
	return size > 0;
}

static bool is_key(const char *key, size_t size)
{
	return size <= MQCI_KEY_MAX && is_made_of(key, size, "!#$%&'*+-.^_`|~");
}

static bool is_type(const char *type, size_t size)
{
	return size <= MQCI_TYPE_MAX && is_made_of(type, size, "._");
}

/* How many bytes follow the first one of a character of UTF-8, and the least it may then be. */
static int continuation(uint8_t first, uint32_t *ret_least)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	int more = -1;

	if (first < 0x80)
		more = 0;
	else if (first >= 0xc2 && first < 0xe0)
		more = 1;
	else if (first >= 0xe0 && first < 0xf0)
		more = 2;
	else if (first >= 0xf0 && first < 0xf5)
		more = 3;
	*ret_least = more < 0 ? 0 : least[more];
	return more;
}

/* Whether this is UTF-8 without a zero: no bytes too many, no surrogates, nothing beyond Unicode.
 */
static bool is_text(const uint8_t *text, size_t size)
{
	const uint8_t *end = text + size;

	while (text < end) {
		uint32_t least, character;
		int more = continuation(*text, &least);

		if (*text == 0 || more < 0 || more >= end - text)
			return false;
		character = *text++ & (0x7fU >> (more > 0 ? more + 1 : 0));
		for (; more > 0; more--, text++) {
			if ((*text & 0xc0) != 0x80)
				return false;
			character = character << 6 | (*text & 0x3fU);
		}
		if (character < least || character > 0x10ffff ||
		    (character >= 0xd800 && character < 0xe000))
			return false;
	}
	return true;
}

int mqci_extras_pair(const char *key, const char *value, mqci_extra *ret_extra)
{
	mqci_extra pair = {.kind = MQCI_PAIR, .key = key, .value = (const uint8_t *)value};

	if (key == NULL || value == NULL)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a pair of metadata has no %s: NULL is not possible, an empty "
				 "value is",
				 key == NULL ? "key" : "value");
	pair.key_size = strnlen(key, MQCI_KEY_MAX + 1);
	pair.value_size = strnlen(value, MQCI_VALUE_MAX + 1);
	if (!is_key(key, pair.key_size))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "\"%.64s\" is not possible as a key of metadata: it has 1 to %d "
				 "letters, digits and characters of !#$%%&'*+-.^_`|~",
				 key, MQCI_KEY_MAX);
	if (pair.value_size > MQCI_VALUE_MAX)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "the value of %.64s is too long for metadata: it can have %d "
				 "bytes; what is longer belongs into the message",
				 key, MQCI_VALUE_MAX);
	if (!is_text(pair.value, pair.value_size))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "the value of %.64s is not UTF-8, and so not possible in "
				 "metadata; other bytes belong into the message",
				 key);
	*ret_extra = pair;
	return MQC_OK;
}

int mqci_extras_detail(const char *type, const uint8_t *bytes, size_t size, mqci_extra *ret_extra)
{
	const mqci_extra detail = {
		.kind = MQCI_DETAIL,
		.key = type,
		.key_size = strnlen(type, MQCI_TYPE_MAX + 1),
		.value = bytes,
		.value_size = size,
	};

	if (!is_type(type, detail.key_size))
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "\"%.64s\" is not possible as the type of a detail: its name has "
				 "1 to %d letters, digits, dots and underscores",
				 type, MQCI_TYPE_MAX);
	if (size > MQCI_DETAIL_MAX)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "a detail of type %.256s has %zu bytes, and can have %d: what is "
				 "larger belongs into a reply",
				 type, size, MQCI_DETAIL_MAX);
	*ret_extra = detail;
	return MQC_OK;
}

/* A part of an entry; an empty one need not be anywhere. */
static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(to, bytes, size);
	return to + size;
}

uint8_t *mqci_extras_put(uint8_t *to, const mqci_extra *extra)
{
	const struct entry entry = {
		.kind = (uint8_t)extra->kind,
		.key_size = (uint16_t)extra->key_size,
		.value_size = (uint32_t)extra->value_size,
	};

	to = put_bytes(to, &entry, sizeof entry);
	to = put_bytes(to, extra->key, extra->key_size);
	return put_bytes(to, extra->value, extra->value_size);
}

size_t mqci_extras_close(uint8_t *block, uint8_t *end)
{
	size_t used = (size_t)(end - block), size = (used + 7) & ~(size_t)7;
	uint32_t word = (uint32_t)size;

	memcpy(block, &word, sizeof word);
	memset(end, 0, size - used);
	return size;
}

/* The entry at `bytes`, of which there are `left`; its limits are not looked at. */
static bool read_entry(const uint8_t *bytes, size_t left, mqci_extra *ret_extra)
{
	struct entry entry;

	if (left < sizeof entry)
		return false;
	memcpy(&entry, bytes, sizeof entry);
	left -= sizeof entry;
	if (entry.zero != 0 || entry.key_size > left || entry.value_size > left - entry.key_size)
		return false;
	bytes += sizeof entry;
	*ret_extra = (mqci_extra){
		.kind = (mqci_extra_kind)entry.kind,
		.key = (const char *)bytes,
		.key_size = entry.key_size,
		.value = bytes + entry.key_size,
		.value_size = entry.value_size,
	};
	return true;
}

/* Note an entry of a block that is being read, if it is one that may be there. */
static bool admit(mqci_extras *extras, const mqci_extra *extra)
{
	switch (extra->kind) {
	case MQCI_PAIR:
		if (++extras->n_pairs > MQCI_PAIRS_MAX || !is_key(extra->key, extra->key_size) ||
		    extra->value_size > MQCI_VALUE_MAX || !is_text(extra->value, extra->value_size))
			return false;
		extras->pairs_size += extra->key_size + extra->value_size;
		return true;
	case MQCI_DETAIL:
		if (extras->detail.key != NULL || !is_type(extra->key, extra->key_size) ||
		    extra->value_size > MQCI_DETAIL_MAX)
			return false;
		extras->detail = *extra;
		return true;
	}
	return false;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

bool mqci_extras_decode(const uint8_t *payload, size_t size, mqci_extras *ret_extras)
{
	mqci_extras extras = {0};
	mqci_extra extra;
	uint32_t block;
	size_t at = 0;

	if (size < sizeof block)
		return false;
	memcpy(&block, payload, sizeof block);
	if (block % 8 != 0 || block < MQCI_EXTRAS_HEAD + MQCI_EXTRA_HEAD || block > size)
		return false;
	extras.size = block;
	extras.entries = payload + MQCI_EXTRAS_HEAD;
	extras.entries_size = block - MQCI_EXTRAS_HEAD;
	/* Less than the head of an entry is padding; more of that, or none, would be in vain. */
	while (extras.entries_size - at >= MQCI_EXTRA_HEAD)
		if (!mqci_extras_next(&extras, &at, &extra) || !admit(&extras, &extra))
			return false;
	if (!is_zero(extras.entries + at, extras.entries_size - at))
		return false;
	*ret_extras = extras;
	return true;
}

bool mqci_extras_next(const mqci_extras *extras, size_t *at, mqci_extra *ret_extra)
{
	if (!read_entry(extras->entries + *at, extras->entries_size - *at, ret_extra))
		return false;
	*at += mqci_extra_space(ret_extra);
	return true;
}
