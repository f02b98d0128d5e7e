/*
 * test_chaos.c - clients and servers killed and restarted at random: nothing lost, nothing twice.
 *
 * Some client processes with some threads each call some competing server
 * processes, waiting for each call or for many at once, which are killed, stopped,
 * frozen and started again all the time; so are the clients. A ledger in memory that all share
 * outlives them: every handler counts that it was run for a call's number, every caller writes down
 * what it was told. In the end,
 *
 *   - a call that reported success was executed exactly once, or at least once
 *     if it is idempotent,
 *   - one that reported that it was not executed was not executed at all,
 *   - none was executed twice, unless it is idempotent,
 *   - none came back long after its time was over,
 *   - and nothing is left of all of it, which tests/isolate looks for.
 *
 * MQC_CHAOS_SECONDS says for how long, MQC_CHAOS_SEED repeats a run's choices.
 */
#include <mqcall/mqcall.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/shapes.pb-c.h"

enum {
	SERVERS = 3,
	CLIENTS = 5,
	THREADS = 3,          /* of each client */
	CALLS_MAX = 64 << 20, /* of which each takes two bytes, once it is made */
	LATE_MS = 10000       /* what a machine with other things to do may add to a time limit */
};

static const char endpoint[] = "chaos";

/* ----------------------------------------------------------- the ledger -- */

/* The kinds of calls. */
enum {
	ONCE,
	AGAIN,
	SLOW,
	DEFERRED,
	URGENT,
	LANE,
	ONEWAY,
	KINDS
};

static const char *const kind_names[KINDS] = {
	"once", "idempotent", "slow", "deferred", "urgent", "lane", "one-way",
};

/* What a caller was told. */
enum {
	KILLED,
	SUCCESS,
	MAYBE,
	NOT_EXECUTED
};

struct ledger {
	atomic_ullong next;
	atomic_uint late, cannot_open;
	atomic_ullong longest_ms; /* that any came back after its time */
	struct call {
		atomic_uchar executed; /* stays at 255 */
		atomic_uchar told;     /* kind + KINDS * what the caller was told */
	} calls[CALLS_MAX];
};

static struct ledger *ledger;

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) < 0)
		continue;
}

/* ---------------------------------------------------------- the service -- */

#define METHOD(index, method_name, method_flags, method_priority, method_lane)                     \
	[index] = {                                                                                \
		.name = "chaos.Chaos/" method_name,                                                \
		.id = UINT64_C(0x6368616f73000000) + (index),                                      \
		.request = &shapes__number__descriptor,                                            \
		.reply = &shapes__number__descriptor,                                              \
		.flags = (method_flags),                                                           \
		.priority = (method_priority),                                                     \
		.lane = (method_lane),                                                             \
		.table_version = MQC_TABLE_VERSION,                                                \
	}

static const mqc_method methods[KINDS] = {
	METHOD(ONCE, "Once", 0, 0, 0),
	METHOD(AGAIN, "Again", MQC_METHOD_IDEMPOTENT, 0, 0),
	METHOD(SLOW, "Slow", 0, 0, 0),
	METHOD(DEFERRED, "Deferred", 0, 3, 0),
	METHOD(URGENT, "Urgent", 0, 31, 0),
	METHOD(LANE, "Lane", 0, 0, 1),
	METHOD(ONEWAY, "Oneway", MQC_METHOD_ONEWAY, 0, 0),
};

static const mqc_service service = {
	.table_version = MQC_TABLE_VERSION,
	.n_methods = KINDS,
	.name = "chaos.Chaos",
	.methods = methods,
};

static void note_execution(int64_t number)
{
	atomic_uchar *executed = &ledger->calls[number].executed;
	unsigned char times = atomic_load(executed);

	while (times < 255 &&
	       !atomic_compare_exchange_weak(executed, &times, (unsigned char)(times + 1)))
		continue;
}

struct deferred {
	mqc_call *call;
	Shapes__Number reply;
};

static void *finish_later(void *data)
{
	struct deferred *deferred = data;

	sleep_ms((unsigned)(deferred->reply.value % 30));
	(void)mqc_call_finish(deferred->call, MQC_OK, &deferred->reply.base);
	free(deferred);
	return NULL;
}

static int defer(mqc_call *call, int64_t number)
{
	struct deferred *deferred = malloc(sizeof *deferred);
	pthread_t thread;

	if (deferred == NULL || mqc_call_defer(call) < 0)
		abort();
	deferred->call = call;
	shapes__number__init(&deferred->reply);
	deferred->reply.value = number;
	if (pthread_create(&thread, NULL, finish_later, deferred) != 0 ||
	    pthread_detach(thread) != 0)
		abort();
	return MQC_OK;
}

static int dispatch(const void *handlers, void *self, uint32_t method, mqc_call *call,
		    const ProtobufCMessage *request, ProtobufCMessage *reply)
{
	int64_t number = ((const Shapes__Number *)(const void *)request)->value;

	(void)handlers, (void)self;
	note_execution(number);
	if (method == SLOW)
		sleep_ms((unsigned)(number % 40));
	else if (method == DEFERRED)
		return defer(call, number);
	((Shapes__Number *)(void *)reply)->value = number;
	return MQC_OK;
}

/* ------------------------------------------------------------- processes -- */

/* Whatever happens to the conductor, its processes end. */
static void begin_process(unsigned seed)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom(seed);
}

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", what, mqc_status_name(mqc_error_last()->status),
		mqc_error_last()->text);
	_exit(EXIT_FAILURE);
}

static void serve(void)
{
	const mqc_server_options options = {.threads = 3, .stop_on_signals = true};
	mqc_server *server = NULL;
	sigset_t none;

	if (mqc_server_open(endpoint, &options, &server) < 0)
		fail("opening a server");
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (mqc_server_add(server, &service, dispatch, NULL, NULL) < 0)
		fail("adding the service");
	if (mqc_server_run(server) < 0)
		fail("running a server");
	/* What is deferred is finished, or answered as lost, by the time that we are closed. */
	mqc_server_close(server);
	sleep_ms(50);
}

static void note_time(int64_t late_ms)
{
	unsigned long long longest = atomic_load(&ledger->longest_ms);

	if (late_ms > LATE_MS)
		atomic_fetch_add(&ledger->late, 1);
	while (late_ms > (int64_t)longest &&
	       !atomic_compare_exchange_weak(&ledger->longest_ms, &longest,
					     (unsigned long long)late_ms))
		continue;
}

static void make_call(mqc_client *client, unsigned *seed)
{
	const unsigned long long number = atomic_fetch_add(&ledger->next, 1);
	const unsigned kind = (unsigned)rand_r(seed) % KINDS;
	const mqc_call_options options = {
		.timeout_ms =
			rand_r(seed) % 4 == 0 ? 1 + rand_r(seed) % 60 : 500 + rand_r(seed) % 3000,
		.no_wait = rand_r(seed) % 8 == 0,
	};
	ProtobufCMessage *reply = NULL;
	Shapes__Number request;
	unsigned told = SUCCESS;
	int64_t begun;
	int r;

	if (number >= CALLS_MAX)
		return;
	shapes__number__init(&request);
	request.value = (int64_t)number;
	atomic_store(&ledger->calls[number].told, (unsigned char)kind);
	begun = now_ms();
	r = mqc_client_call(client, &methods[kind], &options, &request.base, NULL, &reply);
	note_time(now_ms() - begun - options.timeout_ms);
	if (r < 0)
		told = mqc_error_last()->maybe_executed ? MAYBE : NOT_EXECUTED;
	else if (kind != ONEWAY &&
		 ((const Shapes__Number *)(const void *)reply)->value != request.value)
		abort();
	if (r == MQC_OK)
		protobuf_c_message_free_unpacked(reply, NULL);
	atomic_store(&ledger->calls[number].told, (unsigned char)(kind + KINDS * told));
}

/* A call that was started. */
struct started {
	mqc_pending *pending; /* NULL: it could not be */
	unsigned long long number;
	unsigned kind;
};

static void note_outcome(const struct started *started, int r, const ProtobufCMessage *reply)
{
	unsigned told = SUCCESS;

	if (r < 0)
		told = mqc_error_last()->maybe_executed ? MAYBE : NOT_EXECUTED;
	else if (((const Shapes__Number *)(const void *)reply)->value != (int64_t)started->number)
		abort();
	atomic_store(&ledger->calls[started->number].told,
		     (unsigned char)(started->kind + KINDS * told));
}

static void start_call(mqc_client *client, unsigned *seed, struct started *ret_started)
{
	const mqc_call_options options = {
		.timeout_ms =
			rand_r(seed) % 4 == 0 ? 1 + rand_r(seed) % 60 : 500 + rand_r(seed) % 3000,
		.no_wait = rand_r(seed) % 8 == 0,
	};
	struct started started = {
		.number = atomic_fetch_add(&ledger->next, 1),
		.kind = (unsigned)rand_r(seed) % ONEWAY,
	};
	Shapes__Number request;
	int r;

	*ret_started = started;
	if (started.number >= CALLS_MAX)
		return;
	shapes__number__init(&request);
	request.value = (int64_t)started.number;
	atomic_store(&ledger->calls[started.number].told, (unsigned char)started.kind);
	r = mqc_client_start(client, &methods[started.kind], &options, &request.base, NULL, NULL,
			     &ret_started->pending);
	if (r < 0)
		note_outcome(&started, r, NULL);
}

/* Of one that is dropped nothing is told: it is in the ledger as one whose caller was killed. */
static void finish_call(const struct started *started, unsigned *seed)
{
	ProtobufCMessage *reply = NULL;
	int r;

	if (started->pending == NULL)
		return;
	if (rand_r(seed) % 16 == 0) {
		mqc_pending_drop(started->pending);
		return;
	}
	if (rand_r(seed) % 16 == 0)
		mqc_pending_cancel(started->pending);
	r = mqc_pending_finish(started->pending, NULL, &reply);
	note_outcome(started, r, reply);
	if (r == MQC_OK)
		protobuf_c_message_free_unpacked(reply, NULL);
}

/* Many at once, finished in another order. */
static void make_calls(mqc_client *client, unsigned *seed)
{
	struct started started[40];
	const unsigned n = 1 + (unsigned)rand_r(seed) % 40;

	for (unsigned i = 0; i < n; i++)
		start_call(client, seed, &started[i]);
	/* Every second one from one end, the others from the other. */
	for (unsigned i = 0; i < n; i++)
		finish_call(&started[i % 2 == 0 ? i / 2 : n - 1 - i / 2], seed);
}

static void *call_and_call(void *client)
{
	unsigned seed = (unsigned)random();

	for (int i = 0; i < 3000; i++)
		if (rand_r(&seed) % 16 == 0)
			make_calls(client, &seed);
		else
			make_call(client, &seed);
	return NULL;
}

/* Until we are killed. */
static void call_for_ever(void)
{
	const mqc_client_options options = {.wait_for_server = true, .own_loop = random() % 2 == 0};
	pthread_t threads[THREADS];
	mqc_client *client;

	for (;;) {
		if (mqc_client_open(endpoint, &options, &client) < 0) {
			atomic_fetch_add(&ledger->cannot_open, 1);
			sleep_ms(20);
			continue;
		}
		for (int i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], NULL, call_and_call, client) != 0)
				abort();
		for (int i = 0; i < THREADS; i++)
			(void)pthread_join(threads[i], NULL);
		mqc_client_close(client);
	}
}

static pid_t start(void (*body)(void))
{
	const unsigned seed = (unsigned)random();
	sigset_t terminate;
	pid_t pid;

	/* A server that is just beginning is stopped as one that runs: it unblocks it. */
	(void)sigemptyset(&terminate);
	(void)sigaddset(&terminate, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &terminate, NULL);
	pid = fork();
	if (pid != 0)
		(void)sigprocmask(SIG_UNBLOCK, &terminate, NULL);
	if (pid < 0) {
		perror("fork");
		exit(EXIT_FAILURE);
	}
	if (pid > 0)
		return pid;
	begin_process(seed);
	body();
	_exit(EXIT_SUCCESS);
}

/* ------------------------------------------------------------ the conductor -- */

static pid_t servers[SERVERS], clients[CLIENTS];
static unsigned kills, stops, freezes;
static bool failed;

static void complain(const char *what, unsigned long long number)
{
	const struct call *call = &ledger->calls[number];

	if (!failed)
		printf("\n");
	printf("%s: call %llu, %s, told %d, executed %d times\n", what, number,
	       kind_names[call->told % KINDS], call->told / KINDS, call->executed);
	failed = true;
}

static void end_process(pid_t pid, int signal)
{
	int status = 0;

	(void)kill(pid, SIGCONT);
	(void)kill(pid, signal);
	(void)waitpid(pid, &status, 0);
	if (signal == SIGTERM && status != 0) {
		printf("a server that was to stop ended with status %#x\n", (unsigned)status);
		failed = true;
	}
}

static void disturb(void)
{
	pid_t *server = &servers[random() % SERVERS], *client = &clients[random() % CLIENTS];

	switch (random() % 6) {
	case 0:
	case 1:
		kills++;
		end_process(*server, SIGKILL);
		sleep_ms((unsigned)(random() % 50));
		*server = start(serve);
		break;
	case 2:
		stops++;
		end_process(*server, SIGTERM);
		*server = start(serve);
		break;
	case 3:
		freezes++;
		(void)kill(*server, SIGSTOP);
		sleep_ms((unsigned)(random() % 200));
		(void)kill(*server, SIGCONT);
		break;
	case 4:
		kills++;
		end_process(*client, SIGKILL);
		*client = start(call_for_ever);
		break;
	default:
		/* All at once: nobody is left who knows of anything. */
		for (int i = 0; i < SERVERS; i++) {
			kills++;
			end_process(servers[i], SIGKILL);
		}
		sleep_ms((unsigned)(random() % 100));
		for (int i = 0; i < SERVERS; i++)
			servers[i] = start(serve);
		break;
	}
}

struct totals {
	unsigned long long calls[KINDS][4], executed[KINDS], lost_oneway;
};

static void check(unsigned long long number, struct totals *totals)
{
	const unsigned executed = ledger->calls[number].executed;
	const unsigned kind = ledger->calls[number].told % KINDS;
	const unsigned told = ledger->calls[number].told / KINDS;

	totals->calls[kind][told]++;
	totals->executed[kind] += executed;
	if (executed > 1 && kind != AGAIN)
		complain("executed twice", number);
	if (told == SUCCESS && executed == 0 && kind == ONEWAY)
		totals->lost_oneway++;
	else if (told == SUCCESS && executed == 0)
		complain("success, and not executed", number);
	if (told == NOT_EXECUTED && executed > 0)
		complain("told not to be executed", number);
}

static void print_totals(const struct totals *totals, unsigned long long count)
{
	printf("%-12s %10s %10s %10s %10s %10s\n", "calls", "success", "maybe", "not run", "killed",
	       "executed");
	for (int kind = 0; kind < KINDS; kind++)
		printf("%-12s %10llu %10llu %10llu %10llu %10llu\n", kind_names[kind],
		       totals->calls[kind][SUCCESS], totals->calls[kind][MAYBE],
		       totals->calls[kind][NOT_EXECUTED], totals->calls[kind][KILLED],
		       totals->executed[kind]);
	printf("%llu calls; %u kills, %u stops, %u freezes; one-way calls that died with a server: "
	       "%llu; latest return after the time: %llu ms\n",
	       count, kills, stops, freezes, totals->lost_oneway,
	       (unsigned long long)ledger->longest_ms);
}

/* Everything ends; what is still queued is for one last server. */
static void end_all(void)
{
	pid_t last;

	for (int i = 0; i < CLIENTS; i++)
		end_process(clients[i], SIGKILL);
	for (int i = 0; i < SERVERS; i++)
		end_process(servers[i], i % 2 == 0 ? SIGKILL : SIGTERM);
	last = start(serve);
	sleep_ms(1000);
	end_process(last, SIGTERM);
}

static unsigned number_of(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

int main(void)
{
	const unsigned seconds = number_of("MQC_CHAOS_SECONDS", 10);
	const unsigned seed =
		number_of("MQC_CHAOS_SEED", (unsigned)time(NULL) ^ (unsigned)getpid());
	const int64_t end = now_ms() + seconds * INT64_C(1000);
	static struct totals totals;
	unsigned long long count;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%u s, MQC_CHAOS_SEED=%u\n", seconds, seed);
	srandom(seed);
	ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ledger == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < SERVERS; i++)
		servers[i] = start(serve);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = start(call_for_ever);
	while (now_ms() < end && ledger->next < CALLS_MAX) {
		sleep_ms((unsigned)(random() % 200));
		disturb();
	}
	end_all();
	count = ledger->next < CALLS_MAX ? ledger->next : CALLS_MAX;
	for (unsigned long long number = 0; number < count; number++)
		check(number, &totals);
	print_totals(&totals, count);
	if (ledger->late > 0) {
		printf("%u calls came back more than %d ms after their time\n", ledger->late,
		       LATE_MS);
		failed = true;
	}
	for (int kind = 0; kind < KINDS; kind++)
		if (totals.calls[kind][SUCCESS] == 0) {
			printf("no %s call succeeded\n", kind_names[kind]);
			failed = true;
		}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
