/* What a work has come to, as one WORKED. */
#ifndef WORKED_H
#define WORKED_H

#include "slot.h"

#define TOLD_DONE 4000u /* in one WORKED, which is then below MAX_REPLY of frames.py */
#define TOLD_ENDED 1000u
#define MAX_WORKED (80u + TOLD_DONE * 8 + TOLD_ENDED * 14)

/* Into `bytes`, of MAX_WORKED; returns how many. */
uint32_t write_worked(struct work *work, char *bytes);
/* A task at that position has been started and has not ended. */
int runs(const struct work *work, uint32_t position);

#endif
