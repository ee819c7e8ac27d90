#define _GNU_SOURCE
#include "clock.h"
#include "loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_MS 2000u /* between two rings while something has a limit; what is longer, we slept through */

static struct {
	struct source source;
	int fd;
	void (*ring)(void);
} bell = {.fd = -1};
static uint64_t counted_ms, last_ms;

uint64_t clock_ms(void)
{
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
	counted_ms += now - last_ms < LONGEST_MS ? now - last_ms : LONGEST_MS;
	last_ms = now;
	return counted_ms;
}

static void bell_ready(struct source *source)
{
	uint64_t rings;

	(void)source;
	if (read(bell.fd, &rings, sizeof rings) > 0)
		bell.ring();
}

void clock_ring(uint32_t wait_ms, void (*ring)(void))
{
	struct itimerspec when = {.it_value = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000}};

	if (bell.fd < 0) {
		bell.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		bell.source.ready = bell_ready;
		loop_add(bell.fd, &bell.source);
	}
	bell.ring = ring;
	timerfd_settime(bell.fd, 0, &when, NULL);
}
