#define _GNU_SOURCE
#include "binding.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/mempolicy.h; that of an older system lacks the last one. */
enum { POLICY_DEFAULT = 0, POLICY_PREFERRED = 1, POLICY_PREFERRED_MANY = 5 };

#define MAX_NODE (NODE_BYTES * 8 + 1) /* the kernel takes one off */

static int empty(const uint8_t *bits, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		if (bits[i])
			return 0;
	return 1;
}

static void keep_first(uint8_t *bits, uint32_t size)
{
	int found = 0;

	for (uint32_t i = 0; i < size; i++) {
		bits[i] = found ? 0 : (uint8_t)(bits[i] & -bits[i]);
		found |= bits[i];
	}
}

static long set_policy(int policy, const uint8_t *mems)
{
	unsigned long mask[NODE_BYTES / sizeof(long)];

	memcpy(mask, mems, sizeof mask);
	return syscall(SYS_set_mempolicy, policy, mask, (unsigned long)MAX_NODE);
}

/* A kernel before 5.15 prefers one node at most: the first. One that prefers many has refused these for themselves. */
static int prefer_first(struct binding *wanted)
{
	keep_first(wanted->mems, NODE_BYTES);
	wanted->policy = POLICY_PREFERRED;
	if (set_policy(POLICY_PREFERRED_MANY, wanted->mems) < 0)
		return set_policy(POLICY_PREFERRED, wanted->mems) < 0 ? -1 : 0;
	errno = EINVAL;
	return -1;
}

/* `wanted` becomes what the kernel is to show; one without NUMA (ENOSYS) has node 0 alone, and no policies. */
static int prefer(struct binding *wanted)
{
	static const uint8_t only_node[NODE_BYTES] = {1};

	wanted->policy = POLICY_PREFERRED_MANY;
	if (set_policy(POLICY_PREFERRED_MANY, wanted->mems) == 0)
		return 0;
	if (errno == EINVAL)
		return prefer_first(wanted);
	if (errno != ENOSYS || memcmp(wanted->mems, only_node, NODE_BYTES) != 0)
		return -1;
	*wanted->mems = 0;
	wanted->policy = POLICY_DEFAULT;
	return 0;
}

static int see(struct binding *seen)
{
	unsigned long mask[NODE_BYTES / sizeof(long)] = {0};
	int policy = POLICY_DEFAULT;

	memset(seen, 0, sizeof *seen);
	if (syscall(SYS_sched_getaffinity, 0, sizeof seen->cpus, seen->cpus) < 0)
		return -1;
	if (syscall(SYS_get_mempolicy, &policy, mask, (unsigned long)MAX_NODE, NULL, 0UL) < 0 && errno != ENOSYS)
		return -1;
	seen->policy = (uint32_t)policy;
	memcpy(seen->mems, mask, sizeof mask);
	return 0;
}

int bind_self(const struct binding *asked, struct binding *seen)
{
	struct binding wanted = *asked;
	int set_cpus = !empty(asked->cpus, CPU_BYTES), set_mems = !empty(asked->mems, NODE_BYTES);
	int error = 0;

	if (set_cpus && syscall(SYS_sched_setaffinity, 0, sizeof wanted.cpus, wanted.cpus) < 0)
		error = errno;
	else if (set_mems && prefer(&wanted) < 0)
		error = errno;
	if (see(seen) < 0 || error) {
		errno = error ? error : errno;
		return -1;
	}
	errno = 0;
	if (set_cpus && memcmp(wanted.cpus, seen->cpus, CPU_BYTES) != 0)
		return -1;
	return set_mems && (wanted.policy != seen->policy || memcmp(wanted.mems, seen->mems, NODE_BYTES) != 0) ? -1 : 0;
}
