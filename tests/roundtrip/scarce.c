/*
 * scarce.c - memory that runs out when a test says so.
 *
 * The linker's --wrap leads calls of malloc() and its like, from all that is
 * linked into the test, here. protobuf-c is a library of its own, but for
 * unpacking it is given an allocator of ours.
 */
#include "scarce.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static _Thread_local struct {
	unsigned left; /* allocations until one fails; 0: there is plenty */
	bool all;
	bool failed;
} scarcity;

void scarce_begin(unsigned which, bool all)
{
	scarcity.left = which;
	scarcity.all = all;
	scarcity.failed = false;
}

bool scarce_end(void)
{
	scarcity.left = 0;
	return scarcity.failed;
}

static bool fails(void)
{
	if (scarcity.left == 0)
		return false;
	if (scarcity.left > 1) {
		scarcity.left--;
		return false;
	}
	if (!scarcity.all)
		scarcity.left = 0;
	scarcity.failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails() ? NULL : __real_malloc(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}
