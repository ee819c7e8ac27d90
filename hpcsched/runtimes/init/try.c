/* `hpcsched-init --try CGROUP_PROCS [ACCESS PATH]...`: joins the control group, opens each device node as ACCESS (r, w, rw) says,
 * and prints a line with the number of errno(3) for each, 0 when it opened. Each line is written at once, so that those before
 * a device that hangs are known.
 */
#define _GNU_SOURCE
#include "try.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int join(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	int done = fd >= 0 && write(fd, "0", 1) == 1;

	if (!done)
		dprintf(2, "%s: %s\n", procs, strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}

static int flags_of(const char *access)
{
	int reads = strchr(access, 'r') != NULL, writes = strchr(access, 'w') != NULL;

	return writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;
}

static int try_one(const char *access, const char *path)
{
	int fd = open(path, flags_of(access) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int try_devices(int argc, char **argv)
{
	if (argc < 1 || !join(argv[0]))
		return 1;
	for (int i = 1; i + 1 < argc; i += 2)
		dprintf(1, "%d\n", try_one(argv[i], argv[i + 1]));
	return 0;
}
