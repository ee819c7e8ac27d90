#include "order.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SLOTS 8192u

/* The base's variables, the slot's own, the task's key and its id. */
static char **joined(char **base, uint32_t base_count, struct reader *r, struct slot *slot)
{
	uint32_t count = get_u32(r);
	char **own = get_strings(r, count), **env = NULL;

	if (own && (env = calloc((size_t)base_count + count + 3, sizeof *env))) {
		memcpy(env, base, base_count * sizeof *env);
		memcpy(env + base_count, own, count * sizeof *env);
		env[base_count + count] = slot->key_text;
		env[base_count + count + 1] = slot->work->command.flags & NUMBERED ? slot->id_text : NULL;
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
		get_bits(r, slot->binding.cpus, CPU_BYTES);
		get_bits(r, slot->binding.mems, NODE_BYTES);
		slot->env = joined(work->command.env, envc, r, slot);
	}
}

/* Returns 0 when what follows the slots' number is malformed; strings stay in the work's body. */
static int read_command(struct work *work, uint32_t argc, uint32_t envc, struct reader *r)
{
	struct command *command = &work->command;

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

static struct work *new_work(const struct reader *r, uint32_t slots)
{
	size_t size = (size_t)(r->end - r->at);
	struct work *work = !r->bad && slots && slots <= MAX_SLOTS ? calloc(1, sizeof *work + slots * sizeof(struct slot)) : NULL;

	if (!work || !(work->body = malloc(size + 1))) {
		free(work);
		return NULL;
	}
	memcpy(work->body, r->at, size);
	work->file = -1;
	work->slot_count = slots;
	return work;
}

struct work *read_work(uint64_t job, struct reader *r)
{
	uint32_t restarts = get_u32(r), argc, envc, slots;
	uint8_t flags = get_u8(r);
	uint64_t cap = get_u64(r);
	struct reader rest;
	struct work *work;

	argc = get_u32(r);
	envc = get_u32(r);
	slots = get_u32(r);
	work = new_work(r, slots);
	if (!work)
		return NULL;
	work->job = job;
	work->restarts = restarts;
	work->cap = cap;
	work->command.flags = (flags & (SCRIPT | WHOLE_LINES | PACKED | NUMBERED)) | BOUND;
	rest = (struct reader){work->body, work->body + (r->end - r->at), 0};
	if (read_command(work, argc, envc, &rest))
		return work;
	free_work(work);
	return NULL;
}

void free_work(struct work *work)
{
	for (uint32_t i = 0; i < work->slot_count; i++)
		free(work->slots[i].env);
	if (work->file >= 0)
		close(work->file);
	tally_free(&work->tally);
	free(work->command.argv);
	free(work->body);
	free(work);
}

struct wanted *read_wanted(struct reader *r, uint32_t count)
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
