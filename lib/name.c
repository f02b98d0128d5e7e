/*
 * name.c - the names of queues, and the ids that stand for processes and clients.
 *
 * A process id has 22 bits of pid (the kernel's own limit, PID_MAX_LIMIT, is
 * 2^22) above 32 of start time; a session has 10 more, of client number.
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

#define START_BITS 32

_Static_assert(MQCI_CLIENTS_MAX == 1 << (64 - 22 - START_BITS), "a session fills 64 bits");

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

int mqci_process_self(uint64_t *ret_process)
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
	*ret_process = (uint64_t)pid << START_BITS | start;
	return MQC_OK;
}

static uint32_t start_of(uint64_t process)
{
	return (uint32_t)process;
}

pid_t mqci_process_pid(uint64_t process)
{
	return (pid_t)(process >> START_BITS);
}

bool mqci_process_alive(uint64_t process)
{
	pid_t pid = mqci_process_pid(process);
	uint32_t start;
	int r;

	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		return false;
	r = process_start(pid, &start);
	/* Only a clear answer counts: to take the living for dead is the worse error. */
	if (r == 0)
		return start == start_of(process);
	return r != -ENOENT && r != -ESRCH;
}

void mqci_session_queue(uint64_t session, char name[MQCI_NAME_SIZE])
{
	uint64_t process = mqci_session_process(session);

	(void)snprintf(name, MQCI_NAME_SIZE, "/mqcall~%d.%" PRIu32 ".%u",
		       (int)mqci_process_pid(process), start_of(process),
		       (unsigned)(session % MQCI_CLIENTS_MAX));
}

void mqci_name_presence(const char *endpoint, uint64_t process, char name[MQCI_NAME_SIZE])
{
	(void)snprintf(name, MQCI_NAME_SIZE, "/mqcall.%s~%d.%" PRIu32, endpoint,
		       (int)mqci_process_pid(process), start_of(process));
}

bool mqci_name_parse_presence(const char *name, const char *endpoint, uint64_t *ret_process)
{
	char expected[MQCI_NAME_SIZE];
	const char *ids = strrchr(name, '~');
	uint32_t start;
	int pid;

	if (ids == NULL || sscanf(ids, "~%d.%" SCNu32, &pid, &start) != 2 || pid <= 0)
		return false;
	/* It is the name if it is what these numbers make. */
	*ret_process = (uint64_t)pid << START_BITS | start;
	mqci_name_presence(endpoint, *ret_process, expected);
	return strcmp(name, expected) == 0;
}
