/*
 * reference.c - bytes of a message that lie in the client's shared memory, and not in the payload.
 */
#include "reference.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(mqci_reference) == 24, "a reference has no padding");

void mqci_references_encode(const mqci_references *references, uint8_t *to)
{
	memcpy(to, references, mqci_references_space(references->n));
}

static bool is_sound(const mqci_reference *reference)
{
	return reference->field > 0 && reference->zero == 0 && reference->size > 0 &&
	       reference->size <= SIZE_MAX && reference->size <= UINT64_MAX - reference->offset;
}

size_t mqci_references_decode(const uint8_t *payload, size_t size, mqci_references *ret_references)
{
	mqci_references references;

	/* What is checked is a copy: the payload may lie where others can write. */
	if (size < mqci_references_space(0))
		return 0;
	memcpy(&references, payload, mqci_references_space(0));
	if (references.n == 0 || references.n > MQCI_REFERENCES_MAX || references.zero != 0 ||
	    size < mqci_references_space(references.n))
		return 0;
	memcpy(references.all, payload + mqci_references_space(0),
	       references.n * sizeof references.all[0]);
	for (unsigned i = 0; i < references.n; i++)
		if (!is_sound(&references.all[i]))
			return 0;
	ret_references->n = references.n;
	ret_references->zero = 0;
	memcpy(ret_references->all, references.all, references.n * sizeof references.all[0]);
	return mqci_references_space(references.n);
}
