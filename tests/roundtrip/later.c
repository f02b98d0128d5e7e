/*
 * later.c - a thread that finishes calls, in the order in which they were deferred.
 *
 * Each lies in a list, in its own memory.
 */
#include "later.h"

#include <pthread.h>
#include <stdlib.h>

struct job {
	struct job *next;
	mqc_call *call;
	later_finish *finish;
	const void *what;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t waiting = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;

static struct job take(void)
{
	struct job job;

	(void)pthread_mutex_lock(&lock);
	while (first == NULL)
		(void)pthread_cond_wait(&waiting, &lock);
	job = *first;
	first = job.next;
	if (first == NULL)
		last = &first;
	(void)pthread_mutex_unlock(&lock);
	return job;
}

static void *run(void *unused)
{
	for (;;) {
		struct job job = take();

		/* Whether it is an answer is for its caller to see. */
		(void)job.finish(job.call, job.what);
	}
	return unused;
}

static void start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) != 0 || pthread_detach(thread) != 0)
		abort();
}

int later(mqc_call *call, later_finish *finish, const void *what)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct job *job = mqc_call_alloc(call, sizeof *job);
	int r;

	(void)pthread_once(&once, start);
	if (job == NULL)
		abort();
	*job = (struct job){.call = call, .finish = finish, .what = what};
	if ((r = mqc_call_defer(call)) < 0)
		return r;
	(void)pthread_mutex_lock(&lock);
	*last = job;
	last = &job->next;
	(void)pthread_cond_signal(&waiting);
	(void)pthread_mutex_unlock(&lock);
	return MQC_OK;
}
