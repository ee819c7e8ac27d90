/* From a request to a process: descriptors, fork, and what happens between fork and exec. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

struct command {
	uint8_t flags;
	char *workdir;
	char **argv, **env;
	const char *script;
	uint32_t script_size;
};

/* `ours`: stdin, stdout, stderr of the attached side or the terminal's master, or the one pipe to copy. */
struct launched {
	pid_t pid;
	int status; /* eight bytes, errno and stage, when it fails before exec; else only its end */
	int ours[3], count;
};

int launch(const struct command *command, struct launched *launched);

#endif
