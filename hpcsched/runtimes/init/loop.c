#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static int epoll;

/* Only before any step runs: afterwards nothing makes us exit. */
void refuse(const char *what)
{
	fprintf(stderr, "hpcsched-init: %s: %s\n", what, strerror(errno));
	exit(125);
}

void loop_open(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		refuse("epoll_create1");
}

int loop_add(int fd, struct source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Before each close: a child between fork and exec keeps the description, and so its events, alive. */
void loop_forget(int fd) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

void loop_want(int fd, struct source *source, int writable)
{
	struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = source};

	epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

void loop_run(void)
{
	struct epoll_event event;

	for (;;)
		if (epoll_wait(epoll, &event, 1, -1) == 1) {
			struct source *source = event.data.ptr;

			source->ready(source);
		}
}
