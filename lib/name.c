/*
 * name.c - the names of queues, and the ids that stand for processes and clients.
 *
 * A process id has 22 bits of pid (the kernel's own limit, PID_MAX_LIMIT, is
 * 2^22) above 32 of start time; a party's has 10 more, its number.
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

_Static_assert(MQCI_PARTIES_MAX == 1 << (64 - 22 - START_BITS), "a party's id fills 64 bits");

/* The longest prefix, "/mqcall." and an endpoint; 32 are left for the numbers. */
#define PREFIX_MAX (MQCI_NAME_SIZE - 32)

_Static_assert(PREFIX_MAX >= 8 + MQCI_ENDPOINT_MAX, "a prefix is never cut");

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
	(void)snprintf(name, MQCI_NAME_SIZE, "/mqcall.%.*s", MQCI_ENDPOINT_MAX, endpoint);
}

void mqci_name_lane(const char *endpoint, unsigned lane, char name[MQCI_NAME_SIZE])
{
	char own[MQCI_NAME_SIZE];

	mqci_name_endpoint(endpoint, own);
	if (lane == 0)
		(void)snprintf(name, MQCI_NAME_SIZE, "%s", own);
	else
		(void)snprintf(name, MQCI_NAME_SIZE, "%.*s~%u", PREFIX_MAX, own, lane);
}

/* What /proc/PID/stat says of a process; see proc(5). */
struct process {
	uint32_t start; /* field 22, clock ticks since boot */
	bool ended;     /* it has, and is only still to be waited for by its parent */
};

static int read_stat(pid_t pid, char *text, size_t size)
{
	char path[32];
	ssize_t length;
	int fd, error;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		length = read(fd, text, size - 1);
	while (length < 0 && errno == EINTR);
	error = length < 0 ? errno : EIO;
	(void)close(fd);
	if (length <= 0)
		return -error;
	text[length] = '\0';
	return 0;
}

static int look_at(pid_t pid, struct process *ret_process)
{
	enum {
		NAME = 2,
		STATE = 3,
		THREADS = 20,
		START = 22
	};
	const char *field[START + 1];
	char text[1024];
	int r;

	r = read_stat(pid, text, sizeof text);
	if (r < 0)
		return r;
	/* The name is in parentheses, and may hold any of both, and spaces. */
	field[NAME] = strrchr(text, ')');
	for (int i = STATE; i <= START; i++) {
		field[i] = field[i - 1] != NULL ? strchr(field[i - 1] + 1, ' ') : NULL;
		if (field[i] == NULL)
			return -EPROTO;
	}
	ret_process->start = (uint32_t)strtoull(field[START], NULL, 10);
	/* A first thread that has ended is a zombie, too, while others go on. */
	ret_process->ended =
		strchr("ZX", field[STATE][1]) != NULL && strtol(field[THREADS], NULL, 10) <= 1;
	return 0;
}

int mqci_process_self(uint64_t *ret_process)
{
	struct process process = {0};
	pid_t pid = getpid();
	int r;

	r = look_at(pid, &process);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, -r,
			"cannot read /proc/%d/stat: %s; raise ulimit -n, or close some files",
			(int)pid, strerror(-r));
	if (r < 0)
		return mqci_fail(MQC_FAILED_PRECONDITION, -r,
				 "cannot read /proc/%d/stat: %s; mqcall names its queues by a "
				 "process's start time and needs /proc mounted",
				 (int)pid, strerror(-r));
	*ret_process = (uint64_t)pid << START_BITS | process.start;
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

/* Whether the kernel knows no such process. It may hide from us in /proc those that it knows. */
static bool is_gone(pid_t pid)
{
	return pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH);
}

bool mqci_process_alive(uint64_t id)
{
	pid_t pid = mqci_process_pid(id);
	struct process process;

	if (is_gone(pid))
		return false;
	if (look_at(pid, &process) == 0)
		return process.start == start_of(id) && !process.ended;
	/* Only a clear answer counts: to take the living for dead is the worse error. */
	return !is_gone(pid);
}

/* "PREFIX~PID.START.N" */
static void name_party(const char *prefix, uint64_t party, char name[MQCI_NAME_SIZE])
{
	uint64_t process = mqci_party_process(party);

	(void)snprintf(name, MQCI_NAME_SIZE, "%.*s~%d.%" PRIu32 ".%u", PREFIX_MAX, prefix,
		       (int)mqci_process_pid(process), start_of(process),
		       (unsigned)(party % MQCI_PARTIES_MAX));
}

void mqci_name_replies(uint64_t session, char name[MQCI_NAME_SIZE])
{
	name_party("/mqcall", session, name);
}

void mqci_name_presence(const char *endpoint, uint64_t party, char name[MQCI_NAME_SIZE])
{
	char prefix[MQCI_NAME_SIZE];

	mqci_name_endpoint(endpoint, prefix);
	name_party(prefix, party, name);
}

/* The party whose id a name ends in; 0 if it ends in none. */
static uint64_t party_in(const char *name)
{
	const char *ids = strrchr(name, '~');
	unsigned number;
	uint32_t start;
	int pid;

	if (ids == NULL || sscanf(ids, "~%d.%" SCNu32 ".%u", &pid, &start, &number) != 3 ||
	    pid <= 0)
		return 0;
	return mqci_party_make((uint64_t)pid << START_BITS | start, number);
}

/* A name is what it seems to be if its numbers make it again. */

bool mqci_name_parse_presence(const char *name, const char *endpoint, uint64_t *ret_party)
{
	char expected[MQCI_NAME_SIZE];

	*ret_party = party_in(name);
	mqci_name_presence(endpoint, *ret_party, expected);
	return *ret_party != 0 && strcmp(name, expected) == 0;
}

bool mqci_name_parse_replies(const char *name, uint64_t *ret_session)
{
	char expected[MQCI_NAME_SIZE];

	*ret_session = party_in(name);
	mqci_name_replies(*ret_session, expected);
	return *ret_session != 0 && strcmp(name, expected) == 0;
}
