/* roster.c - see roster.h. */
#include "roster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bench_entry bench_roster[] = {
	{.name = "raw-mq", .title = "raw mq, blocking", .program = "raw_mq", .side = BENCH_RAW},
	{.name = "raw-mq-spin",
	 .title = "raw mq, spinning",
	 .program = "raw_mq",
	 .side = BENCH_RAW,
	 .spins = true},
	{.name = "raw-unix", .title = "raw unix socket", .program = "raw_unix", .side = BENCH_RAW},
	{.name = "mqcall",
	 .title = "mqcall",
	 .program = "mqcall",
	 .side = BENCH_OURS,
	 .spins = true},
	{.name = "mqcall-nospin",
	 .title = "mqcall, spinning off",
	 .program = "mqcall",
	 .side = BENCH_OURS},
	{.name = "mqcall-lent",
	 .title = "mqcall, bytes lent",
	 .program = "mqcall",
	 .side = BENCH_OURS,
	 .spins = true},
	{.name = "tirpc",
	 .title = "libtirpc (rpcgen)",
	 .program = "tirpc",
	 .packages = "libtirpc-dev rpcsvc-proto",
	 .side = BENCH_PEER},
	{.name = "sd-bus",
	 .title = "sd-bus, direct",
	 .program = "sdbus",
	 .packages = "libsystemd-dev",
	 .side = BENCH_PEER},
	{.name = "sd-bus-daemon",
	 .title = "sd-bus by dbus-daemon",
	 .program = "sdbus",
	 .packages = "libsystemd-dev dbus-daemon",
	 .side = BENCH_PEER},
	{.name = "grpc",
	 .title = "gRPC C++, sync",
	 .program = "grpc",
	 .packages = "libgrpc++-dev protobuf-compiler-grpc",
	 .side = BENCH_PEER},
	{.name = "grpc-callback",
	 .title = "gRPC C++, callback",
	 .program = "grpc",
	 .packages = "libgrpc++-dev protobuf-compiler-grpc",
	 .side = BENCH_PEER},
	{.name = "capnp",
	 .title = "Cap'n Proto RPC",
	 .program = "capnp",
	 .packages = "libcapnp-dev capnproto",
	 .side = BENCH_PEER},
	{.name = "thrift",
	 .title = "Thrift c_glib, framed",
	 .program = "thrift",
	 .packages = "libthrift-c-glib-dev thrift-compiler",
	 .side = BENCH_PEER},
	{.name = "zeromq",
	 .title = "ZeroMQ",
	 .program = "zeromq",
	 .packages = "libzmq3-dev",
	 .side = BENCH_PEER},
	{.name = "nng",
	 .title = "nng",
	 .program = "nng",
	 .packages = "libnng-dev",
	 .side = BENCH_PEER},
	{.name = "iceoryx",
	 .title = "iceoryx, waiting",
	 .program = "iceoryx",
	 .packages = "iceoryx libiceoryx-binding-c-dev",
	 .side = BENCH_PEER},
	{.name = "iceoryx-poll",
	 .title = "iceoryx, busy-polling",
	 .program = "iceoryx",
	 .packages = "iceoryx libiceoryx-binding-c-dev",
	 .side = BENCH_PEER,
	 .spins = true},
};

const size_t bench_roster_size = sizeof bench_roster / sizeof bench_roster[0];

bench_entry *bench_roster_find(const char *name)
{
	for (size_t i = 0; i < bench_roster_size; i++)
		if (strcmp(bench_roster[i].name, name) == 0)
			return &bench_roster[i];
	return NULL;
}

static void take_line(const char *line)
{
	int has_add, has_echo, has_pass, has_sweep;
	char name[32];
	unsigned most_outstanding, liked_outstanding, most_clients;
	size_t payload_max;
	bench_entry *entry;

	if (sscanf(line, "%31s %d %d %d %u %u %u %zu %d", name, &has_add, &has_echo, &has_pass,
		   &most_outstanding, &liked_outstanding, &most_clients, &payload_max,
		   &has_sweep) != 9)
		return;
	entry = bench_roster_find(name);
	if (entry == NULL)
		return;
	entry->is_there = true;
	entry->has_add = has_add;
	entry->has_echo = has_echo;
	entry->has_pass = has_pass;
	entry->has_sweep = has_sweep;
	entry->most_outstanding = most_outstanding;
	entry->liked_outstanding = liked_outstanding;
	entry->most_clients = most_clients;
	entry->payload_max = payload_max;
}

static void explain(bench_entry *entry, const char *path)
{
	if (entry->packages == NULL)
		snprintf(entry->why, sizeof entry->why, "not in this version of mqcall");
	else if (access(path, X_OK) == 0)
		snprintf(entry->why, sizeof entry->why, "its program does not run: %.90s", path);
	else
		snprintf(entry->why, sizeof entry->why,
			 "install %s, or run ./dev bench --setup; if that is there, the log of the "
			 "build has why it could not be built",
			 entry->packages);
}

static int ask_program(const char *path)
{
	char command[512], line[256];
	FILE *answer;

	snprintf(command, sizeof command, "exec '%s' describe 2>/dev/null", path);
	answer = popen(command, "re");
	if (answer == NULL) {
		perror("bench: popen");
		return -1;
	}
	while (fgets(line, sizeof line, answer) != NULL)
		take_line(line);
	pclose(answer);
	return 0;
}

int bench_roster_ask(const char *folder)
{
	char path[400];

	for (size_t i = 0; i < bench_roster_size; i++) {
		bench_entry *entry = &bench_roster[i];

		snprintf(path, sizeof path, "%s/contender_%s", folder, entry->program);
		/* Variants of one program stand one after the other. */
		if ((i == 0 || strcmp(entry->program, bench_roster[i - 1].program) != 0) &&
		    access(path, X_OK) == 0 && ask_program(path) < 0)
			return -1;
		if (!entry->is_there)
			explain(entry, path);
	}
	return 0;
}
