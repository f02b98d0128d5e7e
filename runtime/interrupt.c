/*
 * interrupt.c - getting a thread out of mq_receive() without a message.
 */
#include "interrupt.h"

#include <sched.h>

#include "error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int interrupt_signal; /* 0 until reserved */

static void do_nothing(int signal)
{
	(void)signal;
}

int mqci_interrupt_init(void)
{
	struct sigaction action = {.sa_handler = do_nothing}, present;
	int r = MQC_OK;

	(void)sigemptyset(&action.sa_mask);
	(void)pthread_mutex_lock(&lock);
	for (int n = SIGRTMAX; interrupt_signal == 0 && n >= SIGRTMIN; n--)
		if (sigaction(n, NULL, &present) == 0 && present.sa_handler == SIG_DFL &&
		    sigaction(n, &action, NULL) == 0)
			interrupt_signal = n;
	if (interrupt_signal == 0)
		r = mqci_fail(
			MQC_RESOURCE_EXHAUSTED, 0,
			"a server needs a real-time signal to wake its threads with, and this "
			"program has given every one a handler; leave one at its default");
	(void)pthread_mutex_unlock(&lock);
	return r;
}

void mqci_interrupt_mask(sigset_t *ret_mask)
{
	/* What a thread brings upon itself is delivered, or kills: blocked it would always kill. */
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

	(void)sigfillset(ret_mask);
	(void)sigdelset(ret_mask, interrupt_signal);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		(void)sigdelset(ret_mask, own[i]);
}

bool mqci_interrupt(mqci_interruptible *interruptible, pthread_t thread)
{
	int r = 0;

	atomic_fetch_add(&interruptible->interrupting, 1);
	if (atomic_load(&interruptible->waiting))
		r = pthread_kill(thread, interrupt_signal);
	atomic_fetch_sub(&interruptible->interrupting, 1);
	return r == 0;
}

void mqci_interrupt_pass(const mqci_interruptible *interruptible)
{
	while (atomic_load(&interruptible->interrupting) > 0)
		(void)sched_yield();
	/* It is pending now, if it was sent, and comes when a system call returns. */
	(void)sched_yield();
}
