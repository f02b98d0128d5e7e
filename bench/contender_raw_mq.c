/*
 * contender_raw_mq.c - bare queues: mq_send() and mq_receive().
 *
 * The least that processes with queues can do, and so what all others are
 * compared to: queues of the same shape as mqcall's, messages of the same size,
 * but no protocol, no packing and no deadline. What a message does not take goes
 * through raw_shared memory, with a copy in and a copy out on each side.
 *
 *   raw-mq        waits in a blocking mq_receive()
 *   raw-mq-spin   asks again and again for a while before that, if the other
 *                 side was last seen on another CPU
 */
#include "contender.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER = 64,         /* as mqcall's frame */
	ADD_PAYLOAD = 8,     /* what the packed numbers take there, padded */
	REQUEST_ROOM = 8192, /* so large are messages of its queues, by default */
	REPLY_ROOM = 4352,
	SMALL_REPLY_ROOM = 816, /* with many clients, to have room for all */
	MANY_CLIENTS = 5,
	REQUESTS = 10,
	REPLIES = 4,
	MOST_CLIENTS = 256,
	PAYLOAD_MAX = 64 << 20,
	SPIN_NS = 50000,
	NAME_SIZE = 40
};

typedef struct raw_header {
	uint32_t client;
	uint32_t cpu; /* where the sender ran */
	uint32_t ticket;
	int32_t a, b, sum;
	uint64_t size;  /* of an Echo */
	bool is_shared; /* its payload lies in shared memory */
	bool is_passed; /* ... and stays there */
	char rest[HEADER - 40];
} raw_header;

_Static_assert(sizeof(raw_header) == HEADER, "as large as mqcall's");

/* One queue; twice, as a descriptor either waits or does not. */
typedef struct raw_queue {
	mqd_t waits;
	mqd_t polls;
	bool spins;
	uint32_t peer_cpu;
	char *buffer;
	size_t room;
} raw_queue;

/* A client's shared memory: where the request lies, and where the reply. */
typedef struct raw_shared {
	char *memory;
} raw_shared;

typedef struct raw_connection {
	raw_queue replies;
	mqd_t requests;
	char name[NAME_SIZE];
	raw_shared shared;
	char *reply; /* a copy in the client's own memory */
	size_t reply_room;
	char message[REQUEST_ROOM];
} raw_connection;

typedef struct raw_server {
	const char *name;
	bool spins;
	raw_queue requests;
	mqd_t replies[MOST_CLIENTS]; /* 0: not opened yet; which is no queue's descriptor */
	raw_shared shared[MOST_CLIENTS];
	char *copy;
	char message[REQUEST_ROOM];
} raw_server;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int complain(const char *path)
{
	fprintf(stderr, "raw mq: %s: %s\n", path, strerror(errno));
	return -1;
}

static void requests_name(const char *name, char *ret_path)
{
	snprintf(ret_path, NAME_SIZE, "/%s.requests", name);
}

/* Of the replies of a client, and of its shared memory. */
static void client_name(const char *name, uint32_t client, char *ret_path)
{
	snprintf(ret_path, NAME_SIZE, "/%s.%u", name, (unsigned)client);
}

/* What is larger goes through shared memory. */
static size_t reply_room(void)
{
	return bench_clients() < MANY_CLIENTS ? REPLY_ROOM : SMALL_REPLY_ROOM;
}

static int open_to_send(const char *path, mqd_t *ret_queue)
{
	mqd_t queue = mq_open(path, O_WRONLY);

	if (queue == (mqd_t)-1)
		return complain(path);
	*ret_queue = queue;
	return 0;
}

static int create(const char *path, long messages, size_t room, bool spins, raw_queue *ret_queue)
{
	struct mq_attr attributes = {.mq_maxmsg = messages, .mq_msgsize = (long)room};
	raw_queue queue = {.waits = (mqd_t)-1, .polls = (mqd_t)-1, .spins = spins, .room = room};

	queue.buffer = malloc(room);
	if (queue.buffer != NULL)
		queue.waits = mq_open(path, O_CREAT | O_EXCL | O_RDONLY, 0600, &attributes);
	if (queue.waits != (mqd_t)-1)
		queue.polls = mq_open(path, O_RDONLY | O_NONBLOCK);
	if (queue.polls == (mqd_t)-1) {
		(void)complain(path);
		free(queue.buffer);
		return -1;
	}
	*ret_queue = queue;
	return 0;
}

static ssize_t receive(raw_queue *queue)
{
	ssize_t size = -1;

	if (queue->spins && (uint32_t)sched_getcpu() != queue->peer_cpu) {
		uint64_t until = now() + SPIN_NS;

		do {
			size = mq_receive(queue->polls, queue->buffer, queue->room, NULL);
		} while (size < 0 && errno == EAGAIN && now() < until);
	}
	if (size < 0)
		size = mq_receive(queue->waits, queue->buffer, queue->room, NULL);
	if (size < HEADER) {
		perror("raw mq: mq_receive");
		return -1;
	}
	queue->peer_cpu = ((const raw_header *)(const void *)queue->buffer)->cpu;
	return size;
}

static int map(const char *name, uint32_t client, int flags, raw_shared *ret_shared)
{
	char path[NAME_SIZE];
	void *memory = MAP_FAILED;
	int fd;

	client_name(name, client, path);
	fd = shm_open(path, flags, 0600);
	if (fd >= 0 && ftruncate(fd, 2 * (off_t)PAYLOAD_MAX) == 0)
		memory = mmap(NULL, 2 * (size_t)PAYLOAD_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      0);
	if (memory == MAP_FAILED)
		return complain(path);
	close(fd);
	ret_shared->memory = memory;
	return 0;
}

/* ----------------------------------------------------------------- server -- */

/* Puts the payload of the reply where it belongs; returns the size of the message. */
static ssize_t answer_echo(raw_server *server, raw_header *reply, const char *payload)
{
	raw_shared *shared = &server->shared[reply->client];
	size_t size = (size_t)reply->size;

	if (size > PAYLOAD_MAX)
		return -1;
	if (reply->is_shared) {
		if (shared->memory == NULL && map(server->name, reply->client, O_RDWR, shared) < 0)
			return -1;
		payload = memcpy(server->copy, shared->memory, size);
	}
	bench_read(payload, size);
	reply->is_shared = HEADER + size > reply_room();
	if (!reply->is_shared) {
		memcpy(server->message + HEADER, payload, size);
		return (ssize_t)(HEADER + size);
	}
	if (shared->memory == NULL && map(server->name, reply->client, O_RDWR, shared) < 0)
		return -1;
	memcpy(shared->memory + PAYLOAD_MAX, payload, size);
	return HEADER;
}

static int answer(raw_server *server)
{
	raw_header reply;
	mqd_t *to;
	ssize_t size = HEADER + ADD_PAYLOAD;
	char path[NAME_SIZE];

	memcpy(&reply, server->requests.buffer, sizeof reply);
	if (reply.client >= MOST_CLIENTS)
		return -1;
	to = &server->replies[reply.client];
	if (*to == 0) {
		client_name(server->name, reply.client, path);
		if (open_to_send(path, to) < 0)
			return -1;
	}
	if (reply.size > 0 && !reply.is_passed)
		size = answer_echo(server, &reply, server->requests.buffer + HEADER);
	else
		reply.sum = reply.a + reply.b;
	if (size < 0)
		return -1;
	reply.cpu = server->spins ? (uint32_t)sched_getcpu() : 0;
	memcpy(server->message, &reply, sizeof reply);
	if (mq_send(*to, server->message, (size_t)size, 0) < 0) {
		perror("raw mq server: mq_send");
		return -1;
	}
	return 0;
}

static int serve_queue(const char *name, bool spins, bench_ready ready, void *benchmark)
{
	static raw_server server;
	char path[NAME_SIZE];

	server.name = name;
	server.spins = spins;
	server.copy = malloc(PAYLOAD_MAX);
	requests_name(name, path);
	if (server.copy == NULL ||
	    create(path, REQUESTS, REQUEST_ROOM, spins, &server.requests) < 0)
		return -1;
	ready(benchmark);
	while (receive(&server.requests) >= 0)
		if (answer(&server) < 0)
			break;
	return -1;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	return serve_queue(name, false, ready, benchmark);
}

static int serve_spinning(const char *name, bench_ready ready, void *benchmark)
{
	return serve_queue(name, true, ready, benchmark);
}

/* ----------------------------------------------------------------- client -- */

static int connect_queues(const char *name, bool spins, void **ret_connection)
{
	raw_connection *raw = calloc(1, sizeof *raw);
	char requests[NAME_SIZE], replies[NAME_SIZE];

	if (raw == NULL)
		return complain(name);
	snprintf(raw->name, sizeof raw->name, "%s", name);
	requests_name(name, requests);
	client_name(name, bench_client_index(), replies);
	if (open_to_send(requests, &raw->requests) < 0 ||
	    create(replies, REPLIES, reply_room(), spins, &raw->replies) < 0) {
		free(raw);
		return -1;
	}
	*ret_connection = raw;
	return 0;
}

static int connect_blocking(const char *name, void **ret_connection)
{
	return connect_queues(name, false, ret_connection);
}

static int connect_spinning(const char *name, void **ret_connection)
{
	return connect_queues(name, true, ret_connection);
}

static int send_request(raw_connection *raw, raw_header *request, size_t payload)
{
	request->client = bench_client_index();
	request->cpu = raw->replies.spins ? (uint32_t)sched_getcpu() : 0;
	memcpy(raw->message, request, sizeof *request);
	if (mq_send(raw->requests, raw->message, HEADER + payload, 0) < 0) {
		perror("raw mq client: mq_send");
		return -1;
	}
	return 0;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	raw_header request = {.ticket = ticket, .a = a, .b = b};

	return send_request(to, &request, ADD_PAYLOAD);
}

static int receive_reply(raw_connection *raw, raw_header *ret_reply)
{
	if (receive(&raw->replies) < 0)
		return -1;
	memcpy(ret_reply, raw->replies.buffer, sizeof *ret_reply);
	return 0;
}

static int wait_for_one(void *from, bench_ended ended, void *benchmark)
{
	raw_header reply;

	if (receive_reply(from, &reply) < 0)
		return -1;
	ended(benchmark, reply.ticket, reply.sum);
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	raw_header reply;

	if (start(to, 0, a, b) < 0 || receive_reply(to, &reply) < 0)
		return -1;
	*ret_sum = reply.sum;
	return 0;
}

/* Memory of the client's own that has room for a reply. */
static int make_room(raw_connection *raw, size_t size)
{
	if (size <= raw->reply_room)
		return 0;
	free(raw->reply);
	raw->reply = malloc(size);
	raw->reply_room = raw->reply == NULL ? 0 : size;
	if (raw->shared.memory == NULL &&
	    map(raw->name, bench_client_index(), O_RDWR | O_CREAT | O_EXCL, &raw->shared) < 0)
		return -1;
	return raw->reply == NULL ? -1 : 0;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	raw_connection *raw = to;
	raw_header request = {.size = size, .is_shared = HEADER + size > REQUEST_ROOM}, reply;

	if (make_room(raw, size) < 0)
		return -1;
	memcpy(request.is_shared ? raw->shared.memory : raw->message + HEADER, data, size);
	if (send_request(raw, &request, request.is_shared ? 0 : size) < 0 ||
	    receive_reply(raw, &reply) < 0 || reply.size > raw->reply_room)
		return -1;
	memcpy(raw->reply,
	       reply.is_shared ? raw->shared.memory + PAYLOAD_MAX : raw->replies.buffer + HEADER,
	       reply.size);
	*ret_reply = raw->reply;
	*ret_size = reply.size;
	return 0;
}

/* Where both sides have it mapped; so nothing but the header goes there and back. */
static int lend(void *to, size_t size, void **ret_memory)
{
	raw_connection *raw = to;

	if (make_room(raw, size) < 0)
		return -1;
	*ret_memory = raw->shared.memory;
	return 0;
}

static int pass(void *to, void *memory, size_t size, const void **ret_reply, size_t *ret_size)
{
	raw_connection *raw = to;
	raw_header request = {.size = size, .is_shared = true, .is_passed = true}, reply;

	if (send_request(raw, &request, ADD_PAYLOAD) < 0 || receive_reply(raw, &reply) < 0)
		return -1;
	*ret_reply = memory;
	*ret_size = reply.size;
	return 0;
}

static void disconnect(void *from)
{
	raw_connection *raw = from;

	mq_close(raw->requests);
	mq_close(raw->replies.waits);
	mq_close(raw->replies.polls);
	free(raw->replies.buffer);
	free(raw->reply);
	free(raw);
}

static void sweep(const char *name)
{
	char path[NAME_SIZE];

	requests_name(name, path);
	mq_unlink(path);
	for (uint32_t client = 0; client < MOST_CLIENTS; client++) {
		client_name(name, client, path);
		mq_unlink(path);
		shm_unlink(path);
	}
}

static const bench_contender blocking = {
	.name = "raw-mq",
	.serve = serve,
	.connect = connect_blocking,
	.add = add,
	.echo = echo,
	.lend = lend,
	.pass = pass,
	.start = start,
	.wait = wait_for_one,
	.most_outstanding = REQUESTS,
	.liked_outstanding = REQUESTS,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX,
};

static const bench_contender spinning = {
	.name = "raw-mq-spin",
	.serve = serve_spinning,
	.connect = connect_spinning,
	.add = add,
	.echo = echo,
	.lend = lend,
	.pass = pass,
	.start = start,
	.wait = wait_for_one,
	.most_outstanding = REQUESTS,
	.liked_outstanding = REQUESTS,
	.disconnect = disconnect,
	.sweep = sweep,
	.payload_max = PAYLOAD_MAX,
};

const bench_contender *const bench_contenders[] = {&blocking, &spinning, NULL};
