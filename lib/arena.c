/*
 * arena.c - a client's shared memory, by which it also tells who it is.
 *
 * The lock is one of the classic kind, as only of these does the kernel tell
 * the holder. They are a process's: it loses them when it closes any descriptor
 * of the file. So a process opens its own clients' files once; `own` has them,
 * and a server in the same process borrows them from there.
 *
 * A hello's nonce does not stand in the segment, which strangers may be able to
 * read, but a hash of it: who knows the nonce can answer in the server's place.
 * The hash is of the queue, too, that the hello goes to.
 */
#include "arena.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "queue.h"

/* What stands there of a slot. */
struct front_slot {
	uint64_t given_up; /* its last call that was given up */
	uint64_t reply;    /* where its region for replies is, or 0; and of this, from the */
	uint64_t memory;   /* beginning on, so many bytes have memory that they will keep */
};

/* What the segment begins with. */
struct front {
	char magic[8];
	uint64_t hello;  /* the hash of a nonce, or 0 */
	uint64_t region; /* the bytes of one; 0: there are none */
	struct front_slot slots[];
};

static const char magic[8] = "mqarena1";

/* A client of this process, under its number. */
struct own {
	_Atomic unsigned users; /* 0: not in use; the client, and servers that borrow */
	uint64_t session;
	uid_t owner;
	int fd;
};

static struct own own[MQCI_PARTIES_MAX];

static struct own *own_of(uint64_t session)
{
	return &own[session % MQCI_PARTIES_MAX];
}

static bool own_claim(uint64_t session, int fd)
{
	struct own *mine = own_of(session);
	unsigned unused = 0;

	/* Beyond counting while it is being filled in. */
	if (!atomic_compare_exchange_strong(&mine->users, &unused, UINT32_MAX))
		return false;
	mine->session = session;
	mine->owner = geteuid();
	mine->fd = fd;
	atomic_store(&mine->users, 1);
	return true;
}

/* The last one closes the file. In a forked child there may be none: it was the parent's. */
static void own_return(uint64_t session)
{
	struct own *mine = own_of(session);
	unsigned users = atomic_load(&mine->users);
	int fd = mine->fd;

	do
		if (users == 0)
			return;
	while (!atomic_compare_exchange_weak(&mine->users, &users, users - 1));
	if (users == 1)
		(void)close(fd);
}

static bool own_borrow(uint64_t session, uid_t owner, int *ret_fd)
{
	struct own *mine = own_of(session);
	unsigned users = atomic_load(&mine->users);

	do
		if (users == 0 || users == UINT32_MAX)
			return false;
	while (!atomic_compare_exchange_weak(&mine->users, &users, users + 1));
	if (mine->session != session || mine->owner != owner) {
		own_return(session);
		return false;
	}
	*ret_fd = mine->fd;
	return true;
}

static bool is_own(uint64_t session)
{
	const struct own *mine = own_of(session);

	return atomic_load(&mine->users) > 0 && mine->session == session;
}

static uint64_t page_up(uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static uint64_t front_size(unsigned slots)
{
	return page_up(sizeof(struct front) + slots * sizeof(struct front_slot));
}

/* The bytes of all regions together. */
static uint64_t regions_size(const mqci_arena *arena)
{
	return 2 * (uint64_t)arena->slots * arena->region;
}

/* Let in the servers, if they are another user's. */
static int admit(mqci_arena *arena, uid_t server_uid)
{
	int r;

	arena->in_place = server_uid == geteuid() || server_uid == 0;
	if (arena->in_place)
		return MQC_OK;
	r = mqci_segment_admit(&arena->segment, server_uid);
	if (r != MQC_UNIMPLEMENTED)
		return r;
	/* What stands in front may be read by all; payloads may not. */
	arena->region = 0;
	return mqci_segment_set_mode(&arena->segment, 0644);
}

/* Give the regions their place; or none, if there is none. */
static int settle_regions(mqci_arena *arena)
{
	const uint64_t base = front_size(arena->slots);

	if (arena->region == 0 || base > INT64_MAX - regions_size(arena) ||
	    mqci_segment_grow(&arena->segment, base + regions_size(arena)) < 0)
		return MQC_OK;
	if (mqci_berths_new(arena->slots, arena->region, base, &arena->berths) < 0)
		return MQC_RESOURCE_EXHAUSTED;
	mqci_berths_keep(arena->berths, MQCI_ARENA_KEEP);
	mqci_berths_limit(arena->berths, MQCI_ARENA_LIMIT);
	arena->base = base;
	return MQC_OK;
}

int mqci_arena_create(uint64_t session, unsigned slots, size_t region, uid_t server_uid,
		      mqci_arena *ret_arena)
{
	mqci_arena arena = {.session = session, .slots = slots, .region = page_up(region)};
	char name[MQCI_NAME_SIZE];
	uint64_t region_told;
	int r;

	mqci_name_replies(session, name);
	r = mqci_segment_prepare(name, front_size(slots), &arena.segment);
	if (r < 0)
		return r;
	r = mqci_segment_put(&arena.segment, 0, magic, sizeof magic);
	if (r == MQC_OK)
		r = admit(&arena, server_uid);
	if (r == MQC_OK)
		r = mqci_segment_lock(&arena.segment);
	if (r == MQC_OK && !own_claim(session, arena.segment.fd))
		r = mqci_fail(MQC_ALREADY_EXISTS, 0, "the client %s is still in use", name);
	if (r < 0) {
		mqci_segment_close(&arena.segment);
		return r;
	}
	r = settle_regions(&arena);
	region_told = arena.base != 0 ? arena.region : 0;
	if (r == MQC_OK)
		r = mqci_segment_put(&arena.segment, offsetof(struct front, region), &region_told,
				     sizeof region_told);
	if (r == MQC_OK)
		r = mqci_segment_publish(&arena.segment);
	if (r < 0) {
		mqci_arena_close(&arena);
		return r;
	}
	*ret_arena = arena;
	return MQC_OK;
}

static uint64_t hash(uint64_t nonce, ino_t requests)
{
	const uint64_t hello[2] = {nonce, requests};
	uint64_t hashed[crypto_generichash_BYTES_MIN / sizeof(uint64_t)];

	if (nonce == 0)
		return 0;
	(void)crypto_generichash((unsigned char *)hashed, sizeof hashed,
				 (const unsigned char *)hello, sizeof hello, NULL, 0);
	return hashed[0] != 0 ? hashed[0] : 1;
}

int mqci_arena_say_hello(const mqci_arena *arena, uint64_t nonce, ino_t requests)
{
	uint64_t hello = hash(nonce, requests);

	return mqci_segment_put(&arena->segment, offsetof(struct front, hello), &hello,
				sizeof hello);
}

static uint64_t slot_at(unsigned slot)
{
	return offsetof(struct front, slots) + slot * sizeof(struct front_slot);
}

static uint64_t given_up_at(unsigned slot)
{
	return slot_at(slot) + offsetof(struct front_slot, given_up);
}

void mqci_arena_give_up(const mqci_arena *arena, uint64_t call)
{
	/* If it cannot be said, the call is served for nothing, which is allowed. */
	if (mqci_slot_of_call(call) < arena->slots)
		(void)mqci_segment_put(&arena->segment, given_up_at(mqci_slot_of_call(call)), &call,
				       sizeof call);
}

void mqci_arena_keep(const mqci_arena *arena, uint64_t keep)
{
	if (arena->base != 0)
		mqci_berths_keep(arena->berths, keep);
}

void mqci_arena_limit(const mqci_arena *arena, uint64_t limit)
{
	if (arena->base != 0)
		mqci_berths_limit(arena->berths, limit);
}

uint64_t mqci_arena_place(const mqci_arena *arena, unsigned slot)
{
	if (arena->base == 0 || slot >= arena->slots)
		return 0;
	return mqci_berths_place(arena->berths, slot);
}

int mqci_arena_request(mqci_arena *arena, uint64_t place, size_t size, void **ret_memory)
{
	void *memory = NULL;
	int r = MQC_OK;

	if (arena->in_place)
		memory = mqci_windows_find(&arena->windows, &arena->segment, place, arena->region);
	if (memory != NULL)
		r = mqci_berths_populate(arena->berths, &arena->segment, place, MQCI_REQUEST_REGION,
					 memory, size);
	if (r == MQC_OK)
		*ret_memory = memory;
	return r;
}

const void *mqci_arena_reply(mqci_arena *arena, uint64_t place, size_t size)
{
	if (!arena->in_place)
		return NULL;
	mqci_berths_note(arena->berths, place, MQCI_REPLY_REGION, size);
	return mqci_windows_find(&arena->windows, &arena->segment, place + arena->region, size);
}

/* Bytes at an offset have memory; it is one in regions, or these are not kept account of. */
static void note(const mqci_arena *arena, uint64_t offset, size_t size)
{
	if (arena->base != 0 && offset >= arena->base)
		mqci_berths_note(arena->berths, offset,
				 (offset - arena->base) / arena->region % 2 == 0
					 ? MQCI_REQUEST_REGION
					 : MQCI_REPLY_REGION,
				 size);
}

int mqci_arena_put(const mqci_arena *arena, uint64_t offset, const void *from, size_t size)
{
	note(arena, offset, size);
	return mqci_segment_put(&arena->segment, offset, from, size);
}

int mqci_arena_get(const mqci_arena *arena, uint64_t offset, void *to, size_t size)
{
	note(arena, offset, size);
	return mqci_segment_get(&arena->segment, offset, to, size);
}

void mqci_arena_drop(const mqci_arena *arena, uint64_t place, size_t size)
{
	if (place != 0)
		note(arena, place + arena->region, size);
}

/*
 * Tell servers how much of a slot's region for replies has memory. Who is told of another place
 * than he asks about, or cannot be told, takes it that there is none.
 */
static void tell_memory(mqci_arena *arena, unsigned slot)
{
	const uint64_t place = mqci_berths_place(arena->berths, slot);
	struct front_slot *told;

	if (!arena->in_place || !mqci_berths_tell(arena->berths, place))
		return;
	told = mqci_windows_find(&arena->windows, &arena->segment, slot_at(slot), sizeof *told);
	if (told == NULL)
		return;
	__atomic_store_n(&told->reply, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&told->memory, mqci_berths_memory(arena->berths, place, MQCI_REPLY_REGION),
			 __ATOMIC_RELEASE);
	__atomic_store_n(&told->reply, place + arena->region, __ATOMIC_RELEASE);
}

void mqci_arena_rest(mqci_arena *arena, unsigned slot, uint64_t place)
{
	if (arena->base == 0)
		return;
	mqci_berths_rest(arena->berths, &arena->segment, place);
	if (place == mqci_berths_place(arena->berths, slot))
		tell_memory(arena, slot);
}

void mqci_arena_lose(mqci_arena *arena, unsigned slot)
{
	if (arena->base == 0)
		return;
	mqci_berths_lose(arena->berths, &arena->segment, mqci_arena_place(arena, slot));
	tell_memory(arena, slot);
}

void mqci_arena_abandon(mqci_arena *arena, unsigned slot, bool in_hand)
{
	if (arena->base == 0)
		return;
	mqci_berths_abandon(arena->berths, &arena->segment, slot, in_hand);
	tell_memory(arena, slot);
}

void mqci_arena_leave(const mqci_arena *arena, uint64_t place)
{
	if (arena->base != 0)
		mqci_berths_leave(arena->berths, &arena->segment, place);
}

int mqci_arena_lend(mqci_arena *arena, size_t size, void **ret_memory)
{
	void *memory = NULL;
	uint64_t place;
	int r = MQC_OK;

	*ret_memory = NULL;
	if (!arena->in_place || arena->base == 0)
		return MQC_OK;
	r = mqci_berths_lend(arena->berths, &arena->segment, size, &place);
	if (r < 0)
		return r;
	memory = mqci_windows_find(&arena->windows, &arena->segment, place, arena->region);
	if (memory != NULL)
		r = mqci_berths_populate(arena->berths, &arena->segment, place, MQCI_REQUEST_REGION,
					 memory, size);
	if (memory == NULL || r < 0)
		(void)mqci_berths_return(arena->berths, &arena->segment, place);
	if (r == MQC_OK)
		*ret_memory = memory;
	return r;
}

bool mqci_arena_return(mqci_arena *arena, const void *memory)
{
	uint64_t offset;

	if (!mqci_windows_offset(&arena->windows, memory, 1, &offset))
		return false;
	(void)mqci_berths_return(arena->berths, &arena->segment, offset);
	return true;
}

bool mqci_arena_hold_lent(mqci_arena *arena, const void *memory, size_t size, uint64_t *ret_offset)
{
	return mqci_berths_loans(arena->berths) > 0 &&
	       mqci_windows_offset(&arena->windows, memory, size, ret_offset) &&
	       mqci_berths_hold_lent(arena->berths, *ret_offset, size);
}

int mqci_arena_bind(const mqci_arena *arena, uint64_t place, const uint64_t *offsets, unsigned n)
{
	return mqci_berths_bind(arena->berths, &arena->segment, place, offsets, n);
}

void mqci_arena_hold(const mqci_arena *arena, uint64_t offset)
{
	mqci_berths_hold(arena->berths, offset);
}

void mqci_arena_let_go(const mqci_arena *arena, uint64_t offset)
{
	mqci_berths_drop(arena->berths, &arena->segment, offset);
}

bool mqci_arena_let_go_of(mqci_arena *arena, const void *memory)
{
	uint64_t offset;

	if (!mqci_windows_offset(&arena->windows, memory, 1, &offset))
		return false;
	mqci_arena_let_go(arena, offset);
	return true;
}

bool mqci_arena_has(const mqci_arena *arena, const void *memory)
{
	uint64_t offset;

	return mqci_windows_offset(&arena->windows, memory, 1, &offset);
}

void *mqci_arena_at(mqci_arena *arena, uint64_t offset, size_t size)
{
	return arena->in_place ? mqci_windows_find(&arena->windows, &arena->segment, offset, size)
			       : NULL;
}

bool mqci_arena_keep_reply(mqci_arena *arena, unsigned slot, uint64_t place)
{
	if (!mqci_berths_keep_reply(arena->berths, &arena->segment, slot, place))
		return false;
	tell_memory(arena, slot);
	return true;
}

void mqci_arena_unlink(const mqci_arena *arena)
{
	mqci_segment_unlink(arena->segment.name);
}

void mqci_arena_free(mqci_arena *arena)
{
	mqci_windows_close(&arena->windows);
	arena->berths = mqci_berths_free(arena->berths);
	arena->base = 0;
}

void mqci_arena_close(mqci_arena *arena)
{
	if (arena->segment.fd >= 0)
		own_return(arena->session);
	arena->segment.fd = -1;
	mqci_arena_free(arena);
}

void mqci_arena_disown(mqci_arena *arena)
{
	if (arena->segment.fd < 0)
		return;
	atomic_store(&own_of(arena->session)->users, 0);
	mqci_segment_close(&arena->segment);
}

/* ----------------------------------------------------------- of servers -- */

static int fail_unproven(const char *name, const char *why)
{
	return mqci_fail(MQC_PERMISSION_DENIED, 0,
			 "/dev/shm%s is not of the client that it is named after: %s", name, why);
}

/* Open it, and have the kernel tell who holds the lock. */
static int open_strangers(const char *name, uid_t owner, mqci_arena_view *view)
{
	uint64_t process = mqci_party_process(view->session);
	int r;

	r = mqci_segment_visit(name, owner, &view->segment);
	if (r < 0)
		return r;
	view->pid = mqci_segment_locker(&view->segment);
	if (view->pid == mqci_process_pid(process) && mqci_process_alive(process))
		return MQC_OK;
	mqci_segment_close(&view->segment);
	return fail_unproven(name, "no such process has it locked");
}

int mqci_arena_open(uint64_t session, uid_t owner, mqci_arena_view *ret_view)
{
	mqci_arena_view view = {.session = session, .segment = MQCI_SEGMENT_CLOSED};
	char name[MQCI_NAME_SIZE], begins_with[sizeof magic];
	int r = MQC_OK;

	mqci_name_replies(session, name);
	if (mqci_process_pid(mqci_party_process(session)) != getpid()) {
		r = open_strangers(name, owner, &view);
	} else if (own_borrow(session, owner, &view.segment.fd)) {
		memcpy(view.segment.name, name, sizeof name);
		view.borrowed = true;
		view.pid = getpid();
	} else {
		r = mqci_fail(MQC_NOT_FOUND, 0, "this process has no client %s", name);
	}
	if (r < 0)
		return r;
	r = mqci_segment_get(&view.segment, 0, begins_with, sizeof begins_with);
	if (r == MQC_OK && memcmp(begins_with, magic, sizeof magic) != 0)
		r = fail_unproven(name, "it does not begin so");
	if (r < 0) {
		mqci_arena_view_close(&view);
		return r;
	}
	view.in_place = owner == geteuid();
	*ret_view = view;
	return MQC_OK;
}

bool mqci_arena_says_hello(const mqci_arena_view *view, uint64_t nonce, ino_t requests)
{
	uint64_t hello;

	return nonce != 0 &&
	       mqci_segment_get(&view->segment, offsetof(struct front, hello), &hello,
				sizeof hello) == MQC_OK &&
	       hello == hash(nonce, requests);
}

uint64_t mqci_arena_region(const mqci_arena_view *view)
{
	uint64_t region;

	if (mqci_segment_get(&view->segment, offsetof(struct front, region), &region,
			     sizeof region) < 0 ||
	    region > MQCI_REGION_MAX)
		return 0;
	return region;
}

bool mqci_arena_wants(const mqci_arena_view *view, uint64_t call)
{
	uint64_t given_up;

	return call == 0 ||
	       mqci_segment_get(&view->segment, given_up_at(mqci_slot_of_call(call)), &given_up,
				sizeof given_up) < 0 ||
	       given_up != call;
}

int mqci_arena_read(const mqci_arena_view *view, uint64_t offset, void *to, size_t size)
{
	return mqci_segment_get(&view->segment, offset, to, size);
}

int mqci_arena_write(const mqci_arena_view *view, uint64_t offset, const void *from, size_t size)
{
	return mqci_segment_put(&view->segment, offset, from, size);
}

void *mqci_arena_look(mqci_arena_view *view, uint64_t offset, size_t size)
{
	mqci_order_acquire(view);
	return view->in_place ? mqci_windows_find(&view->windows, &view->segment, offset, size)
			      : NULL;
}

/* How many bytes at an offset, where the call's region for replies begins, have memory. */
static uint64_t memory_told(mqci_arena_view *view, uint64_t call, uint64_t offset)
{
	const struct front_slot *told;
	uint64_t memory;

	told = mqci_windows_find(&view->windows, &view->segment, slot_at(mqci_slot_of_call(call)),
				 sizeof *told);
	if (told == NULL)
		return 0;
	memory = __atomic_load_n(&told->memory, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&told->reply, __ATOMIC_ACQUIRE) == offset ? memory : 0;
}

void *mqci_arena_room(mqci_arena_view *view, uint64_t call, uint64_t offset, size_t size)
{
	void *memory = NULL;

	mqci_order_acquire(view);
	if (view->in_place)
		memory = mqci_windows_find(&view->windows, &view->segment, offset, size);
	if (memory == NULL || size <= memory_told(view, call, offset))
		return memory;
	return mqci_segment_populate(&view->segment, offset, memory, size) == MQC_OK ? memory
										     : NULL;
}

void mqci_arena_unroom(mqci_arena_view *view, uint64_t call, uint64_t offset, size_t begin,
		       size_t end)
{
	const uint64_t told = view->in_place ? memory_told(view, call, offset) : 0;

	if (begin < told)
		begin = told;
	begin = page_up(begin);
	end = page_up(end);
	if (begin < end)
		mqci_segment_forget(&view->segment, offset + begin, end - begin);
}

void mqci_arena_view_close(mqci_arena_view *view)
{
	mqci_windows_close(&view->windows);
	if (view->borrowed && view->segment.fd >= 0)
		own_return(view->session);
	else
		mqci_segment_close(&view->segment);
	*view = MQCI_ARENA_VIEW_CLOSED;
}

/* ---------------------------------------------------------- of everybody -- */

struct look {
	bool sweep;
	unsigned living;
};

/*
 * Whether the client of this user's whose shared memory has this name is gone:
 * then nobody has it locked, for it got its name when it was. That of another
 * user, or what cannot be looked at, is not gone, and is not counted.
 */
static bool is_gone(const char *name, uint64_t session, bool *ret_counts)
{
	mqci_segment segment;
	pid_t locker;

	if (mqci_process_pid(mqci_party_process(session)) == getpid()) {
		/* Our own must not be opened again. */
		*ret_counts = is_own(session);
		if (*ret_counts)
			return false;
	}
	*ret_counts = false;
	if (mqci_segment_visit(name, geteuid(), &segment) < 0)
		return false;
	locker = mqci_segment_locker(&segment);
	mqci_segment_close(&segment);
	*ret_counts = locker != 0;
	return locker == 0;
}

static bool see(const char *name, void *data)
{
	struct look *look = data;
	uint64_t session;
	bool counts;

	if (!mqci_name_parse_replies(name, &session))
		return true;
	if (is_gone(name, session, &counts) && look->sweep) {
		/* In this order: without the segment, nobody would look for the queue. */
		(void)mqci_queue_unlink(name);
		mqci_segment_unlink(name);
	}
	look->living += counts;
	return true;
}

void mqci_arena_sweep(void)
{
	struct look look = {.sweep = true};

	(void)mqci_segment_list(see, &look);
}

unsigned mqci_arena_count(void)
{
	struct look look = {.sweep = false};

	(void)mqci_segment_list(see, &look);
	return look.living;
}
