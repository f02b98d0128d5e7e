/*
 * check_server.c - tests of the server half of mqcall.h, with servers in this process.
 */
#include <mqcall/mqcall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"
#include "support.h"
#include "tests/strict.pb-c.h"
#include "things.h"

static const mqc_server_options small = {.queue_messages = 8, .queue_size = 1024};

/* ------------------------------------------------------------- opening -- */

START_TEST(open_and_close)
{
	const char *endpoint = support_endpoint();
	mqc_server *server = NULL;

	for (int i = 0; i < 3; i++) {
		support_ok(mqc_server_open(endpoint, &small, &server));
		ck_assert(support_queue_exists(support_queue_name(endpoint)));
		ck_assert_ptr_null(mqc_server_close(server));
		ck_assert(!support_queue_exists(support_queue_name(endpoint)));
		ck_assert(!support_segment_exists(support_queue_name(endpoint)));
	}
	ck_assert_ptr_null(mqc_server_close(NULL));
}
END_TEST

START_TEST(default_options)
{
	const char *endpoint = support_endpoint();
	mqc_server *server = NULL;
	size_t messages, size;
	mqci_queue queue;

	mqci_queue_limits(&messages, &size);
	support_ok(mqc_server_open(endpoint, NULL, &server));
	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &queue));
	ck_assert_uint_eq(queue.messages, messages);
	ck_assert_uint_eq(queue.size, size);
	mqci_queue_close(&queue);
	mqc_server_close(server);
}
END_TEST

START_TEST(options_that_are_none)
{
	static const mqc_server_options bad[] = {
		{.threads = -1},
		{.threads = 257},
		{.queue_messages = -1},
		{.queue_size = 255},
		{.queue_size = -1},
		{.access = (mqc_access)3},
		{.access = (mqc_access)-1},
		{.reserved = {1}},
		{.reserved = {[3] = 1}},
		{.queue_messages = 65537},
		{.queue_size = 16777217},
	};
	const char *endpoint = support_endpoint();
	mqc_server *server = NULL;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		support_fails(mqc_server_open(endpoint, &bad[i], &server), MQC_INVALID_ARGUMENT);
	support_fails(mqc_server_open("a/b", NULL, &server), MQC_INVALID_ARGUMENT);
	support_fails(mqc_server_open(NULL, NULL, &server), MQC_INVALID_ARGUMENT);
	support_fails(mqc_server_open("", NULL, &server), MQC_INVALID_ARGUMENT);
	ck_assert_ptr_null(server);
}
END_TEST

START_TEST(access_is_what_was_asked_for)
{
	static const mode_t modes[] = {0600, 0620, 0622};
	const char *endpoint = support_endpoint();
	mode_t mode, before;
	uid_t uid;
	gid_t gid;

	for (int access = MQC_ACCESS_PRIVATE; access <= MQC_ACCESS_PUBLIC; access++) {
		mqc_server_options options = small;
		mqc_server *server = NULL;
		mqci_queue queue;

		options.access = (mqc_access)access;
		before = umask(0077);
		support_ok(mqc_server_open(endpoint, &options, &server));
		(void)umask(before);
		support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &queue));
		support_ok(mqci_queue_owner(&queue, &uid, &gid, &mode));
		ck_assert_uint_eq(mode, modes[access]);
		mqci_queue_close(&queue);
		mqc_server_close(server);
	}
}
END_TEST

START_TEST(no_umask_is_in_the_way)
{
	static const mode_t masks[] = {0, 0027, 0177, 0277, 0777};

	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		mode_t before = umask(masks[i]);
		struct host host;
		mqc_client *client;
		int64_t sum = 0;

		host_start(&host, support_endpoint(), NULL);
		client = support_client(support_last_endpoint(), 0);
		(void)umask(before);
		support_ok(things_add(client, 1, 2, &sum));
		mqc_client_close(client);
		host_stop(&host);
	}
}
END_TEST

START_TEST(joining)
{
	mqc_server *one = NULL, *other = NULL, *third = NULL;
	const char *endpoint = support_endpoint();

	support_ok(mqc_server_open(endpoint, &small, &one));
	support_ok(mqc_server_open(endpoint, &small, &other));
	mqc_server_close(one);
	ck_assert(support_queue_exists(support_queue_name(endpoint)));
	support_ok(mqc_server_open(endpoint, &small, &third));
	mqc_server_close(other);
	ck_assert(support_queue_exists(support_queue_name(endpoint)));
	mqc_server_close(third);
	ck_assert(!support_queue_exists(support_queue_name(endpoint)));
}
END_TEST

START_TEST(joining_with_other_options)
{
	mqc_server_options others[] = {small, small, small};
	mqc_server *one = NULL, *other = NULL;
	const char *endpoint = support_endpoint();

	others[0].queue_messages = 7;
	others[1].queue_size = 512;
	others[2].access = MQC_ACCESS_PUBLIC;
	support_ok(mqc_server_open(endpoint, &small, &one));
	for (size_t i = 0; i < 3; i++) {
		support_fails(mqc_server_open(endpoint, &others[i], &other),
			      MQC_FAILED_PRECONDITION);
		support_error_has(support_queue_name(endpoint));
	}
	ck_assert_ptr_null(other);
	/* The refused have done no harm. */
	support_ok(mqc_server_open(endpoint, &small, &other));
	mqc_server_close(one);
	mqc_server_close(other);
}
END_TEST

/* Leave what a dead server leaves: a queue, with one message if `full`. */
static void leave_queue(const char *name, size_t messages, mode_t mode, bool full)
{
	mqci_queue queue, to;

	support_ok(mqci_queue_create(name, messages, 1024, mode, &queue));
	if (full) {
		support_ok(mqci_queue_open(name, MQCI_SEND, &to));
		ck_assert_int_eq(mqci_queue_send(&to, "garbage", 7, 0), 1);
		mqci_queue_close(&to);
	}
	mqci_queue_close(&queue);
}

START_TEST(a_left_queue_is_taken_over)
{
	const char *endpoint = support_endpoint();
	mqc_client *client;
	struct host host;
	int64_t sum = 0;

	leave_queue(support_queue_name(endpoint), 8, 0600, true);
	host_start(&host, endpoint, &small);
	client = support_client(endpoint, 0);
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(a_left_queue_of_another_shape_is_replaced_if_empty)
{
	const char *endpoint = support_endpoint();
	mqc_server *server = NULL;
	mqci_queue queue;

	leave_queue(support_queue_name(endpoint), 3, 0600, false);
	support_ok(mqc_server_open(endpoint, &small, &server));
	support_ok(mqci_queue_open(support_queue_name(endpoint), MQCI_SEND, &queue));
	ck_assert_uint_eq(queue.messages, 8);
	mqci_queue_close(&queue);
	mqc_server_close(server);
}
END_TEST

START_TEST(a_left_queue_of_another_shape_keeps_its_messages)
{
	const char *endpoint = support_endpoint();
	mqc_server_options options = small;
	mqc_server *server = NULL;

	leave_queue(support_queue_name(endpoint), 3, 0600, true);
	support_fails(mqc_server_open(endpoint, &small, &server), MQC_FAILED_PRECONDITION);
	ck_assert_ptr_null(server);
	options.queue_messages = 3;
	support_ok(mqc_server_open(endpoint, &options, &server));
	mqc_server_close(server);
}
END_TEST

static int make_queue_as_nobody(void *name)
{
	mqci_queue queue;

	if (setuid(65534) < 0)
		return 77;
	return mqci_queue_create(name, 8, 1024, 0666, &queue) == MQC_OK ? 0 : 10;
}

START_TEST(a_strangers_queue)
{
	const char *endpoint = support_endpoint();
	char name[MQCI_NAME_SIZE];
	mqc_server *server = NULL;

	(void)snprintf(name, sizeof name, "%s", support_queue_name(endpoint));
	if (geteuid() != 0 || support_in_child(make_queue_as_nobody, name) == 77) {
		support_skip("only root can make a queue of another user");
		return;
	}
	support_fails(mqc_server_open(endpoint, &small, &server), MQC_PERMISSION_DENIED);
	support_error_has("65534");
	ck_assert(support_queue_exists(name));
	ck_assert(!support_segment_exists(name));
	ck_assert(mqci_queue_unlink(name));
}
END_TEST

static int open_with_few_descriptors(void *endpoint)
{
	unsigned before = support_descriptors();
	mqc_server *server = NULL;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 10;
	for (unsigned n = 0; server == NULL; n++) {
		int r;

		limit.rlim_cur = n;
		if (n > 100 || setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 11;
		r = mqc_server_open(endpoint, &small, &server);
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return 12;
		if (r < 0 && r != MQC_RESOURCE_EXHAUSTED && r != MQC_FAILED_PRECONDITION) {
			printf("with %u descriptors: %s: %s\n", n, mqc_status_name(r),
			       mqc_error_last()->text);
			return 13;
		}
		if (r < 0 && (support_descriptors() != before ||
			      support_queue_exists(support_queue_name(endpoint)) ||
			      support_segment_exists(support_queue_name(endpoint))))
			return 14;
	}
	mqc_server_close(server);
	return support_descriptors() == before ? 0 : 15;
}

START_TEST(few_descriptors)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];

	if (support_skip_scarcity())
		return;
	(void)snprintf(endpoint, sizeof endpoint, "%s", support_endpoint());
	ck_assert_int_eq(support_in_child(open_with_few_descriptors, endpoint), 0);
}
END_TEST

static int open_over_quota(void *endpoint)
{
	const struct rlimit limit = {1000, 1000};
	mqc_server *server = NULL;

	if (setrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
		return 10;
	if (mqc_server_open(endpoint, &small, &server) != MQC_RESOURCE_EXHAUSTED)
		return 11;
	return strstr(mqc_error_last()->text, "ulimit -q") != NULL ? 0 : 12;
}

START_TEST(over_the_quota)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];

	(void)snprintf(endpoint, sizeof endpoint, "%s", support_endpoint());
	ck_assert_int_eq(support_in_child(open_over_quota, endpoint), 0);
}
END_TEST

/* ------------------------------------------------------------ services -- */

START_TEST(services_that_cannot_be_added)
{
	const char *endpoint = support_endpoint();
	mqc_service other = things_service;
	mqc_server *server = NULL;
	things self;

	support_ok(mqc_server_open(endpoint, &small, &server));
	support_ok(things_serve(server, &self));
	support_fails(things_serve(server, &self), MQC_ALREADY_EXISTS);
	support_error_has("things.Things");
	other.table_version = MQC_TABLE_VERSION + 1;
	support_fails(mqc_server_add(server, &other, things_dispatch, NULL, &self),
		      MQC_FAILED_PRECONDITION);
	/* The same methods under another name. */
	other = things_service;
	other.name = "things.Others";
	support_fails(mqc_server_add(server, &other, things_dispatch, NULL, &self),
		      MQC_ALREADY_EXISTS);
	mqc_server_close(server);
}
END_TEST

START_TEST(nothing_is_added_to_a_running_server)
{
	mqc_client *client;
	struct host host;
	int64_t value;

	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 0);
	/* Now it runs. */
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	support_fails(mqc_server_add(host.server, &things_service, things_dispatch, NULL, NULL),
		      MQC_FAILED_PRECONDITION);
	support_fails(mqc_server_run(host.server), MQC_FAILED_PRECONDITION);
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	ck_assert_int_eq(value, 2);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

static int count(const void *handlers, void *self, uint32_t method, mqc_call *call,
		 const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)method;
	return things_dispatch(handlers, self, THINGS_COUNT, call, request, reply);
}

START_TEST(two_services_on_one_endpoint)
{
	const char *endpoint = support_endpoint();
	mqc_method methods[] = {things_methods[THINGS_COUNT]};
	mqc_service second = things_service;
	mqc_client *client;
	struct host host = {0};
	things others = {0};
	Shapes__Number request;
	ProtobufCMessage *reply;
	int64_t value;

	methods[0].name = "others.Others/Pid";
	methods[0].id = 1;
	second.name = "others.Others";
	second.methods = methods;
	second.n_methods = 1;
	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(things_serve(host.server, &host.self));
	support_ok(mqc_server_add(host.server, &second, count, NULL, &others));
	host_run(&host);
	client = support_client(endpoint, 0);
	shapes__number__init(&request);
	request.value = 7;
	for (int i = 1; i <= 3; i++) {
		support_ok(mqc_client_call(client, &methods[0], NULL, &request.base, NULL, &reply));
		ck_assert_int_eq(((Shapes__Number *)(void *)reply)->value, 7 * i);
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	ck_assert_int_eq(value, 1);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* Lets nobody call Count, and says who asked. */
static int nobody_counts(void *data, mqc_call *call)
{
	atomic_int *asked = data;

	atomic_fetch_add(asked, 1);
	if (strcmp(mqc_call_method(call)->name, "things.Things/Count") != 0)
		return MQC_OK;
	return mqc_call_fail(call, MQC_PERMISSION_DENIED, "not for pid %d",
			     (int)mqc_call_peer(call).pid);
}

START_TEST(who_may_call)
{
	static mqc_service other;
	struct host host;
	mqc_client *client;
	atomic_int asked = 0;
	char text[64];
	int64_t value;

	support_ok(mqc_server_open(support_endpoint(), &small, &host.server));
	support_ok(things_serve(host.server, &host.self));
	other = things_service;
	support_fails(mqc_server_authorize(host.server, &other, nobody_counts, &asked),
		      MQC_NOT_FOUND);
	support_ok(mqc_server_authorize(host.server, &things_service, nobody_counts, &asked));
	host_run(&host);
	client = support_client(support_last_endpoint(), 4);
	support_ok(things_call(client, THINGS_PID, 0, 0, &value));
	support_fails(things_call(client, THINGS_COUNT, 0, 1, &value), MQC_PERMISSION_DENIED);
	(void)snprintf(text, sizeof text, "not for pid %d", (int)getpid());
	ck_assert_str_eq(mqc_error_last()->text, text);
	ck_assert(!mqc_error_last()->maybe_executed);
	ck_assert_int_eq(atomic_load(&asked), 2);
	ck_assert_int_eq(atomic_load(&host.self.count), 0);
	support_fails(mqc_server_authorize(host.server, &things_service, NULL, NULL),
		      MQC_FAILED_PRECONDITION);
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(who_calls)
{
	struct host host;
	mqc_client *client;
	int64_t value;

	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 4);
	support_ok(things_call(client, THINGS_PEER, 0, 0, &value));
	ck_assert_int_eq(value, geteuid());
	support_ok(things_call(client, THINGS_PEER, 0, 1, &value));
	ck_assert_int_eq(value, getegid());
	support_ok(things_call(client, THINGS_PEER, 0, 2, &value));
	ck_assert_int_eq(value, getpid());
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(larger_than_the_server_takes)
{
	mqc_server_options options = small;
	struct host host;
	mqc_client *client;
	char *text, *back = NULL;

	text = calloc(1, 200001);
	ck_assert_ptr_nonnull(text);
	options.payload_max = 100000;
	host_start(&host, support_endpoint(), &options);
	client = support_client(support_last_endpoint(), 4);
	memset(text, 'x', 90000);
	support_ok(things_echo(client, text, &back));
	ck_assert_str_eq(back, text);
	free(back);
	memset(text, 'x', 200000);
	support_fails(things_echo(client, text, &back), MQC_RESOURCE_EXHAUSTED);
	support_error_has("payload_max");
	ck_assert(!mqc_error_last()->maybe_executed);
	mqc_client_close(client);
	host_stop(&host);
	free(text);
}
END_TEST

static bool has_begun(void *host)
{
	return atomic_load(&((struct host *)host)->self.begun) > 0;
}

static bool has_counted(void *host)
{
	return atomic_load(&((struct host *)host)->self.count) > 0;
}

struct remains {
	const char *endpoint;
	char replies[MQCI_NAME_SIZE]; /* the name of the queue */
};

/* Where the server is not told of a death, who comes next has it look. */
static bool is_removed(void *data)
{
	const struct remains *remains = data;

	if (!support_has_pidfds())
		mqc_client_close(support_client(remains->endpoint, 2));
	return !support_queue_exists(remains->replies);
}

/* Its handler hears of it, its queue is removed. */
START_TEST(a_caller_dies)
{
	char endpoint[MQCI_ENDPOINT_MAX + 1];
	/* One for who comes next. */
	const mqc_server_options two_threads = {.threads = 2};
	struct remains remains = {.endpoint = endpoint};
	struct host host;
	uint64_t process;
	int ends[2];
	pid_t pid;

	(void)strcpy(endpoint, support_endpoint());
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const mqc_client_options patient = {.wait_for_server = true};
		mqc_client *client;

		if (mqci_process_self(&process) < 0 ||
		    write(ends[1], &process, sizeof process) != sizeof process)
			_exit(2);
		if (mqc_client_open(endpoint, &patient, &client) == MQC_OK)
			(void)things_call(client, THINGS_UNTIL, 60000, 1, NULL);
		_exit(1);
	}
	host_start(&host, endpoint, &two_threads);
	ck_assert(support_wait_for(has_begun, &host));
	ck_assert_int_eq(read(ends[0], &process, sizeof process), sizeof process);
	(void)close(ends[0]);
	(void)close(ends[1]);
	mqci_name_replies(mqci_party_make(process, 0), remains.replies);
	ck_assert(support_queue_exists(remains.replies));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(support_wait_for(is_removed, &remains));
	ck_assert(support_wait_for(has_counted, &host));
	host_stop(&host);
}
END_TEST

START_TEST(time_is_over_for_a_handler)
{
	struct host host;
	mqc_client *client;

	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 4);
	/* Where it is over before the handler is called, that takes more of it. */
	for (int ms = 50; !has_begun(&host) && ms < 60000; ms *= 2)
		/* It may hear of it, and answer, before the caller wakes up. */
		if (things_call(client, THINGS_UNTIL, ms, 1, NULL) < 0)
			ck_assert_int_eq(mqc_error_last()->status, MQC_DEADLINE_EXCEEDED);
	ck_assert(support_wait_for(has_counted, &host));
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

/* ------------------------------------------------------------- running -- */

START_TEST(stop_comes_first)
{
	const char *endpoint = support_endpoint();
	mqc_server *server = NULL;

	support_ok(mqc_server_open(endpoint, &small, &server));
	mqc_server_stop(server);
	mqc_server_stop(server);
	support_ok(mqc_server_run(server));
	mqc_server_close(server);
}
END_TEST

START_TEST(run_again)
{
	const char *endpoint = support_endpoint();
	struct host host = {0};
	mqc_client *client;
	int64_t value;

	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(things_serve(host.server, &host.self));
	host_run(&host);
	client = support_client(endpoint, 0);
	for (int i = 1; i <= 3; i++) {
		support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
		ck_assert_int_eq(value, i);
		mqc_server_stop(host.server);
		ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
		support_ok(host.result);
		host_run(&host);
	}
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

START_TEST(stopped_by_a_handler)
{
	mqc_client *client;
	struct host host;
	int64_t value;

	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 0);
	support_ok(things_call(client, THINGS_STOP, 0, 5, &value));
	ck_assert_int_eq(value, 5);
	host_join(&host);
	mqc_client_close(client);
}
END_TEST

START_TEST(stopped_where_no_signal_can_be_sent)
{
	mqc_server_options options = small;
	struct rlimit none, before;
	struct host host, other;
	mqc_client *client;
	int64_t value;

	options.threads = 3;
	host_start(&host, support_endpoint(), &options);
	/* What gets threads of the one out of mq_receive() may come to the other. */
	host_start(&other, support_last_endpoint(), &options);
	ck_assert_int_eq(getrlimit(RLIMIT_SIGPENDING, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &none), 0);
	support_sleep_ms(50);
	host_stop(&host);
	client = support_client(support_last_endpoint(), 0);
	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	mqc_client_close(client);
	host_stop(&other);
	/* Check itself makes timers, which take room as well. */
	ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &before), 0);
}
END_TEST

static mqc_server *to_be_stopped;

static void stop_it(int signal)
{
	(void)signal;
	mqc_server_stop(to_be_stopped);
}

START_TEST(stopped_by_a_signal_handler)
{
	const struct sigaction action = {.sa_handler = stop_it};
	struct host host;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	host_start(&host, support_endpoint(), NULL);
	to_be_stopped = host.server;
	ck_assert_int_eq(raise(SIGUSR1), 0);
	host_join(&host);
}
END_TEST

START_TEST(stopped_by_signals)
{
	mqc_server_options options = small;
	struct sigaction before[2], after;
	mqc_client *client;
	struct host host;
	int64_t value;

	ck_assert_int_eq(sigaction(SIGINT, NULL, &before[0]), 0);
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &before[1]), 0);
	options.stop_on_signals = true;
	for (int i = 0; i < 4; i++) {
		host_start(&host, support_endpoint(), &options);
		client = support_client(support_last_endpoint(), 0);
		support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
		ck_assert_int_eq(kill(getpid(), i % 2 ? SIGINT : SIGTERM), 0);
		host_join(&host);
		mqc_client_close(client);
	}
	/* The signals are as they were. */
	ck_assert_int_eq(sigaction(SIGINT, NULL, &after), 0);
	ck_assert(after.sa_handler == before[0].sa_handler);
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &after), 0);
	ck_assert(after.sa_handler == before[1].sa_handler);
}
END_TEST

START_TEST(signals_stop_all_that_want_it)
{
	mqc_server_options options = small;
	mqc_client *clients[3];
	struct host hosts[3];
	int64_t value;

	options.stop_on_signals = true;
	for (int i = 0; i < 3; i++) {
		host_start(&hosts[i], support_endpoint(), &options);
		clients[i] = support_client(support_last_endpoint(), 2);
		support_ok(things_call(clients[i], THINGS_COUNT, 0, 1, &value));
	}
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	for (int i = 0; i < 3; i++) {
		host_join(&hosts[i]);
		mqc_client_close(clients[i]);
	}
}
END_TEST

/* A handler that returns only when as many of them run at once as the barrier wants. */
static pthread_barrier_t barrier;

static int meet(const void *handlers, void *self, uint32_t method, mqc_call *call,
		const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	(void)handlers, (void)self, (void)method, (void)call, (void)request, (void)reply;
	(void)pthread_barrier_wait(&barrier);
	return MQC_OK;
}

static void *call_once(void *client)
{
	int64_t value;

	support_ok(things_call(client, THINGS_COUNT, 0, 1, &value));
	return NULL;
}

START_TEST(threads_run_handlers_at_once)
{
	enum {
		N = 4
	};
	mqc_server_options options = small;
	const char *endpoint = support_endpoint();
	struct host host = {0};
	pthread_t threads[N];
	mqc_client *client;

	options.threads = N;
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, N), 0);
	support_ok(mqc_server_open(endpoint, &options, &host.server));
	support_ok(mqc_server_add(host.server, &things_service, meet, NULL, NULL));
	host_run(&host);
	client = support_client(endpoint, N + 1);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_once, client), 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	mqc_client_close(client);
	host_stop(&host);
	(void)pthread_barrier_destroy(&barrier);
}
END_TEST

/* By the handler itself, or when it has deferred the call. */
static int leave_out(const void *handlers, void *self, uint32_t method, mqc_call *call,
		     const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	static Strict__Strict *parts[] = {NULL};
	atomic_int *finished = self;

	(void)handlers, (void)request;
	((Strict__Strict *)(void *)reply)->n_parts = 1;
	((Strict__Strict *)(void *)reply)->parts = parts;
	if (method == 0 || mqc_call_defer(call) < 0)
		return MQC_OK;
	atomic_store(finished, mqc_call_finish(call, MQC_OK, reply));
	return MQC_OK;
}

START_TEST(a_reply_with_a_hole)
{
	static const mqc_method methods[] = {{.name = "a.A/Now",
					      .id = 1,
					      .request = &shapes__number__descriptor,
					      .reply = &strict__strict__descriptor,
					      .table_version = MQC_TABLE_VERSION},
					     {.name = "a.A/Later",
					      .id = 2,
					      .request = &shapes__number__descriptor,
					      .reply = &strict__strict__descriptor,
					      .table_version = MQC_TABLE_VERSION}};
	static const mqc_service service = {.table_version = MQC_TABLE_VERSION,
					    .n_methods = 2,
					    .name = "a.A",
					    .methods = methods};
	const char *endpoint = support_endpoint();
	ProtobufCMessage *reply = NULL;
	atomic_int finished = MQC_OK;
	struct host host = {0};
	Shapes__Number request;
	mqc_client *client;

	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(mqc_server_add(host.server, &service, leave_out, NULL, &finished));
	host_run(&host);
	client = support_client(endpoint, 2);
	shapes__number__init(&request);
	for (int i = 0; i < 2; i++) {
		support_fails(
			mqc_client_call(client, &methods[i], NULL, &request.base, NULL, &reply),
			MQC_INTERNAL);
		support_error_has(methods[i].name);
		ck_assert(mqc_error_last()->maybe_executed);
		ck_assert_ptr_null(reply);
	}
	mqc_client_close(client);
	host_stop(&host);
	ck_assert_int_eq(atomic_load(&finished), MQC_INTERNAL);
}
END_TEST

static void *wait_200_ms(void *client)
{
	int64_t value = 0;

	support_ok(things_call(client, THINGS_WAIT, 0, 200, &value));
	ck_assert_int_eq(value, 200);
	return NULL;
}

START_TEST(handlers_that_have_begun_are_finished)
{
	mqc_client *client;
	struct host host;
	pthread_t thread;
	things *self = &host.self;

	host_start(&host, support_endpoint(), NULL);
	client = support_client(support_last_endpoint(), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_200_ms, client), 0);
	while (atomic_load(&self->begun) == 0)
		support_sleep_ms(1);
	host_stop(&host);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqc_client_close(client);
}
END_TEST

static int use_in_child(void *data)
{
	struct host *host = data;
	mqc_server *server = NULL;

	if (mqc_server_run(host->server) != MQC_FAILED_PRECONDITION)
		return 10;
	if (strstr(mqc_error_last()->text, "fork") == NULL)
		return 11;
	mqc_server_stop(host->server);
	mqc_server_close(host->server);
	/* A server of its own. */
	if (mqc_server_open(support_last_endpoint(), &small, &server) != MQC_OK)
		return 12;
	mqc_server_close(server);
	return support_queue_exists(support_queue_name(support_last_endpoint())) ? 0 : 13;
}

START_TEST(a_forked_child)
{
	const char *endpoint = support_endpoint();
	struct host host = {0};
	mqc_client *client;
	int64_t sum;

	support_ok(mqc_server_open(endpoint, &small, &host.server));
	support_ok(things_serve(host.server, &host.self));
	ck_assert_int_eq(support_in_child(use_in_child, &host), 0);
	host_run(&host);
	client = support_client(endpoint, 0);
	/* The child has memory of the workers but not the workers: valgrind calls that a leak. */
	if (!support_under_valgrind())
		ck_assert_int_eq(support_in_child(use_in_child, &host), 0);
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	host_stop(&host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *tests;

	tests = support_case(suite, "opening");
	tcase_add_test(tests, open_and_close);
	tcase_add_test(tests, default_options);
	tcase_add_test(tests, options_that_are_none);
	tcase_add_test(tests, access_is_what_was_asked_for);
	tcase_add_test(tests, no_umask_is_in_the_way);
	tcase_add_test(tests, joining);
	tcase_add_test(tests, joining_with_other_options);
	tcase_add_test(tests, a_left_queue_is_taken_over);
	tcase_add_test(tests, a_left_queue_of_another_shape_is_replaced_if_empty);
	tcase_add_test(tests, a_left_queue_of_another_shape_keeps_its_messages);
	tcase_add_test(tests, a_strangers_queue);
	tcase_add_test(tests, few_descriptors);
	tcase_add_test(tests, over_the_quota);

	tests = support_case(suite, "services");
	tcase_add_test(tests, services_that_cannot_be_added);
	tcase_add_test(tests, nothing_is_added_to_a_running_server);
	tcase_add_test(tests, two_services_on_one_endpoint);

	tests = support_case(suite, "callers");
	tcase_add_test(tests, who_may_call);
	tcase_add_test(tests, who_calls);
	tcase_add_test(tests, larger_than_the_server_takes);
	tcase_add_test(tests, a_caller_dies);
	tcase_add_test(tests, time_is_over_for_a_handler);

	tests = support_case(suite, "running");
	tcase_add_test(tests, stop_comes_first);
	tcase_add_test(tests, run_again);
	tcase_add_test(tests, stopped_by_a_handler);
	tcase_add_test(tests, stopped_where_no_signal_can_be_sent);
	tcase_add_test(tests, stopped_by_a_signal_handler);
	tcase_add_test(tests, stopped_by_signals);
	tcase_add_test(tests, signals_stop_all_that_want_it);
	tcase_add_test(tests, threads_run_handlers_at_once);
	tcase_add_test(tests, a_reply_with_a_hole);
	tcase_add_test(tests, handlers_that_have_begun_are_finished);
	tcase_add_test(tests, a_forked_child);
	return support_run(suite);
}
