/*
 * presence.c - who serves an endpoint, and what each server has in hand.
 *
 * What a server had in hand is certain when its process is gone: then nothing in
 * the segment changes any more. It is read by pread(), never mapped by strangers,
 * so that one who cuts his own file harms nobody. Nor does anything change when the
 * process has become another program: then nobody holds the segment any more.
 */
#include "presence.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/* What it looks like to those who read it. */
struct hand {
	uint64_t session;
	uint64_t call;
	uint64_t begun;
};

struct hands {
	uint64_t used;
	uint64_t closed;
	struct hand hands[];
};

_Static_assert(sizeof(mqci_hands) == sizeof(struct hands) + MQCI_HANDS_MAX * sizeof(struct hand),
	       "atomics are laid out as plain integers");

int mqci_presence_open(const char *endpoint, mode_t mode, mqci_presence *ret_presence)
{
	mqci_presence presence = MQCI_PRESENCE_CLOSED;
	char name[MQCI_NAME_SIZE];
	uint64_t process;
	int r;

	r = mqci_process_self(&process);
	if (r < 0)
		return r;
	presence.taken = calloc(MQCI_HANDS_MAX / 64, sizeof *presence.taken);
	if (presence.taken == NULL)
		return mqci_no_memory("a server's calls");
	for (unsigned n = 0; r == MQC_OK && n < MQCI_PARTIES_MAX; n++) {
		mqci_name_presence(endpoint, mqci_party_make(process, n), name);
		r = mqci_segment_create(name, sizeof *presence.shared, mode, &presence.segment);
		if (r == MQC_OK) {
			presence.shared = presence.segment.memory;
			*ret_presence = presence;
			return MQC_OK;
		}
		if (r == MQC_ALREADY_EXISTS)
			r = MQC_OK;
	}
	free(presence.taken);
	return r < 0 ? r
		     : mqci_fail(
			       MQC_RESOURCE_EXHAUSTED, 0,
			       "all %d names that servers of this process on endpoint %s can have "
			       "are taken; close some servers, or have removed what is not "
			       "theirs: %s",
			       MQCI_PARTIES_MAX, endpoint, mqc_error_last()->text);
}

/* The first ones of these bits, `most` at most. */
static uint64_t first_bits(uint64_t bits, unsigned most)
{
	uint64_t first = 0;

	for (unsigned n = 0; n < most && bits != 0; n++, bits &= bits - 1)
		first |= bits & -bits;
	return first;
}

/* Take bits that are free in a word of them, `most` at most: those. */
static uint64_t take_bits(_Atomic uint64_t *word, unsigned most)
{
	uint64_t taken = atomic_load(word), bits;

	do
		bits = first_bits(~taken, most);
	while (bits != 0 && !atomic_compare_exchange_weak(word, &taken, taken | bits));
	return bits;
}

/* Have readers look at the first `count` hands, at least. */
static void show(mqci_hands *shared, uint64_t count)
{
	uint64_t used = atomic_load(&shared->used);

	while (used < count && !atomic_compare_exchange_weak(&shared->used, &used, count))
		continue;
}

unsigned mqci_presence_hands(const mqci_presence *presence, mqci_hand **ret_hands, unsigned most)
{
	unsigned count = 0, index = 0;

	for (unsigned i = 0; i < MQCI_HANDS_MAX / 64 && count < most; i++) {
		uint64_t bits = take_bits(&presence->taken[i], most - count);

		for (; bits != 0; bits &= bits - 1) {
			index = 64 * i + (unsigned)__builtin_ctzll(bits);
			ret_hands[count++] = &presence->shared->hands[index];
		}
	}
	if (count > 0)
		show(presence->shared, index + 1);
	return count;
}

mqci_hand *mqci_presence_hand(const mqci_presence *presence)
{
	mqci_hand *hand = NULL;

	(void)mqci_presence_hands(presence, &hand, 1);
	return hand;
}

static size_t index_of(const mqci_presence *presence, const mqci_hand *hand)
{
	return (size_t)(hand - presence->shared->hands);
}

void mqci_presence_return(const mqci_presence *presence, const mqci_hand *hand)
{
	size_t index = index_of(presence, hand);

	(void)atomic_fetch_and(&presence->taken[index / 64], ~(UINT64_C(1) << index % 64));
}

void mqci_presence_return_all(const mqci_presence *presence, mqci_hand *const *hands,
			      unsigned count)
{
	uint64_t bits = 0;

	/* Those of one word, which stand side by side, at once. */
	for (unsigned i = 0; i < count && hands[i] != NULL; i++) {
		size_t index = index_of(presence, hands[i]);

		bits |= UINT64_C(1) << index % 64;
		if (i + 1 < count && hands[i + 1] != NULL &&
		    index_of(presence, hands[i + 1]) / 64 == index / 64)
			continue;
		(void)atomic_fetch_and(&presence->taken[index / 64], ~bits);
		bits = 0;
	}
}

void mqci_presence_disown(mqci_presence *presence)
{
	mqci_segment_close(&presence->segment);
	presence->shared = NULL;
	free(presence->taken);
	presence->taken = NULL;
}

void mqci_presence_close(mqci_presence *presence)
{
	if (presence->segment.fd >= 0)
		mqci_segment_unlink(presence->segment.name);
	mqci_presence_disown(presence);
}

struct list {
	const char *endpoint;
	bool (*see)(uint64_t party, void *data);
	void *data;
};

static bool see_name(const char *name, void *data)
{
	const struct list *list = data;
	uint64_t party;

	return !mqci_name_parse_presence(name, list->endpoint, &party) ||
	       list->see(party, list->data);
}

int mqci_presence_list(const char *endpoint, bool (*see)(uint64_t party, void *data), void *data)
{
	struct list list = {.endpoint = endpoint, .see = see, .data = data};

	return mqci_segment_list(see_name, &list);
}

bool mqci_presence_is_of(const char *endpoint, uint64_t party, uid_t owner)
{
	char name[MQCI_NAME_SIZE], byte;

	mqci_name_presence(endpoint, party, name);
	return mqci_segment_read(name, owner, &byte, sizeof byte) != MQC_PERMISSION_DENIED;
}

void mqci_presence_leave_behind(mqci_presence *presence)
{
	if (presence->shared != NULL)
		atomic_store(&presence->shared->closed, 1);
	mqci_presence_disown(presence);
}

/* As mqci_segment_is_held(). */
static int is_held(const char *endpoint, uint64_t party, uid_t owner)
{
	char name[MQCI_NAME_SIZE];

	mqci_name_presence(endpoint, party, name);
	return mqci_segment_is_held(name, owner);
}

bool mqci_presence_is_forsaken(const char *endpoint, uint64_t party, uid_t owner)
{
	return is_held(endpoint, party, owner) == 0;
}

bool mqci_presence_is_alive(const char *endpoint, uint64_t party, uid_t owner)
{
	int r;

	if (!mqci_process_alive(mqci_party_process(party)))
		return false;
	r = is_held(endpoint, party, owner);
	return r != 0 && r != MQC_PERMISSION_DENIED;
}

struct any {
	const char *endpoint;
	uid_t owner;
	bool found;
};

static bool see_living(uint64_t party, void *data)
{
	struct any *any = data;

	any->found = mqci_presence_is_alive(any->endpoint, party, any->owner);
	return !any->found;
}

bool mqci_presence_any(const char *endpoint, uid_t owner)
{
	struct any any = {.endpoint = endpoint, .owner = owner};

	return mqci_presence_list(endpoint, see_living, &any) < 0 || any.found;
}

bool mqci_presence_wait(int watch, int64_t deadline, int news)
{
	/* Without a watch we look again and again; with one as well, as queues are not watched. */
	const int look_again_ms = watch < 0 ? 20 : 100;
	struct pollfd any[] = {{.fd = watch, .events = POLLIN}, {.fd = news, .events = POLLIN}};
	int left = mqci_deadline_remaining_ms(deadline);
	char events[4096];

	if (left == 0)
		return false;
	if (left < 0 || left > look_again_ms)
		left = look_again_ms;
	(void)poll(any, 2, left);
	if (watch >= 0)
		while (read(watch, events, sizeof events) > 0)
			continue;
	return true;
}

/* Tell of the calls in hand, those that were being executed or the others. */
static void tell_some(const struct hands *hands, size_t count, bool begun, mqci_lost tell,
		      void *data)
{
	for (size_t i = 0; i < count; i++) {
		const struct hand *hand = &hands->hands[i];

		if (hand->session != 0 && hand->call != 0 && (hand->begun != 0) == begun)
			tell(hand->session, hand->call, begun, data);
	}
}

void mqci_presence_in_hand(const char *endpoint, uint64_t party, uid_t owner, mqci_lost tell,
			   void *data)
{
	char name[MQCI_NAME_SIZE];
	struct hands front, *hands;
	size_t count, most;
	ssize_t size;

	mqci_name_presence(endpoint, party, name);
	if (mqci_segment_read(name, owner, &front, sizeof front) != sizeof front)
		return;
	count = front.used < MQCI_HANDS_MAX ? (size_t)front.used : MQCI_HANDS_MAX;
	most = sizeof front + count * sizeof hands->hands[0];
	hands = malloc(most);
	if (hands == NULL)
		return;
	size = mqci_segment_read(name, owner, hands, most);
	if (size >= (ssize_t)sizeof front) {
		count = ((size_t)size - sizeof front) / sizeof hands->hands[0];
		tell_some(hands, count, true, tell, data);
		tell_some(hands, count, false, tell, data);
	}
	free(hands);
}

/* Whether nothing happens any more to what this server has in hand. */
static bool is_over(const char *endpoint, uint64_t party)
{
	char name[MQCI_NAME_SIZE];
	struct hands front;

	if (!mqci_presence_is_alive(endpoint, party, geteuid()))
		return true;
	mqci_name_presence(endpoint, party, name);
	return mqci_segment_read(name, geteuid(), &front, sizeof front) == sizeof front &&
	       front.closed != 0;
}

struct others {
	const mqci_presence *presence;
	const char *endpoint;
	bool found;
};

static bool see_other(uint64_t party, void *data)
{
	struct others *others = data;
	char name[MQCI_NAME_SIZE];

	mqci_name_presence(others->endpoint, party, name);
	others->found = strcmp(name, others->presence->segment.name) != 0 &&
			mqci_presence_is_of(others->endpoint, party, geteuid()) &&
			!is_over(others->endpoint, party);
	return !others->found;
}

bool mqci_presence_others(const mqci_presence *presence, const char *endpoint)
{
	struct others others = {.presence = presence, .endpoint = endpoint};

	return mqci_presence_list(endpoint, see_other, &others) < 0 || others.found;
}

struct sweep {
	const char *endpoint;
	mqci_lost lost;
	void *data;
};

static bool sweep_dead(uint64_t party, void *data)
{
	const struct sweep *sweep = data;
	char name[MQCI_NAME_SIZE];

	if (!is_over(sweep->endpoint, party) ||
	    !mqci_presence_is_of(sweep->endpoint, party, geteuid()))
		return true;
	mqci_presence_in_hand(sweep->endpoint, party, geteuid(), sweep->lost, sweep->data);
	mqci_name_presence(sweep->endpoint, party, name);
	mqci_segment_unlink(name);
	return true;
}

void mqci_presence_sweep(const char *endpoint, mqci_lost lost, void *data)
{
	struct sweep sweep = {.endpoint = endpoint, .lost = lost, .data = data};

	(void)mqci_presence_list(endpoint, sweep_dead, &sweep);
}
