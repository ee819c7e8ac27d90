/* Processes that a task leaves behind in sessions of their own. */
#ifndef STRAYS_H
#define STRAYS_H

#define TASK_KEY "HPCSCHED_TASK_KEY="

/* Kill those of tasks that have ended; their children come next, when they are reaped. */
void end_strays(void);

#endif
