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

/* Make a condition variable whose times are on the clock of deadlines. */
int mqci_clock_condition(pthread_cond_t *condition);

#endif
