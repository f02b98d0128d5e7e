/*
 * cnames.h - what protoc-gen-c calls things, and what mqcallc does.
 *
 * protoc-gen-c's rules are all here and nowhere else. A test compares them with
 * what it really writes. Full names have dots between their parts.
 */
#ifndef MQCALL_GENERATOR_CNAMES_H
#define MQCALL_GENERATOR_CNAMES_H

#include "idl/arena.h"

/* "foo_bar.v1.BazQux" is the C type FooBar__V1__BazQux, */
const char *gen_cname_type(idl_arena *arena, const char *full_name);

/* its functions begin with foo_bar__v1__baz_qux, */
const char *gen_cname_lower(idl_arena *arena, const char *full_name);

/* and its macros and constants with FOO_BAR__V1__BAZ_QUX. */
const char *gen_cname_upper(idl_arena *arena, const char *full_name);

/* The struct member of a field: in lower case, and no keyword. */
const char *gen_cname_member(idl_arena *arena, const char *name);

/* A name in lower case; '_' is not added anywhere. */
const char *gen_cname_lower_case(idl_arena *arena, const char *name);

/* "dir/calc.proto" without its ending. */
const char *gen_cname_stem(idl_arena *arena, const char *file);

/* mqcallc's own: "foo.v1.HTTPServer2Get" is foo_v1_http_server2_get. */
const char *gen_cname_snake(idl_arena *arena, const char *full_name);

#endif
