/*
 * contender_raw_unix.c - a bare Unix socket: a stream, with the size in front of what it carries.
 *
 * A thread a client, that reads and writes and waits in nothing but read(): the
 * cheapest way to be served by a socket. What fits a buffer is one system call.
 */
#include "contender.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BUFFER = 8192,
	OUTSTANDING = 64
};

typedef struct raw_header {
	uint32_t size; /* of what follows */
	uint32_t ticket;
	int32_t a, b, sum;
	char rest[64 - 20];
} raw_header;

/* A socket, and what has been read of it and not been used. */
typedef struct raw_stream {
	int fd;
	char buffer[BUFFER];
	size_t begin, end;
	char *payload; /* of the last message */
	size_t room;
} raw_stream;

static int complain(const char *what)
{
	fprintf(stderr, "raw unix socket: %s: %s\n", what, strerror(errno));
	return -1;
}

/* False when the other side has gone. */
static bool get(raw_stream *stream, void *to, size_t size)
{
	char *at = to;

	while (size > 0) {
		size_t there = stream->end - stream->begin;
		ssize_t n;

		if (there > 0) {
			there = there < size ? there : size;
			memcpy(at, stream->buffer + stream->begin, there);
			stream->begin += there;
			at += there;
			size -= there;
			continue;
		}
		/* What is large goes where it belongs at once. */
		if (size >= BUFFER) {
			n = read(stream->fd, at, size);
			if (n <= 0)
				return false;
			at += n;
			size -= (size_t)n;
			continue;
		}
		n = read(stream->fd, stream->buffer, BUFFER);
		if (n <= 0)
			return false;
		stream->begin = 0;
		stream->end = (size_t)n;
	}
	return true;
}

/* What writev() does not change it takes as if it might. */
static void *writable(const void *bytes)
{
	return (void *)(uintptr_t)bytes;
}

static bool put(const raw_stream *stream, const raw_header *header, const void *payload)
{
	struct iovec parts[2] = {
		{.iov_base = writable(header), .iov_len = sizeof *header},
		{.iov_base = writable(payload), .iov_len = header->size},
	};
	size_t first = 0;

	while (first < 2) {
		ssize_t n = writev(stream->fd, parts + first, (int)(2 - first));

		if (n < 0)
			return false;
		while (first < 2 && (size_t)n >= parts[first].iov_len)
			n -= (ssize_t)parts[first++].iov_len;
		if (first < 2) {
			parts[first].iov_base = (char *)parts[first].iov_base + n;
			parts[first].iov_len -= (size_t)n;
		}
	}
	return true;
}

static bool get_message(raw_stream *stream, raw_header *ret_header)
{
	if (!get(stream, ret_header, sizeof *ret_header))
		return false;
	if (ret_header->size > stream->room) {
		free(stream->payload);
		stream->payload = malloc(ret_header->size);
		stream->room = stream->payload == NULL ? 0 : ret_header->size;
	}
	return stream->room >= ret_header->size && get(stream, stream->payload, ret_header->size);
}

static void *serve_client(void *data)
{
	raw_stream *stream = data;
	raw_header message;

	while (get_message(stream, &message)) {
		message.sum = message.a + message.b;
		bench_read(stream->payload, message.size);
		if (!put(stream, &message, stream->payload))
			break;
	}
	close(stream->fd);
	free(stream->payload);
	free(stream);
	return NULL;
}

static int listen_at(const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, 256) < 0)
		return complain(path);
	*ret_fd = fd;
	return 0;
}

static int start_thread(int client)
{
	raw_stream *stream = calloc(1, sizeof *stream);
	pthread_t thread;

	if (stream == NULL)
		return -1;
	stream->fd = client;
	if (pthread_create(&thread, NULL, serve_client, stream) != 0) {
		free(stream);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

static int serve(const char *name, bench_ready ready, void *benchmark)
{
	char path[BENCH_PATH_SIZE];
	int fd = -1;

	bench_path(name, "socket", path);
	if (listen_at(path, &fd) < 0)
		return -1;
	ready(benchmark);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0 || start_thread(client) < 0)
			return complain("server");
	}
}

static int connect_socket(const char *name, void **ret_connection)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[BENCH_PATH_SIZE];
	raw_stream *stream;
	int fd;

	bench_path(name, "socket", path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return complain(path);
	stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		return complain(path);
	stream->fd = fd;
	*ret_connection = stream;
	return 0;
}

static int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	raw_header request = {.ticket = ticket, .a = a, .b = b};

	return put(to, &request, NULL) ? 0 : complain("client");
}

static int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	raw_stream *stream = from;
	raw_header reply;

	do {
		if (!get_message(stream, &reply))
			return complain("client");
		ended(benchmark, reply.ticket, reply.sum);
	} while (stream->end - stream->begin >= sizeof reply);
	return 0;
}

static int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	raw_header reply;

	if (start(to, 0, a, b) < 0 || !get_message(to, &reply))
		return complain("client");
	*ret_sum = reply.sum;
	return 0;
}

static int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	raw_header request = {.size = (uint32_t)size}, reply;
	raw_stream *stream = to;

	if (!put(stream, &request, data) || !get_message(stream, &reply))
		return complain("client");
	*ret_reply = stream->payload;
	*ret_size = reply.size;
	return 0;
}

static void disconnect(void *from)
{
	raw_stream *stream = from;

	close(stream->fd);
	free(stream->payload);
	free(stream);
}

static const bench_contender raw_unix = {
	.name = "raw-unix",
	.serve = serve,
	.connect = connect_socket,
	.add = add,
	.echo = echo,
	.start = start,
	.wait = wait_for_some,
	.most_outstanding = OUTSTANDING,
	.liked_outstanding = OUTSTANDING,
	.disconnect = disconnect,
};

const bench_contender *const bench_contenders[] = {&raw_unix, NULL};
