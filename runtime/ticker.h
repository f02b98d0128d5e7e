/*
 * ticker.h - the reception's clock, which ticks only while somebody wants it to.
 *
 * Workers do things that must not last: somebody else has to look at them every
 * millisecond. Wanting that costs one load while it ticks already. When nobody
 * has wanted it for some ticks the reception sleeps for ever again.
 */
#ifndef MQCI_TICKER_H
#define MQCI_TICKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mqci_ticker {
	int fd; /* an eventfd, readable when it is to begin */
	atomic_bool ticking;
	/* The reception's own: */
	int64_t next;     /* when the next tick is due; MQCI_NEVER: it does not tick */
	unsigned in_vain; /* ticks that nobody wanted */
} mqci_ticker;

int mqci_ticker_init(mqci_ticker *ticker);
void mqci_ticker_done(mqci_ticker *ticker);

/* From any thread: have it tick, after what it is wanted for can be seen. */
void mqci_ticker_want(mqci_ticker *ticker);

/* The descriptor is readable. */
void mqci_ticker_begin(mqci_ticker *ticker, int64_t now);

/*
 * There was a tick, after which it is `wanted` or not. False when it has come to
 * an end with this: whoever wants it from now on says so, and who may have been
 * overlooked must be looked at once more.
 */
bool mqci_ticker_go_on(mqci_ticker *ticker, bool wanted, int64_t now);

#endif
