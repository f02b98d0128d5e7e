/*
 * check_loan.c - tests of runtime/loan.h and of loans in mqcall.h: bytes that cross without a copy.
 */
#include "loan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "forge.h"
#include "people.h"
#include "support.h"
#include "things.h"

#define SIZE ((size_t)1 << 20)

/* -------------------------------------------------------------- messages -- */

static uint8_t memory[4096];

static bool find_in_memory(void *data, const void *bytes, size_t size, uint64_t *ret_offset)
{
	const uint8_t *at = bytes;

	(void)data;
	if (at < memory || at + size > memory + sizeof memory)
		return false;
	*ret_offset = (uint64_t)(at - memory);
	return true;
}

static int get_from_memory(void *data, const mqci_reference *reference, uint8_t **ret_memory)
{
	int *left = data;

	if (--*left < 0)
		return MQC_RESOURCE_EXHAUSTED;
	*ret_memory = memory + reference->offset;
	return MQC_OK;
}

static ProtobufCBinaryData bytes_at(size_t offset, size_t size)
{
	return (ProtobufCBinaryData){.data = memory + offset, .len = size};
}

/* Pack and unpack what is sent instead of a message. */
static Shapes__Parcel *carry(const mqci_lent *lent)
{
	const ProtobufCMessage *message = mqci_lent_message(lent);
	uint8_t packed[256];
	size_t size = protobuf_c_message_get_packed_size(message);
	Shapes__Parcel *parcel;

	ck_assert_uint_le(size, sizeof packed);
	(void)protobuf_c_message_pack(message, packed);
	parcel = shapes__parcel__unpack(NULL, size, packed);
	ck_assert_ptr_nonnull(parcel);
	return parcel;
}

START_TEST(fields_that_cross)
{
	Shapes__Parcel parcel, *got;
	int left = 8;
	mqci_lent *lent;

	shapes__parcel__init(&parcel);
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
	parcel.plain = bytes_at(0, 1000);
	parcel.either_case = SHAPES__PARCEL__EITHER_CHOSEN;
	parcel.chosen = bytes_at(1000, 300);
	lent = mqci_loan_lend(&parcel.base, find_in_memory, NULL);
	ck_assert_ptr_nonnull(lent);
	ck_assert_uint_eq(lent->references.n, 2);
	/* The message of the program is as it was. */
	ck_assert_uint_eq(parcel.plain.len, 1000);
	got = carry(lent);
	support_ok(mqci_loan_attach(&lent->references, &got->base, get_from_memory, &left));
	ck_assert_ptr_eq(got->plain.data, memory);
	ck_assert_uint_eq(got->plain.len, 1000);
	ck_assert_int_eq(got->either_case, SHAPES__PARCEL__EITHER_CHOSEN);
	ck_assert_ptr_eq(got->chosen.data, memory + 1000);
	ck_assert_uint_eq(got->chosen.len, 300);
	got->plain = got->chosen = (ProtobufCBinaryData){0};
	shapes__parcel__free_unpacked(got, NULL);
	free(lent);
}
END_TEST

START_TEST(fields_that_do_not)
{
	ProtobufCBinaryData many[2] = {bytes_at(0, 1000), bytes_at(0, 1000)};
	Shapes__Parcel parcel;
	Shapes__Text inner;
	uint8_t elsewhere[1000];

	shapes__parcel__init(&parcel);
	shapes__text__init(&inner);
	parcel.many = many;
	parcel.n_many = 2;
	inner.data = bytes_at(0, 1000);
	parcel.inner = &inner;
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
	parcel.plain = (ProtobufCBinaryData){.data = elsewhere, .len = sizeof elsewhere};
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
	parcel.plain = bytes_at(0, MQCI_LOAN_WORTH - 1);
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
	parcel.plain = bytes_at(sizeof memory - 300, 301);
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
	parcel.plain.len = 0;
	/* Of a oneof, it must be the one. */
	parcel.chosen = bytes_at(0, 1000);
	ck_assert_ptr_null(mqci_loan_lend(&parcel.base, find_in_memory, NULL));
}
END_TEST

START_TEST(references_that_do_not_fit)
{
	static const uint32_t bad[] = {2, 3, 4, 5};
	mqci_references references = {.n = 1, .all = {{.field = 1, .size = 300}}};
	Shapes__Parcel parcel;
	int left = 0;

	shapes__parcel__init(&parcel);
	support_fails(mqci_loan_attach(&references, &parcel.base, get_from_memory, &left),
		      MQC_RESOURCE_EXHAUSTED);
	ck_assert_uint_eq(parcel.plain.len, 0);
	left = 100;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		references.all[0].field = bad[i];
		support_fails(mqci_loan_attach(&references, &parcel.base, get_from_memory, &left),
			      MQC_INTERNAL);
	}
	/* What came otherwise is not overwritten. */
	references.all[0].field = 1;
	parcel.plain = bytes_at(0, 1);
	support_fails(mqci_loan_attach(&references, &parcel.base, get_from_memory, &left),
		      MQC_INTERNAL);
	/* Unknown fields are none of ours. */
	references.all[0].field = 77;
	support_ok(mqci_loan_attach(&references, &parcel.base, get_from_memory, &left));
	ck_assert_int_eq(left, 100);
}
END_TEST

/* ----------------------------------------------------------------- calls -- */

static const char *endpoint;
static struct peer server;
static mqc_client *client;

static void begin(const mqc_client_options *options)
{
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals threads=2");
	support_ok(mqc_client_open(endpoint, options, &client));
}

static void end(void)
{
	mqc_client_close(client);
	peer_stop(&server);
}

static uint8_t *borrow(size_t size, int fill)
{
	void *loan = NULL;

	support_ok(mqc_loan(client, size, &loan));
	memset(loan, fill, size);
	return loan;
}

static size_t memory_of_client(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(client->arena.segment.fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

static bool is_in_place(const void *bytes)
{
	return mqci_arena_has(&client->arena, bytes);
}

static bool is_all(const ProtobufCBinaryData *data, size_t size, int byte)
{
	for (size_t i = 0; i < data->len; i++)
		if (data->data[i] != byte)
			return false;
	return data->len == size;
}

static Shapes__Text *call_echo(const void *bytes, size_t size, ProtobufCAllocator *allocator)
{
	Shapes__Text request;
	char text[] = "with it";
	ProtobufCMessage *reply = NULL;

	shapes__text__init(&request);
	request.text = text;
	request.data.len = size;
	memcpy(&request.data.data, &bytes, sizeof bytes);
	support_ok(mqc_client_call(client, &things_methods[THINGS_ECHO], NULL, &request.base,
				   allocator, &reply));
	ck_assert_str_eq(((Shapes__Text *)(void *)reply)->text, "with it");
	return (Shapes__Text *)(void *)reply;
}

static int call_lend(int64_t size, ProtobufCAllocator *allocator, Shapes__Text **ret_reply)
{
	Shapes__Number request;
	ProtobufCMessage *reply = NULL;
	int r;

	shapes__number__init(&request);
	request.value = size;
	r = mqc_client_call(client, &things_methods[THINGS_LEND], NULL, &request.base, allocator,
			    &reply);
	if (r == MQC_OK)
		*ret_reply = (Shapes__Text *)(void *)reply;
	return r;
}

START_TEST(passed_through)
{
	static const size_t offsets[] = {0, 1, SIZE / 2, SIZE - 256};
	ProtobufCAllocator *loans;
	Shapes__Text *reply = NULL;
	uint8_t *loan;

	begin(NULL);
	loans = mqc_client_loans(client);
	ck_assert_ptr_eq(loans, mqc_client_loans(client));
	loan = borrow(SIZE, 'p');
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		uint8_t *at = loan + offsets[i];
		const size_t size = SIZE - offsets[i];

		reply = call_echo(at, size, loans);
		ck_assert_ptr_eq(reply->data.data, at);
		ck_assert(is_all(&reply->data, size, 'p'));
		shapes__text__free_unpacked(reply, loans);
		/* Who does not ask for it has a copy of its own. */
		reply = call_echo(at, size, NULL);
		ck_assert(!is_in_place(reply->data.data));
		ck_assert(is_all(&reply->data, size, 'p'));
		shapes__text__free_unpacked(reply, NULL);
	}
	/* The message can outlive the loan. */
	reply = call_echo(loan, SIZE, loans);
	mqc_loan_return(client, loan);
	ck_assert_ptr_ne(borrow(SIZE, 'q'), loan);
	ck_assert(is_all(&reply->data, SIZE, 'p'));
	shapes__text__free_unpacked(reply, loans);
	end();
}
END_TEST

START_TEST(no_more_memory_than_it_takes)
{
	mqc_client_options options = {.memory_kept = 1};
	ProtobufCAllocator *loans;
	Shapes__Text *reply = NULL;
	uint8_t *loan;

	begin(&options);
	loans = mqc_client_loans(client);
	for (int i = 0; i < 40; i++) {
		loan = borrow(SIZE, i);
		reply = call_echo(loan, SIZE, loans);
		if (i % 2)
			mqc_loan_return(client, loan);
		shapes__text__free_unpacked(reply, loans);
		if (i % 2 == 0)
			mqc_loan_return(client, loan);
		mqc_loan_return(client, NULL);
		support_ok(call_lend((int64_t)SIZE, loans, &reply));
		ck_assert(is_in_place(reply->data.data));
		ck_assert(is_all(&reply->data, SIZE, 'l'));
		shapes__text__free_unpacked(reply, loans);
		support_ok(call_lend(-(int64_t)SIZE, NULL, &reply));
		ck_assert(is_all(&reply->data, SIZE + 1, 0));
		shapes__text__free_unpacked(reply, NULL);
		if (i % 10 == 0)
			support_fails(call_lend(-(int64_t)client->payload_max, NULL, &reply),
				      MQC_RESOURCE_EXHAUSTED);
		ck_assert_uint_le(memory_of_client(), 4 * 4096);
	}
	ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 0);
	end();
}
END_TEST

START_TEST(what_is_elsewhere_is_copied)
{
	ProtobufCAllocator *loans;
	mqc_client *other = NULL;
	Shapes__Text *reply = NULL;
	void *theirs;
	uint8_t *loan, *plain = calloc(1, 5000);

	begin(NULL);
	ck_assert_ptr_nonnull(plain);
	loans = mqc_client_loans(client);
	loan = borrow(5000, 'c');
	support_ok(mqc_client_open(endpoint, NULL, &other));
	support_ok(mqc_loan(other, 5000, &theirs));
	memset(theirs, 't', 5000);
	reply = call_echo(plain, 5000, loans);
	ck_assert(!is_in_place(reply->data.data));
	shapes__text__free_unpacked(reply, loans);
	/* Another client's, small ones, and what reaches beyond the loan. */
	reply = call_echo(theirs, 5000, loans);
	ck_assert(is_all(&reply->data, 5000, 't'));
	ck_assert(!is_in_place(reply->data.data));
	shapes__text__free_unpacked(reply, loans);
	reply = call_echo(loan, 255, loans);
	ck_assert(is_all(&reply->data, 255, 'c'));
	ck_assert(!is_in_place(reply->data.data));
	shapes__text__free_unpacked(reply, loans);
	reply = call_echo(loan + 1, 5000, loans);
	ck_assert(!is_in_place(reply->data.data));
	shapes__text__free_unpacked(reply, loans);
	mqc_loan_return(client, loan);
	mqc_loan_return(other, theirs);
	mqc_client_close(other);
	free(plain);
	end();
}
END_TEST

/* What a reply brought goes on in the next request. */
START_TEST(a_reply_handed_on)
{
	ProtobufCAllocator *loans;
	Shapes__Text *first = NULL, *second;

	begin(NULL);
	loans = mqc_client_loans(client);
	support_ok(call_lend((int64_t)SIZE, loans, &first));
	ck_assert_ptr_nonnull(first);
	second = call_echo(first->data.data + 10, SIZE - 10, loans);
	ck_assert_ptr_eq(second->data.data, first->data.data + 10);
	shapes__text__free_unpacked(first, loans);
	ck_assert(is_all(&second->data, SIZE - 10, 'l'));
	shapes__text__free_unpacked(second, loans);
	end();
}
END_TEST

/* Whether they are worth it or not, the caller gets what was put there. */
START_TEST(small_replies)
{
	ProtobufCAllocator *loans;
	Shapes__Text *reply = NULL;

	begin(NULL);
	loans = mqc_client_loans(client);
	for (int size = 254; size <= 257; size++) {
		support_ok(call_lend(size, loans, &reply));
		ck_assert_ptr_nonnull(reply);
		ck_assert(is_all(&reply->data, (size_t)size, 'l'));
		ck_assert_int_eq(is_in_place(reply->data.data), size >= 256);
		shapes__text__free_unpacked(reply, loans);
	}
	end();
}
END_TEST

START_TEST(replies_that_are_kept)
{
	enum {
		COUNT = 1100
	};
	static Shapes__Text *replies[COUNT];
	ProtobufCAllocator *loans;
	unsigned in_place = 0;
	void *loan;

	begin(NULL);
	loans = mqc_client_loans(client);
	for (int round = 0; round < 2; round++) {
		in_place = 0;
		for (int i = 0; i < COUNT; i++) {
			support_ok(call_lend(4096 + i, loans, &replies[i]));
			in_place += is_in_place(replies[i]->data.data);
			/* While it is kept, nothing else comes there. */
			memset(replies[i]->data.data, i % 251, replies[i]->data.len);
		}
		ck_assert_uint_eq(in_place, MQCI_LOANS_MAX);
		support_fails(mqc_loan(client, 1, &loan), MQC_RESOURCE_EXHAUSTED);
		support_error_has("1024");
		for (int i = 0; i < COUNT; i++) {
			ck_assert(is_all(&replies[i]->data, 4096 + (size_t)i, i % 251));
			shapes__text__free_unpacked(replies[i], loans);
		}
		ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 0);
	}
	end();
}
END_TEST

START_TEST(limits)
{
	const mqc_client_options options = {.payload_max = 1 << 16, .loan_max = 100000};
	void *first, *loan = NULL;
	Shapes__Text *reply = NULL;

	begin(&options);
	support_fails(mqc_loan(client, 0, &loan), MQC_INVALID_ARGUMENT);
	support_fails(mqc_loan(client, (1 << 16) + 1, &loan), MQC_RESOURCE_EXHAUSTED);
	support_error_has("payload_max");
	support_ok(mqc_loan(client, 1 << 16, &first));
	support_fails(mqc_loan(client, 50000, &loan), MQC_RESOURCE_EXHAUSTED);
	support_error_has("loan_max");
	ck_assert_ptr_null(loan);
	mqc_loan_return(client, first);
	support_ok(mqc_loan(client, 50000, &loan));
	mqc_loan_return(client, loan);
	/* The handler's. */
	support_ok(call_lend(1 << 16, NULL, &reply));
	shapes__text__free_unpacked(reply, NULL);
	support_fails(call_lend((1 << 16) + 1, NULL, &reply), MQC_RESOURCE_EXHAUSTED);
	support_error_has("payload_max");
	support_fails(call_lend(0, NULL, &reply), MQC_INVALID_ARGUMENT);
	end();
}
END_TEST

/* The sum that THINGS_KEEP gives, some time after it was started. */
static mqc_pending *start_keep(const uint8_t *bytes, size_t size, char *ms)
{
	Shapes__Text request;
	mqc_pending *pending;

	shapes__text__init(&request);
	request.text = ms;
	request.data.len = size;
	memcpy(&request.data.data, &bytes, sizeof bytes);
	support_ok(mqc_client_start(client, &things_methods[THINGS_KEEP], NULL, &request.base, NULL,
				    NULL, &pending));
	return pending;
}

START_TEST(a_loan_returned_under_a_call)
{
	ProtobufCMessage *reply;
	char ms[] = "150", at_once[] = "0";
	mqc_pending *pending;
	uint8_t *loan;

	begin(NULL);
	loan = borrow(SIZE, 3);
	pending = start_keep(loan, SIZE, ms);
	mqc_loan_return(client, loan);
	ck_assert_ptr_ne(borrow(SIZE, 4), loan);
	support_ok(mqc_pending_finish(pending, NULL, &reply));
	ck_assert_int_eq(((Shapes__Number *)(void *)reply)->value, 3 * (int64_t)SIZE);
	shapes__number__free_unpacked((Shapes__Number *)(void *)reply, NULL);
	/* Then it is to be had again. */
	ck_assert_ptr_eq(borrow(SIZE, 5), loan);

	/* The same for one that is given up, and whose handler goes on. */
	pending = start_keep(loan, SIZE, ms);
	support_ok(mqc_client_flush(client));
	mqc_loan_return(client, loan);
	mqc_pending_drop(pending);
	ck_assert_ptr_ne(borrow(SIZE, 6), loan);
	/* And many at once with the same. */
	loan = borrow(SIZE, 1);
	for (int i = 0; i < 20; i++) {
		mqc_pending *all[10];

		for (int j = 0; j < 10; j++)
			all[j] = start_keep(loan, SIZE / 16, at_once);
		for (int j = 0; j < 10; j++) {
			support_ok(mqc_pending_finish(all[j], NULL, &reply));
			ck_assert_int_eq(((Shapes__Number *)(void *)reply)->value, SIZE / 16);
			protobuf_c_message_free_unpacked(reply, NULL);
		}
	}
	end();
}
END_TEST

/* On a thread of its own: the sum that THINGS_KEEP gives. */
static void *call_keep(void *loan)
{
	char at_once[] = "0";
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	int64_t *sum = malloc(sizeof *sum);

	shapes__text__init(&request);
	request.text = at_once;
	request.data = (ProtobufCBinaryData){.data = loan, .len = SIZE};
	support_ok(mqc_client_call(client, &things_methods[THINGS_KEEP], NULL, &request.base, NULL,
				   &reply));
	ck_assert_ptr_nonnull(sum);
	*sum = ((Shapes__Number *)(void *)reply)->value;
	protobuf_c_message_free_unpacked(reply, NULL);
	return sum;
}

static bool is_there_a_line(void *data)
{
	bool any;

	(void)data;
	(void)pthread_mutex_lock(&client->waiters.lock);
	any = client->waiters.line != NULL;
	(void)pthread_mutex_unlock(&client->waiters.lock);
	return any;
}

/* The call has not begun, as another has the window; and what is lent next is other memory. */
START_TEST(a_loan_returned_under_a_call_that_waits)
{
	const mqc_client_options options = {.window = 1};
	mqc_pending *first;
	pthread_t thread;
	uint8_t *loan;
	void *sum;

	begin(&options);
	for (int again = 0; again < 2; again++) {
		loan = borrow(SIZE, 3);
		peer_freeze(&server);
		support_ok(things_start(client, THINGS_COUNT, NULL, 1, NULL, NULL, &first));
		ck_assert_int_eq(pthread_create(&thread, NULL, call_keep, loan), 0);
		ck_assert(support_wait_for(is_there_a_line, NULL));
		mqc_loan_return(client, loan);
		if (again)
			mqc_loan_return(client, borrow(SIZE, 4));
		peer_thaw(&server);
		ck_assert_int_eq(pthread_join(thread, &sum), 0);
		ck_assert_int_eq(*(int64_t *)sum, 3 * (int64_t)SIZE);
		free(sum);
		(void)support_finish(first);
		ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 0);
	}
	end();
}
END_TEST

/* The same if it does not come so far. */
START_TEST(a_loan_of_a_call_that_fails)
{
	const mqc_client_options options = {.window = 1, .no_wait = true};
	char at_once[] = "0";
	ProtobufCMessage *reply = NULL;
	Shapes__Text request;
	mqc_pending *first, *none;
	uint8_t *loan;

	begin(&options);
	loan = borrow(SIZE, 3);
	shapes__text__init(&request);
	request.text = at_once;
	request.data = (ProtobufCBinaryData){.data = loan, .len = SIZE};
	peer_freeze(&server);
	support_ok(things_start(client, THINGS_COUNT, NULL, 1, NULL, NULL, &first));
	support_fails(mqc_client_call(client, &things_methods[THINGS_KEEP], NULL, &request.base,
				      NULL, &reply),
		      MQC_RESOURCE_EXHAUSTED);
	support_fails(mqc_client_start(client, &things_methods[THINGS_KEEP], NULL, &request.base,
				       NULL, NULL, &none),
		      MQC_RESOURCE_EXHAUSTED);
	peer_thaw(&server);
	(void)support_finish(first);
	mqc_loan_return(client, loan);
	ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 0);
	end();
}
END_TEST

/* The reply that comes is another one than the client knows of. */
START_TEST(a_reply_of_another_type)
{
	mqc_method method = things_methods[THINGS_LEND];
	ProtobufCMessage *reply = NULL;
	Shapes__Number request;

	begin(NULL);
	method.reply = &shapes__pair__descriptor;
	method.reply_fields = NULL;
	shapes__number__init(&request);
	request.value = 5000;
	support_fails(mqc_client_call(client, &method, NULL, &request.base, NULL, &reply),
		      MQC_INTERNAL);
	support_error_has("shapes.Pair");
	ck_assert(mqc_error_last()->maybe_executed);
	ck_assert_ptr_null(reply);
	end();
}
END_TEST

START_TEST(loans_outlive_the_server)
{
	const mqc_client_options options = {.wait_for_server = true};
	ProtobufCAllocator *loans;
	Shapes__Text *kept = NULL, *reply;
	uint8_t *loan;

	begin(&options);
	loans = mqc_client_loans(client);
	loan = borrow(SIZE, 'o');
	support_ok(call_lend(5000, loans, &kept));
	ck_assert_ptr_nonnull(kept);
	for (int i = 0; i < 3; i++) {
		if (i % 2)
			peer_stop(&server);
		else
			peer_kill(&server);
		server = peer_start(endpoint, "signals threads=2");
		reply = call_echo(loan, SIZE, loans);
		ck_assert_ptr_eq(reply->data.data, loan);
		ck_assert(is_all(&reply->data, SIZE, 'o'));
		shapes__text__free_unpacked(reply, loans);
		ck_assert(is_all(&kept->data, 5000, 'l'));
	}
	shapes__text__free_unpacked(kept, loans);
	mqc_loan_return(client, loan);
	end();
}
END_TEST

struct inherited {
	Shapes__Text *reply;
	uint8_t *loan;
};

static int use_in_child(void *data)
{
	const struct inherited *inherited = data;
	void *loan;

	if (mqc_loan(client, 1000, &loan) != MQC_FAILED_PRECONDITION)
		return 10;
	if (!is_all(&inherited->reply->data, 5000, 'l') || inherited->loan[999] != 'f')
		return 11;
	shapes__text__free_unpacked(inherited->reply, mqc_client_loans(client));
	mqc_loan_return(client, inherited->loan);
	mqc_client_close(client);
	return 0;
}

START_TEST(a_child_of_fork)
{
	struct inherited inherited = {.loan = NULL};

	begin(NULL);
	inherited.loan = borrow(1000, 'f');
	support_ok(call_lend(5000, mqc_client_loans(client), &inherited.reply));
	ck_assert_ptr_nonnull(inherited.reply);
	ck_assert_int_eq(support_in_child(use_in_child, &inherited), 0);
	/* The parent's are as they were. */
	ck_assert(is_all(&inherited.reply->data, 5000, 'l'));
	ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 2);
	shapes__text__free_unpacked(inherited.reply, mqc_client_loans(client));
	mqc_loan_return(client, inherited.loan);
	end();
}
END_TEST

/* ---------------------------------------------------------- other users -- */

/* With a server of somebody else: all is copied, and nobody can tell. */
static int call_other_user(void *data)
{
	const bool is_root = *(const bool *)data;
	Shapes__Text *reply = NULL;
	uint8_t *loan;

	support_ok(mqc_client_open(endpoint, NULL, &client));
	loan = borrow(SIZE, 'u');
	/* That of root may use our memory where it lies; it copies all the same. */
	ck_assert_int_eq(is_in_place(loan), is_root);
	for (int i = 0; i < 3; i++) {
		reply = call_echo(loan + i, SIZE - (size_t)i, mqc_client_loans(client));
		ck_assert(is_all(&reply->data, SIZE - (size_t)i, 'u'));
		shapes__text__free_unpacked(reply, mqc_client_loans(client));
		support_fails(call_lend(5000, NULL, &reply), MQC_FAILED_PRECONDITION);
		support_error_has("another user");
	}
	mqc_loan_return(client, loan);
	mqc_client_close(client);
	return 0;
}

START_TEST(servers_of_other_users)
{
	const mqc_server_options options = {.access = MQC_ACCESS_PUBLIC, .stop_on_signals = true};
	struct person owner, caller;
	bool is_root = false;

	if (!people_possible())
		return;
	owner = person(1);
	caller = person(3);
	endpoint = support_endpoint();
	server = person_serves(&owner, endpoint, &options);
	ck_assert_int_eq(person_does(&caller, call_other_user, &is_root), 0);
	peer_stop(&server);
	endpoint = support_endpoint();
	server = peer_start(endpoint, "signals access=2");
	is_root = true;
	ck_assert_int_eq(person_does(&caller, call_other_user, &is_root), 0);
	peer_stop(&server);
}
END_TEST

/* --------------------------------------------------------------- forgeries -- */

/* What becomes of a request to echo with these references in front. */
static int forge(struct forger *forger, const mqci_references *references, size_t size)
{
	uint8_t payload[512] = {0};
	mqci_frame frame = {
		.type = MQCI_REQUEST,
		.flags = MQCI_FRAME_REFERS,
		.call = ++forger->calls << 16,
		.code = things_methods[THINGS_ECHO].id,
		.deadline = INT64_MAX,
		.payload = payload,
		.size = size,
	};

	memcpy(payload, references, size < sizeof *references ? size : sizeof *references);
	forger_send(forger, frame);
	ck_assert(forger_receive(forger, 10000, &frame));
	return (int)(int64_t)frame.code;
}

START_TEST(references_that_are_forged)
{
	const mqci_reference good = {.field = 2, .offset = 0, .size = 8};
	mqci_references references = {.n = 1, .all = {good}};
	const size_t one = mqci_references_space(1);
	struct forger forger;

	begin(NULL);
	forger_join(&forger, endpoint, 901, 4);
	/* A forger has no shared memory, so that nothing is where it is said to be. */
	ck_assert_int_eq(forge(&forger, &references, one), MQC_INVALID_ARGUMENT);
	for (size_t size = 0; size < one; size++)
		ck_assert_int_eq(forge(&forger, &references, size), MQC_INVALID_ARGUMENT);
	references.n = 9;
	ck_assert_int_eq(forge(&forger, &references, 300), MQC_INVALID_ARGUMENT);
	forger_close(&forger);
	end();
}
END_TEST

/* The client sends what its library would not; gives the status of the answer. */
static int lie(uint32_t field, uint64_t offset, uint64_t size)
{
	const mqci_references references = {
		.n = 1, .all = {{.field = field, .offset = offset, .size = size}}};
	uint8_t message[1024], payload[64];
	mqci_frame frame = {
		.type = MQCI_REQUEST,
		.flags = MQCI_FRAME_REFERS,
		.session = client->session,
		.key = client->waiters.key,
		.call = UINT64_C(0x77770005),
		.code = things_methods[THINGS_KEEP].id,
		.deadline = INT64_MAX,
		.arena = mqci_arena_place(&client->arena, 5),
		.payload = payload,
		.size = mqci_references_space(1),
	};
	const uint8_t *at = message;
	size_t left;
	ssize_t got;

	mqci_references_encode(&references, payload);
	ck_assert_int_eq(
		mqci_queue_send(&client->requests, message, mqci_frame_encode(&frame, message), 0),
		1);
	got = mqci_queue_receive(&client->waiters.replies, message, sizeof message);
	ck_assert_int_gt(got, 0);
	left = (size_t)got;
	ck_assert_int_eq(mqci_frame_decode(&at, &left, &frame), MQCI_FRAME_OK);
	return (int)(int64_t)frame.code;
}

START_TEST(references_that_are_lies)
{
	uint64_t place, end_of_file;
	struct stat status;

	begin(NULL);
	place = mqci_arena_place(&client->arena, 5);
	ck_assert_int_eq(fstat(client->arena.segment.fd, &status), 0);
	end_of_file = (uint64_t)status.st_size;
	ck_assert_int_eq(lie(2, place, 5000), MQC_OK);
	ck_assert_int_eq(lie(2, end_of_file - 5000, 5000), MQC_OK);
	/* It is the client's own memory, all of it. */
	ck_assert_int_eq(lie(2, 0, 300), MQC_OK);
	ck_assert_int_eq(lie(77, place, 5000), MQC_OK);
	ck_assert_int_eq(lie(2, end_of_file - 4999, 5000), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(2, end_of_file, 1), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(2, UINT64_MAX - 300, 300), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(2, UINT64_MAX, 300), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(1, place, 5000), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(2, place, 0), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(0, place, 1), MQC_INVALID_ARGUMENT);
	ck_assert_int_eq(lie(2, place, UINT64_MAX - place), MQC_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(lie(2, place, (16 << 20) + 1), MQC_RESOURCE_EXHAUSTED);
	end();
}
END_TEST

/* A reply whose references say what is not so; or what is. */
static int get_reply(uint64_t offset, uint64_t size, ProtobufCAllocator *allocator)
{
	const mqci_references references = {.n = 1,
					    .all = {{.field = 2, .offset = offset, .size = size}}};
	const mqci_waiter waiter = {.call = 0x10005, .place = mqci_arena_place(&client->arena, 5)};
	mqci_lent lent = {.references = {.n = 1}};
	Shapes__Text *reply = malloc(sizeof *reply);
	int r;

	ck_assert_ptr_nonnull(reply);
	shapes__text__init(reply);
	/* The request referred to 1000 bytes in the berth of another slot. */
	lent.references.all[0] = (mqci_reference){
		.field = 2, .offset = mqci_arena_place(&client->arena, 7) + 100, .size = 1000};
	r = mqci_loan_of_reply(client, &waiter, &lent, &references, allocator, &reply->base);
	ck_assert_int_eq(r == MQC_OK, reply->data.len > 0);
	shapes__text__free_unpacked(reply, allocator);
	return r;
}

START_TEST(replies_that_are_lies)
{
	uint64_t place, region, lent;

	begin(NULL);
	place = mqci_arena_place(&client->arena, 5);
	lent = mqci_arena_place(&client->arena, 7) + 100;
	region = client->arena.region;
	for (int i = 0; i < 2; i++) {
		ProtobufCAllocator *allocator = i == 0 ? NULL : mqc_client_loans(client);

		ck_assert_int_eq(get_reply(lent, 1000, allocator), MQC_OK);
		ck_assert_int_eq(get_reply(lent + 999, 1, allocator), MQC_OK);
		ck_assert_int_eq(get_reply(lent + 999, 2, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(lent - 1, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(place, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(place + 2 * region - 4, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(place + 2 * region, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(UINT64_MAX - 5, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(0, 5, allocator), MQC_INTERNAL);
		ck_assert_int_eq(get_reply(place + region, 500, allocator), MQC_OK);
	}
	/* The last one was kept, and is free again: the slot has got another berth. */
	ck_assert_uint_ne(mqci_arena_place(&client->arena, 5), place);
	ck_assert_uint_eq(mqci_berths_loans(client->arena.berths), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan");
	TCase *tests;

	tests = support_case(suite, "messages");
	tcase_add_test(tests, fields_that_cross);
	tcase_add_test(tests, fields_that_do_not);
	tcase_add_test(tests, references_that_do_not_fit);

	tests = support_case(suite, "calls");
	tcase_add_test(tests, passed_through);
	tcase_add_test(tests, no_more_memory_than_it_takes);
	tcase_add_test(tests, what_is_elsewhere_is_copied);
	tcase_add_test(tests, a_reply_handed_on);
	tcase_add_test(tests, small_replies);
	tcase_add_test(tests, replies_that_are_kept);
	tcase_add_test(tests, limits);
	tcase_add_test(tests, a_loan_returned_under_a_call);
	tcase_add_test(tests, a_loan_returned_under_a_call_that_waits);
	tcase_add_test(tests, a_loan_of_a_call_that_fails);
	tcase_add_test(tests, a_reply_of_another_type);
	tcase_add_test(tests, loans_outlive_the_server);
	tcase_add_test(tests, a_child_of_fork);
	tcase_add_test(tests, servers_of_other_users);

	tests = support_case(suite, "forgeries");
	tcase_add_test(tests, references_that_are_forged);
	tcase_add_test(tests, references_that_are_lies);
	tcase_add_test(tests, replies_that_are_lies);
	return support_run(suite);
}
