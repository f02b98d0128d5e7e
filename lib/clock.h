/*
 * clock.h - deadlines: absolute times on CLOCK_MONOTONIC, in nanoseconds.
 */
#ifndef MQCI_CLOCK_H
#define MQCI_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define MQCI_NEVER INT64_MAX

int64_t mqci_clock_now(void);

/* The deadline that is `timeout_ms` from now; MQC_TIMEOUT_INFINITE (-1) gives MQCI_NEVER. */
int64_t mqci_deadline_after_ms(int timeout_ms);

/* Whether it has passed. Cheaper than to look at the clock, if it is not near. */
bool mqci_deadline_is_over(int64_t deadline);

/* Milliseconds left, rounded up; 0 when it has passed, -1 for MQCI_NEVER. */
int mqci_deadline_remaining_ms(int64_t deadline);

struct timespec mqci_clock_timespec(int64_t time);

/* A pause that is twice the one before, in ns: `first` after none, and no more than `longest`. */
int64_t mqci_clock_longer_pause(int64_t pause, int64_t first, int64_t longest);

/* The pauses between tries of what may succeed before long. */
#define MQCI_FIRST_PAUSE INT64_C(1000000)
#define MQCI_LONGEST_PAUSE (64 * MQCI_FIRST_PAUSE)

/* Make a condition variable whose times are on the clock of deadlines. */
int mqci_clock_condition(pthread_cond_t *condition);

#endif
