/*
 * text.h - a buffer that grows as text or bytes are added to it.
 *
 * Always followed by a NUL that is not counted. All zero is an empty one.
 */
#ifndef MQCALL_IDL_TEXT_H
#define MQCALL_IDL_TEXT_H

#include <stddef.h>

#include <mqcall/status.h>

typedef struct idl_text {
	char *bytes; /* NULL while nothing was added */
	size_t size;
	size_t capacity;
} idl_text;

void idl_text_done(idl_text *text);

/* Room for `size` more bytes; to be counted into text->size by the caller. */
char *idl_text_reserve(idl_text *text, size_t size);

void idl_text_add_bytes(idl_text *text, const void *bytes, size_t size);
void idl_text_add(idl_text *text, const char *string);
void idl_text_addf(idl_text *text, const char *format, ...) MQC_PRINTF(2, 3);

/* Add all that can be read, or write all there is. Return 0 or a negative errno. */
int idl_text_read(idl_text *text, int fd);
int idl_text_write(const idl_text *text, int fd);

/* The text as a string: never NULL, valid until the next change. */
const char *idl_text_string(const idl_text *text);

#endif
