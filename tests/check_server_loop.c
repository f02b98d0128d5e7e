/*
 * check_server_loop.c - tests of runtime/server_loop.c: servers in the program's own loop, and
 * such that are told of messages.
 *
 * MQC_NOTIFY_MESSAGES says how many messages are sent at random gaps to a server that is told. A
 * million of them, with another process that wants to be told instead:
 *
 *	CK_RUN_CASE=rival MQC_NOTIFY_MESSAGES=1000000 tests/check_server_loop
 */
#include "server.h"

#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "forge.h"
#include "support.h"
#include "things.h"

static mqc_server *server;
static things self;
static const char *endpoint;

static pid_t forked = -1;
static int end_of_child;

/* What methods do here that are not those of things.h. */
static int dispatch(const void *handlers, void *data, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	if (method == THINGS_WAIT) {
		ck_assert_int_eq(mqc_server_process(server), 0);
		((Shapes__Number *)(void *)reply)->value = 77;
		return MQC_OK;
	}
	if (method == THINGS_UNTIL) {
		ck_assert_ptr_null(mqc_server_close(server));
		return MQC_OK;
	}
	if (method == THINGS_KILL) {
		forked = fork();
		ck_assert_int_ge(forked, 0);
		if (forked > 0)
			ck_assert_int_eq(waitpid(forked, &end_of_child, 0), forked);
		((Shapes__Number *)(void *)reply)->value = forked;
		return MQC_OK;
	}
	return things_dispatch(handlers, data, method, call, request, reply);
}

static void begin_with(const mqc_server_options *options)
{
	endpoint = support_endpoint();
	memset(&self, 0, sizeof self);
	support_ok(mqc_server_open(endpoint, options, &server));
	self.server = server;
	support_ok(mqc_server_add(server, &things_service, dispatch, NULL, &self));
}

static void begin(void)
{
	const mqc_server_options options = {.queue_messages = 8, .queue_size = 1024};

	begin_with(&options);
}

static void end(void)
{
	ck_assert_ptr_null(mqc_server_close(server));
}

/* ---------------------------------------------------------------- callers -- */

struct caller {
	pthread_t thread;
	int method, calls;
	int result; /* of the last one */
	int64_t value;
	atomic_bool over;
};

static void *call(void *data)
{
	struct caller *caller = data;
	mqc_client *client = support_client(endpoint, 4);

	for (int i = 0; i < caller->calls; i++)
		caller->result = things_call(client, caller->method, 60000, 1, &caller->value);
	mqc_client_close(client);
	atomic_store(&caller->over, true);
	return NULL;
}

static void start(struct caller *caller, int method, int calls)
{
	*caller = (struct caller){.method = method, .calls = calls};
	ck_assert_int_eq(pthread_create(&caller->thread, NULL, call, caller), 0);
}

static void finish(struct caller *caller)
{
	ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
}

/* ------------------------------------------------------------------ loops -- */

static int ready_in_poll(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = mqc_server_get_events(server)};

	return poll(&ready, 1, timeout_ms);
}

static int outer = -1;

static int ready_in_epoll(int fd, int timeout_ms)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (outer < 0) {
		outer = epoll_create1(EPOLL_CLOEXEC);
		ck_assert_int_ge(outer, 0);
		ck_assert_int_eq(epoll_ctl(outer, EPOLL_CTL_ADD, fd, &event), 0);
	}
	return epoll_wait(outer, &event, 1, timeout_ms);
}

static int (*const ways[])(int fd, int timeout_ms) = {ready_in_poll, ready_in_epoll};

/* Go round until the caller is done; only ever as the loop tells. */
static unsigned loop_until_over(int (*ready)(int fd, int timeout_ms), struct caller *caller)
{
	int fd = mqc_server_get_fd(server), r, timeout;
	unsigned served = 0;

	ck_assert_int_ge(fd, 0);
	while (!atomic_load(&caller->over)) {
		timeout = mqc_server_get_timeout(server);
		/* Now and then we look whether it is over. */
		r = ready(fd, timeout < 0 ? 20 : timeout);
		if (r == 0 && timeout != 0)
			continue;
		r = mqc_server_process(server);
		ck_assert_int_ge(r, 0);
		served += (unsigned)r;
		ck_assert_int_eq(mqc_server_get_fd(server), fd);
	}
	return served;
}

START_TEST(calls_in_a_loop)
{
	struct caller callers[3];

	begin();
	for (int i = 0; i < 3; i++)
		start(&callers[i], THINGS_COUNT, 500);
	for (int i = 0; i < 3; i++)
		(void)loop_until_over(ways[_i], &callers[i]);
	for (int i = 0; i < 3; i++) {
		finish(&callers[i]);
		support_ok(callers[i].result);
	}
	ck_assert_int_eq(atomic_load(&self.count), 1500);
	/* And then it is idle: the goodbyes of the callers apart. */
	while (mqc_server_process(server) > 0)
		continue;
	ck_assert_int_eq(ways[_i](mqc_server_get_fd(server), 20), 0);
	ck_assert_int_eq(mqc_server_get_timeout(server), -1);
	end();
	if (outer >= 0)
		(void)close(outer);
	outer = -1;
}
END_TEST

START_TEST(deferred_and_failing_calls)
{
	static const int methods[] = {THINGS_DEFER, THINGS_ABSENT, THINGS_CODE};
	static const int results[] = {MQC_OK, MQC_UNIMPLEMENTED, MQC_INTERNAL};
	struct caller caller;

	begin();
	for (int i = 0; i < 3; i++) {
		start(&caller, methods[i], 20);
		(void)loop_until_over(ready_in_poll, &caller);
		finish(&caller);
		ck_assert_int_eq(caller.result, results[i]);
	}
	end();
}
END_TEST

START_TEST(either_way_alone)
{
	mqc_client *client;
	struct host host;
	int64_t value;

	begin();
	ck_assert_int_ge(mqc_server_get_fd(server), 0);
	support_fails(mqc_server_run(server), MQC_FAILED_PRECONDITION);
	support_error_has("own loop");
	support_fails(mqc_server_add(server, &things_service, dispatch, NULL, NULL),
		      MQC_FAILED_PRECONDITION);
	end();
	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 0);
	/* Now it runs. */
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	mqc_client_close(client);
	support_fails(mqc_server_get_fd(host.server), MQC_FAILED_PRECONDITION);
	support_error_has("mqc_server_run");
	support_fails(mqc_server_process(host.server), MQC_FAILED_PRECONDITION);
	support_fails(mqc_server_notify(host.server, NULL), MQC_FAILED_PRECONDITION);
	host_stop(&host);
}
END_TEST

START_TEST(a_stop)
{
	struct caller caller;
	int fd;

	begin();
	fd = mqc_server_get_fd(server);
	ck_assert_int_eq(mqc_server_process(server), 0);
	mqc_server_stop(server);
	ck_assert_int_eq(ready_in_poll(fd, 0), 1);
	support_fails(mqc_server_process(server), MQC_CANCELLED);
	/* Once; then it goes on, if the program does. */
	ck_assert_int_eq(ready_in_poll(fd, 0), 0);
	start(&caller, THINGS_STOP, 1);
	while (ready_in_poll(fd, 60000) == 1 && mqc_server_process(server) != MQC_CANCELLED)
		continue;
	finish(&caller);
	support_ok(caller.result);
	end();
}
END_TEST

START_TEST(a_handler_that_processes)
{
	struct caller caller;

	begin();
	start(&caller, THINGS_WAIT, 3);
	ck_assert_uint_eq(loop_until_over(ready_in_poll, &caller), 3);
	finish(&caller);
	support_ok(caller.result);
	ck_assert_int_eq(caller.value, 77);
	end();
}
END_TEST

/* Say hello to the server, which is in this thread's hands, and hear its welcome. */
static void join(struct forger *forger)
{
	mqci_welcome welcome;
	mqci_frame frame;

	ck_assert_int_ge(mqc_server_get_fd(server), 0);
	forger_open(forger, endpoint, 900, 8);
	ck_assert(!forger_greet(forger, 0));
	ck_assert_int_eq(mqc_server_process(server), 0);
	ck_assert(forger_receive(forger, 0, &frame));
	ck_assert_uint_gt(mqci_frame_payload(&frame, &welcome, sizeof welcome, sizeof welcome), 0);
	forger->key = welcome.key;
}

START_TEST(a_handler_that_closes)
{
	struct forger forger;
	mqci_frame frame;
	int r;

	begin();
	join(&forger);
	for (int i = 0; i < 3; i++) {
		uint8_t message[512];
		size_t size = 0;

		forger_add(&forger, i == 1 ? THINGS_UNTIL : THINGS_COUNT, 1, message, &size);
		forger_add(&forger, THINGS_COUNT, 1, message, &size);
		forger_send_bytes(&forger, message, size);
	}
	while ((r = mqc_server_process(server)) >= 0)
		continue;
	ck_assert_int_eq(r, MQC_CANCELLED);
	support_error_has("closed");
	/* What has not been executed was told so. */
	for (int i = 0; i < 6; i++) {
		ck_assert(forger_receive(&forger, 0, &frame));
		ck_assert_int_eq(frame.type, MQCI_REPLY);
		ck_assert(frame.code == 0 || frame.flags == MQCI_FRAME_NOT_EXECUTED);
	}
	forger_close(&forger);
}
END_TEST

static void join_in_loop(struct forger *forger, size_t messages)
{
	mqci_welcome welcome;
	mqci_frame frame;

	forger_open(forger, endpoint, 900, messages);
	ck_assert(!forger_greet(forger, 0));
	ck_assert_int_eq(ready_in_poll(mqc_server_get_fd(server), 0), 1);
	ck_assert_int_eq(mqc_server_process(server), 0);
	ck_assert(forger_receive(forger, 0, &frame));
	ck_assert_uint_gt(mqci_frame_payload(&frame, &welcome, sizeof welcome, 8), 0);
	forger->key = welcome.key;
}

/* Replies that find no room are sent when there is some: the loop is told. */
START_TEST(room_for_replies)
{
	struct forger forger;
	mqci_frame frame;
	unsigned replies = 0;

	begin();
	join_in_loop(&forger, 2);
	for (int i = 0; i < 50; i++) {
		(void)forger_count(&forger, 1);
		ck_assert_int_eq(mqc_server_process(server), 1);
	}
	ck_assert_int_eq(ready_in_poll(mqc_server_get_fd(server), 0), 0);
	for (;;) {
		while (forger_receive(&forger, 0, &frame))
			replies++;
		if (replies == 50)
			break;
		ck_assert_int_eq(ready_in_poll(mqc_server_get_fd(server), 60000), 1);
		ck_assert_int_eq(mqc_server_process(server), 0);
	}
	forger_close(&forger);
	end();
}
END_TEST

/* It comes back now and then, and what is left makes the descriptor ready. */
START_TEST(a_bounded_time)
{
	struct forger forger;
	uint8_t message[1024];
	mqci_frame frame;
	int rounds = 0, served = 0, r;

	begin();
	join_in_loop(&forger, 8);
	for (int i = 0; i < 8; i++) {
		size_t size = 0;

		for (int n = 0; n < 14; n++)
			forger_add(&forger, THINGS_COUNT, 1, message, &size);
		forger_send_bytes(&forger, message, size);
	}
	while (ready_in_poll(mqc_server_get_fd(server), 0) == 1) {
		r = mqc_server_process(server);
		ck_assert_int_ge(r, 0);
		ck_assert_int_lt(r, 64 + 14);
		served += r;
		rounds++;
	}
	ck_assert_int_eq(served, 8 * 14);
	ck_assert_int_ge(rounds, 2);
	/* Some may have been kept, for want of room. */
	for (; served > 0; served--)
		while (!forger_receive(&forger, 0, &frame)) {
			ck_assert_int_eq(ready_in_poll(mqc_server_get_fd(server), 60000), 1);
			ck_assert_int_ge(mqc_server_process(server), 0);
		}
	forger_close(&forger);
	end();
}
END_TEST

static bool is_removed(void *name)
{
	if (ready_in_poll(mqc_server_get_fd(server), 0) == 1)
		ck_assert_int_ge(mqc_server_process(server), 0);
	return !support_queue_exists(name);
}

START_TEST(a_client_dies)
{
	char replies[MQCI_NAME_SIZE];
	uint64_t process;
	pid_t pid;
	int ends[2];

	if (!support_has_pidfds()) {
		support_skip("there are no descriptors for processes");
		return;
	}
	begin();
	ck_assert_int_ge(mqc_server_get_fd(server), 0);
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const mqc_client_options patient = {.wait_for_server = true};
		mqc_client *client;

		if (mqci_process_self(&process) < 0 ||
		    write(ends[1], &process, sizeof process) != sizeof process ||
		    mqc_client_open(endpoint, &patient, &client) < 0)
			_exit(1);
		for (;;)
			(void)things_call(client, THINGS_COUNT, 60000, 1, NULL);
	}
	while (atomic_load(&self.count) < 10) {
		(void)ready_in_poll(mqc_server_get_fd(server), 100);
		ck_assert_int_ge(mqc_server_process(server), 0);
	}
	ck_assert_int_eq(read(ends[0], &process, sizeof process), sizeof process);
	(void)close(ends[0]);
	(void)close(ends[1]);
	mqci_name_replies(mqci_party_make(process, 0), replies);
	ck_assert(support_queue_exists(replies));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(support_wait_for(is_removed, replies));
	end();
}
END_TEST

static int in_child(void *data)
{
	(void)data;
	if (mqc_server_process(server) != MQC_FAILED_PRECONDITION ||
	    mqc_server_get_fd(server) != MQC_FAILED_PRECONDITION ||
	    mqc_server_get_timeout(server) != -1)
		return 1;
	return mqc_server_close(server) == NULL ? 0 : 2;
}

START_TEST(in_a_forked_child)
{
	struct caller caller;

	begin();
	ck_assert_int_ge(mqc_server_get_fd(server), 0);
	ck_assert_int_eq(support_in_child(in_child, NULL), 0);
	start(&caller, THINGS_COUNT, 10);
	(void)loop_until_over(ready_in_poll, &caller);
	finish(&caller);
	support_ok(caller.result);
	end();
}
END_TEST

/* In the child the handler returns, too: it is the parent who answers, and serves what comes next.
 */
START_TEST(a_handler_that_forks)
{
	struct forger forger;
	uint8_t message[1024];
	size_t size = 0;
	mqci_frame frame;
	int r;

	begin();
	join(&forger);
	/* Alone, and among others. */
	for (int others = 0; others < 2; others++) {
		for (int i = 0; i < others; i++)
			forger_add(&forger, THINGS_COUNT, 1, message, &size);
		forger_add(&forger, THINGS_KILL, 0, message, &size);
		for (int i = 0; i < others; i++)
			forger_add(&forger, THINGS_COUNT, 1, message, &size);
		forger_send_bytes(&forger, message, size);
		size = 0;
		r = mqc_server_process(server);
		if (forked == 0)
			_exit(r == MQC_FAILED_PRECONDITION ? 7 : 8);
		ck_assert_int_eq(r, 1 + 2 * others);
		ck_assert(WIFEXITED(end_of_child));
		ck_assert_int_eq(WEXITSTATUS(end_of_child), 7);
		for (int i = 0; i < r; i++)
			ck_assert(forger_receive(&forger, 60000, &frame));
		ck_assert(!forger_receive(&forger, 0, &frame));
	}
	ck_assert_int_eq(atomic_load(&self.count), 2);
	forger_close(&forger);
	end();
}
END_TEST

/* --------------------------------------------------------------- notified -- */

static atomic_uint told;

/* Threads of libc may come when the server is closed already: it is for them under this lock. */
static pthread_rwlock_t in_use = PTHREAD_RWLOCK_INITIALIZER;
static bool is_closed;

static void on_thread(union sigval value)
{
	(void)value;
	atomic_fetch_add(&told, 1);
	(void)pthread_rwlock_rdlock(&in_use);
	/* Another process may be told of our messages meanwhile. */
	if (!is_closed)
		(void)mqc_server_process(server);
	(void)pthread_rwlock_unlock(&in_use);
}

static void on_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&told, 1);
}

static int messages_to_send(void)
{
	const char *text = getenv("MQC_NOTIFY_MESSAGES");
	long messages = text != NULL ? strtol(text, NULL, 10) : 0;

	return messages > 0 && messages <= 100000000 ? (int)messages : 5000;
}

/* A process that sends as many one-way requests, at random gaps. */
static pid_t start_sender(int messages)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		mqc_client *client;
		unsigned seed = 7;

		if (mqc_client_open(endpoint, NULL, &client) < 0)
			_exit(1);
		for (int i = 0; i < messages; i++) {
			struct timespec gap = {.tv_nsec = rand_r(&seed) % 200000};

			if (things_call(client, THINGS_NOTE, 60000, 1, NULL) < 0)
				_exit(2);
			if (rand_r(&seed) % 3 == 0)
				(void)nanosleep(&gap, NULL);
		}
		mqc_client_close(client);
		_exit(0);
	}
	return pid;
}

/* How often another process asked to be told, and was the first, or was not. */
static struct rival {
	atomic_uint first, refused;
} * rivalry;

static void pause_at_random(unsigned *seed, int most_ns)
{
	const struct timespec moment = {.tv_nsec = rand_r(seed) % most_ns};

	(void)nanosleep(&moment, NULL);
}

/*
 * A process that asks again and again to be told of the server's messages, as long as it lives, and
 * each time it is the first keeps that for a moment.
 */
static pid_t start_rival(void)
{
	pid_t pid;

	rivalry = mmap(NULL, sizeof *rivalry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ck_assert_ptr_ne(rivalry, MAP_FAILED);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
		unsigned seed = 11;
		mqci_queue queue;

		if (mqci_queue_open(support_queue_name(endpoint), MQCI_DRAIN, &queue) < 0)
			_exit(1);
		for (;;) {
			if (mqci_queue_notify(&queue, &quiet) < 0) {
				atomic_fetch_add(&rivalry->refused, 1);
				pause_at_random(&seed, 50000);
				continue;
			}
			atomic_fetch_add(&rivalry->first, 1);
			pause_at_random(&seed, 1000000);
			(void)mqci_queue_notify(&queue, NULL);
			pause_at_random(&seed, 4000000);
		}
	}
	return pid;
}

static struct rival end_rival(pid_t pid)
{
	struct rival counts;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	counts = *rivalry;
	(void)munmap(rivalry, sizeof *rivalry);
	return counts;
}

static bool all_came(void *messages)
{
	return atomic_load(&self.count) == *(const int *)messages;
}

static int await_sender(pid_t sender)
{
	int status;

	ck_assert_int_eq(waitpid(sender, &status, 0), sender);
	return status;
}

/* Nothing but being told has the server process: no message is missed. */
START_TEST(told_on_a_thread)
{
	const struct sigevent event = {.sigev_notify = SIGEV_THREAD,
				       .sigev_notify_function = on_thread};
	int messages = messages_to_send();
	pid_t sender;

	begin();
	atomic_store(&told, 0);
	support_ok(mqc_server_notify(server, &event));
	sender = start_sender(messages);
	ck_assert_int_eq(await_sender(sender), 0);
	ck_assert(support_wait_for(all_came, &messages));
	printf("%d messages, told %u times\n", messages, atomic_load(&told));
	support_ok(mqc_server_notify(server, NULL));
	(void)pthread_rwlock_wrlock(&in_use);
	is_closed = true;
	end();
	(void)pthread_rwlock_unlock(&in_use);
}
END_TEST

START_TEST(told_by_a_signal)
{
	const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	const struct sigaction action = {.sa_handler = on_signal};
	const struct timespec long_time = {.tv_sec = 60};
	int messages = messages_to_send();
	sigset_t blocked, before;
	pid_t sender;

	begin();
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	sender = start_sender(messages);
	support_ok(mqc_server_notify(server, &event));
	while (!all_came(&messages)) {
		ck_assert_int_eq(sigtimedwait(&blocked, NULL, &long_time), SIGUSR1);
		ck_assert_int_ge(mqc_server_process(server), 0);
	}
	ck_assert_int_eq(await_sender(sender), 0);
	support_ok(mqc_server_notify(server, NULL));
	end();
}
END_TEST

/* Another process has itself told by turns: that is an error, and no message is missed. */
START_TEST(told_in_spite_of_a_rival)
{
	const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	const struct timespec long_time = {.tv_sec = 60};
	const int64_t end_of_patience = support_now_ms() + 60000;
	int messages = 0, r;
	unsigned foreign = 0, rounds = 0;
	struct rival counts;
	pid_t sender, rival;
	sigset_t blocked;

	begin();
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
	support_ok(mqc_server_notify(server, &event));
	rival = start_rival();
	/* The rival may not have had its turn while all of them came. */
	do {
		messages += messages_to_send();
		sender = start_sender(messages_to_send());
		while (!all_came(&messages)) {
			ck_assert_int_eq(sigtimedwait(&blocked, NULL, &long_time), SIGUSR1);
			r = mqc_server_process(server);
			ck_assert(r >= 0 || r == MQC_ALREADY_EXISTS);
			foreign += r < 0;
			rounds++;
		}
		ck_assert_int_eq(await_sender(sender), 0);
	} while (atomic_load(&rivalry->first) == 0 && support_now_ms() < end_of_patience);
	counts = end_rival(rival);
	printf("%d messages, all served; told %u times, of which %u found another process told "
	       "instead; that one asked %u times in vain, and was the first %u times\n",
	       messages, rounds, foreign, counts.refused, counts.first);
	ck_assert_uint_gt(counts.first, 0);
	support_ok(mqc_server_notify(server, NULL));
	end();
}
END_TEST

START_TEST(held_by_a_rival)
{
	const struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
	const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	int ends[2];
	char byte;
	pid_t pid;

	begin();
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		mqci_queue queue;

		if (mqci_queue_open(support_queue_name(endpoint), MQCI_DRAIN, &queue) < 0 ||
		    mqci_queue_notify(&queue, &quiet) < 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(2);
	}
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	support_fails(mqc_server_notify(server, &event), MQC_ALREADY_EXISTS);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
	support_ok(mqc_server_notify(server, &event));
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server loop");
	TCase *tests = support_case(suite, "a loop");

	tcase_add_loop_test(tests, calls_in_a_loop, 0, 2);
	tcase_add_test(tests, deferred_and_failing_calls);
	tcase_add_test(tests, either_way_alone);
	tcase_add_test(tests, a_stop);
	tcase_add_test(tests, a_handler_that_processes);
	tcase_add_test(tests, a_handler_that_closes);
	tcase_add_test(tests, room_for_replies);
	tcase_add_test(tests, a_bounded_time);
	tcase_add_test(tests, a_client_dies);
	tcase_add_test(tests, in_a_forked_child);
	tcase_add_test(tests, a_handler_that_forks);
	tests = support_case(suite, "told");
	tcase_add_test(tests, told_by_a_signal);
	tcase_add_test(tests, held_by_a_rival);
	/* By itself, so that it can be run with any number of messages. */
	tests = support_case(suite, "rival");
	tcase_set_timeout(tests, 120 + messages_to_send() / 200.0);
	tcase_add_test(tests, told_in_spite_of_a_rival);
	/* What libc's thread for such functions has open it keeps. */
	tests = tcase_create("told on a thread");
	if (SUPPORT_THREADS_OF_LIBC)
		tcase_add_test(tests, told_on_a_thread);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
