/*
 * cnames.c - what protoc-gen-c calls things, and what mqcallc does.
 *
 * protoc-gen-c takes a full name apart at its dots and puts the parts together
 * with "__". A part of a type loses its underscores and gets a capital letter
 * in their place and at the beginning. In functions and macros, '_' comes
 * before a capital that does not follow another one; so IPAddress is ipaddress.
 * Letters are ASCII's.
 */
#include "cnames.h"

#include <stdbool.h>
#include <string.h>

#include "words.h"

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char to_upper(char c)
{
	return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

static char to_lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

const char *gen_cname_type(idl_arena *arena, const char *full_name)
{
	char *type = idl_arena_alloc(arena, 2 * strlen(full_name) + 1);
	char *end = type;
	bool capital = true;

	for (; *full_name != '\0'; full_name++) {
		if (*full_name == '.') {
			*end++ = '_';
			*end++ = '_';
			capital = true;
		} else if (*full_name == '_') {
			capital = true;
		} else {
			*end++ = capital ? to_upper(*full_name) : *full_name;
			capital = false;
		}
	}
	return type;
}

/* The words of camel case apart, each letter through `convert`. */
static const char *split_camel(idl_arena *arena, const char *full_name, char (*convert)(char))
{
	char *name = idl_arena_alloc(arena, 2 * strlen(full_name) + 1);
	char *end = name;
	bool after_upper = true;

	for (; *full_name != '\0'; full_name++) {
		if (*full_name == '.') {
			*end++ = '_';
			*end++ = '_';
			after_upper = true;
			continue;
		}
		if (is_upper(*full_name) && !after_upper)
			*end++ = '_';
		*end++ = convert(*full_name);
		after_upper = is_upper(*full_name);
	}
	return name;
}

const char *gen_cname_lower(idl_arena *arena, const char *full_name)
{
	return split_camel(arena, full_name, to_lower);
}

const char *gen_cname_upper(idl_arena *arena, const char *full_name)
{
	return split_camel(arena, full_name, to_upper);
}

const char *gen_cname_lower_case(idl_arena *arena, const char *name)
{
	char *lower = idl_arena_strdup(arena, name);

	for (char *c = lower; *c != '\0'; c++)
		*c = to_lower(*c);
	return lower;
}

const char *gen_cname_member(idl_arena *arena, const char *name)
{
	const char *lower = gen_cname_lower_case(arena, name);

	return gen_word_is_renamed(lower) ? idl_arena_printf(arena, "%s_", lower) : lower;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

const char *gen_cname_stem(idl_arena *arena, const char *file)
{
	static const char *const endings[] = {".protodevel", ".proto"};

	for (size_t i = 0; i < 2; i++) {
		if (ends_with(file, endings[i]))
			return idl_arena_strndup(arena, file, strlen(file) - strlen(endings[i]));
	}
	return file;
}

/*
 * A word begins at a capital after a small letter or a digit, and at the last
 * of several capitals when a small letter follows: HTTPServer2Get.
 */
static bool begins_word(const char *name, size_t i)
{
	if (i == 0 || !is_upper(name[i]))
		return false;
	if (is_lower(name[i - 1]) || is_digit(name[i - 1]))
		return true;
	return is_upper(name[i - 1]) && is_lower(name[i + 1]);
}

const char *gen_cname_snake(idl_arena *arena, const char *full_name)
{
	char *snake = idl_arena_alloc(arena, 2 * strlen(full_name) + 1);
	char *end = snake;

	for (size_t i = 0; full_name[i] != '\0'; i++) {
		if (begins_word(full_name, i))
			*end++ = '_';
		*end++ = full_name[i] == '.' ? '_' : to_lower(full_name[i]);
	}
	return snake;
}
