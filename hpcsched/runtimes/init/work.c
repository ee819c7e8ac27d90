/* A work is told what is wanted of it as a whole each time: a position is started once for as long as it is wanted, and its end is
 * remembered until it is not. */
#define _GNU_SOURCE
#include "work.h"
#include "clock.h"
#include "order.h"
#include "slot.h"
#include "worked.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORKS 8192u

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

static void add(struct work *work)
{
	work->next = works;
	works = work;
	work_count++;
}

static void forget(struct work *work)
{
	struct work **link = &works;

	while (*link != work)
		link = &(*link)->next;
	*link = work->next;
	work_count--;
	free_work(work);
}

static void note_end(struct work *work, const struct ended *end)
{
	int plain = !end->status && !end->stage && end->cause == BY_ITSELF, wanted = tally_wants(&work->tally, end->position);

	work->last_us = now_us();
	if (plain && wanted)
		tally_done(&work->tally, end->position);
	else if (wanted)
		tally_ended(&work->tally, end);
	tell(work);
}

static void start(struct slot *slot, uint32_t position, uint32_t id)
{
	struct work *work = slot->work;
	int error;

	work->first_us = work->first_us ? work->first_us : now_us();
	work->started++;
	error = slot_start(slot, position, id);
	if (error) {
		note_end(work, &(struct ended){position, 0, (uint32_t)error, STAGE_SETUP, BY_ITSELF});
		return;
	}
	work->running++;
	if (work->started == 1)
		tell(work);
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

int is_task(pid_t pid) { return slot_of(pid) != NULL; }

int has_key(uint64_t key)
{
	for (struct work *work = works; work; work = work->next)
		for (uint32_t i = 0; work->running && i < work->slot_count; i++)
			if (work->slots[i].busy && work->slots[i].key == key)
				return 1;
	return 0;
}

int end_task(pid_t pid, uint32_t wait_status, const struct rusage *usage)
{
	struct slot *slot = slot_of(pid);
	struct work *work = slot ? slot->work : NULL;
	struct ended end;

	if (!slot)
		return 0;
	slot_leave(slot, wait_status, usage, &end);
	work->running--;
	note_end(work, &end);
	fill_slot(slot);
	if (work->dropped && !work->running)
		forget(work);
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

static void time_passes(void)
{
	uint64_t now = clock_ms();

	for (struct work *work = works; work; work = work->next)
		for (uint32_t i = 0; i < work->slot_count; i++)
			slot_check_time(&work->slots[i], now);
	clock_ring(urgency(), time_passes);
}

/* Nothing of it is wanted any more: what runs is killed. */
static void drop(struct work *work)
{
	work->dropped = 1;
	for (uint32_t i = 0; i < work->slot_count; i++)
		if (work->slots[i].busy)
			slot_signal(&work->slots[i], SIGKILL);
	if (!work->running)
		forget(work);
}

/* A second one of the same job changes nothing, unless the job was restarted: then it takes the place of the first. */
static int is_known(uint64_t job, uint32_t restarts)
{
	const struct work *known = find(job);

	return known && known->restarts >= restarts;
}

int handle_work(struct client *client, struct reader *r)
{
	uint64_t job = get_u64(r);
	int file = take_descriptor(client);
	struct work *work = r->bad || work_count >= MAX_WORKS ? NULL : read_work(job, r), *former;

	if (!work || is_known(job, work->restarts)) {
		if (file >= 0)
			close(file);
		if (work)
			free_work(work);
		return work != NULL;
	}
	former = find(job);
	if (former)
		drop(former);
	work->file = file;
	add(work);
	return 1;
}

static void cancel(struct work *work)
{
	work->cancelled = 1;
	for (uint32_t i = 0; i < work->slot_count; i++)
		slot_end_early(&work->slots[i], BY_CANCEL);
	tell(work);
}

static void end_unwanted(struct work *work)
{
	for (uint32_t i = 0; i < work->slot_count; i++)
		if (!tally_wants(&work->tally, work->slots[i].position))
			slot_end_early(&work->slots[i], BY_CANCEL);
}

/* What runs and is not wanted any more is ended. The same frame again changes nothing. */
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
	end_unwanted(work);
	if (cancels)
		cancel(work);
	fill(work);
	clock_ring(urgency(), time_passes);
	return 1;
}

int handle_look(struct client *client, struct reader *r)
{
	static char bytes[MAX_WORKED];
	struct work none = {.file = -1}, *work;

	none.job = get_u64(r);
	if (r->bad)
		return 0;
	work = find(none.job);
	if (work)
		work->told = 0;
	send_bytes(client, bytes, write_worked(work ? work : &none, bytes));
	return 1;
}

int handle_drop(struct reader *r)
{
	struct work *work = find(get_u64(r));

	if (!r->bad && work)
		drop(work);
	return !r->bad;
}
