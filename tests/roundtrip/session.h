/*
 * session.h - a test's server process and its client.
 */
#ifndef ROUNDTRIP_SESSION_H
#define ROUNDTRIP_SESSION_H

#include "topics.h"

/* Tests are run with each of these, as loop tests: _i says with which. As server.h has them. */
enum {
	SESSION_FUNCTIONS,          /* the server's handlers are those of the function form */
	SESSION_MESSAGES,           /* of the message form */
	SESSION_FINISHED_FUNCTIONS, /* the same, where all calls are deferred, */
	SESSION_FINISHED_MESSAGES,  /* and finished by what mqcallc makes for that */
	SESSION_KINDS
};

/* Start a server, and connect to it. */
mqc_client *session_begin(int kind);

/* Disconnect, and see the server end cleanly. */
void session_end(mqc_client *client);

/* ------------------------------------------------------------- samples -- */

/* A message with nothing in it, to be freed. */
ProtobufCMessage *sample_empty(const struct method *method);

/* Sample number `sample` of a method; what it has is static. */
ProtobufCMessage *sample_make(const struct method *method, size_t sample);

/* Where a stub puts its outputs: a message full of rubbish. */
ProtobufCMessage *reply_poisoned(const struct method *method);

/* Whether it is so still. */
bool reply_is_poisoned(const ProtobufCMessage *reply);

#endif
