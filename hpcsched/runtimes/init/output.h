/* Copies what a step writes into its file, up to a cap, without ever slowing the step down. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdint.h>

struct output;

struct output *output_open(int pipe, int file, uint64_t cap);
void output_drain(struct output *output);
void output_release(struct output *output);

#endif
