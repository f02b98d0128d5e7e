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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int atfork_result;

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

static void install(void)
{
	atfork_result = pthread_atfork(before_fork, after_fork, in_child);
}

int mqci_fork_register(mqci_forked *forked)
{
	(void)pthread_once(&once, install);
	if (atfork_result != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, atfork_result,
				 "cannot prepare for fork(): %s", strerror(atfork_result));
	(void)pthread_mutex_lock(&list_lock);
	forked->next = list;
	list = forked;
	(void)pthread_mutex_unlock(&list_lock);
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
	(void)pthread_mutex_unlock(&list_lock);
}
