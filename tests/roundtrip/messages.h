/*
 * messages.h - messages of any type, by their descriptors: compared, copied.
 */
#ifndef ROUNDTRIP_MESSAGES_H
#define ROUNDTRIP_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include <mqcall/mqcall.h>

/*
 * Whether what came back is what was sent, field by field and bit by bit: a NaN
 * equals itself only with the same bits, -0.0 is not 0.0, absent is not zero.
 * Where a string may not be absent, NULL was sent for "", but never comes. What
 * is absent comes with its default value, if it has one. And of -0.0 protobuf-c
 * loses the sign where zero is not sent.
 * If not, `where` gets the path of the first difference.
 */
bool message_equal(const ProtobufCMessage *sent, const ProtobufCMessage *came, char *where,
		   size_t size);

/*
 * A copy of a message, of any type, in the memory of a call; NULL for NULL. Ends
 * the process where there is no memory, as do those below.
 */
void *message_copy(mqc_call *call, const void *message);

/* A copy of an array of pointers to messages. */
void *messages_copy(mqc_call *call, const void *array, size_t count);

/* A copy into a message that is there, which loses what it had. */
void message_copy_to(mqc_call *call, const ProtobufCMessage *message, ProtobufCMessage *copy);

/* `size` bytes, copied into the memory of a call; NULL for none. */
void *bytes_copy(mqc_call *call, const void *bytes, size_t size);

#endif
