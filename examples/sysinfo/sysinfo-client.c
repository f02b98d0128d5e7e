/*
 * sysinfo-client.c - prints what endpoint "sysinfo" tells of this machine, and
 * of the processes whose pids are given; of itself if none is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sysinfo.mqc.h"

static int print_machine(mqc_client *client)
{
	Google__Protobuf__Duration *uptime;
	double one, five, fifteen;
	uint64_t total, available;
	int r;

	r = sysinfo_load(client, &one, &five, &fifteen);
	if (r < 0)
		return r;
	printf("load:    %.2f %.2f %.2f\n", one, five, fifteen);

	r = sysinfo_memory(client, &total, &available);
	if (r < 0)
		return r;
	printf("memory:  %" PRIu64 " MiB, %" PRIu64 " MiB available\n", total >> 20,
	       available >> 20);

	r = sysinfo_uptime(client, &uptime);
	if (r < 0)
		return r;
	printf("uptime:  %" PRId64 " s\n", uptime->seconds);
	google__protobuf__duration__free_unpacked(uptime, NULL);
	return MQC_OK;
}

static const char *state_name(Sysinfo__State state)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(&sysinfo__state__descriptor, (int)state);

	return value != NULL ? value->name : "?";
}

static int print_process(mqc_client *client, int32_t pid)
{
	char *name, **command_line;
	size_t n_command_line;
	Sysinfo__State state;
	uint32_t threads;
	uint64_t resident;
	int32_t parent;
	int r;

	r = sysinfo_process(client, pid, &name, &state, &parent, &threads, &resident, &command_line,
			    &n_command_line);
	if (r < 0)
		return r;
	printf("process: %" PRId32 " %s, child of %" PRId32 ", %s, %" PRIu32 " threads, %" PRIu64
	       " KiB\n",
	       pid, name, parent, state_name(state), threads, resident >> 10);
	for (size_t i = 0; i < n_command_line; i++) {
		printf("%s%s%s", i == 0 ? "command:" : "", " ", command_line[i]);
		free(command_line[i]);
	}
	if (n_command_line > 0)
		putchar('\n');
	free(command_line);
	free(name);
	return MQC_OK;
}

static int complain(int status)
{
	fprintf(stderr, "sysinfo-client: %s: %s\n", mqc_status_name(status),
		mqc_error_last()->text);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int exit_status = EXIT_SUCCESS, r;
	mqc_client *client;

	r = mqc_client_open("sysinfo", NULL, &client);
	if (r < 0)
		return complain(r);
	r = print_machine(client);
	if (r < 0)
		exit_status = complain(r);
	if (argc < 2) {
		r = print_process(client, (int32_t)getpid());
		if (r < 0)
			exit_status = complain(r);
	}
	for (int i = 1; i < argc; i++) {
		r = print_process(client, (int32_t)strtol(argv[i], NULL, 10));
		if (r < 0)
			exit_status = complain(r);
	}
	mqc_client_close(client);
	return exit_status;
}
