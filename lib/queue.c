/*
 * queue.c - POSIX message queues: the only door to mq_*.
 *
 * mq_open() reports a dozen conditions by errnos that say nothing of queues;
 * they are translated here, once, into what happened and what helps.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/*
 * Straight to the kernel, where that has such a call: libc's mq_send() and
 * mq_receive() are points where a thread can be cancelled, for which nothing here
 * is made, and getting ready for that takes a tenth of their time.
 */
static int send_message(mqd_t queue, const void *message, size_t size, unsigned priority)
{
#ifdef SYS_mq_timedsend
	return (int)syscall(SYS_mq_timedsend, queue, message, size, priority, NULL);
#else
	return mq_send(queue, message, size, priority);
#endif
}

static ssize_t receive_message(mqd_t queue, void *buffer, size_t size, unsigned *ret_priority)
{
#ifdef SYS_mq_timedreceive
	return syscall(SYS_mq_timedreceive, queue, buffer, size, ret_priority, NULL);
#else
	return mq_receive(queue, buffer, size, ret_priority);
#endif
}

/* Read one of the numbers in /proc/sys/fs/mqueue; `otherwise` where it cannot be read. */
static size_t system_limit(const char *name, size_t otherwise)
{
	char path[64], text[32];
	unsigned long value;
	ssize_t size;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return otherwise;
	size = read(fd, text, sizeof text - 1);
	(void)close(fd);
	if (size <= 0)
		return otherwise;
	text[size] = '\0';
	return sscanf(text, "%lu", &value) == 1 && value > 0 ? value : otherwise;
}

void mqci_queue_limits(size_t *ret_messages, size_t *ret_size)
{
	size_t messages = system_limit("msg_max", MQCI_STOCK_MESSAGES);
	size_t size = system_limit("msgsize_max", MQCI_STOCK_SIZE);

	*ret_messages = messages < MQCI_STOCK_MESSAGES ? messages : MQCI_STOCK_MESSAGES;
	*ret_size = size < MQCI_STOCK_SIZE ? size : MQCI_STOCK_SIZE;
}

/* EMFILE stands for two things: the user's queue bytes, and the process's descriptors. */
static bool descriptors_used_up(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE;
	(void)close(fd);
	return false;
}

static int fail_over_quota(const char *name, size_t messages, size_t size)
{
	struct rlimit limit;

	if (descriptors_used_up())
		return mqci_fail(
			MQC_RESOURCE_EXHAUSTED, EMFILE,
			"cannot create queue %s: this process has no file descriptor left; "
			"raise ulimit -n, or close some",
			name);
	if (getrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
		limit.rlim_cur = 0;
	return mqci_fail(
		MQC_RESOURCE_EXHAUSTED, EMFILE,
		"cannot create queue %s: its %zu x (%zu + %d) bytes exceed what is left of "
		"RLIMIT_MSGQUEUE, %llu bytes for all queues of this user; raise it with "
		"ulimit -q, close other queues, or give this one less room",
		name, messages, size, MQCI_MESSAGE_OVERHEAD, (unsigned long long)limit.rlim_cur);
}

static int fail_create(const char *name, size_t messages, size_t size, int error)
{
	switch (error) {
	case EEXIST:
		return mqci_fail(MQC_ALREADY_EXISTS, error, "queue %s exists already", name);
	case EMFILE:
		return fail_over_quota(name, messages, size);
	case ENFILE:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error,
				 "cannot create queue %s: the system has no open file left; "
				 "raise fs.file-max",
				 name);
	case ENOSPC:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error,
				 "cannot create queue %s: the system's %zu queues are all in use; "
				 "raise fs.mqueue.queues_max, or remove queues nobody uses",
				 name, system_limit("queues_max", 256));
	case EINVAL:
		return mqci_fail(MQC_INVALID_ARGUMENT, error,
				 "cannot create queue %s: %zu messages of %zu bytes are over the "
				 "limits, fs.mqueue.msg_max (%zu) and fs.mqueue.msgsize_max (%zu); "
				 "ask for less, or raise them",
				 name, messages, size, system_limit("msg_max", MQCI_STOCK_MESSAGES),
				 system_limit("msgsize_max", MQCI_STOCK_SIZE));
	case ENOMEM:
		return mqci_no_memory(name);
	case ENOSYS:
		return mqci_fail(MQC_UNIMPLEMENTED, error,
				 "cannot create queue %s: this kernel has no POSIX message queues; "
				 "it needs CONFIG_POSIX_MQUEUE",
				 name);
	case EACCES:
		return mqci_fail(MQC_PERMISSION_DENIED, error,
				 "cannot create queue %s: not permitted to create queues here",
				 name);
	default:
		return mqci_fail(MQC_INTERNAL, error, "cannot create queue %s: %s", name,
				 strerror(error));
	}
}

static int fail_open(const char *name, int error)
{
	switch (error) {
	case ENOENT:
		return mqci_fail(MQC_NOT_FOUND, error, "there is no queue %s", name);
	case EACCES:
		return mqci_fail(MQC_PERMISSION_DENIED, error,
				 "not permitted to open queue %s: its owner does not let this "
				 "user in",
				 name);
	case EMFILE:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error,
				 "cannot open queue %s: this process has no file descriptor left; "
				 "raise ulimit -n, or close some",
				 name);
	case ENFILE:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, error,
				 "cannot open queue %s: the system has no open file left; "
				 "raise fs.file-max",
				 name);
	case ENOMEM:
		return mqci_no_memory(name);
	case ENOSYS:
		return mqci_fail(MQC_UNIMPLEMENTED, error,
				 "cannot open queue %s: this kernel has no POSIX message queues; "
				 "it needs CONFIG_POSIX_MQUEUE",
				 name);
	default:
		return mqci_fail(MQC_INTERNAL, error, "cannot open queue %s: %s", name,
				 strerror(error));
	}
}

/* Fill in what is true of every open queue; on failure close it. */
static int finish_open(const char *name, mqci_queue *queue)
{
	struct mq_attr attributes;
	int error;

	(void)snprintf(queue->name, sizeof queue->name, "%s", name);
	if (mq_getattr(queue->descriptor, &attributes) < 0) {
		error = errno;
		mqci_queue_close(queue);
		return mqci_fail(MQC_INTERNAL, error, "cannot ask queue %s for its limits: %s",
				 name, strerror(error));
	}
	queue->size = (size_t)attributes.mq_msgsize;
	queue->messages = (size_t)attributes.mq_maxmsg;
	return MQC_OK;
}

int mqci_queue_set_mode(const mqci_queue *queue, mode_t mode)
{
	if (fchmod(queue->descriptor, mode) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot set the mode of queue %s to %03o: %s",
				 queue->name, (unsigned)mode, strerror(errno));
	return MQC_OK;
}

int mqci_queue_create(const char *name, size_t messages, size_t size, mode_t mode,
		      mqci_queue *ret_queue)
{
	struct mq_attr attributes = {.mq_maxmsg = (long)messages, .mq_msgsize = (long)size};
	mqci_queue queue = MQCI_QUEUE_CLOSED;
	int r;

	/* Created for its owner alone, then opened up: the umask only takes away. */
	queue.descriptor = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				   (mode_t)(S_IRUSR | S_IWUSR), &attributes);
	if (!mqci_queue_is_open(&queue))
		return fail_create(name, messages, size, errno);
	r = finish_open(name, &queue);
	if (r == MQC_OK)
		r = mqci_queue_set_mode(&queue, mode);
	if (r < 0) {
		mqci_queue_close(&queue);
		(void)mqci_queue_unlink(name);
		return r;
	}
	*ret_queue = queue;
	return MQC_OK;
}

int mqci_queue_open(const char *name, mqci_queue_use use, mqci_queue *ret_queue)
{
	static const int flags[] = {
		[MQCI_RECEIVE] = O_RDONLY,
		[MQCI_DRAIN] = O_RDONLY | O_NONBLOCK,
		[MQCI_SEND] = O_WRONLY | O_NONBLOCK,
	};
	mqci_queue queue = MQCI_QUEUE_CLOSED;
	int r;

	queue.descriptor = mq_open(name, flags[use] | O_CLOEXEC);
	if (!mqci_queue_is_open(&queue))
		return fail_open(name, errno);
	r = finish_open(name, &queue);
	if (r == MQC_OK)
		*ret_queue = queue;
	return r;
}

int mqci_queue_owner(const mqci_queue *queue, uid_t *ret_uid, gid_t *ret_gid, mode_t *ret_mode)
{
	struct stat status;

	if (fstat(queue->descriptor, &status) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot tell who owns queue %s: %s",
				 queue->name, strerror(errno));
	*ret_uid = status.st_uid;
	*ret_gid = status.st_gid;
	*ret_mode = status.st_mode & (mode_t)07777;
	return MQC_OK;
}

int mqci_queue_inode(const mqci_queue *queue, ino_t *ret_inode)
{
	struct stat status;

	if (fstat(queue->descriptor, &status) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot tell which queue %s is: %s",
				 queue->name, strerror(errno));
	*ret_inode = status.st_ino;
	return MQC_OK;
}

int mqci_queue_waiting(const mqci_queue *queue, size_t *ret_messages)
{
	struct mq_attr attributes;

	if (mq_getattr(queue->descriptor, &attributes) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot ask queue %s for its messages: %s",
				 queue->name, strerror(errno));
	*ret_messages = (size_t)attributes.mq_curmsgs;
	return MQC_OK;
}

static int fail_send(const mqci_queue *queue, size_t size)
{
	switch (errno) {
	case EMSGSIZE:
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, EMSGSIZE,
				 "a message of %zu bytes is larger than queue %s takes (%zu)", size,
				 queue->name, queue->size);
	case ENOMEM:
		return mqci_no_memory("a queue message");
	default:
		return mqci_fail(MQC_INTERNAL, errno, "cannot send to queue %s: %s", queue->name,
				 strerror(errno));
	}
}

int mqci_queue_send(const mqci_queue *queue, const void *message, size_t size, unsigned priority)
{
	while (send_message(queue->descriptor, message, size, priority) < 0)
		if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return fail_send(queue, size);
	return 1;
}

/* Wait for one event of the queue, which is called `what`, or for news. */
static int wait_for(const mqci_queue *queue, short event, const char *what, int64_t deadline,
		    int news)
{
	struct pollfd waiting[] = {
		{.fd = queue->descriptor, .events = event},
		{.fd = news, .events = POLLIN},
	};
	int r;

	for (;;) {
		r = poll(waiting, 2, mqci_deadline_remaining_ms(deadline));
		if (r >= 0)
			return r > 0;
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot wait for %s in queue %s: %s",
					 what, queue->name, strerror(errno));
	}
}

static bool add(int epoll, int descriptor, uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/*
 * By poll() all who wait would be woken for each place that gets free: of 64 clients 63 in
 * vain. So it is one of them, who came first.
 */
int mqci_queue_wait_room(const mqci_queue *queue, int64_t deadline, int news)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	int r = -1;

	if (epoll >= 0 && add(epoll, queue->descriptor, EPOLLOUT | EPOLLEXCLUSIVE) &&
	    (news < 0 || add(epoll, news, EPOLLIN)))
		do
			r = epoll_wait(epoll, &event, 1, mqci_deadline_remaining_ms(deadline));
		while (r < 0 && errno == EINTR);
	if (epoll >= 0)
		(void)close(epoll);
	return r >= 0 ? r : wait_for(queue, POLLOUT, "room", deadline, news);
}

int mqci_queue_wait_message(const mqci_queue *queue, int64_t deadline)
{
	return wait_for(queue, POLLIN, "messages", deadline, -1);
}

int mqci_queue_notify(const mqci_queue *queue, const struct sigevent *event)
{
	if (mq_notify(queue->descriptor, event) == 0)
		return MQC_OK;
	switch (errno) {
	case EBUSY:
		return mqci_fail(MQC_ALREADY_EXISTS, EBUSY,
				 "messages in queue %s are told to another process already, and "
				 "can be to one only; have that one stop it",
				 queue->name);
	case EINVAL:
		return mqci_fail(MQC_INVALID_ARGUMENT, EINVAL,
				 "this is no way to be told of messages in queue %s: SIGEV_SIGNAL "
				 "with a signal, SIGEV_THREAD and SIGEV_NONE are",
				 queue->name);
	case ENOMEM:
		return mqci_no_memory("being told of messages");
	default:
		return mqci_fail(MQC_INTERNAL, errno, "cannot be told of messages in queue %s: %s",
				 queue->name, strerror(errno));
	}
}

static int fail_receive(const mqci_queue *queue)
{
	return mqci_fail(MQC_INTERNAL, errno, "cannot receive from queue %s: %s", queue->name,
			 strerror(errno));
}

ssize_t mqci_queue_receive(const mqci_queue *queue, void *buffer, size_t size)
{
	return mqci_queue_receive_with(queue, buffer, size, NULL);
}

ssize_t mqci_queue_receive_with(const mqci_queue *queue, void *buffer, size_t size,
				unsigned *ret_priority)
{
	ssize_t received = receive_message(queue->descriptor, buffer, size, ret_priority);

	if (received >= 0)
		return received;
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	return fail_receive(queue);
}

int mqci_queue_take(const mqci_queue *queue, void *buffer, size_t size, size_t *ret_size)
{
	return mqci_queue_take_with(queue, buffer, size, ret_size, NULL);
}

int mqci_queue_take_with(const mqci_queue *queue, void *buffer, size_t size, size_t *ret_size,
			 unsigned *ret_priority)
{
	ssize_t received;

	while ((received = receive_message(queue->descriptor, buffer, size, ret_priority)) < 0)
		if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return fail_receive(queue);
	*ret_size = (size_t)received;
	return 1;
}

bool mqci_queue_is_removed(const mqci_queue *queue)
{
	struct stat status;

	return fstat(queue->descriptor, &status) == 0 && status.st_nlink == 0;
}

int mqci_queue_replace(mqci_queue *queue, mqci_queue *by)
{
	int r = MQC_OK;

	while (dup3(by->descriptor, queue->descriptor, O_CLOEXEC) < 0)
		if (errno != EINTR && errno != EBUSY) {
			r = mqci_fail(MQC_INTERNAL, errno, "cannot open queue %s again: %s",
				      by->name, strerror(errno));
			break;
		}
	if (r == MQC_OK) {
		queue->size = by->size;
		queue->messages = by->messages;
	}
	mqci_queue_close(by);
	return r;
}

int mqci_queue_never_block(const mqci_queue *queue)
{
	const struct mq_attr attributes = {.mq_flags = O_NONBLOCK};

	if (mq_setattr(queue->descriptor, &attributes, NULL) < 0)
		return mqci_fail(MQC_INTERNAL, errno, "cannot make queue %s non-blocking: %s",
				 queue->name, strerror(errno));
	return MQC_OK;
}

void mqci_queue_close(mqci_queue *queue)
{
	/* What mq_close() is on Linux, by the name that tools which follow descriptors know. */
	if (mqci_queue_is_open(queue))
		(void)close(queue->descriptor);
	queue->descriptor = (mqd_t)-1;
}

bool mqci_queue_unlink(const char *name)
{
	return mq_unlink(name) == 0;
}
