/* Affinity and memory policy of one step: set by its process before exec, and read back. */
#ifndef BINDING_H
#define BINDING_H

#include <stdint.h>

#define CPU_BYTES 1024u /* the kernel has 8192 CPUs and 1024 memory nodes at most (NR_CPUS, MAX_NUMNODES) */
#define NODE_BYTES 128u

/* Bit n of byte n / 8 is PU or memory node n; `policy` is one of set_mempolicy(2). */
struct binding {
	uint32_t policy;
	uint8_t cpus[CPU_BYTES], mems[NODE_BYTES];
};

/* No cpus, no mems: as they are. `seen` is what the kernel shows afterwards.
 * Returns 0, or -1 with an errno that is 0 when the kernel took the call and shows another binding. */
int bind_self(const struct binding *asked, struct binding *seen);

#endif
