/* processes.c - see processes.h. */
#include "processes.h"

#include <dirent.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The sum of the numbers of all lines of a file that begin with a word. */
static double sum_of(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[256];
	double sum = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, word, strlen(word)) == 0)
			sum += strtod(line + strlen(word), NULL);
	fclose(file);
	return sum;
}

double process_switches(pid_t pid)
{
	char path[300];
	struct dirent *entry;
	double sum = 0;
	DIR *threads;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	threads = opendir(path);
	if (threads == NULL)
		return 0;
	while ((entry = readdir(threads)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", (int)pid, entry->d_name);
		sum += sum_of(path, "voluntary_ctxt_switches:");
		sum += sum_of(path, "nonvoluntary_ctxt_switches:");
	}
	closedir(threads);
	return sum;
}

double process_private_kb(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	return sum_of(path, "Private_Dirty:") + sum_of(path, "Shared_Dirty:");
}

double process_resident_kb(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	return sum_of(path, "Rss:");
}

double process_cpu_us(pid_t pid)
{
	struct timespec time;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) < 0)
		return 0;
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

double program_loaded_bytes(const char *path)
{
	FILE *file = fopen(path, "re");
	double sum = 0;
	ElfW(Ehdr) head;
	ElfW(Phdr) segment;

	if (file == NULL)
		return 0;
	if (fread(&head, sizeof head, 1, file) == 1 &&
	    fseek(file, (long)head.e_phoff, SEEK_SET) == 0)
		for (int i = 0; i < head.e_phnum && fread(&segment, sizeof segment, 1, file) == 1;
		     i++)
			if (segment.p_type == PT_LOAD)
				sum += (double)segment.p_filesz;
	fclose(file);
	return sum;
}
