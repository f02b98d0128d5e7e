/*
 * trials.c - a process that is tried: each fault in turn, at each place where it can strike.
 */
#include "trials.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mqcall/mqcall.h>

#include "name.h"
#include "queue.h"
#include "segment.h"
#include "support.h"

/* More places than this one function is not called from. */
#define PLACES_MAX 300

/* A subject that takes longer hangs. */
#define HANGS_MS 60000

/* How much later than its limit a call may return: other tests run, too. */
#define LATE_MS 20000

#define FAULTS_MAX 256
#define CODES 17

/* What has been seen of a fault, in all trials. */
struct tally {
	unsigned struck;
	unsigned unnoticed; /* every function of the library succeeded all the same */
	unsigned codes[CODES];
};

/* Shared with the processes that Check runs the tests in. */
static struct tally *tallies;

/* Memory that children share: of a descriptor, or of none if that is -1. */
static void *shared(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

#define SUBJECT "--subject"

/* The arguments of a subject: SUBJECT, the plan's name, the descriptor of struct trial. */
enum {
	ARGUMENT_SUBJECT = 1,
	ARGUMENT_PLAN,
	ARGUMENT_TRIAL,
	ARGUMENTS
};

static void be_subject(char **arguments, const struct trial_plan *const *plans)
{
	int fd = (int)strtol(arguments[ARGUMENT_TRIAL], NULL, 10);
	struct trial *trial = shared(sizeof *trial, fd);

	(void)close(fd);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; *plans != NULL; plans++) {
		if (strcmp((*plans)->name, arguments[ARGUMENT_PLAN]) != 0)
			continue;
		(*plans)->subject(trial, (*plans)->data);
		(void)munmap(trial, sizeof *trial);
		exit(EXIT_SUCCESS);
	}
	abort();
}

void trials_prepare(int argc, char **argv, const struct trial_plan *const *plans)
{
	if (argc == ARGUMENTS && strcmp(argv[ARGUMENT_SUBJECT], SUBJECT) == 0)
		be_subject(argv, plans);
	tallies = shared(FAULTS_MAX * sizeof *tallies, -1);
}

/* ---------------------------------------------------------- the subject -- */

void trial_complain(struct trial *trial, const char *format, ...)
{
	va_list arguments;

	if (atomic_exchange(&trial->complained, true))
		return;
	va_start(arguments, format);
	(void)vsnprintf(trial->complaint, sizeof trial->complaint, format, arguments);
	va_end(arguments);
}

static unsigned count_entries(const char *path)
{
	unsigned count = 0;
	DIR *directory = opendir(path);

	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static void *do_nothing(void *unused)
{
	return unused;
}

void trial_begin(struct trial *trial)
{
	uint64_t process = 0;
	pthread_t thread;

	/* ThreadSanitizer starts one of its own with the first, and keeps it. */
	if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
		abort();
	(void)pthread_join(thread, NULL);
	(void)mqci_process_self(&process);
	atomic_store(&trial->process, process);
	trial->descriptors = count_entries("/proc/self/fd");
	trial->threads = count_entries("/proc/self/task");
}

void trial_arm(struct trial *trial)
{
	fault_arm(trial_fault(trial), trial->n, trial->for_good);
}

static bool threads_have_ended(void *data)
{
	const struct trial *trial = data;

	return count_entries("/proc/self/task") <= trial->threads;
}

static bool descriptors_are_closed(void *data)
{
	const struct trial *trial = data;

	return count_entries("/proc/self/fd") == trial->descriptors;
}

void trial_end(struct trial *trial)
{
	uintptr_t where;

	atomic_store(&trial->struck, fault_disarm(&where));
	atomic_store(&trial->where, where);
	atomic_store(&trial->over, true);
	/* One that has been joined may still be seen for a moment. */
	if (!support_wait_for(threads_have_ended, trial))
		trial_complain(trial, "threads are left");
	/* One that nobody joins may have the last of them for a moment. */
	if (!support_wait_for(descriptors_are_closed, trial))
		trial_complain(trial, "%u descriptors are open, there were %u",
			       count_entries("/proc/self/fd"), trial->descriptors);
}

/*
 * Whether `r` can come of the fault: a limit is told as such. Who calls a server
 * that it has made give up, hears that.
 */
static bool is_right(const struct trial *trial, int r)
{
	static const int limits[] = {EMFILE, ENFILE, ENOMEM, ENOSPC, EAGAIN};
	const struct fault *fault = trial_fault(trial);
	bool limit = false;

	if (atomic_load(&trial->late))
		return true;
	if (fault->effect == FAULT_HIDDEN)
		return false;
	if (r == MQC_NOT_FOUND && getpid() != trial->subject)
		return true;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		limit = limit || fault->error == limits[i];
	if (limit)
		return r == MQC_RESOURCE_EXHAUSTED || r == MQC_UNAVAILABLE;
	return r != MQC_UNKNOWN;
}

int trial_outcome(struct trial *trial, const char *what, int r, int64_t begun, int ms)
{
	const mqc_error *error = mqc_error_last();
	int64_t took = support_now_ms() - begun;

	if (r > MQC_OK || r < MQC_UNAUTHENTICATED) {
		trial_complain(trial, "%s returned %d", what, r);
		return r;
	}
	/* Slow machines can make anything late. */
	if (r == MQC_DEADLINE_EXCEEDED || (ms > 0 && took >= ms))
		atomic_store(&trial->late, true);
	if (took > ms + LATE_MS)
		trial_complain(trial, "%s took %lld ms", what, (long long)took);
	if (atomic_load(&trial->over))
		return r;
	atomic_fetch_add(&trial->outcomes[-r], 1);
	if (r == MQC_OK)
		return r;
	if (error->status != r || error->text == NULL || error->text[0] == '\0')
		trial_complain(trial, "%s returned %s, and the last error is %d, \"%s\"", what,
			       mqc_status_name(r), error->status, error->text);
	if (!is_right(trial, r))
		trial_complain(trial, "%s returned %s: %s", what, mqc_status_name(r), error->text);
	if (getenv("MQC_FAULTS_SHOW") != NULL)
		printf("    %s %d #%u %s: %s: %s\n", fault_function(trial_fault(trial)),
		       trial_fault(trial)->error, trial->n, what, mqc_status_name(r), error->text);
	return r;
}

void trial_step(struct trial *trial, int step)
{
	atomic_store(&trial->step, step);
}

/* Whether the subject has ended, which only its parent can tell. */
static bool has_ended(const struct trial *trial)
{
	siginfo_t info = {0};

	return trial->subject != 0 &&
	       waitid(P_PID, (id_t)trial->subject, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

bool trial_await(struct trial *trial, int step)
{
	int64_t until = support_now_ms() + HANGS_MS;

	while (atomic_load(&trial->step) < step) {
		if (support_now_ms() > until || has_ended(trial))
			return false;
		support_sleep_ms(1);
	}
	return true;
}

void trial_check_gone(struct trial *trial, const char *name, bool queue)
{
	if (queue ? !support_queue_exists(name) : !support_segment_exists(name))
		return;
	if (trial_fault(trial)->effect != FAULT_LEAVES)
		trial_complain(trial, "the %s %s is left", queue ? "queue" : "segment", name);
	if (getpid() == trial->subject)
		return;
	if (queue)
		(void)mqci_queue_unlink(name);
	else
		mqci_segment_unlink(name);
}

struct left {
	struct trial *trial;
	const char *endpoint;
};

static bool see_left(const char *name, void *data)
{
	const struct left *left = data;
	uint64_t party;

	if (mqci_name_parse_presence(name, left->endpoint, &party))
		trial_check_gone(left->trial, name, false);
	return true;
}

void trial_check_endpoint(struct trial *trial)
{
	struct left left = {.trial = trial, .endpoint = trial->endpoint};
	char name[MQCI_NAME_SIZE];

	mqci_name_endpoint(trial->endpoint, name);
	trial_check_gone(trial, name, true);
	trial_check_gone(trial, name, false);
	mqci_name_lane(trial->endpoint, 1, name);
	trial_check_gone(trial, name, true);
	(void)mqci_segment_list(see_left, &left);
}

void trial_check_executed(struct trial *trial, int64_t executed, bool serves)
{
	int64_t sure = atomic_load(&trial->sure), doubtful = atomic_load(&trial->doubtful);
	/*
	 * Nobody hears of a one-way call that a server could not serve; or that it had not
	 * taken when it was stopped, as the call that was to tell took too long.
	 */
	bool may_be_lost = serves && (atomic_load(&trial->struck) || atomic_load(&trial->late));
	int64_t lost = may_be_lost ? atomic_load(&trial->oneway) : 0;

	if (executed < sure - lost || executed > sure + doubtful)
		trial_complain(trial, "%lld were executed; %lld succeeded, %lld may have been",
			       (long long)executed, (long long)sure, (long long)doubtful);
}

/* ------------------------------------------------------------- the test -- */

static void clear(struct trial *trial, const struct fault *fault, unsigned n, bool for_good)
{
	char endpoint[sizeof trial->endpoint];

	memcpy(endpoint, trial->endpoint, sizeof endpoint);
	memset(trial, 0, sizeof *trial);
	memcpy(trial->endpoint, endpoint, sizeof endpoint);
	trial->fault_number = (unsigned)(fault - faults);
	trial->n = n;
	trial->for_good = for_good;
}

/* In the child. */
static void become_subject(struct trial *trial, const struct trial_plan *plan, int fd)
{
	char number[16], subject[] = SUBJECT, program[4096];
	char *arguments[ARGUMENTS + 1] = {program, subject, NULL, number, NULL};
	ssize_t length;

	length = readlink("/proc/self/exe", program, sizeof program - 1);
	arguments[ARGUMENT_PLAN] = strdup(plan->name);
	if (length < 0 || arguments[ARGUMENT_PLAN] == NULL)
		_exit(127);
	program[length] = '\0';
	(void)snprintf(number, sizeof number, "%d", fd);
	trial->subject = getpid();
	(void)execv(program, arguments);
	_exit(127);
}

static void start_subject(struct trial *trial, const struct trial_plan *plan, int fd)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become_subject(trial, plan, fd);
	trial->subject = pid;
}

/* For whoever looks for the reason: what the subject's threads are doing. */
static void print_threads(pid_t pid)
{
	char command[128];

	(void)snprintf(command, sizeof command,
		       "cd /proc/%d/task && grep -s . */wchan */syscall */stack >&2", (int)pid);
	(void)fflush(stdout);
	if (system(command) != 0) /* NOLINT(cert-env33-c): of our own making */
		printf("(no more is known)\n");
}

static void await_end(struct trial *trial)
{
	int64_t until = support_now_ms() + HANGS_MS;
	int status;

	while (waitpid(trial->subject, &status, WNOHANG) == 0) {
		if (support_now_ms() > until) {
			trial_complain(trial, "it hangs");
			print_threads(trial->subject);
			(void)kill(trial->subject, SIGABRT);
			until = INT64_MAX;
		}
		support_sleep_ms(1);
	}
	if (WIFSIGNALED(status))
		trial_complain(trial, "signal %d ended it", WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_SUCCESS)
		trial_complain(trial, "it ended with %d", WEXITSTATUS(status));
}

static void check_left(struct trial *trial)
{
	char name[MQCI_NAME_SIZE];

	for (unsigned n = 0; n < 8; n++) {
		mqci_name_replies(mqci_party_make(atomic_load(&trial->process), n), name);
		trial_check_gone(trial, name, true);
		trial_check_gone(trial, name, false);
	}
}

static void count(struct trial *trial)
{
	struct tally *tally = &tallies[trial->fault_number];
	bool noticed = false;

	for (int code = 1; code < CODES; code++)
		noticed = noticed || trial->outcomes[code] > 0;
	if (!atomic_load(&trial->struck)) {
		if (noticed && !atomic_load(&trial->late))
			trial_complain(trial, "something failed, though no fault has struck");
		return;
	}
	tally->struck++;
	tally->unnoticed += !noticed;
	for (int code = 1; code < CODES; code++)
		tally->codes[code] += trial->outcomes[code];
}

/* One trial: false when the fault has not struck, and so will not with a larger n. */
static bool run(const struct trial_plan *plan, struct trial *trial, int fd)
{
	if (plan->before != NULL)
		plan->before(trial, plan->data);
	start_subject(trial, plan, fd);
	if (plan->beside != NULL)
		plan->beside(trial, plan->data);
	await_end(trial);
	check_left(trial);
	if (plan->after != NULL)
		plan->after(trial, plan->data);
	count(trial);
	if (atomic_load(&trial->complained))
		printf("%s; %s fails with %s in its call #%u%s, at 0x%lx (see addr2line): %s\n",
		       plan->name, fault_function(trial_fault(trial)),
		       strerrorname_np(trial_fault(trial)->error), trial->n,
		       trial->for_good ? " and all later ones" : "",
		       (unsigned long)atomic_load(&trial->where), trial->complaint);
	return atomic_load(&trial->struck) && !atomic_load(&trial->complained);
}

/* All trials of a fault, at one place after the other; then those that last, from a place on. */
static bool run_all(const struct trial_plan *plan, struct trial *trial, int fd,
		    const struct fault *fault)
{
	unsigned n = 0;

	do {
		ck_assert_msg(n < PLACES_MAX, "%s is called without end", fault_function(fault));
		clear(trial, fault, ++n, false);
	} while (run(plan, trial, fd));
	if (fault->once || plan->brief || atomic_load(&trial->complained))
		return !atomic_load(&trial->complained);
	for (unsigned first = 1; first < n; first = plan->sparse ? first * 2 : first + 1) {
		clear(trial, fault, first, true);
		if (!run(plan, trial, fd))
			break;
	}
	return !atomic_load(&trial->complained);
}

/* Faults are taken one after the other by several processes: a trial mostly waits. */
#define WORKERS 8

static unsigned work(const struct trial_plan *plan, atomic_uint *next)
{
	int fd = memfd_create("trial", 0);
	const char *only = getenv("MQC_FAULT");
	unsigned complaints = 0, i;
	struct trial *trial;

	if (fd < 0 || ftruncate(fd, sizeof *trial) < 0)
		abort();
	trial = shared(sizeof *trial, fd);
	(void)snprintf(trial->endpoint, sizeof trial->endpoint, "%s", support_endpoint());
	if (plan->begin != NULL)
		plan->begin(trial, plan->data);
	while ((i = atomic_fetch_add(next, 1)) < faults_count)
		if (only == NULL || strcmp(only, fault_function(&faults[i])) == 0)
			complaints += !run_all(plan, trial, fd, &faults[i]);
	if (plan->end != NULL)
		plan->end(trial, plan->data);
	(void)munmap(trial, sizeof *trial);
	(void)close(fd);
	return complaints;
}

void trials_run(const struct trial_plan *plan)
{
	atomic_uint *next = shared(sizeof *next, -1);
	int64_t begun = support_now_ms();
	pid_t workers[WORKERS];
	int status, failed = 0;

	ck_assert_uint_lt(faults_count, FAULTS_MAX);
	(void)fflush(NULL);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		ck_assert_int_ge(workers[i], 0);
		if (workers[i] == 0)
			exit(work(plan, next) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	for (int i = 0; i < WORKERS; i++) {
		ck_assert_int_eq(waitpid(workers[i], &status, 0), workers[i]);
		failed += status != 0;
	}
	(void)munmap(next, sizeof *next);
	printf("%s: %lld ms\n", plan->name, (long long)(support_now_ms() - begun));
	(void)fflush(stdout);
	ck_assert_msg(failed == 0, "%d of %d processes complain, see above", failed, WORKERS);
}

/* "12 RESOURCE_EXHAUSTED, 1 INTERNAL" */
static void print_codes(const struct tally *tally)
{
	const char *separator = "";

	for (int code = 1; code < CODES; code++) {
		if (tally->codes[code] == 0)
			continue;
		printf("%s%u %s", separator, tally->codes[code], mqc_status_name(-code));
		separator = ", ";
	}
}

void trials_print(void)
{
	unsigned struck = 0, unnoticed = 0;

	printf("%-22s %-8s %6s %9s  %s\n", "function", "fails", "times", "unnoticed", "else");
	for (size_t i = 0; i < faults_count; i++) {
		const struct tally *tally = &tallies[i];

		if (tally->struck == 0)
			continue;
		printf("%-22s %-8s %6u %9u  ", fault_function(&faults[i]),
		       strerrorname_np(faults[i].error), tally->struck, tally->unnoticed);
		print_codes(tally);
		printf("\n");
		struck += tally->struck;
		unnoticed += tally->unnoticed;
	}
	printf("%-22s %-8s %6u %9u\n", "all", "", struck, unnoticed);
}
