/*
 * cxx_client.h - a client in C++, for a test in C.
 */
#ifndef ROUNDTRIP_CXX_CLIENT_H
#define ROUNDTRIP_CXX_CLIENT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Connect to the endpoint, and call a method of each service. NULL, or what went wrong. */
const char *cxx_client_run(const char *endpoint);

#ifdef __cplusplus
}
#endif

#endif
