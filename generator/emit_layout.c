/*
 * emit_layout.c - how text is laid out: lists of parameters and comments.
 */
#include "emit.h"

#include <string.h>

#include "comment.h"

enum {
	TAB = 8
};

void emit_list_add(emit_list *list, const char *part)
{
	if (list->count < sizeof(list->parts) / sizeof(list->parts[0]))
		list->parts[list->count++] = part;
}

/* The column after `text`, which begins a line. */
static size_t column_after(const char *text)
{
	size_t column = 0;

	for (; *text != '\0'; text++)
		column = *text == '\t' ? (column / TAB + 1) * TAB : column + 1;
	return column;
}

static void new_line(idl_text *text, size_t column)
{
	idl_text_add(text, "\n");
	for (size_t i = 0; i < column / TAB; i++)
		idl_text_add(text, "\t");
	for (size_t i = 0; i < column % TAB; i++)
		idl_text_add(text, " ");
}

void emit_list_write(idl_text *text, const char *head, const emit_list *list, const char *tail)
{
	size_t first = column_after(head) + 1;
	size_t column = first;

	if (first > EMIT_WIDTH / 2)
		first = column_after(head) - strlen(head + strspn(head, "\t")) + TAB;
	idl_text_addf(text, "%s(", head);
	for (size_t i = 0; i < list->count; i++) {
		bool last = i + 1 == list->count;
		size_t length = strlen(list->parts[i]) + (last ? strlen(tail) : 1);

		if (i > 0 && column + 1 + length > EMIT_WIDTH) {
			new_line(text, first);
			column = first;
		} else if (i > 0) {
			idl_text_add(text, " ");
			column++;
		}
		idl_text_addf(text, "%s%s", list->parts[i], last ? "" : ",");
		column += length;
	}
	idl_text_add(text, tail);
}

void emit_comment(idl_text *text, const char *comment, const char *indent)
{
	idl_arena arena = {0};
	const char *clean = comment_clean(&arena, comment);
	const char *end = strchr(clean, '\n');

	if (*clean != '\0' && end == NULL && strlen(clean) + 6 + TAB <= EMIT_WIDTH) {
		idl_text_addf(text, "%s/* %s */\n", indent, clean);
	} else if (*clean != '\0') {
		idl_text_addf(text, "%s/*\n", indent);
		for (const char *line = clean; line != NULL; line = end != NULL ? end + 1 : NULL) {
			end = strchr(line, '\n');
			idl_text_addf(text, "%s *%s%.*s\n", indent,
				      *line == '\n' || *line == '\0' ? "" : " ",
				      end != NULL ? (int)(end - line) : (int)strlen(line), line);
		}
		idl_text_addf(text, "%s */\n", indent);
	}
	idl_arena_done(&arena);
}
