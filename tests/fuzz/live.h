/*
 * live.h - a server and a client of this process, to which any bytes can be sent.
 */
#ifndef MQCALL_TESTS_FUZZ_LIVE_H
#define MQCALL_TESTS_FUZZ_LIVE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Have the server, and the client, receive these bytes as a message; and again
 * with the session and key of the client wherever a frame has its own. Then a
 * genuine call must succeed, or abort() says that it did not.
 */
void live_try(const uint8_t *bytes, size_t size);

#endif
