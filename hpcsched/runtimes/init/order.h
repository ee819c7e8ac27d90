/* What frames tell of a work. */
#ifndef ORDER_H
#define ORDER_H

#include "slot.h"

/* A new work of what WORK says behind its job; NULL when that is malformed, too much, or there is no memory. */
struct work *read_work(uint64_t job, struct reader *r);
void free_work(struct work *work);
/* The ranges of a WANT; NULL as above. */
struct wanted *read_wanted(struct reader *r, uint32_t count);

#endif
