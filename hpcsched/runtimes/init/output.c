#define _GNU_SOURCE
#include "output.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK (64u << 10)

/* What may still be written into one file; kept for steps that come later. */
struct budget {
	struct budget *next;
	dev_t device;
	ino_t inode;
	uint64_t cap, left; /* cap 0: none */
	int cut;
};

struct output {
	struct source source;
	int pipe, file;
	int owned; /* by its step; what outlives the step frees itself at the end of the pipe */
	int whole_lines;
	struct budget *budget, own;
	int packed;
	uint32_t position;
	size_t held;
	char tail[]; /* CHUNK bytes with whole_lines: `held` bytes of a line that has not ended */
};

static char chunk[CHUNK];
static struct budget *budgets;

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

/* Whole or not at all, so that records can be told apart after a file that was full. */
static void write_record(const struct output *output, const char *at, size_t size)
{
	struct record head = {RECORD_MAGIC, output->position, (uint32_t)size};
	struct iovec parts[2] = {{&head, sizeof head}, {(char *)(uintptr_t)at, size}};
	ssize_t done = size ? writev(output->file, parts, 2) : 0;

	if (done > 0 && (size_t)done < sizeof head + size)
		(void)!ftruncate(output->file, lseek(output->file, 0, SEEK_END) - done);
}

static void put(const struct output *output, const char *at, size_t size)
{
	if (output->packed)
		write_record(output, at, size);
	else
		write_all(output->file, at, size);
}

static void keep(const struct output *output, const char *at, size_t size)
{
	struct budget *budget = output->budget;
	size_t kept = budget->cap && size > budget->left ? (size_t)budget->left : size;
	char marker[64];

	put(output, at, kept);
	budget->left -= budget->cap ? kept : 0;
	if (kept < size && !budget->cut) {
		budget->cut = 1;
		put(output, marker,
		    (size_t)snprintf(marker, sizeof marker, "\n[hpcsched: output cut at %llu bytes]\n", (unsigned long long)budget->cap));
	}
}

static void keep_tail(struct output *output)
{
	if (output->held)
		keep(output, output->tail, output->held);
	output->held = 0;
}

static void keep_lines(struct output *output, size_t size)
{
	const char *end = memrchr(chunk, '\n', size);
	size_t whole = end ? (size_t)(end + 1 - chunk) : 0;

	if (whole || output->held + size > CHUNK)
		keep_tail(output);
	keep(output, chunk, whole);
	memcpy(output->tail + output->held, chunk + whole, size - whole);
	output->held += size - whole;
}

static ssize_t copy_some(struct output *output, size_t most)
{
	ssize_t got;

	do
		got = read(output->pipe, chunk, most < sizeof chunk ? most : sizeof chunk);
	while (got < 0 && errno == EINTR);
	if (got > 0 && output->whole_lines)
		keep_lines(output, (size_t)got);
	else if (got > 0)
		keep(output, chunk, (size_t)got);
	return got;
}

static void stop(struct output *output)
{
	keep_tail(output);
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

static struct budget *budget_of(int file, uint64_t cap)
{
	struct budget *budget = budgets;
	struct stat found = {0};

	fstat(file, &found);
	while (budget && (budget->device != found.st_dev || budget->inode != found.st_ino))
		budget = budget->next;
	if (!budget && (budget = malloc(sizeof *budget))) {
		*budget = (struct budget){budgets, found.st_dev, found.st_ino, cap, cap, 0};
		budgets = budget;
	}
	return budget;
}

static struct output *begin_copying(struct output *output, int pipe, int file)
{
	if (output) {
		fcntl(pipe, F_SETPIPE_SZ, 1 << 20);
		if (fcntl(pipe, F_SETFL, O_NONBLOCK) == 0 && loop_add(pipe, &output->source) == 0)
			return output;
	}
	free(output);
	close(pipe);
	close(file);
	return NULL;
}

/* Takes both descriptors over, also when it fails. */
struct output *output_open(int pipe, int file, uint64_t cap, int whole_lines)
{
	struct budget *budget = budget_of(file, cap);
	struct output *output = budget ? malloc(sizeof *output + (whole_lines ? CHUNK : 0)) : NULL;

	if (output)
		*output = (struct output){{output_ready}, pipe, file, 1, whole_lines, budget, {0}, 0, 0, 0};
	return begin_copying(output, pipe, file);
}

/* The same. */
struct output *output_open_packed(int pipe, int file, uint64_t cap, uint32_t position)
{
	struct output *output = malloc(sizeof *output + CHUNK);

	if (output) {
		*output = (struct output){{output_ready}, pipe, file, 1, 1, &output->own, {NULL, 0, 0, cap, cap, 0}, 1, position, 0};
	}
	return begin_copying(output, pipe, file);
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
	keep_tail(output);
	output->owned = 0;
	if (output->pipe < 0)
		free(output);
}
