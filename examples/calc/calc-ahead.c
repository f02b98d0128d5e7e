/*
 * calc-ahead.c - a client without a loop, told on a thread: calc-ahead ENDPOINT NUMBER...
 *
 * It has the calculator double all numbers at once, and goes on. When replies have come, a function
 * runs on a thread of its own, and sees to them.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "calc.mqc.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mqc_client *client; /* NULL: it is closed */
static int under_way, failed;
static sem_t all_over;

/* Of a call that has ended; by mqc_client_process(). */
static void doubled(mqc_pending *pending, void *data)
{
	const int32_t *number = data;
	int32_t sum;

	if (calc_add_finish(pending, &sum) == MQC_OK) {
		printf("2 x %d = %d\n", *number, sum);
	} else {
		printf("2 x %d: %s\n", *number, mqc_error_last()->text);
		failed++;
	}
	if (--under_way == 0)
		(void)sem_post(&all_over);
}

/* Something has come. This may still be on its way when the client has been closed. */
static void told(union sigval nothing)
{
	(void)nothing;
	(void)pthread_mutex_lock(&lock);
	if (client != NULL)
		(void)mqc_client_process(client);
	(void)pthread_mutex_unlock(&lock);
}

static int start_all(int32_t *numbers, int count)
{
	mqc_pending *pending;
	int r = MQC_OK;

	(void)pthread_mutex_lock(&lock);
	for (int i = 0; r == MQC_OK && i < count; i++) {
		r = calc_add_start(client, numbers[i], numbers[i], doubled, &numbers[i], &pending);
		under_way += r == MQC_OK;
	}
	(void)pthread_mutex_unlock(&lock);
	return r < 0 ? r : mqc_client_flush(client);
}

int main(int argc, char **argv)
{
	const struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = told};
	int count = argc - 2, r;
	int32_t numbers[64];

	if (count < 1 || count > 64) {
		fprintf(stderr, "usage: calc-ahead ENDPOINT NUMBER... (64 at most)\n");
		return 2;
	}
	for (int i = 0; i < count; i++)
		numbers[i] = (int32_t)strtol(argv[i + 2], NULL, 10);
	(void)sem_init(&all_over, 0, 0);
	if ((r = mqc_client_open(argv[1], NULL, &client)) < 0 ||
	    (r = mqc_client_notify(client, &event)) < 0 || (r = start_all(numbers, count)) < 0)
		fprintf(stderr, "calc-ahead: %s\n", mqc_error_last()->text);
	/* Here a program has something to do, or nothing more, as this one. */
	while (r == MQC_OK && sem_wait(&all_over) < 0)
		continue;
	(void)pthread_mutex_lock(&lock);
	client = mqc_client_close(client);
	(void)pthread_mutex_unlock(&lock);
	return r < 0 || failed > 0;
}
