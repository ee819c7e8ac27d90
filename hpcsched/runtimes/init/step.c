/* Steps: each is spawned at most once ever, and its end is remembered for whoever asks later. */
#define _GNU_SOURCE
#include "step.h"
#include "client.h"
#include "launch.h"
#include "loop.h"
#include "output.h"
#include "strays.h"
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum state { STARTING, RUNNING, FAILED, OVER };

struct step {
	struct source source; /* its status pipe */
	struct step *next;
	uint32_t id;
	enum state state;
	struct launched process;
	uint64_t asker; /* gets the descriptors of an attached step */
	int attached;
	struct output *output; /* of a step that is not attached */
	struct binding *shown; /* by the kernel, of a bound step */
	int error, stage, wait_status;
	struct rusage usage;
};

static struct step *steps; /* the newest first */

static struct step *find(uint32_t id)
{
	struct step *step = steps;

	while (step && step->id != id)
		step = step->next;
	return step;
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

static void write_exited(struct writer *frame, const struct step *step)
{
	begin(frame, EXITED);
	put_u32(frame, step->id);
	put_u32(frame, (uint32_t)step->wait_status);
	put_u64(frame, (uint64_t)step->usage.ru_maxrss * 1024);
	put_u64(frame, microseconds(step->usage.ru_utime));
	put_u64(frame, microseconds(step->usage.ru_stime));
}

static void write_failed(struct writer *frame, const struct step *step)
{
	begin(frame, SPAWN_FAILED);
	put_u32(frame, step->id);
	put_u32(frame, (uint32_t)step->error);
	put_u8(frame, (uint8_t)step->stage);
}

static void write_spawned(struct writer *frame, const struct step *step)
{
	begin(frame, SPAWNED);
	put_u32(frame, step->id);
	put_u32(frame, (uint32_t)step->process.pid);
}

static void describe(struct writer *frame, const struct step *step)
{
	if (step->state == OVER)
		write_exited(frame, step);
	else if (step->state == FAILED)
		write_failed(frame, step);
	else
		write_spawned(frame, step);
	finish(frame);
}

static void write_shown(struct writer *frame, const struct step *step)
{
	begin(frame, SHOWN);
	put_u32(frame, step->id);
	put_u32(frame, step->shown->policy);
	put_bits(frame, step->shown->cpus, CPU_BYTES);
	put_bits(frame, step->shown->mems, NODE_BYTES);
	finish(frame);
}

static void fail(struct step *step, int error, int stage)
{
	struct writer frame;

	step->state = FAILED;
	step->error = error;
	step->stage = stage;
	describe(&frame, step);
	send_to_all(&frame);
}

static void leave_status_pipe(struct step *step)
{
	loop_forget(step->process.status);
	close(step->process.status);
	step->process.status = -1;
}

static void announce(struct step *step)
{
	struct writer frame;

	step->state = RUNNING;
	describe(&frame, step);
	if (step->attached)
		send_to_serial(step->asker, &frame, step->process.ours, step->process.count);
	else
		send_to_all(&frame);
}

static void drop_ends(struct step *step)
{
	for (int i = 0; step->attached && i < step->process.count; i++)
		close(step->process.ours[i]);
	if (step->output) {
		output_drain(step->output);
		output_release(step->output);
		step->output = NULL;
	}
}

static void keep_shown(struct step *step, const struct binding *shown)
{
	struct writer frame;

	if (step->shown || !(step->shown = malloc(sizeof *shown)))
		return;
	*step->shown = *shown;
	write_shown(&frame, step);
	send_to_all(&frame);
}

/* The pipe ends silently when exec has closed it, or the child was killed before that. */
static void learn_start(struct step *step)
{
	union {
		struct binding shown;
		struct complaint complaint;
	} said;
	ssize_t got;

	while ((got = read(step->process.status, &said, sizeof said)) == sizeof said.shown)
		keep_shown(step, &said.shown);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	leave_status_pipe(step);
	if (got != sizeof said.complaint) {
		announce(step);
		return;
	}
	drop_ends(step);
	fail(step, said.complaint.error, said.complaint.stage);
}

static void status_ready(struct source *source) { learn_start((struct step *)source); }

static void finish_step(struct step *step, int wait_status, const struct rusage *usage)
{
	struct writer frame;

	if (step->state == STARTING)
		learn_start(step);
	if (step->state != RUNNING)
		return;
	if (step->output)
		drop_ends(step);
	step->state = OVER;
	step->wait_status = wait_status;
	step->usage = *usage;
	describe(&frame, step);
	send_to_all(&frame);
}

static struct step *step_of(pid_t pid)
{
	struct step *step = steps;

	while (step && (step->process.pid != pid || step->state > RUNNING))
		step = step->next;
	return step;
}

int is_step(pid_t pid) { return step_of(pid) != NULL; }

static void end_step(pid_t pid, int wait_status, const struct rusage *usage)
{
	struct step *step = step_of(pid);

	if (step)
		finish_step(step, wait_status, usage);
}

void reap(void)
{
	struct rusage usage;
	int wait_status;
	pid_t pid;

	while ((pid = wait4(-1, &wait_status, WNOHANG, &usage)) > 0)
		if (!end_task(pid, (uint32_t)wait_status, &usage))
			end_step(pid, wait_status, &usage);
	end_strays();
}

static void start(struct step *step, const struct command *command, int file, uint64_t cap)
{
	int error = launch(command, &step->process);

	if (error) {
		if (file >= 0)
			close(file);
		fail(step, error, STAGE_SETUP);
		return;
	}
	if (!step->attached)
		step->output = output_open(step->process.ours[0], file, cap, command->flags & WHOLE_LINES);
	step->source.ready = status_ready;
	fcntl(step->process.status, F_SETFL, O_NONBLOCK);
	loop_add(step->process.status, &step->source);
}

/* The second spawn of an id starts nothing and is told how the first stands. */
static void tell_again(struct client *client, const struct step *step)
{
	struct writer frame;

	if (step->state == STARTING)
		return; /* told when it is known */
	if (step->shown) {
		write_shown(&frame, step);
		send_to(client, &frame);
	}
	if (step->state == FAILED)
		describe(&frame, step);
	else {
		write_spawned(&frame, step);
		finish(&frame);
	}
	send_to(client, &frame);
}

static void spawn(struct client *client, uint32_t id, const struct command *command, uint64_t cap)
{
	struct step *step = find(id);
	int file = take_descriptor(client);

	if (step || !(step = calloc(1, sizeof *step))) {
		if (file >= 0)
			close(file);
		if (step)
			tell_again(client, step);
		return;
	}
	step->id = id;
	step->attached = command->flags & ATTACHED;
	step->asker = client_serial(client);
	step->next = steps;
	steps = step;
	start(step, command, file, cap);
}

static int handle_spawn(struct client *client, struct reader *r)
{
	struct command command = {0};
	uint32_t id = get_u32(r), argc, envc;
	uint64_t cap;
	int good;

	command.flags = get_u8(r);
	cap = get_u64(r);
	argc = get_u32(r);
	envc = get_u32(r);
	if (command.flags & BOUND) {
		get_bits(r, command.binding.cpus, CPU_BYTES);
		get_bits(r, command.binding.mems, NODE_BYTES);
	}
	command.workdir = get_string(r);
	command.argv = get_strings(r, argc);
	command.env = get_strings(r, envc);
	command.script = r->at;
	command.script_size = (uint32_t)(r->end - r->at);
	good = !r->bad && argc > 0 && (command.flags & SCRIPT ? command.script_size > 0 : command.script_size == 0);
	if (good)
		spawn(client, id, &command, cap);
	free(command.argv);
	free(command.env);
	return good;
}

static int handle_signal(struct reader *r)
{
	struct step *step = find(get_u32(r));
	uint32_t number = get_u32(r);

	if (!r->bad && step && step->state <= RUNNING && number <= (uint32_t)SIGRTMAX)
		if (kill(-step->process.pid, (int)number) < 0) /* it has not made its own group yet */
			kill(step->process.pid, (int)number);
	return !r->bad;
}

static int handle_status(struct client *client, struct reader *r)
{
	uint32_t id = get_u32(r);
	struct step *step = find(id);
	struct writer frame;

	if (r->bad)
		return 0;
	if (step && step->state == STARTING)
		return 1; /* told when it is known */
	if (step)
		describe(&frame, step);
	else {
		begin(&frame, UNKNOWN);
		put_u32(&frame, id);
		finish(&frame);
	}
	send_to(client, &frame);
	return 1;
}

int handle_frame(struct client *client, char *body, uint32_t length)
{
	struct reader r = {body, body + length, 0};

	switch (get_u8(&r)) {
	case SPAWN:
		return handle_spawn(client, &r);
	case SIGNAL_STEP:
		return handle_signal(&r);
	case STATUS:
		return handle_status(client, &r);
	case WORK:
		return handle_work(client, &r);
	case WANT:
		return handle_want(&r);
	case LOOK:
		return handle_look(client, &r);
	case DROP:
		return handle_drop(&r);
	default:
		return 0;
	}
}
