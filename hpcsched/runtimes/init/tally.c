#include "tally.h"

#include <stdlib.h>
#include <string.h>

/* Number of ranges that end at or before `position`. */
static uint32_t done_before(const struct tally *tally, uint32_t position)
{
	uint32_t low = 0, high = tally->done_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (tally->done[middle].end <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t ended_before(const struct tally *tally, uint32_t position)
{
	uint32_t low = 0, high = tally->ended_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (tally->ended[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first position from `position` on that has not ended. */
static uint32_t past_ends(const struct tally *tally, uint32_t position)
{
	for (;;) {
		uint32_t at = done_before(tally, position), number = ended_before(tally, position);

		if (at < tally->done_count && tally->done[at].first <= position)
			position = tally->done[at].end;
		else if (number < tally->ended_count && tally->ended[number].position == position)
			position++;
		else
			return position;
	}
}

int tally_next(struct tally *tally, uint32_t *position, uint32_t *id)
{
	for (; tally->cursor < tally->wanted_count; tally->cursor++, tally->at = 0) {
		const struct wanted *range = &tally->wanted[tally->cursor];
		uint32_t next = past_ends(tally, tally->at > range->first ? tally->at : range->first);

		if (next >= range->end)
			continue;
		tally->at = next + 1;
		*position = next;
		*id = range->id + (next - range->first) * range->step;
		return 1;
	}
	return 0;
}

/* Room for one more of `size` bytes; doubled, so that it is rarely moved. */
static void *with_room(void *items, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t wider = *room ? *room * 2 : 16;

	if (count < *room)
		return items;
	items = realloc(items, wider * size);
	if (items)
		*room = wider;
	return items;
}

int tally_done(struct tally *tally, uint32_t position)
{
	uint32_t at = done_before(tally, position);
	struct range *done = with_room(tally->done, tally->done_count, &tally->done_room, sizeof *done);
	int after = at > 0 && done && done[at - 1].end == position;
	int before = done && at < tally->done_count && done[at].first == position + 1;

	if (!done)
		return 0;
	tally->done = done;
	if (after && before) {
		done[at - 1].end = done[at].end;
		memmove(done + at, done + at + 1, (--tally->done_count - at) * sizeof *done);
	} else if (after)
		done[at - 1].end++;
	else if (before)
		done[at].first--;
	else {
		memmove(done + at + 1, done + at, (tally->done_count++ - at) * sizeof *done);
		done[at] = (struct range){position, position + 1};
	}
	return 1;
}

int tally_ended(struct tally *tally, const struct ended *end)
{
	uint32_t at = ended_before(tally, end->position);
	struct ended *ended = with_room(tally->ended, tally->ended_count, &tally->ended_room, sizeof *ended);

	if (!ended)
		return 0;
	tally->ended = ended;
	memmove(ended + at + 1, ended + at, (tally->ended_count++ - at) * sizeof *ended);
	ended[at] = *end;
	return 1;
}

int tally_wants(const struct tally *tally, uint32_t position)
{
	for (uint32_t i = 0; i < tally->wanted_count; i++)
		if (position >= tally->wanted[i].first && position < tally->wanted[i].end)
			return 1;
	return 0;
}

static void forget_ended(struct tally *tally)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < tally->ended_count; i++)
		if (tally_wants(tally, tally->ended[i].position))
			tally->ended[kept++] = tally->ended[i];
	tally->ended_count = kept;
}

static int by_first(const void *left, const void *right)
{
	uint32_t a = ((const struct range *)left)->first, b = ((const struct range *)right)->first;

	return a < b ? -1 : a > b;
}

/* What is both done and wanted, as a new list: wanted ranges share no position, and come in any order. */
static void forget_done(struct tally *tally)
{
	struct tally kept = {0};

	for (uint32_t i = 0; i < tally->wanted_count; i++)
		for (uint32_t at = done_before(tally, tally->wanted[i].first); at < tally->done_count; at++) {
			struct range both = tally->done[at], limits = {tally->wanted[i].first, tally->wanted[i].end};
			struct range *room;

			both.first = both.first > limits.first ? both.first : limits.first;
			both.end = both.end < limits.end ? both.end : limits.end;
			if (both.first >= both.end)
				break;
			room = with_room(kept.done, kept.done_count, &kept.done_room, sizeof *room);
			if (!room) {
				free(kept.done);
				return;
			}
			kept.done = room;
			room[kept.done_count++] = both;
		}
	if (kept.done_count)
		qsort(kept.done, kept.done_count, sizeof *kept.done, by_first);
	free(tally->done);
	tally->done = kept.done;
	tally->done_count = kept.done_count;
	tally->done_room = kept.done_room;
}

void tally_want(struct tally *tally, struct wanted *wanted, uint32_t count)
{
	free(tally->wanted);
	tally->wanted = wanted;
	tally->wanted_count = count;
	tally->cursor = tally->at = 0;
	forget_done(tally);
	forget_ended(tally);
}

int tally_full(const struct tally *tally, uint32_t running)
{
	return tally->ended_count + running >= MAX_ENDED || tally->done_count + running >= MAX_RANGES;
}

void tally_free(struct tally *tally)
{
	free(tally->wanted);
	free(tally->done);
	free(tally->ended);
}
