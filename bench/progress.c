/*
 * progress.c - see progress.h.
 *
 * A terminal has one line that changes; a log gets a line now and then.
 */
#include "progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_EVERY_S = 15
};

static size_t done, all;
static int64_t begun, logged;
static bool shown;

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void bench_progress_begin(size_t total)
{
	done = 0;
	all = total;
	begun = logged = now_s();
}

void bench_progress_step(const char *what, const char *who)
{
	bool terminal = isatty(STDERR_FILENO);
	int64_t now = now_s(), spent = now - begun;
	int64_t left = done > 0 ? spent * (int64_t)(all - done) / (int64_t)done : 0;
	int percent = all > 0 ? (int)(done * 100 / all) : 0;
	char rest[40] = "";

	done += done < all;
	if (done > 5 && spent > 1)
		snprintf(rest, sizeof rest, ", %d:%02d left", (int)(left / 60), (int)(left % 60));
	if (terminal) {
		fprintf(stderr, "\r\033[K%3d %%%s  %s: %s", percent, rest, what, who);
		shown = true;
	} else if (now - logged >= LOG_EVERY_S) {
		fprintf(stderr, "%3d %%%s  %s: %s\n", percent, rest, what, who);
		logged = now;
	}
}

void bench_progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
