/*
 * name.h - the names of queues, and the ids that stand for processes and clients.
 *
 * A process is named by its pid and when it began, in clock ticks since boot
 * (32 bits of them): pids are reused, pairs are not. A party, which is a client
 * or a server, is a process and a number. Both are packed in 64 bits: whoever
 * knows the id knows the name, and whether the process still lives. The id of a
 * client is called its session.
 *
 *	/mqcall.ENDPOINT               an endpoint's request queue, and its record
 *	/mqcall.ENDPOINT~LANE          the request queue of one of its lanes
 *	/mqcall.ENDPOINT~PID.START.N   what one of its servers has in hand
 *	/mqcall~PID.START.N            a client's reply queue, and its shared memory
 *
 * '~' cannot stand in an endpoint's name, so that these never meet.
 */
#ifndef MQCI_NAME_H
#define MQCI_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MQCI_ENDPOINT_MAX 64
#define MQCI_NAME_SIZE 112 /* of any queue name, with its terminating zero */

/* Lanes are numbered 0, which is the endpoint's own queue, to this less one. */
#define MQCI_LANES 8

/* How many clients, or servers, a process can have: what the id has room for. */
#define MQCI_PARTIES_MAX 1024

/* MQC_INVALID_ARGUMENT unless `endpoint` is a good name for one. */
int mqci_name_check(const char *endpoint);

/* The request queue of an endpoint (of a good name). */
void mqci_name_endpoint(const char *endpoint, char name[MQCI_NAME_SIZE]);

/* The request queue of a lane of an endpoint: of lane 0, the endpoint's own. */
void mqci_name_lane(const char *endpoint, unsigned lane, char name[MQCI_NAME_SIZE]);

/* The id of this process. */
int mqci_process_self(uint64_t *ret_process);

pid_t mqci_process_pid(uint64_t process);

/* Whether the process is still there; in doubt it is. */
bool mqci_process_alive(uint64_t process);

/* The process's party number `n`, below MQCI_PARTIES_MAX; and back again. */
static inline uint64_t mqci_party_make(uint64_t process, unsigned n)
{
	return process * MQCI_PARTIES_MAX + n % MQCI_PARTIES_MAX;
}

static inline uint64_t mqci_party_process(uint64_t party)
{
	return party / MQCI_PARTIES_MAX;
}

/* What a server of an endpoint has in hand: its name, and back again. */
void mqci_name_presence(const char *endpoint, uint64_t party, char name[MQCI_NAME_SIZE]);
bool mqci_name_parse_presence(const char *name, const char *endpoint, uint64_t *ret_party);

/*
 * The reply queue of a client, and its shared memory; and back again. Every
 * 64-bit number gives a name that is safe to open.
 */
void mqci_name_replies(uint64_t session, char name[MQCI_NAME_SIZE]);
bool mqci_name_parse_replies(const char *name, uint64_t *ret_session);

#endif
