/*
 * json_valid.c - is what comes on stdin one value of JSON (RFC 8259), and nothing else?
 *
 * Exits with 0 or 1, and says on stderr at which byte it is not.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	MOST_BYTES = 1 << 24,
	MOST_DEPTH = 64
};

static char text[MOST_BYTES + 1];
static const char *at = text;

static void skip_space(void)
{
	at += strspn(at, " \t\r\n");
}

static bool take(char wanted)
{
	skip_space();
	if (*at != wanted)
		return false;
	at++;
	return true;
}

static bool take_word(const char *word)
{
	size_t size = strlen(word);

	if (strncmp(at, word, size) != 0)
		return false;
	at += size;
	return true;
}

static bool take_escape(void)
{
	if (*at == 'u') {
		for (int i = 1; i <= 4; i++)
			if (!isxdigit((unsigned char)at[i]))
				return false;
		at += 5;
		return true;
	}
	return *at != '\0' && strchr("\"\\/bfnrt", *at++) != NULL;
}

static bool take_string(void)
{
	if (!take('"'))
		return false;
	while (*at != '"') {
		if ((unsigned char)*at < ' ')
			return false;
		if (*at++ == '\\' && !take_escape())
			return false;
	}
	at++;
	return true;
}

static bool take_digits(void)
{
	size_t n = strspn(at, "0123456789");

	at += n;
	return n > 0;
}

static bool take_number(void)
{
	at += *at == '-';
	if (*at == '0')
		at++;
	else if (!take_digits())
		return false;
	if (*at == '.') {
		at++;
		if (!take_digits())
			return false;
	}
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		return take_digits();
	}
	return true;
}

static bool take_value(int depth);

static bool take_members(char closing, int depth)
{
	if (take(closing))
		return true;
	do {
		if (closing == '}' && !(take_string() && take(':')))
			return false;
		if (!take_value(depth + 1))
			return false;
	} while (take(','));
	return take(closing);
}

static bool take_value(int depth)
{
	skip_space();
	if (depth > MOST_DEPTH)
		return false;
	switch (*at) {
	case '{':
		at++;
		return take_members('}', depth);
	case '[':
		at++;
		return take_members(']', depth);
	case '"':
		return take_string();
	case 't':
		return take_word("true");
	case 'f':
		return take_word("false");
	case 'n':
		return take_word("null");
	default:
		return take_number();
	}
}

int main(void)
{
	size_t size = fread(text, 1, MOST_BYTES, stdin);

	text[size] = '\0';
	if (take_value(0)) {
		skip_space();
		if (at == text + size)
			return 0;
	}
	fprintf(stderr, "this is no JSON at byte %zu: %.40s\n", (size_t)(at - text), at);
	return 1;
}
