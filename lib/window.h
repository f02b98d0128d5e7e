/*
 * window.h - what is mapped of a segment that may grow: windows, from its beginning on.
 *
 * They are opened when something is looked for that is in none, stay where they
 * are, and close all at once; any thread may look. A segment whose owner cuts it
 * takes those who look through a window with it: only what is of our own user is
 * looked at so.
 */
#ifndef MQCI_WINDOW_H
#define MQCI_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>

#include "segment.h"

typedef struct mqci_windows {
	struct mqci_window *_Atomic newest; /* the others behind it; NULL: there is none */
	_Atomic bool refused;               /* there cannot be more */
} mqci_windows;

/* Where `size` bytes at `offset` are in memory; NULL: nowhere, and they must be copied. */
void *mqci_windows_find(mqci_windows *windows, const mqci_segment *segment, uint64_t offset,
			size_t size);

/* Where in the segment bytes in memory lie; false: they are not of it, not all of them. */
bool mqci_windows_offset(const mqci_windows *windows, const void *memory, size_t size,
			 uint64_t *ret_offset);

/* Nobody looks any more. Idempotent. */
void mqci_windows_close(mqci_windows *windows);

#endif
