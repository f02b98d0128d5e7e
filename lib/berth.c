/*
 * berth.c - the places in a client's shared memory where payloads lie: whose they are, what memory
 * they have.
 *
 * They lie one behind the other in the segment, and what is known of them in
 * blocks that are as large as those before together, so that nothing ever moves
 * and the segment grows seldom.
 */
#include "berth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

/* Blocks of berths: those of the slots; as many, or this if they are fewer; twice that, and so on.
 */
#define BLOCKS 12
#define SMALLEST_BLOCK 16

#define NONE UINT32_MAX
#define NOT_TOLD UINT64_MAX

struct berth {
	uint64_t memory[2]; /* how many bytes of each region have memory */
	uint64_t told;      /* what servers were told of the second */
	bool abandoned;
	/* Of one that is no slot's. */
	bool lent;      /* the program has it, `size` bytes of it */
	bool kept;      /* it is a reply that the program keeps */
	unsigned users; /* 0: it is free, and `next` the next such */
	uint32_t next;
	size_t size;
	/* Of one in which a call is under way: what that refers to. */
	struct bound *bound;
};

struct bound {
	unsigned n;
	uint64_t offsets[];
};

struct mqci_berths {
	pthread_mutex_t lock; /* of whose a berth is */
	unsigned slots;
	size_t region;
	uint64_t base;
	struct berth *blocks[BLOCKS];
	_Atomic uint32_t count; /* of berths that have been given to somebody */
	_Atomic uint64_t held;  /* bytes of memory that all have together, but for those lent */
	_Atomic uint64_t keep;  /* ... that they may have when they rest */
	uint32_t free;          /* the first that is nobody's */
	_Atomic unsigned loans; /* how many are lent */
	uint64_t lent;          /* bytes that the program has of those, without replies */
	uint64_t limit;         /* ... that it may have */
	uint32_t of_slot[];
};

/* ---------------------------------------------------------- finding them -- */

static uint32_t block_size(const mqci_berths *berths, unsigned block)
{
	const uint32_t second = berths->slots > SMALLEST_BLOCK ? berths->slots : SMALLEST_BLOCK;

	return block == 0 ? berths->slots : second << (block - 1);
}

static struct berth *berth_of(const mqci_berths *berths, uint32_t index)
{
	unsigned block = 0;

	while (index >= block_size(berths, block))
		index -= block_size(berths, block++);
	return &berths->blocks[block][index];
}

static uint64_t place_of(const mqci_berths *berths, uint32_t index)
{
	return berths->base + 2 * (uint64_t)index * berths->region;
}

/* Of the berth in which an offset is; NONE: it is in none. */
static uint32_t index_of(const mqci_berths *berths, uint64_t offset)
{
	uint64_t index;

	if (offset < berths->base)
		return NONE;
	index = (offset - berths->base) / (2 * (uint64_t)berths->region);
	return index < berths->count ? (uint32_t)index : NONE;
}

static struct berth *berth_at(const mqci_berths *berths, uint64_t offset)
{
	const uint32_t index = index_of(berths, offset);

	return index != NONE ? berth_of(berths, index) : NULL;
}

uint64_t mqci_berths_place(const mqci_berths *berths, unsigned slot)
{
	return berths->of_slot[slot] != NONE ? place_of(berths, berths->of_slot[slot]) : 0;
}

/* ----------------------------------------------------------- their number -- */

int mqci_berths_new(unsigned slots, size_t region, uint64_t base, mqci_berths **ret_berths)
{
	mqci_berths *berths = calloc(1, sizeof *berths + slots * sizeof berths->of_slot[0]);

	if (berths == NULL)
		return mqci_no_memory("a client's shared memory");
	berths->slots = slots;
	berths->count = slots;
	berths->region = region;
	berths->base = base;
	berths->free = NONE;
	berths->limit = UINT64_MAX;
	berths->blocks[0] = calloc(slots, sizeof *berths->blocks[0]);
	if (berths->blocks[0] == NULL || pthread_mutex_init(&berths->lock, NULL) != 0) {
		free(berths->blocks[0]);
		free(berths);
		return mqci_no_memory("a client's shared memory");
	}
	for (unsigned slot = 0; slot < slots; slot++)
		berths->of_slot[slot] = slot;
	*ret_berths = berths;
	return MQC_OK;
}

mqci_berths *mqci_berths_free(mqci_berths *berths)
{
	if (berths == NULL)
		return NULL;
	for (uint32_t i = 0; i < berths->count; i++)
		free(berth_of(berths, i)->bound);
	for (unsigned block = 0; block < BLOCKS; block++)
		free(berths->blocks[block]);
	(void)pthread_mutex_destroy(&berths->lock);
	free(berths);
	return NULL;
}

/* Make room for `end` berths, of which those in this block are new. */
static bool add_block(mqci_berths *berths, const mqci_segment *segment, unsigned block,
		      uint32_t end)
{
	struct berth *blank;

	if (2 * (uint64_t)end * berths->region > INT64_MAX - berths->base ||
	    mqci_segment_grow(segment, place_of(berths, end)) < 0)
		return false;
	blank = calloc(block_size(berths, block), sizeof *blank);
	berths->blocks[block] = blank;
	return blank != NULL;
}

/* One more berth, behind the others; NONE: there cannot be more. */
static uint32_t add_berth(mqci_berths *berths, const mqci_segment *segment)
{
	uint32_t end = 0;

	for (unsigned block = 0; block < BLOCKS; block++) {
		end += block_size(berths, block);
		if (berths->count >= end)
			continue;
		if (berths->blocks[block] == NULL && !add_block(berths, segment, block, end))
			return NONE;
		return berths->count++;
	}
	return NONE;
}

/* One for somebody: one that is free, or a new one. */
static uint32_t take_berth(mqci_berths *berths, const mqci_segment *segment)
{
	const uint32_t index = berths->free;

	if (index == NONE)
		return add_berth(berths, segment);
	berths->free = berth_of(berths, index)->next;
	return index;
}

/* -------------------------------------------------------------- memory -- */

void mqci_berths_keep(mqci_berths *berths, uint64_t keep)
{
	atomic_store(&berths->keep, keep);
}

static uint64_t page_up(const mqci_berths *berths, uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return size < berths->region ? (size + page - 1) / page * page : berths->region;
}

static void set_memory(mqci_berths *berths, struct berth *berth, mqci_region region, uint64_t size)
{
	/* What the program has is not kept for others. */
	if (berth->users == 0)
		atomic_fetch_add(&berths->held, size - berth->memory[region]);
	berth->memory[region] = size;
}

int mqci_berths_populate(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
			 mqci_region region, void *memory, size_t size)
{
	struct berth *berth = berth_at(berths, place);
	const uint64_t want = page_up(berths, size);
	uint64_t has;
	int r;

	if (berth == NULL || want <= berth->memory[region])
		return MQC_OK;
	has = berth->memory[region];
	r = mqci_segment_populate(segment, place + region * berths->region + has,
				  (uint8_t *)memory + has, (size_t)(want - has));
	/* If that has failed in the middle, there is some of it. */
	if (r < 0)
		mqci_segment_forget(segment, place + region * berths->region + has, want - has);
	else
		set_memory(berths, berth, region, want);
	return r;
}

void mqci_berths_note(mqci_berths *berths, uint64_t place, mqci_region region, size_t size)
{
	struct berth *berth = berth_at(berths, place);

	if (berth != NULL && page_up(berths, size) > berth->memory[region])
		set_memory(berths, berth, region, page_up(berths, size));
}

uint64_t mqci_berths_memory(const mqci_berths *berths, uint64_t place, mqci_region region)
{
	const struct berth *berth = berth_at(berths, place);

	return berth != NULL ? berth->memory[region] : 0;
}

bool mqci_berths_tell(mqci_berths *berths, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	if (berth == NULL || berth->told == berth->memory[MQCI_REPLY_REGION])
		return false;
	berth->told = berth->memory[MQCI_REPLY_REGION];
	return true;
}

/* Let a region have `keep` bytes at most. */
static void trim(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
		 struct berth *berth, mqci_region region, uint64_t keep)
{
	if (berth->memory[region] <= keep)
		return;
	mqci_segment_forget(segment, place + region * berths->region + keep,
			    berth->memory[region] - keep);
	set_memory(berths, berth, region, keep);
}

/* Give back what is too much, the reply's first. */
static void trim_to_keep(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
			 struct berth *berth)
{
	for (int region = MQCI_REPLY_REGION; region >= MQCI_REQUEST_REGION; region--) {
		const uint64_t held = atomic_load(&berths->held);
		const uint64_t keep = atomic_load(&berths->keep);
		const uint64_t too_much = held > keep ? page_up(berths, held - keep) : 0;

		if (too_much > 0)
			trim(berths, segment, place, berth, (mqci_region)region,
			     berth->memory[region] > too_much ? berth->memory[region] - too_much
							      : 0);
	}
}

/* Give back all of it, of which nothing need be known. */
static void forget(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
		   struct berth *berth)
{
	mqci_segment_forget(segment, place, 2 * (uint64_t)berths->region);
	set_memory(berths, berth, MQCI_REQUEST_REGION, 0);
	set_memory(berths, berth, MQCI_REPLY_REGION, 0);
}

/* ---------------------------------------------------------- the end of calls -- */

/* It has no user: it is free for the next. */
static void set_free(mqci_berths *berths, const mqci_segment *segment, uint32_t index)
{
	struct berth *berth = berth_of(berths, index);

	atomic_fetch_add(&berths->held, berth->memory[0] + berth->memory[1]);
	trim_to_keep(berths, segment, place_of(berths, index), berth);
	berth->kept = false;
	berth->next = berths->free;
	berths->free = index;
	atomic_fetch_sub(&berths->loans, 1);
}

/* With the lock. */
static void drop(mqci_berths *berths, const mqci_segment *segment, uint64_t offset)
{
	struct berth *berth = berth_at(berths, offset);

	if (berth != NULL && berth->users > 0 && --berth->users == 0)
		set_free(berths, segment, index_of(berths, offset));
}

/* The call there refers to nothing any more. With the lock. */
static void unbind(mqci_berths *berths, const mqci_segment *segment, struct berth *berth)
{
	struct bound *bound = berth->bound;

	if (bound == NULL)
		return;
	berth->bound = NULL;
	for (unsigned i = 0; i < bound->n; i++)
		drop(berths, segment, bound->offsets[i]);
	free(bound);
}

void mqci_berths_rest(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	if (berth == NULL)
		return;
	(void)pthread_mutex_lock(&berths->lock);
	unbind(berths, segment, berth);
	/* If it is the slot's still. */
	if (berth->users == 0)
		trim_to_keep(berths, segment, place, berth);
	(void)pthread_mutex_unlock(&berths->lock);
}

void mqci_berths_lose(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	if (berth == NULL)
		return;
	(void)pthread_mutex_lock(&berths->lock);
	unbind(berths, segment, berth);
	forget(berths, segment, place, berth);
	(void)pthread_mutex_unlock(&berths->lock);
}

/* Give a slot another berth; NONE: it has none any more. */
static void move_slot(mqci_berths *berths, unsigned slot, uint32_t index)
{
	if (index != NONE)
		berth_of(berths, index)->told = NOT_TOLD;
	berths->of_slot[slot] = index;
}

void mqci_berths_abandon(mqci_berths *berths, const mqci_segment *segment, unsigned slot,
			 bool in_hand)
{
	struct berth *berth;
	uint64_t place;

	(void)pthread_mutex_lock(&berths->lock);
	/* Now: whoever has the call in hand may just have had the program keep what was its place.
	 */
	place = mqci_berths_place(berths, slot);
	berth = berth_at(berths, place);
	if (berth != NULL) {
		berth->abandoned = true;
		if (!in_hand) {
			unbind(berths, segment, berth);
			forget(berths, segment, place, berth);
		}
	}
	move_slot(berths, slot, take_berth(berths, segment));
	(void)pthread_mutex_unlock(&berths->lock);
}

void mqci_berths_leave(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	(void)pthread_mutex_lock(&berths->lock);
	if (berth != NULL && berth->abandoned) {
		unbind(berths, segment, berth);
		forget(berths, segment, place, berth);
	}
	(void)pthread_mutex_unlock(&berths->lock);
}

/* ---------------------------------------------------------------- loans -- */

void mqci_berths_limit(mqci_berths *berths, uint64_t limit)
{
	berths->limit = limit;
}

unsigned mqci_berths_loans(const mqci_berths *berths)
{
	return atomic_load_explicit(&berths->loans, memory_order_relaxed);
}

/* The berth becomes the program's, with one user. */
static void give_away(mqci_berths *berths, struct berth *berth)
{
	atomic_fetch_sub(&berths->held, berth->memory[0] + berth->memory[1]);
	atomic_fetch_add(&berths->loans, 1);
	berth->users = 1;
}

static int fail_too_many(void)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
			 "no more memory can be lent: the program has %d loans of this client, "
			 "with the replies that it keeps; return some",
			 MQCI_LOANS_MAX);
}

/* With the lock. */
static int lend(mqci_berths *berths, const mqci_segment *segment, size_t size, uint64_t *ret_place)
{
	struct berth *berth;
	uint32_t index;

	if (berths->loans >= MQCI_LOANS_MAX)
		return fail_too_many();
	if (size > berths->limit - berths->lent)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "%zu bytes cannot be lent: the program has %llu of this client, "
				 "and can have %llu; return some, or open the client with a larger "
				 "loan_max",
				 size, (unsigned long long)berths->lent,
				 (unsigned long long)berths->limit);
	index = take_berth(berths, segment);
	if (index == NONE)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "%zu bytes cannot be lent: the client's shared memory cannot "
				 "grow; raise ulimit -f, or return other loans",
				 size);
	berth = berth_of(berths, index);
	give_away(berths, berth);
	berth->lent = true;
	berth->size = size;
	berths->lent += size;
	*ret_place = place_of(berths, index);
	return MQC_OK;
}

int mqci_berths_lend(mqci_berths *berths, const mqci_segment *segment, size_t size,
		     uint64_t *ret_place)
{
	int r;

	(void)pthread_mutex_lock(&berths->lock);
	r = lend(berths, segment, size, ret_place);
	(void)pthread_mutex_unlock(&berths->lock);
	return r;
}

bool mqci_berths_return(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);
	bool lent;

	if (berth == NULL)
		return false;
	(void)pthread_mutex_lock(&berths->lock);
	lent = berth->lent && place == place_of(berths, index_of(berths, place));
	if (lent) {
		berth->lent = false;
		berths->lent -= berth->size;
		drop(berths, segment, place);
	}
	(void)pthread_mutex_unlock(&berths->lock);
	return lent;
}

bool mqci_berths_hold_lent(mqci_berths *berths, uint64_t offset, uint64_t size)
{
	struct berth *berth = berth_at(berths, offset);
	uint64_t within, room = 0;
	bool lent;

	if (berth == NULL)
		return false;
	within = (offset - berths->base) % (2 * (uint64_t)berths->region);
	(void)pthread_mutex_lock(&berths->lock);
	if (berth->users > 0 && berth->kept && within >= berths->region) {
		within -= berths->region;
		room = berth->memory[MQCI_REPLY_REGION];
	} else if (berth->lent) {
		room = berth->size;
	}
	lent = within <= room && size <= room - within;
	if (lent)
		berth->users++;
	(void)pthread_mutex_unlock(&berths->lock);
	return lent;
}

void mqci_berths_hold(mqci_berths *berths, uint64_t offset)
{
	struct berth *berth = berth_at(berths, offset);

	(void)pthread_mutex_lock(&berths->lock);
	if (berth != NULL && berth->users > 0)
		berth->users++;
	(void)pthread_mutex_unlock(&berths->lock);
}

void mqci_berths_drop(mqci_berths *berths, const mqci_segment *segment, uint64_t offset)
{
	(void)pthread_mutex_lock(&berths->lock);
	drop(berths, segment, offset);
	(void)pthread_mutex_unlock(&berths->lock);
}

bool mqci_berths_keep_reply(mqci_berths *berths, const mqci_segment *segment, unsigned slot,
			    uint64_t place)
{
	struct berth *berth = berth_at(berths, place);
	bool kept = berth != NULL;
	uint32_t other;

	(void)pthread_mutex_lock(&berths->lock);
	kept = kept && berths->loans < MQCI_LOANS_MAX;
	/* Unless the slot has another one already. */
	if (kept && !berth->abandoned) {
		other = take_berth(berths, segment);
		kept = other != NONE;
		if (kept)
			move_slot(berths, slot, other);
	}
	if (kept) {
		give_away(berths, berth);
		berth->abandoned = false;
		berth->kept = true;
	}
	(void)pthread_mutex_unlock(&berths->lock);
	return kept;
}

/* With the lock. */
static int bind_call(mqci_berths *berths, const mqci_segment *segment, struct berth *berth,
		     struct bound *bound, const uint64_t *offsets, unsigned n)
{
	unbind(berths, segment, berth);
	for (unsigned i = 0; i < n; i++) {
		struct berth *lent = berth_at(berths, offsets[i]);

		if (lent == NULL || lent->users == 0)
			return mqci_fail(MQC_FAILED_PRECONDITION, 0,
					 "a request refers to a loan that has been returned");
	}
	for (bound->n = 0; bound->n < n; bound->n++) {
		bound->offsets[bound->n] = offsets[bound->n];
		berth_at(berths, offsets[bound->n])->users++;
	}
	berth->bound = bound;
	return MQC_OK;
}

int mqci_berths_bind(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
		     const uint64_t *offsets, unsigned n)
{
	struct berth *berth = berth_at(berths, place);
	struct bound *bound = NULL;
	int r;

	if (berth != NULL)
		bound = malloc(sizeof *bound + n * sizeof *offsets);
	if (bound == NULL)
		return mqci_no_memory("a call that refers to loans");
	(void)pthread_mutex_lock(&berths->lock);
	r = bind_call(berths, segment, berth, bound, offsets, n);
	(void)pthread_mutex_unlock(&berths->lock);
	if (r < 0)
		free(bound);
	return r;
}
