/*
 * cancel.c - a request to give calls up, which every kind of waiting hears.
 *
 * An eventfd that is written to once and never read. In a forked child it is
 * closed, for it is the parent's, whose calls are none of the child's business.
 */
#include "cancel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "fork.h"

struct mqc_cancel {
	pthread_mutex_t lock;
	atomic_bool requested;
	int event;
	mqci_cancel_link *links;
	mqci_forked forked;
};

static mqc_cancel *cancel_of(mqci_forked *forked)
{
	return (mqc_cancel *)(void *)((char *)forked - offsetof(mqc_cancel, forked));
}

static void before_fork(mqci_forked *forked)
{
	(void)pthread_mutex_lock(&cancel_of(forked)->lock);
}

static void after_fork(mqci_forked *forked)
{
	(void)pthread_mutex_unlock(&cancel_of(forked)->lock);
}

/* The threads that wait did not come along. */
static void in_child(mqci_forked *forked)
{
	mqc_cancel *cancel = cancel_of(forked);

	if (cancel->event >= 0)
		(void)close(cancel->event);
	cancel->event = -1;
	cancel->links = NULL;
	after_fork(forked);
}

int mqc_cancel_new(mqc_cancel **ret_cancel)
{
	mqc_cancel *cancel;
	int r;

	cancel = calloc(1, sizeof *cancel);
	if (cancel == NULL)
		return mqci_no_memory("a cancellation");
	cancel->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel->event < 0) {
		r = mqci_no_descriptor("an eventfd");
		goto fail_memory;
	}
	r = pthread_mutex_init(&cancel->lock, NULL);
	if (r != 0) {
		r = mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
		goto fail_event;
	}
	cancel->forked =
		(mqci_forked){.before = before_fork, .after = after_fork, .child = in_child};
	r = mqci_fork_register(&cancel->forked);
	if (r < 0)
		goto fail_mutex;
	*ret_cancel = cancel;
	return MQC_OK;

fail_mutex:
	(void)pthread_mutex_destroy(&cancel->lock);
fail_event:
	(void)close(cancel->event);
fail_memory:
	free(cancel);
	return r;
}

void mqc_cancel_request(mqc_cancel *cancel)
{
	(void)pthread_mutex_lock(&cancel->lock);
	if (!atomic_exchange(&cancel->requested, true)) {
		/* The first write into an eventfd always finds room. */
		if (cancel->event >= 0)
			(void)eventfd_write(cancel->event, 1);
		for (mqci_cancel_link *link = cancel->links; link != NULL; link = link->next)
			link->wake(link);
	}
	(void)pthread_mutex_unlock(&cancel->lock);
}

mqc_cancel *mqc_cancel_free(mqc_cancel *cancel)
{
	if (cancel == NULL)
		return NULL;
	mqci_fork_unregister(&cancel->forked);
	if (cancel->event >= 0)
		(void)close(cancel->event);
	(void)pthread_mutex_destroy(&cancel->lock);
	free(cancel);
	return NULL;
}

bool mqci_cancel_was_requested(const mqc_cancel *cancel)
{
	return atomic_load(&cancel->requested);
}

int mqci_cancel_descriptor(const mqc_cancel *cancel)
{
	return cancel != NULL ? cancel->event : -1;
}

void mqci_cancel_attach(mqc_cancel *cancel, mqci_cancel_link *link)
{
	if (cancel == NULL)
		return;
	(void)pthread_mutex_lock(&cancel->lock);
	link->next = cancel->links;
	cancel->links = link;
	if (atomic_load(&cancel->requested))
		link->wake(link);
	(void)pthread_mutex_unlock(&cancel->lock);
}

void mqci_cancel_detach(mqc_cancel *cancel, mqci_cancel_link *link)
{
	mqci_cancel_link **at;

	if (cancel == NULL)
		return;
	(void)pthread_mutex_lock(&cancel->lock);
	at = &cancel->links;
	while (*at != NULL && *at != link)
		at = &(*at)->next;
	if (*at != NULL)
		*at = link->next;
	(void)pthread_mutex_unlock(&cancel->lock);
}

void mqci_cancel_sleep(const mqc_cancel *cancel, int64_t until)
{
	struct pollfd requested = {.fd = mqci_cancel_descriptor(cancel), .events = POLLIN};
	struct timespec left;
	int64_t now;

	while (!mqci_cancel_is_requested(cancel) && (now = mqci_clock_now()) < until) {
		left = mqci_clock_timespec(until - now);
		(void)ppoll(&requested, 1, &left, NULL);
	}
}
