/* Copies what a step writes into its file, up to a cap, without ever slowing the step down. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdint.h>

struct output;

/* `cap` 0: none; all outputs into one file have the cap of the first together. `whole_lines`: the rest of a line waits for its
 * end, so that lines of several steps do not tear; a line of more than 64 KiB goes in pieces. */
struct output *output_open(int pipe, int file, uint64_t cap, int whole_lines);
void output_drain(struct output *output);
void output_release(struct output *output);

#endif
