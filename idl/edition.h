/*
 * edition.h - .proto files that have an edition, where protoc knows of none.
 */
#ifndef MQCALL_IDL_EDITION_H
#define MQCALL_IDL_EDITION_H

#include <stdbool.h>

/* What is to be said of a file with an edition. */
#define IDL_EDITION_REFUSED                                                                        \
	"editions are not supported by protobuf-c; begin the file with syntax = \"proto3\" or "    \
	"\"proto2\""

/* Is `edition` the first word of a file, comments apart? And where? */
bool idl_edition_find(const char *path, int *ret_line, int *ret_column);

#endif
