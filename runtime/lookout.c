/*
 * lookout.c - whether the servers of an endpoint live: for those who wait for them.
 *
 * The names are looked at when the directory they are in has changed, and once
 * more after that, as its time stamps are coarse; and now and then in any case.
 */
#include "lookout.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often to look for new servers, in ns: if there may be some, and in any case. */
#define OFTEN (200 * INT64_C(1000000))
#define SELDOM (1000 * INT64_C(1000000))

/* Servers beyond so many are not watched by descriptors. */
#define POLLED_MAX 64

void mqci_lookout_init(mqci_lookout *lookout, const char *endpoint, uid_t owner)
{
	*lookout = (mqci_lookout){
		.endpoint = endpoint, .owner = owner, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static pid_t pid_of(uint64_t party)
{
	return mqci_process_pid(mqci_party_process(party));
}

static bool is_alive(const mqci_lookout *lookout, const mqci_watched *server)
{
	return mqci_presence_is_alive(lookout->endpoint, server->party, lookout->owner);
}

/* What no descriptor tells: that its process is another program now. */
static bool is_forsaken(const mqci_lookout *lookout, const mqci_watched *server)
{
	return mqci_presence_is_forsaken(lookout->endpoint, server->party, lookout->owner);
}

static void forget(mqci_watched *server)
{
	if (server->process >= 0)
		(void)close(server->process);
	server->process = -1;
}

/* Tell once of what a server had in hand that is found dead. */
static void find_dead(mqci_lookout *lookout, mqci_watched *server, int64_t now, mqci_lost lost,
		      void *data)
{
	(void)pthread_mutex_lock(&lookout->lock);
	forget(server);
	(void)pthread_mutex_unlock(&lookout->lock);
	server->dead = true;
	lookout->last_death = now;
	mqci_presence_in_hand(lookout->endpoint, server->party, lookout->owner, lost, data);
}

static mqci_watched *find(const mqci_lookout *lookout, uint64_t party)
{
	for (unsigned i = 0; i < lookout->count; i++)
		if (lookout->servers[i].party == party)
			return &lookout->servers[i];
	return NULL;
}

/* A new one to watch. Without memory there is none: it is looked for again. */
static void add_locked(mqci_lookout *lookout, uint64_t party)
{
	mqci_watched *servers = lookout->servers,
		     server = {.party = party, .there = true, .fresh = true};

	if (lookout->count == lookout->room) {
		unsigned room = lookout->room > 0 ? 2 * lookout->room : 4;

		servers = realloc(servers, room * sizeof *servers);
		if (servers == NULL)
			return;
		lookout->servers = servers;
		lookout->room = room;
	}
	server.process =
		lookout->count < POLLED_MAX ? (int)syscall(SYS_pidfd_open, pid_of(party), 0) : -1;
	servers[lookout->count++] = server;
}

static void add(mqci_lookout *lookout, uint64_t party)
{
	(void)pthread_mutex_lock(&lookout->lock);
	add_locked(lookout, party);
	(void)pthread_mutex_unlock(&lookout->lock);
}

static bool see(uint64_t party, void *data)
{
	mqci_lookout *lookout = data;
	mqci_watched *server = find(lookout, party);

	if (server != NULL)
		server->there = true;
	else if (mqci_presence_is_of(lookout->endpoint, party, lookout->owner))
		add(lookout, party);
	return true;
}

/* Drop those whose names have gone: they have left, or were swept, and their callers told. */
static void drop_absent(mqci_lookout *lookout)
{
	unsigned kept = 0;

	(void)pthread_mutex_lock(&lookout->lock);
	for (unsigned i = 0; i < lookout->count; i++) {
		if (lookout->servers[i].there)
			lookout->servers[kept++] = lookout->servers[i];
		else
			forget(&lookout->servers[i]);
	}
	lookout->count = kept;
	(void)pthread_mutex_unlock(&lookout->lock);
}

/* Look at the names, if there may be news. */
static void list(mqci_lookout *lookout, int64_t now)
{
	mqci_segment_stamp stamp = mqci_segment_stamp_now();
	bool same = mqci_segment_same_stamp(&stamp, &lookout->stamp);

	if (lookout->listed != 0 &&
	    now - lookout->listed < (same && lookout->settled ? SELDOM : OFTEN))
		return;
	for (unsigned i = 0; i < lookout->count; i++)
		lookout->servers[i].there = false;
	if (mqci_presence_list(lookout->endpoint, see, lookout) < 0)
		return;
	drop_absent(lookout);
	lookout->settled = same && lookout->listed != 0;
	lookout->listed = now;
	lookout->stamp = stamp;
}

/* Find out which of those with a descriptor have ended: by one system call. */
static void poll_all(const mqci_lookout *lookout, bool ended[POLLED_MAX])
{
	struct pollfd polled[POLLED_MAX];
	unsigned count = lookout->count < POLLED_MAX ? lookout->count : POLLED_MAX;

	for (unsigned i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = lookout->servers[i].process, .events = POLLIN};
	if (poll(polled, count, 0) <= 0)
		return;
	for (unsigned i = 0; i < count; i++)
		ended[i] = polled[i].revents != 0;
}

void mqci_lookout_look(mqci_lookout *lookout, int64_t now, mqci_lost lost, void *data)
{
	bool ended[POLLED_MAX] = {false};
	unsigned known;

	/* Before names are dropped: one who dies and is swept now has died, all the same. */
	known = lookout->count;
	poll_all(lookout, ended);
	for (unsigned i = 0; i < known; i++) {
		mqci_watched *server = &lookout->servers[i];

		if (server->dead)
			continue;
		if (i < POLLED_MAX && server->process >= 0
			    ? ended[i] || is_forsaken(lookout, server)
			    : !is_alive(lookout, server))
			find_dead(lookout, server, now, lost, data);
	}
	list(lookout, now);
	/* New ones may have died already; or their pids be those of others by now. */
	for (unsigned i = 0; i < lookout->count; i++) {
		mqci_watched *server = &lookout->servers[i];

		if (!server->fresh)
			continue;
		server->met = now;
		server->fresh = false;
		if (!server->dead && !is_alive(lookout, server))
			find_dead(lookout, server, now, lost, data);
	}
}

bool mqci_lookout_sees_any(const mqci_lookout *lookout, int64_t met)
{
	for (unsigned i = 0; i < lookout->count; i++)
		if (!lookout->servers[i].dead && lookout->servers[i].met <= met)
			return true;
	return false;
}

void mqci_lookout_hands(const mqci_lookout *lookout, mqci_lost tell, void *data)
{
	for (unsigned i = 0; i < lookout->count; i++)
		mqci_presence_in_hand(lookout->endpoint, lookout->servers[i].party, lookout->owner,
				      tell, data);
}

void mqci_lookout_rest(mqci_lookout *lookout)
{
	/* What another thread did at fork() is never finished. */
	if (pthread_mutex_trylock(&lookout->lock) != 0)
		return;
	for (unsigned i = 0; i < lookout->count; i++)
		forget(&lookout->servers[i]);
	free(lookout->servers);
	lookout->servers = NULL;
	lookout->count = lookout->room = 0;
	(void)pthread_mutex_unlock(&lookout->lock);
	mqci_lookout_init(lookout, lookout->endpoint, lookout->owner);
}
