/*
 * sysinfo-server.c - serves Sysinfo on endpoint "sysinfo": what /proc tells, to
 * every user of the machine.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proc.h"
#include "sysinfo.mqc.h"

static int fail_proc(mqc_call *call, const char *what, int error)
{
	return mqc_call_fail(call, MQC_INTERNAL, "cannot tell %s: %s", what, strerror(-error));
}

static int get_load(void *self, mqc_call *call, double *ret_one_minute, double *ret_five_minutes,
		    double *ret_fifteen_minutes)
{
	double load[3];
	int r = proc_load(load);

	(void)self;
	if (r < 0)
		return fail_proc(call, "the load", r);
	*ret_one_minute = load[0];
	*ret_five_minutes = load[1];
	*ret_fifteen_minutes = load[2];
	return MQC_OK;
}

static int get_memory(void *self, mqc_call *call, uint64_t *ret_total, uint64_t *ret_available)
{
	int r = proc_memory(ret_total, ret_available);

	(void)self;
	return r < 0 ? fail_proc(call, "the memory", r) : MQC_OK;
}

static int get_uptime(void *self, mqc_call *call, Google__Protobuf__Duration **ret_uptime)
{
	Google__Protobuf__Duration *uptime;
	double seconds;
	int r = proc_uptime(&seconds);

	(void)self;
	if (r < 0)
		return fail_proc(call, "the uptime", r);
	uptime = mqc_call_alloc(call, sizeof *uptime);
	if (uptime == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	google__protobuf__duration__init(uptime);
	uptime->seconds = (int64_t)seconds;
	uptime->nanos = (int32_t)((seconds - (double)uptime->seconds) * 1e9);
	*ret_uptime = uptime;
	return MQC_OK;
}

static Sysinfo__State state_of(char letter)
{
	switch (letter) {
	case 'R':
		return SYSINFO__STATE__STATE_RUNNING;
	case 'S':
		return SYSINFO__STATE__STATE_SLEEPING;
	case 'D':
		return SYSINFO__STATE__STATE_WAITING;
	case 'T':
	case 't':
		return SYSINFO__STATE__STATE_STOPPED;
	case 'Z':
		return SYSINFO__STATE__STATE_ZOMBIE;
	case 'I':
		return SYSINFO__STATE__STATE_IDLE;
	default:
		return SYSINFO__STATE__STATE_UNKNOWN;
	}
}

/* Make an array, in memory of the call, of arguments that end with a zero byte each. */
static int split_arguments(mqc_call *call, const struct proc_process *process, char ***ret_array,
			   size_t *ret_count)
{
	const char *at = process->arguments, *end = at + process->arguments_size;
	size_t count = 0;
	char **array;

	for (; at < end; at += strlen(at) + 1)
		count++;
	array = mqc_call_alloc(call, (count + 1) * sizeof *array);
	if (array == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	at = process->arguments;
	for (size_t i = 0; i < count; i++, at += strlen(at) + 1) {
		array[i] = mqc_call_strdup(call, at);
		if (array[i] == NULL)
			return MQC_RESOURCE_EXHAUSTED;
	}
	*ret_array = array;
	*ret_count = count;
	return MQC_OK;
}

static int get_process(void *self, mqc_call *call, int32_t pid, const char **ret_name,
		       Sysinfo__State *ret_state, int32_t *ret_parent, uint32_t *ret_threads,
		       uint64_t *ret_resident, char ***ret_command_line, size_t *ret_n_command_line)
{
	struct proc_process process;
	int r;

	(void)self;
	if (pid <= 0)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "%d is not the pid of a process: they begin at 1", pid);
	r = proc_process(pid, &process);
	if (r == -ENOENT || r == -ESRCH)
		return mqc_call_fail(call, MQC_NOT_FOUND, "there is no process %d", pid);
	if (r < 0)
		return fail_proc(call, "what the process is", r);
	*ret_name = mqc_call_strdup(call, process.name);
	if (*ret_name == NULL)
		return MQC_RESOURCE_EXHAUSTED;
	*ret_state = state_of(process.state);
	*ret_parent = process.parent;
	*ret_threads = process.threads;
	*ret_resident = process.resident;
	return split_arguments(call, &process, ret_command_line, ret_n_command_line);
}

int main(void)
{
	static const sysinfo_handlers handlers = {
		.load = get_load,
		.memory = get_memory,
		.uptime = get_uptime,
		.process = get_process,
	};
	const mqc_server_options options = {
		.threads = 2,
		.access = MQC_ACCESS_PUBLIC,
		.stop_on_signals = true,
	};
	mqc_server *server = NULL;
	int r;

	if ((r = mqc_server_open("sysinfo", &options, &server)) < 0 ||
	    (r = sysinfo_serve(server, &handlers, NULL)) < 0 || (r = mqc_server_run(server)) < 0)
		fprintf(stderr, "sysinfo-server: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	return r < 0;
}
