/*
 * check_notify.c - tests of runtime/notify.h: a program is told of messages, whoever else wants to
 * be.
 */
#include "notify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static mqci_queue queue, sender;
static mqci_notify notify;
static const struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

static void open_queues(void)
{
	const char *name = support_queue_name(support_endpoint());
	sigset_t signals;

	support_ok(mqci_queue_create(name, 4, 64, 0600, &sender));
	mqci_queue_close(&sender);
	support_ok(mqci_queue_open(name, MQCI_DRAIN, &queue));
	support_ok(mqci_queue_open(name, MQCI_SEND, &sender));
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &signals, NULL), 0);
}

static void close_queues(void)
{
	mqci_notify_end(&notify);
	mqci_queue_unlink(queue.name);
	mqci_queue_close(&queue);
	mqci_queue_close(&sender);
}

static void send(void)
{
	ck_assert_int_eq(mqci_queue_send(&sender, "x", 1, 0), 1);
}

static void drain(void)
{
	char message[64];
	size_t size;

	while (mqci_queue_take(&queue, message, sizeof message, &size) == 1)
		continue;
}

/* Whether the program is told within this time. */
static bool is_told(int ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	return sigtimedwait(&signals, NULL, &time) == SIGUSR1;
}

enum {
	SOON = 30000, /* ms: on any machine */
	NEVER = 50
};

START_TEST(told_of_each_that_comes_into_the_empty_queue)
{
	open_queues();
	support_ok(mqci_notify_begin(&notify, &queue, &by_signal));
	ck_assert(!is_told(NEVER));
	for (int i = 0; i < 3; i++) {
		send();
		ck_assert(is_told(SOON));
		send();
		ck_assert(!is_told(NEVER));
		support_ok(mqci_notify_renew(&notify));
		drain();
	}
	mqci_notify_end(&notify);
	send();
	ck_assert(!is_told(NEVER));
	mqci_notify_end(&notify);
	close_queues();
}
END_TEST

START_TEST(told_of_what_is_there_already)
{
	open_queues();
	send();
	support_ok(mqci_notify_begin(&notify, &queue, &by_signal));
	ck_assert(is_told(SOON));
	close_queues();
}
END_TEST

START_TEST(told_of_other_things)
{
	open_queues();
	support_ok(mqci_notify_begin(&notify, &queue, &by_signal));
	mqci_notify_fire(&notify);
	ck_assert(is_told(SOON));
	/* And of messages as before. */
	send();
	ck_assert(is_told(SOON));
	close_queues();
}
END_TEST

static atomic_int calls;

static void count_call(union sigval value)
{
	ck_assert_int_eq(value.sival_int, 7);
	atomic_fetch_add(&calls, 1);
}

static bool was_called(void *unused)
{
	(void)unused;
	return atomic_load(&calls) > 0;
}

START_TEST(told_by_a_function)
{
	const struct sigevent by_function = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = count_call,
		.sigev_value.sival_int = 7,
	};

	open_queues();
	support_ok(mqci_notify_begin(&notify, &queue, &by_function));
	send();
	ck_assert(support_wait_for(was_called, NULL));
	atomic_store(&calls, 0);
	mqci_notify_fire(&notify);
	ck_assert(support_wait_for(was_called, NULL));
	close_queues();
}
END_TEST

START_TEST(ways_that_are_none)
{
	const struct sigevent odd = {.sigev_notify = 77};
	const struct sigevent no_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 999};
	const struct sigevent no_function = {.sigev_notify = SIGEV_THREAD};

	open_queues();
	support_fails(mqci_notify_begin(&notify, &queue, &odd), MQC_INVALID_ARGUMENT);
	support_error_has("sigev_notify 77");
	support_fails(mqci_notify_begin(&notify, &queue, &no_signal), MQC_INVALID_ARGUMENT);
	support_error_has("sigev_signo 999");
	support_fails(mqci_notify_begin(&notify, &queue, &no_function), MQC_INVALID_ARGUMENT);
	support_error_has("sigev_notify_function");
	ck_assert_ptr_null(notify.queue);
	close_queues();
}
END_TEST

/* Another process of the user, that has itself told, until the pipe is closed. */
static pid_t start_rival(int *ret_pipe)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(end), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct sigevent quietly = {.sigev_notify = SIGEV_NONE};

		close(end[1]);
		if (mqci_queue_notify(&queue, &quietly) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		_exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	close(end[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_pipe = end[1];
	return pid;
}

static void end_rival(pid_t pid, int end)
{
	int status;

	close(end);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(another_process_is_told)
{
	pid_t rival;
	int end;

	open_queues();
	rival = start_rival(&end);
	support_fails(mqci_notify_begin(&notify, &queue, &by_signal), MQC_ALREADY_EXISTS);
	support_error_has("another process");
	ck_assert_ptr_null(notify.queue);
	end_rival(rival, end);
	support_ok(mqci_notify_begin(&notify, &queue, &by_signal));
	close_queues();
}
END_TEST

START_TEST(another_process_was_faster)
{
	pid_t rival;
	int end;

	open_queues();
	support_ok(mqci_notify_begin(&notify, &queue, &by_signal));
	send();
	ck_assert(is_told(SOON));
	rival = start_rival(&end);
	for (int i = 0; i < 3; i++) {
		support_fails(mqci_notify_renew(&notify), MQC_ALREADY_EXISTS);
		drain();
		/* By the timer, though no message has come. */
		ck_assert(is_told(SOON));
	}
	end_rival(rival, end);
	support_ok(mqci_notify_renew(&notify));
	drain();
	send();
	ck_assert(is_told(SOON));
	close_queues();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tests = support_case(suite, "notify");
	TCase *unguarded = tcase_create("by a function");

	tcase_add_test(tests, told_of_each_that_comes_into_the_empty_queue);
	tcase_add_test(tests, told_of_what_is_there_already);
	tcase_add_test(tests, told_of_other_things);
	/* libc keeps a socket for it as long as the process lives. */
	if (SUPPORT_THREADS_OF_LIBC)
		tcase_add_test(unguarded, told_by_a_function);
	tcase_set_timeout(unguarded, 60);
	suite_add_tcase(suite, unguarded);
	tcase_add_test(tests, ways_that_are_none);
	tcase_add_test(tests, another_process_is_told);
	tcase_add_test(tests, another_process_was_faster);
	return support_run(suite);
}
