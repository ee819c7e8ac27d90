/* The event loop. One event is taken per turn, so a source may free itself, or any other, in `ready`. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct source {
	void (*ready)(struct source *self);
};

void loop_open(void);
int loop_add(int fd, struct source *source);
void loop_forget(int fd);
void loop_want(int fd, struct source *source, int writable);
void loop_run(void) __attribute__((noreturn));
void refuse(const char *what) __attribute__((noreturn));

#endif
