#define _GNU_SOURCE
#include "launch.h"
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

#define SCRIPT_FD 3
#define SCRIPT_PATH "/proc/self/fd/3"

/* What the child gets: one descriptor may stand in several places. -1: /dev/null. */
struct ends {
	int theirs[3];
	int script, status;
};

static void __attribute__((noreturn)) give_up(int status, enum stage stage)
{
	struct complaint complaint = {errno, stage};

	(void)!write(status, &complaint, sizeof complaint);
	_exit(125);
}

/* By the system call, because the C library keeps the first real-time signals to itself, and whoever started us may ignore them. */
static void default_signals(void)
{
	static const unsigned long dfl[8];
	sigset_t none;

	for (int number = 1; number < _NSIG; number++)
		syscall(SYS_rt_sigaction, number, dfl, NULL, _NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors below `base` are about to be overwritten. */
static int above(int fd, int base)
{
	return fd >= 0 && fd < base ? fcntl(fd, F_DUPFD_CLOEXEC, base) : fd;
}

static void place_descriptors(struct ends *ends)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ends->status = above(ends->status, 8);
	ends->script = above(ends->script, 8);
	null = above(null, 8);
	for (int i = 0; i < 3; i++)
		ends->theirs[i] = above(ends->theirs[i] < 0 ? null : ends->theirs[i], 8);
	for (int i = 0; i < 3; i++)
		if (dup2(ends->theirs[i], i) < 0)
			give_up(ends->status, STAGE_SETUP);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (ends->script >= 0 && dup2(ends->script, SCRIPT_FD) < 0)
		give_up(ends->status, STAGE_SETUP);
}

static void take_binding(const struct binding *asked, int status)
{
	struct binding seen;
	int good = bind_self(asked, &seen) == 0, error = errno;

	(void)!write(status, &seen, sizeof seen);
	errno = error;
	if (!good)
		give_up(status, STAGE_BINDING);
}

static void __attribute__((noreturn)) become(const struct command *command, struct ends *ends)
{
	setsid();
	default_signals();
	umask(022);
	place_descriptors(ends);
	if (command->flags & TTY && ioctl(0, TIOCSCTTY, 0) < 0)
		give_up(ends->status, STAGE_SETUP);
	if (command->flags & BOUND)
		take_binding(&command->binding, ends->status);
	if (chdir(command->workdir) < 0)
		give_up(ends->status, STAGE_WORKDIR);
	environ = command->env;
	if (command->flags & SCRIPT)
		execv(SCRIPT_PATH, command->argv);
	else
		execvp(command->argv[0], command->argv);
	give_up(ends->status, STAGE_EXEC);
}

/* Sealed, so that what runs is what was sent. The interpreter opens it anew by its path. */
static int script_file(const char *script, uint32_t size)
{
	int fd = memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && (write(fd, script, size) != (ssize_t)size || fchmod(fd, 0500) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_terminal(struct ends *ends, struct launched *launched)
{
	int unlock = 0;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0)
		return -1;
	launched->ours[launched->count++] = master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	ends->theirs[0] = ends->theirs[1] = ends->theirs[2] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return ends->theirs[0] < 0 ? -1 : 0;
}

static int open_pipe(int *ours, int *theirs, int we_read)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	*ours = pair[!we_read];
	*theirs = pair[we_read];
	return 0;
}

static int open_pipes(struct ends *ends, struct launched *launched)
{
	for (int i = 0; i < 3; i++) {
		if (open_pipe(&launched->ours[i], &ends->theirs[i], i > 0) < 0)
			return -1;
		launched->count++;
	}
	return 0;
}

static int open_output(struct ends *ends, struct launched *launched)
{
	if (open_pipe(&launched->ours[0], &ends->theirs[1], 1) < 0)
		return -1;
	launched->count = 1;
	ends->theirs[2] = ends->theirs[1];
	return 0;
}

static int open_ends(const struct command *command, struct ends *ends, struct launched *launched)
{
	if (command->flags & SCRIPT && (ends->script = script_file(command->script, command->script_size)) < 0)
		return -1;
	if (open_pipe(&launched->status, &ends->status, 1) < 0)
		return -1;
	if (command->flags & TTY)
		return open_terminal(ends, launched);
	return command->flags & ATTACHED ? open_pipes(ends, launched) : open_output(ends, launched);
}

static void close_theirs(const struct ends *ends)
{
	close(ends->theirs[0]);
	if (ends->theirs[1] != ends->theirs[0])
		close(ends->theirs[1]);
	if (ends->theirs[2] != ends->theirs[1])
		close(ends->theirs[2]);
	close(ends->script);
	close(ends->status);
}

/* Returns 0, or an errno with nothing left open. */
int launch(const struct command *command, struct launched *launched)
{
	struct ends ends = {{-1, -1, -1}, -1, -1};
	int error = 0;

	*launched = (struct launched){.pid = -1, .status = -1};
	if (open_ends(command, &ends, launched) < 0 || (launched->pid = fork()) < 0)
		error = errno ? errno : EIO;
	if (launched->pid == 0)
		become(command, &ends);
	close_theirs(&ends);
	for (int i = 0; error && i < launched->count; i++)
		close(launched->ours[i]);
	if (error)
		close(launched->status);
	return error;
}
