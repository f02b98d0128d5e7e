/*
 * check.h - the rules that a model must obey.
 */
#ifndef MQCALL_IDL_CHECK_H
#define MQCALL_IDL_CHECK_H

#include "diag.h"
#include "model.h"

enum {
	IDL_MAX_PRIORITY = 31,
	IDL_MAX_LANE = 7,
	IDL_MAX_NAME = 64 /* of a prefix or a c_name */
};

/* Check the services that the user named, and the types that are to be written for them. */
void idl_check(const idl_model *model, bool with_imports, idl_diags *diags);

/* Its parts, one a file: check_services.c and check_types.c. */
void idl_check_service(const idl_service *service, idl_diags *diags);
void idl_check_types(const idl_model *model, const bool *files, idl_diags *diags);

#endif
