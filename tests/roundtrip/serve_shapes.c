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

ECHO(messages_by_message, Rt__MessageSet)
ECHO(plain_by_message, Rt__MessageSet)
ECHO(leg_by_message, Rt__Parts__V1__Leg)
ECHO(nested_by_message, Rt__Outer__Inner)
ECHO(tree_by_message, Rt__Node)
ECHO(grove_by_message, Rt__Forest)
ECHO(choose_by_message, Rt__Choice)
ECHO(map_by_message, Rt__Maps)

int serve_shapes(mqc_server *server, bool messages)
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

	if (messages)
		return shapes_serve_msg(server, &by_message, NULL);
	return shapes_serve(server, &by_function, NULL);
}
