/*
 * emit_tables.c - the constant tables: fields, methods, services, reflection data.
 */
#include "emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void emit_descriptor(idl_text *text, const gen_file *file, const idl_text *reflection)
{
	size_t column = 0;

	/*
	 * Numbers, as a string may be no longer than 4095 characters in C11, and
	 * decimal ones, as they are the shortest to read for the compiler.
	 */
	idl_text_addf(text,
		      "\n/* A google.protobuf.FileDescriptorSet: what %s says. */\n"
		      "static const uint8_t %s[%zu] = {",
		      file->file->name, file->descriptor, reflection->size);
	for (size_t i = 0; i < reflection->size; i++) {
		char number[8];
		int length = snprintf(number, sizeof(number), "%u,",
				      (unsigned)(unsigned char)reflection->bytes[i]);

		if (column == 0 || column + (size_t)length > EMIT_WIDTH) {
			idl_text_add(text, "\n\t");
			column = 8;
		}
		idl_text_add(text, number);
		column += (size_t)length;
	}
	idl_text_add(text, "\n};\n");
}

static void emit_row(idl_text *text, const char *type, const gen_field_row *row)
{
	const size_t names = strlen(row->kind) + strlen(type) + strlen(row->member);
	const char *space = names + 60 > EMIT_WIDTH ? "\n\t " : " ";

	idl_text_addf(text, "\t{.kind = %s, .tag = 0x%02x,%s.offset = offsetof(%s, %s)", row->kind,
		      row->tag, space, type, row->member);
	if (row->has != NULL)
		idl_text_addf(text, ",\n\t .has = offsetof(%s, %s), .present = %s", type, row->has,
			      row->present);
	idl_text_add(text, "},\n");
}

void emit_field_tables(idl_text *text, const gen_file *file)
{
	for (size_t i = 0; i < file->n_tables; i++) {
		const gen_field_table *table = &file->tables[i];

		idl_text_addf(text, "\nstatic const mqc_field %s[] = {\n", table->name);
		for (size_t j = 0; j < table->n_rows; j++)
			emit_row(text, table->type->type, &table->rows[j]);
		idl_text_add(text, "\t{.kind = MQC_FIELD_END},\n};\n");
	}
}

static void add_flag(idl_text *flags, bool set, const char *flag)
{
	if (set)
		idl_text_addf(flags, "%s%s", flags->size > 0 ? " | " : "", flag);
}

static void emit_method(idl_text *text, const gen_method *method)
{
	const idl_method *m = method->method;
	idl_text flags = {0};

	add_flag(&flags, m->oneway.set && m->oneway.number != 0, "MQC_METHOD_ONEWAY");
	add_flag(&flags, m->idempotent, "MQC_METHOD_IDEMPOTENT");
	add_flag(&flags, m->no_side_effects, "MQC_METHOD_NO_SIDE_EFFECTS");
	add_flag(&flags, m->deprecated, "MQC_METHOD_DEPRECATED");
	idl_text_addf(text,
		      "\t{\n"
		      "\t\t.name = \"%s\",\n"
		      "\t\t.id = UINT64_C(0x%016" PRIx64 "),\n"
		      "\t\t.request = &%s__descriptor,\n"
		      "\t\t.reply = &%s__descriptor,\n",
		      m->full_name, m->id, method->request->lower, method->reply->lower);
	if (flags.size > 0)
		idl_text_addf(text, "\t\t.flags = %s,\n", idl_text_string(&flags));
	if (m->timeout_ms.set)
		idl_text_addf(text, "\t\t.timeout_ms = %" PRId64 ",\n", m->timeout_ms.number);
	if (m->priority.set)
		idl_text_addf(text, "\t\t.priority = %" PRId64 ",\n", m->priority.number);
	if (m->lane.set)
		idl_text_addf(text, "\t\t.lane = %" PRId64 ",\n", m->lane.number);
	idl_text_add(text, "\t\t.table_version = MQC_TABLE_VERSION,\n");
	if (method->request_fields != NULL)
		idl_text_addf(text, "\t\t.request_fields = %s,\n", method->request_fields);
	if (method->reply_fields != NULL)
		idl_text_addf(text, "\t\t.reply_fields = %s,\n", method->reply_fields);
	idl_text_add(text, "\t},\n");
	idl_text_done(&flags);
}

void emit_tables(idl_text *text, const gen_file *file, const gen_service *service)
{
	if (service->n_methods > 0) {
		idl_text_addf(text, "\nstatic const mqc_method %s[] = {\n", service->methods_table);
		for (size_t i = 0; i < service->n_methods; i++)
			emit_method(text, &service->methods[i]);
		idl_text_add(text, "};\n");
	}
	idl_text_addf(text,
		      "\nconst mqc_service %s = {\n"
		      "\t.table_version = MQC_TABLE_VERSION,\n"
		      "\t.n_methods = %zu,\n"
		      "\t.name = \"%s\",\n"
		      "\t.methods = %s,\n"
		      "\t.descriptor = %s,\n"
		      "\t.descriptor_size = sizeof(%s),\n"
		      "};\n",
		      service->table, service->n_methods, service->service->full_name,
		      service->n_methods > 0 ? service->methods_table : "NULL", file->descriptor,
		      file->descriptor);
}
