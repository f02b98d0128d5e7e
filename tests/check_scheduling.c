/*
 * check_scheduling.c - tests of runtime/scheduling.h: borrowed urgency.
 */
#include "scheduling.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

START_TEST(of_a_thread)
{
	const pid_t self = (pid_t)syscall(SYS_gettid);
	mqci_scheduling found = {0};
	pid_t child;

	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (setpriority(PRIO_PROCESS, 0, 7) < 0)
			_exit(1);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, WUNTRACED), child);
	ck_assert(mqci_scheduling_of(child, child, &found));
	ck_assert_int_eq(found.policy, sched_getscheduler(child));
	ck_assert_int_eq(found.realtime, 0);
	ck_assert_int_eq(found.nice, 7);
	/* Somebody else's thread is not the child's, whatever it says. */
	ck_assert(!mqci_scheduling_of(child, self, &found));
	ck_assert(!mqci_scheduling_of(child, 0, &found));
	ck_assert(!mqci_scheduling_of(child, -1, &found));
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(!mqci_scheduling_of(child, child, &found));
}
END_TEST

START_TEST(raised_and_restored)
{
	const int own = getpriority(PRIO_PROCESS, 0);
	const mqci_scheduling higher = {.policy = SCHED_OTHER, .nice = own - 2};
	const mqci_scheduling lower = {.policy = SCHED_OTHER, .nice = own + 2};
	mqci_scheduling before;

	ck_assert(!mqci_scheduling_raise(&lower, &before));
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
	if (!mqci_scheduling_raise(&higher, &before)) {
		ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
		support_skip("this user may not raise its priority (RLIMIT_NICE)");
		return;
	}
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own - 2);
	mqci_scheduling_restore(&before);
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
}
END_TEST

START_TEST(to_real_time)
{
	const mqci_scheduling realtime = {.policy = SCHED_RR, .realtime = 3};
	mqci_scheduling before;

	if (!mqci_scheduling_raise(&realtime, &before)) {
		ck_assert_int_eq(sched_getscheduler(0), SCHED_OTHER);
		support_skip("this user may not have real-time priority (RLIMIT_RTPRIO)");
		return;
	}
	ck_assert_int_eq(sched_getscheduler(0), SCHED_RR);
	mqci_scheduling_restore(&before);
	ck_assert_int_eq(sched_getscheduler(0), before.policy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scheduling");
	TCase *tests = support_case(suite, "scheduling");

	tcase_add_test(tests, of_a_thread);
	tcase_add_test(tests, raised_and_restored);
	tcase_add_test(tests, to_real_time);
	return support_run(suite);
}
