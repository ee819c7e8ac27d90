#ifndef STEP_H
#define STEP_H

#include <sys/types.h>

void reap(void);
/* A step runs as that process. */
int is_step(pid_t pid);

#endif
