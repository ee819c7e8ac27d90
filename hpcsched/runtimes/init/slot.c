#define _GNU_SOURCE
#include "slot.h"
#include "clock.h"
#include "strays.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void slot_signal(const struct slot *slot, int number)
{
	if (kill(-slot->process.pid, number) < 0) /* it has not made its own group yet */
		kill(slot->process.pid, number);
}

void slot_end_early(struct slot *slot, enum cause cause)
{
	if (!slot->busy || slot->cause != BY_ITSELF)
		return;
	slot->cause = cause;
	slot->due = clock_ms() + slot->work->grace_ms;
	slot_signal(slot, slot->work->grace_ms ? SIGTERM : SIGKILL);
}

static void leave_status_pipe(struct slot *slot)
{
	if (slot->process.status < 0)
		return;
	loop_forget(slot->process.status);
	close(slot->process.status);
	slot->process.status = -1;
}

/* What the kernel shows of its binding was compared where it was set. */
static void learn_start(struct slot *slot)
{
	union {
		struct binding shown;
		struct complaint complaint;
	} said;
	ssize_t got;

	while ((got = read(slot->process.status, &said, sizeof said)) == sizeof said.shown)
		;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == sizeof said.complaint)
		slot->complaint = said.complaint;
	leave_status_pipe(slot);
}

static void status_ready(struct source *source) { learn_start((struct slot *)source); }

static struct output *copy_output(struct work *work, struct slot *slot)
{
	int pipe = slot->process.ours[0], file = fcntl(work->file, F_DUPFD_CLOEXEC, 3);

	if (work->command.flags & PACKED)
		return output_open_packed(pipe, file, work->cap, slot->position);
	return output_open(pipe, file, work->cap, work->command.flags & WHOLE_LINES);
}

static void watch(struct slot *slot)
{
	slot->output = copy_output(slot->work, slot);
	slot->source.ready = status_ready;
	fcntl(slot->process.status, F_SETFL, O_NONBLOCK);
	loop_add(slot->process.status, &slot->source);
}

int slot_start(struct slot *slot, uint32_t position, uint32_t id)
{
	static uint64_t last_key;
	struct command command = slot->work->command;
	int error;

	slot->key = ++last_key;
	snprintf(slot->key_text, sizeof slot->key_text, TASK_KEY "%llu", (unsigned long long)slot->key);
	if (command.flags & NUMBERED)
		snprintf(slot->id_text, sizeof slot->id_text, "HPCSCHED_ARRAY_TASK_ID=%u", id);
	command.binding = slot->binding;
	command.env = slot->env;
	slot->position = position;
	slot->cause = BY_ITSELF;
	slot->complaint = (struct complaint){0, 0};
	slot->started = clock_ms();
	error = launch(&command, &slot->process);
	if (error)
		return error;
	slot->busy = 1;
	watch(slot);
	return 0;
}

static void close_output(struct slot *slot)
{
	if (!slot->output)
		return;
	output_drain(slot->output);
	output_release(slot->output);
	slot->output = NULL;
}

static void add_usage(struct work *work, const struct rusage *usage)
{
	uint64_t max_rss = (uint64_t)usage->ru_maxrss * 1024;

	work->cpu_us += (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000;
	work->cpu_us += (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
	work->max_rss = work->max_rss > max_rss ? work->max_rss : max_rss;
}

/* Background processes of its group do not outlive it: the slot is the next task's. */
void slot_leave(struct slot *slot, uint32_t wait_status, const struct rusage *usage, struct ended *end)
{
	kill(-slot->process.pid, SIGKILL);
	if (slot->process.status >= 0)
		learn_start(slot);
	leave_status_pipe(slot);
	close_output(slot);
	slot->busy = 0;
	add_usage(slot->work, usage);
	*end = (struct ended){slot->position, slot->complaint.stage ? 0 : wait_status, (uint32_t)slot->complaint.error,
			      (uint8_t)slot->complaint.stage, (uint8_t)slot->cause};
}

void slot_check_time(struct slot *slot, uint64_t now_ms)
{
	const struct work *work = slot->work;

	if (!slot->busy)
		return;
	if (slot->cause != BY_ITSELF && now_ms >= slot->due)
		slot_signal(slot, SIGKILL);
	else if (work->limit_s && now_ms - slot->started >= (uint64_t)work->limit_s * 1000)
		slot_end_early(slot, BY_LIMIT);
}
