/* What has left its task's process group is our child once its parent has ended, and has the task's key in its environment. It is
 * told by that alone: whoever starts something with another environment keeps it, until the container ends. */
#define _GNU_SOURCE
#include "strays.h"
#include "step.h"
#include "work.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST (1u << 17) /* bytes of a list of children or of an environment that are looked at */

/* Returns the length; the bytes end in NUL. */
static size_t read_whole(const char *path, char *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && length < MOST - 1 && (got = read(fd, bytes + length, MOST - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	bytes[length] = 0;
	return length;
}

/* 0: it has none. */
static uint64_t key_of(pid_t pid)
{
	static char bytes[MOST];
	char path[48];
	size_t length;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	length = read_whole(path, bytes);
	for (const char *at = bytes; at < bytes + length; at += strlen(at) + 1)
		if (strncmp(at, TASK_KEY, sizeof TASK_KEY - 1) == 0)
			return strtoull(at + sizeof TASK_KEY - 1, NULL, 10);
	return 0;
}

static int is_stray(pid_t pid)
{
	uint64_t key = is_task(pid) || is_step(pid) ? 0 : key_of(pid);

	return key && !has_key(key);
}

void end_strays(void)
{
	static char bytes[MOST];
	char *at = bytes, *end;

	read_whole("/proc/thread-self/children", bytes);
	for (long pid; (pid = strtol(at, &end, 10)) > 0; at = end)
		if (is_stray((pid_t)pid))
			kill((pid_t)pid, SIGKILL);
}
