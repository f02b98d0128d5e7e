/*
 * serve_numbers.c - the handlers of Numbers: they answer with what they are asked.
 */
#include "server.h"

#include "messages.h"
#include "number_list.h"
#include "numbers.mqc.h"

#define BY_FUNCTION(method, Message, lower, UPPER, type, element)                                  \
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

#define BY_MESSAGE(method, Message, lower, UPPER, type, element)                                   \
	ECHO(method##_by_message, Rt__##Message)

/* clang-format off */
EACH_NUMBER(BY_FUNCTION)
EACH_NUMBER(BY_MESSAGE)
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

int serve_numbers(mqc_server *server, bool messages)
{
	if (messages)
		return numbers_serve_msg(server, &by_message, NULL);
	return numbers_serve(server, &by_function, NULL);
}
