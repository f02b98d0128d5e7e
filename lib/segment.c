/*
 * segment.c - shared memory: the only door to shm_open() and mmap().
 */
#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Where shm_open() keeps them: shm_overview(7). */
#define DIRECTORY "/dev/shm"

static int fail(const char *name, const char *verb, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return mqci_fail(MQC_PERMISSION_DENIED, error,
				 "not permitted to %s " DIRECTORY
				 "%s: another user holds the name; "
				 "choose another one, or have its owner remove it",
				 verb, name);
	case EEXIST:
		return mqci_fail(MQC_ALREADY_EXISTS, error, DIRECTORY "%s exists already", name);
	case EMFILE:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error,
				 "cannot %s " DIRECTORY "%s: this process has no file descriptor "
				 "left; raise ulimit -n, or close some",
				 verb, name);
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
	case EDQUOT:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error, "cannot %s " DIRECTORY "%s: %s",
				 verb, name, strerror(error));
	case ENOENT:
		return mqci_fail(MQC_NOT_FOUND, error,
				 "cannot %s " DIRECTORY "%s: it is not there, or " DIRECTORY
				 " is not mounted",
				 verb, name);
	default:
		return mqci_fail(MQC_INTERNAL, error, "cannot %s " DIRECTORY "%s: %s", verb, name,
				 strerror(error));
	}
}

/* The segment must be ours and nobody else's. */
static int check_owner(const mqci_segment *segment)
{
	struct stat status;

	if (fstat(segment->fd, &status) < 0)
		return fail(segment->name, "look at", errno);
	if (status.st_uid != geteuid())
		return mqci_fail(MQC_PERMISSION_DENIED, 0,
				 "the name is held by uid %ld, who owns " DIRECTORY "%s; choose "
				 "another one, or have its owner remove it",
				 (long)status.st_uid, segment->name);
	if (!S_ISREG(status.st_mode) || (status.st_mode & 07777) != (S_IRUSR | S_IWUSR))
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 DIRECTORY "%s is open to others (mode %03o): it was not made by "
					   "mqcall, or was tampered with; remove it",
				 segment->name, (unsigned)(status.st_mode & 07777));
	return MQC_OK;
}

/* Open what is there, or create it: a descriptor, or -1 and errno. */
static int open_or_create(const char *name)
{
	int fd, error;

	do {
		fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
		if (fd < 0 && errno == EEXIST)
			fd = shm_open(name, O_RDWR, 0);
		else if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) < 0) {
			/* Of no use with what the umask has left of its mode. */
			error = errno;
			(void)close(fd);
			(void)shm_unlink(name);
			errno = error;
			return -1;
		}
		/* Removed between the two: begin again. Without the directory, create fails. */
	} while (fd < 0 && errno == ENOENT && access(DIRECTORY, F_OK) == 0);
	return fd;
}

int mqci_segment_open(const char *name, mqci_segment *ret_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	int r;

	(void)snprintf(segment.name, sizeof segment.name, "%s", name);
	segment.fd = open_or_create(name);
	if (segment.fd < 0)
		return fail(name, "open", errno);
	r = check_owner(&segment);
	if (r < 0) {
		mqci_segment_close(&segment);
		return r;
	}
	*ret_segment = segment;
	return MQC_OK;
}

/* Give a new segment its mode, whatever the umask, its size and its place in memory. */
static int settle(mqci_segment *segment, size_t size, mode_t mode)
{
	void *memory;
	int r;

	if (fchmod(segment->fd, mode) < 0)
		return fail(segment->name, "set the mode of", errno);
	/* Have the pages now, or an error: memory that is not there is SIGBUS later. */
	do
		r = posix_fallocate(segment->fd, 0, (off_t)size);
	while (r == EINTR);
	if (r != 0)
		return fail(segment->name, "find memory for", r);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
	if (memory == MAP_FAILED)
		return fail(segment->name, "map", errno);
	segment->memory = memory;
	segment->size = size;
	return MQC_OK;
}

int mqci_segment_create(const char *name, size_t size, mode_t mode, mqci_segment *ret_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	int r;

	(void)snprintf(segment.name, sizeof segment.name, "%s", name);
	segment.fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
	if (segment.fd < 0)
		return fail(name, "create", errno);
	r = settle(&segment, size, mode);
	if (r < 0) {
		mqci_segment_close(&segment);
		mqci_segment_unlink(name);
		return r;
	}
	*ret_segment = segment;
	return MQC_OK;
}

ssize_t mqci_segment_read(const char *name, uid_t owner, void *to, size_t size)
{
	struct stat status;
	size_t length = 0;
	ssize_t got = 0;
	int fd;

	/* Under the name may be anything, a FIFO that nobody writes to, too. */
	fd = shm_open(name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fail(name, "open", errno);
	if (fstat(fd, &status) < 0 || status.st_uid != owner || !S_ISREG(status.st_mode)) {
		(void)close(fd);
		return mqci_fail(MQC_PERMISSION_DENIED, 0, DIRECTORY "%s is no segment of uid %ld",
				 name, (long)owner);
	}
	do {
		got = pread(fd, (char *)to + length, size - length, (off_t)length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length < size) || (got < 0 && errno == EINTR));
	if (got < 0)
		got = fail(name, "read", errno);
	(void)close(fd);
	return got < 0 ? got : (ssize_t)length;
}

void mqci_segment_close(mqci_segment *segment)
{
	if (segment->memory != NULL)
		(void)munmap(segment->memory, segment->size);
	if (segment->fd >= 0)
		(void)close(segment->fd);
	segment->memory = NULL;
	segment->fd = -1;
}

void mqci_segment_unlink(const char *name)
{
	(void)shm_unlink(name);
}

int mqci_segment_watch(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 && inotify_add_watch(fd, DIRECTORY, IN_CREATE | IN_ATTRIB) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int mqci_segment_list(bool (*see)(const char *name, void *data), void *data)
{
	char name[MQCI_NAME_SIZE];
	struct dirent *entry;
	DIR *directory;

	directory = opendir(DIRECTORY);
	if (directory == NULL)
		return fail("", "list", errno);
	while ((entry = readdir(directory)) != NULL) {
		if (strlen(entry->d_name) + 2 > sizeof name)
			continue;
		(void)snprintf(name, sizeof name, "/%.*s", (int)sizeof name - 2, entry->d_name);
		if (!see(name, data))
			break;
	}
	(void)closedir(directory);
	return MQC_OK;
}
