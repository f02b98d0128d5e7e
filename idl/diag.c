/*
 * diag.c - what is wrong with the input, and where: a list, sorted when printed.
 */
#include "diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void idl_diags_done(idl_diags *diags)
{
	idl_arena_done(&diags->arena);
	*diags = (idl_diags){0};
}

static void add(idl_diags *diags, idl_severity severity, idl_place place, const char *text)
{
	idl_diag *diag = idl_arena_alloc(&diags->arena, sizeof(*diag));

	*diag = (idl_diag){.severity = severity, .place = place, .text = text};
	if (place.file != NULL)
		diag->place.file = idl_arena_strdup(&diags->arena, place.file);
	if (diags->last != NULL)
		diags->last->next = diag;
	else
		diags->first = diag;
	diags->last = diag;
	if (severity == IDL_ERROR)
		diags->n_errors++;
	else
		diags->n_warnings++;
}

static const char *vprint(idl_arena *arena, const char *format, va_list arguments) MQC_PRINTF(2, 0);

static const char *vprint(idl_arena *arena, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return format;
	text = idl_arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

void idl_error(idl_diags *diags, idl_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(diags, IDL_ERROR, place, vprint(&diags->arena, format, arguments));
	va_end(arguments);
}

void idl_warning(idl_diags *diags, idl_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(diags, IDL_WARNING, place, vprint(&diags->arena, format, arguments));
	va_end(arguments);
}

/* A number between colons: ":12:" gives 12 and moves past it. */
static bool take_number(const char **cursor, int *ret_number)
{
	char *end;
	long number;

	if (**cursor != ':' || !isdigit((unsigned char)(*cursor)[1]))
		return false;
	number = strtol(*cursor + 1, &end, 10);
	if (*end != ':' || number > 1000000000)
		return false;
	*cursor = end;
	*ret_number = (int)number;
	return true;
}

/* A file that protoc names in the middle of its warning, or NULL. */
static const char *find_file(idl_diags *diags, const char *text)
{
	static const char before[] = "No syntax specified for the proto file: ";
	const char *name = text + strlen(before);
	const char *end;

	if (strncmp(text, before, strlen(before)) != 0)
		return NULL;
	end = strstr(name, ". Please use ");
	return end != NULL ? idl_arena_strndup(&diags->arena, name, (size_t)(end - name)) : NULL;
}

/* One line of protoc's: the place, if it begins with one, and the text. */
static void add_line(idl_diags *diags, char *line, bool succeeded)
{
	idl_severity severity = succeeded ? IDL_WARNING : IDL_ERROR;
	idl_place place = {0};
	const char *text = line;

	for (char *colon = strchr(line, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		const char *cursor = colon;

		int number;
		int column;

		if (take_number(&cursor, &number) && take_number(&cursor, &column)) {
			*colon = '\0';
			place = (idl_place){line, number, column};
			text = cursor + 1;
			break;
		}
		if (colon[1] == ' ' && place.file == NULL &&
		    ((colon - line > 6 && memcmp(colon - 6, ".proto", 6) == 0) ||
		     strncmp(colon, ": warning: ", 11) == 0)) {
			/* "missing.proto: File not found.", "missing: warning: directory ..." */
			*colon = '\0';
			place = (idl_place){.file = line};
			text = colon + 1;
			break;
		}
	}
	if (strncmp(text, "[libprotobuf WARNING", 20) == 0 && strchr(text, ']') != NULL) {
		text = strchr(text, ']') + 1;
		severity = IDL_WARNING;
	}
	while (*text == ' ')
		text++;
	if (strncmp(text, "warning: ", 9) == 0) {
		severity = IDL_WARNING;
		text += 9;
	}
	if (place.file == NULL)
		place.file = find_file(diags, text);
	add(diags, severity, place, idl_arena_strdup(&diags->arena, text));
}

void idl_diags_add_protoc(idl_diags *diags, const char *said, bool succeeded)
{
	while (*said != '\0') {
		size_t length = strcspn(said, "\n");

		if (length > 0)
			add_line(diags, idl_arena_strndup(&diags->arena, said, length), succeeded);
		said += length;
		if (*said == '\n')
			said++;
	}
}

void idl_diags_rename(idl_diags *diags, const char *file, const char *shown)
{
	const char *copy = idl_arena_strdup(&diags->arena, shown);

	for (idl_diag *diag = diags->first; diag != NULL; diag = diag->next) {
		if (diag->place.file != NULL && strcmp(diag->place.file, file) == 0)
			diag->place.file = copy;
	}
}

void idl_diags_replace(idl_diags *diags, idl_place place, const char *text)
{
	idl_diag *diag = diags->first;

	diags->first = diags->last = NULL;
	while (diag != NULL) {
		idl_diag *next = diag->next;

		diag->next = NULL;
		if (diag->place.file != NULL && strcmp(diag->place.file, place.file) == 0) {
			if (diag->severity == IDL_ERROR)
				diags->n_errors--;
			else
				diags->n_warnings--;
		} else if (diags->last == NULL) {
			diags->first = diags->last = diag;
		} else {
			diags->last->next = diag;
			diags->last = diag;
		}
		diag = next;
	}
	idl_error(diags, place, "%s", text);
}

/* A diagnostic and what it is sorted by. */
typedef struct entry {
	const idl_diag *diag;
	size_t file; /* the first diagnostic of the same file */
	size_t index;
} entry;

static int compare_entries(const void *a, const void *b)
{
	const entry *x = a;
	const entry *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->diag->place.line != y->diag->place.line)
		return x->diag->place.line < y->diag->place.line ? -1 : 1;
	if (x->diag->place.column != y->diag->place.column)
		return x->diag->place.column < y->diag->place.column ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t first_of_same_file(const entry *entries, size_t index)
{
	const char *file = entries[index].diag->place.file;

	for (size_t i = index; i > 0; i--) {
		const char *other = entries[i - 1].diag->place.file;

		if (file == NULL ? other == NULL : other != NULL && strcmp(file, other) == 0)
			return entries[i - 1].file;
	}
	return index;
}

static void format_one(const idl_diag *diag, idl_text *text)
{
	const idl_place *place = &diag->place;

	idl_text_add(text, place->file != NULL ? place->file : "mqcallc");
	if (place->line > 0)
		idl_text_addf(text, ":%d:%d", place->line, place->column);
	idl_text_addf(text, ": %s: %s\n", diag->severity == IDL_ERROR ? "error" : "warning",
		      diag->text);
}

void idl_diags_format(const idl_diags *diags, idl_text *text)
{
	size_t count = diags->n_errors + diags->n_warnings;
	entry *entries;
	size_t i = 0;

	if (count == 0)
		return;
	entries = idl_realloc(NULL, count * sizeof(*entries));
	for (const idl_diag *diag = diags->first; diag != NULL; diag = diag->next, i++) {
		entries[i] = (entry){.diag = diag, .index = i};
		entries[i].file = first_of_same_file(entries, i);
	}
	qsort(entries, count, sizeof(*entries), compare_entries);
	for (i = 0; i < count; i++)
		format_one(entries[i].diag, text);
	free(entries);
}

const char *idl_place_string(idl_arena *arena, idl_place place)
{
	if (place.file == NULL)
		return "(unknown place)";
	if (place.line == 0)
		return place.file;
	return idl_arena_printf(arena, "%s:%d:%d", place.file, place.line, place.column);
}
