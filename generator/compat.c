/*
 * compat.c - what a new version of a service breaks: services and methods.
 *
 * Methods are found again by their full name, as on the wire. What C makes of
 * them is compared as it is declared: a word more or less is a break.
 */
#include "compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "input.h"
#include "paths.h"

void compat_report(compat *c, compat_class class, idl_place place, const char *format, ...)
{
	static const char *const names[] = {"wire", "source", "behaviour"};
	idl_arena arena = {0};
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	idl_text_addf(c->text, "%s: %s: %s\n", idl_place_string(&arena, place), names[class], text);
	c->count++;
	idl_arena_done(&arena);
}

/* ------------------------------------------------------------- methods -- */

static const gen_method *find_method(const gen_service *service, const char *full_name)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		if (strcmp(service->methods[i].method->full_name, full_name) == 0)
			return &service->methods[i];
	}
	return NULL;
}

static void compare_number(compat *c, const idl_method *present, const char *name,
			   const idl_option *was, const idl_option *is)
{
	if (was->number != is->number)
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s: %s was %" PRId64 " and is %" PRId64, present->full_name, name,
			      was->number, is->number);
}

static void compare_options(compat *c, const idl_method *former, const idl_method *present)
{
	if ((former->oneway.number != 0) != (present->oneway.number != 0))
		compat_report(c, COMPAT_WIRE, present->place, "%s was %s and is %s",
			      present->full_name,
			      former->oneway.number != 0 ? "one-way" : "answered",
			      present->oneway.number != 0 ? "one-way" : "answered");
	compare_number(c, present, "timeout_ms", &former->timeout_ms, &present->timeout_ms);
	compare_number(c, present, "priority", &former->priority, &present->priority);
	compare_number(c, present, "lane", &former->lane, &present->lane);
	if (former->idempotent && !present->idempotent)
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s was idempotent: it is no longer retried", present->full_name);
	if (!former->idempotent && present->idempotent)
		compat_report(c, COMPAT_BEHAVIOUR, present->place,
			      "%s is idempotent now: it may be executed twice", present->full_name);
}

/* A declaration, without how its lines are broken. */
static bool same_words(const idl_text *a, const idl_text *b)
{
	const char *x = idl_text_string(a);
	const char *y = idl_text_string(b);

	for (;;) {
		x += strspn(x, " \t\n");
		y += strspn(y, " \t\n");
		if (*x == '\0' || *x != *y)
			return *x == *y;
		x++;
		y++;
	}
}

static void declare(const gen_method *method, idl_text *text, bool function_form)
{
	if (!function_form) {
		emit_message_head(text, method);
		emit_message_member(text, method);
	} else if (method->form_reason == NULL) {
		emit_function_head(text, method);
		emit_function_member(text, method);
	}
}

static void compare_declarations(compat *c, const gen_method *former, const gen_method *present,
				 bool function_form)
{
	idl_text was = {0};
	idl_text is = {0};

	declare(former, &was, function_form);
	declare(present, &is, function_form);
	if (was.size > 0 && is.size == 0)
		compat_report(c, COMPAT_SOURCE, present->method->place,
			      "%s has no function form any more: its message %s",
			      present->method->full_name, present->form_reason);
	else if (was.size > 0 && !same_words(&was, &is))
		compat_report(c, COMPAT_SOURCE, present->method->place,
			      "%s: the %s form, %s, has other parameters or another name",
			      present->method->full_name, function_form ? "function" : "message",
			      function_form ? present->name : present->msg_name);
	/* The member of the handler table has become one with parameters. */
	if (function_form && was.size == 0 && is.size > 0)
		compat_report(c, COMPAT_SOURCE, present->method->place,
			      "%s has a function form now: its handler has other parameters",
			      present->method->full_name);
	idl_text_done(&was);
	idl_text_done(&is);
}

/* A method that came to be may have the name now. */
static void compare_finishers(compat *c, const gen_method *former, const gen_method *present)
{
	if (former->finisher != NULL && present->finisher == NULL)
		compat_report(c, COMPAT_SOURCE, present->method->place,
			      "%s: %s and %s, which finish deferred calls, are gone, as %s belongs "
			      "to %s",
			      present->method->full_name, former->finisher, former->finisher_msg,
			      present->taken_finisher, present->finisher_owner);
}

static void compare_methods(compat *c, const gen_method *former, const gen_method *present)
{
	compare_options(c, former->method, present->method);
	compare_declarations(c, former, present, true);
	compare_declarations(c, former, present, false);
	compare_finishers(c, former, present);
	compat_message(c, former->method->request, present->method->request);
	compat_message(c, former->method->reply, present->method->reply);
	compat_follow(c);
}

/* ------------------------------------------------------------ services -- */

static const gen_service *find_service(const gen_plan *plan, const char *full_name)
{
	for (size_t i = 0; i < plan->n_files; i++) {
		for (size_t j = 0; j < plan->files[i].n_services; j++) {
			if (strcmp(plan->files[i].services[j].service->full_name, full_name) == 0)
				return &plan->files[i].services[j];
		}
	}
	return NULL;
}

static void compare_service(compat *c, const gen_service *former)
{
	const gen_service *present = find_service(c->present, former->service->full_name);

	if (present == NULL) {
		compat_report(c, COMPAT_WIRE, former->service->place, "the service %s is gone",
			      former->service->full_name);
		return;
	}
	if (strcmp(former->prefix, present->prefix) != 0)
		compat_report(c, COMPAT_SOURCE, present->service->place,
			      "%s: the prefix was %s and is %s", present->service->full_name,
			      former->prefix, present->prefix);
	for (size_t i = 0; i < former->n_methods; i++) {
		const gen_method *was = &former->methods[i];
		const gen_method *is = find_method(present, was->method->full_name);

		if (is != NULL)
			compare_methods(c, was, is);
		else
			compat_report(c, COMPAT_WIRE, was->method->place,
				      "the method %s is gone, or is a stream now",
				      was->method->full_name);
	}
}

size_t compat_compare(const gen_plan *former, const gen_plan *present, idl_text *text)
{
	compat c = {.former = former, .present = present, .text = text};
	const idl_model *model = former->model;

	for (size_t i = 0; i < former->n_files; i++) {
		for (size_t j = 0; j < former->files[i].n_services; j++)
			compare_service(&c, &former->files[i].services[j]);
	}
	for (size_t i = 0; i < model->n_messages; i++) {
		const idl_message *was = model->messages[i];

		if (was->file->named && !was->map_entry)
			compat_message(&c, was, idl_model_message(present->model, was->full_name));
		compat_follow(&c);
	}
	for (size_t i = 0; i < model->n_enums; i++) {
		const idl_enum *was = model->enums[i];

		if (was->file->named)
			compat_enum(&c, was, idl_model_enum(present->model, was->full_name));
	}
	free(c.waiting);
	idl_arena_done(&c.arena);
	return c.count;
}

int compat_check(const cli *options, idl_diags *diags)
{
	gen_plan *plans[2] = {NULL, NULL};
	input versions[2] = {{.set = NULL}, {.set = NULL}};
	idl_text text = {0};
	idl_arena arena = {0};
	int status = CLI_OK;

	for (int i = 0; i < 2; i++) {
		cli own = *options;
		int r;

		own.paths = paths_of_version(&arena, options, i, &own.n_paths);
		r = input_read_any(&versions[i], &own, options->inputs[i], diags);
		if (r == CLI_OK)
			plans[i] = gen_plan_new(versions[i].model, diags);
		if (r != CLI_OK && status == CLI_OK)
			status = r;
	}
	if (status == CLI_OK && diags->n_errors > 0)
		status = CLI_INPUT;
	if (status == CLI_OK)
		idl_diags_done(diags); /* warnings are for those who generate */
	if (status == CLI_OK && compat_compare(plans[0], plans[1], &text) > 0)
		status = CLI_INPUT;
	fputs(idl_text_string(&text), stdout);
	for (int i = 0; i < 2; i++) {
		gen_plan_free(plans[i]);
		input_done(&versions[i]);
	}
	idl_text_done(&text);
	idl_arena_done(&arena);
	return status;
}
