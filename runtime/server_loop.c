/*
 * server_loop.c - a server in the program's own loop, or told of messages by the kernel.
 *
 * One descriptor, an epoll instance, stands for all that can happen: a stop, the
 * death of a client, room for replies that are kept, messages; and an alarm for
 * what was taken out of the queues and not served yet. Handlers run on the thread
 * that is in mqc_server_process(); there is no other.
 */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

/* What an event is of. */
enum {
	STOP,
	CLIENTS,
	MESSAGES,
	ALARM
};

/* So many requests, and for so long, in ns, but the last one, are served at a time. */
#define REQUESTS_MAX 64
#define TIME_MAX INT64_C(5000000)

static pthread_mutex_t entering = PTHREAD_MUTEX_INITIALIZER;

int mqci_server_loop_init(mqci_server_loop *loop)
{
	int r;

	loop->epoll = loop->alarm = -1;
	r = pthread_mutex_init(&loop->lock, NULL);
	if (r != 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s", strerror(r));
	return MQC_OK;
}

static int fail(const char *what)
{
	return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno, "cannot %s for a server's loop: %s", what,
			 strerror(errno));
}

static int watch(const mqci_server_loop *loop, int descriptor, uint32_t of)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = of};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		return fail("watch a descriptor");
	return MQC_OK;
}

static int watch_all(mqc_server *server)
{
	const mqci_server_loop *loop = &server->loop;
	int r;

	r = watch(loop, server->stop.fd, STOP);
	if (r == MQC_OK)
		r = watch(loop, server->sessions.deaths, CLIENTS);
	if (r == MQC_OK)
		r = watch(loop, server->sessions.rooms, CLIENTS);
	if (r == MQC_OK)
		r = watch(loop, loop->alarm, ALARM);
	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++)
		r = watch(loop, server->lanes[i].drain.descriptor, MESSAGES);
	return r;
}

static void close_descriptors(mqci_server_loop *loop)
{
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	if (loop->alarm >= 0)
		(void)close(loop->alarm);
	loop->epoll = loop->alarm = -1;
}

/* Everything that was made to serve in a loop, or as much of it as there is. */
static void let_go(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;

	for (unsigned i = 0; i < loop->servants_count; i++)
		mqci_servant_done(&loop->servants[i]);
	loop->servants_count = 0;
	mqci_server_close_lanes(server);
	close_descriptors(loop);
}

static int make(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	int r;

	r = mqci_server_open_lanes(server);
	/* Who serves is the only one to be looked after, and needs nobody to do that. */
	atomic_store(&server->ticker.ticking, true);
	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++) {
		r = mqci_servant_init(&loop->servants[i], &server->point, &server->lanes[i]);
		loop->servants_count += r == MQC_OK;
	}
	if (r < 0)
		return r;
	loop->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->alarm < 0)
		return fail("make an eventfd");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return fail("make an epoll instance");
	return watch_all(server);
}

static int enter_first(mqc_server *server)
{
	mqci_saved_error error;
	int r;

	if (atomic_exchange(&server->running, true))
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is served by mqc_server_run(), and cannot be served by the "
				 "program's own loop at the same time",
				 server->endpoint.name);
	r = make(server);
	if (r == MQC_OK)
		return MQC_OK;
	mqci_error_save(&error);
	let_go(server);
	atomic_store(&server->running, false);
	return mqci_error_restore(&error);
}

/* Have the server served by a loop from now on. */
static int enter(mqc_server *server)
{
	int r = mqci_server_check(server);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&entering);
	if (server->loop.epoll < 0)
		r = enter_first(server);
	(void)pthread_mutex_unlock(&entering);
	return r;
}

int mqc_server_get_fd(mqc_server *server)
{
	int r = enter(server);

	return r < 0 ? r : server->loop.epoll;
}

short mqc_server_get_events(const mqc_server *server)
{
	(void)server;
	return EPOLLIN;
}

/* Whether requests wait that were taken out of the queues. */
static bool has_backlog(const mqc_server *server)
{
	for (unsigned i = 0; i < server->lanes_count; i++)
		if (mqci_backlog_count(&server->lanes[i].backlog) > 0)
			return true;
	return false;
}

int mqc_server_get_timeout(mqc_server *server)
{
	return !server->disowned && server->loop.epoll >= 0 && has_backlog(server) ? 0 : -1;
}

/* ----------------------------------------------------------- to be told -- */

static void end_notifies(mqci_server_loop *loop)
{
	loop->notified = false;
	for (unsigned i = 0; i < MQCI_LANES; i++)
		mqci_notify_end(&loop->notifies[i]);
}

static int begin_notifies(mqc_server *server, const struct sigevent *event)
{
	mqci_server_loop *loop = &server->loop;
	mqci_saved_error error;
	int r = MQC_OK;

	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++)
		r = mqci_notify_begin(&loop->notifies[i], &server->lanes[i].drain, event);
	if (r < 0) {
		mqci_error_save(&error);
		end_notifies(loop);
		return mqci_error_restore(&error);
	}
	loop->notified = true;
	return MQC_OK;
}

int mqc_server_notify(mqc_server *server, const struct sigevent *event)
{
	int r = enter(server);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&server->loop.lock);
	end_notifies(&server->loop);
	if (event != NULL)
		r = begin_notifies(server, event);
	(void)pthread_mutex_unlock(&server->loop.lock);
	return r;
}

/* Ask to be told again, before the queues are emptied: so that no arrival is missed. */
static int renew_notifies(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	int r = MQC_OK, one;

	(void)pthread_mutex_lock(&loop->lock);
	for (unsigned i = 0; loop->notified && i < server->lanes_count; i++) {
		one = mqci_notify_renew(&loop->notifies[i]);
		if (one < 0)
			r = one;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return r;
}

/* Have the program come back: at once, or, for what cannot be waited for, soon. */
static void tell_again(mqci_server_loop *loop, bool at_once)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (loop->notified && at_once)
		mqci_notify_fire(&loop->notifies[0]);
	else if (loop->notified)
		mqci_notify_soon(&loop->notifies[0]);
	(void)pthread_mutex_unlock(&loop->lock);
}

/* --------------------------------------------------------------- process -- */

/* Serve one message, or one request that waits: 1; 0, there is nothing; or a status. */
static int serve_one(mqci_servant *servant)
{
	mqci_lane *lane = servant->lane;
	mqci_waiting *waiting = mqci_lane_take(lane);
	unsigned priority = 0;
	size_t size;
	int r;

	if (waiting != NULL) {
		mqci_servant_take_waiting(servant, waiting);
		return 1;
	}
	r = mqci_queue_take_with(&lane->drain, servant->message, lane->drain.size, &size,
				 &priority);
	if (r == 1)
		mqci_servant_take(servant, size, priority);
	return r;
}

static unsigned count_served(const mqci_server_loop *loop)
{
	unsigned served = 0;

	for (unsigned i = 0; i < loop->servants_count; i++)
		served += loop->servants[i].served;
	return served;
}

/* Serve all lanes by turns, for a while: 1, there is more to do; 0, there is not; or a status. */
static int serve_for_a_while(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	const unsigned before = count_served(loop);
	const int64_t until = mqci_clock_now() + TIME_MAX;
	int r, any;

	do {
		any = 0;
		for (unsigned i = 0; i < loop->servants_count; i++) {
			r = serve_one(&loop->servants[i]);
			if (r < 0)
				return r;
			any |= r;
		}
	} while (any && !atomic_load(&server->stopping) &&
		 count_served(loop) - before < REQUESTS_MAX && mqci_clock_now() < until);
	return any;
}

/* What is left is piling up: so it is to be ordered, or refused. */
static void drain(mqc_server *server)
{
	for (unsigned i = 0; i < server->lanes_count; i++)
		if (mqci_lane_wants_draining(&server->lanes[i]))
			mqci_lane_drain(&server->lanes[i]);
}

/* Have the descriptor be ready as long as requests wait in a backlog. */
static void set_alarm(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	const bool alarm = has_backlog(server);
	const uint64_t one = 1;
	uint64_t count;

	if (alarm == loop->alarmed)
		return;
	if (alarm)
		loop->alarmed = write(loop->alarm, &one, sizeof one) == sizeof one;
	else if (read(loop->alarm, &count, sizeof count) == sizeof count || errno == EAGAIN)
		loop->alarmed = false;
}

/* See what has happened beside messages; whether that is a stop. */
static bool look_around(mqc_server *server)
{
	struct epoll_event events[4 + MQCI_LANES];
	bool is_stop = false, tend = false;
	int count;

	count = epoll_wait(server->loop.epoll, events, 4 + MQCI_LANES, 0);
	for (int i = 0; i < count; i++) {
		is_stop = is_stop || events[i].data.u32 == STOP;
		tend = tend || events[i].data.u32 == CLIENTS;
	}
	if (tend)
		mqci_sessions_tend(&server->sessions);
	return is_stop;
}

/* Take the request to stop: others may serve what waits here. */
static int stop(mqc_server *server)
{
	int r = mqci_stop_wait(&server->stop);

	for (unsigned i = 0; i < server->lanes_count; i++)
		mqci_lane_put_back(&server->lanes[i]);
	set_alarm(server);
	return r < 0 ? r
		     : mqci_fail(MQC_CANCELLED, 0, "the server of %s was asked to stop",
				 server->endpoint.name);
}

static int process_once(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	const int renewed = renew_notifies(server);
	mqci_saved_error error;
	int r;

	if (renewed < 0)
		mqci_error_save(&error);
	if (look_around(server))
		return stop(server);
	r = serve_for_a_while(server);
	if (r > 0)
		drain(server);
	set_alarm(server);
	if (r > 0)
		tell_again(loop, true);
	else if (mqci_sessions_keep_any(&server->sessions))
		tell_again(loop, false);
	if (r >= 0 && renewed < 0)
		return mqci_error_restore(&error);
	return r < 0 ? r : MQC_OK;
}

/* Those who come while somebody is in here leave it to him, who goes round once more. */
static int process(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	const unsigned before = count_served(loop);
	unsigned wanted;
	int r;

	loop->thread = pthread_self();
	for (;;) {
		wanted = atomic_load(&loop->wanted);
		r = process_once(server);
		if (loop->closing || atomic_compare_exchange_strong(&loop->wanted, &wanted, 0))
			break;
		if (r < 0) {
			atomic_store(&loop->wanted, 0);
			break;
		}
	}
	return r < 0 ? r : (int)(count_served(loop) - before);
}

int mqc_server_process(mqc_server *server)
{
	int r = enter(server);

	if (r < 0)
		return r;
	if (atomic_fetch_add(&server->loop.wanted, 1) > 0)
		return 0;
	r = process(server);
	if (!server->loop.closing)
		return r;
	atomic_store(&server->loop.wanted, 0);
	(void)mqc_server_close(server);
	return mqci_fail(MQC_CANCELLED, 0, "the server was closed by one of its handlers");
}

/* ------------------------------------------------------------------- end -- */

bool mqci_server_leave_loop(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;

	if (atomic_load(&loop->wanted) > 0 && pthread_equal(loop->thread, pthread_self())) {
		loop->closing = true;
		atomic_store(&server->stopping, true);
		return false;
	}
	if (loop->epoll >= 0) {
		end_notifies(loop);
		let_go(server);
	}
	(void)pthread_mutex_destroy(&loop->lock);
	return true;
}

void mqci_server_disown_loop(mqc_server *server)
{
	for (unsigned i = 0; i < MQCI_LANES; i++)
		mqci_notify_disown(&server->loop.notifies[i]);
	close_descriptors(&server->loop);
}
