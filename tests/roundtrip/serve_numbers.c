/*
 * serve_numbers.c - the handlers of Numbers: they answer with what they are asked.
 */
#include "server.h"

#include "messages.h"
#include "number_list.h"
#include "numbers.mqc.h"

#define FUNCTION(method, Message, lower, UPPER, type, element)                                     \
	static int method##_by_function(void *self, mqc_call *call, type one, const type *maybe,   \
					const element *many, size_t n_many, const element *loose,  \
					size_t n_loose, type *ret_one, bool *ret_has_maybe,        \
					type *ret_maybe, element **ret_many, size_t *ret_n_many,   \
					element **ret_loose, size_t *ret_n_loose)                  \
	{                                                                                          \
		(void)self;                                                                        \
		*ret_one = one;                                                                    \
		if (maybe != NULL) {                                                               \
			*ret_has_maybe = true;                                                     \
			*ret_maybe = *maybe;                                                       \
		}                                                                                  \
		*ret_many = bytes_copy(call, many, n_many * sizeof *many);                         \
		*ret_n_many = n_many;                                                              \
		*ret_loose = bytes_copy(call, loose, n_loose * sizeof *loose);                     \
		*ret_n_loose = n_loose;                                                            \
		return MQC_OK;                                                                     \
	}

#define MESSAGE(method, Message, lower, UPPER, type, element)                                      \
	ECHO(method##_by_message, Rt__##Message)

/* The parameters go through the memory of the call: what they point to must still be there. */
#define FINISHED(method, Message, lower, UPPER, type, element)                                     \
	struct method##_params {                                                                   \
		type one;                                                                          \
		const type *maybe;                                                                 \
		const element *many, *loose;                                                       \
		size_t n_many, n_loose;                                                            \
	};                                                                                         \
                                                                                                   \
	static int finish_##method(mqc_call *call, const void *what)                               \
	{                                                                                          \
		const struct method##_params *in = what;                                           \
                                                                                                   \
		return numbers_##method##_reply(call, in->one, in->maybe, in->many, in->n_many,    \
						in->loose, in->n_loose);                           \
	}                                                                                          \
                                                                                                   \
	static int method##_finished(void *self, mqc_call *call, type one, const type *maybe,      \
				     const element *many, size_t n_many, const element *loose,     \
				     size_t n_loose, type *ret_one, bool *ret_has_maybe,           \
				     type *ret_maybe, element **ret_many, size_t *ret_n_many,      \
				     element **ret_loose, size_t *ret_n_loose)                     \
	{                                                                                          \
		const struct method##_params in = {one, maybe, many, loose, n_many, n_loose};      \
                                                                                                   \
		UNUSED(self, ret_one, ret_has_maybe, ret_maybe, ret_many, ret_n_many, ret_loose,   \
		       ret_n_loose);                                                               \
		return later(call, finish_##method, bytes_copy(call, &in, sizeof in));             \
	}

#define LATER(method, Message, lower, UPPER, type, element)                                        \
	ECHO_LATER(method##_later, Rt__##Message, numbers_##method##_reply_msg)

/* clang-format off */
EACH_NUMBER(FUNCTION)
EACH_NUMBER(MESSAGE)
EACH_NUMBER(FINISHED)
EACH_NUMBER(LATER)
/* clang-format on */

static const numbers_handlers by_function = {
	.double_ = double_by_function,
	.float_ = float_by_function,
	.int32 = int32_by_function,
	.int64 = int64_by_function,
	.uint32 = uint32_by_function,
	.uint64 = uint64_by_function,
	.sint32 = sint32_by_function,
	.sint64 = sint64_by_function,
	.fixed32 = fixed32_by_function,
	.fixed64 = fixed64_by_function,
	.sfixed32 = sfixed32_by_function,
	.sfixed64 = sfixed64_by_function,
	.bool_ = bool_by_function,
	.enum_ = enum_by_function,
};

static const numbers_msg_handlers by_message = {
	.double_ = double_by_message,
	.float_ = float_by_message,
	.int32 = int32_by_message,
	.int64 = int64_by_message,
	.uint32 = uint32_by_message,
	.uint64 = uint64_by_message,
	.sint32 = sint32_by_message,
	.sint64 = sint64_by_message,
	.fixed32 = fixed32_by_message,
	.fixed64 = fixed64_by_message,
	.sfixed32 = sfixed32_by_message,
	.sfixed64 = sfixed64_by_message,
	.bool_ = bool_by_message,
	.enum_ = enum_by_message,
};

static const numbers_handlers finished_by_function = {
	.double_ = double_finished,
	.float_ = float_finished,
	.int32 = int32_finished,
	.int64 = int64_finished,
	.uint32 = uint32_finished,
	.uint64 = uint64_finished,
	.sint32 = sint32_finished,
	.sint64 = sint64_finished,
	.fixed32 = fixed32_finished,
	.fixed64 = fixed64_finished,
	.sfixed32 = sfixed32_finished,
	.sfixed64 = sfixed64_finished,
	.bool_ = bool_finished,
	.enum_ = enum_finished,
};

static const numbers_msg_handlers finished_by_message = {
	.double_ = double_later,
	.float_ = float_later,
	.int32 = int32_later,
	.int64 = int64_later,
	.uint32 = uint32_later,
	.uint64 = uint64_later,
	.sint32 = sint32_later,
	.sint64 = sint64_later,
	.fixed32 = fixed32_later,
	.fixed64 = fixed64_later,
	.sfixed32 = sfixed32_later,
	.sfixed64 = sfixed64_later,
	.bool_ = bool_later,
	.enum_ = enum_later,
};

int serve_numbers(mqc_server *server, enum form form)
{
	switch (form) {
	case BY_FUNCTION:
		return numbers_serve(server, &by_function, NULL);
	case BY_MESSAGE:
		return numbers_serve_msg(server, &by_message, NULL);
	case FINISHED_FUNCTION:
		return numbers_serve(server, &finished_by_function, NULL);
	case FINISHED_MESSAGE:
		return numbers_serve_msg(server, &finished_by_message, NULL);
	case FORMS:
		break;
	}
	return MQC_INVALID_ARGUMENT;
}
