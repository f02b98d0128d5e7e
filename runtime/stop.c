/*
 * stop.c - a request to stop that a thread can sleep on, and a signal handler can make.
 *
 * An eventfd: writing to it is async-signal-safe, reading from it sleeps. The
 * signal handler finds the hooked ones in a fixed table of atomics, since it
 * may interrupt anything, a lock's holder included.
 */
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"

#define HOOKS 16
#define FREE (-1)

static pthread_mutex_t hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned hooks_used;
static atomic_int hooks[HOOKS] = {
	FREE, FREE, FREE, FREE, FREE, FREE, FREE, FREE,
	FREE, FREE, FREE, FREE, FREE, FREE, FREE, FREE,
};

/* The signals that make the request, and what they did before. */
static struct hooked {
	int signal;
	struct sigaction before;
	atomic_bool came;
} hooked[] = {{.signal = SIGINT}, {.signal = SIGTERM}};

#define HOOKED (sizeof hooked / sizeof hooked[0])

static void request(int fd)
{
	const uint64_t one = 1;

	/* Else it fails only when 2^64 - 2 requests are waiting: then one is waiting. */
	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

/* How many of the handler below run: each may hold a descriptor that it has read from a hook. */
static atomic_int handling;

/* Somebody is not content with the first one: this one does what it did before. */
static bool pass_on(int signal)
{
	for (size_t i = 0; i < HOOKED; i++) {
		if (hooked[i].signal != signal || !atomic_exchange(&hooked[i].came, true))
			continue;
		(void)sigaction(signal, &hooked[i].before, NULL);
		(void)raise(signal);
		return true;
	}
	return false;
}

static void on_signal(int signal)
{
	int error = errno;

	if (pass_on(signal))
		return;
	atomic_fetch_add(&handling, 1);
	for (int i = 0; i < HOOKS; i++) {
		int fd = atomic_load(&hooks[i]);

		if (fd != FREE)
			request(fd);
	}
	atomic_fetch_sub(&handling, 1);
	errno = error;
}

int mqci_stop_init(mqci_stop *stop)
{
	stop->fd = eventfd(0, EFD_CLOEXEC);
	if (stop->fd < 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno, "cannot make an eventfd: %s",
				 strerror(errno));
	return MQC_OK;
}

void mqci_stop_done(mqci_stop *stop)
{
	if (stop->fd >= 0)
		(void)close(stop->fd);
	stop->fd = -1;
}

void mqci_stop_request(const mqci_stop *stop)
{
	int error = errno;

	request(stop->fd);
	errno = error;
}

int mqci_stop_wait(const mqci_stop *stop)
{
	struct pollfd ready = {.fd = stop->fd, .events = POLLIN};
	uint64_t requests;

	/* read() alone would do, but under ThreadSanitizer no signal handler runs within it. */
	while (poll(&ready, 1, -1) < 0 || read(stop->fd, &requests, sizeof requests) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot wait for a stop: %s",
					 strerror(errno));
	return MQC_OK;
}

/* A signal that the program ignores, as one in the background does with SIGINT, stays so. */
static void install_handlers(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < HOOKED; i++) {
		atomic_store(&hooked[i].came, false);
		(void)sigaction(hooked[i].signal, NULL, &hooked[i].before);
		if (hooked[i].before.sa_handler != SIG_IGN)
			(void)sigaction(hooked[i].signal, &action, NULL);
	}
}

static void remove_handlers(void)
{
	for (size_t i = 0; i < HOOKED; i++)
		(void)sigaction(hooked[i].signal, &hooked[i].before, NULL);
}

int mqci_stop_hook_signals(const mqci_stop *stop)
{
	int r = MQC_RESOURCE_EXHAUSTED;

	(void)pthread_mutex_lock(&hooks_lock);
	for (int i = 0; r < 0 && i < HOOKS; i++) {
		if (atomic_load(&hooks[i]) != FREE)
			continue;
		if (hooks_used++ == 0)
			install_handlers();
		atomic_store(&hooks[i], stop->fd);
		r = MQC_OK;
	}
	(void)pthread_mutex_unlock(&hooks_lock);
	if (r < 0)
		return mqci_fail(r, 0,
				 "%d servers of this process stop on signals already; "
				 "stop others with mqc_server_stop()",
				 HOOKS);
	return MQC_OK;
}

static void unhook(const mqci_stop *stop)
{
	if (stop->fd == FREE)
		return;
	for (int i = 0; i < HOOKS; i++) {
		if (atomic_load(&hooks[i]) != stop->fd)
			continue;
		atomic_store(&hooks[i], FREE);
		if (--hooks_used == 0)
			remove_handlers();
	}
}

void mqci_stop_unhook_signals(const mqci_stop *stop)
{
	(void)pthread_mutex_lock(&hooks_lock);
	unhook(stop);
	(void)pthread_mutex_unlock(&hooks_lock);
	/* When we are back, the descriptor may be closed, and its number another file's. */
	while (atomic_load(&handling) > 0)
		(void)sched_yield();
}

void mqci_stop_disown(mqci_stop *stop)
{
	/* The child has one thread. What another one did at fork() is never finished. */
	atomic_store(&handling, 0);
	if (pthread_mutex_trylock(&hooks_lock) == 0) {
		unhook(stop);
		(void)pthread_mutex_unlock(&hooks_lock);
	}
	mqci_stop_done(stop);
}
