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
#include <unistd.h>

#include "error.h"
#include "frame.h"

struct wanted {
	size_t messages;
	size_t size;
	mode_t mode;          /* of the queue */
	mode_t presence_mode; /* those who may write to the queue may read what is in hand */
};

static int choose(const mqc_server_options *options, struct wanted *ret_wanted)
{
	static const mode_t modes[][2] = {
		[MQC_ACCESS_PRIVATE] = {0600, 0600},
		[MQC_ACCESS_GROUP] = {0620, 0640},
		[MQC_ACCESS_PUBLIC] = {0622, 0644},
	};
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
	ret_wanted->messages =
		options->queue_messages > 0 ? (size_t)options->queue_messages : messages;
	ret_wanted->size = options->queue_size > 0 ? (size_t)options->queue_size : size;
	ret_wanted->mode = modes[options->access][0];
	ret_wanted->presence_mode = modes[options->access][1];
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
static int check_shape(const mqci_queue *queue, mode_t mode, const struct wanted *wanted)
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
static int take_left_behind(const mqci_queue *queue, const struct wanted *wanted)
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
static int take_over(const char *name, const struct wanted *wanted, bool served,
		     mqci_queue *ret_queue)
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

int mqci_endpoint_open(const char *name, const mqc_server_options *options,
		       mqci_endpoint *ret_endpoint)
{
	mqci_endpoint endpoint = MQCI_ENDPOINT_CLOSED;
	char queue_name[MQCI_NAME_SIZE];
	struct wanted wanted = {0};
	bool served, created, ours;
	int r;

	r = mqci_name_check(name);
	if (r == MQC_OK)
		r = choose(options, &wanted);
	if (r < 0)
		return r;
	(void)snprintf(endpoint.name, sizeof endpoint.name, "%s", name);
	mqci_name_endpoint(name, queue_name);

	r = mqci_record_open(queue_name, &endpoint.record);
	if (r < 0)
		return r;
	served = mqci_record_has_others(&endpoint.record);
	r = take_over(queue_name, &wanted, served, &endpoint.requests);
	created = r == MQC_NOT_FOUND;
	/* Whether the record is of use to nobody else, living or dead. */
	ours = !served && (endpoint.record.fresh || created || r == MQC_PERMISSION_DENIED);
	if (created)
		r = mqci_queue_create(queue_name, wanted.messages, wanted.size, wanted.mode,
				      &endpoint.requests);
	if (r == MQC_OK)
		r = mqci_presence_open(name, wanted.presence_mode, &endpoint.presence);
	if (r == MQC_OK)
		r = mqci_record_share(&endpoint.record);
	if (r < 0) {
		if (created && mqci_queue_is_open(&endpoint.requests))
			(void)mqci_queue_unlink(queue_name);
		if (ours)
			mqci_record_remove(&endpoint.record);
		mqci_endpoint_close(&endpoint);
		return r;
	}
	*ret_endpoint = endpoint;
	return MQC_OK;
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

bool mqci_endpoint_leave(mqci_endpoint *endpoint, mqci_lost lost, void *data)
{
	mqci_presence_close(&endpoint->presence);
	if (mqci_record_leave(&endpoint->record) < 0)
		return false;
	mqci_presence_sweep(endpoint->name, lost, data);
	if (mqci_record_has_others(&endpoint->record))
		return false;
	(void)mqci_queue_unlink(endpoint->requests.name);
	mqci_record_remove(&endpoint->record);
	return true;
}

void mqci_endpoint_disown(mqci_endpoint *endpoint)
{
	mqci_presence_disown(&endpoint->presence);
	mqci_queue_close(&endpoint->requests);
	mqci_record_close(&endpoint->record);
}

void mqci_endpoint_close(mqci_endpoint *endpoint)
{
	mqci_presence_close(&endpoint->presence);
	mqci_endpoint_disown(endpoint);
}
