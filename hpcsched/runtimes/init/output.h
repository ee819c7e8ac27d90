/* Copies what a step writes into its file, up to a cap, without ever slowing the step down. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdint.h>

#define RECORD_MAGIC 0x31637068u /* "hpc1" */

/* In host order, which is little-endian wherever we run. */
struct record {
	uint32_t magic, position, size;
};

struct output;

/* `cap` 0: none; all outputs into one file have the cap of the first together. `whole_lines`: the rest of a line waits for its
 * end, so that lines of several steps do not tear; a line of more than 64 KiB goes in pieces. */
struct output *output_open(int pipe, int file, uint64_t cap, int whole_lines);
/* Of a task: records of a struct record and so many bytes, in an own file of its work; the cap is the task's own. */
struct output *output_open_packed(int pipe, int file, uint64_t cap, uint32_t position);
void output_drain(struct output *output);
void output_release(struct output *output);

#endif
