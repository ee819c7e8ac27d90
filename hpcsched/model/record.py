"""What accounting keeps of an ended job."""

from __future__ import annotations

from hpcsched.model.container import Usage
from hpcsched.model.job import Job
from hpcsched.model.noun import noun


@noun(frozen=True, slots=True)
class Record:
    """The whole ended job (asked, granted, observed), and what it used on all its nodes together; times in seconds."""

    job: Job
    waited_s: float
    ran_s: float
    usage: Usage
