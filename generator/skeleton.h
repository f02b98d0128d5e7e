/*
 * skeleton.h - programs to start from.
 */
#ifndef MQCALL_GENERATOR_SKELETON_H
#define MQCALL_GENERATOR_SKELETON_H

#include "idl/diag.h"
#include "idl/text.h"
#include "plan.h"

/*
 * For each file with a service, write NAME_server.c, in which every handler
 * answers UNIMPLEMENTED, and NAME_client.c, which calls every method. They are
 * the user's from then on, so one that is there already is an error. Returns the
 * exit status.
 */
int skeleton_write(const gen_plan *plan, const char *directory, idl_diags *diags);

/* The two programs: skeleton_server.c and skeleton_client.c. */
void skeleton_server(idl_text *text, const gen_file *file);
void skeleton_client(idl_text *text, const gen_file *file);

/* The endpoint that both use: the prefix of the file's first service. */
const char *skeleton_endpoint(const gen_file *file);

#endif
