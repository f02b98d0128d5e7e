/*
 * proc.c - what /proc tells, as values: small text files, read whole and taken apart.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Read a file to `text`, cut at its size, and end it with a zero: its length, or -errno. */
static ssize_t read_file(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (length < size - 1) {
		got = read(fd, text + length, size - 1 - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			got = -errno;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	(void)close(fd);
	text[length] = '\0';
	return length == 0 && got < 0 ? got : (ssize_t)length;
}

int proc_load(double ret_load[3])
{
	char text[128];
	ssize_t r = read_file("/proc/loadavg", text, sizeof text);

	if (r < 0)
		return (int)r;
	if (sscanf(text, "%lf %lf %lf", &ret_load[0], &ret_load[1], &ret_load[2]) != 3)
		return -EPROTO;
	return 0;
}

int proc_uptime(double *ret_seconds)
{
	char text[128];
	ssize_t r = read_file("/proc/uptime", text, sizeof text);

	if (r < 0)
		return (int)r;
	return sscanf(text, "%lf", ret_seconds) == 1 ? 0 : -EPROTO;
}

/* The number behind "NAME:" in a file of lines. */
static int find_number(const char *text, const char *name, uint64_t *ret_number)
{
	size_t length = strlen(name);
	const char *line;

	for (line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return sscanf(line + length + 1, "%" SCNu64, ret_number) == 1 ? 0 : -EPROTO;
	}
	return -EPROTO;
}

int proc_memory(uint64_t *ret_total, uint64_t *ret_available)
{
	uint64_t total, available;
	char text[4096];
	ssize_t r = read_file("/proc/meminfo", text, sizeof text);

	if (r >= 0)
		r = find_number(text, "MemTotal", &total);
	if (r >= 0)
		r = find_number(text, "MemAvailable", &available);
	if (r < 0)
		return (int)r;
	*ret_total = total * 1024;
	*ret_available = available * 1024;
	return 0;
}

/* Take apart "PID (NAME) STATE PARENT ..."; the name may hold anything, ')' included. */
static int parse_stat(const char *text, struct proc_process *process)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	long pages;

	if (open == NULL || close == NULL || close < open)
		return -EPROTO;
	(void)snprintf(process->name, sizeof process->name, "%.*s", (int)(close - open - 1),
		       open + 1);
	/* The fields 3, 4, 20 and 24 of proc(5). */
	if (sscanf(close + 1,
		   " %c %" SCNd32 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu32 " %*s %*s %*s %ld",
		   &process->state, &process->parent, &process->threads, &pages) != 4)
		return -EPROTO;
	process->resident = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int proc_process(int32_t pid, struct proc_process *ret_process)
{
	char path[64], text[1024];
	ssize_t r;

	(void)snprintf(path, sizeof path, "/proc/%" PRId32 "/stat", pid);
	r = read_file(path, text, sizeof text);
	if (r >= 0)
		r = parse_stat(text, ret_process);
	if (r < 0)
		return (int)r;
	(void)snprintf(path, sizeof path, "/proc/%" PRId32 "/cmdline", pid);
	r = read_file(path, ret_process->arguments, sizeof ret_process->arguments);
	if (r < 0)
		return (int)r;
	ret_process->arguments_size = (size_t)r;
	return 0;
}
