/* `hpcsched-init --try`: what a control group's device rules let through. */
#ifndef HPCSCHED_TRY_H
#define HPCSCHED_TRY_H

/* argv: CGROUP_PROCS, then ACCESS PATH for each device node; returns the exit status. */
int try_devices(int argc, char **argv);

#endif
