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

static pthread_mutex_t hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned hooks_used;
static _Atomic(mqci_stop *) hooks[HOOKS];

/* The signals that make the request, and what they did before. */
static struct hooked {
	int signal;
	struct sigaction before;
	atomic_bool came;
} hooked[] = {{.signal = SIGINT}, {.signal = SIGTERM}};

#define HOOKED (sizeof hooked / sizeof hooked[0])

/* How many requests are just being made: each may hold what it has read from a hook or a stop. */
static atomic_int handling;

static void request(mqci_stop *stop)
{
	const mqci_notify *notify;
	const uint64_t one = 1;

	/* Else it fails only when 2^64 - 2 requests are waiting: then one is waiting. */
	while (write(stop->fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
	/* Whoever sees this can take what was written. */
	atomic_store(&stop->asked, true);
	notify = atomic_load(&stop->notify);
	if (notify != NULL)
		mqci_notify_fire(notify);
}

/* When we are back, nobody uses any more what was in a hook, or in a stop. */
static void let_them_pass(void)
{
	while (atomic_load(&handling) > 0)
		(void)sched_yield();
}

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
		mqci_stop *stop = atomic_load(&hooks[i]);

		if (stop != NULL)
			request(stop);
	}
	atomic_fetch_sub(&handling, 1);
	errno = error;
}

int mqci_stop_init(mqci_stop *stop)
{
	atomic_init(&stop->asked, false);
	atomic_init(&stop->notify, NULL);
	stop->fd = eventfd(0, EFD_CLOEXEC);
	if (stop->fd < 0)
		return mqci_no_descriptor("an eventfd");
	return MQC_OK;
}

void mqci_stop_done(mqci_stop *stop)
{
	if (stop->fd >= 0)
		(void)close(stop->fd);
	stop->fd = -1;
}

void mqci_stop_request(mqci_stop *stop)
{
	int error = errno;

	atomic_fetch_add(&handling, 1);
	request(stop);
	atomic_fetch_sub(&handling, 1);
	errno = error;
}

void mqci_stop_tell(mqci_stop *stop, const mqci_notify *notify)
{
	atomic_store(&stop->notify, notify);
	let_them_pass();
}

int mqci_stop_wait(mqci_stop *stop)
{
	struct pollfd ready = {.fd = stop->fd, .events = POLLIN};
	uint64_t requests;

	/* read() alone would do, but under ThreadSanitizer no signal handler runs within it. */
	while (poll(&ready, 1, -1) < 0 || read(stop->fd, &requests, sizeof requests) < 0)
		if (errno != EINTR)
			return mqci_fail(MQC_INTERNAL, errno, "cannot wait for a stop: %s",
					 strerror(errno));
	atomic_store(&stop->asked, false);
	return MQC_OK;
}

bool mqci_stop_take(mqci_stop *stop)
{
	struct pollfd ready = {.fd = stop->fd, .events = POLLIN};
	uint64_t requests;

	if (!atomic_exchange(&stop->asked, false))
		return false;
	/* It was taken already if this is the second of two that came together. */
	if (poll(&ready, 1, 0) == 1)
		(void)!read(stop->fd, &requests, sizeof requests);
	return true;
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

int mqci_stop_hook_signals(mqci_stop *stop)
{
	int r = MQC_RESOURCE_EXHAUSTED;

	(void)pthread_mutex_lock(&hooks_lock);
	for (int i = 0; r < 0 && i < HOOKS; i++) {
		if (atomic_load(&hooks[i]) != NULL)
			continue;
		if (hooks_used++ == 0)
			install_handlers();
		atomic_store(&hooks[i], stop);
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
	for (int i = 0; i < HOOKS; i++) {
		if (atomic_load(&hooks[i]) != stop)
			continue;
		atomic_store(&hooks[i], NULL);
		if (--hooks_used == 0)
			remove_handlers();
	}
}

void mqci_stop_unhook_signals(const mqci_stop *stop)
{
	(void)pthread_mutex_lock(&hooks_lock);
	unhook(stop);
	(void)pthread_mutex_unlock(&hooks_lock);
	let_them_pass();
}

void mqci_stop_disown(mqci_stop *stop)
{
	/* A timer of the child's own may have the number that the parent's has. */
	atomic_store(&stop->notify, NULL);
	/* The child has one thread. What another one did at fork() is never finished. */
	atomic_store(&handling, 0);
	if (pthread_mutex_trylock(&hooks_lock) == 0) {
		unhook(stop);
		(void)pthread_mutex_unlock(&hooks_lock);
	}
	mqci_stop_done(stop);
}
