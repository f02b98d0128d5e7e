/*
 * replay.c - runs a fuzz target on files, or on all files of folders: the kept corpus.
 *
 * Without arguments, on the folder of the target that it was linked with. Each input
 * has a name on the screen before it is run, so the last one is the one that crashes.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

static size_t count;

static int complain(const char *path)
{
	perror(path);
	return 1;
}

static int replay_file(const char *path, size_t size)
{
	/* Exactly as large as the input, for AddressSanitizer to see what lies beyond. */
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	FILE *file = fopen(path, "rb");
	int r = 0;

	if (bytes == NULL || file == NULL || fread(bytes, 1, size, file) != size) {
		r = complain(path);
	} else {
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(bytes, size);
		count++;
	}
	if (file != NULL)
		fclose(file);
	free(bytes);
	return r;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort);
	int r = n < 0 ? complain(path) : 0;

	for (int i = 0; i < n; i++) {
		char *inner = NULL;

		if (entries[i]->d_name[0] != '.' &&
		    (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0 || replay(inner) != 0))
			r = 1;
		free(inner);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int replay(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return complain(path);
	return S_ISDIR(status.st_mode) ? replay_folder(path)
				       : replay_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char *corpus = NULL;
	int r = 0;

	for (int i = 1; i < argc; i++)
		r |= replay(argv[i]);
	if (argc == 1) {
		if (asprintf(&corpus, "%s/tests/fuzz/corpus-%s", srcdir != NULL ? srcdir : ".",
			     fuzz_target) < 0)
			return 1;
		r = replay(corpus);
		free(corpus);
	}
	printf("%zu inputs\n", count);
	return r != 0 || count == 0;
}
