/*
 * model.h - what .proto files say, as the compiler sees it.
 *
 * The loader builds a model out of descriptors and nobody changes it after
 * that. It knows protobuf and the options of mqcall, and nothing of C: which
 * names things get is decided elsewhere. Everything lives in the model's arena
 * and borrows from the descriptors that it was built from.
 */
#ifndef MQCALL_IDL_MODEL_H
#define MQCALL_IDL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "diag.h"
#include "table.h"

#include <google/protobuf/descriptor.pb-c.h>

typedef Google__Protobuf__FileDescriptorProto idl_file_proto;

typedef struct idl_model idl_model;
typedef struct idl_file idl_file;
typedef struct idl_message idl_message;
typedef struct idl_enum idl_enum;

/* The type of a field, as far as it matters in C. */
typedef enum idl_kind {
	IDL_INT32,
	IDL_INT64,
	IDL_UINT32,
	IDL_UINT64,
	IDL_FLOAT,
	IDL_DOUBLE,
	IDL_BOOL,
	IDL_ENUM,
	IDL_STRING,
	IDL_BYTES,
	IDL_MESSAGE,
	IDL_GROUP
} idl_kind;

/* How often a field is there, and who can tell. */
typedef enum idl_presence {
	IDL_IMPLICIT, /* proto3: absent is zero */
	IDL_REQUIRED, /* proto2 */
	IDL_OPTIONAL, /* proto2 `optional`, and every single message */
	IDL_EXPLICIT, /* proto3 `optional`: protoc makes it a oneof of one member */
	IDL_ONEOF,    /* in a oneof of the user's */
	IDL_REPEATED  /* and maps, which are repeated entries */
} idl_presence;

typedef struct idl_oneof {
	const char *name;
	bool synthetic; /* made by protoc for a proto3 `optional` */
	size_t n_fields;
	idl_place place;
} idl_oneof;

typedef struct idl_field {
	const char *name;
	int number;
	int wire_type; /* the type as written: google.protobuf.FieldDescriptorProto.Type */
	idl_kind kind;
	idl_presence presence;
	bool deprecated;
	const char *default_text; /* NULL: none of its own */
	const char *json_name;
	const idl_message *owner;
	const idl_message *message;  /* of IDL_MESSAGE and IDL_GROUP */
	const idl_enum *enumeration; /* of IDL_ENUM */
	const idl_oneof *oneof;      /* of IDL_ONEOF and IDL_EXPLICIT */
	const Google__Protobuf__FieldDescriptorProto *proto;
	idl_place place;
} idl_field;

struct idl_message {
	const char *name;
	const char *full_name; /* "pkg.Outer.Name" */
	const idl_file *file;
	const idl_message *parent; /* NULL: of the file itself */
	size_t index;              /* in the model's messages */
	bool map_entry;
	idl_field *fields;
	size_t n_fields;
	idl_oneof *oneofs;
	size_t n_oneofs;
	const Google__Protobuf__DescriptorProto *proto;
	idl_place place;
};

typedef struct idl_enum_value {
	const char *name;
	int32_t number;
	idl_place place;
} idl_enum_value;

struct idl_enum {
	const char *name;
	const char *full_name;
	const idl_file *file;
	const idl_message *parent;
	size_t index; /* in the model's enums */
	idl_enum_value *values;
	size_t n_values;
	idl_place place;
};

/* In what forms a method is to exist; the numbers are those of mqcall.Form. */
typedef enum idl_form {
	IDL_FORM_AUTO = 0,
	IDL_FORM_MESSAGE = 1
} idl_form;

/* An option of mqcall/options.proto. */
typedef struct idl_option {
	bool set;
	int64_t number;
	const char *text;
	idl_place place;
} idl_option;

typedef struct idl_method {
	const char *name;
	const char *full_name; /* "pkg.Service/Name": what is hashed for the wire */
	uint64_t id;           /* FNV-1a, 64 bits, of that */
	const idl_message *request;
	const idl_message *reply;
	bool client_streaming;
	bool server_streaming;
	bool deprecated; /* or its service is */
	bool idempotent;
	bool no_side_effects;
	idl_option c_name;
	idl_option oneway;
	idl_option timeout_ms;
	idl_option priority;
	idl_option lane;
	idl_option form;
	const char *comment; /* "" where there is none */
	idl_place place;
} idl_method;

typedef struct idl_service {
	const char *name;
	const char *full_name;
	const idl_file *file;
	bool deprecated;
	idl_option prefix;
	idl_method *methods;
	size_t n_methods;
	const char *comment;
	idl_place place;
} idl_service;

/* A field that one message declares for another one. */
typedef struct idl_extension {
	const char *name;
	const char *extendee; /* full name */
	idl_place place;
} idl_extension;

struct idl_file {
	const char *name; /* as protoc knows it: "dir/calc.proto" */
	const char *package;
	bool proto3;
	bool named; /* by the user, not only imported */
	size_t index;
	const idl_message **messages; /* outermost ones; the model lists them all */
	size_t n_messages;
	const idl_enum **enums;
	size_t n_enums;
	idl_service *services;
	size_t n_services;
	idl_extension *extensions; /* of the file and of its messages */
	size_t n_extensions;
	const idl_file_proto *proto;
};

struct idl_model {
	idl_arena arena;
	idl_file *files; /* each after those it imports */
	size_t n_files;
	idl_message **messages; /* all, nested ones too: file by file, outer before inner */
	size_t n_messages;
	idl_enum **enums;
	size_t n_enums;
	idl_table message_table; /* by full name */
	idl_table enum_table;
	idl_table file_table; /* by name */
};

const idl_file *idl_model_file(const idl_model *model, const char *name);
const idl_message *idl_model_message(const idl_model *model, const char *full_name);
const idl_enum *idl_model_enum(const idl_model *model, const char *full_name);

/* May it be absent, and does one see that? Those of a oneof are another matter. */
static inline bool idl_field_may_be_absent(const idl_field *field)
{
	return field->presence == IDL_OPTIONAL || field->presence == IDL_EXPLICIT;
}

/* Is it google.protobuf.Empty, which stands for nothing at all? */
bool idl_message_is_empty(const idl_message *message);

/* Is it one of protobuf's own files, google/protobuf/NAME.proto? */
bool idl_file_is_well_known(const idl_file *file);

/* Is it a name that protoc would let pass? NULL is none. */
bool idl_is_identifier(const char *name);

/* Is it such names with dots between them, or nothing at all? */
bool idl_is_package(const char *package);

/* FNV-1a, 64 bits. */
uint64_t idl_hash(const char *text);

#endif
