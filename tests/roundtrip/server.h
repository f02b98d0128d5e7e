/*
 * server.h - the services of the server process, each with one of several tables of handlers.
 */
#ifndef ROUNDTRIP_SERVER_H
#define ROUNDTRIP_SERVER_H

#include <mqcall/mqcall.h>

#include "later.h"

/* What the handlers are like. */
enum form {
	BY_FUNCTION,       /* of the function form */
	BY_MESSAGE,        /* of the message form */
	FINISHED_FUNCTION, /* of the function form, which defer their calls and have them finished
			    */
	FINISHED_MESSAGE,  /* of the message form, which do so */
	FORMS
};

int serve_numbers(mqc_server *server, enum form form);
int serve_texts(mqc_server *server, enum form form);
int serve_shapes(mqc_server *server, enum form form);
int serve_legacy(mqc_server *server, enum form form);
int serve_known(mqc_server *server, enum form form);
int serve_failures(mqc_server *server, enum form form);

/* A handler of the message form, `name`, that answers with a copy of the request. */
#define ECHO(name, type)                                                                           \
	static int name(void *self, mqc_call *call, const type *request, type *reply)              \
	{                                                                                          \
		(void)self;                                                                        \
		message_copy_to(call, &request->base, &reply->base);                               \
		return MQC_OK;                                                                     \
	}

/* One that defers the call, to be finished with the request by `finisher`, of the message form. */
#define ECHO_LATER(name, type, finisher)                                                           \
	static int finish_##name(mqc_call *call, const void *request)                              \
	{                                                                                          \
		return finisher(call, request);                                                    \
	}                                                                                          \
                                                                                                   \
	static int name(void *self, mqc_call *call, const type *request, type *reply)              \
	{                                                                                          \
		(void)self;                                                                        \
		(void)reply;                                                                       \
		return later(call, finish_##name, request);                                        \
	}

/* Parameters of a handler that has no use for them, all of them pointers. */
#define UNUSED(...) ((void)(const void *const[]){__VA_ARGS__})

#endif
