/*
 * mqcall/mqcall.h - local RPC over POSIX message queues.
 *
 * A service is written in an IDL (Protocol Buffers), mqcallc turns it into C,
 * and a call to a service of another process on this machine reads
 *
 *	mqc_client *client = NULL;
 *	int32_t sum;
 *
 *	if (mqc_client_open("calc", NULL, &client) < 0 ||
 *	    calc_add(client, 2, 3, &sum) < 0)
 *		fprintf(stderr, "%s\n", mqc_error_last()->text);
 *	mqc_client_close(client);
 *
 * This header is the manual of the library; mqcall(7) explains the model
 * behind it and mqcallc(1) the compiler. In what follows:
 *
 *   endpoint  a name such as "calc": 1 to 64 of A-Z a-z 0-9 . _ -, the first
 *             a letter or digit. It is a message queue, /mqcall.calc, from
 *             which one server process, or several, receive requests. One
 *             endpoint hosts one or more services.
 *   client    a connection to one endpoint, with a reply queue of its own.
 *   lane      a queue of an endpoint with threads of its own, for methods that
 *             the IDL puts there: they are served whatever the others do.
 *
 * Errors      every int result is MQC_OK or a negative code; <mqcall/status.h>.
 * Ownership   arguments are borrowed until the function returns. What a call
 *             returns is the caller's: strings, bytes and arrays end with
 *             free(), messages with their __free_unpacked(message, NULL).
 * Time        in milliseconds, unless a name says other; a time limit counts
 *             on CLOCK_MONOTONIC and covers every kind of waiting.
 * Options     zero is the default of every member: `{ 0 }` and NULL are the
 *             same. Reserved members must be zero.
 * Threads     every function may be called from any thread. A client or a
 *             server may be used by many at once, but closed only when no
 *             other thread is inside it.
 * Signals     EINTR is never seen: what a signal interrupts goes on. Of all
 *             functions, a signal handler may call mqc_server_stop() only.
 * Fork        a child of fork() opens clients and servers of its own; its
 *             parent's fail there, and may be closed, which harms nothing.
 */
#ifndef MQCALL_MQCALL_H
#define MQCALL_MQCALL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <protobuf-c/protobuf-c.h>

#include <mqcall/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* ------------------------------------------------------------- services -- */

/*
 * The tables below are written by mqcallc and only read by the library. They
 * say what a service is; a program needs nothing of them but their names.
 */

typedef struct mqc_client mqc_client;
typedef struct mqc_server mqc_server;
typedef struct mqc_call mqc_call;
typedef struct mqc_cancel mqc_cancel;
struct sigevent; /* of <signal.h> */

/* The version of these tables, checked when a program uses one. */
#define MQC_TABLE_VERSION 2

enum {
	MQC_METHOD_ONEWAY = 1 << 0,          /* no reply is ever sent */
	MQC_METHOD_IDEMPOTENT = 1 << 1,      /* executing it twice does no harm */
	MQC_METHOD_NO_SIDE_EFFECTS = 1 << 2, /* ... as it changes nothing at all */
	MQC_METHOD_DEPRECATED = 1 << 3
};

/*
 * How a field lies in its message's struct and on the wire. A message that has nothing but single
 * numbers, texts and bytes has a table of its fields, by number, that ends with MQC_FIELD_END.
 */
typedef struct mqc_field {
	uint16_t kind;    /* MQC_FIELD_* */
	uint16_t tag;     /* the first of its one or two bytes is the lowest */
	uint16_t offset;  /* of its member */
	uint16_t has;     /* of the member that says whether it is there; 0: its value does */
	uint16_t present; /* what that is when it is; 0 when not */
} mqc_field;

enum {
	MQC_FIELD_INT32, /* enums, too */
	MQC_FIELD_UINT32,
	MQC_FIELD_SINT32,
	MQC_FIELD_INT64, /* and uint64 */
	MQC_FIELD_SINT64,
	MQC_FIELD_BOOL,    /* the last that is a varint */
	MQC_FIELD_FIXED32, /* and sfixed32 */
	MQC_FIELD_FLOAT,
	MQC_FIELD_FIXED64, /* and sfixed64 */
	MQC_FIELD_DOUBLE,
	MQC_FIELD_STRING,
	MQC_FIELD_OPTIONAL_STRING, /* of proto2: it is there unless it is NULL */
	MQC_FIELD_BYTES,
	MQC_FIELD_END
};

typedef struct mqc_method {
	const char *name; /* full: "calc.Calculator/Add" */
	uint64_t id;      /* FNV-1a, 64 bits, of that name: the method on the wire */
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *reply;
	uint32_t flags;         /* MQC_METHOD_* */
	uint32_t timeout_ms;    /* from the IDL; 0: the client's default */
	uint8_t priority;       /* from the IDL, 0 (the default) to 31 (most urgent) */
	uint8_t lane;           /* from the IDL; 0: the endpoint's ordinary lane */
	uint16_t table_version; /* MQC_TABLE_VERSION, for clients, which are given no service */
	uint8_t reserved[4];
	const mqc_field *request_fields; /* of the request; NULL: it is not of this kind */
	const mqc_field *reply_fields;
} mqc_method;

typedef struct mqc_service {
	uint32_t table_version; /* MQC_TABLE_VERSION */
	uint32_t n_methods;
	const char *name; /* full: "calc.Calculator" */
	const mqc_method *methods;
	const uint8_t *descriptor; /* a serialized FileDescriptorSet, or NULL */
	size_t descriptor_size;
	const void *reserved[4];
} mqc_service;

/*
 * Runs one method of a service: takes the request apart, calls the handler
 * that `handlers` (a table of the type that belongs to the service) has for
 * `method` (an index into the service's methods), and puts its results into
 * the reply. Returns what the handler returned.
 */
typedef int (*mqc_dispatch)(const void *handlers, void *self, uint32_t method, mqc_call *call,
			    const ProtobufCMessage *request, ProtobufCMessage *reply);

/* -------------------------------------------------------------- clients -- */

enum {
	MQC_DEFAULT_TIMEOUT_MS = 10000, /* of a call for which nothing says other */
	MQC_TIMEOUT_INFINITE = -1,      /* wait for ever; for those who mean it */
	MQC_PRIORITY_LOWEST = -1,       /* of a call, as 0 means other there: priority 0 */
	MQC_SPIN_OFF = -1               /* as spin_us: never poll */
};

/*
 * At once a client can have `window` calls under way; further ones wait for
 * their turn within their time, in the order in which they came. One that was
 * given up counts until its reply has come, for two seconds at most.
 *
 * Its reply queue is charged reply_messages x (reply_size + 96) bytes of the
 * user's RLIMIT_MSGQUEUE, 819200 on a stock system: room for a server and 200
 * clients. Replies for which it has no room wait with the server, up to 1 MiB.
 *
 * Waking a thread on another CPU takes tens of microseconds. So who waits polls
 * for a moment before sleeping, for spin_us, while the other side was last on
 * another CPU; and finds out by itself when that is in vain. Where payloads are
 * in shared memory, it polls longer by the time that the other side has to read
 * and write them: by 1 us for each 8000 bytes of this request and the last reply,
 * and by 1 ms at most. Both sides say where they run only if they do so.
 *
 * Requests and replies larger than the queues take go through shared memory, a
 * file in /dev/shm that needs memory only for what has been used: of that,
 * memory_kept bytes stay for the next calls. Where the server is another user's
 * and there are no access control lists there, or RLIMIT_FSIZE does not permit
 * it, the queues are all there is.
 *
 * Servers of the client's own user map this file, and read and write payloads
 * where they lie; so a process that cuts the file under them ends them by SIGBUS,
 * which a process of that user could do in simpler ways. Servers of other users
 * copy, and nothing that is done to the file harms them.
 */
typedef struct mqc_client_options {
	int timeout_ms;       /* of calls; MQC_DEFAULT_TIMEOUT_MS */
	int open_timeout_ms;  /* of mqc_client_open(); MQC_DEFAULT_TIMEOUT_MS */
	bool wait_for_server; /* while nobody serves the endpoint, wait for a server */
	bool no_wait;         /* calls fail at once where they would wait for room or their turn */
	int reply_messages;   /* room of the reply queue, in messages, 2 at least; 4 */
	int reply_size;       /* largest in it, bytes, 256 at least; 816, or 4352 if that is all */
	int window;           /* calls that can be under way at once, 1 to 4096; 64 */
	bool lend_priority;   /* to servers with inherit_priority: see mqc_server_options */
	size_t payload_max;   /* largest request or reply, bytes (whole pages, to 1 GiB); 16 MiB */
	bool own_loop;      /* no thread of the library's for this client: see the program's loop */
	int spin_us;        /* how long to poll for a reply, 1 to 1000; MQC_SPIN_OFF; 0: 60 */
	size_t memory_kept; /* shared memory that stays for the next calls, bytes; 8 MiB */
	size_t loan_max;    /* all loans together, bytes: see mqc_loan(); 256 MiB */
	uint64_t reserved[4]; /* must be zero */
} mqc_client_options;

/*
 * Metadata: text that goes with a call, or with its answer, beside the message;
 * for what concerns any method, such as who asks, or a trace. It is for the two
 * programs alone: the library does nothing with it, and does not hand it on to
 * the calls that a handler makes.
 *
 * A key has 1 to 256 of A-Z a-z 0-9 and !#$%&'*+-.^_`|~ (the characters of
 * HTTP's header names; capitals are other letters), a value up to 4096 bytes of
 * UTF-8 and may be empty. A message has 64 pairs at most. One key may be there
 * again, and all keep their order. Their bytes, and 8 for each pair, count as
 * the message's where that must fit somewhere.
 */
typedef struct mqc_pair {
	const char *key, *value;
} mqc_pair;

/* Pairs that were received: one block of memory, that ends with free(). */
typedef struct mqc_pairs {
	size_t n;
	const mqc_pair *pairs;
} mqc_pairs;

/* Of one call. */
typedef struct mqc_call_options {
	int timeout_ms;           /* 0: the method's, else the client's */
	bool no_wait;             /* as the client's; where either is true, it is */
	int priority;             /* 1 to 31, or MQC_PRIORITY_LOWEST; 0: the method's */
	mqc_cancel *cancel;       /* ends the call when it is requested, or NULL */
	const mqc_pair *metadata; /* to go with the request: n_metadata pairs */
	size_t n_metadata;
	/*
	 * Where to put what comes with the answer, be it a reply or an error. Unlike
	 * other outputs it is always written: NULL where nothing came. So free(it)
	 * is right after every call.
	 */
	mqc_pairs **ret_metadata;
	uint64_t reserved[4]; /* must be zero */
} mqc_call_options;

/*
 * Connect to an endpoint: create the reply queue and agree with a server on
 * version and limits. Blocks until a server answers, for open_timeout_ms; with
 * wait_for_server also until there is one, so that it does not matter who is
 * started first; calls then wait, too, when there is none any more.
 *
 * When there is no room for the reply queue, what this user's clients have left
 * that have died is removed first.
 *
 * MQC_NOT_FOUND           nobody serves this endpoint
 * MQC_PERMISSION_DENIED   its owner does not let this user in, or the name is
 *                         held by somebody who must not hold it
 * MQC_UNAVAILABLE         it is served, but nobody answered in time
 * MQC_FAILED_PRECONDITION the server speaks another version of the protocol
 * MQC_RESOURCE_EXHAUSTED  a limit on queues, descriptors or memory
 * MQC_INVALID_ARGUMENT    a bad name or option
 */
int mqc_client_open(const char *endpoint, const mqc_client_options *options,
		    mqc_client **ret_client);

/*
 * Disconnect, and remove the reply queue. One-way calls that have been sent are
 * executed all the same. Does not block. Takes NULL. Returns NULL.
 */
mqc_client *mqc_client_close(mqc_client *client);

/*
 * Call a method: send `request`, wait for the reply. What generated stubs do;
 * call it directly to choose where the reply lives. Made by a handler, a call
 * ends no later than the one that the handler serves.
 *
 * The reply is allocated with `allocator`, or with malloc() where that is
 * NULL; free it with protobuf_c_message_free_unpacked(reply, allocator).
 * `options` may be NULL. A one-way method returns when its request is in the
 * server's queue and gives an empty reply; what becomes of it is not told.
 *
 * When the endpoint's last server has stopped, the client goes on with the next
 * one by itself. A call that its server did not answer for being gone is tried
 * again within its time, if it surely has not run, or is idempotent by the IDL.
 *
 * Any code that the handler returned, with its text; or, from the library:
 * MQC_DEADLINE_EXCEEDED   the time was over (maybe_executed tells whether the
 *                         server may have got the request)
 * MQC_CANCELLED           its mqc_cancel was requested (maybe_executed, too)
 * MQC_UNIMPLEMENTED       the endpoint has no such service or method
 * MQC_RESOURCE_EXHAUSTED  request or reply is larger than payload_max, or a
 *                         one-way request than the server's queue takes; or,
 *                         with no_wait, there is no room: the server's queue is
 *                         full, or as many calls as the client can have are out;
 *                         or more requests wait than the server's max_waiting
 * MQC_UNAVAILABLE         nobody serves the endpoint now, or a server died while
 *                         it had the call in hand (then maybe_executed)
 * MQC_PERMISSION_DENIED   the endpoint is another user's now
 * MQC_INVALID_ARGUMENT    the request lacks a required field, or bad options,
 *                         such as metadata against the rules
 * MQC_FAILED_PRECONDITION the generated code has tables of another version
 * MQC_INTERNAL            the reply is not a message of the method's type
 */
int mqc_client_call(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		    const ProtobufCMessage *request, ProtobufCAllocator *allocator,
		    ProtobufCMessage **ret_reply);

/*
 * Unpack the detail of this thread's last error: a message that the handler
 * sent along with the status, by mqc_call_fail_with(). mqc_error_last() has the
 * name of its type in detail_type. The detail is allocated as a reply is, and
 * the caller's: protobuf_c_message_free_unpacked(detail, allocator).
 *
 * Whatever this returns, the thread's last error stays as it is: one type can
 * be tried after the other.
 *
 * MQC_NOT_FOUND           there is no detail, or it is of another type
 * MQC_INTERNAL            it is not a message of this type: the .proto files of
 *                         the two sides differ
 * MQC_RESOURCE_EXHAUSTED  no memory
 */
int mqc_error_detail(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator,
		     ProtobufCMessage **ret_detail);

/*
 * A request to give calls up: any number of them, made with it in their options,
 * one after the other or at the same time. Once requested it stays so, and calls
 * made then end at once; make another one for others.
 *
 * A call that is given up ends with MQC_CANCELLED within a moment, wherever it
 * waits: for room, for its turn, for a server to come back, or for the answer.
 * Its handler is not interrupted, but can ask mqc_call_cancelled(). A request that
 * still lies in the server's queue is executed when its turn comes, if its time is
 * not over; one that the server has taken out to wait is not.
 *
 * Request from any thread, but not from a signal handler; nothing happens the
 * second time. Does not block. In a child of fork() it has no effect on the
 * parent's calls. Free it when no call has it any more; takes NULL, returns NULL.
 *
 * MQC_RESOURCE_EXHAUSTED  no memory, or no descriptor
 */
int mqc_cancel_new(mqc_cancel **ret_cancel);
void mqc_cancel_request(mqc_cancel *cancel);
mqc_cancel *mqc_cancel_free(mqc_cancel *cancel);

/* ---------------------------------------- calls that are not waited for -- */

/*
 * A call can be started, and its end be seen to later: thousands can be under way
 * at once (mqc_client_options.window). Programs use the typed functions that
 * mqcallc makes of each method,
 *
 *	mqc_pending *pending;
 *
 *	calc_add_start(client, 2, 3, NULL, NULL, &pending);
 *	...
 *	calc_add_finish(pending, &sum);
 *
 * which call those below. There is no thread that sees to such calls: whoever is
 * in mqc_client_process(), mqc_pending_finish(), mqc_wait_any() or mqc_wait_all()
 * sees to all calls of the client, and calls the functions of those that have
 * ended. Time limits, cancellation, new sessions and further tries are as with
 * mqc_client_call().
 *
 * While the server's queue is busy, or 32 calls of the client are under way already,
 * requests are gathered and go in one message; so do the replies. Those that a call's
 * function starts are gathered, too. What has been gathered goes when a message is full;
 * when the program waits, or the functions that were to be called have returned, if the
 * server has not two messages to take still; when it looks how long it may; with
 * mqc_client_flush(); else within about 2 ms, but not with own_loop. Other requests
 * wait for nothing.
 *
 * Replies wait for the program in the client's reply queue, and those without room
 * there with the server; if that stops, for a second. A program that sees to its
 * calls less often should have a reply queue with room for them (reply_size,
 * reply_messages), which also makes many calls at once faster: the default of
 * 4 x 816 bytes has room for some 40 small replies.
 */
typedef struct mqc_pending mqc_pending;

/*
 * Called once when a call has ended, however it did: on a thread that is in one
 * of the functions above, with nothing locked. If several threads are, functions of
 * several calls can run at the same time; on one thread, one after the other.
 *
 * It may use any function of the library, on this client, too: finish the call, or
 * leave that for later; finish, drop and cancel others; start some, and wait for
 * them, or call mqc_client_process(), during which this thread calls no further
 * function of this client's calls. And it may close the client, if no other thread
 * is in a function of that but those of this section and mqc_client_process(). Then
 * no further function is called, these come back, what is under way ends with
 * MQC_CANCELLED, and the client must not be used any more; its calls are to be
 * finished or dropped all the same, at any time.
 */
typedef void (*mqc_ended)(mqc_pending *pending, void *data);

/*
 * Start a call. Arguments and errors are those of mqc_client_call(), and the
 * request is packed when this returns; but ret_metadata of the options is written
 * when the call is finished, and `cancel` must live until then. `ended` may be
 * NULL. For each call that was started, mqc_pending_finish() or
 * mqc_pending_drop() is to be called, once.
 *
 * Blocks while as many calls as the window is wide are under way; never with
 * no_wait or own_loop: then the error is MQC_RESOURCE_EXHAUSTED. For requests that
 * find no room in the server's queue the client has. If nobody serves the endpoint,
 * the call may be started and end so.
 *
 * Calls of one lane and priority go in the order in which they were started; those
 * that are tried again, in that order among themselves.
 *
 * *ret_pending is written before the call can end: `ended` finds it there, though
 * another thread may run it before this function has returned, and free the call.
 */
int mqc_client_start(mqc_client *client, const mqc_method *method, const mqc_call_options *options,
		     const ProtobufCMessage *request, mqc_ended ended, void *data,
		     mqc_pending **ret_pending);

/*
 * Get what a call has come to, as mqc_client_call() returns it, waiting until it
 * has ended; and free it, whatever this returns. Its function, if it has not been
 * called, is not called any more; if another thread is in that, this waits until it
 * has returned, so the functions of two calls must not finish each other.
 *
 * From any thread; but from then on, no other one may do anything with the call. To
 * give up a call that a thread waits for in here, have it started with `cancel`.
 */
int mqc_pending_finish(mqc_pending *pending, ProtobufCAllocator *allocator,
		       ProtobufCMessage **ret_reply);

/* Whether it has ended, so that mqc_pending_finish() will not wait. Looks at nothing new. */
bool mqc_pending_is_over(const mqc_pending *pending);

/*
 * Have it end with MQC_CANCELLED, as mqc_cancel_request() would. Does not block. From
 * any thread, also while others wait for the call or are in its function, until it is
 * finished or dropped. Nothing happens when it is over, or the second time.
 */
void mqc_pending_cancel(mqc_pending *pending);

/*
 * Give it up, and free it, in whatever state; its function is not called any more, and
 * waited for as in mqc_pending_finish(). Takes NULL. Returns NULL.
 */
mqc_pending *mqc_pending_drop(mqc_pending *pending);

/*
 * Wait until one of these calls, or each, has ended: for `timeout_ms`, 0 being
 * just a look, MQC_TIMEOUT_INFINITE no limit. They must be of one client. Several
 * threads may wait for one call; but nobody, and so no function of theirs, may
 * finish or drop them meanwhile.
 *
 * MQC_DEADLINE_EXCEEDED   not in that time; the calls go on
 * MQC_INVALID_ARGUMENT    of several clients; or any of none
 */
int mqc_wait_any(mqc_pending *const *pendings, size_t n, int timeout_ms, size_t *ret_index);
int mqc_wait_all(mqc_pending *const *pendings, size_t n, int timeout_ms);

/* Send now what was gathered, as far as there is room. Does not block. */
int mqc_client_flush(mqc_client *client);

/* ------------------------------------------------------ the program's loop -- */

/*
 * A client in the program's own loop: wait until the descriptor is ready, with
 * poll() or epoll, level-triggered, for the time that mqc_client_get_timeout()
 * tells; then call mqc_client_process(), for what became ready or not.
 *
 *	struct pollfd ready = {.fd = mqc_client_get_fd(client),
 *			       .events = mqc_client_get_events(client)};
 *
 *	while (poll(&ready, 1, mqc_client_get_timeout(client)) >= 0)
 *		mqc_client_process(client);
 *
 * With own_loop in the client's options, the library has no thread for it, and
 * start never blocks. Calls that are waited for work all the same. Time limits,
 * and the news that a server has died, are then only as prompt as the loop. A call
 * that another thread starts wakes the loop, if that would sleep for too long.
 */

/*
 * The descriptor, an epoll instance: the same as long as the client is open, whose
 * it is. It is ready only if there is something to do.
 *
 * MQC_RESOURCE_EXHAUSTED  no descriptor left; it takes two
 */
int mqc_client_get_fd(mqc_client *client);

/* What to wait for, as poll() has it: POLLIN. */
short mqc_client_get_events(const mqc_client *client);

/*
 * How long to wait, in ms, before mqc_client_process() is to be called though
 * nothing is ready; -1: no need. To be asked before each wait: it also sends what
 * was gathered.
 */
int mqc_client_get_timeout(mqc_client *client);

/*
 * See to the client's calls, and call the functions of those that have ended:
 * how many those are, 0 or more; or a status. Does not block.
 */
int mqc_client_process(mqc_client *client);

/*
 * For a program without a loop: be told that mqc_client_process() is to be called,
 * as `event` says: by a signal (SIGEV_SIGNAL), or by a function on a thread of its
 * own (SIGEV_THREAD); see sigevent(7). NULL: no more. A signal handler must not
 * call mqc_client_process() itself, but have it done. Replaces what was asked
 * before. Once told, the program may be told again before it has called that, for
 * something else; of further messages in a queue only after it. What
 * sigev_notify_attributes points to must be there until the program is told no more.
 *
 * This is mq_notify(3) on the reply queue, and a timer: no arrival is missed. One
 * process can be told of a queue's messages. If another one of this user has
 * itself told of this one's, that is the error here, and of each mqc_client_process()
 * that finds it so; but that sees to the calls all the same, and the program is
 * told about each 10 ms until its turn has come. With own_loop, time limits need
 * mqc_client_get_timeout().
 *
 * MQC_ALREADY_EXISTS      another process is told of this queue's messages
 * MQC_INVALID_ARGUMENT    there is no such way to be told
 * MQC_RESOURCE_EXHAUSTED  no memory, or no timer
 */
int mqc_client_notify(mqc_client *client, const struct sigevent *event);

/* ---------------------------------------------------------------- loans -- */

/*
 * Large bytes without a copy. A program fills memory of the client's that was lent
 * to it, and has a field of its request, of type bytes, point there: into it, or
 * anywhere within, in whatever form of call. Then the request says where they are,
 * and the handler gets them where they lie. It has to be a field of the request
 * message itself, not repeated (one of a oneof will do), of 256 bytes or more, and
 * no more than eight of a request cross so; what lies elsewhere in the message, or
 * in a one-way call, is copied as other bytes are, and nobody can tell by what
 * arrives. Where the server is another user's, the memory is the program's alone,
 * and all is copied.
 *
 * Who has bytes in place has them where the other side can write. The handler must
 * not: it may only hand them on, in its reply. The program must not before the
 * calls that refer to them are over, nor may it then expect a handler that it did
 * not wait for to see what was there.
 *
 * A reply crosses so when its bytes lie in memory of the call, mqc_call_loan(), or
 * of the request; and the caller has them in place if it asks for that with the
 * allocator mqc_client_loans(). With any other they are copied for it, so that
 * every form of call keeps its rule of who owns what.
 *
 * Loans outlive sessions and servers, and end with their client: mqc_client_close()
 * takes the memory away, of replies, too; return them before, for with a server of
 * another user's it does not free them. In a child of fork() they can be read
 * until it closes the client, and neither made nor given back.
 */

/*
 * Be lent `size` bytes, up to payload_max, whose content is arbitrary; aligned for
 * any type. 1024 loans can be there at a time, with the replies that are kept, and
 * of loan_max bytes in all. Does not block.
 *
 * MQC_RESOURCE_EXHAUSTED  too many, or too large; or no memory, or no room in
 *                         /dev/shm
 * MQC_INVALID_ARGUMENT    0 bytes
 */
int mqc_loan(mqc_client *client, size_t size, void **ret_memory);

/*
 * Give a loan back: the address that mqc_loan() gave. Calls under way that refer to
 * it have it until they are over, and messages until they are freed. Takes NULL.
 */
void mqc_loan_return(mqc_client *client, void *memory);

/*
 * For mqc_client_call() and the like: an allocator whose messages have bytes where
 * they lie, if they crossed without a copy. What lies there stays until the message
 * is freed, by protobuf_c_message_free_unpacked(reply, mqc_client_loans(client)),
 * before the client is closed. When 1024 are lent, bytes are copied. The allocator
 * is the client's, and always the same; not for calls that are finished after that.
 */
ProtobufCAllocator *mqc_client_loans(mqc_client *client);

/* -------------------------------------------------------------- servers -- */

/* Who may call. Nobody but the owner can ever read or remove the queue. */
typedef enum mqc_access {
	MQC_ACCESS_PRIVATE = 0, /* 0600: processes of the server's user */
	MQC_ACCESS_GROUP = 1,   /* 0620: ... and of the server's group */
	MQC_ACCESS_PUBLIC = 2   /* 0622: everybody on this machine */
} mqc_access;

enum {
	MQC_AGING_OFF = -1 /* as aging_ms: priority decides, however long the others wait */
};

/*
 * Order. Requests wait in the queue, the most urgent first. When they pile up,
 * and some have a priority, the server takes them out and has those that wait
 * rise by a level in aging_ms: so no stream of urgent ones starves the others.
 *
 * Under pressure. When the queue is full, callers wait for room, within their
 * time, or not, as they choose: nothing is refused that somebody is willing to
 * wait for. With max_waiting, when as many wait in a lane of this server, the one
 * that would be the last is refused: MQC_RESOURCE_EXHAUSTED, unexecuted.
 *
 * Lanes. The queue of a lane takes messages of 1024 bytes at most (what is larger
 * goes through shared memory), and is charged accordingly.
 *
 * Polling. As clients do (see mqc_client_options), a thread that has served a
 * caller on another CPU polls for the next request for a moment, for spin_us and
 * as much longer for large payloads, before it sleeps; one thread of a lane at a
 * time, and the others leave the requests to it unless there are too many for one.
 *
 * Priority inheritance. A thread that waits for a call is as slow as the thread
 * that serves it. With inherit_priority, a server's thread is scheduled at the
 * priority of a caller that lends it (lend_priority of the client) while it
 * serves the call: real-time or nice, raised and never lowered, where the server
 * is permitted that (RLIMIT_RTPRIO, RLIMIT_NICE, CAP_SYS_NICE); where not, it
 * goes on as it is. That the thread is the caller's is asked of the kernel. It
 * costs some microseconds a call.
 */
typedef struct mqc_server_options {
	int threads;           /* handlers that can run at once, 1 to 256; 1 */
	mqc_access access;     /* MQC_ACCESS_PRIVATE */
	int queue_messages;    /* room of the request queue, in messages; 10, or the limit */
	int queue_size;        /* largest in it, bytes, 256 at least; 8192, or the limit */
	bool stop_on_signals;  /* SIGINT and SIGTERM make mqc_server_run() return */
	bool inherit_priority; /* serve calls as urgently as callers that lend that are scheduled */
	int lane_threads;      /* as threads, in each lane but the ordinary, 1 to 256; 1 */
	int aging_ms;          /* until a request that waits rises by a level of priority; 10 */
	int max_waiting;       /* requests that may wait in a lane, 1 to 512; 0: no limit */
	size_t payload_max;    /* largest request through shared memory, bytes; 16 MiB */
	int spin_us;           /* how long to poll for a request, 1 to 1000; MQC_SPIN_OFF; 0: 60 */
	uint64_t reserved[4];  /* must be zero */
} mqc_server_options;

/*
 * Create an endpoint, or join the server processes of this user that serve it
 * already: they share its requests. Requests that a server of this user left
 * in the queue when it died are served. Does not block.
 *
 * All of it is the effective user's: a program that drops privileges does that
 * before.
 *
 * A queue is charged queue_messages x (queue_size + 96) bytes of the user's
 * RLIMIT_MSGQUEUE: one of 10 x 8192 is a tenth of a stock system's 819200.
 *
 * MQC_INVALID_ARGUMENT    a bad name or option
 * MQC_PERMISSION_DENIED   the name is held by another user
 * MQC_FAILED_PRECONDITION it exists with another access mode or size
 * MQC_RESOURCE_EXHAUSTED  a limit on queues, descriptors or memory
 */
int mqc_server_open(const char *endpoint, const mqc_server_options *options,
		    mqc_server **ret_server);

/*
 * Let the endpoint host a service. Programs use the typed function that
 * mqcallc makes of it, such as calc_serve(server, &handlers, self). The
 * tables are borrowed until the server is closed; `self` is handed to every
 * handler. The queues of its lanes are made. To be done before mqc_server_run(),
 * or what drives the server instead.
 *
 * MQC_ALREADY_EXISTS      the endpoint hosts this service already
 * MQC_FAILED_PRECONDITION the server is running, or the generated code has
 *                         tables of another version than this library reads
 * Others                  a lane's queue cannot be had: as mqc_server_open()
 */
int mqc_server_add(mqc_server *server, const mqc_service *service, mqc_dispatch dispatch,
		   const void *handlers, void *self);

/*
 * Have `authorize` asked before each call of a service, on the thread that
 * would run the handler: MQC_OK lets the caller in; any other status, such as
 * mqc_call_fail(call, MQC_PERMISSION_DENIED, "..."), is what it gets, and the
 * method is not run. It may use what handlers may use of the call, which has no
 * request yet: mqc_call_peer(), mqc_call_method(). To be done before
 * mqc_server_run(), after the service was added; NULL lets everybody in again.
 *
 * MQC_NOT_FOUND           the endpoint does not host the service
 * MQC_FAILED_PRECONDITION the server is running
 */
typedef int (*mqc_authorize)(void *data, mqc_call *call);
int mqc_server_authorize(mqc_server *server, const mqc_service *service, mqc_authorize authorize,
			 void *data);

/*
 * Serve, on `threads` threads of the library's own, until mqc_server_stop();
 * handlers that have begun are finished first, deferred calls are not waited
 * for. Returns MQC_OK, or what made serving impossible. May be called again.
 *
 * With stop_on_signals, SIGINT and SIGTERM stop the server, whatever thread they
 * reach, from mqc_server_open() to mqc_server_close(), which puts their former
 * actions back: so that what the server made is always removed. One that the
 * program ignored before stays ignored; a second one of the same kind does what
 * it did before, which by default ends the program.
 */
int mqc_server_run(mqc_server *server);

/*
 * Make mqc_server_run() return, now or when it is called; or see
 * mqc_server_process(). Async-signal-safe.
 */
void mqc_server_stop(mqc_server *server);

/*
 * Close a server that is not running, or that the program's loop drives. The last
 * one of an endpoint removes its queue, and answers what is still in it with
 * MQC_UNAVAILABLE, not executed.
 * Deferred calls that are not finished are answered so, too; they may have been
 * executed. Blocks for a second at most, if clients leave no room for replies.
 * Takes NULL. Returns NULL.
 */
mqc_server *mqc_server_close(mqc_server *server);

/* ------------------------------------ servers, in the program's loop -- */

/*
 * A server in the program's own loop, instead of mqc_server_run(), with no thread
 * of the library's: wait until the descriptor is ready, with poll() or epoll,
 * level-triggered, for the time that mqc_server_get_timeout() tells; then call
 * mqc_server_process(), which runs the handlers, on the thread that calls it.
 *
 *	struct pollfd ready = {.fd = mqc_server_get_fd(server),
 *			       .events = mqc_server_get_events(server)};
 *
 *	while (poll(&ready, 1, mqc_server_get_timeout(server)) >= 0 &&
 *	       mqc_server_process(server) >= 0)
 *		continue;
 *	mqc_server_close(server);
 *
 * The first of mqc_server_get_fd(), mqc_server_process() and mqc_server_notify()
 * makes it so, until the server is closed; services are added before, as before
 * mqc_server_run(), which fails then. Of the options, threads and lane_threads mean
 * nothing, and spin_us lets clients poll, but not the server; all others, priorities,
 * lanes and time limits are as ever.
 *
 * As there is one thread, a handler that takes long delays all other calls, and all
 * else the program does: let it defer its call, see mqc_call_defer(), for another
 * thread or a later turn of the loop to finish. A handler may start calls, or make
 * them, of other servers; one that calls its own, and waits, waits in vain.
 */

/*
 * The descriptor, an epoll instance: the same as long as the server is open, whose
 * it is. It is ready only if there is something to do; while there is nothing,
 * nobody wakes.
 *
 * MQC_FAILED_PRECONDITION mqc_server_run() serves; or the server was opened before
 *                         fork(), or by another user
 * MQC_RESOURCE_EXHAUSTED  no descriptor left, of which it takes two, and one a lane;
 *                         or no memory
 */
int mqc_server_get_fd(mqc_server *server);

/* What to wait for, as poll() has it: POLLIN. */
short mqc_server_get_events(const mqc_server *server);

/*
 * How long to wait, in ms, before mqc_server_process() is to be called though
 * nothing is ready; -1: no need. To be asked before each wait.
 */
int mqc_server_get_timeout(mqc_server *server);

/*
 * Serve what is there, and see to all else a server does: how many requests were
 * served, 0 or more; or a status. Never blocks, but in handlers.
 *
 * It comes back after 64 requests or 2 ms, with the message it is at, which has as
 * many requests as its client has gathered; the descriptor stays ready. Lanes
 * take turns, that with the highest number first: eight messages of each, and one
 * of the ordinary lane. Requests that are too many (max_waiting) are refused when
 * the handler that runs has returned. Replies to requests of one message may wait
 * for the handler of a later one.
 *
 * May be called from any thread; one is in it at a time, and whoever comes
 * meanwhile, be it a handler, gets 0 at once, and leaves it to that one.
 *
 * After mqc_server_stop(), or a signal with stop_on_signals, the descriptor is ready,
 * and the next call tells so, once, by MQC_CANCELLED, and serves nothing; what waits
 * is answered by mqc_server_close(), or served if the program goes on calling this.
 * A handler may call mqc_server_stop(): then no other request is begun. It may even
 * call mqc_server_close(), which then is done just before this returns
 * MQC_CANCELLED, and the server is gone.
 *
 * MQC_CANCELLED           the server was told to stop, or closed by a handler
 * MQC_ALREADY_EXISTS      another process is told of messages: see
 *                         mqc_server_notify(). It has served all the same
 * MQC_FAILED_PRECONDITION as mqc_server_get_fd()
 * MQC_INTERNAL            the endpoint's queue failed
 */
int mqc_server_process(mqc_server *server);

/*
 * For a program without a loop: be told that mqc_server_process() is to be called,
 * as `event` says: by a signal (SIGEV_SIGNAL), or by a function on a thread of its
 * own (SIGEV_THREAD); see sigevent(7). NULL: no more. A signal handler must not
 * call mqc_server_process() itself, but have it done. Replaces what was asked
 * before. Once told, the program may be told again before it has called that, for
 * something else; of further messages in a queue only after it. What
 * sigev_notify_attributes points to must be there until the program is told no more.
 *
 * This is mq_notify(3) on the queues of all lanes, and a timer for what is left,
 * for a stop, and, each 10 ms, while a client leaves no room for replies. No arrival
 * is missed: process() first asks to be told again, and looks then. One process can
 * be told of a queue's messages: of several servers of an endpoint only one, and
 * if the others are in mqc_server_run(), they are handed messages of which nobody
 * is told. If another process of this user is told, that is the error here, and of
 * each mqc_server_process() that finds it so; but that serves all the same, and the
 * program is told about each 10 ms until its turn has come.
 *
 * The kernel takes the request back when this process closes any other descriptor
 * of the queue: so a program that is told must not close a client, or another
 * server, of the same endpoint meanwhile.
 *
 * A program that is told on threads closes the server when none of them can be in
 * mqc_server_process() any more.
 *
 * MQC_ALREADY_EXISTS      another process is told of this endpoint's messages
 * MQC_INVALID_ARGUMENT    there is no such way to be told
 * MQC_FAILED_PRECONDITION as mqc_server_get_fd()
 * MQC_RESOURCE_EXHAUSTED  no memory, no descriptor, or no timer
 */
int mqc_server_notify(mqc_server *server, const struct sigevent *event);

/* ------------------------------------------------------------- handlers -- */

/*
 * A handler gets the call as a handle, valid until it returns. Its inputs are
 * valid as long; what it points its outputs at must be static, or memory of
 * the call, from the first two functions, which lives until the reply is sent.
 */

/*
 * Memory of the call: zeroed, aligned for any type; freed with the call, never
 * by the handler. NULL where there is no memory left (MQC_RESOURCE_EXHAUSTED).
 */
void *mqc_call_alloc(mqc_call *call, size_t size);

/*
 * Memory for bytes of the reply which the caller gets without a copy, see "loans":
 * it lies in the caller's shared memory. Its content is arbitrary. All of a call's
 * and the rest of the reply must fit into the caller's payload_max. It is used as
 * that of mqc_call_alloc(), and as good as that for other parts of the reply; fewer
 * than 256 bytes, which are copied anyway, are of that memory.
 *
 * NULL where it cannot be had, and mqc_error_last() tells why; so does the call, if
 * its handler fails without a text of its own. One that falls back on
 * mqc_call_alloc() serves every caller:
 * MQC_FAILED_PRECONDITION the caller is another user's, or has no shared memory for
 *                         payloads, or the call is one-way
 * MQC_RESOURCE_EXHAUSTED  more than the caller takes, or no room in /dev/shm
 * MQC_INVALID_ARGUMENT    0 bytes
 */
void *mqc_call_loan(mqc_call *call, size_t size);

/* A copy of `text` in memory of the call; NULL for NULL, or without memory. */
char *mqc_call_strdup(mqc_call *call, const char *text);

/*
 * Set the text that the caller gets with an error, and return `status`:
 *
 *	return mqc_call_fail(call, MQC_NOT_FOUND, "no process %d", (int)pid);
 */
int mqc_call_fail(mqc_call *call, int status, const char *format, ...) MQC_PRINTF(3, 4);

/*
 * The same, and send a message with it that a program can make something of: a
 * detail, of any type that caller and handler agree upon. It is copied; NULL is
 * none. The caller gets it by mqc_error_detail().
 *
 * A detail has 65536 bytes at most. One that is larger, lacks a required field,
 * finds no memory or is more than the caller takes is left out, as the status
 * and its text are worth more; of the first three mqc_error_last() tells here.
 * The next mqc_call_fail() takes it back.
 */
int mqc_call_fail_with(mqc_call *call, int status, const ProtobufCMessage *detail,
		       const char *format, ...) MQC_PRINTF(4, 5);

/*
 * The metadata that came with the request, valid as long as the call: the value
 * of a key, its first one if there are several, or NULL; and all pairs in their
 * order, NULL and 0 if there are none.
 */
const char *mqc_call_metadata(const mqc_call *call, const char *key);
const mqc_pair *mqc_call_pairs(const mqc_call *call, size_t *ret_n);

/*
 * Let a pair go with the answer, be it a reply or an error; both are copied.
 * The caller gets it if it asked for metadata. With an error none goes where
 * that would be more than the caller takes.
 *
 * MQC_INVALID_ARGUMENT    a key or value against the rules, see mqc_pair
 * MQC_RESOURCE_EXHAUSTED  the answer has 64 pairs already, or no memory
 */
int mqc_call_add_metadata(mqc_call *call, const char *key, const char *value);

/* What is left of the caller's time: 0 if none, MQC_TIMEOUT_INFINITE if endless. */
int mqc_call_remaining_ms(const mqc_call *call);

/*
 * Whether nobody waits for the answer any more: the caller gave the call up,
 * its time is over, or its process has ended. A handler that works for long
 * asks this now and then, and returns when it is true; what it returns then
 * does not matter. A one-way call is cancelled by its time alone. Takes about a
 * microsecond at most; does not block.
 */
bool mqc_call_cancelled(const mqc_call *call);

/*
 * Who calls: the user and group that own the reply queue, which the session key
 * proves to be the caller's; and the process that holds the lock on the client's
 * shared memory. All of it is what the kernel says, and nothing the caller.
 */
typedef struct mqc_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: the caller has no such memory any more, or is not of this library */
} mqc_peer;

mqc_peer mqc_call_peer(const mqc_call *call);

/* The method that is called. */
const mqc_method *mqc_call_method(const mqc_call *call);

/*
 * Answer later: after this, what the handler returns and sets is ignored, and
 * the call, with its request and all its memory, stays valid until it is
 * finished by mqc_call_finish() or by the typed function that mqcallc makes of
 * it, such as calc_add_reply(call, sum): by any thread, even before the handler
 * has returned. Each deferred call must be finished once; one whose server was
 * closed in between, too.
 *
 * MQC_RESOURCE_EXHAUSTED  the server has as many calls in hand as it can have
 *                         (8192): return that
 */
int mqc_call_defer(mqc_call *call);

/*
 * Finish a deferred call: with `reply`, a message of the method's type, if
 * `status` is MQC_OK; else with the status, and the text that mqc_call_fail()
 * has set. The call is gone then, whatever this returns. Does not block.
 *
 * MQC_FAILED_PRECONDITION the server was closed before, and has told the caller
 *                         MQC_UNAVAILABLE; or (then the call is not gone) the
 *                         call was not deferred
 * MQC_RESOURCE_EXHAUSTED  the reply is too large: the caller was told that
 * MQC_INTERNAL            this is no answer to the method: the caller was told
 */
int mqc_call_finish(mqc_call *call, int status, const ProtobufCMessage *reply);

/* ------------------------------------------------- for generated code -- */

/*
 * Memory for a reply whose parts the caller does not keep: lies on the stub's
 * stack, and takes more from malloc() only for what does not fit.
 */
typedef struct mqc_scratch {
	ProtobufCAllocator allocator;
	void *chunks;
	uint8_t *at, *end; /* of what is left of the last one */
	union {
		uint8_t bytes[512];
		long long align_integer;
		double align_double;
		void *align_pointer;
	} first;
} mqc_scratch;

void mqc_scratch_init(mqc_scratch *scratch);
void mqc_scratch_done(mqc_scratch *scratch);

/*
 * Take a string, or bytes, out of a message that malloc() holds: what they
 * return is the caller's to free, and the message no longer has it. Text that
 * protobuf-c shares between messages is copied: the empty string, and
 * `shared`, the field's default value, or NULL. Empty bytes come as NULL.
 */
int mqc_take_string(char **field, const char *shared, char **ret_text);
int mqc_take_bytes(ProtobufCBinaryData *field, const uint8_t *shared, uint8_t **ret_data,
		   size_t *ret_len);

/* What a dispatch function returns for a method without a handler: MQC_UNIMPLEMENTED. */
int mqc_call_unhandled(mqc_call *call);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
