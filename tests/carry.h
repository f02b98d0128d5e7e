/*
 * carry.h - THINGS_CARRY, the method for tests of metadata and details, and how to call it.
 *
 * The answer has all pairs of the request again. Some also tell the handler what to do:
 *
 *	more = N           add N pairs "more", without a value
 *	detail = pair      fail with a Shapes.Pair: how many pairs came, and the code
 *	detail = number    fail with a Shapes.Number: how many pairs came
 *	detail = SIZE      fail with a Shapes.Text of so many bytes
 *	nested = ENDPOINT  call the method there, with a pair of its own alone; add a pair
 *	                   "inner" with the name of its status, and pass a Shapes.Pair on
 */
#ifndef CARRY_H
#define CARRY_H

#include <mqcall/mqcall.h>

#include "tests/shapes.pb-c.h"

/* A value below 0 is the code to fail with; any other is replaced by how many pairs came. */
int carry(mqc_call *call, int64_t value, Shapes__Number *reply);

/* Call it; ret_pairs and ret_value may be NULL. */
int carry_call(mqc_client *client, int64_t value, const mqc_pair *pairs, size_t n,
	       mqc_pairs **ret_pairs, int64_t *ret_value);

#endif
