/*
 * fork.c - what a forked child must not touch.
 *
 * pthread_atfork() handlers are for good, so there is one set of them, and a
 * list of those who want to be told. The list is locked across fork().
 */
#include "fork.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "error.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static mqci_forked *list;

static bool installed;

static void before_fork(void)
{
	(void)pthread_mutex_lock(&list_lock);
	for (mqci_forked *forked = list; forked != NULL; forked = forked->next)
		if (forked->before != NULL)
			forked->before(forked);
}

static void after_fork(void)
{
	for (mqci_forked *forked = list; forked != NULL; forked = forked->next)
		if (forked->after != NULL)
			forked->after(forked);
	(void)pthread_mutex_unlock(&list_lock);
}

static void in_child(void)
{
	for (mqci_forked *forked = list; forked != NULL; forked = forked->next)
		forked->child(forked);
	(void)pthread_mutex_unlock(&list_lock);
}

int mqci_fork_register(mqci_forked *forked)
{
	int r = 0;

	(void)pthread_mutex_lock(&list_lock);
	/* Without memory it fails, and can be tried again. */
	if (!installed)
		r = pthread_atfork(before_fork, after_fork, in_child);
	installed = r == 0;
	if (installed && !forked->listed) {
		forked->listed = true;
		forked->next = list;
		list = forked;
	}
	(void)pthread_mutex_unlock(&list_lock);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot prepare for fork(): %s",
				 strerror(r));
	return MQC_OK;
}

void mqci_fork_unregister(mqci_forked *forked)
{
	mqci_forked **link = &list;

	(void)pthread_mutex_lock(&list_lock);
	while (*link != NULL && *link != forked)
		link = &(*link)->next;
	if (*link != NULL)
		*link = forked->next;
	forked->listed = false;
	(void)pthread_mutex_unlock(&list_lock);
}
