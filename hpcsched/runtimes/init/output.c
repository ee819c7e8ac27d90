#define _GNU_SOURCE
#include "output.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct output {
	struct source source;
	int pipe, file;
	int owned; /* by its step; what outlives the step frees itself at the end of the pipe */
	uint64_t cap, left; /* cap 0: none */
	int cut;
};

static char chunk[64 << 10];

/* A file that takes no more (ENOSPC) loses the chunk, not the job. */
static void write_all(int file, const char *at, size_t size)
{
	while (size > 0) {
		ssize_t done = write(file, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		at += done;
		size -= (size_t)done;
	}
}

static void keep(struct output *output, size_t size)
{
	size_t kept = output->cap && size > output->left ? (size_t)output->left : size;
	char marker[64];

	write_all(output->file, chunk, kept);
	output->left -= output->cap ? kept : 0;
	if (kept < size && !output->cut) {
		output->cut = 1;
		write_all(output->file, marker,
			  (size_t)snprintf(marker, sizeof marker, "\n[hpcsched: output cut at %llu bytes]\n", (unsigned long long)output->cap));
	}
}

static ssize_t copy_some(struct output *output, size_t most)
{
	ssize_t got;

	do
		got = read(output->pipe, chunk, most < sizeof chunk ? most : sizeof chunk);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		keep(output, (size_t)got);
	return got;
}

static void stop(struct output *output)
{
	loop_forget(output->pipe);
	close(output->pipe);
	close(output->file);
	output->pipe = output->file = -1;
	if (!output->owned)
		free(output);
}

static void output_ready(struct source *source)
{
	struct output *output = (struct output *)source;
	ssize_t got = copy_some(output, sizeof chunk);

	if (got == 0 || (got < 0 && errno != EAGAIN))
		stop(output);
}

/* Takes both descriptors over, also when it fails. */
struct output *output_open(int pipe, int file, uint64_t cap)
{
	struct output *output = calloc(1, sizeof *output);

	if (output) {
		*output = (struct output){.source = {output_ready}, .pipe = pipe, .file = file, .owned = 1, .cap = cap, .left = cap};
		fcntl(pipe, F_SETPIPE_SZ, 1 << 20);
		if (fcntl(pipe, F_SETFL, O_NONBLOCK) == 0 && loop_add(pipe, &output->source) == 0)
			return output;
	}
	free(output);
	close(pipe);
	close(file);
	return NULL;
}

/* Copies what is in the pipe now; what others go on writing does not hold it up. */
void output_drain(struct output *output)
{
	int waiting = 0;

	if (output->pipe < 0 || ioctl(output->pipe, FIONREAD, &waiting) < 0)
		return;
	while (waiting > 0) {
		ssize_t got = copy_some(output, (size_t)waiting);

		if (got <= 0)
			return;
		waiting -= (int)got;
	}
}

/* The step is over; its background children may hold the pipe still. */
void output_release(struct output *output)
{
	output->owned = 0;
	if (output->pipe < 0)
		free(output);
}
