/*
 * json.h - writes JSON, a value after the other, indented.
 *
 * Within an object every value has a key; elsewhere the key is NULL. Numbers
 * that are none (NAN) become null.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stdio.h>

typedef struct json_writer {
	FILE *file;
	int depth;
	bool is_first; /* of the values that stand at this depth */
} json_writer;

void json_begin(json_writer *json, FILE *file); /* the outermost object */
void json_end(json_writer *json);

void json_open(json_writer *json, const char *key, char bracket); /* '{' or '[' */
void json_close(json_writer *json, char bracket);                 /* '}' or ']' */

void json_string(json_writer *json, const char *key, const char *text);
void json_number(json_writer *json, const char *key, double number);
void json_bool(json_writer *json, const char *key, bool value);

#endif
