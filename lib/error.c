/*
 * error.c - status names, and the last error of each thread.
 *
 * The error lives in thread-local storage with its text beside it, so that
 * recording one needs no memory and cannot fail.
 */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_text[MQCI_ERROR_TEXT_SIZE];
static _Thread_local mqc_error last;

static const char *const names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
};

const mqc_error *mqc_error_last(void)
{
	if (last.text == NULL)
		last.text = last_text;
	return &last;
}

const char *mqc_status_name(int status)
{
	if (status > MQC_OK || status < MQC_UNAUTHENTICATED)
		return "?";
	return names[-status];
}

int mqci_vfail(int status, int system_errno, const char *format, va_list arguments)
{
	/* The text may be built from the one it replaces. */
	char text[MQCI_ERROR_TEXT_SIZE];
	size_t i;

	if (vsnprintf(text, sizeof text, format, arguments) < 0)
		text[0] = '\0';
	for (i = 0; text[i] != '\0'; i++)
		last_text[i] = text[i];
	last_text[i] = '\0';

	last.status = status;
	last.system_errno = system_errno;
	last.maybe_executed = false;
	last.text = last_text;
	return status;
}

int(mqci_fail)(int status, int system_errno, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	mqci_vfail(status, system_errno, format, arguments);
	va_end(arguments);
	return status;
}

int mqci_maybe_executed(void)
{
	last.maybe_executed = true;
	return last.status;
}

void mqci_error_save(mqci_saved_error *saved)
{
	saved->error = last;
	memcpy(saved->text, last_text, sizeof saved->text);
}

int mqci_error_restore(const mqci_saved_error *saved)
{
	last = saved->error;
	last.text = memcpy(last_text, saved->text, sizeof last_text);
	return last.status;
}

int(mqci_no_memory)(const char *what)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, ENOMEM, "no memory left for %s", what);
}
