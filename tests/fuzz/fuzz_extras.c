/*
 * fuzz_extras.c - any bytes as a payload that begins with metadata and a detail, or references.
 *
 * Besides that nothing crashes or leaks: what was read obeys the rules for what is
 * given, and comes out the same when it is written again, byte for byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extras.h"
#include "metadata.h"
#include "reference.h"
#include "target.h"

const char fuzz_target[] = "extras";

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_extras: %s\n", what);
	abort();
}

/* A part of an entry as a string of C. */
static char *copy(const void *bytes, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL, "no memory");
	memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

/* What may be received could have been given, and is then the same. */
static void try_rules(const mqci_extra *extra)
{
	char *key = copy(extra->key, extra->key_size);
	char *value = copy(extra->value, extra->value_size);
	mqci_extra given;
	int r;

	if (extra->kind == MQCI_PAIR)
		r = mqci_extras_pair(key, value, &given);
	else
		r = mqci_extras_detail(key, extra->value, extra->value_size, &given);
	must(r == 0, "what was read may not be given");
	must(given.kind == extra->kind && given.key_size == extra->key_size &&
		     given.value_size == extra->value_size,
	     "what was read is another thing when it is given");
	free(key);
	free(value);
}

/* As a reply: what the caller gets is what was read. */
static void try_reply(const uint8_t *bytes, size_t size, const mqci_extras *extras)
{
	mqci_frame reply = {.flags = MQCI_FRAME_EXTRAS, .payload = bytes, .size = size};
	mqc_pairs *pairs = NULL;
	mqci_extra extra, detail;
	size_t at = 0, i = 0;

	must(mqci_metadata_take("fuzz", &reply, &pairs, &detail) == MQC_OK, "no reply");
	must(reply.payload == bytes + extras->size && reply.size == size - extras->size,
	     "another payload behind the block");
	must((pairs != NULL) == (extras->n_pairs > 0), "pairs without any");
	while (mqci_extras_next(extras, &at, &extra)) {
		if (extra.kind != MQCI_PAIR)
			continue;
		must(i < pairs->n && strlen(pairs->pairs[i].key) == extra.key_size &&
			     strlen(pairs->pairs[i].value) == extra.value_size &&
			     memcmp(pairs->pairs[i].key, extra.key, extra.key_size) == 0 &&
			     memcmp(pairs->pairs[i].value, extra.value, extra.value_size) == 0,
		     "another pair");
		i++;
	}
	must(i == extras->n_pairs, "pairs are missing");
	free(pairs);
}

/* The same bytes as a block of references. */
static void try_references(const uint8_t *bytes, size_t size)
{
	uint8_t again[sizeof(mqci_references)];
	mqci_references references;
	size_t block;

	block = mqci_references_decode(bytes, size, &references);
	if (block == 0)
		return;
	must(block <= size && block == mqci_references_space(references.n), "another size");
	for (unsigned i = 0; i < references.n; i++)
		must(references.all[i].size > 0 &&
			     references.all[i].offset + references.all[i].size >=
				     references.all[i].size,
		     "bytes that are nowhere");
	mqci_references_encode(&references, again);
	must(memcmp(again, bytes, block) == 0, "other references when written again");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	mqci_extras extras;
	mqci_extra extra;
	size_t at = 0, n_pairs = 0, pairs_size = 0, n_details = 0;
	uint8_t *again, *end;

	try_references(bytes, size);
	if (!mqci_extras_decode(bytes, size, &extras))
		return 0;
	must(extras.size <= size, "a block larger than the payload");
	again = malloc(extras.size);
	must(again != NULL, "no memory");
	end = again + MQCI_EXTRAS_HEAD;
	while (mqci_extras_next(&extras, &at, &extra)) {
		must((const uint8_t *)extra.key >= bytes &&
			     extra.value + extra.value_size <= bytes + extras.size,
		     "an entry outside the block");
		try_rules(&extra);
		if (extra.kind == MQCI_DETAIL) {
			n_details++;
			must(extra.key == extras.detail.key, "another detail");
		} else {
			n_pairs++;
			pairs_size += extra.key_size + extra.value_size;
		}
		end = mqci_extras_put(end, &extra);
	}
	must(n_pairs == extras.n_pairs && pairs_size == extras.pairs_size, "a miscount");
	must(n_details == (extras.detail.key != NULL), "a detail too many, or too few");
	must(mqci_extras_close(again, end) == extras.size, "another size when written again");
	must(memcmp(again, bytes, extras.size) == 0, "other bytes when written again");
	free(again);
	try_reply(bytes, size, &extras);
	return 0;
}
