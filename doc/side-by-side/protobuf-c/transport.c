/*
 * transport.c - calls over a Unix socket. A message is a number, a size and that many bytes. The
 * number is a method's index, or of a reply whether the message could be read.
 */
#include "transport.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE_LIMIT (1 << 20)

typedef struct head {
	uint32_t number;
	uint32_t size;
} head;

typedef struct connection {
	ProtobufCService base; /* of a client */
	ProtobufCService *service;
	int fd;
	int failed;
} connection;

static int send_all(int fd, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		bytes = (const char *)bytes + n;
		size -= n;
	}
	return 0;
}

static int send_message(int fd, uint32_t number, const ProtobufCMessage *message)
{
	head head = {number, message != NULL ? protobuf_c_message_get_packed_size(message) : 0};
	uint8_t *bytes = malloc(head.size + 1);
	int r = -1;

	if (bytes == NULL)
		return -1;
	if (message != NULL)
		protobuf_c_message_pack(message, bytes);
	if (send_all(fd, &head, sizeof(head)) == 0)
		r = send_all(fd, bytes, head.size);
	free(bytes);
	return r;
}

static int receive_head(int fd, head *head)
{
	if (recv(fd, head, sizeof(*head), MSG_WAITALL) != sizeof(*head))
		return -1;
	return head->size <= SIZE_LIMIT ? 0 : -1;
}

static ProtobufCMessage *receive_body(int fd, size_t size, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = NULL;
	uint8_t *bytes = malloc(size + 1);

	if (bytes != NULL && recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size)
		message = protobuf_c_message_unpack(type, NULL, size, bytes);
	free(bytes);
	return message;
}

static void reply(const ProtobufCMessage *message, void *data)
{
	connection *c = data;

	c->failed = send_message(c->fd, message != NULL, message);
}

static void *serve_connection(void *data)
{
	connection *c = data;
	const ProtobufCServiceDescriptor *d = c->service->descriptor;
	head head;

	while (!c->failed && receive_head(c->fd, &head) == 0 && head.number < d->n_methods) {
		ProtobufCMessage *request =
			receive_body(c->fd, head.size, d->methods[head.number].input);

		if (request == NULL)
			break;
		c->service->invoke(c->service, head.number, request, reply, c);
		protobuf_c_message_free_unpacked(request, NULL);
	}
	close(c->fd);
	free(c);
	return NULL;
}

static int address_of(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	strncpy(address->sun_path, path, sizeof(address->sun_path) - 1);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

void transport_serve(ProtobufCService *service, const char *path)
{
	struct sockaddr_un address;
	int fd = address_of(path, &address);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		return;
	for (;;) {
		connection *c = calloc(1, sizeof(*c));
		pthread_t thread;

		if (c == NULL)
			return;
		c->service = service;
		c->fd = accept(fd, NULL, NULL);
		if (c->fd < 0 || pthread_create(&thread, NULL, serve_connection, c) != 0)
			return;
		pthread_detach(thread);
	}
}

static void call(ProtobufCService *service, unsigned index, const ProtobufCMessage *request,
		 ProtobufCClosure closure, void *data)
{
	connection *c = (connection *)service;
	ProtobufCMessage *message = NULL;
	head head;

	if (send_message(c->fd, index, request) == 0 && receive_head(c->fd, &head) == 0 &&
	    head.number == 1)
		message =
			receive_body(c->fd, head.size, service->descriptor->methods[index].output);
	closure(message, data);
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

static void disconnect(ProtobufCService *service)
{
	connection *c = (connection *)service;

	close(c->fd);
	free(c);
}

ProtobufCService *transport_connect(const ProtobufCServiceDescriptor *descriptor, const char *path)
{
	struct sockaddr_un address;
	connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = (ProtobufCService){descriptor, call, disconnect};
	c->fd = address_of(path, &address);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		free(c);
		return NULL;
	}
	return &c->base;
}
