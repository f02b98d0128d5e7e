/*
 * check_queue.c - tests of lib/queue.h: real queues, and every way in which they can be refused.
 *
 * Limits are brought about in child processes, by lowering what setrlimit()
 * lowers: that touches nobody else.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "support.h"

/* The queue of the test, and its name. */
static mqci_queue queue;

static const char *queue_name(void)
{
	static const char *name;

	if (name == NULL)
		name = support_queue_name(support_endpoint());
	return name;
}

static void create(size_t messages, size_t size)
{
	support_ok(mqci_queue_create(queue_name(), messages, size, 0600, &queue));
}

static void done(void)
{
	mqci_queue_close(&queue);
	ck_assert(mqci_queue_unlink(queue_name()));
}

/* The test's queue, opened to send. */
static mqci_queue sender(void)
{
	mqci_queue to;

	support_ok(mqci_queue_open(queue_name(), MQCI_SEND, &to));
	return to;
}

START_TEST(create_open_send_receive)
{
	char buffer[100];
	mqci_queue to;

	create(3, 100);
	ck_assert_uint_eq(queue.size, 100);
	ck_assert_uint_eq(queue.messages, 3);
	ck_assert_str_eq(queue.name, queue_name());
	to = sender();
	ck_assert_uint_eq(to.size, 100);
	ck_assert_uint_eq(to.messages, 3);
	ck_assert_str_eq(to.name, queue_name());

	ck_assert_int_eq(mqci_queue_send(&to, "hello", 5, 0), 1);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 5);
	ck_assert_mem_eq(buffer, "hello", 5);
	mqci_queue_close(&to);
	done();
}
END_TEST

START_TEST(urgent_messages_first)
{
	char buffer[16];
	mqci_queue to;

	create(4, 16);
	to = sender();
	ck_assert_int_eq(mqci_queue_send(&to, "a", 1, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "b", 1, 31), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "c", 1, 31), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "d", 1, 5), 1);
	for (const char *expected = "bcda"; *expected != '\0'; expected++) {
		ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 1);
		ck_assert_int_eq(buffer[0], *expected);
	}
	mqci_queue_close(&to);
	done();
}
END_TEST

START_TEST(counts_what_waits)
{
	size_t waiting = 99;
	mqci_queue to;

	create(2, 16);
	to = sender();
	support_ok(mqci_queue_waiting(&queue, &waiting));
	ck_assert_uint_eq(waiting, 0);
	ck_assert_int_eq(mqci_queue_send(&to, "", 0, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "x", 1, 0), 1);
	support_ok(mqci_queue_waiting(&to, &waiting));
	ck_assert_uint_eq(waiting, 2);
	mqci_queue_close(&to);
	done();
}
END_TEST

START_TEST(full_queue)
{
	char buffer[16];
	mqci_queue to;

	create(2, 16);
	to = sender();
	ck_assert_int_eq(mqci_queue_wait_room(&to, 0, -1), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "1", 1, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "2", 1, 0), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "3", 1, 0), 0);
	ck_assert_int_eq(mqci_queue_wait_room(&to, 0, -1), 0);
	ck_assert_int_eq(mqci_queue_wait_room(&to, mqci_deadline_after_ms(20), -1), 0);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 1);
	ck_assert_int_eq(mqci_queue_wait_room(&to, MQCI_NEVER, -1), 1);
	ck_assert_int_eq(mqci_queue_send(&to, "3", 1, 0), 1);
	mqci_queue_close(&to);
	done();
}
END_TEST

static atomic_uint coming, woken;
static int news; /* which ends the wait of the others */

/* Whoever finds room takes note, and uses none of it. */
static void *wait_for_room(void *to)
{
	atomic_fetch_add(&coming, 1);
	ck_assert_int_eq(mqci_queue_wait_room(to, MQCI_NEVER, news), 1);
	atomic_fetch_add(&woken, 1);
	return NULL;
}

static bool all_are_coming(void *count)
{
	return atomic_load(&coming) == *(unsigned *)count;
}

static bool is_one_woken(void *unused)
{
	(void)unused;
	return atomic_load(&woken) > 0;
}

START_TEST(a_place_is_for_one_of_those_who_wait)
{
	enum {
		COUNT = 16
	};
	pthread_t threads[COUNT];
	unsigned count = COUNT;
	char buffer[16];
	mqci_queue to;

	create(1, 16);
	to = sender();
	news = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(news, 0);
	ck_assert_int_eq(mqci_queue_send(&to, "1", 1, 0), 1);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_room, &to), 0);
	ck_assert(support_wait_for(all_are_coming, &count));
	support_sleep_ms(200);
	ck_assert_uint_eq(atomic_load(&woken), 0);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 1);
	ck_assert(support_wait_for(is_one_woken, NULL));
	support_sleep_ms(100);
	/* Some may have come after there was room, on a machine with other things to do. */
	count = atomic_load(&woken);
	printf("%u of %d have been woken\n", count, COUNT);
	ck_assert_uint_lt(count, COUNT);
	ck_assert_int_eq(eventfd_write(news, 1), 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	(void)close(news);
	mqci_queue_close(&to);
	done();
}
END_TEST

static void *receive_later(void *unused)
{
	char buffer[16];

	support_sleep_ms(50);
	(void)mqci_queue_receive(&queue, buffer, sizeof buffer);
	return unused;
}

START_TEST(room_comes_while_one_waits)
{
	pthread_t thread;
	mqci_queue to;

	create(1, 16);
	to = sender();
	ck_assert_int_eq(mqci_queue_send(&to, "1", 1, 0), 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, receive_later, NULL), 0);
	ck_assert_int_eq(mqci_queue_wait_room(&to, MQCI_NEVER, -1), 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqci_queue_close(&to);
	done();
}
END_TEST

static void ignore(int signal)
{
	(void)signal;
}

static void *interrupt_later(void *thread)
{
	for (int i = 0; i < 5; i++) {
		support_sleep_ms(10);
		(void)pthread_kill(*(const pthread_t *)thread, SIGUSR1);
	}
	return NULL;
}

START_TEST(signals_do_not_cut_the_wait_for_room_short)
{
	const struct sigaction action = {.sa_handler = ignore};
	pthread_t self = pthread_self(), thread;
	int64_t deadline;
	mqci_queue to;

	create(1, 16);
	to = sender();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(mqci_queue_send(&to, "1", 1, 0), 1);
	deadline = mqci_deadline_after_ms(200);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_later, &self), 0);
	ck_assert_int_eq(mqci_queue_wait_room(&to, deadline, -1), 0);
	ck_assert_int_ge(mqci_clock_now(), deadline);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	mqci_queue_close(&to);
	done();
}
END_TEST

static atomic_bool told;

static void *interrupt_until_told(void *data)
{
	pthread_t *thread = data;

	/* It may not be there yet: then the signal does nothing. */
	while (!atomic_load(&told)) {
		support_sleep_ms(10);
		(void)pthread_kill(*thread, SIGUSR1);
	}
	return NULL;
}

START_TEST(a_signal_lets_a_receiver_look_around)
{
	const struct sigaction action = {.sa_handler = ignore};
	pthread_t self = pthread_self(), thread;
	char buffer[16];

	create(1, 16);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_until_told, &self), 0);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 0);
	atomic_store(&told, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	done();
}
END_TEST

START_TEST(a_receiver_that_never_blocks)
{
	char buffer[16];

	create(1, 16);
	support_ok(mqci_queue_never_block(&queue));
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 0);
	done();
}
END_TEST

START_TEST(an_empty_message_is_no_size)
{
	char buffer[16];
	size_t waiting;
	mqci_queue to;

	create(1, 16);
	to = sender();
	ck_assert_int_eq(mqci_queue_send(&to, "", 0, 0), 1);
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 0);
	support_ok(mqci_queue_waiting(&queue, &waiting));
	ck_assert_uint_eq(waiting, 0);
	mqci_queue_close(&to);
	done();
}
END_TEST

START_TEST(modes_defy_the_umask)
{
	static const mode_t modes[] = {0600, 0620, 0622};
	mode_t mode, before;
	uid_t uid;
	gid_t gid;

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		before = umask(0777);
		support_ok(mqci_queue_create(queue_name(), 1, 16, modes[i], &queue));
		(void)umask(before);
		support_ok(mqci_queue_owner(&queue, &uid, &gid, &mode));
		ck_assert_uint_eq(mode, modes[i]);
		ck_assert_uint_eq(uid, geteuid());
		ck_assert_uint_eq(gid, getegid());
		done();
	}
}
END_TEST

START_TEST(closing_keeps_messages)
{
	char buffer[16];
	mqci_queue to;

	create(1, 16);
	to = sender();
	ck_assert_int_eq(mqci_queue_send(&to, "kept", 4, 0), 1);
	mqci_queue_close(&to);
	mqci_queue_close(&queue);
	ck_assert(!mqci_queue_is_open(&queue));
	mqci_queue_close(&queue);
	support_ok(mqci_queue_open(queue_name(), MQCI_RECEIVE, &queue));
	ck_assert_int_eq(mqci_queue_receive(&queue, buffer, sizeof buffer), 4);
	done();
}
END_TEST

START_TEST(unlinking)
{
	create(1, 16);
	ck_assert(mqci_queue_unlink(queue_name()));
	ck_assert(!mqci_queue_unlink(queue_name()));
	support_fails(mqci_queue_open(queue_name(), MQCI_SEND, &queue), MQC_NOT_FOUND);
	mqci_queue_close(&queue);
}
END_TEST

START_TEST(descriptors_end_at_exec)
{
	create(1, 16);
	ck_assert_int_ne(fcntl((int)queue.descriptor, F_GETFD) & FD_CLOEXEC, 0);
	done();
}
END_TEST

START_TEST(limits_are_stock_at_most)
{
	size_t messages = 0, size = 0;

	mqci_queue_limits(&messages, &size);
	ck_assert_uint_ge(messages, 1);
	ck_assert_uint_le(messages, 10);
	ck_assert_uint_ge(size, 128);
	ck_assert_uint_le(size, 8192);
	create(messages, size);
	done();
}
END_TEST

/* -------------------------------------------------------------- refusals -- */

/* Create one, as a child does: refused with `status`; `first` and `second` are in the text. */
struct refusal {
	size_t messages;
	size_t size;
	int resource;
	rlim_t limit;
	int error;
	const char *first, *second;
};

/* The soft limit alone: valgrind keeps the hard one of descriptors for itself. */
static int lower_limit(int resource, rlim_t to)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -1;
	limit.rlim_cur = to;
	return setrlimit(resource, &limit);
}

static int create_under_limit(void *data)
{
	const struct refusal *refusal = data;
	const mqc_error *error = mqc_error_last();
	mqci_queue none = MQCI_QUEUE_CLOSED;
	int r;

	if (lower_limit(refusal->resource, refusal->limit) < 0)
		return 10;
	r = mqci_queue_create(queue_name(), refusal->messages, refusal->size, 0600, &none);
	if (r != MQC_RESOURCE_EXHAUSTED || mqci_queue_is_open(&none))
		return 11;
	if (error->system_errno != refusal->error || error->status != r)
		return 12;
	if (strstr(error->text, queue_name()) == NULL ||
	    strstr(error->text, refusal->first) == NULL ||
	    strstr(error->text, refusal->second) == NULL) {
		printf("the text is: %s\n", error->text);
		return 13;
	}
	return 0;
}

START_TEST(over_the_quota)
{
	struct refusal refusal = {
		.messages = 10,
		.size = 8192,
		.resource = RLIMIT_MSGQUEUE,
		.limit = 8192,
		.error = EMFILE,
		.first = "RLIMIT_MSGQUEUE, 8192 bytes",
		.second = "ulimit -q",
	};

	ck_assert_int_eq(support_in_child(create_under_limit, &refusal), 0);
	ck_assert(!support_queue_exists(queue_name()));
}
END_TEST

START_TEST(no_descriptor_left_to_create)
{
	struct refusal refusal = {
		.messages = 1,
		.size = 16,
		.resource = RLIMIT_NOFILE,
		.limit = 3,
		.error = EMFILE,
		.first = "no file descriptor left",
		.second = "ulimit -n",
	};

	if (support_skip_scarcity())
		return;
	ck_assert_int_eq(support_in_child(create_under_limit, &refusal), 0);
	ck_assert(!support_queue_exists(queue_name()));
}
END_TEST

static int open_without_descriptors(void *unused)
{
	mqci_queue none = MQCI_QUEUE_CLOSED;

	(void)unused;
	if (lower_limit(RLIMIT_NOFILE, 3) < 0)
		return 10;
	if (mqci_queue_open(queue_name(), MQCI_SEND, &none) != MQC_RESOURCE_EXHAUSTED)
		return 11;
	return strstr(mqc_error_last()->text, "ulimit -n") != NULL ? 0 : 12;
}

START_TEST(no_descriptor_left_to_open)
{
	create(1, 16);
	ck_assert_int_eq(support_in_child(open_without_descriptors, NULL), 0);
	done();
}
END_TEST

START_TEST(sizes_that_no_system_allows)
{
	/* HARD_MSGMAX and HARD_MSGSIZEMAX of the kernel bind root too. */
	support_fails(mqci_queue_create(queue_name(), 65537, 16, 0600, &queue),
		      MQC_INVALID_ARGUMENT);
	support_error_has("fs.mqueue.msg_max");
	ck_assert_int_eq(mqc_error_last()->system_errno, EINVAL);
	support_fails(mqci_queue_create(queue_name(), 1, 16 * 1024 * 1024 + 1, 0600, &queue),
		      MQC_INVALID_ARGUMENT);
	support_error_has("fs.mqueue.msgsize_max");
	support_fails(mqci_queue_create(queue_name(), 0, 16, 0600, &queue), MQC_INVALID_ARGUMENT);
	ck_assert(!support_queue_exists(queue_name()));
}
END_TEST

START_TEST(it_exists_already)
{
	mqci_queue second = MQCI_QUEUE_CLOSED;

	create(1, 16);
	support_fails(mqci_queue_create(queue_name(), 1, 16, 0600, &second), MQC_ALREADY_EXISTS);
	support_error_has(queue_name());
	ck_assert(!mqci_queue_is_open(&second));
	done();
}
END_TEST

START_TEST(it_is_missing)
{
	mqci_queue none = MQCI_QUEUE_CLOSED;

	support_fails(mqci_queue_open(queue_name(), MQCI_SEND, &none), MQC_NOT_FOUND);
	support_error_has(queue_name());
	ck_assert_int_eq(mqc_error_last()->system_errno, ENOENT);
	support_fails(mqci_queue_open(queue_name(), MQCI_RECEIVE, &none), MQC_NOT_FOUND);
	ck_assert(!mqci_queue_is_open(&none));
}
END_TEST

/* In a child: stop being root, if we are. */
static int open_as_nobody(void *unused)
{
	mqci_queue none = MQCI_QUEUE_CLOSED;

	(void)unused;
	if (geteuid() == 0 && setuid(65534) < 0)
		return 77;
	if (mqci_queue_open(queue_name(), MQCI_RECEIVE, &none) != MQC_PERMISSION_DENIED)
		return 11;
	return mqci_queue_is_open(&none) ? 12 : 0;
}

START_TEST(its_owner_lets_nobody_in)
{
	int status;

	support_ok(mqci_queue_create(queue_name(), 1, 16, 0, &queue));
	status = support_in_child(open_as_nobody, NULL);
	if (status == 77)
		support_skip("root here cannot become another user");
	else
		ck_assert_int_eq(status, 0);
	done();
}
END_TEST

START_TEST(messages_too_long)
{
	char message[17] = {0}, small[8];
	mqci_queue to;

	create(1, 16);
	to = sender();
	support_fails(mqci_queue_send(&to, message, sizeof message, 0), MQC_RESOURCE_EXHAUSTED);
	support_error_has("17 bytes");
	support_error_has(queue_name());
	ck_assert_int_eq(mqc_error_last()->system_errno, EMSGSIZE);
	ck_assert_int_eq(mqci_queue_send(&to, message, 16, 0), 1);

	/* A buffer that is too small loses nothing. */
	support_fails((int)mqci_queue_receive(&queue, small, sizeof small), MQC_INTERNAL);
	ck_assert_int_eq(mqci_queue_receive(&queue, message, sizeof message), 16);
	mqci_queue_close(&to);
	done();
}
END_TEST

START_TEST(used_the_wrong_way)
{
	char buffer[16];
	size_t waiting;
	mqci_queue to;
	mode_t mode;
	uid_t uid;
	gid_t gid;

	create(1, 16);
	to = sender();
	support_fails(mqci_queue_send(&queue, "x", 1, 0), MQC_INTERNAL);
	support_error_has(queue_name());
	support_fails((int)mqci_queue_receive(&to, buffer, sizeof buffer), MQC_INTERNAL);
	mqci_queue_close(&to);
	support_fails(mqci_queue_send(&to, "x", 1, 0), MQC_INTERNAL);
	support_fails(mqci_queue_waiting(&to, &waiting), MQC_INTERNAL);
	support_fails(mqci_queue_owner(&to, &uid, &gid, &mode), MQC_INTERNAL);
	support_fails(mqci_queue_never_block(&to), MQC_INTERNAL);
	done();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue");
	TCase *tests;

	tests = support_case(suite, "use");
	tcase_add_test(tests, create_open_send_receive);
	tcase_add_test(tests, urgent_messages_first);
	tcase_add_test(tests, counts_what_waits);
	tcase_add_test(tests, full_queue);
	tcase_add_test(tests, a_place_is_for_one_of_those_who_wait);
	tcase_add_test(tests, room_comes_while_one_waits);
	tcase_add_test(tests, signals_do_not_cut_the_wait_for_room_short);
	tcase_add_test(tests, a_signal_lets_a_receiver_look_around);
	tcase_add_test(tests, a_receiver_that_never_blocks);
	tcase_add_test(tests, an_empty_message_is_no_size);
	tcase_add_test(tests, modes_defy_the_umask);
	tcase_add_test(tests, closing_keeps_messages);
	tcase_add_test(tests, unlinking);
	tcase_add_test(tests, descriptors_end_at_exec);
	tcase_add_test(tests, limits_are_stock_at_most);

	tests = support_case(suite, "refusals");
	tcase_add_test(tests, over_the_quota);
	tcase_add_test(tests, no_descriptor_left_to_create);
	tcase_add_test(tests, no_descriptor_left_to_open);
	tcase_add_test(tests, sizes_that_no_system_allows);
	tcase_add_test(tests, it_exists_already);
	tcase_add_test(tests, it_is_missing);
	tcase_add_test(tests, its_owner_lets_nobody_in);
	tcase_add_test(tests, messages_too_long);
	tcase_add_test(tests, used_the_wrong_way);
	return support_run(suite);
}
