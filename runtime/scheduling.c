/*
 * scheduling.c - serving a call at its caller's scheduling priority.
 *
 * On Linux the calls for a process mean a thread when they are given its id.
 */
#include "scheduling.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool look_at(pid_t thread, mqci_scheduling *ret_scheduling)
{
	mqci_scheduling found = {0};
	struct sched_param parameters;

	found.policy = sched_getscheduler(thread);
	if (found.policy < 0 || sched_getparam(thread, &parameters) < 0)
		return false;
	found.policy &= ~SCHED_RESET_ON_FORK;
	found.realtime = parameters.sched_priority;
	errno = 0;
	found.nice = getpriority(PRIO_PROCESS, (id_t)thread);
	if (found.nice == -1 && errno != 0)
		return false;
	*ret_scheduling = found;
	return true;
}

bool mqci_scheduling_of(pid_t process, pid_t thread, mqci_scheduling *ret_scheduling)
{
	char path[64];
	struct stat status;

	/* What a caller says of itself must not lend it somebody else's urgency. */
	(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld", (long)process, (long)thread);
	return thread > 0 && stat(path, &status) == 0 && look_at(thread, ret_scheduling);
}

static bool is_more_urgent(const mqci_scheduling *one, const mqci_scheduling *other)
{
	if (one->realtime != other->realtime)
		return one->realtime > other->realtime;
	return one->realtime == 0 && one->nice < other->nice;
}

static bool set(const mqci_scheduling *to)
{
	const struct sched_param parameters = {.sched_priority = to->realtime};

	if (sched_setscheduler(0, to->policy, &parameters) < 0)
		return false;
	return to->realtime > 0 || setpriority(PRIO_PROCESS, 0, to->nice) == 0;
}

bool mqci_scheduling_raise(const mqci_scheduling *to, mqci_scheduling *ret_before)
{
	mqci_scheduling before;

	if (!look_at(0, &before) || !is_more_urgent(to, &before))
		return false;
	if (!set(to)) {
		/* Not permitted, or not wholly. */
		(void)set(&before);
		return false;
	}
	*ret_before = before;
	return true;
}

void mqci_scheduling_restore(const mqci_scheduling *before)
{
	(void)set(before);
}
