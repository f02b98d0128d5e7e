/*
 * later.h - calls that are deferred, to be finished by another thread.
 */
#ifndef ROUNDTRIP_LATER_H
#define ROUNDTRIP_LATER_H

#include <mqcall/mqcall.h>

typedef int later_finish(mqc_call *call, const void *what);

/*
 * Defer the call of this handler, and have finish(call, what) called, most likely when the
 * handler has returned. Returns what the handler is to return. Ends the process where there is
 * no memory or no thread.
 */
int later(mqc_call *call, later_finish *finish, const void *what);

#endif
