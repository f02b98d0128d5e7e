/*
 * check_arena.c - tests of lib/arena.h: a client's shared memory, and what it proves.
 *
 * Clients are processes of their own where it matters which process they are.
 */
#include "arena.h"

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

#define SLOTS 4
#define REGION ((size_t)1 << 20)
#define NONCE UINT64_C(0x1234567890)
#define QUEUE 77
#define CALL(serial, slot) ((uint64_t)(serial) << 16 | (slot))

static uint64_t own_session(unsigned number)
{
	uint64_t process;

	support_ok(mqci_process_self(&process));
	return mqci_party_make(process, number);
}

static const char *path_of(uint64_t session)
{
	static char path[MQCI_NAME_SIZE + 16];
	char name[MQCI_NAME_SIZE];

	mqci_name_replies(session, name);
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	return path;
}

static bool exists(uint64_t session)
{
	return access(path_of(session), F_OK) == 0;
}

/* A client of this process, whose server is `server_uid`. */
static mqci_arena open_arena(unsigned number, uid_t server_uid)
{
	mqci_arena arena = MQCI_ARENA_CLOSED;

	support_ok(mqci_arena_create(own_session(number), SLOTS, REGION, server_uid, &arena));
	return arena;
}

static void close_arena(mqci_arena *arena)
{
	mqci_arena_unlink(arena);
	mqci_arena_close(arena);
	mqci_arena_close(arena);
}

/* --------------------------------------------------- another process -- */

/* A client in a child, that does what it is told to, and ends when it is told no more. */
struct other {
	pid_t pid;
	uint64_t session;
	int orders, done;
};

enum order {
	HELLO = 1,
	NO_HELLO,
	GIVE_UP,
	CUT,
	SPOIL,
	UNLOCK
};

static void obey(const mqci_arena *arena, char order)
{
	switch (order) {
	case HELLO:
		support_ok(mqci_arena_say_hello(arena, NONCE, QUEUE));
		break;
	case NO_HELLO:
		support_ok(mqci_arena_say_hello(arena, 0, QUEUE));
		break;
	case GIVE_UP:
		mqci_arena_give_up(arena, CALL(7, 2));
		break;
	case CUT:
		ck_assert_int_eq(ftruncate(arena->segment.fd, 0), 0);
		break;
	case SPOIL:
		support_ok(mqci_segment_put(&arena->segment, 0, "garbage!", 8));
		break;
	case UNLOCK:
		(void)close(open(path_of(arena->session), O_RDONLY));
		break;
	default:
		break;
	}
}

static void live(uid_t uid, uid_t server_uid, int orders, int done)
{
	char name[MQCI_NAME_SIZE], order = 0;
	mqci_queue replies;
	mqci_arena arena;

	if (setresuid(uid, uid, uid) < 0)
		_exit(77);
	arena = open_arena(3, server_uid);
	mqci_name_replies(arena.session, name);
	support_ok(mqci_queue_create(name, 1, 64, 0600, &replies));
	(void)!write(done, &arena.session, sizeof arena.session);
	while (read(orders, &order, 1) == 1) {
		obey(&arena, order);
		(void)!write(done, &order, 1);
	}
	_exit(0);
}

static struct other start_other(uid_t uid, uid_t server_uid)
{
	int orders[2], done[2];
	struct other other;

	ck_assert_int_eq(pipe2(orders, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(done, O_CLOEXEC), 0);
	other.pid = fork();
	ck_assert_int_ge(other.pid, 0);
	if (other.pid == 0) {
		(void)close(orders[1]);
		(void)close(done[0]);
		live(uid, server_uid, orders[0], done[1]);
	}
	(void)close(orders[0]);
	(void)close(done[1]);
	other.orders = orders[1];
	other.done = done[0];
	ck_assert_int_eq(read(other.done, &other.session, sizeof other.session),
			 sizeof other.session);
	return other;
}

static void tell(const struct other *other, enum order order)
{
	char byte = (char)order;

	ck_assert_int_eq(write(other->orders, &byte, 1), 1);
	ck_assert_int_eq(read(other->done, &byte, 1), 1);
}

/* Kill it; what it made stays. */
static void kill_other(struct other *other)
{
	ck_assert_int_eq(kill(other->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other->pid, NULL, 0), other->pid);
	(void)close(other->orders);
	(void)close(other->done);
}

static void remove_leftovers(uint64_t session)
{
	char name[MQCI_NAME_SIZE];

	mqci_name_replies(session, name);
	(void)mqci_queue_unlink(name);
	mqci_segment_unlink(name);
}

static void remove_other(struct other *other)
{
	kill_other(other);
	remove_leftovers(other->session);
}

static bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	support_skip("only root can be another user");
	return false;
}

/* ------------------------------------------------------------- clients -- */

START_TEST(it_is_there_while_the_client_is)
{
	mqci_arena arena = open_arena(1, geteuid());
	struct stat status;

	ck_assert_int_eq(stat(path_of(arena.session), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	/* What has not been used takes no memory. */
	ck_assert_int_gt(status.st_size, (off_t)(2 * SLOTS * REGION));
	ck_assert_int_le(status.st_blocks, 16);
	ck_assert(arena.in_place);
	close_arena(&arena);
	ck_assert(!exists(own_session(1)));
}
END_TEST

START_TEST(a_number_is_taken_once)
{
	mqci_arena arena = open_arena(1, geteuid()), second = MQCI_ARENA_CLOSED;
	mqci_arena_view view;
	int fd;

	support_fails(mqci_arena_create(arena.session, SLOTS, 0, geteuid(), &second),
		      MQC_ALREADY_EXISTS);
	/* As long as a server of this process looks at it, too. */
	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	close_arena(&arena);
	support_fails(mqci_arena_create(own_session(1), SLOTS, 0, geteuid(), &second),
		      MQC_ALREADY_EXISTS);
	mqci_arena_view_close(&view);

	/* Or if somebody has put something there. */
	fd = open(path_of(own_session(1)), O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	support_fails(mqci_arena_create(own_session(1), SLOTS, 0, geteuid(), &second),
		      MQC_ALREADY_EXISTS);
	ck_assert_int_eq(second.segment.fd, -1);
	ck_assert_int_eq(unlink(path_of(own_session(1))), 0);
	second = open_arena(1, geteuid());
	close_arena(&second);
}
END_TEST

START_TEST(regions_do_not_meet)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	mqci_arena arena = open_arena(1, geteuid());
	uint64_t before = 0;

	/* Nor do those of slots whose regions were abandoned meet others, old or new. */
	for (int round = 0; round < 20; round++)
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			uint64_t place = mqci_arena_place(&arena, slot);

			ck_assert_uint_eq(place % page, 0);
			ck_assert_uint_ge(place, before == 0 ? page : before + 2 * REGION);
			before = place;
			mqci_arena_abandon(&arena, slot, false);
			ck_assert_uint_gt(mqci_arena_place(&arena, slot), place);
		}
	ck_assert_uint_eq(mqci_arena_place(&arena, SLOTS), 0);
	close_arena(&arena);
}
END_TEST

START_TEST(there_may_be_no_regions)
{
	mqci_arena arena;
	mqci_arena_view view;

	support_ok(mqci_arena_create(own_session(1), SLOTS, 0, geteuid(), &arena));
	ck_assert_uint_eq(mqci_arena_place(&arena, 0), 0);
	mqci_arena_abandon(&arena, 0, false);
	ck_assert_uint_eq(mqci_arena_place(&arena, 0), 0);
	mqci_arena_keep(&arena, 0);
	mqci_arena_rest(&arena, 0, 0);
	mqci_arena_lose(&arena, 0);
	mqci_arena_leave(&arena, 0);
	mqci_arena_give_up(&arena, CALL(1, 0));
	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	ck_assert(!mqci_arena_wants(&view, CALL(1, 0)));
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

/* Write a request, have the server echo it, and read the reply. */
static void echo(const mqci_arena *arena, const mqci_arena_view *view, unsigned slot, size_t size)
{
	uint64_t request = mqci_arena_place(arena, slot), reply = request + arena->region;
	uint8_t *bytes = malloc(size), *seen = malloc(size);

	ck_assert(bytes != NULL && seen != NULL);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + slot);
	support_ok(mqci_arena_put(arena, request, bytes, size));
	support_ok(mqci_arena_read(view, request, seen, size));
	ck_assert_mem_eq(bytes, seen, size);
	support_ok(mqci_arena_write(view, reply, seen, size));
	memset(seen, 0, size);
	support_ok(mqci_arena_get(arena, reply, seen, size));
	ck_assert_mem_eq(bytes, seen, size);
	free(bytes);
	free(seen);
}

START_TEST(payloads_both_ways)
{
	mqci_arena arena = open_arena(1, geteuid());
	mqci_arena_view view;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	ck_assert_int_eq(view.pid, getpid());
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		echo(&arena, &view, slot, 1);
		echo(&arena, &view, slot, 5000);
		echo(&arena, &view, slot, REGION);
	}
	mqci_arena_abandon(&arena, SLOTS - 1, false);
	echo(&arena, &view, SLOTS - 1, REGION);
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

/* The bytes of memory that the segment has. */
static size_t memory_of(const mqci_arena *arena)
{
	struct stat status;

	ck_assert_int_eq(fstat(arena->segment.fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

START_TEST(payloads_in_place)
{
	mqci_arena arena = open_arena(1, geteuid());
	const uint64_t call = CALL(9, 2), place = mqci_arena_place(&arena, 2);
	mqci_arena_view view;
	void *request, *reply;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	for (size_t size = 1; size < REGION; size *= 7) {
		support_ok(mqci_arena_request(&arena, place, size, &request));
		ck_assert_ptr_nonnull(request);
		memset(request, 'q', size);
		ck_assert_mem_eq(mqci_arena_look(&view, place, size), request, size);
		reply = mqci_arena_room(&view, call, place + arena.region, size);
		ck_assert_ptr_nonnull(reply);
		memset(reply, 'p', size);
		ck_assert_mem_eq(mqci_arena_reply(&arena, place, size), reply, size);
		mqci_arena_rest(&arena, 2, place);
	}
	/* Regions that come later are seen as well. */
	mqci_arena_abandon(&arena, 2, false);
	ck_assert_uint_ne(mqci_arena_place(&arena, 2), place);
	support_ok(mqci_arena_request(&arena, mqci_arena_place(&arena, 2), 6, &request));
	memcpy(request, "hello", 6);
	ck_assert_str_eq(mqci_arena_look(&view, mqci_arena_place(&arena, 2), 6), "hello");
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

START_TEST(nothing_is_seen_beyond_the_end)
{
	mqci_arena arena = open_arena(1, geteuid());
	mqci_arena_view view;
	struct stat status;
	uint64_t end;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	ck_assert_int_eq(fstat(arena.segment.fd, &status), 0);
	end = (uint64_t)status.st_size;
	ck_assert_ptr_nonnull(mqci_arena_look(&view, end - 1, 1));
	ck_assert_ptr_null(mqci_arena_look(&view, end - 1, 2));
	ck_assert_ptr_null(mqci_arena_look(&view, end, 1));
	ck_assert_ptr_null(mqci_arena_look(&view, UINT64_MAX, 1));
	ck_assert_ptr_null(mqci_arena_look(&view, UINT64_MAX, SIZE_MAX));
	ck_assert_ptr_null(mqci_arena_look(&view, 8, SIZE_MAX));
	ck_assert_ptr_null(mqci_arena_room(&view, CALL(1, 1), end, 1));
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

START_TEST(memory_is_kept_for_the_next)
{
	mqci_arena arena = open_arena(1, geteuid());
	uint64_t place = mqci_arena_place(&arena, 1);
	size_t before = memory_of(&arena), used;
	mqci_arena_view view;
	void *memory;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	support_ok(mqci_arena_request(&arena, place, REGION, &memory));
	ck_assert_ptr_nonnull(mqci_arena_room(&view, CALL(1, 1), place + arena.region, REGION / 2));
	ck_assert_ptr_nonnull(mqci_arena_reply(&arena, place, REGION / 2));
	used = memory_of(&arena);
	ck_assert_uint_ge(used, before + REGION + REGION / 2);
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_eq(memory_of(&arena), used);

	/* As much as is wanted, of the request's before the reply's. */
	mqci_arena_keep(&arena, REGION + 4096);
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_le(memory_of(&arena), before + REGION + 2 * 4096);
	ck_assert_uint_ge(memory_of(&arena), before + REGION);
	mqci_arena_keep(&arena, 4096);
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_le(memory_of(&arena), before + 2 * 4096);

	/* And it is there again when it is needed. */
	support_ok(mqci_arena_request(&arena, place, REGION, &memory));
	memset(memory, 1, REGION);
	memory = mqci_arena_room(&view, CALL(2, 1), place + arena.region, REGION);
	ck_assert_ptr_nonnull(memory);
	memset(memory, 1, REGION);
	ck_assert_ptr_nonnull(mqci_arena_reply(&arena, place, REGION));
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_le(memory_of(&arena), before + 2 * 4096);
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

START_TEST(memory_that_was_copied_to_is_given_back)
{
	mqci_arena arena = open_arena(1, geteuid());
	uint64_t place = mqci_arena_place(&arena, 1);
	uint8_t *bytes = calloc(1, REGION);
	size_t before = memory_of(&arena);

	ck_assert_ptr_nonnull(bytes);
	mqci_arena_keep(&arena, 4096);
	support_ok(mqci_arena_put(&arena, place, bytes, REGION));
	support_ok(mqci_arena_put(&arena, place + arena.region, bytes, REGION));
	ck_assert_uint_ge(memory_of(&arena), before + 2 * REGION);
	support_ok(mqci_arena_get(&arena, place + arena.region, bytes, REGION));
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_le(memory_of(&arena), before + 4096);

	/* A reply that nobody reads. */
	support_ok(mqci_arena_put(&arena, place + arena.region, bytes, REGION));
	mqci_arena_drop(&arena, place, REGION);
	mqci_arena_rest(&arena, 1, place);
	ck_assert_uint_le(memory_of(&arena), before + 4096);
	free(bytes);
	close_arena(&arena);
}
END_TEST

START_TEST(what_is_lost_or_abandoned_has_no_memory)
{
	mqci_arena arena = open_arena(1, geteuid());
	size_t before = memory_of(&arena);
	mqci_arena_view view;
	uint64_t place;
	void *memory;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	for (int round = 0; round < 4; round++) {
		place = mqci_arena_place(&arena, 0);
		support_ok(mqci_arena_request(&arena, place, REGION, &memory));
		ck_assert_ptr_nonnull(
			mqci_arena_room(&view, CALL(1, 0), place + arena.region, REGION));
		switch (round) {
		case 0:
			mqci_arena_lose(&arena, 0);
			ck_assert_uint_eq(mqci_arena_place(&arena, 0), place);
			break;
		case 1:
			mqci_arena_abandon(&arena, 0, false);
			break;
		case 2:
			/* In the hands of somebody still, who may be reading. */
			mqci_arena_abandon(&arena, 0, true);
			ck_assert_uint_ge(memory_of(&arena), before + REGION);
			mqci_arena_leave(&arena, place);
			break;
		default:
			mqci_arena_leave(&arena, place);
			ck_assert_uint_ge(memory_of(&arena), before + REGION);
			mqci_arena_lose(&arena, 0);
			break;
		}
		ck_assert_uint_le(memory_of(&arena), before + 4096);
	}
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

/* Where there is a limit on files, regions are not as many as one may want. */
static int abandon_in_vain(void *unused)
{
	const struct rlimit limit = {2 * SLOTS * REGION + 65536, 2 * SLOTS * REGION + 65536};
	mqci_arena arena;

	(void)unused;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 10;
	arena = open_arena(1, geteuid());
	if (mqci_arena_place(&arena, 1) == 0)
		return 11;
	mqci_arena_abandon(&arena, 1, false);
	if (mqci_arena_place(&arena, 1) != 0 || mqci_arena_place(&arena, 0) == 0)
		return 12;
	mqci_arena_abandon(&arena, 1, false);
	mqci_arena_rest(&arena, 1, 0);
	mqci_arena_lose(&arena, 1);
	close_arena(&arena);
	return 0;
}

START_TEST(regions_run_out)
{
	ck_assert_int_eq(support_in_child(abandon_in_vain, NULL), 0);
}
END_TEST

/* What is mapped outlives the descriptor in a child, and ends with what it was mapped by. */
static int look_in_child(void *data)
{
	mqci_arena *arena = data;
	const char *reply;

	reply = mqci_arena_reply(arena, mqci_arena_place(arena, 0), 6);
	mqci_arena_disown(arena);
	if (strcmp(reply, "hello") != 0)
		return 10;
	mqci_arena_free(arena);
	mqci_arena_free(arena);
	return 0;
}

START_TEST(a_child_has_it_mapped)
{
	mqci_arena arena = open_arena(1, geteuid());

	support_ok(mqci_arena_put(&arena, mqci_arena_place(&arena, 0) + arena.region, "hello", 6));
	ck_assert_int_eq(support_in_child(look_in_child, &arena), 0);
	close_arena(&arena);
}
END_TEST

static int create_with_small_files(void *unused)
{
	const struct rlimit limit = {1 << 20, 1 << 20};
	mqci_arena arena;

	(void)unused;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 10;
	arena = open_arena(1, geteuid());
	if (mqci_arena_place(&arena, 0) != 0)
		return 11;
	support_ok(mqci_arena_say_hello(&arena, NONCE, QUEUE));
	close_arena(&arena);
	return 0;
}

/* A limit on files is none on clients, and no signal comes. */
START_TEST(files_may_not_be_large)
{
	ck_assert_int_eq(support_in_child(create_with_small_files, NULL), 0);
}
END_TEST

static int create_without_descriptors(void *unused)
{
	const struct rlimit limit = {3, 3};
	mqci_arena arena;

	(void)unused;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 10;
	if (mqci_arena_create(own_session(1), SLOTS, REGION, geteuid(), &arena) !=
	    MQC_RESOURCE_EXHAUSTED)
		return 11;
	return strstr(mqc_error_last()->text, "ulimit -n") == NULL ? 12 : 0;
}

START_TEST(no_descriptor_left)
{
	uint64_t process;

	/* Who asks the kernel for the time of its beginning needs one, too. */
	support_ok(mqci_process_self(&process));
	if (support_skip_scarcity())
		return;
	ck_assert_int_ne(support_in_child(create_without_descriptors, NULL), 12);
}
END_TEST

/* ------------------------------------------------------------- servers -- */

START_TEST(hellos)
{
	struct other other = start_other(geteuid(), geteuid());
	mqci_arena_view view;

	support_ok(mqci_arena_open(other.session, geteuid(), &view));
	ck_assert_int_eq(view.pid, other.pid);
	ck_assert(!mqci_arena_says_hello(&view, NONCE, QUEUE));
	ck_assert(!mqci_arena_says_hello(&view, 0, QUEUE));
	tell(&other, HELLO);
	ck_assert(mqci_arena_says_hello(&view, NONCE, QUEUE));
	ck_assert(!mqci_arena_says_hello(&view, NONCE + 1, QUEUE));
	ck_assert(!mqci_arena_says_hello(&view, NONCE, QUEUE + 1));
	ck_assert(!mqci_arena_says_hello(&view, 0, QUEUE));
	tell(&other, NO_HELLO);
	ck_assert(!mqci_arena_says_hello(&view, NONCE, QUEUE));
	mqci_arena_view_close(&view);
	mqci_arena_view_close(&view);
	remove_other(&other);
}
END_TEST

/* Others may be able to read what stands there, who must not learn the nonce. */
START_TEST(what_the_regions_are)
{
	mqci_arena arena = open_arena(1, geteuid());
	mqci_arena_view view;

	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	ck_assert_uint_ge(mqci_arena_region(&view), REGION);
	ck_assert_uint_eq(mqci_arena_region(&view), arena.region);
	mqci_arena_view_close(&view);
	close_arena(&arena);
}
END_TEST

START_TEST(the_nonce_does_not_stand_there)
{
	mqci_arena arena = open_arena(1, geteuid());
	const uint64_t nonce = NONCE;
	uint8_t bytes[4096];

	support_ok(mqci_arena_say_hello(&arena, NONCE, QUEUE));
	support_ok(mqci_arena_get(&arena, 0, bytes, sizeof bytes));
	ck_assert_ptr_null(memmem(bytes, sizeof bytes, &nonce, sizeof nonce));
	close_arena(&arena);
}
END_TEST

START_TEST(calls_given_up)
{
	struct other other = start_other(geteuid(), geteuid());
	mqci_arena_view view;

	support_ok(mqci_arena_open(other.session, geteuid(), &view));
	ck_assert(mqci_arena_wants(&view, CALL(7, 2)));
	tell(&other, GIVE_UP);
	ck_assert(!mqci_arena_wants(&view, CALL(7, 2)));
	/* Another call of the slot, the same of another, one of a slot that there is not, none. */
	ck_assert(mqci_arena_wants(&view, CALL(8, 2)));
	ck_assert(mqci_arena_wants(&view, CALL(7, 1)));
	ck_assert(mqci_arena_wants(&view, CALL(7, 0xffff)));
	ck_assert(mqci_arena_wants(&view, 0));
	/* One who is gone is still looked at. */
	kill_other(&other);
	ck_assert(!mqci_arena_wants(&view, CALL(7, 2)));
	mqci_arena_view_close(&view);
	mqci_arena_sweep();
	ck_assert(!exists(other.session));
}
END_TEST

START_TEST(a_client_cuts_it_short)
{
	struct other other = start_other(geteuid(), geteuid());
	mqci_arena_view view;
	char bytes[100];

	support_ok(mqci_arena_open(other.session, geteuid(), &view));
	tell(&other, GIVE_UP);
	tell(&other, HELLO);
	tell(&other, CUT);
	ck_assert(!mqci_arena_says_hello(&view, NONCE, QUEUE));
	ck_assert(mqci_arena_wants(&view, CALL(7, 2)));
	support_fails(mqci_arena_read(&view, 4096, bytes, sizeof bytes), MQC_OUT_OF_RANGE);
	support_fails(mqci_arena_write(&view, 4096, bytes, sizeof bytes), MQC_OUT_OF_RANGE);
	mqci_arena_view_close(&view);
	support_fails(mqci_arena_open(other.session, geteuid(), &view), MQC_OUT_OF_RANGE);
	remove_other(&other);
}
END_TEST

START_TEST(places_that_there_are_not)
{
	static const uint64_t offsets[] = {UINT64_C(1) << 40, INT64_MAX, (uint64_t)INT64_MAX + 1,
					   UINT64_MAX, UINT64_MAX - 7};
	struct other other = start_other(geteuid(), geteuid());
	mqci_arena_view view;
	char bytes[16];

	support_ok(mqci_arena_open(other.session, geteuid(), &view));
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		support_fails(mqci_arena_read(&view, offsets[i], bytes, 16), MQC_OUT_OF_RANGE);
		support_fails(mqci_arena_write(&view, offsets[i], bytes, 16), MQC_OUT_OF_RANGE);
	}
	support_fails(mqci_arena_read(&view, 0, bytes, SIZE_MAX), MQC_OUT_OF_RANGE);
	support_fails(mqci_arena_write(&view, 0, bytes, SIZE_MAX), MQC_OUT_OF_RANGE);
	mqci_arena_view_close(&view);
	remove_other(&other);
}
END_TEST

static int write_far(void *data)
{
	const struct rlimit limit = {1 << 16, 1 << 16};
	mqci_arena_view view;

	support_ok(mqci_arena_open(((const struct other *)data)->session, geteuid(), &view));
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 10;
	return mqci_arena_write(&view, 1 << 20, "x", 1) == MQC_OUT_OF_RANGE ? 0 : 11;
}

/* A server that may not write large files is not ended by the signal of that. */
START_TEST(a_server_with_small_files)
{
	struct other other = start_other(geteuid(), geteuid());

	ck_assert_int_eq(support_in_child(write_far, &other), 0);
	remove_other(&other);
}
END_TEST

START_TEST(what_is_none)
{
	mqci_arena_view view = MQCI_ARENA_VIEW_CLOSED;
	struct other other = start_other(geteuid(), geteuid());
	char path[MQCI_NAME_SIZE + 16], away[MQCI_NAME_SIZE + 20];

	(void)snprintf(path, sizeof path, "%s", path_of(other.session));
	(void)snprintf(away, sizeof away, "%s.x", path);
	support_fails(mqci_arena_open(other.session + 1, geteuid(), &view), MQC_NOT_FOUND);
	support_fails(mqci_arena_open(other.session, geteuid() + 1, &view), MQC_PERMISSION_DENIED);
	support_fails(mqci_arena_open(own_session(900), geteuid(), &view), MQC_NOT_FOUND);
	support_fails(mqci_arena_open(UINT64_MAX, geteuid(), &view), MQC_NOT_FOUND);
	support_fails(mqci_arena_open(0, geteuid(), &view), MQC_NOT_FOUND);

	ck_assert_int_eq(rename(path, away), 0);
	ck_assert_int_eq(symlink(away, path), 0);
	ck_assert_int_lt(mqci_arena_open(other.session, geteuid(), &view), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	support_fails(mqci_arena_open(other.session, geteuid(), &view), MQC_PERMISSION_DENIED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_lt(mqci_arena_open(other.session, geteuid(), &view), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rename(away, path), 0);
	support_ok(mqci_arena_open(other.session, geteuid(), &view));
	mqci_arena_view_close(&view);

	tell(&other, SPOIL);
	support_fails(mqci_arena_open(other.session, geteuid(), &view), MQC_PERMISSION_DENIED);
	ck_assert_int_eq(view.segment.fd, -1);
	remove_other(&other);
}
END_TEST

static int is_refused(void *data)
{
	const struct other *other = data;
	mqci_arena_view view;

	return mqci_arena_open(other->session, geteuid(), &view) == MQC_PERMISSION_DENIED ? 0 : 1;
}

/* Who makes a file of that name, even of the same user's, is not the process it names. */
START_TEST(another_process_has_the_lock)
{
	struct other other = start_other(geteuid(), geteuid());
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	mqci_arena_view view;
	int fd;

	tell(&other, UNLOCK);
	support_fails(mqci_arena_open(other.session, geteuid(), &view), MQC_PERMISSION_DENIED);
	fd = open(path_of(other.session), O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
	ck_assert_int_eq(support_in_child(is_refused, &other), 0);
	(void)close(fd);
	remove_other(&other);
}
END_TEST

/* A server in the client's own process leaves the client its lock. */
START_TEST(client_and_server_in_one_process)
{
	mqci_arena arena = open_arena(1, geteuid());
	mqci_arena_view view, second;
	int status;

	for (int i = 0; i < 3; i++) {
		support_ok(mqci_arena_open(arena.session, geteuid(), &view));
		mqci_arena_view_close(&view);
	}
	mqci_arena_sweep();
	ck_assert_uint_ge(mqci_arena_count(), 1);
	ck_assert(exists(arena.session));
	if (fork() == 0) {
		/* Another one still sees that we hold it, and leaves it alone. */
		mqci_arena_disown(&arena);
		mqci_arena_sweep();
		if (!exists(arena.session))
			_exit(1);
		if (mqci_arena_open(arena.session, geteuid(), &second) < 0)
			_exit(2);
		_exit(second.pid == getppid() ? 0 : 3);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);

	/* The client closes first. */
	support_ok(mqci_arena_open(arena.session, geteuid(), &view));
	mqci_arena_give_up(&arena, CALL(1, 1));
	close_arena(&arena);
	ck_assert(!mqci_arena_wants(&view, CALL(1, 1)));
	mqci_arena_view_close(&view);
}
END_TEST

/* ---------------------------------------------------------- everybody -- */

START_TEST(what_the_dead_left)
{
	struct other other = start_other(geteuid(), geteuid());
	struct other killed = start_other(geteuid(), geteuid());
	char name[MQCI_NAME_SIZE];
	unsigned before = mqci_arena_count();

	mqci_name_replies(killed.session, name);
	kill_other(&killed);
	ck_assert(exists(killed.session));
	ck_assert(support_queue_exists(name));
	ck_assert_uint_eq(mqci_arena_count(), before - 1);
	mqci_arena_sweep();
	ck_assert(!exists(killed.session));
	ck_assert(!support_queue_exists(name));
	/* The living keep theirs. */
	ck_assert(exists(other.session));
	mqci_name_replies(other.session, name);
	ck_assert(support_queue_exists(name));
	remove_other(&other);
}
END_TEST

/* What a program had before it became another one by exec(). */
START_TEST(what_the_program_before_left)
{
	char name[MQCI_NAME_SIZE];
	mqci_segment segment;

	mqci_name_replies(own_session(5), name);
	support_ok(mqci_segment_create(name, 10, 0600, &segment));
	mqci_segment_close(&segment);
	mqci_arena_sweep();
	ck_assert(!exists(own_session(5)));
}
END_TEST

START_TEST(sweeping_among_strange_things)
{
	static const char *const names[] = {"/dev/shm/mqcall~1.2.x", "/dev/shm/mqcall~1.2.3x",
					    "/dev/shm/mqcall.odd~1.2.3"};
	char fifo[MQCI_NAME_SIZE + 16];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)close(open(names[i], O_RDWR | O_CREAT, 0600));
	(void)snprintf(fifo, sizeof fifo, "%s", path_of(UINT64_MAX));
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	mqci_arena_sweep();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_int_eq(unlink(names[i]), 0);
	ck_assert_int_eq(unlink(fifo), 0);
}
END_TEST

/* ---------------------------------------------------------- other users -- */

#define STRANGER 65534
#define THIRD 65533

static int as_stranger(void *data)
{
	const struct other *other = data;
	mqci_arena_view view;
	char bytes[4];

	if (setresuid(STRANGER, STRANGER, STRANGER) < 0)
		return 10;
	if (mqci_arena_open(other->session, 0, &view) < 0)
		return 11;
	if (view.pid != other->pid || !mqci_arena_wants(&view, CALL(7, 2)))
		return 12;
	if (mqci_arena_write(&view, 1 << 20, "abc", 4) < 0 ||
	    mqci_arena_read(&view, 1 << 20, bytes, 4) < 0)
		return 13;
	/* He may not remove it. */
	mqci_arena_sweep();
	mqci_segment_unlink(view.segment.name);
	return exists(other->session) ? 0 : 14;
}

static int as_third(void *data)
{
	const struct other *other = data;
	mqci_arena_view view;

	if (setresuid(THIRD, THIRD, THIRD) < 0)
		return 10;
	return mqci_arena_open(other->session, 0, &view) == MQC_PERMISSION_DENIED ? 0 : 11;
}

START_TEST(a_server_of_another_user)
{
	struct other other;

	if (!is_root())
		return;
	other = start_other(0, STRANGER);
	ck_assert_int_eq(support_in_child(as_stranger, &other), 0);
	ck_assert_int_eq(support_in_child(as_third, &other), 0);
	remove_other(&other);
}
END_TEST

START_TEST(a_client_of_another_user)
{
	struct other other;
	mqci_arena_view view;

	if (!is_root())
		return;
	other = start_other(STRANGER, 0);
	support_ok(mqci_arena_open(other.session, STRANGER, &view));
	ck_assert_int_eq(view.pid, other.pid);
	tell(&other, HELLO);
	ck_assert(mqci_arena_says_hello(&view, NONCE, QUEUE));
	/* What he could cut is never mapped. */
	ck_assert_ptr_null(mqci_arena_look(&view, 4096, 1));
	ck_assert_ptr_null(mqci_arena_room(&view, CALL(1, 0), 4096, 1));
	mqci_arena_view_close(&view);
	/* It is not ours to sweep, even when he is dead. */
	kill_other(&other);
	mqci_arena_sweep();
	ck_assert(exists(other.session));
	remove_leftovers(other.session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tests;

	tests = support_case(suite, "clients");
	tcase_add_test(tests, it_is_there_while_the_client_is);
	tcase_add_test(tests, a_number_is_taken_once);
	tcase_add_test(tests, regions_do_not_meet);
	tcase_add_test(tests, there_may_be_no_regions);
	tcase_add_test(tests, payloads_both_ways);
	tcase_add_test(tests, payloads_in_place);
	tcase_add_test(tests, nothing_is_seen_beyond_the_end);
	tcase_add_test(tests, memory_is_kept_for_the_next);
	tcase_add_test(tests, memory_that_was_copied_to_is_given_back);
	tcase_add_test(tests, what_is_lost_or_abandoned_has_no_memory);
	tcase_add_test(tests, regions_run_out);
	tcase_add_test(tests, a_child_has_it_mapped);
	tcase_add_test(tests, files_may_not_be_large);
	tcase_add_test(tests, no_descriptor_left);

	tests = support_case(suite, "servers");
	tcase_add_test(tests, hellos);
	tcase_add_test(tests, what_the_regions_are);
	tcase_add_test(tests, the_nonce_does_not_stand_there);
	tcase_add_test(tests, calls_given_up);
	tcase_add_test(tests, client_and_server_in_one_process);

	tests = support_case(suite, "hostile clients");
	tcase_add_test(tests, a_client_cuts_it_short);
	tcase_add_test(tests, places_that_there_are_not);
	tcase_add_test(tests, a_server_with_small_files);
	tcase_add_test(tests, what_is_none);
	tcase_add_test(tests, another_process_has_the_lock);

	tests = support_case(suite, "housekeeping");
	tcase_add_test(tests, what_the_dead_left);
	tcase_add_test(tests, what_the_program_before_left);
	tcase_add_test(tests, sweeping_among_strange_things);

	tests = support_case(suite, "other users");
	tcase_add_test(tests, a_server_of_another_user);
	tcase_add_test(tests, a_client_of_another_user);
	return support_run(suite);
}
