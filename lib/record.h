/*
 * record.h - what the server processes of an endpoint have in common.
 *
 * Beside the queue /mqcall.calc lies a small file of that name in shared
 * memory, readable by the owner only. It holds the secret that session keys
 * are made from: any server process of the endpoint can check a key that
 * another one gave out, and so can the next one after a crash. And it is
 * locked: a server process holds a shared lock on it while it lives, which the
 * kernel takes away when the process is gone, however it went. So the last to
 * leave knows that it is the last.
 */
#ifndef MQCI_RECORD_H
#define MQCI_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "segment.h"

typedef struct mqci_record {
	mqci_segment segment;
	uint8_t secret[16];
	bool fresh; /* it was not there before: nobody has used its secret */
} mqci_record;

#define MQCI_RECORD_CLOSED ((mqci_record){.segment = MQCI_SEGMENT_CLOSED})

/*
 * Open the record of an endpoint's queue, creating it if it is not there, and
 * keep other server processes from opening or leaving theirs meanwhile; waits
 * for one that is just doing so. Then settle the queue, and mqci_record_share().
 *
 * MQC_PERMISSION_DENIED  somebody else holds the name
 */
int mqci_record_open(const char *name, mqci_record *ret_record);

/* Whether another server process lives. True as long as others are kept out. */
bool mqci_record_has_others(const mqci_record *record);

/* Be counted as a server process, and let others in again. */
int mqci_record_share(mqci_record *record);

/* Keep other server processes from opening or leaving theirs meanwhile, and no more. */
int mqci_record_lock(mqci_record *record);
int mqci_record_unlock(mqci_record *record);

/*
 * Be counted no longer, and keep others out until mqci_record_unlock(), so
 * that mqci_record_has_others() tells who is to remove the queue.
 */
int mqci_record_leave(mqci_record *record);

/* Remove the record's name: after the queue's. */
void mqci_record_remove(const mqci_record *record);

/* Idempotent. */
void mqci_record_close(mqci_record *record);

/*
 * The key of a session whose reply queue is that inode, and uid's; never 0. With
 * the inode in it, a client that has the number of a former one has another key.
 */
uint64_t mqci_record_key(const mqci_record *record, uint64_t session, uid_t uid, gid_t gid,
			 ino_t inode);

#endif
