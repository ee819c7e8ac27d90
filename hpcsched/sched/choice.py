"""In which order waiting jobs are considered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.waiting import column, in_columns


def overdue_first(jobs: Sequence[Job], snapshot: Snapshot) -> Sequence[Job]:
    """Who has waited for the site's `max_overtake_s` goes before all others, the longest wait first.

    So a job is overtaken for at most that long: from then on only jobs that began to wait before it are ahead of it, and no
    policy starts a job that would delay the first one in the order.
    """
    most = snapshot.site.max_overtake_s
    if not most:
        return jobs
    times = column(jobs, "since")
    late = times <= snapshot.now - most
    if not late.any():
        return jobs
    first = np.flatnonzero(late)
    first = first[np.lexsort((column(jobs, "id")[first], times[first]))]
    return in_columns(jobs).picked(np.concatenate((first, np.flatnonzero(~late))))
