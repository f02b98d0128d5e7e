/* machine.c - see machine.h. */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The value of a line "key : value" of /proc/cpuinfo. */
static const char *value_of(char *line, const char *key)
{
	char *colon = strchr(line, ':');

	if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
		return NULL;
	colon[strcspn(colon, "\n")] = '\0';
	return colon + 1 + strspn(colon + 1, " \t");
}

static void describe_cpu(bench_machine *machine)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];

	if (file == NULL)
		return;
	/* The first processor speaks for all; its paragraph ends with an empty line. */
	while (fgets(line, sizeof line, file) != NULL && line[0] != '\n') {
		const char *model = value_of(line, "model name");

		if (model != NULL)
			snprintf(machine->cpu, sizeof machine->cpu, "%s", model);
		else if (strncmp(line, "flags", 5) == 0)
			machine->is_virtual = strstr(line, " hypervisor") != NULL;
	}
	fclose(file);
}

void bench_machine_describe(bench_machine *ret_machine)
{
	bench_machine machine = {.cpu = "unknown", .kernel = "unknown", .compiler = COMPILER};
	struct utsname system;
	cpu_set_t allowed;

	describe_cpu(&machine);
	if (uname(&system) == 0)
		snprintf(machine.kernel, sizeof machine.kernel, "%.32s %.90s", system.sysname,
			 system.release);
	if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
		machine.cores = CPU_COUNT(&allowed);
	if (getloadavg(&machine.load, 1) != 1)
		machine.load = 0;
	*ret_machine = machine;
}
