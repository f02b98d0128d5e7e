/*
 * queue.h - POSIX message queues: the only door to mq_*.
 *
 * A queue here is one open description: it sends or receives, and either
 * never blocks or always does. What goes wrong is told as mqci_fail() tells
 * it, naming the queue, the limit and the setting to raise.
 */
#ifndef MQCI_QUEUE_H
#define MQCI_QUEUE_H

#include <mqueue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "name.h"

/* Where a stock Linux stands: mq_overview(7). */
#define MQCI_STOCK_MESSAGES 10
#define MQCI_STOCK_SIZE 8192

/* The bytes of RLIMIT_MSGQUEUE that a message costs beyond its size: 48 each for
 * struct msg_msg and struct posix_msg_tree_node, in ipc/mqueue.c of 64-bit Linux. */
#define MQCI_MESSAGE_OVERHEAD 96

typedef struct mqci_queue {
	mqd_t descriptor; /* a file descriptor, on Linux; -1 when closed */
	size_t size;      /* the largest message it takes, bytes */
	size_t messages;  /* how many it holds */
	char name[MQCI_NAME_SIZE];
} mqci_queue;

#define MQCI_QUEUE_CLOSED ((mqci_queue){.descriptor = (mqd_t)-1})

static inline bool mqci_queue_is_open(const mqci_queue *queue)
{
	return queue->descriptor != (mqd_t)-1;
}

typedef enum mqci_queue_use {
	MQCI_RECEIVE, /* receive, blocking */
	MQCI_DRAIN,   /* receive, never blocking */
	MQCI_SEND     /* send, never blocking */
} mqci_queue_use;

/*
 * Create a queue that this process will receive from. It must not exist:
 * MQC_ALREADY_EXISTS. `mode` is the mode it gets, whatever the umask.
 */
int mqci_queue_create(const char *name, size_t messages, size_t size, mode_t mode,
		      mqci_queue *ret_queue);

/* Open a queue that exists: else MQC_NOT_FOUND. */
int mqci_queue_open(const char *name, mqci_queue_use use, mqci_queue *ret_queue);

/* Who owns a queue, and with what mode. */
int mqci_queue_owner(const mqci_queue *queue, uid_t *ret_uid, gid_t *ret_gid, mode_t *ret_mode);

/* Which queue it is: of those that exist at the same time no two have the same. */
int mqci_queue_inode(const mqci_queue *queue, ino_t *ret_inode);

/* Give it another mode. */
int mqci_queue_set_mode(const mqci_queue *queue, mode_t mode);

/* How many messages wait in it. */
int mqci_queue_waiting(const mqci_queue *queue, size_t *ret_messages);

/* The largest values that an ordinary user may give a queue here, at most the stock ones. */
void mqci_queue_limits(size_t *ret_messages, size_t *ret_size);

/* 1 when sent, 0 when there is no room, or a status. Priorities are 0 to 31. */
int mqci_queue_send(const mqci_queue *queue, const void *message, size_t size, unsigned priority);

/*
 * Wait until there may be room, or until the deadline: 1 or 0, or a status. Of several
 * that wait for a place, one is told of it, who may not live to use it. It is 1, too,
 * when the descriptor `news` becomes readable, unless that is -1.
 */
int mqci_queue_wait_room(const mqci_queue *queue, int64_t deadline, int news);

/*
 * Be told once, as `event` says, when a message comes into the empty queue and
 * nobody is blocked in receiving; NULL: not any more. MQC_ALREADY_EXISTS: some
 * process is to be told of it, this one or another.
 */
int mqci_queue_notify(const mqci_queue *queue, const struct sigevent *event);

/* Wait until a message may be there, or until the deadline: 1 or 0, or a status. */
int mqci_queue_wait_message(const mqci_queue *queue, int64_t deadline);

/*
 * The size of the message received into `buffer`, of at least queue->size
 * bytes, or a status. 0: an empty message, a signal came, or nothing is there;
 * the caller looks around and tries again.
 */
ssize_t mqci_queue_receive(const mqci_queue *queue, void *buffer, size_t size);

/* Take a message from a queue that never blocks: 1, 0 if there is none, or a status. */
int mqci_queue_take(const mqci_queue *queue, void *buffer, size_t size, size_t *ret_size);

/* The same; also gives the message's priority. */
int mqci_queue_take_with(const mqci_queue *queue, void *buffer, size_t size, size_t *ret_size,
			 unsigned *ret_priority);

/* As mqci_queue_receive(); also gives the message's priority. */
ssize_t mqci_queue_receive_with(const mqci_queue *queue, void *buffer, size_t size,
				unsigned *ret_priority);

/* Whether its name has been removed: nobody will find it any more. */
bool mqci_queue_is_removed(const mqci_queue *queue);

/*
 * Have the descriptor of `queue` stand for the queue of `by`, which is closed:
 * for threads that use it meanwhile, at once.
 */
int mqci_queue_replace(mqci_queue *queue, mqci_queue *by);

/* From now on receive without blocking. */
int mqci_queue_never_block(const mqci_queue *queue);

/* Close the descriptor; the queue and its messages stay. Idempotent. */
void mqci_queue_close(mqci_queue *queue);

/* Remove the name. The queue itself goes when nobody has it open. True if it was there. */
bool mqci_queue_unlink(const char *name);

#endif
