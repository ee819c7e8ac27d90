/* A work is told what is wanted of it as a whole each time: a position is started once for as long as it is wanted, and its end is
 * remembered until it is not. */
#define _GNU_SOURCE
#include "work.h"
#include "clock.h"
#include "launch.h"
#include "loop.h"
#include "output.h"
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORKS 8192u
#define MAX_SLOTS 8192u
#define TOLD_DONE 4000u  /* in one WORKED, which is then below MAX_REPLY of frames.py */
#define TOLD_ENDED 1000u

struct work;

/* Its task, if `busy`: `complaint` says why it could not start; `cause`, why we ended it; then SIGKILL comes at `due`. */
struct slot {
	struct source source; /* its task's status pipe */
	struct work *work;
	struct binding binding;
	char **env, id_text[48];
	int busy;
	uint32_t position;
	struct launched process;
	struct output *output;
	struct complaint complaint;
	enum cause cause;
	uint64_t started, due;
};

struct work {
	struct work *next;
	uint64_t job, cap;
	char *body;
	struct command command;
	int file, cancelled, dropped, told;
	uint32_t limit_s, grace_ms, started, running, slot_count;
	uint64_t first_us, last_us;
	struct tally tally;
	struct slot slots[];
};

static struct work *works;
static uint32_t work_count;

static struct work *find(uint64_t job)
{
	struct work *work = works;

	while (work && (work->job != job || work->dropped))
		work = work->next;
	return work;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tell(struct work *work)
{
	struct writer frame;

	if (work->told)
		return;
	work->told = 1;
	begin(&frame, NEWS);
	put_u64(&frame, work->job);
	finish(&frame);
	send_to_all(&frame);
}

static void free_work(struct work *work)
{
	struct work **link = &works;

	while (*link != work)
		link = &(*link)->next;
	*link = work->next;
	work_count--;
	for (uint32_t i = 0; i < work->slot_count; i++)
		free(work->slots[i].env);
	if (work->file >= 0)
		close(work->file);
	tally_free(&work->tally);
	free(work->command.argv);
	free(work->body);
	free(work);
}

static void signal_group(const struct slot *slot, int number)
{
	if (kill(-slot->process.pid, number) < 0) /* it has not made its own group yet */
		kill(slot->process.pid, number);
}

static void end_early(struct slot *slot, enum cause cause)
{
	if (!slot->busy || slot->cause != BY_ITSELF)
		return;
	slot->cause = cause;
	slot->due = clock_ms() + slot->work->grace_ms;
	signal_group(slot, slot->work->grace_ms ? SIGTERM : SIGKILL);
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

static void note_end(struct work *work, const struct ended *end)
{
	int plain = !end->status && !end->stage && end->cause == BY_ITSELF;

	work->last_us = now_us();
	if (plain)
		tally_done(&work->tally, end->position);
	else
		tally_ended(&work->tally, end);
	tell(work);
}

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

static void start(struct slot *slot, uint32_t position, uint32_t id)
{
	struct work *work = slot->work;
	struct command command = work->command;
	int error;

	if (command.flags & NUMBERED)
		snprintf(slot->id_text, sizeof slot->id_text, "HPCSCHED_ARRAY_TASK_ID=%u", id);
	command.binding = slot->binding;
	command.env = slot->env;
	slot->position = position;
	slot->cause = BY_ITSELF;
	slot->complaint = (struct complaint){0, 0};
	slot->started = clock_ms();
	work->first_us = work->first_us ? work->first_us : now_us();
	work->started++;
	error = launch(&command, &slot->process);
	if (error) {
		note_end(work, &(struct ended){position, 0, (uint32_t)error, STAGE_SETUP, BY_ITSELF});
		return;
	}
	slot->busy = 1;
	work->running++;
	watch(slot);
	if (work->started == 1)
		tell(work);
}

static int runs(const struct work *work, uint32_t position)
{
	for (uint32_t i = 0; i < work->slot_count; i++)
		if (work->slots[i].busy && work->slots[i].position == position)
			return 1;
	return 0;
}

static int next_task(struct work *work, uint32_t *position, uint32_t *id)
{
	if (work->cancelled || work->dropped || tally_full(&work->tally, work->running))
		return 0;
	while (tally_next(&work->tally, position, id))
		if (!runs(work, *position))
			return 1;
	return 0;
}

static void fill_slot(struct slot *slot)
{
	uint32_t position, id;

	while (!slot->busy && next_task(slot->work, &position, &id))
		start(slot, position, id);
}

static void fill(struct work *work)
{
	for (uint32_t i = 0; i < work->slot_count; i++)
		fill_slot(&work->slots[i]);
}

static struct slot *slot_of(pid_t pid)
{
	for (struct work *work = works; work; work = work->next)
		for (uint32_t i = 0; work->running && i < work->slot_count; i++)
			if (work->slots[i].busy && work->slots[i].process.pid == pid)
				return &work->slots[i];
	return NULL;
}

/* Background processes of its group do not outlive it: the slot is the next task's. */
static void leave(struct slot *slot, pid_t pid)
{
	kill(-pid, SIGKILL);
	if (slot->process.status >= 0)
		learn_start(slot);
	leave_status_pipe(slot);
	if (slot->output) {
		output_drain(slot->output);
		output_release(slot->output);
		slot->output = NULL;
	}
	slot->busy = 0;
	slot->work->running--;
}

int end_task(pid_t pid, uint32_t wait_status)
{
	struct slot *slot = slot_of(pid);
	struct work *work = slot ? slot->work : NULL;
	struct ended end;

	if (!slot)
		return 0;
	leave(slot, pid);
	end = (struct ended){slot->position, slot->complaint.stage ? 0 : wait_status, (uint32_t)slot->complaint.error,
			     (uint8_t)slot->complaint.stage, (uint8_t)slot->cause};
	note_end(work, &end);
	fill_slot(slot);
	if (work->dropped && !work->running)
		free_work(work);
	return 1;
}

/* How soon the clock must ring again: often while something is being ended, 0 when nothing has a limit. */
static uint32_t urgency(void)
{
	uint32_t wait_ms = 0;

	for (struct work *work = works; work; work = work->next)
		for (uint32_t i = 0; work->running && i < work->slot_count; i++) {
			if (work->slots[i].busy && work->slots[i].cause != BY_ITSELF)
				return 50;
			wait_ms = work->limit_s ? 500 : wait_ms;
		}
	return wait_ms;
}

static void check_time(struct slot *slot, uint64_t now)
{
	const struct work *work = slot->work;

	if (!slot->busy)
		return;
	if (slot->cause != BY_ITSELF && now >= slot->due)
		signal_group(slot, SIGKILL);
	else if (work->limit_s && now - slot->started >= (uint64_t)work->limit_s * 1000)
		end_early(slot, BY_LIMIT);
}

static void time_passes(void)
{
	uint64_t now = clock_ms();

	for (struct work *work = works; work; work = work->next)
		for (uint32_t i = 0; i < work->slot_count; i++)
			check_time(&work->slots[i], now);
	clock_ring(urgency(), time_passes);
}

/* The base's variables, the slot's own, and the task's id. */
static char **joined(char **base, uint32_t base_count, struct reader *r, struct slot *slot)
{
	uint32_t count = get_u32(r);
	char **own = get_strings(r, count), **env = NULL;

	if (own && (env = calloc((size_t)base_count + count + 2, sizeof *env))) {
		memcpy(env, base, base_count * sizeof *env);
		memcpy(env + base_count, own, count * sizeof *env);
		env[base_count + count] = *slot->id_text ? slot->id_text : NULL;
	}
	free(own);
	r->bad |= !env;
	return env;
}

static void read_slots(struct work *work, uint32_t envc, struct reader *r)
{
	for (uint32_t i = 0; i < work->slot_count && !r->bad; i++) {
		struct slot *slot = &work->slots[i];

		slot->work = work;
		slot->id_text[0] = work->command.flags & NUMBERED ? '?' : 0;
		get_bits(r, slot->binding.cpus, CPU_BYTES);
		get_bits(r, slot->binding.mems, NODE_BYTES);
		slot->env = joined(work->command.env, envc, r, slot);
	}
}

/* Returns 0 when the rest of the frame, which the work keeps, is malformed. */
static int read_command(struct work *work, struct reader *r)
{
	struct command *command = &work->command;
	uint32_t argc = get_u32(r), envc = get_u32(r);

	get_u32(r);
	command->workdir = get_string(r);
	command->argv = get_strings(r, argc);
	command->env = get_strings(r, envc);
	if (!r->bad)
		read_slots(work, envc, r);
	free(command->env);
	command->env = NULL;
	command->script = r->at;
	command->script_size = (uint32_t)(r->end - r->at);
	return !r->bad && argc > 0 && (command->flags & SCRIPT ? command->script_size > 0 : command->script_size == 0);
}

static struct work *new_work(uint64_t job, uint8_t flags, uint64_t cap, struct reader *rest, uint32_t slots)
{
	size_t size = (size_t)(rest->end - rest->at);
	struct work *work = slots && slots <= MAX_SLOTS && work_count < MAX_WORKS ? calloc(1, sizeof *work + slots * sizeof(struct slot)) : NULL;

	if (!work || !(work->body = malloc(size + 1))) {
		free(work);
		return NULL;
	}
	memcpy(work->body, rest->at, size);
	*rest = (struct reader){work->body, work->body + size, 0};
	work->job = job;
	work->cap = cap;
	work->file = -1;
	work->slot_count = slots;
	work->command.flags = (flags & (SCRIPT | WHOLE_LINES | PACKED | NUMBERED)) | BOUND;
	work->next = works;
	works = work;
	work_count++;
	return work;
}

/* A second one of the same job changes nothing. */
int handle_work(struct client *client, struct reader *r)
{
	uint64_t job = get_u64(r), cap;
	uint8_t flags = get_u8(r);
	struct reader rest, ahead;
	struct work *work;
	int file = take_descriptor(client);

	cap = get_u64(r);
	rest = ahead = *r;
	get_u64(&ahead);
	if (find(job) || ahead.bad || !(work = new_work(job, flags, cap, &rest, get_u32(&ahead)))) {
		if (file >= 0)
			close(file);
		return find(job) != NULL;
	}
	work->file = file;
	if (read_command(work, &rest))
		return 1;
	free_work(work);
	return 0;
}

static struct wanted *read_wanted(struct reader *r, uint32_t count)
{
	struct wanted *wanted = count <= MAX_RANGES ? calloc((size_t)count + 1, sizeof *wanted) : NULL;

	for (uint32_t i = 0; wanted && i < count; i++) {
		wanted[i].first = get_u32(r);
		wanted[i].end = get_u32(r);
		wanted[i].id = get_u32(r);
		wanted[i].step = get_u32(r);
		r->bad |= wanted[i].first >= wanted[i].end;
	}
	if (wanted && !r->bad)
		return wanted;
	free(wanted);
	return NULL;
}

static void cancel(struct work *work)
{
	work->cancelled = 1;
	for (uint32_t i = 0; i < work->slot_count; i++)
		end_early(&work->slots[i], BY_CANCEL);
	tell(work);
}

/* The same frame again changes nothing. */
int handle_want(struct reader *r)
{
	struct work *work = find(get_u64(r));
	uint8_t cancels = get_u8(r);
	uint32_t limit_s = get_u32(r), grace_ms = get_u32(r), count = get_u32(r);
	struct wanted *wanted = r->bad ? NULL : read_wanted(r, count);

	if (!wanted || !work) {
		free(wanted);
		return wanted != NULL;
	}
	work->limit_s = limit_s;
	work->grace_ms = grace_ms;
	tally_want(&work->tally, wanted, count);
	if (cancels)
		cancel(work);
	fill(work);
	clock_ring(urgency(), time_passes);
	return 1;
}

struct page {
	char *at;
};

static void page_u32(struct page *page, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		*page->at++ = (char)(value >> (8 * i));
}

static void page_u64(struct page *page, uint64_t value)
{
	page_u32(page, (uint32_t)value);
	page_u32(page, (uint32_t)(value >> 32));
}

static void page_ended(struct page *page, const struct ended *end)
{
	page_u32(page, end->position);
	page_u32(page, end->status);
	page_u32(page, end->error);
	*page->at++ = (char)end->stage;
	*page->at++ = (char)end->cause;
}

/* Those that never will start: a cancelled work goes through what is left of it each time, until that is not wanted any more. */
static uint32_t page_unstarted(struct page *page, struct work *work, uint32_t most)
{
	uint32_t position, id, count = 0;

	work->tally.cursor = work->tally.at = 0;
	while (work->cancelled && count < most && tally_next(&work->tally, &position, &id))
		if (!runs(work, position)) {
			page_ended(page, &(struct ended){position, 0, 0, 0, BY_CANCEL});
			count++;
		}
	return count;
}

static void page_ends(struct page *page, struct work *work)
{
	uint32_t told = work->tally.ended_count < TOLD_ENDED ? work->tally.ended_count : TOLD_ENDED, more;
	char *count_at = page->at;
	struct page count = {count_at};

	page->at += 4;
	for (uint32_t i = 0; i < told; i++)
		page_ended(page, &work->tally.ended[i]);
	more = work->cancelled ? page_unstarted(page, work, TOLD_ENDED - told) : 0;
	page_u32(&count, told + more);
}

static uint32_t write_page(struct work *work, char *bytes)
{
	struct page page = {bytes + 4}, length = {bytes};
	uint32_t told = work->tally.done_count < TOLD_DONE ? work->tally.done_count : TOLD_DONE;

	*page.at++ = WORKED;
	page_u64(&page, work->job);
	page_u32(&page, work->started);
	page_u32(&page, work->running);
	page_u64(&page, work->first_us);
	page_u64(&page, work->last_us);
	page_u32(&page, told);
	for (uint32_t i = 0; i < told; i++) {
		page_u32(&page, work->tally.done[i].first);
		page_u32(&page, work->tally.done[i].end);
	}
	page_ends(&page, work);
	page_u32(&length, (uint32_t)(page.at - bytes) - 4);
	return (uint32_t)(page.at - bytes);
}

int handle_look(struct client *client, struct reader *r)
{
	static char bytes[64 + TOLD_DONE * 8 + TOLD_ENDED * 14];
	struct work none = {.file = -1}, *work;

	none.job = get_u64(r);
	if (r->bad)
		return 0;
	work = find(none.job);
	if (work)
		work->told = 0;
	send_bytes(client, bytes, write_page(work ? work : &none, bytes));
	return 1;
}

/* Nothing of it is wanted any more: what runs is killed. */
int handle_drop(struct reader *r)
{
	struct work *work = find(get_u64(r));

	if (r->bad || !work)
		return !r->bad;
	work->dropped = 1;
	for (uint32_t i = 0; i < work->slot_count; i++)
		if (work->slots[i].busy)
			signal_group(&work->slots[i], SIGKILL);
	if (!work->running)
		free_work(work);
	return 1;
}
