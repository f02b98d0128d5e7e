/*
 * berth.h - the places in a client's shared memory where payloads lie: whose they are, what memory
 * they have.
 *
 * A berth has two regions, one for a request and one for a reply. Each slot has
 * one; there is nothing to allocate, and nothing to fragment. The segment is
 * sparse: a region has memory, from its beginning on, when it has been used, and
 * keeps it for the next call as far as all together keep no more than `keep`
 * bytes; what is beyond is given back when the call is over.
 *
 * A server may answer late, when nobody waits any more: a berth that it may still
 * write to is abandoned, never used again, and its slot gets another one, behind
 * the others.
 *
 * A berth is in the hands of one thread, which has its slot; the functions may be
 * called for different ones at once.
 */
#ifndef MQCI_BERTH_H
#define MQCI_BERTH_H

#include <stdbool.h>

#include "segment.h"

typedef struct mqci_berths mqci_berths;

/* The regions of a berth. */
typedef enum mqci_region {
	MQCI_REQUEST_REGION = 0,
	MQCI_REPLY_REGION = 1
} mqci_region;

/* Berths for slots, in a segment that is large enough: from `base` on, of regions of whole pages.
 */
int mqci_berths_new(unsigned slots, size_t region, uint64_t base, mqci_berths **ret_berths);
mqci_berths *mqci_berths_free(mqci_berths *berths);

/* How many bytes all of them may keep. */
void mqci_berths_keep(mqci_berths *berths, uint64_t keep);

/* Where the berth of a slot begins; 0: there is none left for it. */
uint64_t mqci_berths_place(const mqci_berths *berths, unsigned slot);

/*
 * Have memory for `size` bytes of a region that is mapped at `memory`. A place,
 * here and below, is one of a berth: of another one nothing is known, and done.
 */
int mqci_berths_populate(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
			 mqci_region region, void *memory, size_t size);

/* So many bytes of a region have memory: they have been written. */
void mqci_berths_note(mqci_berths *berths, uint64_t place, mqci_region region, size_t size);

/* How many have. */
uint64_t mqci_berths_memory(const mqci_berths *berths, uint64_t place, mqci_region region);

/*
 * Whether that of the reply's region has changed since this was last called, or
 * the slot has got another berth: then servers are to be told.
 */
bool mqci_berths_tell(mqci_berths *berths, uint64_t place);

/* The call there is over: give memory back, if there is too much. */
void mqci_berths_rest(mqci_berths *berths, const mqci_segment *segment, uint64_t place);

/* The same when nobody knows how much was written there. */
void mqci_berths_lose(mqci_berths *berths, const mqci_segment *segment, uint64_t place);

/*
 * A call of this slot will not be answered any more, or too late: the slot gets
 * another berth. If the call is still in the hands of a thread, memory stays until
 * that lets it rest, or leaves it; which does nothing to those that are not
 * abandoned.
 */
void mqci_berths_abandon(mqci_berths *berths, const mqci_segment *segment, unsigned slot,
			 bool in_hand);
void mqci_berths_leave(mqci_berths *berths, const mqci_segment *segment, uint64_t place);

/* ------------------------------------------------------------------ loans -- */

/*
 * A berth can be lent to the program: one that is no slot's, of which it has the
 * request's region, or, with a reply that it keeps, the one that its slot had
 * (which gets another), of which it has the reply's. It is free again when it has
 * no user any more: the program, messages of the program's that have parts in it,
 * and calls under way whose requests refer to it.
 */

/* So many can be lent at a time. */
#define MQCI_LOANS_MAX 1024

/* How many bytes the program may have lent at a time, not counting replies. */
void mqci_berths_limit(mqci_berths *berths, uint64_t limit);

/* Lend `size` bytes. MQC_RESOURCE_EXHAUSTED: too many, or too large with the others. */
int mqci_berths_lend(mqci_berths *berths, const mqci_segment *segment, size_t size,
		     uint64_t *ret_place);

/* The program gives back what it was lent, whose memory others may use still; false: it was not. */
bool mqci_berths_return(mqci_berths *berths, const mqci_segment *segment, uint64_t place);

/* Whether `size` bytes at `offset` are lent, all of them: then their berth has one more user. */
bool mqci_berths_hold_lent(mqci_berths *berths, uint64_t offset, uint64_t size);

/* One more user, and one less, of the berth in which `offset` is. */
void mqci_berths_hold(mqci_berths *berths, uint64_t offset);
void mqci_berths_drop(mqci_berths *berths, const mqci_segment *segment, uint64_t offset);

/*
 * The program keeps the reply to the call of a slot, which is at `place`: false,
 * it cannot, as there are too many such.
 */
bool mqci_berths_keep_reply(mqci_berths *berths, const mqci_segment *segment, unsigned slot,
			    uint64_t place);

/* How many berths are lent; without a lock, as a hint. */
unsigned mqci_berths_loans(const mqci_berths *berths);

/*
 * The call at `place` refers to these berths: they are held until it is over, when
 * mqci_berths_rest(), _lose(), _abandon() or _leave() say so.
 */
int mqci_berths_bind(mqci_berths *berths, const mqci_segment *segment, uint64_t place,
		     const uint64_t *offsets, unsigned n);

#endif
