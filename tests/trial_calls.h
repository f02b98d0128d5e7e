/*
 * trial_calls.h - what a client on trial does: open, call, and look at what it got.
 */
#ifndef TRIAL_CALLS_H
#define TRIAL_CALLS_H

#include <mqcall/mqcall.h>

#include "trials.h"

/* Options with the short time limits of trials. */
extern const mqc_client_options trial_options;

/* NULL when it fails. */
mqc_client *trial_open_client(struct trial *trial, const mqc_client_options *options);

/* 2 + 3 is 5. */
void trial_add(struct trial *trial, mqc_client *client);

/* A call that adds 1 to the server's count; trial->sure and trial->doubtful tell what came of it.
 */
void trial_count(struct trial *trial, mqc_client *client, int method, const char *what);

/* Some calls of other kinds. */
void trial_echo(struct trial *trial, mqc_client *client);
void trial_grow(struct trial *trial, mqc_client *client, int64_t size);
void trial_refused(struct trial *trial, mqc_client *client);

/* A request and a reply that no queue carries. */
void trial_large(struct trial *trial, mqc_client *client);

/* Metadata both ways; an error with a detail; an answer from another thread, but for 0 ms. */
void trial_carry(struct trial *trial, mqc_client *client);
void trial_detail(struct trial *trial, mqc_client *client);
void trial_deferred(struct trial *trial, mqc_client *client, int64_t ms);

/* A call that is given up before it is made. */
void trial_cancelled(struct trial *trial, mqc_client *client);

/* The service of things.h with THINGS_COUNT in a lane, and a call of that. */
const mqc_service *trial_service_with_lane(void);
void trial_count_in_lane(struct trial *trial, mqc_client *client);

/* With everything well again: a new client of this process works, if there is a server or comes. */
void trial_call_well(struct trial *trial);

#endif
