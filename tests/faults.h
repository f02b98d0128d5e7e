/*
 * faults.h - functions of the system that fail when a test says so.
 *
 * The linker's --wrap (tests/faults.wrap) leads what the library, linked into
 * the test, calls of libc to the functions in faults.c. They do what they are
 * for, but for one: the n-th call of the chosen one fails.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fault_effect {
	FAULT_FAILS,  /* what needed it fails, or does without */
	FAULT_HIDDEN, /* nobody may notice: such as a signal that came in between */
	FAULT_LEAVES  /* ... and what was to be removed, or might be in use, can be left */
} fault_effect;

struct fault {
	unsigned function; /* which; faults.c knows */
	int error;         /* the errno that it fails with */
	fault_effect effect;
	bool once; /* the system would not do so again and again */
};

extern const struct fault faults[];
extern const size_t faults_count;

/* The function's name. */
const char *fault_function(const struct fault *fault);

/* From now on count its calls; the n-th fails, and with `for_good` all that follow. */
void fault_arm(const struct fault *fault, unsigned n, bool for_good);

/* What this thread calls is the test's own, not the library's. */
void fault_spare_thread(bool spared);

/* Let all be well again: whether it has struck, and where (an address in this program, or 0). */
bool fault_disarm(uintptr_t *ret_where);

#endif
