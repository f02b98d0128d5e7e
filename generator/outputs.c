/*
 * outputs.c - the files that are going to be written.
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
	idl_error(diags, (idl_place){.file = path}, "cannot be written: %s", strerror(error));
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

static int write_all(int fd, const idl_text *content)
{
	size_t done = 0;

	while (done < content->size) {
		ssize_t n = write(fd, content->bytes + done, content->size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* Write it beside the file and move it over it. */
static int replace(const char *path, const char *temporary, const idl_text *content)
{
	int fd;
	int r;

	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	r = write_all(fd, content);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int gen_output_write(const char *path, const idl_text *content, idl_diags *diags)
{
	idl_arena arena = {0};
	char *copy = idl_arena_strdup(&arena, path);
	const char *temporary = idl_arena_printf(&arena, "%s.%ld.tmp", path, (long)getpid());
	sigset_t all;
	sigset_t former;
	int r;

	r = make_directories(copy);
	if (r == 0 && !is_unchanged(path, content)) {
		/* A signal waits for the moment it takes, so that no half file stays. */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &former);
		r = replace(path, temporary, content);
		sigprocmask(SIG_SETMASK, &former, NULL);
	}
	idl_arena_done(&arena);
	return r < 0 ? report(diags, path, -r) : 0;
}

int gen_outputs_write(const gen_outputs *outputs, const char *directory, idl_diags *diags)
{
	idl_arena arena = {0};
	int r = 0;

	for (size_t i = 0; i < outputs->count && r == 0; i++) {
		const gen_output *output = &outputs->list[i];

		r = gen_output_write(idl_arena_printf(&arena, "%s/%s", directory, output->name),
				     &output->content, diags);
	}
	idl_arena_done(&arena);
	return r;
}
