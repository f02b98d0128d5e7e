/*
 * spin.c - whether to poll for a message for a moment, before sleeping until it comes.
 */
#include "spin.h"

#include <mqcall/mqcall.h>

#include <sched.h>

#include "clock.h"
#include "frame.h"

/* After spinning in vain it is not done for so long, in ns; then for twice as long. */
#define FIRST_VAIN_PAUSE INT64_C(100000)
#define LONGEST_VAIN_PAUSE INT64_C(100000000)

/*
 * So many bytes a ns are read and written by the other side before it answers: of 1 MiB that goes
 * and comes back each side needs 100 us, so that this is patience for slower machines, too. Never
 * for more than MQCI_SPIN_MOST_US: beside that, a wake-up is nothing.
 */
#define BULK_A_NS 8

/* Two polls are less than a microsecond apart; if it is so much, another thread has run. */
#define GIVEN_WAY INT64_C(200000)

/* For so long nobody polls who has better to do, in ns. */
#define REST INT64_C(20000000)

void mqci_spin_init(mqci_spin *spin, int spin_us)
{
	*spin = (mqci_spin){
		.budget = spin_us == 0  ? MQCI_SPIN_BUDGET
			  : spin_us > 0 ? spin_us * INT64_C(1000)
					: 0,
		.other_cpu = MQCI_CPU_UNKNOWN,
	};
}

uint16_t mqci_spin_own_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu >= 0 && cpu < MQCI_CPU_UNKNOWN ? (uint16_t)cpu : MQCI_CPU_UNKNOWN;
}

static int64_t time_for(size_t bulk)
{
	const int64_t time = (int64_t)(bulk / BULK_A_NS), most = MQCI_SPIN_MOST_US * INT64_C(1000);

	return time < most ? time : most;
}

bool mqci_spin_begin_elsewhere(mqci_spin *spin, size_t bulk)
{
	if (spin->other_cpu == mqci_spin_own_cpu())
		return false;
	spin->patience = spin->budget + time_for(spin->bulk + bulk);
	spin->began = spin->polled = mqci_clock_now();
	return spin->began >= spin->not_before;
}

bool mqci_spin_on(mqci_spin *spin)
{
	const int64_t now = mqci_clock_now(), since = spin->polled;

	spin->polled = now;
	/* It is the other's turn, as it will be again; that does not say that polling is in vain.
	 */
	if (now - since > GIVEN_WAY)
		return false;
	if (now - spin->began < spin->patience)
		return true;
	spin->vain_pause =
		mqci_clock_longer_pause(spin->vain_pause, FIRST_VAIN_PAUSE, LONGEST_VAIN_PAUSE);
	spin->not_before = now + spin->vain_pause;
	return false;
}

void mqci_spin_rest(mqci_spin *spin)
{
	spin->not_before = mqci_clock_now() + REST;
}

void mqci_spin_hit(mqci_spin *spin)
{
	spin->vain_pause /= 2;
}
