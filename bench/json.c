/* json.c - see json.h. */
#include "json.h"

#include <math.h>

static void write_text(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ')
			fprintf(file, "\\u%04x", (unsigned)*text);
		else
			fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
	fputc('"', file);
}

static void begin_line(const json_writer *json)
{
	fputc('\n', json->file);
	for (int i = 0; i < json->depth; i++)
		fputs("  ", json->file);
}

static void begin_value(json_writer *json, const char *key)
{
	if (!json->is_first)
		fputc(',', json->file);
	json->is_first = false;
	begin_line(json);
	if (key != NULL) {
		write_text(json->file, key);
		fputs(": ", json->file);
	}
}

void json_begin(json_writer *json, FILE *file)
{
	json->file = file;
	json->depth = 1;
	json->is_first = true;
	fputc('{', file);
}

void json_end(json_writer *json)
{
	json->depth = 0;
	begin_line(json);
	fputs("}\n", json->file);
}

void json_open(json_writer *json, const char *key, char bracket)
{
	begin_value(json, key);
	fputc(bracket, json->file);
	json->depth++;
	json->is_first = true;
}

void json_close(json_writer *json, char bracket)
{
	json->depth--;
	if (!json->is_first)
		begin_line(json);
	json->is_first = false;
	fputc(bracket, json->file);
}

void json_string(json_writer *json, const char *key, const char *text)
{
	begin_value(json, key);
	write_text(json->file, text);
}

void json_number(json_writer *json, const char *key, double number)
{
	begin_value(json, key);
	if (isfinite(number))
		fprintf(json->file, "%.10g", number);
	else
		fputs("null", json->file);
}

void json_bool(json_writer *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->file);
}
