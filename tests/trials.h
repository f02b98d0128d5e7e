/*
 * trials.h - a process that is tried: each fault in turn, at each place where it can strike.
 *
 * A trial is one process, the subject, in which the n-th call of one function
 * fails. It is repeated for n = 1, 2, ... until a run in which nothing failed
 * any more, then with all calls from some n on failing, and for every fault.
 * The process that starts it plays the other side.
 *
 * The subject is this very program, run anew: a child of fork() alone would
 * begin with what the library has done in its parent. What the two tell each
 * other is in memory that both see.
 */
#ifndef TRIALS_H
#define TRIALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "faults.h"

/* A time limit for calls while things fail; one that is up is a clear answer, too. */
#define TRIAL_MS 500

/* What the subject and the test tell each other. */
struct trial {
	char endpoint[65];     /* for it alone */
	unsigned fault_number; /* in faults[] */
	unsigned n;            /* the call that fails */
	bool for_good;         /* and all that follow */
	pid_t subject;
	atomic_ullong process; /* the subject's id, see name.h */
	atomic_bool struck;
	atomic_bool over; /* nothing fails any more */
	_Atomic uintptr_t where;
	atomic_bool late;         /* something took all the time that it had */
	atomic_uint outcomes[17]; /* of the library's functions meanwhile, by code */
	atomic_int step;          /* for those who wait for each other */
	atomic_uint sure;         /* how many calls have been executed, as their callers know */
	atomic_uint doubtful;     /* ... and may have been */
	atomic_uint oneway;       /* of the first, so many that were one-way */
	atomic_llong told;        /* for whatever the sides have to tell */
	unsigned descriptors;     /* that the subject had at first */
	unsigned threads;
	atomic_bool complained;
	char complaint[1024];
};

struct trial_plan {
	const char *name;
	bool brief;  /* no trials in which a fault goes on for good */
	bool sparse; /* ... or not from every place: there are many, and each takes long */
	/* For all trials of one process: there are several, so that it takes less time. */
	void (*begin)(struct trial *trial, void *data);
	void (*end)(struct trial *trial, void *data);
	/* In that process, before there is a subject, beside it, and when it has ended. */
	void (*before)(struct trial *trial, void *data);
	void (*beside)(struct trial *trial, void *data);
	void (*after)(struct trial *trial, void *data);
	/* The subject. Between trial_begin() and trial_end() it does what is to be tried. */
	void (*subject)(struct trial *trial, void *data);
	void *data;
};

/* Try all faults; fails the Check test that it is called in when there was a complaint. */
void trials_run(const struct trial_plan *plan);

/* Print how often each fault has struck, and what came of it, since the program's start. */
void trials_print(void);

/*
 * To be called first in main(), with all plans, and NULL behind them: a subject
 * does what it is for, and ends here.
 */
void trials_prepare(int argc, char **argv, const struct trial_plan *const *plans);

static inline const struct fault *trial_fault(const struct trial *trial)
{
	return &faults[trial->fault_number];
}

/* In the subject: remember what there is; and from now on things fail. */
void trial_begin(struct trial *trial);
void trial_arm(struct trial *trial);

/* Nothing fails any more; what was opened since trial_begin() must be closed, and threads ended. */
void trial_end(struct trial *trial);

/*
 * Look at what a function of the library returned, having been called at `begun`
 * (support_now_ms()) with a limit of `ms`: it must have an error, and must be in time.
 */
int trial_outcome(struct trial *trial, const char *what, int r, int64_t begun, int ms);

/* The queue, or the segment, should be gone; in the test's process it is then removed. */
void trial_check_gone(struct trial *trial, const char *name, bool queue);

/* The same of all that servers of the trial's endpoint make. */
void trial_check_endpoint(struct trial *trial);

/* So many calls were executed: as their callers were told? `serves`: by the subject. */
void trial_check_executed(struct trial *trial, int64_t executed, bool serves);

/* Something is wrong: kept for the test to tell. The first complaint counts. */
void trial_complain(struct trial *trial, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* Tell the other side how far one is; wait until it is so far: false if that never comes. */
void trial_step(struct trial *trial, int step);
bool trial_await(struct trial *trial, int step);

#endif
