/*
 * arena.h - a client's shared memory, by which it also tells who it is.
 *
 * One segment a client, named as its reply queue. Its servers read it, and may
 * write replies there that the queue does not carry. Those of the same user map
 * it; others never do, so that a client who cuts it harms nobody but his own
 * user's. As he holds a lock on it while he lives, it also tells
 *
 *   - which process the client is, which the kernel says of the lock;
 *   - that it was this client who said a hello, which stands here meanwhile;
 *   - which of his calls he has given up;
 *   - what clients that have died have left, who hold no lock any more.
 *
 * In front lie three words and three a slot; then, from the beginning of a page,
 * two regions a slot, see berth.h: the request's, and next to it the reply's.
 * They take no memory before they are used.
 */
#ifndef MQCI_ARENA_H
#define MQCI_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "berth.h"
#include "order.h"
#include "segment.h"
#include "window.h"

/* The low bits of a call's number are its slot. */
#define MQCI_SLOT_BITS 16
#define MQCI_SLOTS_MAX (1U << MQCI_SLOT_BITS)

static inline unsigned mqci_slot_of_call(uint64_t call)
{
	return (unsigned)(call & (MQCI_SLOTS_MAX - 1));
}

/* ----------------------------------------------------------- of clients -- */

typedef struct mqci_arena {
	mqci_segment segment;
	uint64_t session;
	unsigned slots;
	size_t region; /* the bytes of one; 0: there are none */
	uint64_t base; /* where the regions begin; 0: there are none */
	bool in_place; /* the server is of our user: what is there may be used where it lies */
	mqci_berths *berths;
	mqci_windows windows;
} mqci_arena;

#define MQCI_ARENA_CLOSED ((mqci_arena){.segment = MQCI_SEGMENT_CLOSED})

/* The largest payload that can be asked for. */
#define MQCI_REGION_MAX ((size_t)1 << 30)

/*
 * Make the shared memory of a client, for servers of `server_uid`. It has no
 * regions where their user cannot be let in, or files of this process may not be
 * so large. MQC_ALREADY_EXISTS: the number is taken.
 */
int mqci_arena_create(uint64_t session, unsigned slots, size_t region, uid_t server_uid,
		      mqci_arena *ret_arena);

/*
 * It is us who say hello with this nonce, and to the servers of this queue
 * alone: one to whom we do cannot pass it on and be welcomed elsewhere in our
 * name. 0: we do not, any more.
 */
int mqci_arena_say_hello(const mqci_arena *arena, uint64_t nonce, ino_t requests);

/* Nobody waits for this call any more. */
void mqci_arena_give_up(const mqci_arena *arena, uint64_t call);

/* How much memory the regions may keep from call to call, unless it is set: bytes of a client. */
#define MQCI_ARENA_KEEP ((uint64_t)8 << 20)

void mqci_arena_keep(const mqci_arena *arena, uint64_t keep);

/* How much may be lent, the same. */
#define MQCI_ARENA_LIMIT ((uint64_t)256 << 20)

void mqci_arena_limit(const mqci_arena *arena, uint64_t limit);

/*
 * Where the regions of a slot begin, 0 if there are none: the request's; the
 * reply's is at that + arena->region. The slot has others after it was abandoned.
 */
uint64_t mqci_arena_place(const mqci_arena *arena, unsigned slot);

/*
 * Where a request of `size` bytes for that place is to be written in memory, or
 * where a reply there lies. NULL: that must be copied, by the functions below.
 * MQC_RESOURCE_EXHAUSTED: there is no memory for it.
 */
int mqci_arena_request(mqci_arena *arena, uint64_t place, size_t size, void **ret_memory);
const void *mqci_arena_reply(mqci_arena *arena, uint64_t place, size_t size);

/* Put a request at its place, or get a reply from its. */
int mqci_arena_put(const mqci_arena *arena, uint64_t offset, const void *from, size_t size);
int mqci_arena_get(const mqci_arena *arena, uint64_t offset, void *to, size_t size);

/* A reply to a call that nobody waits for lies there. */
void mqci_arena_drop(const mqci_arena *arena, uint64_t place, size_t size);

/* The call of a slot, which has used its regions, is over: they keep some memory for the next. */
void mqci_arena_rest(mqci_arena *arena, unsigned slot, uint64_t place);

/* A call was lost, with a server that may have written anything: they keep none. */
void mqci_arena_lose(mqci_arena *arena, unsigned slot);

/*
 * The call of a slot will have no answer, or too late: the slot gets other
 * regions. If a thread has the call in hand still, it says when it leaves it; to
 * leave what was not abandoned does nothing.
 */
void mqci_arena_abandon(mqci_arena *arena, unsigned slot, bool in_hand);
void mqci_arena_leave(const mqci_arena *arena, uint64_t place);

/*
 * Lend the program memory, of at most arena->region bytes, that requests can refer
 * to; see berth.h. NULL: memory of the arena is of no use for that.
 */
int mqci_arena_lend(mqci_arena *arena, size_t size, void **ret_memory);

/* False: the memory is none of the arena's; what is was not lent is left alone. */
bool mqci_arena_return(mqci_arena *arena, const void *memory);

/* Whether anything is lent. */
static inline bool mqci_arena_lends(const mqci_arena *arena)
{
	return arena->base != 0 && mqci_berths_loans(arena->berths) > 0;
}

/* Whether bytes in memory are lent, all of them, and at what offset; they are held then. */
bool mqci_arena_hold_lent(mqci_arena *arena, const void *memory, size_t size, uint64_t *ret_offset);

/* The call at this place refers to what is lent at these offsets, until it is over. */
int mqci_arena_bind(const mqci_arena *arena, uint64_t place, const uint64_t *offsets, unsigned n);

/* What is lent is used by one more, and one less. */
void mqci_arena_hold(const mqci_arena *arena, uint64_t offset);
void mqci_arena_let_go(const mqci_arena *arena, uint64_t offset);

/* The same as the last, by where it is in memory; false: not in the arena's. */
bool mqci_arena_let_go_of(mqci_arena *arena, const void *memory);

/* Whether this is memory of the arena's. */
bool mqci_arena_has(const mqci_arena *arena, const void *memory);

/* Bytes that are known to be there; NULL: they must be copied. */
void *mqci_arena_at(mqci_arena *arena, uint64_t offset, size_t size);

/* The program keeps the reply of a call, and its slot gets other regions; false: it cannot. */
bool mqci_arena_keep_reply(mqci_arena *arena, unsigned slot, uint64_t place);

/* Remove the name; with the reply queue's gone before. */
void mqci_arena_unlink(const mqci_arena *arena);

void mqci_arena_close(mqci_arena *arena);

/*
 * In a forked child: let go of what is the parent's; and, when nobody looks at
 * what is mapped any more, of the rest.
 */
void mqci_arena_disown(mqci_arena *arena);
void mqci_arena_free(mqci_arena *arena);

/* ----------------------------------------------------------- of servers -- */

typedef struct mqci_arena_view {
	mqci_segment segment;
	pid_t pid;     /* the process of the client */
	bool borrowed; /* the client is of this process, and the segment is its own */
	bool in_place; /* it is of our user */
	uint64_t session;
	mqci_windows windows;
} mqci_arena_view;

#define MQCI_ARENA_VIEW_CLOSED ((mqci_arena_view){.segment = MQCI_SEGMENT_CLOSED})

/*
 * Look at the shared memory of the client of this session, which user `owner`
 * must own. MQC_NOT_FOUND: it has none; MQC_PERMISSION_DENIED: what is there
 * was not made by the process that the session names.
 */
int mqci_arena_open(uint64_t session, uid_t owner, mqci_arena_view *ret_view);

/* Whether the client is saying hello with this nonce to the servers of this queue. */
bool mqci_arena_says_hello(const mqci_arena_view *view, uint64_t nonce, ino_t requests);

/* The bytes of one of its regions, as it says; 0: there are none. */
uint64_t mqci_arena_region(const mqci_arena_view *view);

/* Whether somebody still waits for the call; in doubt somebody does. */
bool mqci_arena_wants(const mqci_arena_view *view, uint64_t call);

/* MQC_OUT_OF_RANGE: the client said what is not so; others: no memory, or not permitted. */
int mqci_arena_read(const mqci_arena_view *view, uint64_t offset, void *to, size_t size);
int mqci_arena_write(const mqci_arena_view *view, uint64_t offset, const void *from, size_t size);

/*
 * What a client of our own user has there, where it lies; NULL: it must be read.
 * It is the client's to change, or to cut, at any time.
 */
void *mqci_arena_look(mqci_arena_view *view, uint64_t offset, size_t size);

/*
 * Where a reply to a call of this client's, of `size` bytes, is to be written in
 * memory, for `offset` in its shared memory; NULL: it must be written by the function above.
 */
void *mqci_arena_room(mqci_arena_view *view, uint64_t call, uint64_t offset, size_t size);

/*
 * ... of which bytes from `begin` to `end` are not needed after all, or could not be had or
 * written, not all of them; before the reply is sent.
 */
void mqci_arena_unroom(mqci_arena_view *view, uint64_t call, uint64_t offset, size_t begin,
		       size_t end);

/* A reply is going to be sent: what was written there is the client's now. */
static inline void mqci_arena_hand_back(mqci_arena_view *view)
{
	mqci_order_release(view);
}

void mqci_arena_view_close(mqci_arena_view *view);

/* ---------------------------------------------------------- of everybody -- */

/* Remove the reply queues and shared memory of this user's clients that have died. */
void mqci_arena_sweep(void);

/* How many clients of this user live. */
unsigned mqci_arena_count(void);

#endif
