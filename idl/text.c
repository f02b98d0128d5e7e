/*
 * text.c - a buffer that grows as text or bytes are added to it.
 *
 * Capacity doubles, so that adding costs the same however much is there.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"

void idl_text_done(idl_text *text)
{
	free(text->bytes);
	*text = (idl_text){0};
}

char *idl_text_reserve(idl_text *text, size_t size)
{
	if (text->capacity - text->size <= size) {
		size_t capacity = text->capacity > 0 ? text->capacity : 256;

		while (capacity - text->size <= size && capacity <= SIZE_MAX / 2)
			capacity *= 2;
		if (capacity - text->size <= size)
			capacity = SIZE_MAX; /* more than there is: ends the program */
		text->bytes = idl_realloc(text->bytes, capacity);
		text->capacity = capacity;
	}
	text->bytes[text->size] = '\0';
	return text->bytes + text->size;
}

void idl_text_add_bytes(idl_text *text, const void *bytes, size_t size)
{
	char *room = idl_text_reserve(text, size);

	if (size > 0)
		memcpy(room, bytes, size);
	room[size] = '\0';
	text->size += size;
}

void idl_text_add(idl_text *text, const char *string)
{
	idl_text_add_bytes(text, string, strlen(string));
}

void idl_text_addf(idl_text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	idl_text_reserve(text, (size_t)length);
	va_start(arguments, format);
	vsnprintf(text->bytes + text->size, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->size += (size_t)length;
}

const char *idl_text_string(const idl_text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

int idl_text_read(idl_text *text, int fd)
{
	enum {
		PIECE = 64 * 1024
	};

	for (;;) {
		ssize_t n = read(fd, idl_text_reserve(text, PIECE), PIECE);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			text->size += (size_t)n;
	}
}

int idl_text_write(const idl_text *text, int fd)
{
	size_t done = 0;

	while (done < text->size) {
		ssize_t n = write(fd, text->bytes + done, text->size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}
