/*
 * comment.c - comments of a .proto, fit to stand in a comment of C.
 *
 * What compilers stumble over in a comment: an end of comment, a beginning of
 * one (-Wcomment), a backslash or its trigraph before the end of a line, bytes
 * that are no UTF-8 (-Winvalid-utf8) and characters that change the direction of
 * writing (-Wbidi-chars), which could make code look like comment.
 */
#include "comment.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "idl/text.h"

/* Decode one character. Returns its length, 0 if it is no UTF-8. */
static size_t decode(const unsigned char *s, uint32_t *ret_character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80             ? 1
			: (s[0] & 0xe0) == 0xc0 ? 2
			: (s[0] & 0xf0) == 0xe0 ? 3
			: (s[0] & 0xf8) == 0xf0 ? 4
						: 0;
	uint32_t c = length == 1 ? s[0] : length == 0 ? 0 : s[0] & (0x7fU >> length);

	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (length == 0 || c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_character = c;
	return length;
}

static bool is_direction_mark(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
	       c == 0x200f || c == 0x061c;
}

static char last_of(const idl_text *text)
{
	return text->size > 0 ? text->bytes[text->size - 1] : '\n';
}

static void end_line(idl_text *text)
{
	while (text->size > 0 && (last_of(text) == ' ' || last_of(text) == '\t'))
		text->size--;
	if (last_of(text) == '\\' ||
	    (text->size >= 3 && memcmp(text->bytes + text->size - 3, "?\?/", 3) == 0))
		idl_text_add(text, ".");
	idl_text_add(text, "\n");
}

static void add_character(idl_text *text, const char *s, size_t length, uint32_t c)
{
	char last = last_of(text);

	if (c == '\r' || is_direction_mark(c))
		return;
	if ((c < 0x20 && c != '\t') || c == 0x7f) {
		idl_text_add_bytes(text, " ", 1);
		return;
	}
	if ((last == '*' && c == '/') || (last == '/' && c == '*'))
		idl_text_add_bytes(text, " ", 1);
	idl_text_add_bytes(text, s, length);
}

static void add_line(idl_text *text, const char *line, size_t length)
{
	size_t i = 0;

	if (length > 0 && line[0] == ' ')
		i++;
	while (i < length) {
		uint32_t c = 0;
		size_t n = decode((const unsigned char *)line + i, &c);

		if (n == 0 || i + n > length) {
			idl_text_add_bytes(text, "?", 1);
			i++;
		} else {
			add_character(text, line + i, n, c);
			i += n;
		}
	}
	end_line(text);
}

const char *comment_clean(idl_arena *arena, const char *comment)
{
	idl_text text = {0};
	const char *clean;
	size_t blank = 0;

	while (*comment != '\0') {
		size_t length = strcspn(comment, "\n");

		add_line(&text, comment, length);
		comment += length;
		if (*comment == '\n')
			comment++;
	}
	while (text.size > 0 && last_of(&text) == '\n')
		text.size--;
	while (blank < text.size && text.bytes[blank] == '\n')
		blank++;
	clean = idl_arena_strndup(arena, idl_text_string(&text) + blank, text.size - blank);
	idl_text_done(&text);
	return clean;
}
