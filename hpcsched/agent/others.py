"""What else than the job its CPUs did meanwhile, as far as the kernel's clocks can tell."""

from __future__ import annotations

import math
import os

from hpcsched.hardware.disturbance import CpuTimes

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LEAST_TICKS = 20
"""Of each CPU. In less, a tick more or less at each end is a tenth of it all, and nothing is said."""
DEVIATIONS = 3.0


def share_of_others(spent: CpuTimes, used_s: float) -> float:
    """Of the CPUs' time that is `spent`, of which the job itself used `used_s`; -1: too short to tell.

    Others are all that is not the job: other processes, hpcsched's daemons, the kernel's threads and interrupts. What cannot be
    told from the clocks' own error is 0.
    """
    if spent.total < LEAST_TICKS * spent.cpus:
        return -1.0
    ticks = spent.busy - used_s * TICKS_PER_S
    return min(1.0, ticks / spent.total) if ticks > _doubt(spent) else 0.0


def _doubt(spent: CpuTimes) -> float:
    """In ticks. The clocks of the CPUs are read in whole ticks, and most kernels give each tick to whom it happens to find: of
    CPUs that are busy at times that is a draw for each tick (binomial). The job's own time is exact.
    """
    share = min(1.0, max(0.0, spent.busy / spent.total))
    return spent.cpus + DEVIATIONS * math.sqrt(spent.total * share * (1 - share))
