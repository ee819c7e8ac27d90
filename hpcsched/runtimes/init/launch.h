/* From a request to a process: descriptors, fork, and what happens between fork and exec. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "binding.h"

#include <stdint.h>
#include <sys/types.h>

struct command {
	uint8_t flags;
	char *workdir;
	char **argv, **env;
	const char *script;
	uint32_t script_size;
	struct binding binding;
};

/* What a process says before exec through its status pipe, in one write each. */
struct complaint {
	int error, stage;
};

/* `ours`: stdin, stdout, stderr of the attached side or the terminal's master, or the one pipe to copy. */
struct launched {
	pid_t pid;
	int status; /* a struct binding, as shown, of a bound step; a struct complaint when it fails before exec; then its end */
	int ours[3], count;
};

int launch(const struct command *command, struct launched *launched);

#endif
