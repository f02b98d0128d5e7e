/*
 * loan.c - bytes of messages that cross without a copy: those that lie in memory that was lent.
 *
 * Who sends makes a copy of the message's struct in which these fields are empty,
 * and packs that; the references go in front of it. Who receives unpacks, and
 * puts the bytes into the message: where they lie, or copies of them.
 */
#include "loan.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client.h"
#include "error.h"
#include "quick.h"
#include "scratch.h"

/* Memory that a handler has for its reply begins at multiples of this. */
#define ALIGNMENT 64

/* ------------------------------------------------------------ both sides -- */

/* The bytes of a field of a message; false: it is of another kind, or not the one of its oneof. */
static bool get_bytes(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		      ProtobufCBinaryData *ret_bytes)
{
	const uint8_t *const base = (const uint8_t *)message;
	uint32_t chosen;

	if (field->type != PROTOBUF_C_TYPE_BYTES || field->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
		if (chosen != field->id)
			return false;
	}
	memcpy(ret_bytes, base + field->offset, sizeof *ret_bytes);
	return true;
}

static void set_bytes(void *message, const ProtobufCFieldDescriptor *field,
		      ProtobufCBinaryData bytes)
{
	memcpy((uint8_t *)message + field->offset, &bytes, sizeof bytes);
}

/* Whether a field says by itself whether it is there, and does not. */
static bool is_absent(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	protobuf_c_boolean has;

	if (field->label != PROTOBUF_C_LABEL_OPTIONAL || field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return false;
	memcpy(&has, (const uint8_t *)message + field->quantifier_offset, sizeof has);
	return !has;
}

static void set_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const protobuf_c_boolean has = 1;

	if (is_absent(message, field))
		memcpy((uint8_t *)message + field->quantifier_offset, &has, sizeof has);
}

static mqci_lent *lent_new(const ProtobufCMessage *message)
{
	const size_t size = message->descriptor->sizeof_message;
	mqci_lent *lent = malloc(sizeof *lent + size);

	if (lent == NULL)
		return NULL;
	lent->references.n = lent->references.zero = 0;
	memcpy(lent->message, message, size);
	return lent;
}

mqci_lent *mqci_loan_lend(const ProtobufCMessage *message, mqci_loan_find find, void *data)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	mqci_lent *lent = NULL;
	uint64_t offset;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		ProtobufCBinaryData bytes;

		if (!get_bytes(message, field, &bytes) || bytes.len < MQCI_LOAN_WORTH ||
		    is_absent(message, field))
			continue;
		/* First, as what is found may be held from then on. */
		if (lent == NULL)
			lent = lent_new(message);
		if (lent == NULL || lent->references.n == MQCI_REFERENCES_MAX)
			break;
		if (!find(data, bytes.data, bytes.len, &offset))
			continue;
		lent->references.all[lent->references.n++] =
			(mqci_reference){.field = field->id, .offset = offset, .size = bytes.len};
		set_bytes(lent->message, field, (ProtobufCBinaryData){.len = 0});
	}
	if (lent == NULL || lent->references.n > 0)
		return lent;
	free(lent);
	return NULL;
}

static int fail_reference(const ProtobufCMessage *message, uint32_t field)
{
	return mqci_fail(MQC_INTERNAL, 0,
			 "a message of type %s comes with bytes for its field %u, which is not one "
			 "for that: the .proto files of the two sides differ",
			 message->descriptor->name, (unsigned)field);
}

int mqci_loan_attach(const mqci_references *references, ProtobufCMessage *message,
		     mqci_loan_get get, void *data)
{
	const ProtobufCFieldDescriptor *field;
	ProtobufCBinaryData bytes;
	int r;

	for (unsigned i = 0; i < references->n; i++) {
		const mqci_reference *reference = &references->all[i];

		field = protobuf_c_message_descriptor_get_field(message->descriptor,
								reference->field);
		if (field == NULL)
			continue;
		if (!get_bytes(message, field, &bytes) || bytes.len > 0)
			return fail_reference(message, reference->field);
		r = get(data, reference, &bytes.data);
		if (r < 0)
			return r;
		bytes.len = (size_t)reference->size;
		set_bytes(message, field, bytes);
		set_present(message, field);
	}
	return MQC_OK;
}

/* Whether one range of offsets lies within another. */
static bool is_within(const mqci_reference *reference, uint64_t offset, uint64_t size)
{
	return reference->offset >= offset && reference->offset - offset <= size &&
	       reference->size <= size - (reference->offset - offset);
}

/* -------------------------------------------------------------- callers -- */

static bool hold_lent(void *data, const void *memory, size_t size, uint64_t *ret_offset)
{
	mqc_client *client = data;

	return mqci_arena_hold_lent(&client->arena, memory, size, ret_offset);
}

mqci_lent *mqci_loan_of_request(mqc_client *client, const ProtobufCMessage *request)
{
	return mqci_loan_lend(request, hold_lent, client);
}

int mqci_loan_bind(mqc_client *client, mqci_waiter *waiter, const mqci_lent *lent)
{
	uint64_t offsets[MQCI_REFERENCES_MAX];

	for (unsigned i = 0; i < lent->references.n; i++)
		offsets[i] = lent->references.all[i].offset;
	mqci_waiters_use(&client->waiters, waiter, mqci_references_total(&lent->references));
	return mqci_arena_bind(&client->arena, waiter->place, offsets, lent->references.n);
}

void mqci_loan_drop(mqc_client *client, const mqci_lent *lent)
{
	for (unsigned i = 0; i < lent->references.n; i++)
		mqci_arena_let_go(&client->arena, lent->references.all[i].offset);
}

void mqci_loan_free(mqc_client *client, mqci_lent *lent)
{
	mqci_loan_drop(client, lent);
	free(lent);
}

/* A reply whose references are looked up. */
struct replied {
	mqc_client *client;
	const mqci_waiter *waiter;
	const mqci_lent *lent;
	ProtobufCAllocator *allocator;
	bool kept; /* the program keeps the region that it lies in */
};

/* Whether a reference is to what the request referred to. */
static bool was_lent(const struct replied *replied, const mqci_reference *reference)
{
	const mqci_references *all = replied->lent != NULL ? &replied->lent->references : NULL;

	for (unsigned i = 0; all != NULL && i < all->n; i++)
		if (is_within(reference, all->all[i].offset, all->all[i].size))
			return true;
	return false;
}

static int copy_bytes(const struct replied *replied, const mqci_reference *reference,
		      uint8_t **ret_memory)
{
	ProtobufCAllocator *allocator = replied->allocator;
	mqci_arena *arena = &replied->client->arena;
	const void *from = mqci_arena_at(arena, reference->offset, (size_t)reference->size);
	uint8_t *copy = mqci_quick_alloc(allocator, (size_t)reference->size);
	int r = MQC_OK;

	if (copy == NULL)
		return mqci_no_memory("bytes of a reply");
	if (from != NULL)
		memcpy(copy, from, (size_t)reference->size);
	else
		r = mqci_arena_get(arena, reference->offset, copy, (size_t)reference->size);
	if (r == MQC_OK)
		*ret_memory = copy;
	else if (allocator != NULL)
		allocator->free(allocator->allocator_data, copy);
	else
		free(copy);
	return r;
}

/* Have the program keep the region of the reply, once more; false: it cannot. */
static bool keep(struct replied *replied)
{
	const mqci_waiter *waiter = replied->waiter;
	mqci_arena *arena = &replied->client->arena;

	if (replied->kept)
		mqci_arena_hold(arena, waiter->place);
	else
		replied->kept = mqci_arena_keep_reply(arena, mqci_slot_of_call(waiter->call),
						      waiter->place);
	return replied->kept;
}

static int get_replied(void *data, const mqci_reference *reference, uint8_t **ret_memory)
{
	struct replied *replied = data;
	mqc_client *client = replied->client;
	const uint64_t region = replied->waiter->place + client->arena.region;
	const bool in_place = replied->allocator == &client->loans;
	void *memory;

	if (replied->waiter->place != 0 && is_within(reference, region, client->arena.region)) {
		/* So much of it has memory. */
		mqci_arena_drop(&client->arena, replied->waiter->place,
				(size_t)(reference->offset - region + reference->size));
		memory = mqci_arena_at(&client->arena, reference->offset, (size_t)reference->size);
		if (!in_place || memory == NULL || !keep(replied))
			return copy_bytes(replied, reference, ret_memory);
	} else if (was_lent(replied, reference)) {
		memory = mqci_arena_at(&client->arena, reference->offset, (size_t)reference->size);
		if (!in_place || memory == NULL)
			return copy_bytes(replied, reference, ret_memory);
		mqci_arena_hold(&client->arena, reference->offset);
	} else {
		return mqci_fail(MQC_INTERNAL, 0,
				 "the reply is said to lie where the call has no shared memory");
	}
	*ret_memory = memory;
	return MQC_OK;
}

int mqci_loan_of_reply(mqc_client *client, const mqci_waiter *waiter, const mqci_lent *lent,
		       const mqci_references *references, ProtobufCAllocator *allocator,
		       ProtobufCMessage *reply)
{
	struct replied replied = {
		.client = client, .waiter = waiter, .lent = lent, .allocator = allocator};

	return mqci_loan_attach(references, reply, get_replied, &replied);
}

int mqc_loan(mqc_client *client, size_t size, void **ret_memory)
{
	void *memory;
	int r;

	if (client->disowned)
		return mqci_client_fail_disowned(client, "a loan");
	if (size == 0)
		return mqci_fail(MQC_INVALID_ARGUMENT, 0, "a loan of 0 bytes is not possible");
	if (size > client->payload_max)
		return mqci_fail(MQC_RESOURCE_EXHAUSTED, 0,
				 "a loan of %zu bytes is not possible, as the client's payload_max "
				 "is %zu; open it with a larger payload_max",
				 size, client->payload_max);
	r = mqci_arena_lend(&client->arena, size, &memory);
	/* Where servers would not look at it in place, any memory is as good. */
	if (r == MQC_OK && memory == NULL) {
		memory = malloc(size);
		r = memory != NULL ? MQC_OK : mqci_no_memory("a loan");
	}
	if (r == MQC_OK)
		*ret_memory = memory;
	return r;
}

void mqc_loan_return(mqc_client *client, void *memory)
{
	if (memory == NULL)
		return;
	if (client->disowned ? mqci_arena_has(&client->arena, memory)
			     : mqci_arena_return(&client->arena, memory))
		return;
	free(memory);
}

static void *loans_alloc(void *data, size_t size)
{
	(void)data;
	return malloc(size);
}

static void loans_free(void *data, void *memory)
{
	mqc_client *client = data;

	if (memory == NULL)
		return;
	if (client->disowned ? mqci_arena_has(&client->arena, memory)
			     : mqci_arena_let_go_of(&client->arena, memory))
		return;
	free(memory);
}

void mqci_loan_init(mqc_client *client)
{
	client->loans = (ProtobufCAllocator){
		.alloc = loans_alloc, .free = loans_free, .allocator_data = client};
}

ProtobufCAllocator *mqc_client_loans(mqc_client *client)
{
	return &client->loans;
}

/* -------------------------------------------------------------- servers -- */

int mqci_loan_receive(mqc_call *call, mqci_frame *request, size_t payload_max)
{
	const mqci_session *session = call->origin.session;
	mqci_references *references = mqci_scratch_alloc(&call->memory, sizeof *references);
	size_t size, left;

	if (references == NULL)
		return mqc_call_fail(call, MQC_RESOURCE_EXHAUSTED,
				     "the server has no memory left for a request of %s",
				     call->method->name);
	size = mqci_references_decode(request->payload, request->size, references);
	if (size == 0 || session->region == 0 || call->origin.oneway)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT,
				     "the request of %s comes with references that make no sense",
				     call->method->name);
	request->payload += size;
	request->size -= size;
	left = payload_max > request->size ? payload_max - request->size : 0;
	for (unsigned i = 0; i < references->n; i++) {
		if (references->all[i].size > left)
			return mqc_call_fail(
				call, MQC_RESOURCE_EXHAUSTED,
				"the request of %s has more bytes, with those that it refers to, "
				"than the %zu that its server takes: send less, or open the server "
				"with a larger payload_max",
				call->method->name, payload_max);
		left -= (size_t)references->all[i].size;
		call->bulk += (size_t)references->all[i].size;
	}
	call->loans.request = references;
	return MQC_OK;
}

/* Where the bytes of a request are, of our user's client; or a copy of them. */
static int get_requested(void *data, const mqci_reference *reference, uint8_t **ret_memory)
{
	mqc_call *call = data;
	mqci_session *session = call->origin.session;
	const unsigned i = (unsigned)(reference - call->loans.request->all);
	const size_t size = (size_t)reference->size;
	uint8_t *memory;
	int r;

	memory = mqci_arena_look(&session->arena, reference->offset, size);
	call->loans.at[i] = memory;
	if (memory == NULL) {
		memory = mqci_scratch_alloc(&call->memory, size);
		if (memory == NULL)
			return mqci_no_memory("a request");
		r = mqci_arena_read(&session->arena, reference->offset, memory, size);
		if (r < 0)
			return r;
	}
	*ret_memory = memory;
	return MQC_OK;
}

int mqci_loan_open(mqc_call *call, ProtobufCMessage *request)
{
	int r;

	memset(call->loans.at, 0, sizeof call->loans.at);
	r = mqci_loan_attach(call->loans.request, request, get_requested, call);
	if (r == MQC_OK)
		return MQC_OK;
	return mqc_call_fail(
		call, r == MQC_RESOURCE_EXHAUSTED ? MQC_RESOURCE_EXHAUSTED : MQC_INVALID_ARGUMENT,
		"the request of %s cannot be read from shared memory: %s", call->method->name,
		mqc_error_last()->text);
}

static void *refuse_loan(mqc_call *call, int status, const char *why)
{
	const int r = mqci_fail(status, 0, "%s: no shared memory for the reply: %s",
				call->method->name, why);

	(void)mqc_call_fail(call, r, "%s", mqc_error_last()->text);
	return NULL;
}

void *mqc_call_loan(mqc_call *call, size_t size)
{
	const mqci_origin *origin = &call->origin;
	mqci_session *session = origin->session;
	const size_t begin = (call->loans.used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	uint8_t *room;

	if (size == 0)
		return refuse_loan(call, MQC_INVALID_ARGUMENT, "0 bytes are not possible");
	if (origin->oneway)
		return refuse_loan(call, MQC_FAILED_PRECONDITION, "a one-way call has none");
	if (origin->arena == 0 || session->region == 0 || !session->arena.in_place)
		return refuse_loan(call, MQC_FAILED_PRECONDITION,
				   "the caller is another user's, or has none; use "
				   "mqc_call_alloc()");
	if (begin > session->region || size > session->region - begin)
		return refuse_loan(call, MQC_RESOURCE_EXHAUSTED,
				   "it is more than the client takes; open that with a larger "
				   "payload_max");
	/* So few bytes are copied wherever they lie. */
	if (size < MQCI_LOAN_WORTH)
		return mqc_call_alloc(call, size);
	room = mqci_arena_room(&session->arena, origin->call, origin->arena + session->region,
			       begin + size);
	if (room == NULL) {
		mqci_arena_unroom(&session->arena, origin->call, origin->arena + session->region,
				  call->loans.used, begin + size);
		return refuse_loan(call, MQC_RESOURCE_EXHAUSTED,
				   "it cannot be mapped, or /dev/shm is full; use "
				   "mqc_call_alloc()");
	}
	call->loans.room = room;
	call->loans.used = begin + size;
	call->bulk += size;
	return room + begin;
}

/* Where in a range of memory bytes are; false: not in it, or not all. */
static bool is_in(const uint8_t *from, size_t room, const void *memory, size_t size,
		  uint64_t *ret_offset)
{
	const uintptr_t at = (uintptr_t)memory, begin = (uintptr_t)from;

	if (from == NULL || at < begin || at - begin > room || size > room - (at - begin))
		return false;
	*ret_offset = at - begin;
	return true;
}

static bool find_answered(void *data, const void *memory, size_t size, uint64_t *ret_offset)
{
	mqc_call *call = data;
	const mqci_origin *origin = &call->origin;
	const mqci_references *request = call->loans.request;
	uint64_t at;

	if (is_in(call->loans.room, call->loans.used, memory, size, &at)) {
		if (at + size > call->loans.referred)
			call->loans.referred = at + size;
		*ret_offset = origin->arena + origin->session->region + at;
		return true;
	}
	for (unsigned i = 0; request != NULL && i < request->n; i++)
		if (is_in(call->loans.at[i], (size_t)request->all[i].size, memory, size, &at)) {
			*ret_offset = request->all[i].offset + at;
			return true;
		}
	return false;
}

mqci_lent *mqci_loan_answer(mqc_call *call, const ProtobufCMessage *reply)
{
	mqci_lent *lent = NULL;

	call->loans.referred = 0;
	if (call->loans.request != NULL || call->loans.room != NULL)
		lent = mqci_loan_lend(reply, find_answered, call);
	if (lent == NULL)
		call->loans.referred = 0;
	return lent;
}

void mqci_loan_give_back(mqc_call *call)
{
	mqci_session *session = call->origin.session;

	if (call->loans.used > call->loans.referred)
		mqci_arena_unroom(&session->arena, call->origin.call,
				  call->origin.arena + session->region, call->loans.referred,
				  call->loans.used);
}
