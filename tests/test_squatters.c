/*
 * test_squatters.c - names that somebody else has taken first.
 *
 * The folders of queues and of shared memory are open to all, and the names are
 * no secret. Whoever finds a name taken goes on with another one, where there
 * is a choice; else he is refused, and told whose it is.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"
#include "people.h"
#include "queue.h"

static const char *endpoint;
static struct person owner, squatter;

static void begin(void)
{
	owner = person(0);
	squatter = person(1);
	endpoint = support_endpoint();
}

static void error_names_squatter(void)
{
	char uid[32];

	(void)snprintf(uid, sizeof uid, "uid %ld", (long)squatter.uid);
	support_error_has(uid);
}

/* ----------------------------------------------------- what one can make -- */

enum kind {
	A_FILE,
	AN_OPEN_FILE,
	A_SYMLINK,
	A_FIFO,
	A_DIRECTORY,
	KINDS
};

/* A file of somebody's, to which a symbolic link leads, and that must stay as it is. */
#define PRECIOUS "/dev/shm/mqcall-test-precious"

static void make(const char *path, enum kind kind)
{
	int fd = -1;

	switch (kind) {
	case A_FILE:
	case AN_OPEN_FILE:
		fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fchmod(fd, kind == A_FILE ? 0600 : 0666), 0);
		(void)close(fd);
		break;
	case A_SYMLINK:
		ck_assert_int_eq(symlink(PRECIOUS, path), 0);
		break;
	case A_FIFO:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		ck_assert_int_eq(chmod(path, 0666), 0);
		break;
	default:
		ck_assert_int_eq(mkdir(path, 0755), 0);
		break;
	}
	ck_assert_int_eq(lchown(path, squatter.uid, squatter.gid), 0);
}

static void begin_precious(void)
{
	int fd = open(PRECIOUS, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchown(fd, owner.uid, owner.gid), 0);
	(void)close(fd);
}

static void end_precious(void)
{
	struct stat status;

	ck_assert_int_eq(stat(PRECIOUS, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	ck_assert_int_eq(status.st_mode & 0777, 0600);
	ck_assert_int_eq(unlink(PRECIOUS), 0);
}

/* ---------------------------------------------------------------- servers -- */

static int is_refused(void *unused)
{
	mqc_server *server = NULL;

	(void)unused;
	support_fails(mqc_server_open(endpoint, NULL, &server), MQC_PERMISSION_DENIED);
	error_names_squatter();
	ck_assert_ptr_null(server);
	return 0;
}

START_TEST(a_record)
{
	char path[MQCI_NAME_SIZE + 16];

	begin();
	begin_precious();
	(void)snprintf(path, sizeof path, "/dev/shm%s", support_queue_name(endpoint));
	for (int kind = 0; kind < KINDS; kind++) {
		make(path, (enum kind)kind);
		ck_assert_int_eq(person_does(&owner, is_refused, NULL), 0);
		ck_assert_int_eq(remove(path), 0);
	}
	end_precious();
}
END_TEST

/* A queue of the squatter's, which is all that can be there, open to whom he likes. */
static void make_queue(const char *name, mode_t mode)
{
	struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 1024};
	mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDONLY, 0600, &attributes);

	ck_assert_int_ge(queue, 0);
	ck_assert_int_eq(fchmod(queue, mode), 0);
	ck_assert_int_eq(fchown(queue, squatter.uid, squatter.gid), 0);
	(void)mq_close(queue);
}

static int is_refused_a_queue(void *readable)
{
	mqc_server *server = NULL;
	mqc_client *client = NULL;

	support_fails(mqc_server_open(endpoint, NULL, &server), MQC_PERMISSION_DENIED);
	support_error_has(support_queue_name(endpoint));
	/* The kernel tells whose it is to those who may open it. */
	if (readable != NULL)
		error_names_squatter();
	else
		support_error_has("another user");
	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_PERMISSION_DENIED);
	return 0;
}

START_TEST(a_request_queue)
{
	int readable = 1;

	begin();
	make_queue(support_queue_name(endpoint), 0600);
	ck_assert_int_eq(person_does(&owner, is_refused_a_queue, NULL), 0);
	ck_assert(mqci_queue_unlink(support_queue_name(endpoint)));
	make_queue(support_queue_name(endpoint), 0666);
	ck_assert_int_eq(person_does(&owner, is_refused_a_queue, &readable), 0);
	ck_assert(mqci_queue_unlink(support_queue_name(endpoint)));
}
END_TEST

#define LANE 2

static int adds_a_lane(void *readable)
{
	mqc_server *server = NULL;
	mqc_method methods[THINGS_METHODS];
	mqc_service service = things_service;

	memcpy(methods, things_methods, sizeof methods);
	methods[THINGS_PID].lane = LANE;
	service.methods = methods;
	support_ok(mqc_server_open(endpoint, NULL, &server));
	support_fails(mqc_server_add(server, &service, things_dispatch, NULL, NULL),
		      MQC_PERMISSION_DENIED);
	if (readable != NULL)
		error_names_squatter();
	else
		support_error_has("another user");
	mqc_server_close(server);
	return 0;
}

START_TEST(a_lane)
{
	char name[MQCI_NAME_SIZE];
	int readable = 1;

	begin();
	mqci_name_lane(endpoint, LANE, name);
	make_queue(name, 0600);
	ck_assert_int_eq(person_does(&owner, adds_a_lane, NULL), 0);
	ck_assert(mqci_queue_unlink(name));
	make_queue(name, 0644);
	ck_assert_int_eq(person_does(&owner, adds_a_lane, &readable), 0);
	ck_assert(mqci_queue_unlink(name));
}
END_TEST

/* ------------------------------------------- names with a number in them -- */

static int told[2], go[2];

static int await_squats(void)
{
	uint64_t process;
	char byte;

	support_ok(mqci_process_self(&process));
	return write(told[1], &process, sizeof process) == sizeof process &&
	       read(go[0], &byte, 1) == 1;
}

/* Serve and call in one process, once its names are squatted. */
static int goes_on(void *unused)
{
	mqc_client *client = NULL;
	struct host host;
	int64_t sum;

	(void)unused;
	if (!await_squats())
		return 1;
	host_start(&host, endpoint, NULL);
	support_ok(mqc_client_open(endpoint, NULL, &client));
	support_ok(things_add(client, 1, 2, &sum));
	mqc_client_close(client);
	host_stop(&host);
	return 0;
}

static int opens_in_vain(void *unused)
{
	mqc_client *client = NULL;

	(void)unused;
	if (!await_squats())
		return 1;
	support_fails(mqc_client_open(endpoint, NULL, &client), MQC_RESOURCE_EXHAUSTED);
	error_names_squatter();
	return 0;
}

static int serves_in_vain(void *unused)
{
	mqc_server *server = NULL;

	(void)unused;
	if (!await_squats())
		return 1;
	support_fails(mqc_server_open(endpoint, NULL, &server), MQC_RESOURCE_EXHAUSTED);
	error_names_squatter();
	return 0;
}

static void squat(uint64_t party, bool of_server, bool as_queue, enum kind kind)
{
	char name[MQCI_NAME_SIZE], path[MQCI_NAME_SIZE + 16];

	if (of_server)
		mqci_name_presence(endpoint, party, name);
	else
		mqci_name_replies(party, name);
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	if (as_queue)
		make_queue(name, 0666);
	else
		make(path, kind);
}

static void remove_squat(uint64_t party, bool of_server)
{
	char name[MQCI_NAME_SIZE], path[MQCI_NAME_SIZE + 16];

	if (of_server)
		mqci_name_presence(endpoint, party, name);
	else
		mqci_name_replies(party, name);
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	(void)remove(path);
	(void)mqci_queue_unlink(name);
}

/* A process of the owner's, and who it is. */
static pid_t begin_process(int (*body)(void *data), uint64_t *ret_process)
{
	pid_t pid;

	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	pid = person_begins(&owner, body, NULL);
	ck_assert_int_eq(read(told[0], ret_process, sizeof *ret_process), sizeof *ret_process);
	return pid;
}

static void end_process(pid_t pid)
{
	ck_assert_int_eq(write(go[1], "g", 1), 1);
	ck_assert_int_eq(person_waits(pid), 0);
	for (int i = 0; i < 2; i++) {
		(void)close(told[i]);
		(void)close(go[i]);
	}
}

/* The first ones, of all kinds: there are others. */
START_TEST(some_names_of_a_process)
{
	uint64_t process;
	pid_t pid;

	begin();
	begin_precious();
	pid = begin_process(goes_on, &process);
	for (unsigned n = 0; n < KINDS; n++) {
		squat(mqci_party_make(process, n), true, false, (enum kind)n);
		squat(mqci_party_make(process, n), false, false, (enum kind)n);
	}
	squat(mqci_party_make(process, KINDS), false, true, A_FILE);
	end_process(pid);
	for (unsigned n = 0; n <= KINDS; n++) {
		remove_squat(mqci_party_make(process, n), true);
		remove_squat(mqci_party_make(process, n), false);
	}
	end_precious();
}
END_TEST

static void squat_all(int (*body)(void *data), bool of_server)
{
	uint64_t process;
	pid_t pid;

	pid = begin_process(body, &process);
	for (unsigned n = 0; n < MQCI_PARTIES_MAX; n++)
		squat(mqci_party_make(process, n), of_server, false, A_FILE);
	end_process(pid);
	for (unsigned n = 0; n < MQCI_PARTIES_MAX; n++)
		remove_squat(mqci_party_make(process, n), of_server);
}

START_TEST(all_names_of_a_process)
{
	struct peer server;

	begin();
	squat_all(serves_in_vain, true);
	server = person_serves(&owner, endpoint, NULL);
	squat_all(opens_in_vain, false);
	peer_stop(&server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("squatters");
	TCase *tests = support_case(suite, "squatters");

	if (!people_possible())
		return 77;
	tcase_add_test(tests, a_record);
	tcase_add_test(tests, a_request_queue);
	tcase_add_test(tests, a_lane);
	tcase_add_test(tests, some_names_of_a_process);
	tcase_add_test(tests, all_names_of_a_process);
	return support_run(suite);
}
