/*
 * serve_failures.c - the handlers of Failures: they fail as they are told, or note what they get.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "failures.mqc.h"
#include "messages.h"

/* ------------------------------------------------------------- failing -- */

/* What fail() gives, in either form. */
static char text[] = "text";
static uint8_t data[] = {0, 1, 2};
static double numbers[] = {1.5, -2.5};
static char *texts[] = {text, text};
static Rt__FlatSort part = {.base = PROTOBUF_C_MESSAGE_INIT(&rt__flat_sort__descriptor),
			    .number = 7};
static Rt__FlatSort *parts[] = {&part, &part};

static int result(mqc_call *call, int32_t code, const char *why)
{
	if (code == MQC_OK || why[0] == '\0')
		return code;
	return mqc_call_fail(call, code, "%s", why);
}

static int fail(void *self, mqc_call *call, int32_t code, const char *why, int64_t *ret_number,
		bool *ret_has_flag, bool *ret_flag, const char **ret_text, const uint8_t **ret_data,
		size_t *ret_data_len, Rt__FlatSort **ret_part, double **ret_numbers,
		size_t *ret_n_numbers, char ***ret_texts, size_t *ret_n_texts,
		Rt__FlatSort ***ret_parts, size_t *ret_n_parts)
{
	(void)self;
	*ret_number = 42;
	*ret_has_flag = *ret_flag = true;
	*ret_text = text;
	*ret_data = data;
	*ret_data_len = sizeof data;
	*ret_part = &part;
	*ret_numbers = numbers;
	*ret_n_numbers = sizeof numbers / sizeof numbers[0];
	*ret_texts = texts;
	*ret_n_texts = sizeof texts / sizeof texts[0];
	*ret_parts = parts;
	*ret_n_parts = sizeof parts / sizeof parts[0];
	return result(call, code, why);
}

static int fail_by_message(void *self, mqc_call *call, const Rt__FailRequest *request,
			   Rt__EverySort *reply)
{
	(void)self;
	reply->number = 42;
	reply->_flag_case = RT__EVERY_SORT___FLAG_FLAG;
	reply->flag = 1;
	reply->text = text;
	reply->data = (ProtobufCBinaryData){sizeof data, data};
	reply->part = &part;
	reply->n_numbers = sizeof numbers / sizeof numbers[0];
	reply->numbers = numbers;
	reply->n_texts = sizeof texts / sizeof texts[0];
	reply->texts = texts;
	reply->n_parts = sizeof parts / sizeof parts[0];
	reply->parts = parts;
	return result(call, request->code, request->text);
}

static int fail_flat(void *self, mqc_call *call, int32_t code, const char *why, int64_t *ret_number,
		     bool *ret_has_maybe, double *ret_maybe, bool *ret_flag)
{
	(void)self;
	*ret_number = 42;
	*ret_has_maybe = *ret_flag = true;
	*ret_maybe = 0;
	return result(call, code, why);
}

static int fail_flat_by_message(void *self, mqc_call *call, const Rt__FailRequest *request,
				Rt__FlatSort *reply)
{
	(void)self;
	reply->number = 42;
	reply->_maybe_case = RT__FLAT_SORT___MAYBE_MAYBE;
	reply->flag = 1;
	return result(call, request->code, request->text);
}

static int fail_wide(void *self, mqc_call *call, const Rt__FailRequest *request,
		     Rt__WideSort *reply)
{
	static Rt__WideSort__SortsEntry entry = {
		.base = PROTOBUF_C_MESSAGE_INIT(&rt__wide_sort__sorts_entry__descriptor),
		.key = text};
	static Rt__WideSort__SortsEntry *entries[] = {&entry};

	(void)self;
	reply->sorts = entries;
	reply->n_sorts = 1;
	return result(call, request->code, request->text);
}

/* Nothing is set, but that all is there to be set is seen. */
static int idle(void *self, mqc_call *call, int64_t *ret_number, bool *ret_has_flag, bool *ret_flag,
		const char **ret_text, const uint8_t **ret_data, size_t *ret_data_len,
		Rt__FlatSort **ret_part, double **ret_numbers, size_t *ret_n_numbers,
		char ***ret_texts, size_t *ret_n_texts, Rt__FlatSort ***ret_parts,
		size_t *ret_n_parts)
{
	const void *const outputs[] = {ret_number,    ret_has_flag, ret_flag,    ret_text,
				       ret_data,      ret_data_len, ret_part,    ret_numbers,
				       ret_n_numbers, ret_texts,    ret_n_texts, ret_parts,
				       ret_n_parts};

	(void)self;
	for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
		if (outputs[i] == NULL)
			return mqc_call_fail(call, MQC_INTERNAL, "output %zu is NULL", i);
	}
	return MQC_OK;
}

static int idle_by_message(void *self, mqc_call *call, Rt__EverySort *reply)
{
	(void)self;
	(void)call;
	(void)reply;
	return MQC_OK;
}

/* -------------------------------------------------------------- noting -- */

/* What has been noted: the `self` of the service, which one thread runs. */
struct notes {
	int64_t notes, ticks, sum;
	char last[64];
};

static int note(void *self, mqc_call *call, int64_t number, const char *why)
{
	struct notes *notes = self;

	(void)call;
	notes->notes++;
	notes->sum += number;
	strncpy(notes->last, why, sizeof notes->last - 1);
	return MQC_OK;
}

static int note_by_message(void *self, mqc_call *call, const Rt__NoteRequest *request)
{
	return note(self, call, request->number, request->text);
}

/* What a one-way handler returns is nobody's business. */
static int tick(void *self, mqc_call *call)
{
	struct notes *notes = self;

	notes->ticks++;
	return mqc_call_fail(call, MQC_ABORTED, "nobody hears this");
}

static int noted(void *self, mqc_call *call, int64_t *ret_notes, int64_t *ret_ticks,
		 int64_t *ret_sum, const char **ret_last)
{
	const struct notes *notes = self;

	*ret_notes = notes->notes;
	*ret_ticks = notes->ticks;
	*ret_sum = notes->sum;
	*ret_last = mqc_call_strdup(call, notes->last);
	return MQC_OK;
}

static int noted_by_message(void *self, mqc_call *call, Rt__NotedReply *reply)
{
	const struct notes *notes = self;

	reply->notes = notes->notes;
	reply->ticks = notes->ticks;
	reply->sum = notes->sum;
	reply->last = mqc_call_strdup(call, notes->last);
	return MQC_OK;
}

/* ------------------------------------- the same of calls that are deferred -- */

static int fail_finished(void *self, mqc_call *call, int32_t code, const char *why,
			 int64_t *ret_number, bool *ret_has_flag, bool *ret_flag,
			 const char **ret_text, const uint8_t **ret_data, size_t *ret_data_len,
			 Rt__FlatSort **ret_part, double **ret_numbers, size_t *ret_n_numbers,
			 char ***ret_texts, size_t *ret_n_texts, Rt__FlatSort ***ret_parts,
			 size_t *ret_n_parts)
{
	const bool flag = true;
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_has_flag, ret_flag, ret_text, ret_data, ret_data_len, ret_part,
	       ret_numbers, ret_n_numbers, ret_texts, ret_n_texts, ret_parts, ret_n_parts);
	if (r < 0)
		return r;
	r = result(call, code, why);
	if (r != MQC_OK)
		return mqc_call_finish(call, r, NULL);
	return failures_fail_reply(call, 42, &flag, text, data, sizeof data, &part, numbers,
				   sizeof numbers / sizeof numbers[0], (const char *const *)texts,
				   sizeof texts / sizeof texts[0],
				   (const Rt__FlatSort *const *)parts,
				   sizeof parts / sizeof parts[0]);
}

static int fail_flat_finished(void *self, mqc_call *call, int32_t code, const char *why,
			      int64_t *ret_number, bool *ret_has_maybe, double *ret_maybe,
			      bool *ret_flag)
{
	const double maybe = 0;
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_has_maybe, ret_maybe, ret_flag);
	if (r < 0)
		return r;
	r = result(call, code, why);
	if (r != MQC_OK)
		return mqc_call_finish(call, r, NULL);
	return failures_fail_flat_reply(call, 42, &maybe, true);
}

static int idle_finished(void *self, mqc_call *call, int64_t *ret_number, bool *ret_has_flag,
			 bool *ret_flag, const char **ret_text, const uint8_t **ret_data,
			 size_t *ret_data_len, Rt__FlatSort **ret_part, double **ret_numbers,
			 size_t *ret_n_numbers, char ***ret_texts, size_t *ret_n_texts,
			 Rt__FlatSort ***ret_parts, size_t *ret_n_parts)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_number, ret_has_flag, ret_flag, ret_text, ret_data, ret_data_len, ret_part,
	       ret_numbers, ret_n_numbers, ret_texts, ret_n_texts, ret_parts, ret_n_parts);
	return r < 0 ? r
		     : failures_idle_reply(call, 0, NULL, NULL, NULL, 0, NULL, NULL, 0, NULL, 0,
					   NULL, 0);
}

static int note_finished(void *self, mqc_call *call, int64_t number, const char *why)
{
	int r = mqc_call_defer(call);

	if (r < 0)
		return r;
	(void)note(self, call, number, why);
	return failures_note_reply(call);
}

static int finish_note(mqc_call *call, const void *unused)
{
	(void)unused;
	return failures_note_reply_msg(call);
}

static int note_later(void *self, mqc_call *call, const Rt__NoteRequest *request)
{
	(void)note(self, call, request->number, request->text);
	return later(call, finish_note, NULL);
}

/* A one-way call may fail as well, and nobody hears it. */
static int tick_finished(void *self, mqc_call *call)
{
	int r = mqc_call_defer(call);

	return r < 0 ? r : mqc_call_finish(call, tick(self, call), NULL);
}

static int noted_finished(void *self, mqc_call *call, int64_t *ret_notes, int64_t *ret_ticks,
			  int64_t *ret_sum, const char **ret_last)
{
	const struct notes *notes = self;
	int r = mqc_call_defer(call);

	UNUSED(ret_notes, ret_ticks, ret_sum, ret_last);
	return r < 0 ? r
		     : failures_noted_reply(call, notes->notes, notes->ticks, notes->sum,
					    notes->last);
}

/* A handler of the message form: what `handler` makes of the call and the reply finishes it. */
#define FINISHED(name, handler, Reply, finisher)                                                   \
	static int name(void *self, mqc_call *call, const Rt__FailRequest *request, Reply *reply)  \
	{                                                                                          \
		int r = mqc_call_defer(call);                                                      \
                                                                                                   \
		if (r < 0)                                                                         \
			return r;                                                                  \
		r = handler(self, call, request, reply);                                           \
		return r == MQC_OK ? finisher(call, reply) : mqc_call_finish(call, r, NULL);       \
	}

/* The same of a method that takes nothing. */
#define FINISHED_ALONE(name, handler, Reply, finisher)                                             \
	static int name(void *self, mqc_call *call, Reply *reply)                                  \
	{                                                                                          \
		int r = mqc_call_defer(call);                                                      \
                                                                                                   \
		if (r < 0)                                                                         \
			return r;                                                                  \
		r = handler(self, call, reply);                                                    \
		return r == MQC_OK ? finisher(call, reply) : mqc_call_finish(call, r, NULL);       \
	}

FINISHED(fail_later, fail_by_message, Rt__EverySort, failures_fail_reply_msg)
FINISHED(fail_flat_later, fail_flat_by_message, Rt__FlatSort, failures_fail_flat_reply_msg)
FINISHED(fail_wide_finished, fail_wide, Rt__WideSort, failures_fail_wide_reply_msg)
FINISHED_ALONE(idle_later, idle_by_message, Rt__EverySort, failures_idle_reply_msg)
FINISHED_ALONE(noted_later, noted_by_message, Rt__NotedReply, failures_noted_reply_msg)

int serve_failures(mqc_server *server, enum form form)
{
	static struct notes notes;
	static const failures_handlers by_function = {
		.fail = fail,
		.fail_flat = fail_flat,
		.fail_wide = fail_wide,
		.idle = idle,
		.note = note,
		.tick = tick,
		.noted = noted,
	};
	static const failures_msg_handlers by_message = {
		.fail = fail_by_message,
		.fail_flat = fail_flat_by_message,
		.fail_wide = fail_wide,
		.idle = idle_by_message,
		.note = note_by_message,
		.tick = tick,
		.noted = noted_by_message,
	};
	static const failures_handlers finished_by_function = {
		.fail = fail_finished,
		.fail_flat = fail_flat_finished,
		.fail_wide = fail_wide_finished,
		.idle = idle_finished,
		.note = note_finished,
		.tick = tick_finished,
		.noted = noted_finished,
	};
	static const failures_msg_handlers finished_by_message = {
		.fail = fail_later,
		.fail_flat = fail_flat_later,
		.fail_wide = fail_wide_finished,
		.idle = idle_later,
		.note = note_later,
		.tick = tick_finished,
		.noted = noted_later,
	};

	switch (form) {
	case BY_FUNCTION:
		return failures_serve(server, &by_function, &notes);
	case BY_MESSAGE:
		return failures_serve_msg(server, &by_message, &notes);
	case FINISHED_FUNCTION:
		return failures_serve(server, &finished_by_function, &notes);
	case FINISHED_MESSAGE:
		return failures_serve_msg(server, &finished_by_message, &notes);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
