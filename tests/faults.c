/*
 * faults.c - functions of the system that fail when a test says so.
 *
 * All of them are written by four macros: those that return -1 and set errno,
 * NULL and errno, an error number, and those with a variable argument, which
 * are few. A function that is listed here must be in faults.wrap, and the
 * reverse: else the linker complains.
 */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* The list of them, each with how its name is written. */
#define FUNCTIONS(X)                                                                               \
	X(access)                                                                                  \
	X(aligned_alloc)                                                                           \
	X(asprintf)                                                                                \
	X(calloc)                                                                                  \
	X(clock_nanosleep)                                                                         \
	X(dup)                                                                                     \
	X(dup3)                                                                                    \
	X(epoll_create1)                                                                           \
	X(epoll_ctl)                                                                               \
	X(epoll_wait)                                                                              \
	X(eventfd)                                                                                 \
	X(fallocate)                                                                               \
	X(fchmod)                                                                                  \
	X(fcntl_lock)                                                                              \
	X(fcntl_other)                                                                             \
	X(fcntl_test)                                                                              \
	X(fcntl_wait)                                                                              \
	X(fsetxattr)                                                                               \
	X(fstat)                                                                                   \
	X(ftruncate)                                                                               \
	X(getrandom)                                                                               \
	X(getrlimit)                                                                               \
	X(inotify_add_watch)                                                                       \
	X(inotify_init1)                                                                           \
	X(linkat)                                                                                  \
	X(lstat)                                                                                   \
	X(madvise)                                                                                 \
	X(malloc)                                                                                  \
	X(mmap)                                                                                    \
	X(mq_create)                                                                               \
	X(mq_getattr)                                                                              \
	X(mq_notify)                                                                               \
	X(mq_open)                                                                                 \
	X(mq_receive)                                                                              \
	X(mq_send)                                                                                 \
	X(mq_setattr)                                                                              \
	X(mq_timedreceive)                                                                         \
	X(mq_timedsend)                                                                            \
	X(mq_unlink)                                                                               \
	X(nanosleep)                                                                               \
	X(open)                                                                                    \
	X(opendir)                                                                                 \
	X(pidfd_open)                                                                              \
	X(poll)                                                                                    \
	X(posix_fallocate)                                                                         \
	X(posix_memalign)                                                                          \
	X(ppoll)                                                                                   \
	X(pread)                                                                                   \
	X(pthread_atfork)                                                                          \
	X(pthread_cond_init)                                                                       \
	X(pthread_condattr_init)                                                                   \
	X(pthread_create)                                                                          \
	X(pthread_key_create)                                                                      \
	X(pthread_mutex_init)                                                                      \
	X(pthread_setspecific)                                                                     \
	X(pwrite)                                                                                  \
	X(read)                                                                                    \
	X(readdir)                                                                                 \
	X(realloc)                                                                                 \
	X(reallocarray)                                                                            \
	X(setxattr)                                                                                \
	X(shm_open)                                                                                \
	X(shm_unlink)                                                                              \
	X(sigaction)                                                                               \
	X(stat)                                                                                    \
	X(strdup)                                                                                  \
	X(strndup)                                                                                 \
	X(timer_create)                                                                            \
	X(timerfd_create)                                                                          \
	X(timerfd_settime)                                                                         \
	X(vasprintf)                                                                               \
	X(write)

#define FUNCTION_NUMBER(name) F_##name,
#define FUNCTION_NAME(name) #name,

enum {
	FUNCTIONS(FUNCTION_NUMBER) FUNCTIONS_COUNT
};

static const char *const names[] = {FUNCTIONS(FUNCTION_NAME)};

/*
 * What fails and how. The errnos are those that the kernel has for it where
 * there are such, and some other where the function cannot fail as it is used
 * here, but its result is looked at all the same.
 */
const struct fault faults[] = {
	{F_access, EACCES, FAULT_FAILS, false},
	{F_aligned_alloc, ENOMEM, FAULT_FAILS, false},
	{F_asprintf, ENOMEM, FAULT_FAILS, false},
	{F_calloc, ENOMEM, FAULT_FAILS, false},
	{F_clock_nanosleep, EINTR, FAULT_HIDDEN, true},
	{F_dup, EMFILE, FAULT_FAILS, false},
	{F_dup3, EMFILE, FAULT_FAILS, false},
	{F_dup3, EBUSY, FAULT_HIDDEN, true},
	{F_dup3, EINTR, FAULT_HIDDEN, true},
	{F_epoll_create1, EMFILE, FAULT_FAILS, false},
	{F_epoll_ctl, ENOMEM, FAULT_FAILS, false},
	{F_epoll_ctl, ENOSPC, FAULT_FAILS, false},
	{F_epoll_wait, EINTR, FAULT_HIDDEN, true},
	{F_epoll_wait, EINVAL, FAULT_FAILS, false},
	{F_eventfd, EMFILE, FAULT_FAILS, false},
	{F_fallocate, ENOSPC, FAULT_FAILS, false},
	{F_fallocate, EINTR, FAULT_HIDDEN, true},
	{F_fchmod, EPERM, FAULT_FAILS, false},
	{F_fcntl_lock, ENOLCK, FAULT_LEAVES, false},
	{F_fcntl_wait, ENOLCK, FAULT_LEAVES, false},
	{F_fcntl_wait, EINTR, FAULT_HIDDEN, true},
	{F_fcntl_test, EINVAL, FAULT_LEAVES, false},
	{F_fcntl_other, EINVAL, FAULT_FAILS, false},
	{F_fsetxattr, EOPNOTSUPP, FAULT_FAILS, false},
	{F_fsetxattr, ENOSPC, FAULT_FAILS, false},
	{F_fstat, EIO, FAULT_LEAVES, false},
	{F_ftruncate, ENOSPC, FAULT_FAILS, false},
	{F_ftruncate, EINTR, FAULT_HIDDEN, true},
	{F_getrandom, EINTR, FAULT_HIDDEN, true},
	{F_getrandom, ENOSYS, FAULT_FAILS, false},
	{F_getrlimit, EINVAL, FAULT_FAILS, false},
	{F_inotify_add_watch, ENOSPC, FAULT_HIDDEN, true},
	{F_inotify_init1, EMFILE, FAULT_HIDDEN, true},
	{F_linkat, ENOSPC, FAULT_FAILS, false},
	{F_lstat, EACCES, FAULT_LEAVES, false},
	{F_madvise, EINVAL, FAULT_HIDDEN, false},
	{F_madvise, EINTR, FAULT_HIDDEN, true},
	{F_malloc, ENOMEM, FAULT_FAILS, false},
	{F_mmap, ENOMEM, FAULT_FAILS, false},
	{F_mq_create, EMFILE, FAULT_FAILS, false},
	{F_mq_create, ENOSPC, FAULT_FAILS, false},
	{F_mq_create, EACCES, FAULT_FAILS, false},
	{F_mq_getattr, EBADF, FAULT_FAILS, false},
	{F_mq_notify, EBUSY, FAULT_FAILS, false},
	{F_mq_open, EMFILE, FAULT_FAILS, false},
	{F_mq_open, ENFILE, FAULT_FAILS, false},
	{F_mq_open, ENOMEM, FAULT_FAILS, false},
	{F_mq_open, EACCES, FAULT_FAILS, false},
	{F_mq_receive, EINTR, FAULT_HIDDEN, true},
	{F_mq_receive, EBADF, FAULT_FAILS, false},
	{F_mq_send, EINTR, FAULT_HIDDEN, true},
	{F_mq_send, EAGAIN, FAULT_FAILS, true},
	{F_mq_send, ENOMEM, FAULT_FAILS, true},
	{F_mq_setattr, EBADF, FAULT_FAILS, false},
	{F_mq_timedreceive, ETIMEDOUT, FAULT_FAILS, false},
	{F_mq_timedsend, ETIMEDOUT, FAULT_FAILS, false},
	{F_mq_unlink, EACCES, FAULT_LEAVES, false},
	{F_nanosleep, EINTR, FAULT_HIDDEN, true},
	{F_open, EMFILE, FAULT_LEAVES, false},
	{F_opendir, EMFILE, FAULT_LEAVES, false},
	{F_pidfd_open, EMFILE, FAULT_FAILS, false},
	{F_pidfd_open, ENOSYS, FAULT_FAILS, false},
	{F_poll, EINTR, FAULT_HIDDEN, true},
	{F_poll, EINVAL, FAULT_FAILS, false},
	{F_posix_fallocate, ENOSPC, FAULT_FAILS, false},
	{F_posix_fallocate, EINTR, FAULT_HIDDEN, true},
	{F_posix_memalign, ENOMEM, FAULT_FAILS, false},
	{F_ppoll, EINTR, FAULT_HIDDEN, true},
	{F_ppoll, EINVAL, FAULT_FAILS, false},
	{F_pread, EINTR, FAULT_HIDDEN, true},
	{F_pread, EIO, FAULT_FAILS, false},
	{F_pthread_atfork, ENOMEM, FAULT_FAILS, false},
	{F_pthread_cond_init, ENOMEM, FAULT_FAILS, false},
	{F_pthread_condattr_init, ENOMEM, FAULT_FAILS, false},
	{F_pthread_create, EAGAIN, FAULT_FAILS, false},
	{F_pthread_key_create, EAGAIN, FAULT_FAILS, false},
	{F_pthread_mutex_init, ENOMEM, FAULT_FAILS, false},
	{F_pthread_setspecific, ENOMEM, FAULT_FAILS, false},
	{F_pwrite, EINTR, FAULT_HIDDEN, true},
	{F_pwrite, ENOSPC, FAULT_FAILS, false},
	{F_read, EINTR, FAULT_HIDDEN, true},
	{F_read, EIO, FAULT_LEAVES, false},
	{F_readdir, EIO, FAULT_LEAVES, false},
	{F_realloc, ENOMEM, FAULT_FAILS, false},
	{F_reallocarray, ENOMEM, FAULT_FAILS, false},
	{F_setxattr, EOPNOTSUPP, FAULT_FAILS, false},
	{F_setxattr, ENOSPC, FAULT_FAILS, false},
	{F_shm_open, EMFILE, FAULT_LEAVES, false},
	{F_shm_open, ENOSPC, FAULT_LEAVES, false},
	{F_shm_unlink, EACCES, FAULT_LEAVES, false},
	{F_sigaction, EINVAL, FAULT_FAILS, false},
	{F_stat, EACCES, FAULT_LEAVES, false},
	{F_strdup, ENOMEM, FAULT_FAILS, false},
	{F_strndup, ENOMEM, FAULT_FAILS, false},
	{F_timer_create, EAGAIN, FAULT_FAILS, false},
	{F_timerfd_create, EMFILE, FAULT_FAILS, false},
	{F_timerfd_settime, EINVAL, FAULT_FAILS, false},
	{F_vasprintf, ENOMEM, FAULT_FAILS, false},
	{F_write, EINTR, FAULT_HIDDEN, true},
};

const size_t faults_count = sizeof faults / sizeof faults[0];

#define NOTHING UINT32_MAX

/* What is armed. The calls come from any thread. */
static _Atomic uint32_t armed = NOTHING; /* an F_ */
static atomic_uint calls;
static unsigned strikes_at;
static bool strikes_on;
static int strikes_with;
static _Atomic uintptr_t struck_at;
static atomic_bool struck;

const char *fault_function(const struct fault *fault)
{
	return names[fault->function];
}

void fault_arm(const struct fault *fault, unsigned n, bool for_good)
{
	atomic_store(&calls, 0);
	atomic_store(&struck, false);
	atomic_store(&struck_at, 0);
	strikes_at = n;
	strikes_on = for_good;
	strikes_with = fault->error;
	atomic_store(&armed, fault->function);
}

bool fault_disarm(uintptr_t *ret_where)
{
	atomic_store(&armed, NOTHING);
	*ret_where = atomic_load(&struck_at);
	return atomic_load(&struck);
}

static _Thread_local bool spared;

void fault_spare_thread(bool is_spared)
{
	spared = is_spared;
}

/* Where this program begins in memory. */
extern const char __executable_start;

/* The errno that this call fails with, or 0. */
static int strike(uint32_t function, const void *caller)
{
	uintptr_t nowhere = 0;
	unsigned call;

	if (atomic_load(&armed) != function || spared)
		return 0;
	call = atomic_fetch_add(&calls, 1) + 1;
	if (call < strikes_at || (call > strikes_at && !strikes_on))
		return 0;
	(void)atomic_compare_exchange_strong(&struck_at, &nowhere,
					     (uintptr_t)caller - (uintptr_t)&__executable_start);
	atomic_store(&struck, true);
	errno = strikes_with;
	return strikes_with;
}

#define STRIKE(function) strike(F_##function, __builtin_return_address(0))

/* A function that gives `bad` and sets errno. */
#define WRAP(type, name, bad, parameters, arguments)                                               \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return STRIKE(name) != 0 ? (bad) : __real_##name arguments;                        \
	}

/* One that gives the error. */
#define WRAP_ERROR(name, parameters, arguments)                                                    \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		int error = STRIKE(name);                                                          \
                                                                                                   \
		return error != 0 ? error : __real_##name arguments;                               \
	}

WRAP(void *, aligned_alloc, NULL, (size_t alignment, size_t size), (alignment, size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, realloc, NULL, (void *memory, size_t size), (memory, size))
WRAP(void *, reallocarray, NULL, (void *memory, size_t count, size_t size), (memory, count, size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(char *, strndup, NULL, (const char *text, size_t size), (text, size))
WRAP(int, vasprintf, -1, (char **text, const char *format, va_list list), (text, format, list))

WRAP(int, access, -1, (const char *path, int mode), (path, mode))
WRAP(int, dup, -1, (int fd), (fd))
WRAP(int, dup3, -1, (int from, int to, int flags), (from, to, flags))
WRAP(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, fstat, -1, (int fd, struct stat *status), (fd, status))
WRAP(int, linkat, -1, (int in, const char *from, int to_in, const char *to, int flags),
     (in, from, to_in, to, flags))
WRAP(int, lstat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, stat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, ftruncate, -1, (int fd, off_t size), (fd, size))
WRAP(int, fallocate, -1, (int fd, int mode, off_t from, off_t size), (fd, mode, from, size))
WRAP(ssize_t, pread, -1, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
WRAP(ssize_t, pwrite, -1, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
WRAP(ssize_t, read, -1, (int fd, void *to, size_t size), (fd, to, size))
WRAP(ssize_t, write, -1, (int fd, const void *from, size_t size), (fd, from, size))
WRAP(DIR *, opendir, NULL, (const char *path), (path))
WRAP(struct dirent *, readdir, NULL, (DIR * directory), (directory))
WRAP(int, setxattr, -1,
     (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags))
WRAP(int, fsetxattr, -1, (int fd, const char *name, const void *value, size_t size, int flags),
     (fd, name, value, size, flags))
WRAP(int, shm_open, -1, (const char *name, int flags, mode_t mode), (name, flags, mode))
WRAP(int, shm_unlink, -1, (const char *name), (name))
WRAP(int, madvise, -1, (void *at, size_t size, int advice), (at, size, advice))
WRAP(void *, mmap, MAP_FAILED, (void *at, size_t size, int how, int flags, int fd, off_t from),
     (at, size, how, flags, fd, from))

WRAP(int, epoll_create1, -1, (int flags), (flags))
WRAP(int, epoll_ctl, -1, (int fd, int what, int of, struct epoll_event *event),
     (fd, what, of, event))
WRAP(int, epoll_wait, -1, (int fd, struct epoll_event *events, int room, int ms),
     (fd, events, room, ms))
WRAP(int, eventfd, -1, (unsigned value, int flags), (value, flags))
WRAP(int, inotify_init1, -1, (int flags), (flags))
WRAP(int, inotify_add_watch, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))
WRAP(int, poll, -1, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms))
WRAP(int, ppoll, -1,
     (struct pollfd * fds, nfds_t count, const struct timespec *time, const sigset_t *mask),
     (fds, count, time, mask))
WRAP(int, timer_create, -1, (clockid_t clock, struct sigevent *event, timer_t *ret_timer),
     (clock, event, ret_timer))
WRAP(int, timerfd_create, -1, (int clock, int flags), (clock, flags))
WRAP(int, timerfd_settime, -1,
     (int fd, int flags, const struct itimerspec *time, struct itimerspec *before),
     (fd, flags, time, before))
WRAP(int, nanosleep, -1, (const struct timespec *time, struct timespec *left), (time, left))
WRAP(ssize_t, getrandom, -1, (void *to, size_t size, unsigned flags), (to, size, flags))
WRAP(int, getrlimit, -1, (int resource, struct rlimit *limit), (resource, limit))
WRAP(int, sigaction, -1, (int number, const struct sigaction *action, struct sigaction *before),
     (number, action, before))

WRAP(int, mq_getattr, -1, (mqd_t queue, struct mq_attr *attributes), (queue, attributes))
WRAP(int, mq_notify, -1, (mqd_t queue, const struct sigevent *event), (queue, event))
WRAP(ssize_t, mq_receive, -1, (mqd_t queue, char *to, size_t size, unsigned *priority),
     (queue, to, size, priority))
WRAP(int, mq_send, -1, (mqd_t queue, const char *from, size_t size, unsigned priority),
     (queue, from, size, priority))
WRAP(int, mq_setattr, -1, (mqd_t queue, const struct mq_attr *to, struct mq_attr *before),
     (queue, to, before))
WRAP(ssize_t, mq_timedreceive, -1,
     (mqd_t queue, char *to, size_t size, unsigned *priority, const struct timespec *until),
     (queue, to, size, priority, until))
WRAP(int, mq_timedsend, -1,
     (mqd_t queue, const char *from, size_t size, unsigned priority, const struct timespec *until),
     (queue, from, size, priority, until))
WRAP(int, mq_unlink, -1, (const char *name), (name))

WRAP_ERROR(clock_nanosleep,
	   (clockid_t clock, int flags, const struct timespec *time, struct timespec *left),
	   (clock, flags, time, left))
WRAP_ERROR(posix_fallocate, (int fd, off_t from, off_t size), (fd, from, size))
WRAP_ERROR(posix_memalign, (void **memory, size_t alignment, size_t size),
	   (memory, alignment, size))
WRAP_ERROR(pthread_atfork, (void (*before)(void), void (*after)(void), void (*child)(void)),
	   (before, after, child))
WRAP_ERROR(pthread_cond_init, (pthread_cond_t * cond, const pthread_condattr_t *attributes),
	   (cond, attributes))
WRAP_ERROR(pthread_condattr_init, (pthread_condattr_t * attributes), (attributes))
WRAP_ERROR(pthread_create,
	   (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *),
	    void *data),
	   (thread, attributes, body, data))
WRAP_ERROR(pthread_key_create, (pthread_key_t * key, void (*done)(void *)), (key, done))
WRAP_ERROR(pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
WRAP_ERROR(pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
	   (mutex, attributes))

/* ------------------------------------- those with a variable argument -- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
mqd_t __real_mq_open(const char *name, int flags, ...);
mqd_t __wrap_mq_open(const char *name, int flags, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __wrap_asprintf(char **text, const char *format, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	unsigned mode = 0;

	if (STRIKE(open) != 0)
		return -1;
	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, unsigned);
	va_end(arguments);
	return __real_open(path, flags, mode);
}

static int strike_fcntl(int command, const void *caller)
{
	switch (command) {
	case F_SETLK:
	case F_OFD_SETLK:
		return strike(F_fcntl_lock, caller);
	case F_SETLKW:
	case F_OFD_SETLKW:
		return strike(F_fcntl_wait, caller);
	case F_GETLK:
	case F_OFD_GETLK:
		return strike(F_fcntl_test, caller);
	default:
		return strike(F_fcntl_other, caller);
	}
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	void *argument;

	if (strike_fcntl(command, __builtin_return_address(0)) != 0)
		return -1;
	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return __real_fcntl(fd, command, argument);
}

mqd_t __wrap_mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attributes = NULL;
	va_list arguments;
	unsigned mode = 0;

	if ((flags & O_CREAT ? STRIKE(mq_create) : STRIKE(mq_open)) != 0)
		return (mqd_t)-1;
	va_start(arguments, flags);
	if (flags & O_CREAT) {
		mode = va_arg(arguments, unsigned);
		attributes = va_arg(arguments, struct mq_attr *);
	}
	va_end(arguments);
	return __real_mq_open(name, flags, mode, attributes);
}

long __wrap_syscall(long number, ...)
{
	va_list arguments;
	long argument[6];

	if (number == SYS_pidfd_open && STRIKE(pidfd_open) != 0)
		return -1;
#ifdef SYS_mq_timedsend
	if (number == SYS_mq_timedsend && STRIKE(mq_send) != 0)
		return -1;
	if (number == SYS_mq_timedreceive && STRIKE(mq_receive) != 0)
		return -1;
#endif
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(arguments, long);
	va_end(arguments);
	return __real_syscall(number, argument[0], argument[1], argument[2], argument[3],
			      argument[4], argument[5]);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int size;

	if (STRIKE(asprintf) != 0)
		return -1;
	va_start(arguments, format);
	size = __real_vasprintf(text, format, arguments);
	va_end(arguments);
	return size;
}
