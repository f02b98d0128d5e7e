/*
 * people.c - other users: processes that are somebody else's, as the kernel sees it.
 */
#include "people.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "queue.h"

/* Where others may have no more than 65536 uids, and neither Debian's users nor systemd's are. */
enum {
	FIRST_UID = 20000,
	UIDS = 40000,
	PEOPLE = 4
};

struct person person(unsigned number)
{
	/* Each test is a process of its own, so its uids, and their limits, are its own, too. */
	static pid_t pid;
	uid_t first;

	if (pid == 0)
		pid = getpid();
	first = FIRST_UID + (uid_t)pid % (UIDS / PEOPLE) * PEOPLE;
	return (struct person){
		.uid = first + number,
		.gid = first + number,
		.member_of = number == 2 ? first : first + number,
	};
}

bool person_become(const struct person *person)
{
	if (setgroups(1, &person->member_of) < 0 ||
	    setresgid(person->gid, person->gid, person->gid) < 0 ||
	    setresuid(person->uid, person->uid, person->uid) < 0)
		return false;
	/* Both are lost with the uid. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

bool people_possible(void)
{
	/* The last uid that anybody may be. */
	const struct person somebody = {FIRST_UID + UIDS, FIRST_UID + UIDS, FIRST_UID + UIDS};
	int status = -1;
	pid_t pid;

	if (geteuid() != 0) {
		support_skip("only root can make processes of other users");
		return false;
	}
	pid = fork();
	if (pid == 0)
		_exit(person_become(&somebody) ? 0 : errno);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (status != 0)
		printf("skipped: cannot become uid %d here: %s\n", (int)somebody.uid,
		       strerror(pid < 0 ? EAGAIN : WEXITSTATUS(status)));
	return status == 0;
}

pid_t person_begins(const struct person *person, int (*body)(void *data), void *data)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(person_become(person) ? body(data) : 99);
	return pid;
}

int person_waits(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int person_does(const struct person *person, int (*body)(void *data), void *data)
{
	return person_waits(person_begins(person, body, data));
}

/* ---------------------------------------------------------------- servers -- */

struct serving {
	const char *endpoint;
	mqc_server_options options;
	int ready;
};

static int serve(void *data)
{
	struct serving *serving = data;
	static struct host host;

	host_start(&host, serving->endpoint, &serving->options);
	if (write(serving->ready, "r", 1) != 1)
		return 1;
	host_join(&host);
	return 0;
}

struct peer person_serves(const struct person *person, const char *endpoint,
			  const mqc_server_options *options)
{
	struct serving serving = {.endpoint = endpoint};
	struct peer started;
	int ends[2];
	char byte;

	if (options != NULL)
		serving.options = *options;
	if (serving.options.queue_messages == 0) {
		serving.options.queue_messages = 8;
		serving.options.queue_size = 1024;
	}
	serving.options.stop_on_signals = true;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	serving.ready = ends[1];
	started.pid = person_begins(person, serve, &serving);
	started.output = ends[0];
	(void)close(ends[1]);
	ck_assert_int_eq(read(started.output, &byte, 1), 1);
	return started;
}

/* ---------------------------------------------------------------- callers -- */

struct order {
	int method;
	int64_t value;
};

struct calling {
	const char *endpoint;
	mqc_client_options options;
	int orders, answers;
};

static int echo(mqc_client *client, size_t size, int64_t *ret_size)
{
	char *text = malloc(size + 1), *back;
	int r;

	ck_assert_ptr_nonnull(text);
	memset(text, 'e', size);
	text[size] = '\0';
	r = things_echo(client, text, &back);
	if (r == MQC_OK) {
		ck_assert_str_eq(back, text);
		*ret_size = (int64_t)strlen(back);
		free(back);
	}
	free(text);
	return r;
}

static int carry_out(mqc_client *client, const struct order *order, int64_t *ret_value)
{
	size_t waiting;

	if (order->method >= 0)
		return things_call(client, order->method, 0, order->value, ret_value);
	if (order->method == CALLER_ECHO)
		return echo(client, (size_t)order->value, ret_value);
	support_ok(mqci_queue_waiting(&client->waiters.replies, &waiting));
	*ret_value = (int64_t)waiting;
	return MQC_OK;
}

static int call(void *data)
{
	const struct calling *calling = data;
	struct answer answer = {0};
	mqc_client *client = NULL;
	struct order order;

	support_ok(mqc_client_open(calling->endpoint, &calling->options, &client));
	if (write(calling->answers, &client->session, sizeof client->session) < 0)
		return 1;
	while (read(calling->orders, &order, sizeof order) == sizeof order &&
	       order.method != CALLER_END) {
		answer.status = carry_out(client, &order, &answer.value);
		answer.maybe_executed = mqc_error_last()->maybe_executed;
		(void)snprintf(answer.text, sizeof answer.text, "%s", mqc_error_last()->text);
		if (write(calling->answers, &answer, sizeof answer) != sizeof answer)
			return 1;
	}
	mqc_client_close(client);
	return 0;
}

struct caller caller_start(const struct person *person, const char *endpoint,
			   const mqc_client_options *options)
{
	struct calling calling = {.endpoint = endpoint};
	int orders[2], answers[2];
	struct caller caller;

	if (options != NULL)
		calling.options = *options;
	if (calling.options.timeout_ms == 0)
		calling.options.timeout_ms = 60000;
	calling.options.open_timeout_ms = 60000;
	ck_assert_int_eq(pipe2(orders, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(answers, O_CLOEXEC), 0);
	calling.orders = orders[0];
	calling.answers = answers[1];
	(void)fflush(NULL);
	caller.pid = fork();
	ck_assert_int_ge(caller.pid, 0);
	if (caller.pid == 0) {
		(void)close(orders[1]);
		(void)close(answers[0]);
		_exit(person_become(person) ? call(&calling) : 99);
	}
	(void)close(orders[0]);
	(void)close(answers[1]);
	caller.orders = orders[1];
	caller.answers = answers[0];
	ck_assert_int_eq(read(caller.answers, &caller.session, sizeof caller.session),
			 sizeof caller.session);
	return caller;
}

void caller_begins(const struct caller *caller, int method, int64_t value)
{
	const struct order order = {.method = method, .value = value};

	ck_assert_int_eq(write(caller->orders, &order, sizeof order), sizeof order);
}

struct answer caller_answers(const struct caller *caller)
{
	struct answer answer;

	ck_assert_int_eq(read(caller->answers, &answer, sizeof answer), sizeof answer);
	return answer;
}

struct answer caller_does(const struct caller *caller, int method, int64_t value)
{
	caller_begins(caller, method, value);
	return caller_answers(caller);
}

int64_t caller_gets(const struct caller *caller, int method, int64_t value)
{
	struct answer answer = caller_does(caller, method, value);

	ck_assert_msg(answer.status == MQC_OK, "method %d: %s: %s", method,
		      mqc_status_name(answer.status), answer.text);
	return answer.value;
}

static int forget(struct caller *caller)
{
	int status;

	(void)close(caller->orders);
	status = person_waits(caller->pid);
	(void)close(caller->answers);
	return status;
}

void caller_end(struct caller *caller)
{
	/* Callers that were started later have the pipe, too. */
	caller_begins(caller, CALLER_END, 0);
	ck_assert_int_eq(forget(caller), 0);
}

void caller_kill(struct caller *caller)
{
	ck_assert_int_eq(kill(caller->pid, SIGKILL), 0);
	ck_assert_int_eq(forget(caller), 128 + SIGKILL);
}
