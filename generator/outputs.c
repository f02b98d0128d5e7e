/*
 * outputs.c - the files that are going to be written: all beside where they belong
 * first, and then each is moved over its former self.
 */
#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void gen_outputs_done(gen_outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		idl_text_done(&outputs->list[i].content);
	free(outputs->list);
	idl_arena_done(&outputs->arena);
	*outputs = (gen_outputs){0};
}

idl_text *gen_outputs_add(gen_outputs *outputs, const char *name)
{
	gen_output *output;

	if (outputs->count == outputs->capacity) {
		outputs->capacity = outputs->capacity > 0 ? outputs->capacity * 2 : 16;
		outputs->list =
			idl_realloc(outputs->list, outputs->capacity * sizeof(*outputs->list));
	}
	output = &outputs->list[outputs->count++];
	*output = (gen_output){.name = idl_arena_strdup(&outputs->arena, name)};
	return &output->content;
}

gen_output *gen_outputs_find(const gen_outputs *outputs, const char *name)
{
	for (size_t i = 0; i < outputs->count; i++) {
		if (strcmp(outputs->list[i].name, name) == 0)
			return &outputs->list[i];
	}
	return NULL;
}

static int report(idl_diags *diags, const char *path, int error)
{
	idl_error(diags, (idl_place){.file = path}, "cannot be written: %s",
		  error == ESPIPE ? "it is a FIFO or a socket" : strerror(error));
	return -1;
}

/* Make the directories that lead to a file. */
static int make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0777);
		*slash = '/';
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Has the file this content already? Any doubt means no. */
static bool is_unchanged(const char *path, const idl_text *content)
{
	char piece[16 * 1024];
	size_t done = 0;
	struct stat status;
	bool same = false;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    (size_t)status.st_size != content->size)
		goto out;
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		if ((size_t)n > content->size - done ||
		    memcmp(piece, content->bytes + done, (size_t)n) != 0)
			goto out;
		done += (size_t)n;
	}
	same = n == 0 && done == content->size;
out:
	close(fd);
	return same;
}

/* A file on its way: what it was before stays until all of them can be written. */
typedef struct target {
	const char *path;
	const idl_text *content;
	const char *place;     /* where it is: where `path` leads to, if that is a link */
	const char *temporary; /* beside it; NULL: nothing is to be replaced */
	bool in_place;         /* a device, say: written as it is */
} target;

/* Find out how it is to be written, and refuse what can't be. */
static int choose_way(idl_arena *arena, target *t)
{
	struct stat status;
	bool is_link;
	char *real;
	int r;

	t->place = t->path;
	r = make_directories(idl_arena_strdup(arena, t->path));
	if (r < 0)
		return r;
	if (lstat(t->path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	is_link = S_ISLNK(status.st_mode);
	if (is_link) {
		t->in_place = stat(t->path, &status) < 0 && errno == ENOENT;
		if (t->in_place) /* it leads to a file that is to come */
			return 0;
	}
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	/* Also by a link that leads to no name, as /dev/stdout may. */
	if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
		return -ESPIPE;
	if (is_link) {
		real = realpath(t->path, NULL);
		if (real == NULL)
			return -errno;
		t->place = idl_arena_strdup(arena, real);
		free(real);
	}
	t->in_place = !S_ISREG(status.st_mode);
	return 0;
}

static int write_file(const char *path, const idl_text *content)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC, 0666);
	int r;

	if (fd < 0)
		return -errno;
	r = idl_text_write(content, fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int prepare(idl_arena *arena, target *t, size_t number)
{
	if (t->in_place || is_unchanged(t->place, t->content))
		return 0;
	t->temporary = idl_arena_printf(arena, "%s.%ld.%zu.tmp", t->place, (long)getpid(), number);
	return write_file(t->temporary, t->content);
}

static int finish(target *t)
{
	if (t->in_place)
		return write_file(t->place, t->content);
	if (t->temporary != NULL && rename(t->temporary, t->place) < 0)
		return -errno;
	t->temporary = NULL;
	return 0;
}

/* Each step is taken for all of them before the next one is for any. */
static int write_targets(idl_arena *arena, target *list, size_t count, idl_diags *diags)
{
	sigset_t all;
	sigset_t former;
	size_t i;
	int r = 0;

	for (i = 0; i < count && r == 0; i++)
		r = choose_way(arena, &list[i]);
	if (r < 0)
		return report(diags, list[i - 1].path, -r);
	/* A signal waits for the moment it takes, so that no half file stays. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &former);
	for (i = 0; i < count && r == 0; i++)
		r = prepare(arena, &list[i], i);
	for (i = r < 0 ? i : 0; i < count && r == 0; i++)
		r = finish(&list[i]);
	for (size_t j = 0; j < count; j++) {
		if (list[j].temporary != NULL)
			unlink(list[j].temporary);
	}
	sigprocmask(SIG_SETMASK, &former, NULL);
	return r < 0 ? report(diags, list[i - 1].path, -r) : 0;
}

int gen_output_write(const char *path, const idl_text *content, idl_diags *diags)
{
	idl_arena arena = {0};
	target one = {.path = path, .content = content};
	int r = write_targets(&arena, &one, 1, diags);

	idl_arena_done(&arena);
	return r;
}

int gen_outputs_write(const gen_outputs *outputs, const char *directory, idl_diags *diags)
{
	idl_arena arena = {0};
	target *list = idl_arena_array(&arena, outputs->count, sizeof(*list));
	int r;

	for (size_t i = 0; i < outputs->count; i++) {
		list[i].path = idl_arena_printf(&arena, "%s/%s", directory, outputs->list[i].name);
		list[i].content = &outputs->list[i].content;
	}
	r = write_targets(&arena, list, outputs->count, diags);
	idl_arena_done(&arena);
	return r;
}
