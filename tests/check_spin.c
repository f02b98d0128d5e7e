/*
 * check_spin.c - tests of runtime/spin.h: when to poll before sleeping, and when not.
 */
#include "spin.h"

#include <mqcall/mqcall.h>

#include <sched.h>
#include <time.h>

#include "clock.h"
#include "frame.h"
#include "support.h"

#define MS INT64_C(1000000)

static uint16_t own_cpu(void)
{
	return (uint16_t)sched_getcpu();
}

/* The other side runs where this thread does not, even if the kernel moves that. */
#define ELSEWHERE 0xfffe

static void spend(int64_t ns)
{
	const struct timespec time = {.tv_nsec = (long)ns};

	(void)nanosleep(&time, NULL);
}

START_TEST(only_if_the_other_side_is_elsewhere)
{
	cpu_set_t one;
	mqci_spin spin;

	CPU_ZERO(&one);
	CPU_SET(own_cpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);

	mqci_spin_init(&spin, 0);
	ck_assert(!mqci_spin_begin(&spin, 0));
	spin.other_cpu = own_cpu();
	ck_assert(!mqci_spin_begin(&spin, 0));
	spin.other_cpu = ELSEWHERE;
	ck_assert(mqci_spin_begin(&spin, 0));
	ck_assert_uint_eq(mqci_spin_cpu(&spin), own_cpu());
}
END_TEST

START_TEST(never_if_not_wanted)
{
	mqci_spin spin;

	mqci_spin_init(&spin, MQC_SPIN_OFF);
	spin.other_cpu = ELSEWHERE;
	ck_assert(!mqci_spin_begin(&spin, 0));
	/* Nor does the other side poll for one who does not. */
	ck_assert_uint_eq(mqci_spin_cpu(&spin), MQCI_CPU_UNKNOWN);
}
END_TEST

/* Poll as if nothing came; when that ended. */
static int64_t poll_in_vain(mqci_spin *spin)
{
	ck_assert(mqci_spin_begin(spin, 0));
	while (mqci_spin_on(spin))
		continue;
	return mqci_clock_now();
}

/* For how long it polls in vain. */
static int64_t patience(mqci_spin *spin)
{
	int64_t began, ended;

	/* On a busy machine another thread may get in between: then it ends sooner. */
	for (int tries = 0; tries < 1000; tries++) {
		spin->not_before = 0;
		spin->vain_pause = 0;
		began = mqci_clock_now();
		ended = poll_in_vain(spin);
		if (spin->vain_pause > 0)
			return ended - began;
	}
	ck_abort_msg("there was always another thread in between");
}

START_TEST(for_as_long_as_asked)
{
	mqci_spin spin;

	mqci_spin_init(&spin, 1000);
	spin.other_cpu = ELSEWHERE;
	ck_assert_int_ge(patience(&spin), MS);
}
END_TEST

START_TEST(longer_for_large_payloads)
{
	mqci_spin spin;

	mqci_spin_init(&spin, 1);
	spin.other_cpu = ELSEWHERE;
	spin.bulk = 1000000;
	ck_assert_int_ge(patience(&spin), MS / 8);
	/* What is to come counts as well as what was. */
	ck_assert(mqci_spin_begin(&spin, 1000000) || mqci_clock_now() < spin.not_before);
	ck_assert_int_eq(spin.patience, 1000 + MS / 4);
	/* But there is an end to it. */
	spin.bulk = SIZE_MAX;
	ck_assert(mqci_spin_begin(&spin, 0) || mqci_clock_now() < spin.not_before);
	ck_assert_int_eq(spin.patience, 1000 + MS);
}
END_TEST

START_TEST(in_vain_less_and_less_often)
{
	mqci_spin spin;
	int64_t pause = 0, ended;

	mqci_spin_init(&spin, 1);
	spin.other_cpu = ELSEWHERE;
	for (int i = 0; i < 20; i++) {
		spin.not_before = 0;
		ended = poll_in_vain(&spin);
		if (spin.vain_pause == pause)
			continue; /* another thread got in between */
		ck_assert_int_gt(spin.vain_pause, pause);
		ck_assert_int_le(spin.not_before, ended + spin.vain_pause);
		ck_assert(!mqci_spin_begin(&spin, 0) || mqci_clock_now() >= spin.not_before);
		pause = spin.vain_pause;
	}
	ck_assert_int_le(pause, 200 * MS);
	for (int i = 0; i < 64; i++)
		mqci_spin_hit(&spin);
	ck_assert_int_eq(spin.vain_pause, 0);
}
END_TEST

START_TEST(no_longer_when_another_thread_has_run)
{
	mqci_spin spin;

	mqci_spin_init(&spin, 1000);
	spin.other_cpu = ELSEWHERE;
	ck_assert(mqci_spin_begin(&spin, 0));
	spend(MS);
	ck_assert(!mqci_spin_on(&spin));
	/* That was not in vain: the next time is not put off. */
	ck_assert(mqci_spin_begin(&spin, 0));
}
END_TEST

START_TEST(not_while_others_need_the_cpus_more)
{
	mqci_spin spin;
	int64_t began;

	mqci_spin_init(&spin, 1000);
	spin.other_cpu = ELSEWHERE;
	began = mqci_clock_now();
	mqci_spin_rest(&spin);
	ck_assert_int_gt(spin.not_before, began);
	ck_assert(!mqci_spin_begin(&spin, 0) || mqci_clock_now() >= spin.not_before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spin");
	TCase *tests = support_case(suite, "spin");

	tcase_add_test(tests, only_if_the_other_side_is_elsewhere);
	tcase_add_test(tests, never_if_not_wanted);
	tcase_add_test(tests, for_as_long_as_asked);
	tcase_add_test(tests, longer_for_large_payloads);
	tcase_add_test(tests, in_vain_less_and_less_often);
	tcase_add_test(tests, no_longer_when_another_thread_has_run);
	tcase_add_test(tests, not_while_others_need_the_cpus_more);
	return support_run(suite);
}
