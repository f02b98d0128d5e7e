/*
 * arena.h - a client's shared memory, by which it also tells who it is.
 *
 * One segment a client, named as its reply queue. Its servers read it, and may
 * write replies there that the queue does not carry; they never map it, so that
 * a client who cuts it harms only himself. As he holds a lock on it while he
 * lives, it also tells
 *
 *   - which process the client is, which the kernel says of the lock;
 *   - that it was this client who said a hello, which stands here meanwhile;
 *   - which of his calls he has given up;
 *   - what clients that have died have left, who hold no lock any more.
 *
 * In front lie three words and one a slot; then, from the beginning of a page,
 * two regions a slot: the request's, and next to it the reply's. They take no
 * memory before they are used. A slot owns its regions, so that there is
 * nothing to allocate and nothing to fragment. After a session that has ended,
 * regions lie elsewhere: a server that answers late writes where nobody looks.
 */
#ifndef MQCI_ARENA_H
#define MQCI_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "segment.h"

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

/*
 * Where the regions of a slot begin, 0 if there are none: the request's; the
 * reply's is at that + arena->region. Not while another thread renews.
 */
uint64_t mqci_arena_place(const mqci_arena *arena, unsigned slot);

/* From now on, regions lie elsewhere. */
void mqci_arena_renew(mqci_arena *arena);

/* Put a request at its place, or get a reply from its. */
int mqci_arena_put(const mqci_arena *arena, uint64_t offset, const void *from, size_t size);
int mqci_arena_get(const mqci_arena *arena, uint64_t offset, void *to, size_t size);

/* Use `size` bytes at `offset` where they lie; only if arena->in_place. */
int mqci_arena_map(const mqci_arena *arena, uint64_t offset, size_t size, void **ret_memory);
void mqci_arena_unmap(void *memory, size_t size);

/* Give the memory of a slot's regions back if `size` bytes there are worth it. */
void mqci_arena_trim(const mqci_arena *arena, uint64_t place, size_t size);

/* Remove the name; with the reply queue's gone before. */
void mqci_arena_unlink(const mqci_arena *arena);

void mqci_arena_close(mqci_arena *arena);

/* In a forked child: let go of what is the parent's. */
void mqci_arena_disown(mqci_arena *arena);

/* ----------------------------------------------------------- of servers -- */

typedef struct mqci_arena_view {
	mqci_segment segment;
	pid_t pid;     /* the process of the client */
	bool borrowed; /* the client is of this process, and the segment is its own */
	uint64_t session;
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

void mqci_arena_view_close(mqci_arena_view *view);

/* ---------------------------------------------------------- of everybody -- */

/* Remove the reply queues and shared memory of this user's clients that have died. */
void mqci_arena_sweep(void);

/* How many clients of this user live. */
unsigned mqci_arena_count(void);

#endif
