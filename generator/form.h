/*
 * form.h - which methods have the function form.
 *
 * The rule, for users: every method has the message form. It has the function
 * form as well, its request's fields as parameters and its reply's as ret_
 * parameters, when
 *
 *   1. the option (mqcall.form) = MESSAGE is not set on it, and
 *   2. both its request and its reply are flat: google.protobuf.Empty, which
 *      gives no parameter at all, or a message of at most eight fields, none
 *      of which is a map, a group, a member of a oneof or of the message's own
 *      type. (`optional` of proto3 is no oneof.)
 *
 * Adding a field changes the parameters of the function form, and the ninth
 * field, or one of those shapes, takes the form away: both are changes of the
 * source that callers see, and `mqcallc --check-compat` reports them. Setting
 * the option beforehand keeps a method that is going to grow out of this. The
 * message form never changes with the fields, nor does the wire.
 */
#ifndef MQCALL_GENERATOR_FORM_H
#define MQCALL_GENERATOR_FORM_H

#include <stdbool.h>

#include "idl/model.h"

enum {
	GEN_FORM_MAX_FIELDS = 8
};

/* Has the method the function form? */
bool gen_form_has_function(const idl_method *method);

/* Why it has not, as a sentence without its subject; NULL when it has. */
const char *gen_form_reason(const idl_method *method);

#endif
