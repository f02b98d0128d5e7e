/*
 * window.c - what is mapped of a segment that may grow: windows, from its beginning on.
 *
 * A window begins where the one before ends, and reaches as far as the segment
 * does when it is opened. There are few of them: one when the segment is first
 * looked at, and one for each time that it was found to have grown.
 */
#include "window.h"

#include <stdlib.h>

#include "error.h"

struct mqci_window {
	struct mqci_window *older;
	uint64_t begin, end; /* offsets in the segment */
	uint8_t *memory;
};

static void *look(const struct mqci_window *window, uint64_t offset, size_t size)
{
	for (; window != NULL; window = window->older)
		if (offset >= window->begin && offset < window->end)
			return size <= window->end - offset
				       ? window->memory + (offset - window->begin)
				       : NULL;
	return NULL;
}

/* A window from the end of the older one to `end`. */
static struct mqci_window *window_new(const mqci_segment *segment, struct mqci_window *older,
				      uint64_t end)
{
	const uint64_t begin = older != NULL ? older->end : 0;
	struct mqci_window *window = malloc(sizeof *window);
	mqci_saved_error error;
	void *memory = NULL;

	/* Who then has to copy does not fail for it. */
	mqci_error_save(&error);
	if (window == NULL || end - begin > SIZE_MAX / 2 ||
	    mqci_segment_map(segment, begin, (size_t)(end - begin), &memory) < 0) {
		(void)mqci_error_restore(&error);
		free(window);
		return NULL;
	}
	*window =
		(struct mqci_window){.older = older, .begin = begin, .end = end, .memory = memory};
	return window;
}

static void window_free(struct mqci_window *window)
{
	mqci_segment_unmap(window->memory, (size_t)(window->end - window->begin));
	free(window);
}

void *mqci_windows_find(mqci_windows *windows, const mqci_segment *segment, uint64_t offset,
			size_t size)
{
	struct mqci_window *newest = atomic_load(&windows->newest), *window;
	void *found = look(newest, offset, size);
	uint64_t end;

	if (found != NULL || (newest != NULL && offset < newest->end) ||
	    atomic_load(&windows->refused))
		return found;
	if (mqci_segment_size(segment, &end) < 0 || offset >= end)
		return NULL;
	window = window_new(segment, newest, end);
	if (window == NULL) {
		atomic_store(&windows->refused, true);
		return NULL;
	}
	/* Another thread may have been faster. */
	if (!atomic_compare_exchange_strong(&windows->newest, &newest, window))
		window_free(window);
	return look(atomic_load(&windows->newest), offset, size);
}

bool mqci_windows_offset(const mqci_windows *windows, const void *memory, size_t size,
			 uint64_t *ret_offset)
{
	const uintptr_t at = (uintptr_t)memory;

	for (const struct mqci_window *window = atomic_load(&windows->newest); window != NULL;
	     window = window->older) {
		const uintptr_t begin = (uintptr_t)window->memory;
		const uint64_t length = window->end - window->begin;

		if (at < begin || at - begin >= length)
			continue;
		*ret_offset = window->begin + (at - begin);
		return size <= length - (at - begin);
	}
	return false;
}

void mqci_windows_close(mqci_windows *windows)
{
	struct mqci_window *window = atomic_exchange(&windows->newest, NULL), *older;

	for (; window != NULL; window = older) {
		older = window->older;
		window_free(window);
	}
}
