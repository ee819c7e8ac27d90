/* Which of a work's positions are wanted, and how those that have ended did. */
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>

#define MAX_RANGES 65536u
#define MAX_ENDED 65536u

/* Half-open ranges of positions; `id` is the task's of `first`, `step` from one id to the next. */
struct wanted {
	uint32_t first, end, id, step;
};

struct range {
	uint32_t first, end;
};

/* A task that did not end with 0. */
struct ended {
	uint32_t position, status, error;
	uint8_t stage, cause;
};

/* `done` and `ended` are in order. `at`: no position before it in range number `cursor` is left to start. */
struct tally {
	struct wanted *wanted;
	uint32_t wanted_count, cursor, at;
	struct range *done;
	uint32_t done_count, done_room;
	struct ended *ended;
	uint32_t ended_count, ended_room;
};

/* Takes `wanted` over and forgets all ends that it does not name. */
void tally_want(struct tally *tally, struct wanted *wanted, uint32_t count);
int tally_wants(const struct tally *tally, uint32_t position);
/* The next wanted position that has not ended; 0 when there is none. */
int tally_next(struct tally *tally, uint32_t *position, uint32_t *id);
/* Each returns 0 without memory. */
int tally_done(struct tally *tally, uint32_t position);
int tally_ended(struct tally *tally, const struct ended *end);
/* No more may end until some are forgotten. */
int tally_full(const struct tally *tally, uint32_t running);
void tally_free(struct tally *tally);

#endif
