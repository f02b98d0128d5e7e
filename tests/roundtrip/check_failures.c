/*
 * check_failures.c - what goes wrong, what is not wanted, what nobody set; and a client in C++.
 */
#include <stdlib.h>
#include <string.h>

#include "cxx_client.h"
#include "failures.mqc.h"
#include "legacy.mqc.h"
#include "session.h"
#include "tests/support.h"

static mqc_client *client;

/* ---------------------------------------------- the outputs of EverySort -- */

struct outputs {
	int64_t number;
	bool has_flag, flag;
	char *text;
	uint8_t *data;
	size_t data_len;
	Rt__FlatSort *part;
	double *numbers;
	size_t n_numbers;
	char **texts;
	size_t n_texts;
	Rt__FlatSort **parts;
	size_t n_parts;
};

/* A place that no output can have come from. */
static const char nowhere[64];

static void poison(struct outputs *outputs)
{
	memset(outputs, 0, sizeof *outputs);
	memset(&outputs->number, 0x5a, sizeof outputs->number);
	outputs->has_flag = outputs->flag = true;
	memcpy(&outputs->text, &(const char *){nowhere + 1}, sizeof outputs->text);
	memcpy(&outputs->data, &(const char *){nowhere + 2}, sizeof outputs->data);
	outputs->data_len = 77;
	memcpy(&outputs->part, &(const char *){nowhere + 8}, sizeof outputs->part);
	memcpy(&outputs->numbers, &(const char *){nowhere + 16}, sizeof outputs->numbers);
	outputs->n_numbers = 78;
	memcpy(&outputs->texts, &(const char *){nowhere + 24}, sizeof outputs->texts);
	outputs->n_texts = 79;
	memcpy(&outputs->parts, &(const char *){nowhere + 32}, sizeof outputs->parts);
	outputs->n_parts = 80;
}

typedef int fail_stub(mqc_client *client, int32_t code, const char *text, int64_t *ret_number,
		      bool *ret_has_flag, bool *ret_flag, char **ret_text, uint8_t **ret_data,
		      size_t *ret_data_len, Rt__FlatSort **ret_part, double **ret_numbers,
		      size_t *ret_n_numbers, char ***ret_texts, size_t *ret_n_texts,
		      Rt__FlatSort ***ret_parts, size_t *ret_n_parts);

static int call(fail_stub *stub, int32_t code, const char *text, struct outputs *out)
{
	return stub(client, code, text, &out->number, &out->has_flag, &out->flag, &out->text,
		    &out->data, &out->data_len, &out->part, &out->numbers, &out->n_numbers,
		    &out->texts, &out->n_texts, &out->parts, &out->n_parts);
}

/* Free them one by one, as the manual says. */
static void free_outputs(struct outputs *out)
{
	free(out->text);
	free(out->data);
	if (out->part != NULL)
		rt__flat_sort__free_unpacked(out->part, NULL);
	free(out->numbers);
	for (size_t i = 0; i < out->n_texts; i++)
		free(out->texts[i]);
	free(out->texts);
	for (size_t i = 0; i < out->n_parts; i++)
		rt__flat_sort__free_unpacked(out->parts[i], NULL);
	free(out->parts);
}

/* ----------------------------------------------------------- the errors -- */

/* With this status and this text a call is to fail, and is not to touch a thing. */
static void fails_with(fail_stub *stub, int32_t code, const char *text, int status)
{
	struct outputs before, after;

	poison(&before);
	poison(&after);
	support_fails(call(stub, code, text, &after), status);
	ck_assert_int_eq(mqc_error_last()->status, status);
	ck_assert_mem_eq(&before, &after, sizeof before);
}

static void flat_fails_with(int32_t code, const char *text, int status)
{
	bool has_maybe = true, flag = true;
	int64_t number = -99;
	double maybe = -9.5;

	support_fails(failures_fail_flat(client, code, text, &number, &has_maybe, &maybe, &flag),
		      status);
	ck_assert_int_eq(number, -99);
	ck_assert(maybe == -9.5 && has_maybe && flag);
}

static void messages_fail_with(int32_t code, const char *text, int status)
{
	Rt__FailRequest request;
	Rt__EverySort every, *ret_every = &every;
	Rt__WideSort wide, *ret_wide = &wide;
	char *copy = strdup(text);

	ck_assert_ptr_nonnull(copy);
	rt__fail_request__init(&request);
	request.code = code;
	request.text = copy;
	support_fails(failures_fail_msg(client, NULL, &request, &ret_every), status);
	ck_assert_ptr_eq(ret_every, &every);
	support_fails(failures_fail_wide_msg(client, NULL, &request, &ret_wide), status);
	ck_assert_ptr_eq(ret_wide, &wide);
	free(copy);
}

START_TEST(handlers_that_fail)
{
	static const struct {
		int32_t code;
		const char *text; /* what the handler says */
		int status;       /* what the caller gets, */
		const char *part; /* and what its text has in it */
	} cases[] = {
		{MQC_NOT_FOUND, "no such thing: \320\234\320\270\321\200", MQC_NOT_FOUND,
		 "no such thing: \320\234\320\270\321\200"},
		{MQC_CANCELLED, "100% cancelled %s %n", MQC_CANCELLED, "100% cancelled %s %n"},
		{MQC_UNAUTHENTICATED, "who?", MQC_UNAUTHENTICATED, "who?"},
		{MQC_UNIMPLEMENTED, "not yet", MQC_UNIMPLEMENTED, "not yet"},
		{MQC_DATA_LOSS, "", MQC_DATA_LOSS, "rt.Failures/Fail"},
	};

	client = session_begin(_i);
	for (size_t i = 0; i < COUNT(cases); i++) {
		fails_with(failures_fail, cases[i].code, cases[i].text, cases[i].status);
		support_error_has(cases[i].part);
		flat_fails_with(cases[i].code, cases[i].text, cases[i].status);
		support_error_has(cases[i].part);
		messages_fail_with(cases[i].code, cases[i].text, cases[i].status);
		support_error_has(cases[i].text);
	}
	/* Codes that are none. */
	fails_with(failures_fail, -1000, "", MQC_INTERNAL);
	fails_with(failures_fail, 5, "", MQC_INTERNAL);
	session_end(client);
}
END_TEST

START_TEST(handlers_that_are_missing)
{
	Rt__NoteRequest request;

	client = session_begin(_i);
	fails_with(failures_missing, 0, "", MQC_UNIMPLEMENTED);
	support_error_has("rt.Failures/Missing");
	rt__note_request__init(&request);
	/* Of a one-way method, nobody learns it. */
	support_ok(failures_missing_note(client, 1, ""));
	support_ok(failures_missing_note_msg(client, NULL, &request));
	session_end(client);
}
END_TEST

START_TEST(requests_that_are_incomplete)
{
	Rt__Legacy__Part part, *parts[] = {&part, NULL, &part};
	char *text = NULL;
	double number = -1;

	client = session_begin(_i);
	rt__legacy__part__init(&part);
	/* A required string, a required message, an element. */
	support_fails(legacy_required(client, 0, 0, false, RT__LEGACY__LEVEL__LOW, NULL, NULL, 0,
				      &part, &number, NULL, NULL, NULL, &text, NULL, NULL, NULL),
		      MQC_INVALID_ARGUMENT);
	support_error_has("rt.legacy.Legacy/Required");
	support_fails(legacy_required(client, 0, 0, false, RT__LEGACY__LEVEL__LOW, "", NULL, 0,
				      NULL, &number, NULL, NULL, NULL, &text, NULL, NULL, NULL),
		      MQC_INVALID_ARGUMENT);
	support_fails(legacy_repeated(client, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0,
				      (const Rt__Legacy__Part *const *)parts, COUNT(parts), NULL,
				      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
				      NULL, NULL, NULL),
		      MQC_INVALID_ARGUMENT);
	ck_assert(number == -1);
	ck_assert_ptr_null(text);
	session_end(client);
}
END_TEST

/* ---------------------------------------------------------- the outputs -- */

static void check_outputs(const struct outputs *out)
{
	ck_assert_int_eq(out->number, 42);
	ck_assert(out->has_flag && out->flag);
	ck_assert_str_eq(out->text, "text");
	ck_assert_uint_eq(out->data_len, 3);
	ck_assert_mem_eq(out->data, "\0\1\2", 3);
	ck_assert_int_eq(out->part->number, 7);
	ck_assert_uint_eq(out->n_numbers, 2);
	ck_assert(out->numbers[0] == 1.5 && out->numbers[1] == -2.5);
	ck_assert_uint_eq(out->n_texts, 2);
	ck_assert_str_eq(out->texts[1], "text");
	ck_assert_uint_eq(out->n_parts, 2);
	ck_assert_int_eq(out->parts[1]->number, 7);
}

START_TEST(outputs_are_the_callers)
{
	struct outputs out;

	client = session_begin(_i);
	poison(&out);
	support_ok(call(failures_fail, MQC_OK, "", &out));
	check_outputs(&out);
	free_outputs(&out);
	session_end(client);
}
END_TEST

/* Call with the outputs of these bits; the others are NULL. */
static void want(unsigned bits)
{
#define IF_WANTED(bit, output) ((bits >> (bit)&1) != 0 ? &out.output : NULL)
	struct outputs out;

	memset(&out, 0, sizeof out);
	support_ok(failures_fail(
		client, 0, "", IF_WANTED(0, number), IF_WANTED(1, has_flag), IF_WANTED(2, flag),
		IF_WANTED(3, text), IF_WANTED(4, data), IF_WANTED(5, data_len), IF_WANTED(6, part),
		IF_WANTED(7, numbers), IF_WANTED(8, n_numbers), IF_WANTED(9, texts),
		IF_WANTED(10, n_texts), IF_WANTED(11, parts), IF_WANTED(12, n_parts)));
	/* There are two of each, whether we were told or not. */
	out.n_texts = out.texts != NULL ? 2 : 0;
	out.n_parts = out.parts != NULL ? 2 : 0;
	free_outputs(&out);
}

START_TEST(outputs_that_are_not_wanted)
{
	const unsigned all = (1U << 13) - 1;

	client = session_begin(_i);
	want(0);
	for (unsigned bit = 1; bit < all; bit <<= 1) {
		want(bit);
		want(all & ~bit);
	}
	session_end(client);
}
END_TEST

START_TEST(outputs_that_nobody_set)
{
	Rt__EverySort *reply = NULL;
	struct outputs out;

	client = session_begin(_i);
	poison(&out);
	support_ok(failures_idle(client, &out.number, &out.has_flag, &out.flag, &out.text,
				 &out.data, &out.data_len, &out.part, &out.numbers, &out.n_numbers,
				 &out.texts, &out.n_texts, &out.parts, &out.n_parts));
	ck_assert_int_eq(out.number, 0);
	ck_assert(!out.has_flag && !out.flag);
	ck_assert_str_eq(out.text, "");
	ck_assert_uint_eq(out.data_len, 0);
	ck_assert_ptr_null(out.part);
	ck_assert_uint_eq(out.n_numbers + out.n_texts + out.n_parts, 0);
	free_outputs(&out);
	support_ok(failures_idle_msg(client, NULL, &reply));
	rt__every_sort__free_unpacked(reply, NULL);
	session_end(client);
}
END_TEST

START_TEST(defaults_that_nobody_set)
{
	Rt__Legacy__Level level = RT__LEGACY__LEVEL__LOW;
	size_t data_len = 0;
	uint8_t *data = NULL;
	char *text = NULL;
	float number = 0;
	int32_t whole = 0;
	bool flag = false;

	client = session_begin(_i);
	support_ok(
		legacy_untouched(client, &number, &whole, &flag, &level, &text, &data, &data_len));
	ck_assert(number == 1.5F);
	ck_assert_int_eq(whole, INT32_MIN);
	ck_assert(flag);
	ck_assert_int_eq(level, RT__LEGACY__LEVEL__HIGH);
	ck_assert_str_eq(text, "text");
	ck_assert_uint_eq(data_len, 5);
	ck_assert_mem_eq(data, "\0data", 5);
	free(text);
	free(data);
	session_end(client);
}
END_TEST

/* --------------------------------------------------------------- one way -- */

START_TEST(one_way_methods)
{
	Rt__NoteRequest request;
	int64_t notes = 0, ticks = 0, sum = 0;
	char *last = NULL, text[] = "last";

	client = session_begin(_i);
	for (int i = 1; i <= 20; i++)
		support_ok(failures_note(client, i, "more"));
	rt__note_request__init(&request);
	request.number = -10;
	request.text = text;
	support_ok(failures_note_msg(client, NULL, &request));
	support_ok(failures_tick(client));
	support_ok(failures_tick_msg(client, NULL));
	support_ok(failures_noted(client, &notes, &ticks, &sum, &last));
	ck_assert_int_eq(notes, 21);
	ck_assert_int_eq(ticks, 2);
	ck_assert_int_eq(sum, 200);
	ck_assert_str_eq(last, "last");
	free(last);
	session_end(client);
}
END_TEST

START_TEST(a_client_in_cxx)
{
	const char *why;

	client = session_begin(_i);
	why = cxx_client_run(support_last_endpoint());
	ck_assert_msg(why == NULL, "%s: %s", why, mqc_error_last()->text);
	session_end(client);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("failures");
	TCase *tests;

	tests = support_case(suite, "failing");
	tcase_add_loop_test(tests, handlers_that_fail, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, handlers_that_are_missing, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, requests_that_are_incomplete, 0, SESSION_KINDS);

	tests = support_case(suite, "outputs");
	tcase_add_loop_test(tests, outputs_are_the_callers, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, outputs_that_are_not_wanted, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, outputs_that_nobody_set, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, defaults_that_nobody_set, 0, SESSION_KINDS);

	tests = support_case(suite, "other");
	tcase_add_loop_test(tests, one_way_methods, 0, SESSION_KINDS);
	tcase_add_loop_test(tests, a_client_in_cxx, 0, SESSION_KINDS);
	return support_run(suite);
}
