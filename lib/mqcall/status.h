/*
 * mqcall/status.h - the status codes and the error of the last failed call.
 *
 * The error rule of the whole library:
 *
 *   A function that can fail returns int: MQC_OK (0), or one of the negative
 *   codes below. On failure it has not touched its outputs, and
 *   mqc_error_last() tells what failed, why, and what to do about it.
 *
 * The library never prints and never ends the program.
 */
#ifndef MQCALL_STATUS_H
#define MQCALL_STATUS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#if defined(__GNUC__)
#define MQC_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define MQC_PRINTF(text, first)
#endif

/*
 * The canonical codes of gRPC, by the same names; the value of each is gRPC's
 * number, negated, so that `r < 0` is failure and `r == MQC_NOT_FOUND` reads
 * as it is meant.
 */
typedef enum mqc_status {
	MQC_OK = 0,
	MQC_CANCELLED = -1,           /* the caller gave the call up */
	MQC_UNKNOWN = -2,             /* failed in a way that has no code */
	MQC_INVALID_ARGUMENT = -3,    /* wrong whatever the state of the system */
	MQC_DEADLINE_EXCEEDED = -4,   /* the time was over before the answer came */
	MQC_NOT_FOUND = -5,           /* no such endpoint, or no such thing in it */
	MQC_ALREADY_EXISTS = -6,      /* what was to be made is there already */
	MQC_PERMISSION_DENIED = -7,   /* known, and not allowed */
	MQC_RESOURCE_EXHAUSTED = -8,  /* a limit: memory, queue bytes, message size */
	MQC_FAILED_PRECONDITION = -9, /* not in the state that this needs */
	MQC_ABORTED = -10,            /* lost to something concurrent; try again */
	MQC_OUT_OF_RANGE = -11,       /* past the end of what is valid */
	MQC_UNIMPLEMENTED = -12,      /* no such service or method, or no handler */
	MQC_INTERNAL = -13,           /* a promise of the system was broken */
	MQC_UNAVAILABLE = -14,        /* nobody serves now; later may work */
	MQC_DATA_LOSS = -15,          /* something is gone or damaged for good */
	MQC_UNAUTHENTICATED = -16     /* who calls is not known */
} mqc_status;

/* The error of this thread's last call into the library that failed. */
typedef struct mqc_error {
	int status;          /* its code; MQC_OK before the first failure */
	int system_errno;    /* the errno behind it, or 0 */
	bool maybe_executed; /* the server may have run the method all the same */
	const char *text;    /* one line: the thing, the cause, the remedy */
	/*
	 * The full name of the type of the message that came with the error, such
	 * as "calc.Overflow"; NULL when none did. mqc_error_detail() unpacks it.
	 */
	const char *detail_type;
} mqc_error;

/*
 * Return this thread's last error: never NULL, valid until the next call into
 * the library in this thread. As with errno, it means something only after a
 * call that failed.
 */
const mqc_error *mqc_error_last(void);

/* The name of a code, "NOT_FOUND" for MQC_NOT_FOUND; "?" for any other int. */
const char *mqc_status_name(int status);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
