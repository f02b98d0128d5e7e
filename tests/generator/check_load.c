/*
 * check_load.c - tests of idl/load.c, check.c and the name pass, on descriptors
 * that no protoc would write: whatever the bytes, nothing but errors may come
 * of them.
 */
#include "idl/load.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "generator/emit.h"
#include "generator/plan.h"
#include "idl/check.h"

typedef Google__Protobuf__FileDescriptorSet set_proto;

/* All passes over a set, without writing anything. Returns the number of errors. */
static size_t compile_set(const uint8_t *bytes, size_t size)
{
	idl_diags diags = {0};
	set_proto *set = idl_parse_set(bytes, size, "set", &diags);
	size_t n_errors;

	if (set != NULL) {
		const char *name = set->n_file > 0 && set->file[0]->name != NULL
					   ? set->file[0]->name
					   : "none.proto";
		idl_model *model = idl_load(set->file, set->n_file, &name, 1, NULL, &diags);
		gen_plan *plan = NULL;

		if (diags.n_errors == 0) {
			idl_check(model, true, &diags);
			plan = gen_plan_new(model, &diags);
		}
		for (size_t i = 0; diags.n_errors == 0 && i < plan->n_files; i++) {
			const emit_options options = {.comments = true};
			const idl_text nothing = {0};
			idl_text text = {0};

			emit_header(&text, &plan->files[i], &options);
			emit_source(&text, &plan->files[i], &nothing);
			idl_text_done(&text);
		}
		gen_plan_free(plan);
		idl_model_free(model);
		google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
	}
	n_errors = diags.n_errors;
	idl_diags_done(&diags);
	return n_errors;
}

/* A file with a service, packed: proper until a test spoils it. */
static uint8_t *proper_set(size_t *ret_size)
{
	static Google__Protobuf__FieldDescriptorProto field, *fields[] = {&field};
	static Google__Protobuf__DescriptorProto message, *messages[] = {&message};
	static Google__Protobuf__MethodDescriptorProto method, *methods[] = {&method};
	static Google__Protobuf__ServiceDescriptorProto service, *services[] = {&service};
	static Google__Protobuf__FileDescriptorProto file, *files[] = {&file};
	static char name[] = "a", type[] = ".p.A", message_name[] = "A", package[] = "p",
		    file_name[] = "a.proto", service_name[] = "S", method_name[] = "M",
		    syntax[] = "proto3";
	set_proto set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
	uint8_t *bytes;

	google__protobuf__field_descriptor_proto__init(&field);
	field.name = name;
	field.has_number = field.has_type = field.has_label = 1;
	field.number = 1;
	field.type = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32;
	field.label = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL;
	google__protobuf__descriptor_proto__init(&message);
	message.name = message_name;
	message.n_field = 1;
	message.field = fields;
	google__protobuf__method_descriptor_proto__init(&method);
	method.name = method_name;
	method.input_type = type;
	method.output_type = type;
	google__protobuf__service_descriptor_proto__init(&service);
	service.name = service_name;
	service.n_method = 1;
	service.method = methods;
	google__protobuf__file_descriptor_proto__init(&file);
	file.name = file_name;
	file.package = package;
	file.syntax = syntax;
	file.n_message_type = 1;
	file.message_type = messages;
	file.n_service = 1;
	file.service = services;
	set.n_file = 1;
	set.file = files;
	*ret_size = google__protobuf__file_descriptor_set__get_packed_size(&set);
	bytes = malloc(*ret_size);
	ck_assert_ptr_nonnull(bytes);
	google__protobuf__file_descriptor_set__pack(&set, bytes);
	return bytes;
}

START_TEST(what_is_proper_passes)
{
	size_t size;
	uint8_t *bytes = proper_set(&size);

	ck_assert_uint_eq(compile_set(bytes, size), 0);
	free(bytes);
}
END_TEST

START_TEST(every_end_is_survived)
{
	size_t size;
	uint8_t *bytes = proper_set(&size);

	for (size_t i = 0; i < size; i++) {
		uint8_t *copy = malloc(i > 0 ? i : 1); /* so that a sanitizer sees the end */

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes, i);
		compile_set(copy, i);
		free(copy);
	}
	free(bytes);
}
END_TEST

START_TEST(every_wrong_byte_is_survived)
{
	size_t size;
	uint8_t *bytes = proper_set(&size);

	for (size_t i = 0; i < size; i++) {
		uint8_t former = bytes[i];

		for (int value = 0; value < 256; value++) {
			bytes[i] = (uint8_t)value;
			compile_set(bytes, size);
		}
		bytes[i] = former;
	}
	free(bytes);
}
END_TEST

/* A message in a message in a message: it would exhaust the stack of a parser. */
START_TEST(deep_nesting_is_refused)
{
	enum {
		DEPTH = 100000
	};
	uint8_t *bytes = malloc(16 * DEPTH);
	uint8_t *begin = bytes + 16 * DEPTH;
	size_t size = 0;

	ck_assert_ptr_nonnull(bytes);
	for (int i = 0; i < DEPTH; i++) {
		uint8_t head[16];
		size_t n = 0;
		size_t length = size;

		/* nested_type = 3; the two outermost are message_type = 4 and file = 1 */
		head[n++] = i == DEPTH - 1 ? 0x0a : i == DEPTH - 2 ? 0x22 : 0x1a;
		do {
			head[n++] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
			length >>= 7;
		} while (length > 0);
		begin -= n;
		memcpy(begin, head, n);
		size += n;
	}
	ck_assert_uint_eq(compile_set(begin, size), 1);
	free(bytes);
}
END_TEST

START_TEST(no_file_at_all)
{
	ck_assert_uint_eq(compile_set((const uint8_t *)"", 0), 1);
	ck_assert_uint_eq(compile_set((const uint8_t *)"\x7f"
						       "ELF",
				      4),
			  1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("load");
	TCase *tcase = tcase_create("hostile");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, what_is_proper_passes);
	tcase_add_test(tcase, every_end_is_survived);
	tcase_add_test(tcase, every_wrong_byte_is_survived);
	tcase_add_test(tcase, deep_nesting_is_refused);
	tcase_add_test(tcase, no_file_at_all);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
