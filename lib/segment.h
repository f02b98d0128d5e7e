/*
 * segment.h - shared memory: the only door to shm_open() and mmap().
 *
 * A segment is a file in /dev/shm. That directory is open to everybody, so a
 * name may be held by a stranger: a segment is used only when it is a plain
 * file of the owner and mode that it should have.
 */
#ifndef MQCI_SEGMENT_H
#define MQCI_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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

/* Create a segment of `size` zero bytes, mapped; it must not exist: MQC_ALREADY_EXISTS. */
int mqci_segment_create(const char *name, size_t size, mode_t mode, mqci_segment *ret_segment);

/*
 * Read up to `size` bytes of a segment of user `owner`, from its beginning:
 * how many came, or a status. Its owner may change it, or cut it, meanwhile.
 */
ssize_t mqci_segment_read(const char *name, uid_t owner, void *to, size_t size);

/* Close and unmap; the name stays. Idempotent. */
void mqci_segment_close(mqci_segment *segment);

void mqci_segment_unlink(const char *name);

/*
 * A descriptor that becomes readable when a segment is created, or gets another
 * mode; close() it. -1 if there is none to be had: inotify(7) has a limit, too.
 */
int mqci_segment_watch(void);

/* Call `see` for the name of every segment, with its leading slash, until it returns false. */
int mqci_segment_list(bool (*see)(const char *name, void *data), void *data);

#endif
