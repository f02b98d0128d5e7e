/*
 * contender_raw_mq.c - bare queues: mq_send() and a blocking mq_receive().
 *
 * The least that two processes with two queues can do, and so what mqcall is
 * compared to: queues of the same shape, messages of the same size, but no
 * protocol, no packing and no deadline.
 */
#include "contender.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

enum {
	/* What Add's request and reply take on mqcall's wire, with the numbers measured with. */
	MESSAGE_SIZE = MQCI_FRAME_HEADER + 8,
	REQUEST_ROOM = 8192, /* and so large are messages of its queues, by default */
	REPLY_ROOM = 4352,
	REQUESTS = 10,
	REPLIES = 4,
	NAME_SIZE = 40
};

typedef struct add_message {
	int32_t a;
	int32_t b;
	int32_t sum;
	char rest[MESSAGE_SIZE - 3 * sizeof(int32_t)];
} add_message;

typedef struct raw_connection {
	mqd_t requests;
	mqd_t replies;
} raw_connection;

static void queue_name(const char *name, const char *which, char *ret_path)
{
	snprintf(ret_path, NAME_SIZE, "/%s.%s", name, which);
}

static int open_queue(const char *name, const char *which, int flags, long messages, long size,
		      mqd_t *ret_queue)
{
	struct mq_attr attributes = {.mq_maxmsg = messages, .mq_msgsize = size};
	char path[NAME_SIZE];

	queue_name(name, which, path);
	*ret_queue = mq_open(path, flags, 0600, &attributes);
	if (*ret_queue == (mqd_t)-1) {
		fprintf(stderr, "raw mq: ");
		perror(path);
		return -1;
	}
	return 0;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	mqd_t requests, replies;
	char buffer[REQUEST_ROOM];
	add_message message;

	if (open_queue(name, "requests", O_CREAT | O_EXCL | O_RDONLY, REQUESTS, REQUEST_ROOM,
		       &requests) < 0 ||
	    open_queue(name, "replies", O_CREAT | O_EXCL | O_WRONLY, REPLIES, REPLY_ROOM,
		       &replies) < 0)
		return -1;
	ready(benchmark);
	while (mq_receive(requests, buffer, sizeof buffer, NULL) == MESSAGE_SIZE) {
		memcpy(&message, buffer, sizeof message);
		message.sum = message.a + message.b;
		if (mq_send(replies, (const char *)&message, sizeof message, 0) < 0)
			break;
	}
	perror("raw mq server");
	return -1;
}

static int connect_queues(const char *name, void **ret_connection)
{
	raw_connection *connection = malloc(sizeof *connection);

	if (connection == NULL ||
	    open_queue(name, "requests", O_WRONLY, 0, 0, &connection->requests) < 0 ||
	    open_queue(name, "replies", O_RDONLY, 0, 0, &connection->replies) < 0) {
		free(connection);
		return -1;
	}
	*ret_connection = connection;
	return 0;
}

static int add(void *connection, int32_t a, int32_t b, int32_t *ret_sum)
{
	const raw_connection *raw = connection;
	add_message message = {.a = a, .b = b};
	char buffer[REPLY_ROOM];

	if (mq_send(raw->requests, (const char *)&message, sizeof message, 0) < 0 ||
	    mq_receive(raw->replies, buffer, sizeof buffer, NULL) != MESSAGE_SIZE) {
		perror("raw mq client");
		return -1;
	}
	memcpy(&message, buffer, sizeof message);
	*ret_sum = message.sum;
	return 0;
}

static void disconnect(void *connection)
{
	raw_connection *raw = connection;

	mq_close(raw->requests);
	mq_close(raw->replies);
	free(raw);
}

static void sweep(const char *name)
{
	char path[NAME_SIZE];

	queue_name(name, "requests", path);
	mq_unlink(path);
	queue_name(name, "replies", path);
	mq_unlink(path);
}

extern const bench_contender bench_raw_mq;
const bench_contender bench_raw_mq = {
	.name = "raw-mq",
	.title = "raw mq, blocking",
	.serve = serve,
	.connect = connect_queues,
	.add = add,
	.disconnect = disconnect,
	.sweep = sweep,
};
