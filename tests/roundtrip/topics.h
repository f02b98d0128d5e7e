/*
 * topics.h - what goes round: methods that answer what they are asked, and what they are asked.
 *
 * A topic is a service of a .proto file here. Each of its methods is called
 * through both of its stubs, waited for or started and finished, and with every
 * sample; the same table serves check_roundtrip and check_memory.
 */
#ifndef ROUNDTRIP_TOPICS_H
#define ROUNDTRIP_TOPICS_H

#include <mqcall/mqcall.h>

#include <stdbool.h>

/*
 * Call a stub: fields of `request` go in, and what comes out becomes fields of
 * `reply`, all of them, whatever they were. On failure, `reply` is as it was.
 */
typedef int stub_call(mqc_client *client, const ProtobufCMessage *request, ProtobufCMessage *reply);

struct method {
	const char *name;
	const ProtobufCMessageDescriptor *type; /* of its request, and of its reply */
	stub_call *function;                    /* NULL: it has the message form only */
	stub_call *message;
	size_t n_samples;
	/* The samples: a table, */
	const ProtobufCMessage *const *samples;
	/* or a function that fills in sample number `sample`. */
	void (*make)(size_t sample, ProtobufCMessage *request);
	/* What comes back, where it is not what went: changes a sample into it. */
	void (*expect)(ProtobufCMessage *request);
};

struct topic {
	const char *name;
	const struct method *methods;
	size_t n_methods;
};

extern const struct topic numbers_topic; /* numbers.c */
extern const struct topic texts_topic;   /* texts.c */
extern const struct topic shapes_topic;  /* shapes.c */
extern const struct topic legacy_topic;  /* legacy.c */
extern const struct topic known_topic;   /* known.c */

/* A reply of the message form, put where a stub wants it; the shell of it is freed. */
void unwrap(ProtobufCMessage *reply, ProtobufCMessage *came);

/* Whether calls are started and finished, and the one that is. */
extern bool stubs_start;
extern mqc_pending *stub_pending;

/* Call a stub with these fields of the request, and places for those of the reply. */
#define STUB(stub, inputs, outputs)                                                                \
	(!stubs_start ? stub(client, inputs, outputs)                                              \
	 : started(stub##_start(client, inputs, NULL, NULL, &stub_pending))                        \
		 ? stub##_finish(stub_pending, outputs)                                            \
		 : not_started())
#define FIELDS(...) __VA_ARGS__

static inline bool started(int status)
{
	return status == MQC_OK;
}

static inline int not_started(void)
{
	const int status = mqc_error_last()->status;

	return status < 0 ? status : MQC_INTERNAL;
}

/* A stub, `name`, that calls those of the message form. */
#define FORM(name, stub, type)                                                                     \
	static int name(mqc_client *client, const ProtobufCMessage *request,                       \
			ProtobufCMessage *reply)                                                   \
	{                                                                                          \
		type *came = NULL;                                                                 \
		int r;                                                                             \
                                                                                                   \
		if (stubs_start) {                                                                 \
			r = stub##_start_msg(client, NULL, (const type *)(const void *)request,    \
					     NULL, NULL, &stub_pending);                           \
			r = r < 0 ? r : stub##_finish_msg(stub_pending, &came);                    \
		} else {                                                                           \
			r = stub##_msg(client, NULL, (const type *)(const void *)request, &came);  \
		}                                                                                  \
		if (r == MQC_OK)                                                                   \
			unwrap(reply, &came->base);                                                \
		return r;                                                                          \
	}

/* A sample: a message of static storage, initialized with what follows its descriptor. */
#define SAMPLE(type, descriptor, ...)                                                              \
	(&((type){.base = PROTOBUF_C_MESSAGE_INIT(&(descriptor)), __VA_ARGS__}).base)

/* The same where a pointer to its own type is wanted. */
#define PART(type, descriptor, ...)                                                                \
	(&(type){.base = PROTOBUF_C_MESSAGE_INIT(&(descriptor)), __VA_ARGS__})

/* The elements of a repeated field. */
#define LIST(member, type, ...)                                                                    \
	.n_##member = COUNT(((type[]){__VA_ARGS__})), .member = (type[])                           \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* A method of the stubs call_NAME and message_NAME, with a table of samples. */
#define METHOD(name_, type_, table)                                                                \
	{                                                                                          \
		.name = #name_, .type = &(type_), .function = call_##name_,                        \
		.message = message_##name_, .n_samples = COUNT(table), .samples = (table),         \
	}

/* One that has the message form only. */
#define WIDE_METHOD(name_, type_, table)                                                           \
	{                                                                                          \
		.name = #name_, .type = &(type_), .message = message_##name_,                      \
		.n_samples = COUNT(table), .samples = (table),                                     \
	}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
