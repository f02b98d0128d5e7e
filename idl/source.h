/*
 * source.h - where things stand in the .proto, and their comments.
 *
 * protoc tells it as SourceCodeInfo: a list of locations, each with a path of
 * field numbers and indices into the file's descriptor. Here it is indexed.
 */
#ifndef MQCALL_IDL_SOURCE_H
#define MQCALL_IDL_SOURCE_H

#include <stdint.h>

#include "arena.h"
#include "diag.h"

#include <google/protobuf/descriptor.pb-c.h>

/* Field numbers that paths are made of. */
enum {
	IDL_FILE_MESSAGE = 4,
	IDL_FILE_ENUM = 5,
	IDL_FILE_SERVICE = 6,
	IDL_FILE_EXTENSION = 7,
	IDL_MESSAGE_FIELD = 2,
	IDL_MESSAGE_NESTED = 3,
	IDL_MESSAGE_ENUM = 4,
	IDL_MESSAGE_EXTENSION = 6,
	IDL_MESSAGE_ONEOF = 8,
	IDL_ENUM_VALUE = 2,
	IDL_SERVICE_METHOD = 2,
	IDL_SERVICE_OPTIONS = 3,
	IDL_METHOD_INPUT = 2,
	IDL_METHOD_OUTPUT = 3,
	IDL_METHOD_OPTIONS = 4
};

/* Deeper nesting than protoc accepts; longer paths are never asked for. */
enum {
	IDL_PATH_MAX = 160
};

typedef struct idl_path {
	int32_t steps[IDL_PATH_MAX];
	size_t length;
} idl_path;

typedef Google__Protobuf__SourceCodeInfo__Location idl_location;

typedef struct idl_source {
	const char *file;
	const idl_location **sorted; /* by path; the first of equal ones first */
	size_t count;
} idl_source;

/* The path that leads on from another one. */
idl_path idl_path_add(const idl_path *path, int32_t field, int32_t index);

/* `shown` is what places call the file. */
void idl_source_init(idl_source *source, idl_arena *arena, const char *shown,
		     const Google__Protobuf__FileDescriptorProto *file);

/* Where it begins: line and column are 0 when nobody told. */
idl_place idl_source_place(const idl_source *source, const idl_path *path);

/* The same of an option that is a field of the thing's options message. */
idl_place idl_source_option_place(const idl_source *source, const idl_path *path, int32_t options,
				  int32_t number);

/* The comment before it, or else after it; "" where there is none. */
const char *idl_source_comment(const idl_source *source, const idl_path *path);

#endif
