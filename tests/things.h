/*
 * things.h - a service made by hand, as mqcallc would make it, for the tests of the library.
 *
 * Its methods do what tests need of a server: take their time, fail, count,
 * end the process. Unlike generated stubs, the calls here can go wrong in ways
 * that a test wants: any method can be called with any message.
 */
#ifndef THINGS_H
#define THINGS_H

#include <stdatomic.h>

#include <mqcall/mqcall.h>

#include "tests/shapes.pb-c.h"

enum {
	THINGS_ADD,       /* Pair -> Number: the sum */
	THINGS_WAIT,      /* Number -> Number: sleep so many ms; gives the number */
	THINGS_ECHO,      /* Text -> Text */
	THINGS_GROW,      /* Number -> Text: of so many bytes */
	THINGS_FAIL,      /* Number -> Number: fail with that code, and a text */
	THINGS_CODE,      /* Number -> Number: return that code, and no text */
	THINGS_NOTE,      /* Number -> Number: one-way; adds the number to a count */
	THINGS_COUNT,     /* Number -> Number: adds the number to the count; gives it */
	THINGS_PID,       /* Number -> Number: the server's pid */
	THINGS_REMAINING, /* Number -> Number: mqc_call_remaining_ms() */
	THINGS_STOP,      /* Number -> Number: stop the server; gives the number */
	THINGS_KILL,      /* Number -> Number: kill the server process */
	THINGS_DEFER,     /* Number -> Number: answer after so many ms, from another thread; at
			     once, before the handler returns, for 0; gives the number */
	THINGS_UNTIL,     /* Number -> Number: until it is cancelled, which adds the number to
			     the count, or for a minute */
	THINGS_PEER,      /* Number -> Number: of the caller the uid for 0, the gid for 1, the
			     pid for 2 */
	THINGS_CARRY,     /* Number -> Number: for tests of metadata, see carry.h */
	THINGS_NICE,      /* Number -> Number: how the thread that serves is scheduled, its nice */
	THINGS_LEND,      /* Number -> Text: as data, so many bytes that are lent, all 'l'; of -n, n
			     bytes are lent and not sent, and the data is a byte more than that */
	THINGS_KEEP,      /* Text -> Number: as THINGS_ECHO, but the data is looked at after so many
			     ms as the text says; gives the sum of its bytes */
	THINGS_HOSTED,    /* how many of the methods a server has */
	THINGS_ABSENT = THINGS_HOSTED,
	THINGS_METHODS
};

extern const mqc_method things_methods[THINGS_METHODS];
extern const mqc_service things_service;

/* What the handlers work on: the `self` of the service. */
typedef struct things {
	mqc_server *server;
	atomic_llong count;
	atomic_int begun; /* calls of THINGS_WAIT and THINGS_UNTIL that have */
	int tells;        /* where each of these is told of, by a byte, when it begins; or 0 */
} things;

int things_dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply);

/* Let a server host it. */
int things_serve(mqc_server *server, things *self);

/* Call one of the methods Number -> Number; timeout_ms 0 is the default. */
int things_call(mqc_client *client, int method, int timeout_ms, int64_t value, int64_t *ret_value);

/* Start such a call; and finish it. The function, the options and ret_value may be NULL. */
int things_start(mqc_client *client, int method, const mqc_call_options *options, int64_t value,
		 mqc_ended ended, void *data, mqc_pending **ret_pending);
int things_finish(mqc_pending *pending, int64_t *ret_value);

int things_add(mqc_client *client, int32_t a, int32_t b, int64_t *ret_sum);

/* Echo `text`; the answer is for the caller to free. */
int things_echo(mqc_client *client, const char *text, char **ret_text);

/* Have a text of `size` bytes made: gives how many came. */
int things_grow(mqc_client *client, int64_t size, size_t *ret_size);

#endif
