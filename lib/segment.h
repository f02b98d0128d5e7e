/*
 * segment.h - shared memory: the only door to shm_open() and mmap().
 *
 * A segment is a file in /dev/shm. That directory is open to everybody, so a
 * name may be held by a stranger: a segment is used only when it is a plain
 * file of the owner and mode that it should have.
 *
 * Some are made to be found by others while their maker lives, see
 * mqci_segment_prepare(): they have their name only when all is in place, and
 * a lock that the kernel takes away when the maker is gone, however that comes.
 */
#ifndef MQCI_SEGMENT_H
#define MQCI_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "name.h"

typedef struct mqci_segment {
	int fd;       /* -1 when closed */
	void *memory; /* NULL unless mapped */
	size_t size;
	char name[MQCI_NAME_SIZE];
} mqci_segment;

#define MQCI_SEGMENT_CLOSED ((mqci_segment){.fd = -1})

/*
 * Open this user's segment of that name, creating it, empty, if it is not
 * there. MQC_PERMISSION_DENIED: it is another user's, and the text says whose.
 */
int mqci_segment_open(const char *name, mqci_segment *ret_segment);

/*
 * Create a segment of `size` zero bytes, mapped; it must not exist: MQC_ALREADY_EXISTS.
 * It is held, from when it has its name until this process closes it, ends, or is another
 * program's, by exec. A forked child that does not close it holds it, too.
 */
int mqci_segment_create(const char *name, size_t size, mode_t mode, mqci_segment *ret_segment);

/*
 * Read up to `size` bytes of a segment of user `owner`, from its beginning:
 * how many came, or a status. Its owner may change it, or cut it, meanwhile.
 */
ssize_t mqci_segment_read(const char *name, uid_t owner, void *to, size_t size);

/*
 * Whether who created the segment, user `owner`, holds it still: 1, 0, or a status:
 * MQC_NOT_FOUND, it has been removed.
 */
int mqci_segment_is_held(const char *name, uid_t owner);

/*
 * A segment of `size` zero bytes, which take no memory before they are written,
 * and without a name still. Then whom it is for is let in, it is locked, and
 * mqci_segment_publish() gives it its name.
 */
int mqci_segment_prepare(const char *name, uint64_t size, mqci_segment *ret_segment);

/* Let another user read and write. MQC_UNIMPLEMENTED: there are no access lists in /dev/shm. */
int mqci_segment_admit(const mqci_segment *segment, uid_t user);

int mqci_segment_set_mode(const mqci_segment *segment, mode_t mode);

/*
 * Lock it for this process, until it ends, or closes any descriptor of the
 * segment: it must have one only. A forked child has no part in the lock.
 */
int mqci_segment_lock(const mqci_segment *segment);

/* MQC_ALREADY_EXISTS: the name is taken. */
int mqci_segment_publish(const mqci_segment *segment);

/*
 * Whether this process may have files of `size` bytes (RLIMIT_FSIZE), to be asked before
 * one is made: the kernel would tell by a signal, and end the process.
 */
int mqci_segment_may_have(const mqci_segment *segment, uint64_t size);

/* Let it have at least `size` bytes. */
int mqci_segment_grow(const mqci_segment *segment, uint64_t size);

/*
 * Open a segment of user `owner`, to write if that is permitted. Whatever its
 * owner does to it meanwhile: what is read by mqci_segment_get() may be
 * anything, but reading it is safe.
 */
int mqci_segment_visit(const char *name, uid_t owner, mqci_segment *ret_segment);

/* The process, not this one, that has it locked: 0 for none, -1 if the kernel does not tell. */
pid_t mqci_segment_locker(const mqci_segment *segment);

/* Read or write bytes in the middle. MQC_OUT_OF_RANGE: the segment does not reach so far. */
int mqci_segment_get(const mqci_segment *segment, uint64_t offset, void *to, size_t size);
int mqci_segment_put(const mqci_segment *segment, uint64_t offset, const void *from, size_t size);

/*
 * Map bytes to be read or written in place; `offset` is a multiple of a page.
 * What is written must have memory, see below: else there may be none, and that
 * is SIGBUS.
 */
int mqci_segment_map(const mqci_segment *segment, uint64_t offset, size_t size, void **ret_memory);
void mqci_segment_unmap(void *memory, size_t size);

/* Have memory for bytes that are mapped at `memory`, whole pages; what has some keeps it. */
int mqci_segment_populate(const mqci_segment *segment, uint64_t offset, void *memory, size_t size);

/* How many bytes it has. */
int mqci_segment_size(const mqci_segment *segment, uint64_t *ret_size);

/* Give the memory of these bytes back: they are zero then. */
void mqci_segment_forget(const mqci_segment *segment, uint64_t offset, uint64_t size);

/* Close and unmap; the name stays. Idempotent. */
void mqci_segment_close(mqci_segment *segment);

void mqci_segment_unlink(const char *name);

/*
 * A descriptor that becomes readable when a segment is created, or gets another
 * mode; close() it. -1 if there is none to be had: inotify(7) has a limit, too.
 */
int mqci_segment_watch(void);

/* What the directory of segments is like: different when one was created or removed. */
typedef struct mqci_segment_stamp {
	struct timespec changed;
} mqci_segment_stamp;

mqci_segment_stamp mqci_segment_stamp_now(void);

static inline bool mqci_segment_same_stamp(const mqci_segment_stamp *one,
					   const mqci_segment_stamp *other)
{
	return one->changed.tv_sec == other->changed.tv_sec &&
	       one->changed.tv_nsec == other->changed.tv_nsec;
}

/* Call `see` for the name of every segment, with its leading slash, until it returns false. */
int mqci_segment_list(bool (*see)(const char *name, void *data), void *data);

#endif
