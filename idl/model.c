/*
 * model.c - questions about the model that need more than a look at a member.
 */
#include "model.h"

#include <ctype.h>
#include <string.h>

const idl_file *idl_model_file(const idl_model *model, const char *name)
{
	return idl_table_find(&model->file_table, name);
}

const idl_message *idl_model_message(const idl_model *model, const char *full_name)
{
	return idl_table_find(&model->message_table, full_name);
}

const idl_enum *idl_model_enum(const idl_model *model, const char *full_name)
{
	return idl_table_find(&model->enum_table, full_name);
}

bool idl_message_is_empty(const idl_message *message)
{
	return strcmp(message->full_name, "google.protobuf.Empty") == 0;
}

bool idl_file_is_well_known(const idl_file *file)
{
	return strncmp(file->name, "google/protobuf/", 16) == 0 &&
	       strcmp(file->package, "google.protobuf") == 0;
}

uint64_t idl_hash(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

bool idl_is_identifier(const char *name)
{
	if (name == NULL || !(isalpha((unsigned char)*name) || *name == '_'))
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return *name == '\0';
}

bool idl_is_package(const char *package)
{
	char part[256];

	if (*package == '\0')
		return true;
	for (;;) {
		size_t length = strcspn(package, ".");

		if (length >= sizeof(part))
			return false;
		memcpy(part, package, length);
		part[length] = '\0';
		if (!idl_is_identifier(part))
			return false;
		if (package[length] == '\0')
			return true;
		package += length + 1;
	}
}
