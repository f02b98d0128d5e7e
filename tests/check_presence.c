/*
 * check_presence.c - tests of lib/presence.h: who serves, and what the dead had in hand.
 */
#include "presence.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "support.h"

/* What was lost: added up, so that none is missed or told twice. */
struct lost {
	int count, begun;
	bool in_order; /* those begun are told of first */
	uint64_t sessions, calls;
};

static void lose(uint64_t session, uint64_t call, bool begun, void *data)
{
	struct lost *lost = data;

	lost->in_order = !begun || lost->begun == lost->count;
	lost->begun += begun;
	lost->count++;
	lost->sessions += session;
	lost->calls += call;
}

/* A server process that takes these calls in hand, every other one begun, and dies. */
static void die_with(const char *endpoint, unsigned taken)
{
	mqci_presence presence;
	mqci_hand *hand;
	int status;

	if (fork() == 0) {
		if (mqci_presence_open(endpoint, 0600, &presence) < 0)
			_exit(1);
		for (unsigned i = 0; i < taken; i++) {
			hand = mqci_presence_hand(&presence);
			mqci_hand_take(hand, 100 + i, 1000 + i, false);
			if (i % 2 == 1)
				mqci_hand_begin(hand);
		}
		/* This one has been answered. */
		hand = mqci_presence_hand(&presence);
		if (taken < MQCI_HANDS_MAX) {
			mqci_hand_take(hand, 7, 7, true);
			mqci_hand_drop(hand);
		}
		_exit(0);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
}

struct looking {
	const char *endpoint;
	uid_t owner;
	struct lost *lost;
};

static bool look_at_dead(uint64_t party, void *data)
{
	const struct looking *looking = data;

	if (!mqci_process_alive(mqci_party_process(party)))
		mqci_presence_in_hand(looking->endpoint, party, looking->owner, lose,
				      looking->lost);
	return true;
}

static void tell_dead(const char *endpoint, uid_t owner, struct lost *lost)
{
	struct looking looking = {.endpoint = endpoint, .owner = owner, .lost = lost};

	support_ok(mqci_presence_list(endpoint, look_at_dead, &looking));
}

/* All hands can be had, no more; and what is given back can be had again. */
START_TEST(hands)
{
	static mqci_hand *taken[MQCI_HANDS_MAX];
	mqci_presence presence;

	support_ok(mqci_presence_open(support_endpoint(), 0600, &presence));
	for (unsigned i = 0; i < MQCI_HANDS_MAX; i++) {
		taken[i] = mqci_presence_hand(&presence);
		ck_assert_ptr_nonnull(taken[i]);
	}
	ck_assert_ptr_null(mqci_presence_hand(&presence));
	mqci_presence_return(&presence, taken[3]);
	mqci_presence_return(&presence, taken[700]);
	ck_assert_ptr_eq(mqci_presence_hand(&presence), taken[3]);
	ck_assert_ptr_eq(mqci_presence_hand(&presence), taken[700]);
	ck_assert_ptr_null(mqci_presence_hand(&presence));
	/* Many at once: what is left, and no more. */
	mqci_presence_return_all(&presence, taken, MQCI_HANDS_MAX / 2);
	ck_assert_ptr_eq(mqci_presence_hand(&presence), taken[0]);
	ck_assert_uint_eq(mqci_presence_hands(&presence, taken, 99), 99);
	for (unsigned i = 0; i < 98; i++)
		ck_assert_ptr_ne(taken[i], taken[i + 1]);
	ck_assert_uint_eq(mqci_presence_hands(&presence, taken + 99, MQCI_HANDS_MAX - 99),
			  MQCI_HANDS_MAX / 2 - 100);
	ck_assert_ptr_null(mqci_presence_hand(&presence));
	taken[3] = NULL;
	mqci_presence_return_all(&presence, taken, MQCI_HANDS_MAX / 2 - 1);
	ck_assert_uint_eq(mqci_presence_hands(&presence, taken, 99), 3);
	mqci_presence_close(&presence);
}
END_TEST

START_TEST(living)
{
	const char *endpoint = support_endpoint();
	mqci_presence one = MQCI_PRESENCE_CLOSED, other = MQCI_PRESENCE_CLOSED;
	struct lost lost = {0};

	ck_assert(!mqci_presence_any(endpoint, geteuid()));
	support_ok(mqci_presence_open(endpoint, 0600, &one));
	ck_assert(mqci_presence_any(endpoint, geteuid()));
	ck_assert(!mqci_presence_any(endpoint, geteuid() + 1));
	ck_assert(!mqci_presence_any("another", geteuid()));
	/* A second server of the process. */
	support_ok(mqci_presence_open(endpoint, 0600, &other));
	mqci_hand_take(mqci_presence_hand(&one), 1, 2, true);
	/* The living are nobody's business. */
	tell_dead(endpoint, geteuid(), &lost);
	mqci_presence_sweep(endpoint, lose, &lost);
	ck_assert_int_eq(lost.count, 0);
	mqci_presence_close(&one);
	mqci_presence_close(&one);
	ck_assert(mqci_presence_any(endpoint, geteuid()));
	mqci_presence_close(&other);
	ck_assert(!mqci_presence_any(endpoint, geteuid()));
}
END_TEST

START_TEST(dead)
{
	const char *endpoint = support_endpoint();
	struct lost lost = {0};

	die_with(endpoint, 3);
	die_with(endpoint, MQCI_HANDS_MAX);
	ck_assert(!mqci_presence_any(endpoint, geteuid()));
	for (int i = 1; i <= 2; i++) {
		memset(&lost, 0, sizeof lost);
		tell_dead(endpoint, geteuid(), &lost);
		ck_assert_int_eq(lost.count, 3 + MQCI_HANDS_MAX);
		ck_assert_int_eq(lost.begun, 1 + MQCI_HANDS_MAX / 2);
		ck_assert_uint_eq(lost.sessions,
				  303 + MQCI_HANDS_MAX * 100 +
					  (MQCI_HANDS_MAX - 1) * (MQCI_HANDS_MAX / 2));
		ck_assert_uint_eq(lost.calls, 3003 + MQCI_HANDS_MAX * 1000 +
						      (MQCI_HANDS_MAX - 1) * (MQCI_HANDS_MAX / 2));
	}
	memset(&lost, 0, sizeof lost);
	tell_dead(endpoint, geteuid() + 1, &lost);
	ck_assert_int_eq(lost.count, 0);
	mqci_presence_sweep(endpoint, lose, &lost);
	ck_assert_int_eq(lost.count, 3 + MQCI_HANDS_MAX);
	mqci_presence_sweep(endpoint, lose, &lost);
	ck_assert_int_eq(lost.count, 3 + MQCI_HANDS_MAX);
}
END_TEST

/* What somebody may have written there in a server's name. */
START_TEST(tampered)
{
	const char *endpoint = support_endpoint();
	static const off_t sizes[] = {0, 1, 15, 16, 17, 1 << 20};
	char name[MQCI_NAME_SIZE], path[MQCI_NAME_SIZE + 16];
	struct lost lost = {0};
	uint64_t nobody;
	int fd;

	/* A process that there is not. */
	nobody = mqci_party_make((UINT64_C(1) << 54) - 2, 3);
	mqci_name_presence(endpoint, nobody, name);
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		fd = open(path, O_CREAT | O_RDWR | O_EXCL, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ftruncate(fd, sizes[i]), 0);
		(void)close(fd);
		tell_dead(endpoint, geteuid(), &lost);
		mqci_presence_sweep(endpoint, lose, &lost);
		ck_assert(!support_segment_exists(name));
	}
	ck_assert_int_eq(lost.count, 0);
}
END_TEST

static void *come_later(void *data)
{
	support_sleep_ms(50);
	support_ok(mqci_presence_open(support_last_endpoint(), 0600, data));
	return NULL;
}

/* A FIFO that nobody writes to, under the names of a dead and of a living server. */
START_TEST(a_fifo)
{
	const char *endpoint = support_endpoint();
	char names[2][MQCI_NAME_SIZE], path[3 * MQCI_NAME_SIZE];
	uint64_t self;
	struct lost lost = {0};

	support_ok(mqci_process_self(&self));
	mqci_name_presence(endpoint, mqci_party_make(UINT64_C(4000000) << 32 | 1, 0), names[0]);
	mqci_name_presence(endpoint, mqci_party_make(self, 0), names[1]);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "/dev/shm%s", names[i]);
		ck_assert_int_eq(mkfifo(path, 0666), 0);
	}
	ck_assert(!mqci_presence_any(endpoint, geteuid()));
	tell_dead(endpoint, geteuid(), &lost);
	ck_assert_int_eq(lost.count, 0);
	for (int i = 0; i < 2; i++)
		mqci_segment_unlink(names[i]);
}
END_TEST

START_TEST(waiting)
{
	const char *endpoint = support_endpoint();
	mqci_presence presence = MQCI_PRESENCE_CLOSED;
	pthread_t thread;
	int watches[2] = {mqci_segment_watch(), -1};

	ck_assert_int_ge(watches[0], 0);
	for (int i = 0; i < 2; i++) {
		ck_assert(!mqci_presence_wait(watches[i], mqci_clock_now() - 1, -1));
		ck_assert_int_eq(pthread_create(&thread, NULL, come_later, &presence), 0);
		while (!mqci_presence_any(endpoint, geteuid()))
			ck_assert(
				mqci_presence_wait(watches[i], mqci_deadline_after_ms(60000), -1));
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		mqci_presence_close(&presence);
	}
	(void)close(watches[0]);
}
END_TEST

static int disown(void *presence)
{
	mqci_presence_disown(presence);
	return mqci_presence_any(support_last_endpoint(), geteuid()) ? 0 : 10;
}

START_TEST(disowned)
{
	const char *endpoint = support_endpoint();
	mqci_presence presence;

	support_ok(mqci_presence_open(endpoint, 0600, &presence));
	ck_assert_int_eq(support_in_child(disown, &presence), 0);
	ck_assert(mqci_presence_any(endpoint, geteuid()));
	mqci_presence_close(&presence);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("presence");
	TCase *tests = support_case(suite, "presence");

	tcase_add_test(tests, hands);
	tcase_add_test(tests, living);
	tcase_add_test(tests, dead);
	tcase_add_test(tests, tampered);
	tcase_add_test(tests, a_fifo);
	tcase_add_test(tests, waiting);
	tcase_add_test(tests, disowned);
	return support_run(suite);
}
