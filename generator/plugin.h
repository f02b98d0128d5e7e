/*
 * plugin.h - mqcallc as a plugin of protoc, by the name of protoc-gen-mqcall.
 */
#ifndef MQCALL_GENERATOR_PLUGIN_H
#define MQCALL_GENERATOR_PLUGIN_H

/* Standard input to standard output. Returns the exit status. */
int plugin_run(void);

#endif
