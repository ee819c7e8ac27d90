/* Time for limits: it stands still while we are frozen, as the tasks are. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);
/* Calls `ring` in `wait_ms`, once; 0: never. */
void clock_ring(uint32_t wait_ms, void (*ring)(void));

#endif
