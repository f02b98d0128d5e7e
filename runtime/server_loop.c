/*
 * server_loop.c - a server that is driven by the program's own loop.
 *
 * There is no thread but the program's, and no worker: a servant for each lane, who
 * serves when he is called. One descriptor, an epoll instance, stands for all that
 * can happen: messages in the lanes' queues, a stop, what has to be seen to of the
 * clients, and an alarm, for as long as something was left that no queue shows.
 *
 * Lanes take turns, that with the highest number first; the ordinary one, too, has
 * one in each round, so that none starves. As in the reception, requests that have
 * been there for a while are piling up: then they are drained into the backlog.
 *
 * A program that waits for nothing is told of messages by mq_notify(), and of the
 * rest by a timer, see notify.h.
 */
#include "server_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "server.h"

/* For so long, in ns, or until so many requests are served, messages are begun in one go. */
#define SLICE INT64_C(2000000)
#define REQUESTS 64

/* So many messages of another lane are served before it is the next one's turn. */
#define TURN 8

/* What an event of the epoll instance is of. */
enum {
	OTHERS,
	CLIENTS
};

int mqci_server_loop_init(mqci_server_loop *loop)
{
	int r = pthread_mutex_init(&loop->lock, NULL);

	loop->epoll = loop->alarm = -1;
	return r == 0 ? MQC_OK
		      : mqci_fail(MQC_RESOURCE_EXHAUSTED, r, "cannot make a mutex: %s",
				  strerror(r));
}

static int watch(const mqci_server_loop *loop, int descriptor, uint32_t of)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = of};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, errno,
				 "cannot watch a descriptor for a server's loop: %s",
				 strerror(errno));
	return MQC_OK;
}

static int watch_all(mqc_server *server)
{
	const mqci_server_loop *loop = &server->loop;
	int r;

	r = watch(loop, loop->alarm, OTHERS);
	if (r == MQC_OK)
		r = watch(loop, server->stop.fd, OTHERS);
	if (r == MQC_OK)
		r = watch(loop, server->sessions.deaths, CLIENTS);
	if (r == MQC_OK)
		r = watch(loop, server->sessions.rooms, CLIENTS);
	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++)
		r = watch(loop, server->lanes[i].drain.descriptor, OTHERS);
	return r;
}

static int open_descriptors(mqci_server_loop *loop)
{
	loop->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->alarm < 0)
		return mqci_no_descriptor("an eventfd");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? mqci_no_descriptor("an epoll instance") : MQC_OK;
}

static void close_descriptors(mqci_server_loop *loop)
{
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	if (loop->alarm >= 0)
		(void)close(loop->alarm);
	loop->epoll = loop->alarm = -1;
}

static int have_servants(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	int r = MQC_OK;

	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++) {
		r = mqci_servant_init(&loop->servants[i], &server->point, &server->lanes[i]);
		loop->servants_count += r == MQC_OK;
		loop->since[i] = MQCI_NEVER;
	}
	return r;
}

static void pass_turn(mqci_server_loop *loop)
{
	loop->turn = (loop->turn > 0 ? loop->turn : loop->servants_count) - 1;
	loop->left = loop->turn > 0 ? TURN : 1;
}

static void leave(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;

	close_descriptors(loop);
	for (; loop->servants_count > 0; loop->servants_count--)
		mqci_servant_done(&loop->servants[loop->servants_count - 1]);
	mqci_server_close_lanes(server);
}

/* The program drives the server from now on. */
static int enter(mqc_server *server)
{
	mqci_saved_error error;
	int r;

	if (server->loop.epoll >= 0)
		return MQC_OK;
	if (atomic_exchange(&server->running, true))
		return mqci_fail(MQC_FAILED_PRECONDITION, 0,
				 "%s is being served by mqc_server_run(): a server is driven by "
				 "that, or by the program's own loop",
				 server->endpoint.name);
	/* It ticks always, that nobody be woken: there is nobody to share a batch with. */
	server->ticker = (mqci_ticker){.fd = -1, .ticking = true, .next = MQCI_NEVER};
	r = mqci_server_open_lanes(server, &server->stop.asked);
	if (r == MQC_OK)
		r = have_servants(server);
	if (r == MQC_OK)
		r = open_descriptors(&server->loop);
	if (r == MQC_OK)
		r = watch_all(server);
	if (r < 0) {
		mqci_error_save(&error);
		leave(server);
		atomic_store(&server->running, false);
		return mqci_error_restore(&error);
	}
	pass_turn(&server->loop);
	return MQC_OK;
}

int mqc_server_get_fd(mqc_server *server)
{
	int r;

	r = mqci_server_check(server);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&server->loop.lock);
	r = enter(server);
	(void)pthread_mutex_unlock(&server->loop.lock);
	return r < 0 ? r : server->loop.epoll;
}

short mqc_server_get_events(const mqc_server *server)
{
	(void)server;
	return POLLIN;
}

int mqc_server_get_timeout(mqc_server *server)
{
	bool alarmed;

	if (server->disowned)
		return -1;
	(void)pthread_mutex_lock(&server->loop.lock);
	alarmed = server->loop.alarmed;
	(void)pthread_mutex_unlock(&server->loop.lock);
	return alarmed ? 0 : -1;
}

/* ------------------------------------------------------------ serving -- */

/* Serve a message of a lane, or a request that waits: 1, 0 if there is none, or a status. */
static int serve_lane(mqc_server *server, unsigned index, int64_t now)
{
	mqci_servant *servant = &server->loop.servants[index];
	mqci_lane *lane = servant->lane;
	int64_t *since = &server->loop.since[index];
	mqci_waiting *waiting;
	unsigned priority;
	size_t size;
	int r;

	if (*since < now - MQCI_LANE_PILE && mqci_lane_wants_draining(lane)) {
		mqci_lane_drain(lane);
		*since = now;
	}
	waiting = mqci_lane_take(lane);
	if (waiting != NULL) {
		mqci_servant_take_waiting(servant, waiting);
		return 1;
	}
	r = mqci_queue_take_with(&lane->drain, servant->message, lane->drain.size, &size,
				 &priority);
	if (r == 1 && *since == MQCI_NEVER)
		*since = now;
	else if (r == 0)
		*since = MQCI_NEVER;
	if (r == 1)
		mqci_servant_take(servant, size, priority);
	return r;
}

/* How many requests have been served, ever. */
static unsigned served(const mqci_server_loop *loop)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < loop->servants_count; i++)
		sum += loop->servants[i].served;
	return sum;
}

/* Whether it is time to let the program do something else. */
static bool is_over(const mqc_server *server, unsigned requests, int64_t left)
{
	return left <= 0 || requests >= REQUESTS || atomic_load(&server->stop.asked) ||
	       server->disowned;
}

/* Serve a message of whose turn it is: 1, or 0 if there is none, or a status. */
static int serve_next(mqc_server *server, int64_t now)
{
	mqci_server_loop *loop = &server->loop;
	int r = serve_lane(server, loop->turn, now);

	if (r == 0 || --loop->left == 0)
		pass_turn(loop);
	return r;
}

/* Serve what is there, for a while: MQC_OK, or a status; and whether all of it was seen to. */
static int serve(mqc_server *server, bool *ret_all)
{
	mqci_server_loop *loop = &server->loop;
	const unsigned before = served(loop);
	int64_t now = mqci_clock_now();
	const int64_t end = now + SLICE;
	unsigned empty = 0;
	int r;

	while (empty < loop->servants_count && !is_over(server, served(loop) - before, end - now)) {
		r = serve_next(server, now);
		if (r < 0)
			return r;
		empty = r == 0 ? empty + 1 : 0;
		if (r > 0)
			now = mqci_clock_now();
	}
	*ret_all = empty == loop->servants_count;
	/* What comes next finds the lanes in their order. */
	if (*ret_all) {
		loop->turn = 0;
		pass_turn(loop);
	}
	return MQC_OK;
}

/* See to the clients, if there is something to see to. */
static int tend(mqc_server *server)
{
	struct epoll_event events[MQCI_LANES + 4];
	bool wanted = false;
	int count;

	count = epoll_wait(server->loop.epoll, events, MQCI_LANES + 4, 0);
	if (count < 0 && errno != EINTR)
		return mqci_fail(MQC_INTERNAL, errno, "cannot look what a server has to do: %s",
				 strerror(errno));
	for (int i = 0; i < count; i++)
		wanted = wanted || events[i].data.u32 == CLIENTS;
	if (wanted)
		mqci_sessions_tend(&server->sessions);
	return MQC_OK;
}

/* ------------------------------------------------- one thread at a time -- */

/* Ask again to be told of messages; who is told already, tells others. */
static int renew(mqci_server_loop *loop)
{
	mqci_saved_error error;
	int worst = MQC_OK, r;

	for (unsigned i = 0; i < loop->notifies_count; i++) {
		r = mqci_notify_renew(&loop->notifies[i]);
		if (r < 0 && worst == MQC_OK) {
			mqci_error_save(&error);
			worst = r;
		}
	}
	return worst < 0 ? mqci_error_restore(&error) : MQC_OK;
}

/* Be the one who is in there: 1, or 0 if somebody is, maybe a handler of ours, or a status. */
static int come_in(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	int r;

	(void)pthread_mutex_lock(&loop->lock);
	r = enter(server);
	if (r == MQC_OK && !loop->inside) {
		loop->inside = true;
		loop->thread = pthread_self();
		r = 1;
	} else if (r == MQC_OK) {
		loop->again = true;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return r;
}

/* The descriptor is ready as long as somebody has to come again. */
static void set_alarm(mqci_server_loop *loop, bool on)
{
	eventfd_t count;

	if (on && !loop->alarmed)
		(void)eventfd_write(loop->alarm, 1);
	else if (!on && loop->alarmed)
		(void)eventfd_read(loop->alarm, &count);
	loop->alarmed = on;
}

/* Whether requests wait that no queue shows. */
static bool any_wait(const mqc_server *server)
{
	bool any = false;

	for (unsigned i = 0; i < server->lanes_count; i++)
		any = any || mqci_backlog_count(&server->lanes[i].backlog) > 0;
	return any;
}

/* Have the program come again, if there is a reason to; `left`: the queues may not be empty. */
static void tell_what_is_left(mqc_server *server, bool left)
{
	mqci_server_loop *loop = &server->loop;

	set_alarm(loop, any_wait(server));
	if (loop->notifies_count == 0)
		return;
	if (left || atomic_load(&server->stop.asked))
		mqci_notify_fire(&loop->notifies[0]);
	else if (mqci_sessions_keep_any(&server->sessions))
		mqci_notify_soon(&loop->notifies[0]);
}

/* Whether the server is to be closed now. */
static bool go_out(mqc_server *server, bool left)
{
	mqci_server_loop *loop = &server->loop;
	bool closed;

	(void)pthread_mutex_lock(&loop->lock);
	closed = loop->closed;
	if (!closed)
		tell_what_is_left(server, left || loop->again);
	loop->inside = loop->again = false;
	(void)pthread_mutex_unlock(&loop->lock);
	return closed;
}

/* See to everything, as the only thread: how many requests were served, or a status. */
static int process(mqc_server *server, bool *ret_left)
{
	const unsigned before = served(&server->loop);
	mqci_saved_error error;
	bool all = false;
	int told, r;

	(void)pthread_mutex_lock(&server->loop.lock);
	told = renew(&server->loop);
	if (told < 0)
		mqci_error_save(&error);
	(void)pthread_mutex_unlock(&server->loop.lock);
	r = tend(server);
	if (r == MQC_OK)
		r = serve(server, &all);
	*ret_left = !all;
	if (r == MQC_OK && told < 0)
		return mqci_error_restore(&error);
	return r == MQC_OK ? (int)(served(&server->loop) - before) : r;
}

/* Nothing is served now: ask to be told of what comes, and whether something is there already. */
static bool is_left(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	bool left = any_wait(server);
	size_t waiting;

	(void)pthread_mutex_lock(&loop->lock);
	/* If it fails, the timer tells. */
	(void)renew(loop);
	for (unsigned i = 0; !left && i < loop->notifies_count; i++)
		left = mqci_queue_waiting(loop->notifies[i].queue, &waiting) < 0 || waiting > 0;
	(void)pthread_mutex_unlock(&loop->lock);
	return left;
}

int mqc_server_process(mqc_server *server)
{
	char name[sizeof server->endpoint.name];
	bool left = false;
	int r;

	r = mqci_server_check(server);
	if (r == MQC_OK)
		r = come_in(server);
	if (r != 1)
		return r;
	if (mqci_stop_take(&server->stop)) {
		left = is_left(server);
		r = mqci_fail(MQC_CANCELLED, 0, "the server of endpoint %s was told to stop",
			      server->endpoint.name);
	} else {
		r = process(server, &left);
	}
	/* A handler has forked, and this is the child. */
	if (server->disowned)
		return mqci_server_check(server);
	memcpy(name, server->endpoint.name, sizeof name);
	if (!go_out(server, left))
		return r;
	mqc_server_close(server);
	return mqci_fail(MQC_CANCELLED, 0, "the server of endpoint %s was closed by a handler",
			 name);
}

/* ---------------------------------------------------- without a loop -- */

static void end_notify(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;

	mqci_stop_tell(&server->stop, NULL);
	mqci_sessions_tell(&server->sessions, NULL);
	for (; loop->notifies_count > 0; loop->notifies_count--)
		mqci_notify_end(&loop->notifies[loop->notifies_count - 1]);
}

static int begin_notify(mqc_server *server, const struct sigevent *event)
{
	mqci_server_loop *loop = &server->loop;
	mqci_saved_error error;
	int r = MQC_OK;

	for (unsigned i = 0; r == MQC_OK && i < server->lanes_count; i++) {
		r = mqci_notify_begin(&loop->notifies[i], &server->lanes[i].drain, event);
		loop->notifies_count += r == MQC_OK;
	}
	if (r < 0) {
		mqci_error_save(&error);
		end_notify(server);
		return mqci_error_restore(&error);
	}
	mqci_stop_tell(&server->stop, &loop->notifies[0]);
	mqci_sessions_tell(&server->sessions, &loop->notifies[0]);
	tell_what_is_left(server, loop->alarmed);
	return MQC_OK;
}

int mqc_server_notify(mqc_server *server, const struct sigevent *event)
{
	int r;

	r = mqci_server_check(server);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&server->loop.lock);
	r = enter(server);
	if (r == MQC_OK)
		end_notify(server);
	if (r == MQC_OK && event != NULL)
		r = begin_notify(server, event);
	(void)pthread_mutex_unlock(&server->loop.lock);
	return r;
}

/* -------------------------------------------------------------- the end -- */

bool mqci_server_loop_puts_off_close(mqc_server *server)
{
	mqci_server_loop *loop = &server->loop;
	bool ours;

	if (server->disowned)
		return false;
	(void)pthread_mutex_lock(&loop->lock);
	ours = loop->inside && pthread_equal(loop->thread, pthread_self());
	if (ours) {
		loop->closed = true;
		/* What has not begun is to begin no more. */
		atomic_store(&server->stop.asked, true);
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return ours;
}

void mqci_server_loop_end(mqc_server *server)
{
	if (server->loop.epoll < 0)
		return;
	end_notify(server);
	leave(server);
}

void mqci_server_loop_done(mqci_server_loop *loop)
{
	(void)pthread_mutex_destroy(&loop->lock);
}

void mqci_server_loop_disown(mqci_server_loop *loop)
{
	for (; loop->notifies_count > 0; loop->notifies_count--)
		mqci_notify_disown(&loop->notifies[loop->notifies_count - 1]);
	close_descriptors(loop);
}
