/*
 * name.c - the names of queues, and the session ids that stand for clients.
 *
 * A session id is, from its high bits: 22 of pid (the kernel's own limit,
 * PID_MAX_LIMIT is 2^22), 32 of start time, 10 of client number.
 */
#include "name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define NUMBER_BITS 10
#define START_BITS 32
#define PID_SHIFT (NUMBER_BITS + START_BITS)

_Static_assert(MQCI_CLIENTS_MAX == 1 << NUMBER_BITS, "client numbers fill their bits");

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int mqci_name_check(const char *endpoint)
{
	size_t i;

	if (endpoint == NULL || endpoint[0] == '\0')
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "an endpoint needs a name, such as \"calc\"");
	for (i = 0; endpoint[i] != '\0'; i++) {
		if (i == MQCI_ENDPOINT_MAX)
			return mqci_fail(MQC_INVALID_ARGUMENT, 0,
					 "the endpoint name %.20s... is too long: "
					 "it may have %d characters",
					 endpoint, MQCI_ENDPOINT_MAX);
		if (is_alphanumeric(endpoint[i]))
			continue;
		if (i > 0 && strchr("._-", endpoint[i]) != NULL)
			continue;
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "the endpoint name \"%.64s\" has a bad character at position %zu: "
				 "letters, digits, '.', '_' and '-' are allowed, "
				 "and the first is a letter or digit",
				 endpoint, i + 1);
	}
	return MQC_OK;
}

void mqci_name_endpoint(const char *endpoint, char name[MQCI_NAME_SIZE])
{
	(void)snprintf(name, MQCI_NAME_SIZE, "/mqcall.%s", endpoint);
}

/* Read the start time of a process: the 22nd field of /proc/PID/stat, in clock ticks. */
static int process_start(pid_t pid, uint32_t *ret_start)
{
	char path[32], stat[1024], *field;
	ssize_t size;
	int fd, i;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		size = read(fd, stat, sizeof stat - 1);
	while (size < 0 && errno == EINTR);
	i = size < 0 ? errno : 0;
	(void)close(fd);
	if (size <= 0)
		return i ? -i : -EIO;
	stat[size] = '\0';

	/* The second field is the program's name in parentheses and may hold any of both. */
	field = strrchr(stat, ')');
	for (i = 2; field != NULL && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL)
		return -EPROTO;
	*ret_start = (uint32_t)strtoull(field + 1, NULL, 10);
	return 0;
}

int mqci_session_make(unsigned n, uint64_t *ret_session)
{
	pid_t pid = getpid();
	uint32_t start = 0;
	int r;

	r = process_start(pid, &start);
	if (r < 0)
		return mqci_fail(MQC_FAILED_PRECONDITION, -r,
				 "cannot read /proc/%d/stat: %s; mqcall names its queues by a "
				 "process's start time and needs /proc mounted",
				 (int)pid, strerror(-r));
	*ret_session = (uint64_t)pid << PID_SHIFT | (uint64_t)start << NUMBER_BITS |
		       (n & (MQCI_CLIENTS_MAX - 1));
	return MQC_OK;
}

static uint32_t session_start(uint64_t session)
{
	return (uint32_t)(session >> NUMBER_BITS);
}

pid_t mqci_session_pid(uint64_t session)
{
	return (pid_t)(session >> PID_SHIFT);
}

void mqci_session_queue(uint64_t session, char name[MQCI_NAME_SIZE])
{
	(void)snprintf(name, MQCI_NAME_SIZE, "/mqcall~%d.%" PRIu32 ".%u",
		       (int)mqci_session_pid(session), session_start(session),
		       (unsigned)(session & (MQCI_CLIENTS_MAX - 1)));
}

bool mqci_session_alive(uint64_t session)
{
	pid_t pid = mqci_session_pid(session);
	uint32_t start;
	int r;

	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		return false;
	r = process_start(pid, &start);
	/* Only a clear answer counts: to take the living for dead is the worse error. */
	if (r == 0)
		return start == session_start(session);
	return r != -ENOENT && r != -ESRCH;
}
