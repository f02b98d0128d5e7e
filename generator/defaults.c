/*
 * defaults.c - default values of proto2, which protoc-gen-c does not write as they are.
 *
 * - Numbers with a point get 6 digits, or 15, which is not what the .proto says
 *   and can be out of range; what is infinite, no number or the negative zero
 *   becomes `inf`, `nan` and 0. Instead of such a value protoc-gen-c is told of a
 *   number that nobody has, another one for each field, which then gives way to
 *   the value.
 * - The least integer is written as a constant that has no type: the same is
 *   done with it.
 * - A trigraph in a string would change it.
 * - A string of more than 4095 characters is more than C11 promises, and a
 *   warning: it becomes an array.
 */
#include "defaults.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LONGEST_STRING = 4095, /* of C11, 5.2.4.1 */
	LINE_WIDTH = 100
};

/* What protoc-gen-c is told and writes instead of the least integer. */
#define INT64_TOLD "-9223372036854711259"
#define INT64_WRITTEN "-9223372036854711259ll"

/* ------------------------------------------------------------ numbers -- */

/* Is it a number as descriptors have it? Then nothing of it is left behind the number. */
static bool parse(const char *text, double *ret_value)
{
	char *end;

	if (strcmp(text, "inf") != 0 && strcmp(text, "-inf") != 0 && strcmp(text, "nan") != 0 &&
	    (*text == '\0' || strspn(text, "0123456789.eE+-") != strlen(text)))
		return false;
	*ret_value = strtod(text, &end);
	return *end == '\0';
}

/* Does it come out the same with so many digits, which a float has as well as a double? */
static bool comes_out(char *number, size_t size, double value, bool single, int digits)
{
	double again;

	snprintf(number, size, "%.*g", digits, value);
	again = strtod(number, NULL);
	return single ? (float)again == (float)value : again == value;
}

/* The value to the letter, in C, by the fewest digits that do it. */
static const char *literal_of(idl_arena *arena, double value, bool single)
{
	const char *end = single ? "f" : "";
	char number[64];
	int digits = 6;

	if (single)
		value = (double)(float)value;
	if (isnan(value))
		return "NAN";
	if (isinf(value))
		return value < 0 ? "-INFINITY" : "INFINITY";
	while (!comes_out(number, sizeof(number), value, single, digits) && digits < 17)
		digits++;
	return idl_arena_printf(arena, "%s%s%s", number, strpbrk(number, ".e") == NULL ? ".0" : "",
				end);
}

/* Will protoc-gen-c write the very value, and not in the form that the stand-ins have? */
static bool is_written_well(double value, bool single)
{
	char number[64];

	if (single)
		value = (double)(float)value;
	/* A double that only becomes the float is a warning to those who ask for such. */
	return !isnan(value) && !isinf(value) && !(value == 0 && signbit(value)) &&
	       comes_out(number, sizeof(number), value, false, single ? 6 : 15) &&
	       strchr(number, 'e') == NULL;
}

/*
 * A number that protoc-gen-c writes as it is told, whether as float or double:
 * six digits, of which the last is not 0. NULL: there are no more.
 */
static const char *stand_in(idl_arena *arena, size_t count)
{
	enum {
		NUMBERS = 10000, /* of each power of ten, */
		POWERS = 20,     /* of which there are so many, from this on down */
		GREATEST = 37
	};

	if (count >= (size_t)NUMBERS * POWERS)
		return NULL;
	return idl_arena_printf(arena, "8.%04d9e+%d", (int)(count % NUMBERS),
				GREATEST - (int)(count / NUMBERS));
}

/* What stands in for the default value of a float or double, and what gives way to. */
typedef struct replacement {
	const char *told;
	const char *by;
} replacement;

/* Returns whether the field has one. */
static bool replacement_of(idl_arena *arena, const idl_field *field, size_t *count,
			   replacement *ret_replacement)
{
	bool single = field->kind == IDL_FLOAT;
	double value;
	const char *told;

	if (field->default_text == NULL || (!single && field->kind != IDL_DOUBLE) ||
	    !parse(field->default_text, &value) || is_written_well(value, single))
		return false;
	told = stand_in(arena, *count);
	if (told == NULL)
		return false;
	*count += 1;
	*ret_replacement = (replacement){told, literal_of(arena, value, single)};
	return true;
}

const char *defaults_told(idl_arena *arena, const idl_field *field, size_t *count)
{
	replacement r;

	if (replacement_of(arena, field, count, &r))
		return r.told;
	if (field->default_text != NULL && field->kind == IDL_INT64 &&
	    strcmp(field->default_text, "-9223372036854775808") == 0)
		return INT64_TOLD;
	return field->default_text;
}

/* -------------------------------------------------------------- texts -- */

/* Replace every occurrence. Returns whether there was one. */
static bool replace(idl_text *text, const char *piece, const char *by)
{
	idl_text result = {0};
	const char *rest = idl_text_string(text);
	const char *found = strstr(rest, piece);

	if (found == NULL)
		return false;
	for (; found != NULL; found = strstr(rest, piece)) {
		idl_text_add_bytes(&result, rest, (size_t)(found - rest));
		idl_text_add(&result, by);
		rest = found + strlen(piece);
	}
	idl_text_add(&result, rest);
	idl_text_done(text);
	*text = result;
	return true;
}

static bool is_in_number(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

/* All stand-ins, in one way through the text. */
static void replace_numbers(idl_text *text, const idl_table *numbers)
{
	enum {
		LENGTH = 11 /* of 8.00009e+37 and a NUL, without the latter */
	};
	const char *const begin = idl_text_string(text);
	const char *rest = begin;
	const char *found = begin;
	idl_text result = {0};

	while ((found = strstr(found, "8.")) != NULL) {
		char number[LENGTH + 1] = {0};
		const char *by;

		strncpy(number, found, LENGTH);
		by = idl_table_find(numbers, number);
		if (by == NULL || (found > begin && is_in_number(found[-1])) ||
		    is_in_number(found[LENGTH])) {
			found++;
			continue;
		}
		idl_text_add_bytes(&result, rest, (size_t)(found - rest));
		idl_text_add(&result, by);
		found += LENGTH;
		rest = found;
	}
	idl_text_add(&result, rest);
	idl_text_done(text);
	*text = result;
}

/* INFINITY or NAN? */
static bool is_macro(const char *literal)
{
	return isupper((unsigned char)literal[literal[0] == '-']);
}

static void fix_numbers(const idl_model *model, const idl_file *file, idl_text *header,
			idl_text *source)
{
	static const char include[] = "#include <protobuf-c/protobuf-c.h>\n";
	idl_arena arena = {0};
	idl_table numbers = {0};
	size_t count = 0;
	bool math = false;

	for (size_t i = 0; i < model->n_messages; i++) {
		const idl_message *message = model->messages[i];

		for (size_t j = 0; message->file == file && j < message->n_fields; j++) {
			replacement r;

			if (!replacement_of(&arena, &message->fields[j], &count, &r))
				continue;
			idl_table_add(&numbers, &arena, r.told, (void *)(uintptr_t)r.by);
			math = math || is_macro(r.by);
		}
	}
	if (count > 0) {
		replace_numbers(header, &numbers);
		replace_numbers(source, &numbers);
	}
	if (math)
		replace(header, include, "#include <math.h>\n#include <protobuf-c/protobuf-c.h>\n");
	idl_arena_done(&arena);
}

/* ------------------------------------------------------------ strings -- */

/* Behind a character of a string, or an escape sequence. */
static const char *skip_unit(const char *c)
{
	int digits = 0;

	if (*c != '\\')
		return c + 1;
	c++;
	if (*c < '0' || *c > '7')
		return *c != '\0' ? c + 1 : c;
	while (digits < 3 && *c >= '0' && *c <= '7') {
		c++;
		digits++;
	}
	return c;
}

/* The end of a string that begins there, behind its quote; how many characters has it? */
static const char *measure(const char *c, size_t *ret_length)
{
	size_t length = 0;

	for (; *c != '"' && *c != '\n' && *c != '\0'; c = skip_unit(c))
		length++;
	*ret_length = length;
	return c;
}

/* As an element of an array of char, or of uint8_t. */
static void add_element(idl_text *text, const char *unit, size_t length, bool bytes)
{
	static const char letters[] = "nrt";
	static const char values[] = "\n\r\t";
	const char *letter;
	unsigned value = (unsigned char)unit[0];

	if (!bytes) {
		idl_text_addf(text, "'%.*s',", (int)length, unit);
		return;
	}
	if (unit[0] == '\\' && unit[1] >= '0' && unit[1] <= '7') {
		value = (unsigned)strtoul(unit + 1, NULL, 8) & 255;
	} else if (unit[0] == '\\') {
		letter = strchr(letters, unit[1]);
		value = (unsigned char)(letter != NULL ? values[letter - letters] : unit[1]);
	}
	idl_text_addf(text, "%u,", value);
}

static void add_array(idl_text *text, const char *string, const char *end, bool bytes)
{
	size_t line = text->size;

	idl_text_add(text, "{\n  ");
	while (string < end) {
		const char *next = skip_unit(string);

		if (text->size - line > LINE_WIDTH - 8) {
			line = text->size;
			idl_text_add(text, "\n  ");
		}
		add_element(text, string, (size_t)(next - string), bytes);
		string = next;
	}
	idl_text_add(text, "0\n}");
}

/* The objects of strings and bytes are alone on their line. */
static void fix_strings(idl_text *source, const char *declarator, bool bytes)
{
	idl_text result = {0};
	const char *rest = idl_text_string(source);
	const char *found = rest;

	while ((found = strstr(found, declarator)) != NULL) {
		const char *string = found + strlen(declarator);
		size_t length;
		const char *end = measure(string, &length);

		found = end;
		if (length <= LONGEST_STRING || *end != '"')
			continue;
		idl_text_add_bytes(&result, rest, (size_t)(string - 1 - rest));
		add_array(&result, string, end, bytes);
		rest = end + 1;
	}
	idl_text_add(&result, rest);
	idl_text_done(source);
	*source = result;
}

void defaults_fix(const idl_model *model, const idl_file *file, idl_text *header, idl_text *source)
{
	fix_numbers(model, file, header, source);
	replace(header, INT64_WRITTEN, "INT64_MIN");
	replace(source, INT64_WRITTEN, "INT64_MIN");
	/* The source has no comments, so two question marks are in a string. */
	replace(source, "?\?", "?\\?");
	fix_strings(source, "__default_value[] = \"", false);
	fix_strings(source, "__default_value_data[] = \"", true);
}
