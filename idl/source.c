/*
 * source.c - where things stand in the .proto: locations sorted by path, found
 * by binary search.
 */
#include "source.h"

#include <stdlib.h>
#include <string.h>

idl_path idl_path_add(const idl_path *path, int32_t field, int32_t index)
{
	idl_path longer = *path;

	if (longer.length + 2 <= IDL_PATH_MAX) {
		longer.steps[longer.length++] = field;
		longer.steps[longer.length++] = index;
	}
	return longer;
}

static int compare_paths(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b)
{
	for (size_t i = 0; i < n_a && i < n_b; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return n_a < n_b ? -1 : n_a > n_b;
}

static int compare_locations(const void *a, const void *b)
{
	const idl_location *x = *(const idl_location *const *)a;
	const idl_location *y = *(const idl_location *const *)b;
	int order = compare_paths(x->path, x->n_path, y->path, y->n_path);

	/* qsort() is not stable: settle it by where they lie. */
	if (order == 0 && x->n_span > 0 && y->n_span > 0)
		order = x->span[0] < y->span[0] ? -1 : x->span[0] > y->span[0];
	return order;
}

void idl_source_init(idl_source *source, idl_arena *arena, const char *shown,
		     const Google__Protobuf__FileDescriptorProto *file)
{
	const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;

	*source = (idl_source){.file = shown};
	if (info == NULL || info->n_location == 0)
		return;
	source->count = info->n_location;
	source->sorted = idl_arena_array(arena, source->count, sizeof(idl_location *));
	for (size_t i = 0; i < source->count; i++)
		source->sorted[i] = info->location[i];
	qsort(source->sorted, source->count, sizeof(*source->sorted), compare_locations);
}

/* The first location that is not before the path. */
static size_t lower_bound(const idl_source *source, const int32_t *steps, size_t length)
{
	size_t low = 0;
	size_t high = source->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const idl_location *location = source->sorted[middle];

		if (compare_paths(location->path, location->n_path, steps, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const idl_location *find(const idl_source *source, const int32_t *steps, size_t length)
{
	size_t i = lower_bound(source, steps, length);

	if (i == source->count ||
	    compare_paths(source->sorted[i]->path, source->sorted[i]->n_path, steps, length) != 0)
		return NULL;
	return source->sorted[i];
}

static idl_place place_of(const idl_source *source, const idl_location *location)
{
	idl_place place = {.file = source->file};

	/* Spans count from zero: line, column, [end line,] end column. */
	if (location != NULL && location->n_span >= 3 && location->span[0] >= 0 &&
	    location->span[0] < INT32_MAX && location->span[1] >= 0 &&
	    location->span[1] < INT32_MAX) {
		place.line = location->span[0] + 1;
		place.column = location->span[1] + 1;
	}
	return place;
}

idl_place idl_source_place(const idl_source *source, const idl_path *path)
{
	return place_of(source, find(source, path->steps, path->length));
}

idl_place idl_source_option_place(const idl_source *source, const idl_path *path, int32_t options,
				  int32_t number)
{
	idl_path longer = idl_path_add(path, options, number);
	const idl_location *location = find(source, longer.steps, longer.length);

	return location != NULL ? place_of(source, location) : idl_source_place(source, path);
}

const char *idl_source_comment(const idl_source *source, const idl_path *path)
{
	const idl_location *location = find(source, path->steps, path->length);

	if (location == NULL)
		return "";
	if (location->leading_comments != NULL && location->leading_comments[0] != '\0')
		return location->leading_comments;
	return location->trailing_comments != NULL ? location->trailing_comments : "";
}
