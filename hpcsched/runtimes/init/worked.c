#include "worked.h"

int runs(const struct work *work, uint32_t position)
{
	for (uint32_t i = 0; i < work->slot_count; i++)
		if (work->slots[i].busy && work->slots[i].position == position)
			return 1;
	return 0;
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

uint32_t write_worked(struct work *work, char *bytes)
{
	struct page page = {bytes + 4}, length = {bytes};
	uint32_t told = work->tally.done_count < TOLD_DONE ? work->tally.done_count : TOLD_DONE;

	*page.at++ = WORKED;
	page_u64(&page, work->job);
	page_u32(&page, work->started);
	page_u32(&page, work->running);
	page_u64(&page, work->first_us);
	page_u64(&page, work->last_us);
	page_u64(&page, work->cpu_us);
	page_u64(&page, work->max_rss);
	page_u32(&page, told);
	for (uint32_t i = 0; i < told; i++) {
		page_u32(&page, work->tally.done[i].first);
		page_u32(&page, work->tally.done[i].end);
	}
	page_ends(&page, work);
	page_u32(&length, (uint32_t)(page.at - bytes) - 4);
	return (uint32_t)(page.at - bytes);
}
