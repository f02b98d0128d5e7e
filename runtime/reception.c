/*
 * reception.c - the thread of mqc_server_run(): everything that can happen to a server but
 * requests.
 */
#include "reception.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "error.h"

/* What an event of the epoll instance is of. */
enum {
	STOP,
	CLIENTS
};

static int fail(const char *what)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno, "cannot %s: %s", what, strerror(errno));
}

static int watch(const mqci_reception *reception, int descriptor, uint32_t of)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = of};

	if (epoll_ctl(reception->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		return fail("watch a server's descriptors");
	return MQC_OK;
}

int mqci_reception_init(mqci_reception *reception, const mqci_stop *stop, mqci_sessions *sessions)
{
	int r;

	*reception = (mqci_reception){
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.stop = stop,
		.sessions = sessions,
	};
	if (reception->epoll < 0)
		return fail("make an epoll instance");
	r = watch(reception, stop->fd, STOP);
	if (r == MQC_OK)
		r = watch(reception, sessions->deaths, CLIENTS);
	if (r == MQC_OK)
		r = watch(reception, sessions->rooms, CLIENTS);
	if (r < 0)
		mqci_reception_done(reception);
	return r;
}

int mqci_reception_run(mqci_reception *reception)
{
	struct epoll_event event;
	int count;

	for (;;) {
		count = epoll_wait(reception->epoll, &event, 1, -1);
		if (count < 0 && errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot wait for a stop: %s",
					 strerror(errno));
		if (count <= 0)
			continue;
		if (event.data.u32 == STOP)
			return mqci_stop_wait(reception->stop);
		mqci_sessions_tend(reception->sessions);
	}
}

void mqci_reception_done(mqci_reception *reception)
{
	if (reception->epoll >= 0)
		(void)close(reception->epoll);
	reception->epoll = -1;
}
