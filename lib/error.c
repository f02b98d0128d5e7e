/*
 * error.c - status names, and the last error of each thread.
 *
 * The error lives in thread-local storage with its text beside it, so that
 * recording one needs no memory and cannot fail. A detail, which few errors
 * have, lives in one block from malloc(). Each thread keeps its last one until
 * the next, or its end: of that a pthread key tells us.
 */
#include "error.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct detail {
	size_t size;    /* of the message, */
	uint8_t *bytes; /* which lies behind the name */
	char type[];
};

static _Thread_local char last_text[MQCI_ERROR_TEXT_SIZE];
static _Thread_local mqc_error last;

static _Thread_local struct detail *last_detail;
static _Thread_local unsigned detail_number; /* of last_detail: how many came before */

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its value is last_detail */
static atomic_bool has_key;

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
	last.detail_type = NULL;
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

/* Let go of this thread's detail. */
static void drop_detail(void)
{
	last.detail_type = NULL;
	free(last_detail);
	last_detail = NULL;
	detail_number++;
}

/* A thread ends. Should another key's destructor fail with a detail, we are called again. */
static void end_thread(void *detail)
{
	(void)detail;
	drop_detail();
}

static void make_key(void)
{
	if (pthread_key_create(&key, end_thread) == 0)
		atomic_store(&has_key, true);
}

/* The library goes, and with it end_thread(): threads that go on must not call it. */
__attribute__((destructor)) static void end_library(void)
{
	if (atomic_exchange(&has_key, false))
		(void)pthread_key_delete(key);
	drop_detail();
}

void mqci_error_attach(const char *type, size_t type_size, const uint8_t *bytes, size_t size)
{
	struct detail *detail;

	(void)pthread_once(&key_once, make_key);
	if (!atomic_load(&has_key))
		return;
	detail = malloc(sizeof *detail + type_size + 1 + size);
	if (detail == NULL || pthread_setspecific(key, detail) != 0) {
		free(detail);
		return;
	}
	memcpy(detail->type, type, type_size);
	detail->type[type_size] = '\0';
	detail->size = size;
	detail->bytes = (uint8_t *)detail->type + type_size + 1;
	if (size > 0)
		memcpy(detail->bytes, bytes, size);
	drop_detail();
	last_detail = detail;
	last.detail_type = detail->type;
}

const uint8_t *mqci_error_detail(size_t *ret_size)
{
	if (last.detail_type == NULL)
		return NULL;
	*ret_size = last_detail->size;
	return last_detail->bytes;
}

void mqci_error_save(mqci_saved_error *saved)
{
	saved->error = last;
	saved->detail_number = detail_number;
	memcpy(saved->text, last_text, sizeof saved->text);
}

int mqci_error_restore(const mqci_saved_error *saved)
{
	last = saved->error;
	last.text = memcpy(last_text, saved->text, sizeof last_text);
	if (saved->detail_number != detail_number)
		last.detail_type = NULL;
	return last.status;
}

int(mqci_no_memory)(const char *what)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, ENOMEM, "no memory left for %s", what);
}

int(mqci_no_descriptor)(const char *what)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
			 "cannot make %s: %s; raise ulimit -n, or close some files", what,
			 strerror(errno));
}
