/*
 * test_unruly.c - clients that behave as badly as they can harm nobody else.
 *
 * All of it happens at a public endpoint, the unruly being of another user than
 * the server, and than the one who calls meanwhile and must be answered.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "client.h"
#include "forge.h"
#include "people.h"

static const char *endpoint;
static struct person owner, intruder, victim;
static struct peer server;
static struct caller caller;

static void begin(void)
{
	const mqc_server_options options = {.access = MQC_ACCESS_PUBLIC, .threads = 2};

	owner = person(0);
	intruder = person(1);
	victim = person(3);
	endpoint = support_endpoint();
	server = person_serves(&owner, endpoint, &options);
	caller = caller_start(&victim, endpoint, NULL);
}

/* The well-behaved one is answered, each time. */
static void check_caller(int calls)
{
	for (int i = 0; i < calls; i++) {
		ck_assert_int_eq(caller_gets(&caller, THINGS_PID, 0), server.pid);
		ck_assert_int_eq(caller_gets(&caller, THINGS_PEER, 0), victim.uid);
	}
}

static void end(void)
{
	check_caller(20);
	caller_end(&caller);
	peer_stop(&server);
}

static int sweep(void *unused)
{
	(void)unused;
	mqci_arena_sweep();
	return 0;
}

static void kill_intruder(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(person_waits(pid), 128 + SIGKILL);
	/* The server may not remove what is another user's. */
	ck_assert_int_eq(person_does(&intruder, sweep, NULL), 0);
}

/* ----------------------------------------------------------------- floods -- */

static int told[2];

/* A forger of the intruder's tells its session; its queue is found by nobody else. */
static void join(struct forger *forger)
{
	forger_join(forger, endpoint, 900, 1);
	ck_assert_int_eq(write(told[1], &forger->session, sizeof forger->session),
			 sizeof forger->session);
}

static pid_t begin_forging(int (*body)(void *data))
{
	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	return person_begins(&intruder, body, NULL);
}

static void kill_forger(pid_t pid)
{
	char name[MQCI_NAME_SIZE];
	uint64_t session;

	ck_assert_int_eq(read(told[0], &session, sizeof session), sizeof session);
	kill_intruder(pid);
	mqci_name_replies(session, name);
	ck_assert(mqci_queue_unlink(name));
	(void)close(told[0]);
	(void)close(told[1]);
}

static mqci_frame request_of(const struct forger *forger, int method, const uint8_t *payload,
			     size_t size)
{
	return (mqci_frame){
		.type = MQCI_REQUEST,
		.session = forger->session,
		.key = forger->key,
		.call = 0x10000,
		.code = things_methods[method].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = size,
	};
}

/* Until killed: send whatever the queue takes, of the highest priority, and read nothing. */
static int flood(void *unused)
{
	uint8_t payload[16], message[1024];
	struct forger forger;
	unsigned seed = 11;
	mqci_frame frame;
	size_t size;

	(void)unused;
	join(&forger);
	for (;;) {
		frame = request_of(&forger, THINGS_COUNT, payload, forger_number(1, payload));
		switch (rand_r(&seed) % 4) {
		case 0:
			frame.key = (uint64_t)rand_r(&seed);
			break;
		case 1:
			frame.type = MQCI_HELLO;
			break;
		default:
			break;
		}
		size = mqci_frame_encode(&frame, message);
		if (rand_r(&seed) % 8 == 0)
			size = (size_t)rand_r(&seed) % sizeof message;
		while (mqci_queue_send(&forger.requests, message, size, 31) == 0)
			support_sleep_ms(1);
	}
	return 0;
}

START_TEST(floods_the_queue)
{
	pid_t pid;

	begin();
	pid = begin_forging(flood);
	support_sleep_ms(100);
	check_caller(100);
	kill_forger(pid);
	end();
}
END_TEST

/* ---------------------------------------------------------------- replies -- */

/* Ask for more than anybody keeps for one who does not read it. */
static int never_read(void *unused)
{
	uint8_t payload[16];
	struct forger forger;

	(void)unused;
	join(&forger);
	for (int i = 0; i < 3000; i++)
		forger_send(&forger,
			    request_of(&forger, THINGS_GROW, payload, forger_number(900, payload)));
	/* It lives on, and still reads nothing. */
	(void)pause();
	return 0;
}

static long memory_of(pid_t pid)
{
	char path[64];
	long pages = 0;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d %ld", &pages), 1);
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

START_TEST(never_reads_its_replies)
{
	long before;
	pid_t pid;

	begin();
	check_caller(20);
	before = memory_of(server.pid);
	pid = begin_forging(never_read);
	for (int i = 0; i < 20; i++) {
		check_caller(10);
		support_sleep_ms(20);
	}
	/* What is kept, and a little besides; a sanitizer takes its own. */
	ck_assert_int_lt(memory_of(server.pid) - before, 48L << 20);
	kill_forger(pid);
	end();
}
END_TEST

/* ---------------------------------------------------------- shared memory -- */

/* Servers of this user have it mapped: to cut it is to kill them. */
static bool is_owners;

static void *change_memory(void *data)
{
	const mqci_arena *arena = &((mqc_client *)data)->arena;
	const int fd = arena->segment.fd;
	unsigned seed = 5;
	struct stat status;
	uint8_t bytes[4096];

	ck_assert_int_eq(fstat(fd, &status), 0);
	for (;;) {
		switch (is_owners ? 2 : rand_r(&seed) % 4) {
		case 0:
			(void)!ftruncate(fd, rand_r(&seed) % status.st_size);
			break;
		case 1:
			(void)!ftruncate(fd, status.st_size);
			break;
		default:
			for (size_t i = 0; i < sizeof bytes; i++)
				bytes[i] = (uint8_t)rand_r(&seed);
			(void)!pwrite(fd, bytes, sizeof bytes, rand_r(&seed) % (1 << 20));
			break;
		}
	}
	return NULL;
}

/* Call with large payloads while the memory that they lie in is cut, and changed; until killed. */
static int cut_memory(void *unused)
{
	const mqc_client_options options = {.timeout_ms = 20};
	mqc_client *client = NULL;
	char *text = malloc(200001), *back;
	pthread_t thread;

	(void)unused;
	ck_assert_ptr_nonnull(text);
	memset(text, 'c', 200000);
	text[200000] = '\0';
	support_ok(mqc_client_open(endpoint, &options, &client));
	ck_assert_int_eq(pthread_create(&thread, NULL, change_memory, client), 0);
	for (;;)
		if (things_echo(client, text, &back) == MQC_OK)
			free(back);
	return 0;
}

/* One of the server's own user, whose payloads are read where they lie. */
static int spoil_memory(void *unused)
{
	is_owners = true;
	return cut_memory(unused);
}

START_TEST(changes_its_memory)
{
	pid_t pid;

	begin();
	pid = person_begins(&owner, spoil_memory, NULL);
	for (int i = 0; i < 30; i++) {
		check_caller(10);
		support_sleep_ms(20);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(person_waits(pid), 128 + SIGKILL);
	ck_assert_int_eq(person_does(&owner, sweep, NULL), 0);
	end();
}
END_TEST

START_TEST(cuts_its_memory)
{
	pid_t pid;

	begin();
	pid = person_begins(&intruder, cut_memory, NULL);
	for (int i = 0; i < 30; i++) {
		check_caller(10);
		support_sleep_ms(20);
	}
	/* It may have hurt itself. */
	(void)kill(pid, SIGKILL);
	(void)person_waits(pid);
	ck_assert_int_eq(person_does(&intruder, sweep, NULL), 0);
	end();
}
END_TEST

/* ------------------------------------------------------------------ deaths -- */

/* Open, call in all ways, close, again and again; until killed. */
static int hurry(void *unused)
{
	static char text[60001];
	mqc_client *client = NULL;
	char *back;

	(void)unused;
	memset(text, 'h', sizeof text - 1);
	for (;;) {
		if (mqc_client_open(endpoint, NULL, &client) < 0)
			continue;
		(void)things_call(client, THINGS_COUNT, 0, 1, NULL);
		(void)things_call(client, THINGS_NOTE, 0, 1, NULL);
		(void)things_call(client, THINGS_DEFER, 0, 1, NULL);
		(void)things_call(client, THINGS_UNTIL, 1, 1, NULL);
		if (things_echo(client, text, &back) == MQC_OK)
			free(back);
		mqc_client_close(client);
	}
	return 0;
}

START_TEST(dies_in_the_middle)
{
	pid_t pid;

	begin();
	for (int i = 0; i < 30; i++) {
		pid = person_begins(&intruder, hurry, NULL);
		check_caller(2);
		support_sleep_ms(5 + i % 7 * 3);
		kill_intruder(pid);
	}
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unruly clients");
	TCase *tests = support_case(suite, "unruly");

	if (!people_possible())
		return 77;
	tcase_add_test(tests, floods_the_queue);
	tcase_add_test(tests, never_reads_its_replies);
	tcase_add_test(tests, changes_its_memory);
	tcase_add_test(tests, cuts_its_memory);
	tcase_add_test(tests, dies_in_the_middle);
	return support_run(suite);
}
