/*
 * name.h - the names of queues, and the session ids that stand for clients.
 *
 * An endpoint's request queue is /mqcall.ENDPOINT. A client's reply queue is
 * /mqcall~PID.START.N: its process, when that began (clock ticks since boot,
 * 32 bits; pids are reused, pairs are not), and which of the process's clients
 * it is. Those three numbers packed in 64 bits are the session id: whoever
 * knows the session knows the queue, and whether its process still lives.
 * '~' cannot stand in an endpoint's name, so that the two never meet.
 */
#ifndef MQCI_NAME_H
#define MQCI_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MQCI_ENDPOINT_MAX 64
#define MQCI_NAME_SIZE 96 /* of any queue name, with its terminating zero */

/* How many clients a process can have: what the session id has room for. */
#define MQCI_CLIENTS_MAX 1024

/* MQC_INVALID_ARGUMENT unless `endpoint` is a good name for one. */
int mqci_name_check(const char *endpoint);

/* The request queue of an endpoint (of a good name). */
void mqci_name_endpoint(const char *endpoint, char name[MQCI_NAME_SIZE]);

/* The session of this process's client number `n`, below MQCI_CLIENTS_MAX. */
int mqci_session_make(unsigned n, uint64_t *ret_session);

/* Its reply queue. Every 64-bit number gives a name that is safe to open. */
void mqci_session_queue(uint64_t session, char name[MQCI_NAME_SIZE]);

pid_t mqci_session_pid(uint64_t session);

/* Whether the process that the session names is still there. */
bool mqci_session_alive(uint64_t session);

#endif
