/* hpcsched-init: process 1 of a container, or the subreaper of a bare-metal job.
 *
 *     hpcsched-init --listen FD [--root DEV:INO] [--bare]
 *     hpcsched-init --try CGROUP_PROCS [ACCESS PATH]...     (try.c)
 *
 * It serves the listening Unix socket that it inherits as FD: spawns steps, copies their output into files, reaps, and remembers
 * every exit. It never ends by itself. With --root it refuses to run unless that is the device and inode of its `/`.
 */
#define _GNU_SOURCE
#include "client.h"
#include "loop.h"
#include "step.h"
#include "try.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	struct source source;
	int fd;
} children;

static void check_root(const char *expected)
{
	struct stat root;
	char found[64];

	if (stat("/", &root) < 0)
		refuse("stat /");
	snprintf(found, sizeof found, "%llu:%llu", (unsigned long long)root.st_dev, (unsigned long long)root.st_ino);
	errno = EPERM;
	if (strcmp(found, expected) != 0)
		refuse("the root is not the one that was prepared");
}

static void drop_inherited(int listener)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (listener < 3 || null < 0)
		refuse("descriptors");
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if ((listener > 3 && close_range(3, (unsigned)listener - 1, 0) < 0) || close_range((unsigned)listener + 1, ~0U, 0) < 0)
		refuse("close_range");
}

static void children_ready(struct source *source)
{
	struct signalfd_siginfo info;

	(void)source;
	while (read(children.fd, &info, sizeof info) > 0)
		;
	reap();
}

/* Everything that can be blocked is, so that no signal from inside has a meaning here. */
static void take_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	children.fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	children.source.ready = children_ready;
	if (children.fd < 0 || loop_add(children.fd, &children.source) < 0)
		refuse("signalfd");
}

int main(int argc, char **argv)
{
	int listener = -1;

	if (argc > 2 && strcmp(argv[1], "--try") == 0)
		return try_devices(argc - 2, argv + 2);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--bare") == 0)
			prctl(PR_SET_CHILD_SUBREAPER, 1);
		else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
			check_root(argv[++i]);
		else if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc)
			listener = atoi(argv[++i]);
	}
	(void)!chdir("/");
	drop_inherited(listener);
	loop_open();
	take_signals();
	clients_listen(listener);
	loop_run();
}
