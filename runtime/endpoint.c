/*
 * endpoint.c - an endpoint as its servers have it: creating, joining, leaving.
 *
 * All of it happens under the record's lock, so that a queue is never made by
 * one server while another removes it. A queue that is there already may be
 * that of living servers, which we join; or what a dead one left, with requests
 * in it that we are to serve; or a stranger's, which we refuse.
 */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "frame.h"

/* A process that was killed is dead in so many ms. */
#define DYING_MS 1000

static const mode_t modes[] = {
	[MQC_ACCESS_PRIVATE] = 0600,
	[MQC_ACCESS_GROUP] = 0620,
	[MQC_ACCESS_PUBLIC] = 0622,
};

/* Those who may write to the queue may read what is in hand. */
static mode_t presence_mode(const mqci_shape *shape)
{
	return 0600 | (shape->mode & 0022) << 1;
}

static int choose(const mqc_server_options *options, mqci_shape *ret_shape)
{
	size_t messages, size;

	if (options->queue_messages < 0)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "a queue of %d messages is not possible; 0 means the default",
				 options->queue_messages);
	if (options->queue_size < 0 ||
	    (options->queue_size > 0 && options->queue_size < 4 * MQCI_FRAME_HEADER))
		return mqci_fail(
			MQC_INVALID_ARGUMENT, 0,
			"a queue for messages of %d bytes is not possible: they need %d at "
			"least; 0 means the default",
			options->queue_size, 4 * MQCI_FRAME_HEADER);
	if ((int)options->access < MQC_ACCESS_PRIVATE || options->access > MQC_ACCESS_PUBLIC)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0,
				 "%d is not an access mode: private, group and public are",
				 (int)options->access);
	mqci_queue_limits(&messages, &size);
	ret_shape->messages =
		options->queue_messages > 0 ? (size_t)options->queue_messages : messages;
	ret_shape->size = options->queue_size > 0 ? (size_t)options->queue_size : size;
	ret_shape->mode = modes[options->access];
	return MQC_OK;
}

/* Refuse a queue that is not ours; that is the only one we could not replace. */
static int check_owner(const mqci_queue *queue, mode_t *ret_mode)
{
	uid_t uid;
	gid_t gid;
	int r;

	r = mqci_queue_owner(queue, &uid, &gid, ret_mode);
	if (r == MQC_OK && uid != geteuid())
		r = mqci_fail(MQC_PERMISSION_DENIED, 0,
			      "queue %s is held by uid %ld; choose another name for the endpoint, "
			      "or have its owner remove it",
			      queue->name, (long)uid);
	return r;
}

/* Whether the queue found is as we want it; if not, tell how it differs. */
static int check_shape(const mqci_queue *queue, mode_t mode, const mqci_shape *wanted)
{
	if (queue->messages == wanted->messages && queue->size == wanted->size &&
	    mode == wanted->mode)
		return MQC_OK;
	return mqci_fail(
		MQC_FAILED_PRECONDITION, 0,
		"queue %s exists with %zu x %zu bytes and mode %03o, not with %zu x %zu and "
		"%03o as asked for; use the same options in all servers of an endpoint",
		queue->name, queue->messages, queue->size, (unsigned)mode, wanted->messages,
		wanted->size, (unsigned)wanted->mode);
}

/*
 * Take the queue that a dead server left, though it is not as we want it. Its
 * mode can be changed; with another size, it is removed if nothing is in it:
 * then MQC_NOT_FOUND.
 */
static int take_left_behind(const mqci_queue *queue, const mqci_shape *wanted)
{
	size_t waiting;
	int r;

	if (queue->messages == wanted->messages && queue->size == wanted->size)
		return mqci_queue_set_mode(queue, wanted->mode);
	r = mqci_queue_waiting(queue, &waiting);
	if (r < 0)
		return r;
	if (waiting > 0)
		return mqci_fail(
			MQC_FAILED_PRECONDITION, 0,
			"queue %s, of %zu x %zu bytes, was left by a dead server with %zu "
			"messages in it; to serve them, start a server with that size once",
			queue->name, queue->messages, queue->size, waiting);
	(void)mqci_queue_unlink(queue->name);
	return mqci_fail(MQC_NOT_FOUND, 0, "queue %s has been removed", queue->name);
}

/* Take over the queue that is there, if it is ours. */
static int take_over(const char *name, const mqci_shape *wanted, bool served, mqci_queue *ret_queue)
{
	mqci_queue queue;
	mode_t mode;
	int r;

	r = mqci_queue_open(name, MQCI_RECEIVE, &queue);
	if (r == MQC_PERMISSION_DENIED)
		return mqci_fail(MQC_PERMISSION_DENIED, mqc_error_last()->system_errno,
				 "queue %s is held by another user; choose another name for the "
				 "endpoint, or have its owner remove it",
				 name);
	if (r < 0)
		return r;
	r = check_owner(&queue, &mode);
	if (r == MQC_OK)
		r = check_shape(&queue, mode, wanted);
	if (r == MQC_FAILED_PRECONDITION && !served)
		r = take_left_behind(&queue, wanted);
	if (r == MQC_OK)
		*ret_queue = queue;
	else
		mqci_queue_close(&queue);
	return r;
}

void mqci_endpoint_init(mqci_endpoint *endpoint)
{
	memset(endpoint, 0, sizeof *endpoint);
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		endpoint->lanes[lane] = MQCI_QUEUE_CLOSED;
	endpoint->record = MQCI_RECORD_CLOSED;
	endpoint->presence = MQCI_PRESENCE_CLOSED;
}

/* Take over the queue, or create it. */
static int settle(const char *name, const mqci_shape *shape, bool served, bool *ret_created,
		  mqci_queue *ret_queue)
{
	int r = take_over(name, shape, served, ret_queue);

	*ret_created = r == MQC_NOT_FOUND;
	if (*ret_created)
		r = mqci_queue_create(name, shape->messages, shape->size, shape->mode, ret_queue);
	return r;
}

/* What has been opened goes again, and the reason stays the last error. */
static void undo_open(mqci_endpoint *endpoint, bool created, bool ours)
{
	mqci_saved_error error;

	mqci_error_save(&error);
	if (created && mqci_queue_is_open(&endpoint->lanes[0]))
		(void)mqci_queue_unlink(endpoint->lanes[0].name);
	if (ours)
		mqci_record_remove(&endpoint->record);
	mqci_endpoint_close(endpoint);
	(void)mqci_error_restore(&error);
}

int mqci_endpoint_open(const char *name, const mqc_server_options *options,
		       mqci_endpoint *ret_endpoint)
{
	bool served, created, ours;
	char queue_name[MQCI_NAME_SIZE];
	mqci_endpoint endpoint;
	int r;

	mqci_endpoint_init(&endpoint);
	r = mqci_name_check(name);
	if (r == MQC_OK)
		r = choose(options, &endpoint.shape);
	if (r < 0)
		return r;
	(void)snprintf(endpoint.name, sizeof endpoint.name, "%s", name);
	mqci_name_endpoint(name, queue_name);

	r = mqci_record_open(queue_name, &endpoint.record);
	if (r < 0)
		return r;
	served = mqci_record_has_others(&endpoint.record);
	r = settle(queue_name, &endpoint.shape, served, &created, &endpoint.lanes[0]);
	/* Whether the record is of use to nobody else, living or dead. */
	ours = !served && (endpoint.record.fresh || created || r == MQC_PERMISSION_DENIED);
	if (r == MQC_OK)
		r = mqci_presence_open(name, presence_mode(&endpoint.shape), &endpoint.presence);
	if (r == MQC_OK)
		r = mqci_record_share(&endpoint.record);
	if (r < 0) {
		undo_open(&endpoint, created, ours);
		return r;
	}
	*ret_endpoint = endpoint;
	return MQC_OK;
}

int mqci_endpoint_open_lane(mqci_endpoint *endpoint, unsigned lane)
{
	mqci_shape shape = endpoint->shape;
	char name[MQCI_NAME_SIZE];
	bool created;
	int r, unlocked;

	if (mqci_queue_is_open(&endpoint->lanes[lane]))
		return MQC_OK;
	if (shape.size > MQCI_LANE_SIZE)
		shape.size = MQCI_LANE_SIZE;
	mqci_name_lane(endpoint->name, lane, name);
	r = mqci_record_lock(&endpoint->record);
	if (r < 0)
		return r;
	r = settle(name, &shape, mqci_record_has_others(&endpoint->record), &created,
		   &endpoint->lanes[lane]);
	unlocked = mqci_record_unlock(&endpoint->record);
	return r < 0 ? r : unlocked;
}

int mqci_endpoint_sweep(mqci_endpoint *endpoint, mqci_lost lost, void *data)
{
	int r;

	/* Under the lock, so that each call is told of by one server only. */
	r = mqci_record_lock(&endpoint->record);
	if (r < 0)
		return r;
	mqci_presence_sweep(endpoint->name, lost, data);
	return mqci_record_unlock(&endpoint->record);
}

/* Also those of lanes that a dead server had, and we have not. */
static void remove_queues(const mqci_endpoint *endpoint)
{
	char name[MQCI_NAME_SIZE];

	for (unsigned lane = 0; lane < MQCI_LANES; lane++) {
		mqci_name_lane(endpoint->name, lane, name);
		(void)mqci_queue_unlink(name);
	}
}

/*
 * Who serves no more, as the record tells, may just be dying, and still have calls
 * in hand: wait until it is certain what these are.
 */
static bool await_dying(const mqci_endpoint *endpoint)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	int left = DYING_MS;

	while (mqci_presence_others(&endpoint->presence, endpoint->name) && left-- > 0)
		(void)nanosleep(&pause, NULL);
	return left >= 0;
}

bool mqci_endpoint_leave(mqci_endpoint *endpoint, mqci_lost lost, void *data)
{
	bool last;

	if (mqci_record_leave(&endpoint->record) < 0)
		return false;
	last = !mqci_record_has_others(&endpoint->record);
	endpoint->doubtful = last && !await_dying(endpoint);
	mqci_presence_sweep(endpoint->name, lost, data);
	if (!last)
		return false;
	remove_queues(endpoint);
	mqci_record_remove(&endpoint->record);
	return true;
}

void mqci_endpoint_disown(mqci_endpoint *endpoint)
{
	mqci_presence_disown(&endpoint->presence);
	for (unsigned lane = 0; lane < MQCI_LANES; lane++)
		mqci_queue_close(&endpoint->lanes[lane]);
	mqci_record_close(&endpoint->record);
}

void mqci_endpoint_close(mqci_endpoint *endpoint)
{
	mqci_presence_close(&endpoint->presence);
	/* To close it would not do while a child that was forked meanwhile has it open, too. */
	if (endpoint->record.segment.fd >= 0)
		(void)mqci_record_unlock(&endpoint->record);
	mqci_endpoint_disown(endpoint);
}
