/* Works: the tasks of one job, one at a time in each of its slots. */
#ifndef WORK_H
#define WORK_H

#include "client.h"

#include <sys/resource.h>
#include <sys/types.h>

/* Each returns 0 when the frame is malformed. */
int handle_work(struct client *client, struct reader *r);
int handle_want(struct reader *r);
int handle_look(struct client *client, struct reader *r);
int handle_drop(struct reader *r);

/* Returns 0 when that process was no task. */
int end_task(pid_t pid, uint32_t wait_status, const struct rusage *usage);
int is_task(pid_t pid);
/* A task that runs was started with that key. */
int has_key(uint64_t key);

#endif
