#ifndef STEP_H
#define STEP_H

void reap(void);

#endif
