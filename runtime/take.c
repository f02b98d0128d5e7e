/*
 * take.c - taking the parts of a reply out of it, for function-form stubs.
 *
 * A reply unpacked with malloc() owns its strings and bytes, except those that
 * protobuf-c shares between messages. What is taken is the caller's; the
 * message is left with nothing where it was, and can be freed as ever.
 */
#include <mqcall/mqcall.h>

#include <stdlib.h>
#include <string.h>

#include "error.h"

int mqc_take_string(char **field, const char *shared, char **ret_text)
{
	char *text = *field;

	if (text != NULL && (text == shared || text == protobuf_c_empty_string)) {
		text = strdup(text);
		if (text == NULL)
			return mqci_no_memory("a string of the reply");
	}
	*field = NULL;
	*ret_text = text;
	return MQC_OK;
}

int mqc_take_bytes(ProtobufCBinaryData *field, const uint8_t *shared, uint8_t **ret_data,
		   size_t *ret_len)
{
	ProtobufCBinaryData bytes = *field;

	if (bytes.len > 0 && bytes.data == shared) {
		bytes.data = malloc(bytes.len);
		if (bytes.data == NULL)
			return mqci_no_memory("bytes of the reply");
		memcpy(bytes.data, shared, bytes.len);
	} else if (bytes.len == 0) {
		bytes.data = NULL;
		if (field->data != shared)
			free(field->data);
	}
	field->data = NULL;
	field->len = 0;
	*ret_data = bytes.data;
	*ret_len = bytes.len;
	return MQC_OK;
}
