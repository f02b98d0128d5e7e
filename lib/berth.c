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

struct berth {
	uint64_t memory[2]; /* how many bytes of each region have memory */
	uint64_t told;      /* what servers were told of the second */
	bool abandoned;
};

struct mqci_berths {
	pthread_mutex_t lock; /* of whose a berth is */
	unsigned slots;
	size_t region;
	uint64_t base;
	struct berth *blocks[BLOCKS];
	_Atomic uint32_t count; /* of berths that have been given to somebody */
	_Atomic uint64_t held;  /* bytes of memory that all have together */
	_Atomic uint64_t keep;  /* ... that they may have when they rest */
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

static struct berth *berth_at(const mqci_berths *berths, uint64_t place)
{
	uint64_t index;

	if (place < berths->base)
		return NULL;
	index = (place - berths->base) / (2 * (uint64_t)berths->region);
	return index < berths->count ? berth_of(berths, (uint32_t)index) : NULL;
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

/* -------------------------------------------------------------- memory -- */

void mqci_berths_keep(mqci_berths *berths, uint64_t keep)
{
	atomic_store(&berths->keep, keep);
}

static uint64_t page_up(const mqci_berths *berths, uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	size = (size + page - 1) / page * page;
	return size < berths->region ? size : berths->region;
}

static void set_memory(mqci_berths *berths, struct berth *berth, mqci_region region, uint64_t size)
{
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

void mqci_berths_rest(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	if (berth != NULL)
		trim_to_keep(berths, segment, place, berth);
}

void mqci_berths_lose(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	if (berth != NULL)
		forget(berths, segment, place, berth);
}

void mqci_berths_abandon(mqci_berths *berths, const mqci_segment *segment, unsigned slot,
			 bool in_hand)
{
	const uint64_t place = mqci_berths_place(berths, slot);
	struct berth *berth = berth_at(berths, place);

	(void)pthread_mutex_lock(&berths->lock);
	if (berth != NULL) {
		berth->abandoned = true;
		if (!in_hand)
			forget(berths, segment, place, berth);
	}
	berths->of_slot[slot] = add_berth(berths, segment);
	(void)pthread_mutex_unlock(&berths->lock);
}

void mqci_berths_leave(mqci_berths *berths, const mqci_segment *segment, uint64_t place)
{
	struct berth *berth = berth_at(berths, place);

	(void)pthread_mutex_lock(&berths->lock);
	if (berth != NULL && berth->abandoned)
		forget(berths, segment, place, berth);
	(void)pthread_mutex_unlock(&berths->lock);
}
