"""In which order waiting jobs are considered."""

from __future__ import annotations

import numpy as np

from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.waiting import Waiting


def overdue_first(jobs: Waiting, snapshot: Snapshot) -> Waiting:
    """Who has waited for the site's `max_overtake_s` goes before all others, the longest wait first.

    So a job is overtaken for at most that long: from then on only jobs that began to wait before it are ahead of it, and no
    policy starts a job that would delay the first one in the order.
    """
    most = snapshot.site.max_overtake_s
    if not most:
        return jobs
    times = jobs.column("since")
    if not len(times) or np.minimum.reduce(times) > snapshot.now - most:
        return jobs
    late = times <= snapshot.now - most
    first = np.flatnonzero(late)
    first = first[np.lexsort((jobs.column("id")[first], times[first]))]
    return jobs.picked(np.concatenate((first, np.flatnonzero(~late))))
