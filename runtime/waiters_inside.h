/*
 * waiters_inside.h - what the parts of runtime/waiters have in common. With the lock held.
 */
#ifndef MQCI_WAITERS_INSIDE_H
#define MQCI_WAITERS_INSIDE_H

#include "waiters.h"

/* After this time, in ns, a caller begins to look whether its server lives. */
#define MQCI_PATIENCE (50 * INT64_C(1000000))

/* ------------------------------------------------------------ waiters.c -- */

/* Have a waiter look again whether what it waits for has come; wake the one that receives. */
void mqci_waiters_wake(mqci_waiters *waiters, mqci_waiter *waiter);
void mqci_waiters_wake_receiver(mqci_waiters *waiters);

/* All of them, those who stand apart last. */
mqci_waiter *mqci_waiters_first_of_all(const mqci_waiters *waiters);
mqci_waiter *mqci_waiters_next_of_all(const mqci_waiters *waiters, const mqci_waiter *waiter);

/* Into its list, and out of it. */
void mqci_waiters_enlist(mqci_waiters *waiters, mqci_waiter *waiter);
void mqci_waiters_delist(mqci_waiter *waiter);

/* Nobody receives: have somebody who sleeps do it. Who is awake finds out. */
void mqci_waiters_hand_over(mqci_waiters *waiters);

/* Give the slots that are free to those who wait for one; one more is. */
void mqci_waiters_serve_line(mqci_waiters *waiters);
void mqci_waiters_release_slot(mqci_waiters *waiters, mqci_slot *slot);

/* No call of the session gets an answer any more. */
void mqci_waiters_end_session(mqci_waiters *waiters);

/* Why what the waiter waits for will not come any more; MQC_OK: it may. */
int mqci_waiters_despair(const mqci_waiters *waiters, const mqci_waiter *waiter, int64_t now);

/* Receive what is there already, without waiting, at most so many messages. */
int mqci_waiters_take(mqci_waiters *waiters, unsigned messages);

/* Wait for one event: by receiving for everybody, or while another thread does. */
int mqci_waiters_receive_one(mqci_waiters *waiters, mqci_waiter *waiter);
int mqci_waiters_sleep(mqci_waiters *waiters, mqci_waiter *waiter);

/* Wait no more: if nobody receives now, another waiter must. */
void mqci_waiters_leave(mqci_waiters *waiters, mqci_waiter *waiter);

/* The wait is over without a reply: leave the slot for when one comes. NULL: it is gone. */
mqci_slot *mqci_waiters_leave_slot(mqci_waiters *waiters, const mqci_waiter *waiter);

/* Whether a call may have been executed that failed so. */
bool mqci_waiters_may_be_executed(const mqci_waiters *waiters, const mqci_waiter *waiter,
				  int status);

/* Without the lock: give the slot back that the waiter has had to itself. */
void mqci_waiters_return_slot(mqci_waiters *waiters, const mqci_waiter *waiter);

/* ------------------------------------------------------ waiters_apart.c -- */

/* There is something to be looked at, by whoever watches; or somebody is to come. */
void mqci_waiters_raise_alarm(mqci_waiters *waiters);

/* One that stands apart is to be looked at. */
void mqci_waiters_stir(mqci_waiters *waiters, mqci_waiter *waiter);

/* It is over: nobody is to look at it any more. */
void mqci_waiters_settle(mqci_waiters *waiters, mqci_waiter *waiter);

/* ------------------------------------------------------- waiters_tend.c -- */

/* Look, unless another thread does, whether the servers live, and who waits is to be told. */
void mqci_waiters_look_after_servers(mqci_waiters *waiters, int64_t now);

/* Use the slots of calls given up so long ago that their replies must have been lost. */
void mqci_waiters_use_stale_slots(mqci_waiters *waiters, int64_t now);

/* Without the lock, of the watchdog. */
int64_t mqci_waiters_check_time(mqci_watch *watch, int64_t now);

#endif
