/*
 * transport.h - what protobuf-c leaves to its user: getting a call to the other process.
 * The least that works, over a Unix socket; no time limits, no reconnecting.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <protobuf-c/protobuf-c.h>

/* Serve for ever. Returns, with errno, only if it cannot. */
void transport_serve(ProtobufCService *service, const char *path);

/* A service whose methods are calls. NULL, with errno, without a server. */
ProtobufCService *transport_connect(const ProtobufCServiceDescriptor *descriptor, const char *path);

#endif
