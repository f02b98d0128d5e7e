/*
 * process.c - run another program: three pipes and a poll() loop.
 *
 * No temporary file is involved, so nothing is left behind whenever and however
 * either side ends. All descriptors are close-on-exec; the child gets its three
 * by dup2(). SIGPIPE is ignored while writing, as a child need not read it all.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both ends of the pipes to a child's standard input, output and errors. */
typedef struct pipes {
	int child[3];
	int ours[3];
} pipes;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pipes(pipes *p)
{
	for (int i = 0; i < 3; i++) {
		close_fd(&p->child[i]);
		close_fd(&p->ours[i]);
	}
}

/*
 * The ends must not be 0, 1 or 2 themselves, or dup2() in the child would
 * overwrite one that is still to be moved: lift them above.
 */
static int lift(int *fd)
{
	int higher;

	if (*fd > 2)
		return 0;
	higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (higher < 0)
		return -errno;
	close(*fd);
	*fd = higher;
	return 0;
}

static int open_pipes(pipes *p)
{
	for (int i = 0; i < 3; i++)
		p->child[i] = p->ours[i] = -1;
	for (int i = 0; i < 3; i++) {
		int ends[2];
		int r;

		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		p->child[i] = i == 0 ? ends[0] : ends[1];
		p->ours[i] = i == 0 ? ends[1] : ends[0];
		r = lift(&p->child[i]);
		if (r == 0)
			r = lift(&p->ours[i]);
		if (r == 0 && fcntl(p->ours[i], F_SETFL, O_NONBLOCK) < 0)
			r = -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Start the program with the child's ends, and with SIGPIPE as it usually is. */
static int spawn(char *const argv[], const pipes *p, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	r = posix_spawnattr_setsigdefault(&attributes, &defaults);
	if (r == 0)
		r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	for (int i = 0; r == 0 && i < 3; i++)
		r = posix_spawn_file_actions_adddup2(&actions, p->child[i], i);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Read what there is; close at the end. */
static int read_some(int *fd, idl_text *text)
{
	enum {
		PIECE = 64 * 1024
	};
	ssize_t n = read(*fd, idl_text_reserve(text, PIECE), PIECE);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		close_fd(fd);
		return 0;
	}
	text->size += (size_t)n;
	text->bytes[text->size] = '\0';
	return 0;
}

/* Write what fits; close at the end, or when nobody reads any more. */
static int write_some(int *fd, const char **cursor, size_t *left)
{
	ssize_t n = *left > 0 ? write(*fd, *cursor, *left) : 0;

	if (n < 0 && errno != EPIPE)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n >= 0) {
		*cursor += n;
		*left -= (size_t)n;
	}
	if (n < 0 || *left == 0)
		close_fd(fd);
	return 0;
}

static int exchange(pipes *p, const void *input, size_t input_size, idl_text *output,
		    idl_text *errors)
{
	const char *cursor = input != NULL ? input : "";
	int r = 0;

	while (r == 0 && (p->ours[0] >= 0 || p->ours[1] >= 0 || p->ours[2] >= 0)) {
		struct pollfd fds[3] = {
			{.fd = p->ours[0], .events = POLLOUT},
			{.fd = p->ours[1], .events = POLLIN},
			{.fd = p->ours[2], .events = POLLIN},
		};

		if (poll(fds, 3, -1) < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (fds[0].revents != 0)
			r = write_some(&p->ours[0], &cursor, &input_size);
		if (r == 0 && fds[1].revents != 0)
			r = read_some(&p->ours[1], output);
		if (r == 0 && fds[2].revents != 0)
			r = read_some(&p->ours[2], errors);
	}
	return r;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int idl_process_run(char *const argv[], const void *input, size_t input_size, idl_text *output,
		    idl_text *errors)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction former;
	pipes p;
	pid_t pid = -1;
	int status;
	int r;

	r = open_pipes(&p);
	if (r == 0)
		r = spawn(argv, &p, &pid);
	if (r < 0) {
		close_pipes(&p);
		return r;
	}
	for (int i = 0; i < 3; i++)
		close_fd(&p.child[i]);
	sigaction(SIGPIPE, &ignore, &former);
	r = exchange(&p, input, input_size, output, errors);
	sigaction(SIGPIPE, &former, NULL);
	close_pipes(&p);
	status = wait_for(pid);
	return r < 0 ? r : status;
}
