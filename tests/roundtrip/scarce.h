/*
 * scarce.h - memory that runs out when a test says so.
 */
#ifndef ROUNDTRIP_SCARCE_H
#define ROUNDTRIP_SCARCE_H

#include <stdbool.h>

/* From now on, allocation number `which` of this thread, from 1, fails; with `all`, so do those
 * that follow it. */
void scarce_begin(unsigned which, bool all);

/* There is plenty again. Whether any has failed. */
bool scarce_end(void);

#endif
