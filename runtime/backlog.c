/*
 * backlog.c - requests that a server has taken from the queue and cannot run yet: a binary heap.
 */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

int mqci_backlog_init(mqci_backlog *backlog, unsigned room, int64_t step)
{
	int r;

	memset(backlog, 0, sizeof *backlog);
	backlog->room = room;
	backlog->step = step;
	backlog->heap = calloc(room, sizeof(mqci_waiting *));
	if (backlog->heap == NULL)
		return mqci_no_memory("the requests that wait");
	r = pthread_mutex_init(&backlog->lock, NULL);
	if (r != 0) {
		free(backlog->heap);
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	}
	return MQC_OK;
}

void mqci_backlog_done(mqci_backlog *backlog)
{
	mqci_waiting *waiting;

	while ((waiting = mqci_backlog_take(backlog)) != NULL)
		free(waiting);
	free(backlog->heap);
	(void)pthread_mutex_destroy(&backlog->lock);
}

mqci_waiting *mqci_waiting_new(const mqci_frame *frame, unsigned priority, mqci_hand *hand,
			       int64_t now)
{
	size_t size = frame->flags & MQCI_FRAME_ARENA ? 0 : frame->size;
	mqci_waiting *waiting = malloc(sizeof *waiting + mqci_frame_space(size));

	if (waiting == NULL)
		return NULL;
	waiting->since = now;
	waiting->priority = priority;
	waiting->hand = hand;
	waiting->size = mqci_frame_encode(frame, waiting->message);
	return waiting;
}

/* Requests that come in one message have the same time. */
static bool is_before(const mqci_waiting *one, const mqci_waiting *other)
{
	return one->turn < other->turn || (one->turn == other->turn && one->number < other->number);
}

static void swap(mqci_waiting **heap, unsigned i, unsigned j)
{
	mqci_waiting *at_i = heap[i];

	heap[i] = heap[j];
	heap[j] = at_i;
}

/* Let the one at `i` rise to its place, or sink to it. */
static void rise(mqci_waiting **heap, unsigned i)
{
	for (; i > 0 && is_before(heap[i], heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(heap, i, (i - 1) / 2);
}

static void sink(mqci_waiting **heap, unsigned count, unsigned i)
{
	for (;;) {
		unsigned first = i;

		for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
			if (is_before(heap[child], heap[first]))
				first = child;
		if (first == i)
			return;
		swap(heap, i, first);
		i = first;
	}
}

/* The last one in the order is somewhere among those that have none below them. */
static unsigned find_last(mqci_waiting *const *heap, unsigned count)
{
	unsigned last = count / 2;

	for (unsigned i = last + 1; i < count; i++)
		if (is_before(heap[last], heap[i]))
			last = i;
	return last;
}

mqci_waiting *mqci_backlog_put(mqci_backlog *backlog, mqci_waiting *waiting)
{
	mqci_waiting *refused = NULL;
	unsigned at;

	waiting->turn = waiting->since - (int64_t)waiting->priority * backlog->step;
	(void)pthread_mutex_lock(&backlog->lock);
	waiting->number = ++backlog->number;
	at = atomic_load(&backlog->count);
	if (at == backlog->room) {
		at = find_last(backlog->heap, at);
		if (is_before(waiting, backlog->heap[at])) {
			refused = backlog->heap[at];
			backlog->heap[at] = waiting;
			rise(backlog->heap, at);
		} else {
			refused = waiting;
		}
	} else {
		backlog->heap[at] = waiting;
		rise(backlog->heap, at);
		atomic_store(&backlog->count, at + 1);
	}
	(void)pthread_mutex_unlock(&backlog->lock);
	return refused;
}

mqci_waiting *mqci_backlog_take(mqci_backlog *backlog)
{
	mqci_waiting *first = NULL;
	unsigned count;

	(void)pthread_mutex_lock(&backlog->lock);
	count = atomic_load(&backlog->count);
	if (count > 0) {
		first = backlog->heap[0];
		backlog->heap[0] = backlog->heap[--count];
		atomic_store(&backlog->count, count);
		sink(backlog->heap, count, 0);
	}
	(void)pthread_mutex_unlock(&backlog->lock);
	return first;
}
