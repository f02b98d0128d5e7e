/*
 * fuzz_loader.c - any bytes as a descriptor set: load, check, name, emit.
 *
 * All that mqcallc does after protoc has ended, but for the run of protoc-gen-c: the
 * sets of --check-compat and the requests of protoc can come from anywhere. Besides
 * that nothing crashes, leaks or hangs, two things must hold:
 *
 *   - whatever names and comments a set has, what is written has the shape of C:
 *     comments and strings end, brackets match;
 *   - a version is compatible with itself.
 */
#include <stdlib.h>
#include <string.h>

#include "generator/compat.h"
#include "generator/generate.h"
#include "generator/rewrite.h"
#include "generator/skeleton.h"
#include "idl/check.h"
#include "idl/load.h"
#include "target.h"

typedef Google__Protobuf__FileDescriptorSet descriptor_set;

const char fuzz_target[] = "loader";

/* Behind a comment, string or character that begins here; NULL if it has no end. */
static const char *skip_quoted(const char *c)
{
	if (c[0] == '/') {
		const char *end = strstr(c + 2, "*/");

		return end != NULL ? end + 2 : NULL;
	}
	for (const char *end = c + 1; *end != '\0' && *end != '\n'; end++) {
		if (*end == *c)
			return end + 1;
		if (*end == '\\' && *++end == '\0')
			break;
	}
	return NULL;
}

/* Is it C, as far as one can tell without knowing more than its characters? */
static bool has_shape(const idl_text *text)
{
	const char *c = idl_text_string(text);
	int depth = 0;

	if (strlen(c) != text->size)
		return false;
	while (*c != '\0') {
		if ((c[0] == '/' && c[1] == '*') || *c == '"' || *c == '\'') {
			c = skip_quoted(c);
			if (c == NULL)
				return false;
			continue;
		}
		if ((c[0] == '/' && c[1] == '/') || (*c == '\\' && c[1] != '\n') || *c == '`' ||
		    *c == '@' || *c == '$')
			return false;
		if ((*c < ' ' || *c > '~') && *c != '\n' && *c != '\t')
			return false;
		if (strchr("({[", *c) != NULL)
			depth++;
		else if (strchr(")}]", *c) != NULL && depth-- == 0)
			return false;
		c++;
	}
	return depth == 0;
}

static void must(bool holds, const char *what, const idl_text *text)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_loader: %s\n%s\n", what, text != NULL ? idl_text_string(text) : "");
	abort();
}

static void emit_programs(const gen_plan *plan)
{
	for (size_t i = 0; i < plan->n_files; i++) {
		idl_text text = {0};

		if (plan->files[i].n_services == 0)
			continue;
		skeleton_server(&text, &plan->files[i]);
		must(has_shape(&text), "a server that is no C", &text);
		text.size = 0;
		skeleton_client(&text, &plan->files[i]);
		must(has_shape(&text), "a client that is no C", &text);
		idl_text_done(&text);
	}
}

/* What protoc-gen-c would be told. */
static void rewrite_messages(const gen_plan *plan, bool comments)
{
	for (size_t i = 0; i < plan->model->n_files; i++) {
		idl_arena arena = {0};
		idl_text packed = {0};
		const idl_file_proto *file =
			rewrite_for_messages(plan, &arena, &plan->model->files[i], comments);
		size_t size = google__protobuf__file_descriptor_proto__get_packed_size(file);

		google__protobuf__file_descriptor_proto__pack(
			file, (uint8_t *)idl_text_reserve(&packed, size));
		idl_text_done(&packed);
		idl_arena_done(&arena);
	}
}

static void emit_all(const gen_plan *plan, bool comments, bool with_imports)
{
	const generate_options options = {.comments = comments, .with_imports = with_imports};
	gen_outputs names = {0};
	gen_outputs outputs = {0};
	idl_diags diags = {0};
	idl_text findings = {0};

	generate_names(plan, &options, &names);
	must(generate(plan, &options, &outputs, &diags) == 0, "a plan that cannot be written",
	     NULL);
	must(names.count == outputs.count, "files that were not announced", NULL);
	for (size_t i = 0; i < outputs.count; i++)
		must(has_shape(&outputs.list[i].content), "an output that is no C",
		     &outputs.list[i].content);
	emit_programs(plan);
	rewrite_messages(plan, comments);
	must(compat_compare(plan, plan, &findings) == 0, "a version incompatible with itself",
	     &findings);
	idl_text_done(&findings);
	idl_diags_done(&diags);
	gen_outputs_done(&outputs);
	gen_outputs_done(&names);
}

/* As if the user had named the files with a service; without one, the last. */
static size_t choose_names(const descriptor_set *set, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n_file; i++) {
		if (set->file[i]->n_service > 0 && set->file[i]->name != NULL)
			names[n++] = set->file[i]->name;
	}
	if (n == 0 && set->n_file > 0 && set->file[set->n_file - 1]->name != NULL)
		names[n++] = set->file[set->n_file - 1]->name;
	return n;
}

static void compile(const descriptor_set *set, bool comments, bool with_imports, idl_diags *diags)
{
	const char **names = calloc(set->n_file + 1, sizeof(*names));
	gen_plan *plan = NULL;
	idl_model *model;

	if (names == NULL)
		abort();
	model = idl_load(set->file, set->n_file, names, choose_names(set, names), NULL, diags);
	if (diags->n_errors == 0)
		idl_check(model, with_imports, diags);
	if (diags->n_errors == 0)
		plan = gen_plan_new(model, diags);
	if (diags->n_errors == 0)
		emit_all(plan, comments, with_imports);
	gen_plan_free(plan);
	idl_model_free(model);
	free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	idl_diags diags = {0};
	idl_text said = {0};
	descriptor_set *set = idl_parse_set(bytes, size, "fuzz", &diags);

	must((set != NULL) == (diags.n_errors == 0), "a failure without a word", NULL);
	/* Which options, follows from the input, so that it can be repeated. */
	if (set != NULL)
		compile(set, size % 4 != 0, size % 3 == 0, &diags);
	idl_diags_format(&diags, &said);
	must(strlen(idl_text_string(&said)) == said.size, "a NUL in a text", NULL);
	idl_text_done(&said);
	idl_diags_done(&diags);
	if (set != NULL)
		google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
	return 0;
}
