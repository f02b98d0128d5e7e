/*
 * serve_shapes.c - the handlers of Shapes: they answer with what they are asked.
 */
#include "server.h"

#include "messages.h"
#include "shapes.mqc.h"

static int messages_by_function(void *self, mqc_call *call, const Rt__Parts__V1__Leg *one,
				const Rt__Parts__V1__Point *maybe,
				const Rt__Outer__Inner *const *many, size_t n_many,
				Rt__Parts__V1__Leg **ret_one, Rt__Parts__V1__Point **ret_maybe,
				Rt__Outer__Inner ***ret_many, size_t *ret_n_many)
{
	(void)self;
	*ret_one = message_copy(call, one);
	*ret_maybe = message_copy(call, maybe);
	*ret_many = messages_copy(call, many, n_many);
	*ret_n_many = n_many;
	return MQC_OK;
}

static int leg_by_function(void *self, mqc_call *call, const Rt__Parts__V1__Point *from,
			   const Rt__Parts__V1__Point *to, Rt__Parts__V1__Unit unit,
			   Rt__Parts__V1__Point **ret_from, Rt__Parts__V1__Point **ret_to,
			   Rt__Parts__V1__Unit *ret_unit)
{
	(void)self;
	*ret_from = message_copy(call, from);
	*ret_to = message_copy(call, to);
	*ret_unit = unit;
	return MQC_OK;
}

static int nested_by_function(void *self, mqc_call *call, const Rt__Outer__Inner__Deep *deep,
			      const Rt__Outer__Inner__Deep *const *more, size_t n_more,
			      Rt__Outer__Mood mood, const char *name,
			      Rt__Outer__Inner__Deep **ret_deep, Rt__Outer__Inner__Deep ***ret_more,
			      size_t *ret_n_more, Rt__Outer__Mood *ret_mood, const char **ret_name)
{
	(void)self;
	*ret_deep = message_copy(call, deep);
	*ret_more = messages_copy(call, more, n_more);
	*ret_n_more = n_more;
	*ret_mood = mood;
	*ret_name = mqc_call_strdup(call, name);
	return MQC_OK;
}

static int grove_by_function(void *self, mqc_call *call, const Rt__Node *const *nodes,
			     size_t n_nodes, const Rt__Node *best, Rt__Node ***ret_nodes,
			     size_t *ret_n_nodes, Rt__Node **ret_best)
{
	(void)self;
	*ret_nodes = messages_copy(call, nodes, n_nodes);
	*ret_n_nodes = n_nodes;
	*ret_best = message_copy(call, best);
	return MQC_OK;
}

/* Answered even before the handler returns. */
static int messages_finished(void *self, mqc_call *call, const Rt__Parts__V1__Leg *one,
			     const Rt__Parts__V1__Point *maybe, const Rt__Outer__Inner *const *many,
			     size_t n_many, Rt__Parts__V1__Leg **ret_one,
			     Rt__Parts__V1__Point **ret_maybe, Rt__Outer__Inner ***ret_many,
			     size_t *ret_n_many)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_one, ret_maybe, ret_many, ret_n_many);
	return r < 0 ? r : shapes_messages_reply(call, one, maybe, many, n_many);
}

static int leg_finished(void *self, mqc_call *call, const Rt__Parts__V1__Point *from,
			const Rt__Parts__V1__Point *to, Rt__Parts__V1__Unit unit,
			Rt__Parts__V1__Point **ret_from, Rt__Parts__V1__Point **ret_to,
			Rt__Parts__V1__Unit *ret_unit)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_from, ret_to, ret_unit);
	return r < 0 ? r : shapes_leg_reply(call, from, to, unit);
}

static int nested_finished(void *self, mqc_call *call, const Rt__Outer__Inner__Deep *deep,
			   const Rt__Outer__Inner__Deep *const *more, size_t n_more,
			   Rt__Outer__Mood mood, const char *name,
			   Rt__Outer__Inner__Deep **ret_deep, Rt__Outer__Inner__Deep ***ret_more,
			   size_t *ret_n_more, Rt__Outer__Mood *ret_mood, const char **ret_name)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_deep, ret_more, ret_n_more, ret_mood, ret_name);
	return r < 0 ? r : shapes_nested_reply(call, deep, more, n_more, mood, name);
}

static int grove_finished(void *self, mqc_call *call, const Rt__Node *const *nodes, size_t n_nodes,
			  const Rt__Node *best, Rt__Node ***ret_nodes, size_t *ret_n_nodes,
			  Rt__Node **ret_best)
{
	int r = mqc_call_defer(call);

	UNUSED(self, ret_nodes, ret_n_nodes, ret_best);
	return r < 0 ? r : shapes_grove_reply(call, nodes, n_nodes, best);
}

ECHO(messages_by_message, Rt__MessageSet)
ECHO(plain_by_message, Rt__MessageSet)
ECHO(leg_by_message, Rt__Parts__V1__Leg)
ECHO(nested_by_message, Rt__Outer__Inner)
ECHO(tree_by_message, Rt__Node)
ECHO(grove_by_message, Rt__Forest)
ECHO(choose_by_message, Rt__Choice)
ECHO(map_by_message, Rt__Maps)

ECHO_LATER(messages_later, Rt__MessageSet, shapes_messages_reply_msg)
ECHO_LATER(plain_later, Rt__MessageSet, shapes_plain_reply_msg)
ECHO_LATER(leg_later, Rt__Parts__V1__Leg, shapes_leg_reply_msg)
ECHO_LATER(nested_later, Rt__Outer__Inner, shapes_nested_reply_msg)
ECHO_LATER(tree_later, Rt__Node, shapes_tree_reply_msg)
ECHO_LATER(grove_later, Rt__Forest, shapes_grove_reply_msg)
ECHO_LATER(choose_later, Rt__Choice, shapes_choose_reply_msg)
ECHO_LATER(map_later, Rt__Maps, shapes_map_reply_msg)

int serve_shapes(mqc_server *server, enum form form)
{
	static const shapes_handlers by_function = {
		.messages = messages_by_function,
		.plain = plain_by_message,
		.leg = leg_by_function,
		.nested = nested_by_function,
		.tree = tree_by_message,
		.grove = grove_by_function,
		.choose = choose_by_message,
		.map = map_by_message,
	};
	static const shapes_msg_handlers by_message = {
		.messages = messages_by_message,
		.plain = plain_by_message,
		.leg = leg_by_message,
		.nested = nested_by_message,
		.tree = tree_by_message,
		.grove = grove_by_message,
		.choose = choose_by_message,
		.map = map_by_message,
	};
	static const shapes_handlers finished_by_function = {
		.messages = messages_finished,
		.plain = plain_later,
		.leg = leg_finished,
		.nested = nested_finished,
		.tree = tree_later,
		.grove = grove_finished,
		.choose = choose_later,
		.map = map_later,
	};
	static const shapes_msg_handlers finished_by_message = {
		.messages = messages_later,
		.plain = plain_later,
		.leg = leg_later,
		.nested = nested_later,
		.tree = tree_later,
		.grove = grove_later,
		.choose = choose_later,
		.map = map_later,
	};

	switch (form) {
	case BY_FUNCTION:
		return shapes_serve(server, &by_function, NULL);
	case BY_MESSAGE:
		return shapes_serve_msg(server, &by_message, NULL);
	case FINISHED_FUNCTION:
		return shapes_serve(server, &finished_by_function, NULL);
	case FINISHED_MESSAGE:
		return shapes_serve_msg(server, &finished_by_message, NULL);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
