/*
 * server.h - the services of the server process, each with one table of handlers or the other.
 */
#ifndef ROUNDTRIP_SERVER_H
#define ROUNDTRIP_SERVER_H

#include <stdbool.h>

#include <mqcall/mqcall.h>

/* `messages` tells that the handlers are those of the message form. */
int serve_numbers(mqc_server *server, bool messages);
int serve_texts(mqc_server *server, bool messages);
int serve_shapes(mqc_server *server, bool messages);
int serve_legacy(mqc_server *server, bool messages);
int serve_known(mqc_server *server, bool messages);
int serve_failures(mqc_server *server, bool messages);

/* A handler of the message form, `name`, that answers with a copy of the request. */
#define ECHO(name, type)                                                                           \
	static int name(void *self, mqc_call *call, const type *request, type *reply)              \
	{                                                                                          \
		(void)self;                                                                        \
		message_copy_to(call, &request->base, &reply->base);                               \
		return MQC_OK;                                                                     \
	}

#endif
