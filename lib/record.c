/*
 * record.c - what the server processes of an endpoint have in common.
 *
 * Two bytes of the file are locked, with locks that belong to the open
 * description (F_OFD_*), not the process: one is a mutex for opening and
 * leaving, one is held shared by everybody who serves. A record may be removed
 * between our opening it and our locking it: then it has no name any more, and
 * we begin again.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

enum {
	SETTLING_BYTE,
	SERVING_BYTE
};

struct content {
	char magic[8];
	uint8_t secret[16];
};

static const char magic[8] = "mqcall1";

_Static_assert(sizeof(((mqci_record *)0)->secret) == crypto_shorthash_KEYBYTES,
	       "the secret is the hash's key");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "the hash is a session key");

static int lock_byte(const mqci_record *record, short type, off_t byte)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	while (fcntl(record->segment.fd, F_OFD_SETLKW, &lock) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot lock /dev/shm%s: %s",
					 record->segment.name, strerror(errno));
	return MQC_OK;
}

static int random_bytes(uint8_t *to, size_t size)
{
	while (getrandom(to, size, 0) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot get random bytes: %s",
					 strerror(errno));
	/* Up to 256 bytes come whole: getrandom(2). */
	return MQC_OK;
}

static ssize_t read_content(int fd, struct content *to)
{
	ssize_t size;

	do
		size = pread(fd, to, sizeof *to, 0);
	while (size < 0 && errno == EINTR);
	return size;
}

static ssize_t write_content(int fd, const struct content *content)
{
	ssize_t size;

	do
		size = pwrite(fd, content, sizeof *content, 0);
	while (size < 0 && errno == EINTR);
	return size;
}

/* Read the secret; or make it, if the file is new. */
static int settle_secret(mqci_record *record, const struct stat *status)
{
	struct content content;
	ssize_t size;
	int r;

	record->fresh = status->st_size == 0;
	if (!record->fresh) {
		size = read_content(record->segment.fd, &content);
		if (size < 0)
			return mqci_fail(MQC_INTERNAL, errno, "cannot read /dev/shm%s: %s",
					 record->segment.name, strerror(errno));
		if (size != sizeof content || memcmp(content.magic, magic, sizeof magic) != 0)
			return mqci_fail(MQC_FAILED_PRECONDITION, 0,
					 "/dev/shm%s is not a record of this version of mqcall; "
					 "remove it when no server uses it",
					 record->segment.name);
	} else {
		memcpy(content.magic, magic, sizeof magic);
		r = mqci_segment_may_have(&record->segment, sizeof content);
		if (r == MQC_OK)
			r = random_bytes(content.secret, sizeof content.secret);
		if (r < 0)
			return r;
		if (write_content(record->segment.fd, &content) != sizeof content)
			return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
					 "cannot write /dev/shm%s: %s", record->segment.name,
					 strerror(errno));
	}
	memcpy(record->secret, content.secret, sizeof record->secret);
	return MQC_OK;
}

/* Open and lock what the name stands for now: 1, 0 if it was removed meanwhile, or a status. */
static int try_open(const char *name, mqci_record *record)
{
	struct stat status;
	int r;

	r = mqci_segment_open(name, &record->segment);
	if (r == MQC_OK)
		r = lock_byte(record, F_WRLCK, SETTLING_BYTE);
	if (r < 0)
		return r;
	if (fstat(record->segment.fd, &status) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot look at /dev/shm%s: %s", name,
				 strerror(errno));
	if (status.st_nlink == 0)
		return 0;
	r = settle_secret(record, &status);
	/* Nobody has anything of one without a secret. */
	if (r < 0 && record->fresh)
		mqci_record_remove(record);
	return r < 0 ? r : 1;
}

int mqci_record_open(const char *name, mqci_record *ret_record)
{
	mqci_record record = MQCI_RECORD_CLOSED;
	int r;

	do {
		mqci_record_close(&record);
		r = try_open(name, &record);
	} while (r == 0);
	if (r < 0) {
		mqci_record_close(&record);
		return r;
	}
	*ret_record = record;
	return MQC_OK;
}

bool mqci_record_has_others(const mqci_record *record)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SERVING_BYTE, .l_len = 1};

	/* In doubt, somebody is there: the queue is then left in place. */
	return fcntl(record->segment.fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

int mqci_record_lock(mqci_record *record)
{
	return lock_byte(record, F_WRLCK, SETTLING_BYTE);
}

int mqci_record_unlock(mqci_record *record)
{
	return lock_byte(record, F_UNLCK, SETTLING_BYTE);
}

int mqci_record_share(mqci_record *record)
{
	int r = lock_byte(record, F_RDLCK, SERVING_BYTE);

	return r < 0 ? r : mqci_record_unlock(record);
}

int mqci_record_leave(mqci_record *record)
{
	int r = mqci_record_lock(record);

	return r < 0 ? r : lock_byte(record, F_UNLCK, SERVING_BYTE);
}

void mqci_record_remove(const mqci_record *record)
{
	mqci_segment_unlink(record->segment.name);
}

void mqci_record_close(mqci_record *record)
{
	mqci_segment_close(&record->segment);
}

uint64_t mqci_record_key(const mqci_record *record, uint64_t session, uid_t uid, gid_t gid,
			 ino_t inode)
{
	const uint64_t owner[4] = {session, uid, gid, inode};
	uint64_t key;

	(void)crypto_shorthash((unsigned char *)&key, (const unsigned char *)owner, sizeof owner,
			       record->secret);
	return key != 0 ? key : 1;
}
