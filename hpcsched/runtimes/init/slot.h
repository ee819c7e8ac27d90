/* Slots: each runs one task of its work at a time, in its own binding. */
#ifndef SLOT_H
#define SLOT_H

#include "frame.h"
#include "launch.h"
#include "loop.h"
#include "output.h"
#include "tally.h"

#include <sys/resource.h>

struct work;

/* Its task, if `busy`: `complaint` says why it could not start; `cause`, why we ended it; then SIGKILL comes at `due`.
 * `key`: of this task among all that this process ever starts; `env` ends in `key_text` and, of a NUMBERED work, `id_text`. */
struct slot {
	struct source source; /* its task's status pipe */
	struct work *work;
	struct binding binding;
	char **env, id_text[48], key_text[48];
	int busy;
	uint32_t position;
	struct launched process;
	struct output *output;
	struct complaint complaint;
	enum cause cause;
	uint64_t key, started, due;
};

/* `cpu_us`, `max_rss` (in bytes): of all its tasks that have ended, each with the children that it waited for. */
struct work {
	struct work *next;
	uint64_t job, cap;
	char *body;
	struct command command;
	int file, cancelled, dropped, told;
	uint32_t restarts, limit_s, grace_ms, started, running, slot_count;
	uint64_t first_us, last_us, cpu_us, max_rss;
	struct tally tally;
	struct slot slots[];
};

/* Returns 0, or the errno why nothing was started. */
int slot_start(struct slot *slot, uint32_t position, uint32_t id);
/* Its task is over; `end`: how it ended. */
void slot_leave(struct slot *slot, uint32_t wait_status, const struct rusage *usage, struct ended *end);
void slot_end_early(struct slot *slot, enum cause cause);
void slot_signal(const struct slot *slot, int number);
/* SIGKILL after the grace, and the time limit. */
void slot_check_time(struct slot *slot, uint64_t now_ms);

#endif
