/*
 * ticker.c - the reception's clock, which ticks only while somebody wants it to.
 */
#include "ticker.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/* How long it is from one tick to the next, in ns. */
#define TICK INT64_C(1000000)

/* So many ticks in vain are cheaper than waking the reception anew for each batch. */
#define IN_VAIN_MAX 5

int mqci_ticker_init(mqci_ticker *ticker)
{
	*ticker = (mqci_ticker){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.next = MQCI_NEVER,
	};
	if (ticker->fd < 0)
		return mqci_no_descriptor("an eventfd");
	return MQC_OK;
}

void mqci_ticker_done(mqci_ticker *ticker)
{
	if (ticker->fd >= 0)
		(void)close(ticker->fd);
	ticker->fd = -1;
}

void mqci_ticker_want(mqci_ticker *ticker)
{
	const uint64_t one = 1;

	if (atomic_load(&ticker->ticking) || atomic_exchange(&ticker->ticking, true))
		return;
	while (write(ticker->fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

void mqci_ticker_begin(mqci_ticker *ticker, int64_t now)
{
	uint64_t count;

	/* It is readable still if this fails: then we come again. */
	(void)!read(ticker->fd, &count, sizeof count);
	ticker->in_vain = 0;
	if (ticker->next == MQCI_NEVER)
		ticker->next = now + TICK;
}

bool mqci_ticker_go_on(mqci_ticker *ticker, bool wanted, int64_t now)
{
	ticker->in_vain = wanted ? 0 : ticker->in_vain + 1;
	if (ticker->in_vain <= IN_VAIN_MAX) {
		ticker->next = now + TICK;
		return true;
	}
	ticker->next = MQCI_NEVER;
	atomic_store(&ticker->ticking, false);
	return false;
}
