/*
 * error.h - setting the error that mqc_error_last() tells.
 */
#ifndef MQCI_ERROR_H
#define MQCI_ERROR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <mqcall/status.h>

/* What an error's text can hold, with its terminating zero; longer is cut. */
#define MQCI_ERROR_TEXT_SIZE 512

/*
 * What sets an error is cold: the compiler puts the paths that lead there out of the way of
 * those where all goes well.
 *
 * Record this thread's error and return `status`. `system_errno` is the errno
 * behind it, or 0; the text is the caller's whole sentence: it names the thing,
 * the cause and the remedy. maybe_executed is cleared, and there is no detail.
 */
int mqci_fail(int status, int system_errno, const char *format, ...) MQC_PRINTF(3, 4)
	__attribute__((__cold__));
int mqci_vfail(int status, int system_errno, const char *format, va_list arguments) MQC_PRINTF(3, 0)
	__attribute__((__cold__));

/* Say of the error just recorded that the method may have run; return its status. */
int mqci_maybe_executed(void) __attribute__((__cold__));

/*
 * Give the error just recorded a detail: a message of `size` bytes, whose type
 * has a name of `type_size`. Both are copied. Where there is no memory for it,
 * the error stays without: code and text are worth more than this.
 */
void mqci_error_attach(const char *type, size_t type_size, const uint8_t *bytes, size_t size);

/*
 * The detail of this thread's error: NULL, or the message, with the name of its
 * type in mqc_error_last()->detail_type. Valid until another detail is attached.
 */
const uint8_t *mqci_error_detail(size_t *ret_size);

/*
 * This thread's error, to be told after all when something else has failed
 * meanwhile. Its detail stays where it is: it is there again unless another one
 * has been attached since.
 */
typedef struct mqci_saved_error {
	mqc_error error;
	unsigned detail_number;
	char text[MQCI_ERROR_TEXT_SIZE];
} mqci_saved_error;

void mqci_error_save(mqci_saved_error *saved);
int mqci_error_restore(const mqci_saved_error *saved);

/* "no memory left for `what`": MQC_RESOURCE_EXHAUSTED. */
int mqci_no_memory(const char *what) __attribute__((__cold__));

/* "cannot make `what`", as errno tells, and what to raise: MQC_RESOURCE_EXHAUSTED. */
int mqci_no_descriptor(const char *what) __attribute__((__cold__));

#ifdef __clang_analyzer__
/* It sees one file at a time, and so must be told what these return. */
#define mqci_fail(status, ...) ((void)mqci_fail(status, __VA_ARGS__), (status))
#define mqci_no_memory(what) ((void)mqci_no_memory(what), MQC_RESOURCE_EXHAUSTED)
#define mqci_no_descriptor(what) ((void)mqci_no_descriptor(what), MQC_RESOURCE_EXHAUSTED)
#endif

#endif
