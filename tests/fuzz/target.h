/*
 * target.h - a fuzz target: what libFuzzer calls again and again (`./dev fuzz`), and
 * replay.c once for each file of the kept corpus (`make check`).
 */
#ifndef MQCALL_TESTS_FUZZ_TARGET_H
#define MQCALL_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* "loader" of fuzz_loader.c: the corpus is in corpus-loader. */
extern const char fuzz_target[];

/* Do with these bytes all that the target does; abort() when something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
