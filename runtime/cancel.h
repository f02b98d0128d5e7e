/*
 * cancel.h - a request to give calls up, which every kind of waiting hears.
 *
 * Who waits by poll() waits for the descriptor, too; who waits in another way
 * attaches a link, and is told.
 */
#ifndef MQCI_CANCEL_H
#define MQCI_CANCEL_H

#include <mqcall/mqcall.h>

typedef struct mqci_cancel_link mqci_cancel_link;

struct mqci_cancel_link {
	/* Called once, on the thread that requests; at once if that has happened. */
	void (*wake)(mqci_cancel_link *link);
	mqci_cancel_link *next;
};

/* All of these take NULL, which is never requested. */

bool mqci_cancel_was_requested(const mqc_cancel *cancel);
static inline bool mqci_cancel_is_requested(const mqc_cancel *cancel)
{
	return cancel != NULL && mqci_cancel_was_requested(cancel);
}

/* Readable once it is requested; -1 if there is none. */
int mqci_cancel_descriptor(const mqc_cancel *cancel);

/* With no lock held that wake() takes; when detached, wake() neither runs nor will. */
void mqci_cancel_attach(mqc_cancel *cancel, mqci_cancel_link *link);
void mqci_cancel_detach(mqc_cancel *cancel, mqci_cancel_link *link);

/* Sleep until a time on the clock of deadlines; less if it is requested. */
void mqci_cancel_sleep(const mqc_cancel *cancel, int64_t until);

#endif
