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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "error.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Where shm_open() keeps them: shm_overview(7). */
#define DIRECTORY "/dev/shm"

/* Something has the name that we cannot use: tell whose it is. */
static int fail_held(const char *name, const char *verb, int error)
{
	char path[sizeof DIRECTORY + MQCI_NAME_SIZE];
	struct stat status;

	(void)snprintf(path, sizeof path, DIRECTORY "%s", name);
	if (lstat(path, &status) < 0)
		return mqci_fail(MQC_PERMISSION_DENIED, error, "not permitted to %s %s: %s", verb,
				 path, strerror(error));
	if (status.st_uid != geteuid())
		return mqci_fail(MQC_PERMISSION_DENIED, error,
				 "not permitted to %s %s: uid %ld holds the name; choose another "
				 "one, or have its owner remove it",
				 verb, path, (long)status.st_uid);
	return mqci_fail(MQC_FAILED_PRECONDITION, error,
			 "cannot %s %s: it was not made by mqcall, or was tampered with (mode "
			 "%06o: %s); remove it",
			 verb, path, (unsigned)status.st_mode, strerror(error));
}

static int fail_exists(const char *name, int error)
{
	char path[sizeof DIRECTORY + MQCI_NAME_SIZE];
	struct stat status;

	(void)snprintf(path, sizeof path, DIRECTORY "%s", name);
	if (lstat(path, &status) < 0)
		return mqci_fail(MQC_ALREADY_EXISTS, error, "%s exists already", path);
	return mqci_fail(MQC_ALREADY_EXISTS, error, "%s exists already, and is uid %ld's", path,
			 (long)status.st_uid);
}

static int fail(const char *name, const char *verb, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	/* A symbolic link; a directory, by shm_open() and others; a socket. */
	case ELOOP:
	case EINVAL:
	case EISDIR:
	case ENXIO:
		return fail_held(name, verb, error);
	case EEXIST:
		return fail_exists(name, error);
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

/* Files of this process may not be larger; a signal would tell, and end the process. */
static bool is_too_large(uint64_t size)
{
	struct rlimit limit;

	return size > INT64_MAX || (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur);
}

int mqci_segment_may_have(const mqci_segment *segment, uint64_t size)
{
	if (is_too_large(size))
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, EFBIG,
				 DIRECTORY "%s cannot have %llu bytes: that is over this process's "
					   "RLIMIT_FSIZE; raise it with ulimit -f",
				 segment->name, (unsigned long long)size);
	return MQC_OK;
}

/* Give a new segment its mode, whatever the umask, its size and its place in memory. */
static int settle(mqci_segment *segment, size_t size, mode_t mode)
{
	void *memory;
	int r;

	r = mqci_segment_set_mode(segment, mode);
	if (r == MQC_OK)
		r = mqci_segment_may_have(segment, size);
	if (r < 0)
		return r;
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

/* A file that has no name still: a descriptor, or -1 and errno. */
static int open_nameless(void)
{
	return open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

/* Lock all of it: `command` says whether for the process or for the open description. */
static int lock_all(const mqci_segment *segment, int command)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(segment->fd, command, &lock) < 0)
		return fail(segment->name, "lock", errno);
	return MQC_OK;
}

int mqci_segment_create(const char *name, size_t size, mode_t mode, mqci_segment *ret_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	int r;

	(void)snprintf(segment.name, sizeof segment.name, "%s", name);
	segment.fd = open_nameless();
	if (segment.fd < 0)
		return fail(name, "create", errno);
	r = settle(&segment, size, mode);
	/* The lock goes with all descriptors and mappings of the open description. Who may only
	 * read cannot have one, and so not pretend to be the holder. */
	if (r == MQC_OK)
		r = lock_all(&segment, F_OFD_SETLK);
	if (r == MQC_OK)
		r = mqci_segment_publish(&segment);
	if (r < 0) {
		mqci_segment_close(&segment);
		return r;
	}
	*ret_segment = segment;
	return MQC_OK;
}

/* Open a segment of user `owner` to read it: a descriptor, or a status. */
static int open_of(const char *name, uid_t owner)
{
	struct stat status;
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
	return fd;
}

int mqci_segment_is_held(const char *name, uid_t owner)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	struct stat status;
	int fd = open_of(name, owner), r = 1;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		r = fail(name, "look for locks of", errno);
	else if (lock.l_type == F_UNLCK)
		r = 0;
	/* Its name goes before the lock does. */
	if (r == 0 && fstat(fd, &status) == 0 && status.st_nlink == 0)
		r = fail(name, "look at", ENOENT);
	(void)close(fd);
	return r;
}

ssize_t mqci_segment_read(const char *name, uid_t owner, void *to, size_t size)
{
	size_t length = 0;
	ssize_t got = 0;
	int fd = open_of(name, owner);

	if (fd < 0)
		return fd;
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

int mqci_segment_grow(const mqci_segment *segment, uint64_t size)
{
	int r = mqci_segment_may_have(segment, size);

	if (r < 0)
		return r;
	while (ftruncate(segment->fd, (off_t)size) < 0)
		if (errno != EINTR)
			return fail(segment->name, "set the size of", errno);
	return MQC_OK;
}

int mqci_segment_prepare(const char *name, uint64_t size, mqci_segment *ret_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	int r;

	(void)snprintf(segment.name, sizeof segment.name, "%s", name);
	segment.fd = open_nameless();
	if (segment.fd < 0)
		return fail(name, "create", errno);
	r = mqci_segment_set_mode(&segment, S_IRUSR | S_IWUSR);
	if (r == MQC_OK)
		r = mqci_segment_grow(&segment, size);
	if (r < 0) {
		mqci_segment_close(&segment);
		return r;
	}
	*ret_segment = segment;
	return MQC_OK;
}

int mqci_segment_set_mode(const mqci_segment *segment, mode_t mode)
{
	if (fchmod(segment->fd, mode) < 0)
		return fail(segment->name, "set the mode of", errno);
	return MQC_OK;
}

int mqci_segment_admit(const mqci_segment *segment, uid_t user)
{
	/* As it stands in the attribute; <linux/posix_acl_xattr.h> and posix_acl.h. */
	enum {
		USER_OBJ = 1,
		USER = 2,
		GROUP_OBJ = 4,
		MASK = 16,
		OTHER = 32,
		NOBODY = 0,
		READ_WRITE = 6
	};
	const struct {
		uint32_t version;
		struct {
			uint16_t tag;
			uint16_t permissions;
			uint32_t id;
		} entries[5];
	} list = {
		.version = 2,
		.entries =
			{
				{USER_OBJ, READ_WRITE, UINT32_MAX},
				{USER, READ_WRITE, (uint32_t)user},
				{GROUP_OBJ, NOBODY, UINT32_MAX},
				{MASK, READ_WRITE, UINT32_MAX},
				{OTHER, NOBODY, UINT32_MAX},
			},
	};

	if (fsetxattr(segment->fd, "system.posix_acl_access", &list, sizeof list, 0) == 0)
		return MQC_OK;
	if (errno == EOPNOTSUPP)
		return mqci_fail(MQC_UNIMPLEMENTED, errno,
				 "cannot let uid %ld use " DIRECTORY "%s: there are no access "
				 "control lists in " DIRECTORY,
				 (long)user, segment->name);
	return fail(segment->name, "let another user use", errno);
}

int mqci_segment_lock(const mqci_segment *segment)
{
	return lock_all(segment, F_SETLK);
}

int mqci_segment_publish(const mqci_segment *segment)
{
	char from[32], to[sizeof DIRECTORY + MQCI_NAME_SIZE];

	(void)snprintf(from, sizeof from, "/proc/self/fd/%d", segment->fd);
	(void)snprintf(to, sizeof to, DIRECTORY "%s", segment->name);
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) < 0)
		return fail(segment->name, "create", errno);
	return MQC_OK;
}

int mqci_segment_visit(const char *name, uid_t owner, mqci_segment *ret_segment)
{
	mqci_segment segment = MQCI_SEGMENT_CLOSED;
	struct stat status;

	/* Under the name may be anything, a FIFO that nobody writes to, too. */
	segment.fd = shm_open(name, O_RDWR | O_NONBLOCK, 0);
	if (segment.fd < 0 && (errno == EACCES || errno == EPERM))
		segment.fd = shm_open(name, O_RDONLY | O_NONBLOCK, 0);
	if (segment.fd < 0)
		return fail(name, "open", errno);
	if (fstat(segment.fd, &status) < 0 || status.st_uid != owner || !S_ISREG(status.st_mode)) {
		mqci_segment_close(&segment);
		return mqci_fail(MQC_PERMISSION_DENIED, 0, DIRECTORY "%s is no segment of uid %ld",
				 name, (long)owner);
	}
	(void)snprintf(segment.name, sizeof segment.name, "%s", name);
	*ret_segment = segment;
	return MQC_OK;
}

pid_t mqci_segment_locker(const mqci_segment *segment)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(segment->fd, F_GETLK, &lock) < 0)
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	/* 0 of a process that is not in our pid namespace. */
	return lock.l_pid > 0 ? lock.l_pid : -1;
}

static int fail_beyond(const mqci_segment *segment, uint64_t offset, size_t size)
{
	return mqci_fail(MQC_OUT_OF_RANGE, 0,
			 "there are no %zu bytes at %llu of " DIRECTORY
			 "%s: its owner has cut it, or "
			 "says what is not so",
			 size, (unsigned long long)offset, segment->name);
}

/* Whether these bytes are within the range of offsets. */
static bool is_sound(uint64_t offset, size_t size)
{
	return offset <= INT64_MAX && size <= INT64_MAX - offset;
}

int mqci_segment_get(const mqci_segment *segment, uint64_t offset, void *to, size_t size)
{
	size_t length = 0;
	ssize_t got = 1;

	if (!is_sound(offset, size))
		return fail_beyond(segment, offset, size);
	while (length < size && got != 0) {
		got = pread(segment->fd, (char *)to + length, size - length,
			    (off_t)(offset + length));
		if (got < 0 && errno != EINTR)
			return fail(segment->name, "read", errno);
		if (got > 0)
			length += (size_t)got;
	}
	return length == size ? MQC_OK : fail_beyond(segment, offset, size);
}

int mqci_segment_put(const mqci_segment *segment, uint64_t offset, const void *from, size_t size)
{
	struct stat status;
	size_t length = 0;
	ssize_t put;

	if (!is_sound(offset, size) || fstat(segment->fd, &status) < 0 ||
	    offset + size > (uint64_t)status.st_size || is_too_large(offset + size))
		return fail_beyond(segment, offset, size);
	while (length < size) {
		put = pwrite(segment->fd, (const char *)from + length, size - length,
			     (off_t)(offset + length));
		if (put < 0 && errno != EINTR)
			return fail(segment->name, "write", errno);
		if (put > 0)
			length += (size_t)put;
	}
	return MQC_OK;
}

int mqci_segment_map(const mqci_segment *segment, uint64_t offset, size_t size, void **ret_memory)
{
	void *memory;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, segment->fd,
		      (off_t)offset);
	if (memory == MAP_FAILED)
		return fail(segment->name, "map", errno);
	*ret_memory = memory;
	return MQC_OK;
}

void mqci_segment_unmap(void *memory, size_t size)
{
	(void)munmap(memory, size);
}

int mqci_segment_populate(const mqci_segment *segment, uint64_t offset, void *memory, size_t size)
{
	int r;

	/* In one go with the page tables, which costs half of what a fault a page does. */
	do
		r = madvise(memory, size, MADV_POPULATE_WRITE);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	if (r == 0)
		return MQC_OK;
	/* The kernel is an old one, before 5.14; or there is no memory, and this tells why. */
	do
		r = posix_fallocate(segment->fd, (off_t)offset, (off_t)size);
	while (r == EINTR);
	return r != 0 ? fail(segment->name, "find memory for", r) : MQC_OK;
}

int mqci_segment_size(const mqci_segment *segment, uint64_t *ret_size)
{
	struct stat status;

	if (fstat(segment->fd, &status) < 0)
		return fail(segment->name, "look at", errno);
	*ret_size = (uint64_t)status.st_size;
	return MQC_OK;
}

void mqci_segment_forget(const mqci_segment *segment, uint64_t offset, uint64_t size)
{
	/* Where it cannot be done, the memory is kept until the segment goes. */
	(void)fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			(off_t)size);
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

mqci_segment_stamp mqci_segment_stamp_now(void)
{
	mqci_segment_stamp stamp = {{0}};
	struct stat status;

	/* A clock's time, but only ever compared with itself. */
	if (stat(DIRECTORY, &status) == 0)
		stamp.changed = status.st_mtim;
	return stamp;
}

int mqci_segment_list(bool (*see)(const char *name, void *data), void *data)
{
	char name[MQCI_NAME_SIZE];
	struct dirent *entry;
	DIR *directory;
	int r = MQC_OK;

	directory = opendir(DIRECTORY);
	if (directory == NULL)
		return fail("", "list", errno);
	/* To the end of the list, which is told from a failure by errno alone. */
	while (errno = 0, (entry = readdir(directory)) != NULL) {
		if (strlen(entry->d_name) + 2 > sizeof name)
			continue;
		(void)snprintf(name, sizeof name, "/%.*s", (int)sizeof name - 2, entry->d_name);
		if (!see(name, data))
			break;
	}
	if (entry == NULL && errno != 0)
		r = fail("", "list", errno);
	(void)closedir(directory);
	return r;
}
