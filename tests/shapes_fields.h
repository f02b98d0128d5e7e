/*
 * shapes_fields.h - the tables of shapes.proto's fields, as mqcallc would make them.
 */
#ifndef SHAPES_FIELDS_H
#define SHAPES_FIELDS_H

#include <mqcall/mqcall.h>

#include "tests/shapes.pb-c.h"

static const mqc_field number_fields[] = {
	{.kind = MQC_FIELD_INT64, .tag = 0x08, .offset = offsetof(Shapes__Number, value)},
	{.kind = MQC_FIELD_END},
};

static const mqc_field text_fields[] = {
	{.kind = MQC_FIELD_STRING, .tag = 0x0a, .offset = offsetof(Shapes__Text, text)},
	{.kind = MQC_FIELD_BYTES, .tag = 0x12, .offset = offsetof(Shapes__Text, data)},
	{.kind = MQC_FIELD_END},
};

#endif
