/*
 * check_services.c - the rules that a model must obey: services, methods and
 * the values of their options.
 */
#include "check.h"

#include <inttypes.h>
#include <string.h>

static void check_range(const idl_option *option, const char *name, int64_t least, int64_t most,
			idl_diags *diags)
{
	if (option->set && (option->number < least || option->number > most))
		idl_error(diags, option->place,
			  "(mqcall.%s) = %" PRId64 " is out of range; it can be %" PRId64
			  " to %" PRId64,
			  name, option->number, least, most);
}

/* Words of lower case with '_' between them. */
static bool is_c_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > IDL_MAX_NAME || name[0] < 'a' || name[0] > 'z' ||
	    name[length - 1] == '_' || strstr(name, "__") != NULL)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static void check_name(const idl_option *option, const char *name, idl_diags *diags)
{
	if (option->set && !is_c_name(option->text))
		idl_error(
			diags, option->place,
			"(mqcall.%s) = \"%s\" can't begin a C name; use at most %d of a to z, 0 to "
			"9 and single '_', the first of them a letter",
			name, option->text, IDL_MAX_NAME);
}

static void check_oneway(const idl_method *method, idl_diags *diags)
{
	if (method->oneway.set && method->oneway.number != 0 &&
	    !idl_message_is_empty(method->reply))
		idl_error(diags, method->oneway.place,
			  "%s is one-way, so there is no reply to carry %s; let it return "
			  "google.protobuf.Empty",
			  method->name, method->reply->full_name);
}

static void check_method(const idl_method *method, idl_diags *diags)
{
	check_name(&method->c_name, "c_name", diags);
	check_range(&method->timeout_ms, "timeout_ms", 1, INT32_MAX, diags);
	check_range(&method->priority, "priority", 0, IDL_MAX_PRIORITY, diags);
	check_range(&method->lane, "lane", 0, IDL_MAX_LANE, diags);
	check_range(&method->form, "form", IDL_FORM_AUTO, IDL_FORM_MESSAGE, diags);
	check_oneway(method, diags);
	if (method->client_streaming || method->server_streaming)
		idl_warning(diags, method->place,
			    "%s is left out, as streams are not supported yet", method->name);
}

void idl_check_service(const idl_service *service, idl_diags *diags)
{
	check_name(&service->prefix, "prefix", diags);
	for (size_t i = 0; i < service->n_methods; i++)
		check_method(&service->methods[i], diags);
}
