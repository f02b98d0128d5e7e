/*
 * people.h - other users: processes that are somebody else's, as the kernel sees it.
 *
 * Only root can make them, of uids that nobody has; where that is not possible,
 * a test says so and is skipped. They are forked and never executed, so that it
 * does not matter whether others may look into the folder of the tests.
 */
#ifndef PEOPLE_H
#define PEOPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "support.h"

struct person {
	uid_t uid;
	gid_t gid;
	gid_t member_of; /* one more group */
};

/*
 * Person number 0 to 3: with a uid, and a group of the same number, that no
 * other test has; number 2 is in the group of number 0, too.
 */
struct person person(unsigned number);

/* Whether there can be other users here; prints why not. */
bool people_possible(void);

/* Become somebody else for good; false where that is not permitted. */
bool person_become(const struct person *person);

/* Run `body` in a process of somebody's: its exit status. It asserts what it likes. */
int person_does(const struct person *person, int (*body)(void *data), void *data);

/* The same, going on meanwhile; killed when the test ends. `person_waits` gives the status. */
pid_t person_begins(const struct person *person, int (*body)(void *data), void *data);
int person_waits(pid_t pid);

/*
 * A server process of somebody's, as peer_start() starts one of ours; options
 * may be NULL. peer_stop() and peer_kill() end it.
 */
struct peer person_serves(const struct person *person, const char *endpoint,
			  const mqc_server_options *options);

/* ---------------------------------------------------------------- callers -- */

/* A process of somebody's with a client, that calls when it is told to. */
struct caller {
	pid_t pid;
	int orders, answers;
	uint64_t session;
};

/* What came of it. */
struct answer {
	int status;
	bool maybe_executed;
	int64_t value;
	char text[512];
};

/* What can be asked of it beside the methods of things.h. */
enum {
	CALLER_WAITING = -1, /* how many messages wait in its reply queue */
	CALLER_ECHO = -2,    /* echo a text of so many bytes; gives how many came back */
	CALLER_END = -3      /* what caller_end() tells it */
};

/* Start one; options may be NULL. It must be able to open its client. */
struct caller caller_start(const struct person *person, const char *endpoint,
			   const mqc_client_options *options);

/* Have it do something; both in one, or one after the other. */
struct answer caller_does(const struct caller *caller, int method, int64_t value);
void caller_begins(const struct caller *caller, int method, int64_t value);
struct answer caller_answers(const struct caller *caller);

/* The same, and it must succeed: its value. */
int64_t caller_gets(const struct caller *caller, int method, int64_t value);

/* Have it close its client and end. */
void caller_end(struct caller *caller);

/* Kill it. */
void caller_kill(struct caller *caller);

#endif
