/*
 * metadata.h - what travels with a call beside its messages: metadata, and the detail of a status.
 */
#ifndef MQCI_METADATA_H
#define MQCI_METADATA_H

#include <mqcall/mqcall.h>

#include "extras.h"
#include "frame.h"

/* ------------------------------------------------------------- callers -- */

/* Check metadata that a program gives; *ret_size is that of its block, 0 for no pairs. */
int mqci_metadata_measure(const mqc_pair *pairs, size_t n, size_t *ret_size);

/* Write the block of metadata that has been measured. */
void mqci_metadata_pack(const mqc_pair *pairs, size_t n, uint8_t *block);

/*
 * Take the block of extras off a reply to a call of `method`, which has one. A
 * detail is given as it lies there, with the key NULL if there is none. Unless
 * ret_pairs is NULL, the pairs go there; where there are none, it is untouched.
 */
int mqci_metadata_take(const char *method, mqci_frame *reply, mqc_pairs **ret_pairs,
		       mqci_extra *ret_detail);

/* ------------------------------------------------------------- servers -- */

/* What a handler wants to go with its answer; in memory of the call. */
typedef struct mqci_enclosed mqci_enclosed;

/*
 * Take the block of extras off a request, which has one: its pairs are copied to
 * memory of the call. What is returned may be told to the caller, with the text
 * in the call.
 */
int mqci_metadata_receive(mqc_call *call, mqci_frame *request);

/* The status with which the handler leaves is another one: what it said of the last is void. */
void mqci_metadata_drop_detail(mqc_call *call);

/* The size of the block to go with a reply, 0 for none. A detail is dropped. */
size_t mqci_metadata_of_reply(mqc_call *call);

/* The same with an error: when that is more than `room`, first a detail is dropped, then all. */
size_t mqci_metadata_of_error(mqc_call *call, size_t room);

/* Write the block of which one of the former has told the size; nothing where that is 0. */
void mqci_metadata_write(const mqc_call *call, uint8_t *block);

#endif
