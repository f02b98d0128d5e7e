/*
 * edition.c - .proto files that have an edition, where protoc knows of none.
 *
 * Such a protoc expects any statement in its place, takes the file for proto2
 * and stumbles over the rest.
 */
#include "edition.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

/* Behind spaces and comments. */
static const char *skip_space(const char *c)
{
	for (;;) {
		const char *end = NULL;

		while (isspace((unsigned char)*c))
			c++;
		if (c[0] == '/' && c[1] == '/')
			end = strchr(c, '\n');
		else if (c[0] == '/' && c[1] == '*' && strstr(c + 2, "*/") != NULL)
			end = strstr(c + 2, "*/") + 2;
		if (end == NULL)
			return c;
		c = end;
	}
}

static bool is_edition(const char *c)
{
	static const char word[] = "edition";

	return strncmp(c, word, strlen(word)) == 0 && *skip_space(c + strlen(word)) == '=';
}

/* Columns as protoc counts them: a tab goes to the next multiple of 8. */
static void locate(const char *begin, const char *at, int *ret_line, int *ret_column)
{
	int line = 1;
	int column = 1;

	for (; begin < at; begin++) {
		if (*begin == '\n') {
			line++;
			column = 1;
		} else if (*begin == '\t') {
			column += 8 - (column - 1) % 8;
		} else {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

bool idl_edition_find(const char *path, int *ret_line, int *ret_column)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	idl_text text = {0};
	bool found = false;

	if (fd < 0)
		return false;
	if (idl_text_read(&text, fd) == 0) {
		const char *begin = idl_text_string(&text);
		const char *first = skip_space(begin);

		found = is_edition(first);
		if (found)
			locate(begin, first, ret_line, ret_column);
	}
	(void)close(fd); /* nothing was written */
	idl_text_done(&text);
	return found;
}
